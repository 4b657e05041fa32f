// Uploads that resume (chapter 10). Of each upload the disk holds TOKEN.data, its bytes, and TOKEN.json, its record:
//   {filename, total, size, last}   `size`: bytes known to be durable;
//   `last`: {rev, digest, total, offset, length, part}, written before the data is moved into place. When the
//   data is found to have gone, the upload is finished: `last` is what its put was answered (HF-RESUME-027).

import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { digestOf, hashFile, settle, syncDir, writeAt } from './disk.mjs';
import { Refusal } from './faults.mjs';

const CHECKPOINT = 1 << 26;              // bytes after which a running put becomes durable up to there

export class Uploads {
  #slots = new Map();                    // token -> Slot

  static async open(store, ttl) {
    const uploads = new Uploads();
    Object.assign(uploads, { store, ttl, dir: `${store.state}/uploads` });
    for (const entry of await fs.readdir(uploads.dir)) {
      const [token, kind] = entry.split('.');
      if (kind === 'json') await uploads.#load(token);
    }
    for (const entry of await fs.readdir(uploads.dir)) {
      const [token, kind] = entry.split('.');
      if (kind !== 'json' && !(kind === 'data' && uploads.#slots.has(token))) await fs.rm(`${uploads.dir}/${entry}`);
    }
    uploads.sweeper = setInterval(() => uploads.sweep().catch(() => {}), 3_600_000).unref();
    return uploads;
  }
  async #load(token) {
    const upload = new Upload(this, token);
    try {
      Object.assign(upload, JSON.parse(await fs.readFile(`${upload.path}.json`)));
      upload.used = (await fs.stat(`${upload.path}.json`)).mtimeMs;
      const data = await fs.stat(`${upload.path}.data`).catch(() => null);
      upload.finished = !data && upload.last !== undefined;
      if (!upload.finished) await upload.restore();
      this.#slot(token).upload = upload;
    } catch {
      await fs.rm(`${upload.path}.json`, { force: true });
    }
  }
  #slot(token) {
    let slot = this.#slots.get(token);
    if (!slot) this.#slots.set(token, slot = new Slot());
    return slot;
  }
  /**
   * Take an upload over, whether or not it is known: an older put of it whose message has not ended is superseded
   * (HF-RESUME-018), one that is storing is waited for (HF-RESUME-020). `user.supersede()` is called when the next
   * one comes. Returns {slot, release}.
   */
  async take(token, user) {
    const { slot, release } = await this.#enter(token, user);
    try {
      await slot.upload?.use();
    } catch (error) {
      release();
      throw error;
    }
    return { slot, release };
  }
  async #enter(token, user) {
    const slot = this.#slot(token);
    slot.newest?.supersede();
    slot.newest = user;
    slot.users++;
    const turn = slot.tail;
    let done;
    slot.tail = new Promise((resolve) => { done = resolve; });
    await turn;
    const release = () => {
      if (slot.newest === user) slot.newest = null;
      if (--slot.users === 0 && !slot.upload) this.#slots.delete(token);
      done();
    };
    return { slot, release };
  }
  async begin(token, slot, filename) {
    const upload = Object.assign(new Upload(this, token), { filename });
    await fs.writeFile(`${upload.path}.data`, '');
    await upload.save();
    return slot.upload = upload;
  }
  /** HF-RESUME-012, -023: forget what nobody has used for `upload_ttl_ms`. */
  async sweep(now = Date.now()) {
    for (const [token, slot] of this.#slots) {
      if (slot.users || !slot.upload || now - slot.upload.used < this.ttl) continue;
      const { release } = await this.#enter(token, { supersede() {} });
      if (slot.upload && now - slot.upload.used >= this.ttl) await slot.forget();
      release();
    }
  }
}

class Slot {
  upload = null;
  newest = null;                         // the last user that came
  users = 0;
  tail = Promise.resolve();

  async forget() {
    const upload = this.upload;
    this.upload = null;
    await fs.rm(`${upload.path}.json`, { force: true });
    await fs.rm(`${upload.path}.data`, { force: true });
    await syncDir(upload.uploads.dir);
  }
}

class Upload {
  size = 0;                              // bytes on disk
  total = undefined;                     // of the whole file, once a put has told
  last = undefined;
  finished = false;
  #durable = 0;                          // bytes that a `keep` has covered
  #hash = createHash('sha256');          // of the first #hashed bytes; behind `size` if an earlier process wrote them
  #hashed = 0;

  constructor(uploads, token) {
    Object.assign(this, { uploads, path: `${uploads.dir}/${token}`, used: Date.now() });
  }
  /** After a restart: what lies behind the recorded size may not have survived. */
  async restore() {
    await fs.truncate(`${this.path}.data`, this.size);
    this.#durable = this.size;
  }
  /** Its time begins again, and its offset may be told. */
  async use() {
    this.used = Date.now();
    await fs.utimes(`${this.path}.json`, new Date(), new Date());
    if (this.finished || this.#durable === this.size) return;
    await this.keep();
    await this.close();
  }
  /** Make the record durable. */
  async save() {
    const { filename, total, size, last } = this;
    const file = await fs.open(`${this.path}.new`, 'w');
    try {
      await file.writeFile(JSON.stringify({ filename, total, size, last }));
      await file.sync();
    } finally { await file.close(); }
    await fs.rename(`${this.path}.new`, `${this.path}.json`);
    await syncDir(this.uploads.dir);
    this.used = Date.now();
  }
  async open() { this.file ??= await fs.open(`${this.path}.data`, 'r+'); }
  async close() {
    const file = this.file;
    this.file = undefined;
    await file?.close();
  }
  async append(chunk) {
    await writeAt(this.file, chunk, this.size);
    if (this.#hashed === this.size) {
      this.#hash.update(chunk);
      this.#hashed += chunk.length;
    }
    this.size += chunk.length;
    if (this.size - this.#durable >= CHECKPOINT) await this.keep();
  }
  /** Make what has arrived durable, so that its offset may be told (HF-RESUME-010, -012). */
  async keep() {
    await this.open();
    await this.file.datasync();
    await this.save();
    this.#durable = this.size;
  }
  async #digest() {
    const whole = this.#hashed === this.size ? this.#hash.copy() : await hashFile(this.file, this.size);
    return whole.digest('hex');
  }
  /** All bytes are there: become the file, judged by the put that completes (HF-RESUME-013, -014). */
  async complete(slot, { expected, digest, mtime, offset, length, part }) {
    await this.open();
    const hex = await this.#digest();
    if (digest !== undefined && digest !== digestOf(hex)) {
      await slot.forget();                                                                   // HF-RESUME-017
      throw new Refusal('digest-mismatch', 'the upload has another digest');
    }
    await settle(this.file, mtime ?? Date.now() * 1000);
    const last = { rev: hex, digest: digestOf(hex), total: this.size, offset, length, part };
    await this.uploads.store.commit({
      path: `${this.path}.data`, name: this.filename, hex, expected,
      before: () => { this.last = last; return this.save(); },
    });
    this.finished = true;
    await syncDir(this.uploads.dir);
    return last;
  }
}
