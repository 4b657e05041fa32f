// Files and folders of the operating system: durable, whole writes, and what is told of a file.

import { createHash } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';

const GONE = new Set(['ENOENT', 'ENOTDIR']);

/** Give null where there is nothing, for `catch`. */
export const absent = (error) => { if (GONE.has(error.code)) return null; throw error; };
/** What changes whenever the bytes of a file do, from an lstat of bigints. */
export const keyOf = (st) => `${st.dev}:${st.ino}:${st.size}:${st.mtimeNs}:${st.ctimeNs}`;
export const microseconds = (st) => (st.mtimeNs < 0n ? 0 : Number(st.mtimeNs / 1000n));
export const parentOf = (path) => path.slice(0, path.lastIndexOf('/'));
export const digestOf = (hex) => `sha-256:${hex}`;

/** Make the entries of a directory durable (HF-COND-010). */
export async function syncDir(path) {
  const dir = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try { await dir.sync(); } finally { await dir.close(); }
}

/** Write all of `data` at `position`. */
export async function writeAt(file, data, position) {
  for (let done = 0; done < data.length;) {
    done += (await file.write(data, done, data.length - done, position + done)).bytesWritten;
  }
}

/** SHA-256 over the first `size` bytes of a file. */
export async function hashFile(file, size = Infinity) {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 18);
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash;
}

/** Set a file's mtime in microseconds, rounded down to what the file system holds (HF-CMD-013). */
async function setMtime(file, mtime) {
  for (let seconds = (mtime + 0.5) / 1e6; ; seconds -= Math.max(1e-6, seconds * Number.EPSILON)) {
    await file.utimes(seconds, seconds);
    const held = microseconds(await file.stat({ bigint: true }));
    if (held <= mtime || seconds <= 0) return;
  }
}

/** Set the mtime that a put asked for, and make the file's bytes durable. */
export async function settle(file, mtime) {
  if (mtime !== undefined) await setMtime(file, mtime);
  await file.sync();
}

/** A path of names that may be any bytes. */
export const join = (dir, name) => Buffer.concat([Buffer.from(dir), Buffer.from('/'), name]);

/** HF-NAME-009: rather than to guess which names a file system keeps apart, do not serve one that folds names. */
export async function tellApart(dir) {
  for (const [one, other] of [['a', 'A'], ['\u00fc', 'u\u0308'], ['b', 'b.']]) {
    await fs.writeFile(`${dir}/${one}`, '');
    const folded = await fs.lstat(`${dir}/${other}`).catch(absent);
    const listed = (await fs.readdir(dir)).includes(one);
    await fs.rm(`${dir}/${one}`);
    if (folded || !listed) throw new Error('this file system takes two names for one');
  }
}
