// How a put is received: the checks of 6.2 that look at what is there, then the bytes, then the file (8.2, chapter 10).
// A receiver has: later(header, left) for each later header, write(chunk), end(trailers) when the message has ended, and
// close() whatever happened.

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { digestOf, settle, writeAt } from './disk.mjs';
import { Refusal } from './faults.mjs';
import { fits, judgeDigest } from './requests.mjs';

const refuse = (code, message, fields) => { throw new Refusal(code, message, fields); };

/** Lines 7 to 11 of 6.2 at the first header of a put. `user.supersede()` is called when another request takes over. */
export async function receive(server, header, filesize, user) {
  const { offset = 0, total = 0 } = header;
  fits(total);
  fits(offset + filesize);
  return header.upload === undefined ? PlainPut.begin(server, header) : takePart(server, header, filesize, user);
}

class PlainPut {
  #hash = createHash('sha256');
  #size = 0;

  static async begin({ store }, header) {
    await store.admit(header.filename, header.if);                                           // HF-COND-008
    return Object.assign(new PlainPut(), { store, header, ...await store.temporary() });
  }
  later(header, left) { fits(this.#size + left); }
  async write(chunk) {
    this.#hash.update(chunk);
    await writeAt(this.file, chunk, this.#size);
    this.#size += chunk.length;
  }
  async end({ total, digest }) {
    judgeDigest({ digest });
    const { filename, mtime, if: expected } = this.header;
    if (total !== undefined && total !== this.#size) {                                       // HF-CMD-010
      refuse('size-mismatch', `${this.#size} bytes came, total says ${total}`);
    }
    const hex = this.#hash.digest('hex');
    if (digest !== undefined && digest !== digestOf(hex)) {                                  // HF-CMD-011
      refuse('digest-mismatch', 'the bytes that came have another digest');
    }
    await settle(this.file, mtime);
    await this.store.commit({ path: this.path, name: filename, hex, expected });
    return { rev: hex, total: this.#size, digest: digestOf(hex) };                           // HF-CMD-009
  }
  async close() {
    await this.file.close();
    await rm(this.path, { force: true });                                                    // gone, if it was stored
  }
}

/** A put of an upload. */
async function takePart({ store, uploads }, header, filesize, user) {
  const { filename, upload: token, offset = 0, total } = header;
  const { slot, release } = await uploads.take(token, user);
  try {
    const { upload } = slot;
    if (upload?.finished) {
      if (filename !== upload.filename || offset !== upload.last.offset) {                   // HF-RESUME-024
        refuse('conflict', 'this upload is finished');
      }
      return new Replay(upload.last, release);
    }
    if (!upload && offset > 0) refuse('upload-gone', 'no upload is known by this token');    // HF-RESUME-004
    if (upload && filename !== upload.filename) refuse('conflict', 'this upload is of another name'); // HF-RESUME-005
    await store.admit(filename, header.if);
    const size = upload?.size ?? 0;
    if (offset !== size) refuse('offset-mismatch', `the upload stands at ${size}`, { offset: size }); // HF-RESUME-006
    const part = new Part({ slot, release, header, offset, known: upload?.total });
    part.agree(total);
    if (part.total !== undefined && offset + filesize > part.total) {                        // HF-RESUME-008
      refuse('size-mismatch', `the upload would exceed ${part.total} bytes`);
    }
    part.upload = upload ?? await uploads.begin(token, slot, filename);                      // HF-RESUME-003
    part.upload.total = part.total;                                                          // from here on it counts
    await part.upload.open();
    return part;
  } catch (error) {
    release();
    throw error;
  }
}

class Part {
  #hash = createHash('sha256');          // of this part alone, for HF-RESUME-022
  #told = false;

  constructor({ slot, release, header, offset, known }) {
    Object.assign(this, { slot, release, header, offset, total: known });
  }
  /** HF-RESUME-007 */
  agree(total) {
    if (total === undefined) return;
    if (this.total !== undefined && this.total !== total) {
      refuse('bad-request', `an earlier total was ${this.total}`);
    }
    this.total = total;
  }
  async later(header, left) {
    fits(this.upload.size + left);
    await this.#bound(this.upload.size + left);                                              // also of a frame that aborts
  }
  /** HF-RESUME-016 */
  async #bound(size) {
    if (this.total === undefined || size <= this.total) return;
    await this.slot.forget();
    refuse('size-mismatch', `the upload exceeds ${this.total} bytes`);
  }
  async write(chunk) {
    this.#hash.update(chunk);
    await this.upload.append(chunk);
  }
  async end({ total: told, digest }) {
    const { upload, offset, header } = this;
    judgeDigest({ digest });
    this.agree(told);
    upload.total = this.total;
    await this.#bound(upload.size);
    if (upload.size !== this.total) {                                                        // HF-RESUME-009
      await upload.keep();
      this.#told = true;
      return { offset: upload.size };
    }
    const { rev, total, digest: stored } = await upload.complete(this.slot, {
      expected: header.if, digest, mtime: header.mtime, offset, length: upload.size - offset,
      part: this.#hash.digest('hex'),
    });
    return { rev, total, digest: stored };
  }
  async close() {
    const { upload } = this;
    try {
      const unfinished = this.slot.upload === upload && !upload.finished;
      if (unfinished && !this.#told) await upload.keep();                                    // HF-RESUME-010, -015
    } finally {
      await upload.close();
      this.release();
    }
  }
}

/** The last put of a finished upload, perhaps once more (HF-RESUME-022). */
class Replay {
  #hash = createHash('sha256');
  #size = 0;

  constructor(last, release) { Object.assign(this, { last, release }); }
  later(header, left) {
    fits(this.last.offset + this.#size + left);
  }
  write(chunk) {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }
  end({ total: told = this.last.total, digest: expected = this.last.digest }) {
    judgeDigest({ digest: expected });
    const { rev, total, digest, length, part } = this.last;
    if (this.#size !== length || this.#hash.digest('hex') !== part) {
      refuse('conflict', 'this upload is finished, with other bytes');                       // HF-RESUME-024
    }
    if (told !== total) refuse('bad-request', `the total of this upload is ${total}`);       // HF-RESUME-007
    if (expected !== digest) refuse('digest-mismatch', 'the upload has another digest');     // HF-CMD-011
    return { rev, total, digest };
  }
  close() { this.release(); }
}
