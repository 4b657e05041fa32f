// What this implementation makes of bytes, in the events of the vectors. The judging is that of server.mjs and client.mjs.
//
//   node vectors.mjs FOLDER    reads all vectors of the folder, at several cuttings
//   node vectors.mjs           a codec in JSON lines: headframe conform codec "node vectors.mjs"

import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { CutOff, Fatal, Refusal } from './faults.mjs';
import { Reader, encodeHeader } from './frames.mjs';
import { isObject, knownCode } from './headers.mjs';
import { Broken, judgeReply, readReply, usedBy } from './replies.mjs';
import { LIMITS, closes, judge, judgeDigest, readMessage } from './requests.mjs';

/** Bytes that are all there, in pieces, as a Reader takes them. */
class Pieces {
  constructor(chunks) { this.chunks = chunks.filter((chunk) => chunk.length); }
  check() {}
  wait() { return this.chunks.length ? 'data' : 'end'; }
  take(most) {
    const part = this.chunks[0].subarray(0, most);
    if (part.length === this.chunks[0].length) this.chunks.shift();
    else this.chunks[0] = this.chunks[0].subarray(most);
    return part;
  }
}

/** The members of a header that mean something, framing aside. */
function telling(header, names) {
  const made = {};
  for (const name of ['id', ...names]) if (name in header) made[name] = header[name];
  return made;
}
/** What a last header adds to a first. */
function added(first, last) {
  const names = ['digest', 'total'].filter((name) => last[name] !== undefined && !(name in first));
  return Object.fromEntries(names.map((name) => [name, last[name]]));
}

/** What a server makes of a stream. */
async function serve(chunks, tell) {
  let idSeen = false;
  const reader = new Reader(new Pieces(chunks), {
    request: true, onHeader: (header) => { idSeen ||= 'id' in header; },
  });
  try {
    for (let header; (header = await reader.header());) {
      const { id = null, cmd } = header;
      const silent = id === null && cmd !== 'put';         // nobody is told of it, and nothing is done
      try {
        const { uses, body } = judge(header, reader.left > 0);
        if (!silent) tell('header', { members: telling(header, ['cmd', ...uses]) });
        const last = await readMessage(reader, header, { write: (chunk) => tell('body', { hex: chunk.toString('hex') }) });
        if (body && !last.abort) judgeDigest(last);
        if (!silent) last.abort ? tell('abort') : tell('end', body ? added(header, last) : {});
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (!silent) tell('refused', { id, code: error.code });
        if (closes(error, reader.left) || !await reader.discard(LIMITS.discard)) return tell('closed');
      }
    }
    tell('eof');
  } catch (error) {
    if (error instanceof CutOff) return tell('cut');
    if (!(error instanceof Fatal)) throw error;
    tell('fatal', { code: error.code, id_seen: idSeen });
  }
}

/** What a client makes of a stream that answers `due`. */
async function ask(chunks, due, tell) {
  const reader = new Reader(new Pieces(chunks), { request: false });
  try {
    for (let header; (header = await reader.header());) {
      const { id, ok, close } = header;
      judgeReply(header, due[0], reader.left > 0);
      const used = usedBy(header, due[0]?.cmd);
      const members = telling(header, ['ok', ...(ok ? [] : ['code', 'message']), ...(close ? ['close'] : []), ...used]);
      tell('header', { members: ok ? members : { ...members, code: knownCode(header.code) } });
      const body = (chunk) => tell('body', { hex: chunk.toString('hex') });
      const last = await readReply(reader, header, due[0]?.cmd, body);
      if (last.abort) tell('abort', 'code' in last ? { code: knownCode(last.code) } : {});
      else tell('end', last === header ? {} : added(header, last));
      if (id !== 0) due.shift();
      if (close) return tell('closed');
    }
    tell(due.length ? 'cut' : 'eof');
  } catch (error) {
    if (error instanceof CutOff) return tell('cut');
    if (!(error instanceof Fatal || error instanceof Broken)) throw error;
    tell('fatal');
  }
}

async function read(role, chunks, requests = []) {
  const events = [];
  const tell = (event, members) => {
    const before = events.at(-1);
    if (event === 'body' && before.event === 'body') before.hex += members.hex;
    else events.push({ event, ...members });
  };
  await (role === 'server' ? serve(chunks, tell) : ask(chunks, [...requests], tell));
  return events;
}

function build(members, body, trailers) {
  const first = { ...members, ...(body.length && { filesize: body.length }), ...(trailers && { more: true }) };
  return Buffer.concat([encodeHeader(first), body, ...(trailers ? [encodeHeader(trailers)] : [])]);
}

// ---------------------------------------------------------------- the two ways to run it

const bytes = (hex) => Buffer.from(hex, 'hex');
const expand = (hex) => bytes(hex.split(' ').map((group) => {
  const [digits, times] = group.split('*');
  return digits.repeat(times ?? 1);
}).join(''));
const sorted = (value) => JSON.stringify(value, (_, v) => (
  isObject(v) ? Object.fromEntries(Object.keys(v).sort().map((name) => [name, v[name]])) : v));

async function check(folder) {
  let [seen, wrong] = [0, 0];
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    for (const { id, role, hex, requests, events } of JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))) {
      const data = expand(hex);
      const expected = sorted(events.map((event) => (event.hex ? { ...event, hex: expand(event.hex).toString('hex') } : event)));
      for (const step of [data.length || 1, data.length < 5000 ? 1 : 61, 5]) {
        const chunks = [];
        for (let at = 0; at < data.length; at += step) chunks.push(data.subarray(at, at + step));
        const made = sorted(await read(role, chunks, requests));
        if (made === expected) continue;
        wrong++;
        console.log(`${id}, ${step} bytes at a time\n  expected ${expected}\n  read     ${made}`);
        break;
      }
      seen++;
    }
  }
  console.log(`${seen} vectors, ${wrong} read differently`);
  process.exitCode = wrong || !seen ? 1 : 0;
}

async function answer({ op, role, chunks, requests, members, body, trailers }) {
  if (op === 'read') return { events: await read(role, chunks.map(bytes), requests) };
  if (op === 'build') return { hex: build(members, bytes(body), trailers).toString('hex') };
  return { skip: `no ${op} here` };
}

if (process.argv[2]) await check(process.argv[2]);
else for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))));
