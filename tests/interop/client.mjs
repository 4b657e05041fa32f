// An HF/1 client: node client.mjs put LOCAL URL | get URL LOCAL | list URL | stat URL | delete URL | resume LOCAL URL
// URL: headframe://HOST:PORT/NAME, percent-encoded; for list, NAME is a prefix and may be empty.

import { createHash, randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, Lost } from './connection.mjs';
import { badName, compareBytes } from './headers.mjs';
import { parseObject } from './json.mjs';
import { Broken } from './replies.mjs';

const CHUNK = 1 << 18;
const PAGE_BYTES = 1 << 24;              // the most that a page of a listing may take
const ATTEMPTS = 5;

function parseUrl(url) {
  const match = /^headframe:\/\/(\[[0-9a-f:.]+\]|[^/:@?#[\]]+)(?::([0-9]{1,5}))?(?:\/([^?#]*))?$/i.exec(url);
  if (!match) throw new Error('a URL is headframe://HOST:PORT/NAME');
  const [, host, port = '37263', name = ''] = match;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), name: decodeURIComponent(name) };
}
async function withServer(url, task) {
  const target = parseUrl(url);
  const connection = await Connection.open(target);
  try { return await task(connection, target.name); } finally { connection.close(); }
}
async function* chunks(file, position = 0) {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
const digestOf = (hash) => `sha-256:${hash.digest('hex')}`;
const microseconds = ({ mtimeNs }) => (mtimeNs > 0n ? Number(mtimeNs / 1000n) : 0);

/** What comes from a server, for a terminal (12.3). */
const printable = (text) => text.replace(/\p{C}/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);

function confirm(reply, total, digest) {
  if (reply.rev == null || reply.total !== total || reply.digest !== digest) {
    throw new Broken('the server has stored something else than was sent');
  }
}

const put = (local, url) => withServer(url, async (connection, filename) => {
  const file = await fs.open(local);
  try {
    const st = await file.stat({ bigint: true });
    const hash = createHash('sha256');
    const body = async function* () {
      for await (const chunk of chunks(file)) { hash.update(chunk); yield chunk; }
    };
    const total = Number(st.size);
    let digest;
    const trailers = () => ({ digest: digest = digestOf(hash) });
    const header = { cmd: 'put', filename, total, mtime: microseconds(st) };
    confirm(await connection.request(header, { body: body(), trailers }), total, digest);
  } finally { await file.close(); }
});

const get = (url, local) => withServer(url, async (connection, filename) => {
  const part = `${local}.${randomBytes(6).toString('hex')}.part`;
  const file = await fs.open(part, 'wx');
  try {
    const hash = createHash('sha256');
    const sink = async (chunk) => { hash.update(chunk); await file.writeFile(chunk); };
    const reply = await connection.request({ cmd: 'get', filename, want: ['digest'] }, { sink });
    if (reply.offset !== 0 || reply.total !== reply.size) throw new Broken('the file did not come whole');
    if (reply.digest !== digestOf(hash)) throw new Broken('the file that came has another digest');
    if (reply.mtime !== undefined) await file.utimes(reply.mtime / 1e6, reply.mtime / 1e6);
    await file.sync();
    await fs.rename(part, local);
  } finally {
    await file.close();
    await fs.rm(part, { force: true });
  }
});

const list = (url) => withServer(url, async (connection, prefix) => {
  for (let after = '', end = false; !end;) {
    const parts = [];
    let size = 0;
    const sink = (chunk) => {
      if ((size += chunk.length) > PAGE_BYTES) throw new Broken('a page is too long');
      parts.push(chunk);
    };
    ({ end } = await connection.request({ cmd: 'list', prefix, after }, { sink }));
    const lines = Buffer.concat(parts).toString('latin1').split('\n');
    if (lines.pop() !== '' || typeof end !== 'boolean' || (!end && !lines.length)) throw new Broken('a page is malformed');
    for (const line of lines) {
      const { filename, total } = parseObject(Buffer.from(line, 'latin1'));
      if (typeof filename !== 'string' || badName(filename)) throw new Broken('a listed name is no file name'); // HF-NAME-007
      if (!filename.startsWith(prefix) || compareBytes(filename, after) <= 0) throw new Broken('a listed name is out of place');
      console.log(`${typeof total === 'number' ? total : '?'}\t${printable(filename)}`);
      after = filename;
    }
  }
});

const stat = (url) => withServer(url, async (connection, filename) => {
  const { rev, total, mtime, digest } = await connection.request({ cmd: 'stat', filename, want: ['digest'] });
  console.log(printable(JSON.stringify({ filename, total, mtime, rev, digest })));
});

const remove = (url) => withServer(url, (connection, filename) => connection.request({ cmd: 'delete', filename }));

/** An upload that resumes (chapter 10). Its token is kept beside the file until the server has stored it. */
async function resume(local, url) {
  const file = await fs.open(local);
  const memory = `${local}.hf-upload`;
  try {
    const st = await file.stat({ bigint: true });
    const [total, mtime] = [Number(st.size), microseconds(st)];
    const hash = createHash('sha256');
    for await (const chunk of chunks(file)) hash.update(chunk);
    const digest = digestOf(hash);

    const known = JSON.parse(await fs.readFile(memory, 'utf8').catch(() => '{}'));
    let token = known.url === url && known.digest === digest ? known.token : undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        await withServer(url, async (connection, filename) => {
          const at = token === undefined ? undefined : await connection.request({ cmd: 'stat', upload: token }).catch((error) => {
            if (error.code !== 'upload-gone') throw error;
          });
          if (at?.rev != null) return confirm(at, total, digest);      // the reply was lost (10.4)
          if (!at) {
            token = randomBytes(24).toString('base64url');                                   // HF-RESUME-001
            await fs.writeFile(memory, JSON.stringify({ url, digest, token }), { mode: 0o600 });
          }
          const offset = at?.offset ?? 0;
          const header = { cmd: 'put', filename, upload: token, offset, total, mtime };
          const reply = await connection.request(header, { body: chunks(file, offset), trailers: () => ({ digest }) });
          confirm(reply, total, digest);
        });
        return await fs.rm(memory, { force: true });
      } catch (error) {
        if (error.code === 'digest-mismatch') await fs.rm(memory, { force: true });          // HF-RESUME-017
        const again = error instanceof Lost || error.retryMs !== undefined || error.code === 'offset-mismatch';
        if (!again || attempt === ATTEMPTS) throw error;                                     // HF-RESUME-021
        await sleep(Math.min(error.retryMs ?? 250 * 2 ** attempt, 30_000));
      }
    }
  } finally { await file.close(); }
}

const commands = new Map(Object.entries({ put, get, list, stat, delete: remove, resume }));
const [name, ...args] = process.argv.slice(2);
const command = commands.get(name);
if (!command || args.length !== command.length) {
  console.error('usage: client.mjs put LOCAL URL | get URL LOCAL | list URL | stat URL | delete URL | resume LOCAL URL');
  process.exitCode = 2;
} else {
  await command(...args).catch((error) => {
    console.error(`${name}: ${printable(error.message)}`);
    process.exitCode = 1;
  });
}
