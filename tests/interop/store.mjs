// The tree of files on disk: names, revisions, conditions, durable changes, listings.
// Revisions are made of the bytes alone (9.1): the hexadecimal SHA-256.

import { constants, promises as fs } from 'node:fs';
import { absent, digestOf, hashFile, join, keyOf, microseconds, parentOf, syncDir, tellApart } from './disk.mjs';
import { Refusal } from './faults.mjs';
import { collect } from './listing.mjs';

/** Tasks that run one after another. */
export class Mutex {
  #tail = Promise.resolve();
  run(task) {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => {});
    return result;
  }
}

// A folder in the root that no client can name: a backslash is not allowed in file names (HF-NAME-004).
const STATE = '\\headframe';
const CACHE_ENTRIES = 200_000;

export class Store {
  #hashes = new Map();                    // keyOf(stat) of a living file -> hexadecimal SHA-256
  #changes = new Mutex();                 // every change of the tree, and every page of a listing
  #durable = new Set();                   // directories whose entries this process has made durable
  #temporary = 0;

  static async open(root) {
    if (process.platform === 'win32') throw new Error('this server needs a POSIX file system');
    const store = new Store();
    store.root = await fs.realpath(root);
    store.state = `${store.root}/${STATE}`;
    await fs.rm(`${store.state}/tmp`, { recursive: true, force: true });
    await fs.mkdir(`${store.state}/tmp`, { recursive: true });
    await fs.mkdir(`${store.state}/uploads`, { recursive: true });
    await tellApart(`${store.state}/tmp`);
    await syncDir(store.state);
    await syncDir(store.root);
    return store;
  }
  #path(name) { return `${this.root}/${name}`; }

  // -------------------------------------------------------------- looking

  /** What a name leads to: 'file', 'directory', 'nothing', or what stands in the way: 'blocked'. */
  async #look(name) {
    const segments = name.split('/');
    for (let i = 1; i <= segments.length; i++) {
      const last = i === segments.length;
      const st = await fs.lstat(this.#path(segments.slice(0, i).join('/'))).catch(absent);
      if (!st) return 'nothing';
      if (last && st.isFile()) return 'file';
      if (!st.isDirectory()) return 'blocked';          // a file in the path, or no file at all (HF-NAME-010, -011)
    }
    return 'directory';
  }

  /** Open a file to read it: {file, rev, total, mtime, digest}, or null where no file has this name. */
  async open(name) {
    if (await this.#look(name) !== 'file') return null;                                      // HF-NAME-010
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await fs.open(this.#path(name), flags).catch(absent);
    if (!file) return null;
    try {
      return { file, ...await this.#describe(file) };
    } catch (error) {
      await file.close();
      throw error;
    }
  }
  /** As `open`, without keeping it open. */
  async describe(name) {
    const found = await this.open(name);
    await found?.file.close();
    return found;
  }
  async #describe(file) {
    for (let tries = 0; ; tries++) {
      const before = await file.stat({ bigint: true });
      let hex = this.#hashes.get(keyOf(before));
      if (!hex) {
        hex = (await hashFile(file)).digest('hex');
        const after = await file.stat({ bigint: true });
        if (keyOf(after) !== keyOf(before) && tries < 3) continue;      // somebody else writes to it
        if (after.nlink > 0n) this.#remember(after, hex);
      }
      return { rev: hex, total: Number(before.size), mtime: microseconds(before), digest: digestOf(hex) };
    }
  }
  #remember(st, hex) {
    if (this.#hashes.size >= CACHE_ENTRIES) this.#hashes.delete(this.#hashes.keys().next().value);
    this.#hashes.set(keyOf(st), hex);
  }
  /** Forget what a file was that is about to go, since its inode may be used again at once (9.1). */
  async #forget(name) {
    const st = await fs.lstat(this.#path(name), { bigint: true }).catch(absent);
    if (st) this.#hashes.delete(keyOf(st));
  }
  /** A change of name changes ctime: carry the hash over. */
  async #carry(name, hex) {
    this.#remember(await fs.lstat(this.#path(name), { bigint: true }), hex);
  }

  // -------------------------------------------------------------- checks (6.2, lines 9 and 10)

  /** HF-CMD-016, HF-COND-007 */
  must(found, name) {
    if (!found) throw new Refusal('not-found', `${name} does not exist`);
    return found;
  }
  /** The condition `if`; `found` is what has that name, or null (HF-COND-002, -003, -005). */
  condition(found, expected, name, told = 'rev') {
    if (expected === undefined || expected === (found?.rev ?? null)) return;
    const why = !found ? 'does not exist' : expected === null ? 'exists' : 'has changed';
    throw new Refusal('precondition-failed', `${name} ${why}`, { [told]: found?.rev ?? null });
  }
  /** May a file have this name? (HF-CMD-027, HF-NAME-011; empty directories are nothing, 8.7) */
  async room(name) {
    const what = await this.#look(name);
    if (what === 'blocked') throw new Refusal('conflict', `something that is not a directory is in the way of ${name}`);
    if (what === 'directory' && await this.#occupied(this.#path(name))) {
      throw new Refusal('conflict', `${name} is a directory`);
    }
  }
  /** `room`, and the condition. */
  async admit(name, expected) {
    await this.room(name);
    if (expected !== undefined) this.condition(await this.describe(name), expected, name);
  }
  async #occupied(dir) {
    for (const entry of await fs.readdir(dir, { withFileTypes: true, encoding: 'buffer' }).catch(absent) ?? []) {
      if (!entry.isDirectory() || await this.#occupied(join(dir, entry.name))) return true;
    }
    return false;
  }

  // -------------------------------------------------------------- changes

  /** A new temporary file: {file, path}. */
  async temporary() {
    const path = `${this.state}/tmp/${++this.#temporary}`;
    return { path, file: await fs.open(path, 'wx+') };
  }

  /** Put a durable file from within the state folder under its name, in one step with its condition (HF-COND-006). */
  commit({ path, name, hex, expected, before = async () => {} }) {
    return this.#changes.run(async () => {
      await this.admit(name, expected);
      await this.#makeWay(name, async () => {
        await before();
        await this.#forget(name);
        await fs.rename(path, this.#path(name));                                             // HF-COND-011
      });
      await this.#carry(name, hex);
      await syncDir(parentOf(this.#path(name)));
    });
  }

  remove(name, expected) {
    return this.#changes.run(async () => {
      const found = this.must(await this.describe(name), name);
      this.condition(found, expected, name);
      await this.#forget(name);
      await fs.unlink(this.#path(name));
      await syncDir(parentOf(this.#path(name)));
      await this.#prune(name);
    });
  }

  async move(name, to, expected, expectedThere = null) {
    await this.describe(name);                             // hash it, if need be, before others have to wait
    return this.#changes.run(async () => {
      const found = this.must(await this.describe(name), name);
      await this.room(to);                                                                   // HF-CMD-027
      this.condition(found, expected, name);
      if (expectedThere !== true) {                                                          // HF-CMD-025, HF-COND-004
        this.condition(await this.describe(to), expectedThere, to, 'to_rev');
      }
      if (to === name) return found.rev;                                                     // HF-CMD-026
      await this.#makeWay(to, async () => {
        await this.#forget(name);
        await this.#forget(to);
        await fs.rename(this.#path(name), this.#path(to));
      });
      await this.#carry(to, found.rev);
      await syncDir(parentOf(this.#path(to)));
      await syncDir(parentOf(this.#path(name)));
      await this.#prune(name);
      return found.rev;
    });
  }

  /** Make the directories of a name, durably, and clear an empty one away at the name itself; undo what is unused. */
  async #makeWay(name, change) {
    try {
      const segments = name.split('/');
      for (let i = 1; i < segments.length; i++) {
        const dir = this.#path(segments.slice(0, i).join('/'));
        const made = await fs.mkdir(dir).then(() => true, (error) => {
          if (error.code !== 'EEXIST') throw error;
        });
        if (made || !this.#durable.has(dir)) await syncDir(parentOf(dir));
        this.#durable.add(dir);
      }
      await this.#clear(this.#path(name));
      await change();
    } catch (error) {
      await this.#prune(name);
      throw error;
    }
  }
  async #clear(dir) {
    for (const entry of await fs.readdir(dir, { withFileTypes: true, encoding: 'buffer' }).catch(absent) ?? []) {
      if (entry.isDirectory()) await this.#clear(join(dir, entry.name));
    }
    await fs.rmdir(dir).catch(absent);
    this.#durable.delete(dir);
  }
  /** A directory exists while a file lies in it (8.7). */
  async #prune(name) {
    const segments = name.split('/');
    while (segments.pop() && segments.length) {
      const dir = this.#path(segments.join('/'));
      try { await fs.rmdir(dir); } catch { return; }
      this.#durable.delete(dir);
    }
  }

  // -------------------------------------------------------------- listings (8.5)

  /** A page of entries: {entries, end}. What has to be hashed is hashed without holding up changes. */
  async list({ prefix = '', after = '', limit, delimiter }) {
    for (let tries = 0; ; tries++) {
      const missing = [];
      const page = await this.#changes.run(async () => {
        const found = [];
        await collect(this.root, '', { prefix, after, delimiter, most: limit + 1 }, found);
        const entries = [];
        for (const text of found.slice(0, limit)) {                                          // HF-CMD-022
          if (text.endsWith('/')) { entries.push({ prefix: text }); continue; }
          const st = await fs.lstat(this.#path(text), { bigint: true }).catch(absent);
          const hex = st && this.#hashes.get(keyOf(st));
          const entry = hex ? { rev: hex, total: Number(st.size), mtime: microseconds(st) }
            : tries < 5 ? void missing.push(text) : await this.describe(text);
          if (entry) entries.push({ filename: text, total: entry.total, rev: entry.rev, mtime: entry.mtime });
        }
        return { entries, end: found.length <= limit };
      });
      if (missing.length === 0) return page;
      for (const name of missing) await this.describe(name);
    }
  }
}
