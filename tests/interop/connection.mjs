// One connection of a client: requests one after another, each answered before the next (chapter 5).

import net from 'node:net';
import { CutOff, Fatal, Idle } from './faults.mjs';
import { Input, Reader, encodeHeader } from './frames.mjs';
import { knownCode } from './headers.mjs';
import { Broken, judgeReply, readReply } from './replies.mjs';

const PATIENCE = { idle: 600_000, header: 60_000, grace: 60_000, bytesPerSecond: 1024 };

/** The server refused the request; the connection is in step. */
export class Refused extends Error {
  constructor({ code, message, retry_ms, close }) {
    super(`${code}: ${message ?? 'no message'}`);
    Object.assign(this, { code: knownCode(code), retryMs: retry_ms, close });
  }
}
/** The connection ended before the reply was whole: the outcome is unknown (HF-REPLY-010). */
export class Lost extends Error {}

export class Connection {
  #id = 0;
  #closing = false;

  static async open({ host, port }) {
    const connection = new Connection();
    const socket = net.connect({ host, port, noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject)).catch((error) => {
      throw new Lost(`cannot connect: ${error.code ?? error.message}`);
    });
    return Object.assign(connection, {
      socket, reader: new Reader(new Input(socket), { request: false, patience: PATIENCE }),
    });
  }
  /** Every reply has been read before (HF-TIME-010). */
  close() { this.socket.destroy(); }

  /**
   * Send a request, its body in frames of chunks, and `trailers()` in the last; take the reply's body by `sink`.
   * Gives the reply's header, its trailers included.
   */
  async request(header, { body, trailers = () => ({}), sink } = {}) {
    if (this.#closing) throw new Lost('the server is closing');                              // HF-REPLY-009
    const id = ++this.#id;                                                                   // HF-REQ-011
    const state = { sent: false, answered: false };
    this.reader.quietSince = performance.now();
    const reply = this.#reply(id, header.cmd, state, sink).finally(() => { state.answered = true; });
    const sending = this.#sendAll({ id, ...header }, state, body, trailers);
    sending.catch(() => {});
    try {
      const result = await reply;                                                            // HF-REQ-010
      await sending;
      return result;
    } catch (error) {
      if (error instanceof Refused && !error.close) await sending;     // stay in step
      if (error instanceof Broken || error instanceof Fatal) this.close();                   // HF-ERROR-010
      throw error;
    }
  }

  async #sendAll(first, state, body, trailers) {
    if (!body) {
      state.sent = true;
      return this.#write(encodeHeader(first));
    }
    try {
      await this.#write(encodeHeader({ ...first, more: true }));
      for await (const chunk of body) {
        if (state.answered) break;
        await this.#write(encodeHeader({ filesize: chunk.length, more: true }), chunk);      // HF-FRAME-004
      }
    } catch (error) {
      if (!(error instanceof Lost)) this.close();          // cannot read the local file: the server forgets the message
      throw error;
    }
    const end = state.answered ? { abort: true } : trailers();         // refused early (5.2)
    state.sent = true;
    await this.#write(encodeHeader(end));
  }
  #write(...parts) {
    return new Promise((resolve, reject) => {
      this.socket.write(Buffer.concat(parts), (error) => (error ? reject(new Lost('the connection was lost')) : resolve()));
    });
  }

  async #reply(id, cmd, state, sink) {
    const reply = await this.#header(cmd, id, state);
    let size = 0;
    const body = sink && reply.ok ? (chunk) => { size += chunk.length; return sink(chunk); } : undefined;
    const last = await this.#read(() => readReply(this.reader, reply, cmd, body));
    Object.assign(reply, last);
    if (reply.close) this.#closing = true;
    if (last.abort) throw new Refused({ code: 'internal', message: 'the reply was cut short', ...last }); // HF-BODY-013
    if (!reply.ok) throw new Refused(reply);
    return { ...reply, size };
  }

  /** The first header of the next reply; notices are taken on the way. */
  async #header(cmd, id, state) {
    for (;;) {
      const header = await this.#read(() => this.reader.header());
      if (header === null) throw new Lost('the server has closed the connection');
      judgeReply(header, { id, cmd, ended: state.sent }, this.reader.left > 0);
      if (header.id !== 0) return header;
      this.#closing = true;                                                                  // HF-REPLY-015
      if (header.code !== 'closing') throw new Broken(`the server reports ${header.code}: ${header.message}`);
      if (header.close) throw new Lost('the server is closing');
    }
  }
  async #read(task) {
    try { return await task(); } catch (error) {
      if (error instanceof CutOff || error instanceof Idle) throw new Lost('the connection was lost');
      throw error;
    }
  }
}
