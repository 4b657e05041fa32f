// Frames and messages of HF/1 (chapters 2 and 4), and how long to wait for them (11.2). Server and client read by it.

import { CutOff, Fatal, Idle } from './faults.mjs';
import { isBoolean, isInteger } from './headers.mjs';
import { parseObject } from './json.mjs';

const MAX_N = 65535;
export const FRAME_BYTES = 1 << 20;      // the most that HF-BODY-014 allows in a frame of a get reply

/** A frame's prelude and header; its body, if any, is written after it. */
export function encodeHeader(header) {
  const json = Buffer.from(JSON.stringify(header));                                          // HF-HEADER-019
  if (json.length > MAX_N) throw new RangeError('header too long');
  const frame = Buffer.allocUnsafe(4 + json.length);
  frame.writeUInt32LE(json.length);                                                          // HF-FRAME-003
  json.copy(frame, 4);
  return frame;
}

/** The bytes that have arrived on a socket, with back-pressure. */
export class Input {
  #chunks = [];
  #size = 0;
  #ended = false;
  #wake = () => {};
  #stop = null;

  constructor(socket, { enough = 1 << 18 } = {}) {
    this.socket = socket;
    this.enough = enough;
    socket.on('data', (chunk) => {
      if (this.discarding) return;
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      if (this.#size >= this.enough) socket.pause();
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) socket.on(event, () => { this.#ended = true; this.#wake(); });
  }
  /** Forget what is there, and all that comes. */
  discard() {
    this.discarding = true;
    this.#chunks = [];
    this.#size = 0;
    this.socket.resume();
  }
  get ended() { return this.#ended; }

  /** Make whoever waits here, or next reads here, throw `reason`; null takes that back. */
  interrupt(reason) { this.#stop = reason; this.#wake(); }
  check() { if (this.#stop) throw this.#stop; }

  /** Wait for bytes for at most `ms`: 'data', 'end' or 'late'. */
  async wait(ms) {
    const until = performance.now() + ms;
    for (;;) {
      this.check();
      if (this.#size) return 'data';
      if (this.#ended) return 'end';
      const left = until - performance.now();
      if (left <= 0) return 'late';
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.ceil(left));
        this.#wake = () => { clearTimeout(timer); resolve(); };
      });
      this.#wake = () => {};
    }
  }
  /** 1 to `most` bytes of those that are there. */
  take(most) {
    const head = this.#chunks[0];
    const part = head.subarray(0, most);
    if (part.length < head.length) this.#chunks[0] = head.subarray(part.length);
    else this.#chunks.shift();
    this.#size -= part.length;
    if (this.#size < this.enough && this.socket.isPaused()) this.socket.resume();
    return part;
  }
}

/** How long a reader waits, in ms. A server has to keep these; a client may choose. */
export const PATIENCE = { idle: 60_000, header: 10_000, grace: 10_000, bytesPerSecond: 1024 };

/** Reads frames from an Input: `header()`, then `chunk()` until it gives null, then the next `header()`. */
export class Reader {
  left = 0;                // bytes of this frame's body that have not been read
  more = false;            // another frame of the same message follows
  quietSince = performance.now();
  #got = 0;                // body bytes of this message
  #waited = 0;             // ms that its sender has kept us waiting

  /** `onHeader` sees each header that is JSON, before its `filesize`, `more` and `id` are judged. */
  constructor(input, { request, patience = PATIENCE, onHeader = () => {} }) {
    Object.assign(this, { input, request, patience, onHeader });
  }

  /** The header of the next frame; null at end of file between two messages. */
  async header() {
    const later = this.more;
    if (await (later ? this.#pace(Infinity) : this.#idle()) === 'end') {
      if (later) throw new CutOff();
      return null;
    }
    const until = performance.now() + this.patience.header;                                  // HF-TIME-001
    const n = (await this.#exactly(4, until, later)).readUInt32LE();                         // HF-FRAME-001
    if (n < 2 || n > MAX_N) throw new Fatal('bad-frame', `N is ${n}`);                       // HF-FRAME-002
    const header = parseObject(await this.#exactly(n, until, later));
    this.onHeader(header);
    const { filesize = 0, more = false, id = 1 } = header;
    if (!isInteger(filesize)) throw new Fatal('bad-header', 'filesize is no integer');       // HF-HEADER-011
    if (!isBoolean(more)) throw new Fatal('bad-header', 'more is no boolean');               // HF-HEADER-012
    if (!isInteger(id) || (this.request && id < 1)) throw new Fatal('bad-header', 'id is malformed');
    if (later && ('cmd' in header || 'ok' in header)) {
      throw new Fatal('bad-frame', 'a later header has cmd or ok');                          // HF-BODY-001
    }
    if (later && more && filesize === 0) throw new Fatal('bad-frame', 'a frame in the middle has no body'); // HF-BODY-002
    if (!later) this.#got = this.#waited = 0;
    this.left = filesize;                                                                    // HF-FRAME-005, -007
    this.more = more;                                                                        // HF-BODY-005
    return header;
  }

  /** Some of the rest of this frame's body; null when it has ended. */
  async chunk() {
    this.input.check();
    if (this.left === 0) return null;
    if (await this.#pace(Infinity) === 'end') throw new CutOff();
    const part = this.input.take(this.left);
    this.left -= part.length;
    this.#got += part.length;
    return part;
  }
  get ended() { return this.left === 0 && !this.more; }

  /** Throw away what is left of the message; false, if more than `limit` bytes turn out to be left. */
  async discard(limit) {
    for (let discarded = this.left; discarded <= limit; discarded += this.left) {            // HF-BODY-004
      while (await this.chunk());
      if (!this.more) return true;
      await this.header();
    }
    return false;
  }

  async #idle() {
    const left = this.quietSince + this.patience.idle - performance.now();                   // HF-TIME-003
    const what = await this.input.wait(Math.max(left, 1));
    if (what === 'late') throw new Idle();
    return what;
  }
  /** Wait within a message: until `until`, and as long as its pace allows; only our waiting counts (HF-TIME-002). */
  async #pace(until) {
    const start = performance.now();
    const { grace, bytesPerSecond } = this.patience;
    const allowed = grace + this.#got / bytesPerSecond * 1000 - this.#waited;
    const what = await this.input.wait(Math.min(allowed, until - start));
    this.#waited += performance.now() - start;
    if (what === 'late') throw new Fatal('timeout', 'a message came too slowly');
    return what;
  }
  async #exactly(count, until, inMessage) {
    const parts = [];
    for (let missing = count; missing > 0;) {                                                // HF-FRAME-006
      const what = inMessage ? await this.#pace(until) : await this.input.wait(until - performance.now());
      if (what === 'late') throw new Fatal('timeout', 'a header came too slowly');
      if (what === 'end') throw new CutOff();
      const part = this.input.take(missing);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
