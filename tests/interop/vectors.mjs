// A reader of HF/1 in JavaScript without any dependency, written for the vectors.
//
//   node vectors.mjs FOLDER    reads all vectors of the folder, at several cuttings
//   node vectors.mjs           a codec in JSON lines: headframe conform codec "node vectors.mjs"
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";

class Fault extends Error {
  constructor(code) { super(code); this.code = code; }
}
const fail = (code = "bad-header") => { throw new Fault(code); };

// --- JSON, as chapter 3 allows it: objects become Maps, integers BigInts, other numbers Numbers
function parse(text) {
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found?.[0];
  };
  const space = /[ \t\r\n]*/y, string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
  const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y, word = /true|false|null/y;
  const next = (sign) => (take(space), text[at] === sign && ++at);
  const readString = () => {
    const made = JSON.parse(take(string) ?? fail());
    if (!made.isWellFormed() || /[\ufdd0-\ufdef]|[\ufffe\uffff]/.test(made)) fail();
    for (const one of made) if ((one.codePointAt(0) & 0xfffe) === 0xfffe) fail();
    return made;
  };
  const readNumber = () => {
    const token = take(number) ?? fail();
    if (!Number.isFinite(Number(token))) fail();
    return /^(?:0|-?[1-9][0-9]*)$/.test(token) ? BigInt(token) : Number(token);
  };
  const value = (depth) => {
    take(space);
    if (depth > 16 && /[{[]/.test(text[at])) fail();
    if (next("{")) {
      const members = new Map();
      if (next("}")) return members;
      do {
        take(space);
        const name = readString();
        if (members.has(name) || !next(":")) fail();
        members.set(name, value(depth + 1));
      } while (next(","));
      return next("}") ? members : fail();
    }
    if (next("[")) {
      const items = [];
      if (next("]")) return items;
      do items.push(value(depth + 1)); while (next(","));
      return next("]") ? items : fail();
    }
    const found = take(word);
    if (found) return JSON.parse(found);
    return text[at] === '"' ? readString() : readNumber();
  };
  const made = value(1);
  take(space);
  return at === text.length && made instanceof Map && made.size <= 64 ? made : fail();
}

// --- types and commands, as chapters 3 and 8 list them
const integer = (v) => typeof v === "bigint" && v >= 0n && v <= 9007199254740991n;
const boolean = (v) => typeof v === "boolean", text = (v) => typeof v === "string", object = (v) => v instanceof Map;
const each = (test) => (v) => Array.isArray(v) && v.every(test);
const matches = (pattern) => (v) => text(v) && pattern.test(v);
const revision = matches(/^[A-Za-z0-9._-]{1,64}$/), condition = (v) => v === null || revision(v);
const positive = (v) => integer(v) && v > 0n;
const TYPES = {
  filename: text, to: text, if: condition, to_if: (v) => v === true || condition(v),
  digest: text, total: integer, mtime: integer,
  upload: matches(/^[A-Za-z0-9_-]{22,64}$/), offset: integer, length: integer, want: each(text),
  prefix: text, after: text, limit: positive, delimiter: (v) => v === "/", hf: integer, auth: object, abort: boolean,
};
const REPLY_TYPES = {
  ...TYPES, hf: each(integer), auth: each(text), server: text, limits: object, features: each(text), durability: text,
  end: boolean, code: text, message: text, retry_ms: integer, close: boolean, rev: condition, to_rev: condition,
};
const COMMANDS = {
  hello: ["hf auth", "hf server limits features durability auth"],
  put: ["filename if digest total mtime upload offset", "rev total digest offset"],
  get: ["filename offset length if want", "rev total offset mtime digest"],
  stat: ["filename upload if want", "rev total mtime digest offset"],
  list: ["prefix after limit delimiter", "end"],
  delete: ["filename upload if", ""],
  move: ["filename to if to_if", "rev"],
};
const used = (command, side) => COMMANDS[command][side].split(" ").filter(Boolean);
const NEEDED = { put: ["filename"], get: ["filename"], move: ["filename", "to"] };
const TRAILERS = ["digest", "total", "abort", "code", "message"];
const REGISTERED = new Set([...Object.keys(REPLY_TYPES), "filesize", "more", "id", "cmd", "ok"]);
const CODES = new Set(("bad-frame bad-header timeout closing superseded unsupported-version bad-request unknown-command "
  + "unsupported unauthorized forbidden bad-name not-found conflict precondition-failed bad-range offset-mismatch "
  + "upload-gone size-mismatch digest-mismatch too-large no-space aborted busy internal").split(" "));
const known = (code) => (CODES.has(code) ? code : "internal");
const critical = (members) => [...members.keys()].some((name) => name.startsWith("!"));
const mistyped = (members, names, types) => names.some((name) => members.has(name) && !types[name](members.get(name)));

function digestFault(members) {
  const digest = members.get("digest") ?? "";
  if (!members.has("digest") || /^sha-256:[0-9a-f]{64}$/.test(digest)) return null;
  return /^(?!sha-256:)[a-z0-9-]+:/.test(digest) ? "unsupported" : "bad-request";
}

function isName(name) {
  const size = (part) => Buffer.byteLength(part);
  return size(name) >= 1 && size(name) <= 1024 && !/[\u0000-\u001f\u007f\\]/.test(name) && name.normalize("NFC") === name
    && name.split("/").every((part) => !["", ".", ".."].includes(part) && size(part) <= 255);
}

function refusal(members) { // 6.2, as far as it needs no store
  const command = members.get("cmd"), has = (name) => members.has(name);
  const hf = members.get("hf");
  if (command === "hello" && integer(hf) && hf !== 1n) return "unsupported-version";
  if (critical(members)) return "unsupported";
  if (!text(command)) return "bad-request";
  if (!Object.hasOwn(COMMANDS, command)) return "unknown-command";
  const names = used(command, 0);
  if (!(NEEDED[command] ?? []).every(has) || mistyped(members, [...names, "abort"], TYPES)) return "bad-request";
  if (["stat", "delete"].includes(command) && has("filename") === has("upload")) return "bad-request";
  if (command === "put" ? has("offset") && !has("upload") : members.get("filesize") > 0n) return "bad-request";
  if (command === "put" && digestFault(members)) return digestFault(members);
  return ["filename", "to"].some((name) => names.includes(name) && has(name) && !isName(members.get(name))) ? "bad-name" : null;
}

function laterRefusal(first, later, names, body) { // `names`: what may not be said in two ways
  const said = TRAILERS.filter((name) => later.has(name) && later.get(name) !== false);
  if (critical(later)) return "unsupported";
  if ([...later.keys()].some((n) => REGISTERED.has(n) && !TRAILERS.includes(n) && !["filesize", "more"].includes(n))) return "bad-request";
  if ((later.get("more") && said.length) || mistyped(later, TRAILERS, REPLY_TYPES)) return "bad-request";
  if (names.some((n) => first.has(n) && later.has(n) && first.get(n) !== later.get(n))) return "bad-request";
  return !body && later.get("filesize") > 0n ? "bad-request" : null;
}

// --- a stream: take(bytes), then end(), and `events` say what became of it
class Reader {
  constructor(role, requests = []) {
    Object.assign(this, { server: role === "server", due: [...requests], events: [], buffer: Buffer.alloc(0) });
    Object.assign(this, { left: 0, first: null, last: null, dropped: null, idSeen: false, over: false });
  }

  take(bytes) {
    this.buffer = Buffer.concat([this.buffer, bytes]);
    try {
      while (!this.over && this.step());
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.finish(this.server ? { event: "fatal", code: fault.code, id_seen: this.idSeen } : { event: "fatal" });
    }
  }

  end() {
    if (this.over) return;
    const clean = !this.buffer.length && !this.first && (this.server || !this.due.length);
    this.finish({ event: clean ? "eof" : "cut" });
  }

  finish(event) { this.events.push(event); this.over = true; }
  say(event, members) { if (this.dropped === null) this.events.push({ event, ...members }); }

  step() { // returns whether there may be more to do
    if (this.left > 0) {
      const piece = this.buffer.subarray(0, Math.min(this.left, this.buffer.length));
      this.buffer = this.buffer.subarray(piece.length);
      this.left -= piece.length;
      if (piece.length && this.dropped !== null) this.dropped += piece.length;
      else if (piece.length) this.events.push({ event: "body", hex: piece.toString("hex") });
      if (this.left > 0) return false;
      if (!this.last.get("more")) this.endMessage();
      return true;
    }
    if (this.buffer.length < 4) return false;
    const size = this.buffer.readUInt32LE();
    if (size < 2 || size > 65535) fail("bad-frame");
    if (this.buffer.length < 4 + size) return false;
    const raw = this.buffer.subarray(4, 4 + size);
    this.buffer = this.buffer.subarray(4 + size);
    this.header(raw);
    return true;
  }

  header(raw) {
    let decoded;
    try { decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw); } catch { fail(); }
    const members = parse(decoded), later = this.first !== null;
    this.idSeen ||= members.has("id");
    if (!integer(members.get("filesize") ?? (members.has("filesize") ? null : 0n))) fail();
    if (members.has("more") && !boolean(members.get("more"))) fail();
    if (members.has("id") && !(this.server ? positive : integer)(members.get("id"))) fail();
    this.last = members;
    this.left = Number(members.get("filesize") ?? 0n);
    if (later) this.later(members);
    else { this.first = members; this.server ? this.request(members) : this.reply(members); }
    if (this.server && this.dropped !== null && this.dropped + this.left > 1048576) this.finish({ event: "closed" });
    else if (this.left === 0 && !members.get("more")) this.endMessage();
  }

  request(members) {
    const code = refusal(members), put = members.get("cmd") === "put";
    if (code && (members.has("id") || put)) this.events.push({ event: "refused", id: number(members.get("id")) ?? null, code });
    if (code || !(members.has("id") || put)) this.dropped = 0;
    else this.say("header", { members: plain(members, ["id", "cmd", ...used(members.get("cmd"), 0)]) });
    if (code === "unsupported-version") this.finish({ event: "closed" });
  }

  reply(members) {
    const id = members.get("id"), ok = members.get("ok"), asked = this.due[0];
    if (!boolean(ok) || critical(members)) fail();
    if (id !== 0n && (!asked || number(id) !== asked.id || (ok && asked.ended === false))) fail();
    const early = id === 0n || (!ok && asked.ended === false);
    if ((id === 0n && ok) || (early && (this.left > 0 || members.get("more")))) fail();
    let names = ["code", "message", "close"];
    if (id !== 0n && !ok) names.push("retry_ms", "rev", "to_rev", "total", "offset");
    if (id !== 0n && ok) names = [...used(asked.cmd, 1), "close", "abort", "code", "message"];
    const needed = ok ? { hello: "hf", list: "end" }[asked.cmd] : "code";
    if ((needed && !members.has(needed)) || mistyped(members, names, REPLY_TYPES)) fail();
    this.twofold = ["digest", "total"].filter((n) => names.includes(n));
    const shown = plain(members, ["id", "ok", ...names.filter((n) => n !== "abort" && !(ok && ["code", "message"].includes(n)))]);
    if (shown.close === false) delete shown.close;
    if (!ok) shown.code = known(shown.code);
    this.say("header", { members: shown });
  }

  later(members) {
    if (members.has("cmd") || members.has("ok")) fail("bad-frame");
    if (members.get("more") && this.left === 0) fail("bad-frame");
    if (this.dropped !== null) return;
    const put = this.first.get("cmd") === "put";
    const code = laterRefusal(this.first, members, this.server ? (put ? ["digest", "total"] : []) : this.twofold, put || !this.server);
    if (code) this.server ? this.refuse(code) : fail();
  }

  refuse(code) {
    this.say("refused", { id: number(this.first.get("id")) ?? null, code });
    this.dropped = 0;
  }

  endMessage() {
    const { first, last } = this, trailers = {};
    const names = this.server ? (first.get("cmd") === "put" ? ["digest", "total"] : []) : ["digest", "total"];
    for (const name of names) if (last.has(name) && !first.has(name)) trailers[name] = number(last.get(name));
    if (last.get("abort")) this.say("abort", !this.server && last.has("code") ? { code: known(last.get("code")) } : {});
    else if (this.server && trailers.digest && digestFault(last)) this.refuse(digestFault(last));
    else this.say("end", trailers);
    if (!this.server && first.get("id") !== 0n) this.due.shift();
    this.first = this.dropped = null;
    if (!this.server && first.get("close")) this.finish({ event: "closed" });
  }
}

const number = (v) => (typeof v === "bigint" ? Number(v) : v);
const bare = (v) => (object(v) ? Object.fromEntries([...v].map(([n, x]) => [n, bare(x)])) : Array.isArray(v) ? v.map(bare) : number(v));
const plain = (members, names) => Object.fromEntries(names.filter((n) => members.has(n)).map((n) => [n, bare(members.get(n))]));

function read(role, chunks, requests) {
  const reader = new Reader(role, requests);
  for (const chunk of chunks) reader.take(chunk);
  reader.end();
  return reader.events.reduce((made, event) => {
    if (event.event === "body" && made.at(-1)?.event === "body") made.at(-1).hex += event.hex;
    else made.push({ ...event });
    return made;
  }, []);
}

function frame(members) {
  const header = Buffer.from(JSON.stringify(members)), size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  return size.toString("hex") + header.toString("hex");
}

function build(members, body, trailers) {
  const first = { ...members, ...(body && { filesize: body.length / 2 }), ...(trailers && { more: true }) };
  return frame(first) + body + (trailers ? frame(trailers) : "");
}

// --- the two ways to run it
const expand = (hex) => Buffer.from(hex.split(" ").map((g) => { const [h, n] = g.split("*"); return h.repeat(n ?? 1); }).join(""), "hex");
const sorted = (v) => JSON.stringify(v, (_, x) => (x && x.constructor === Object ? Object.fromEntries(Object.entries(x).sort()) : x));

function check(folder) {
  let seen = 0, wrong = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    for (const vector of JSON.parse(readFileSync(`${folder}/${file}`, "utf8"))) {
      const data = expand(vector.hex), steps = [data.length || 1, data.length < 5000 ? 1 : 61, 5];
      const expected = vector.events.map((e) => (e.event === "body" ? { ...e, hex: expand(e.hex).toString("hex") } : e));
      for (const step of steps) {
        const chunks = [];
        for (let at = 0; at < data.length; at += step) chunks.push(data.subarray(at, at + step));
        const made = read(vector.role, chunks, vector.requests);
        if (sorted(made) === sorted(expected)) continue;
        wrong++;
        console.log(`${vector.id}, ${step} bytes at a time\n  expected ${sorted(expected)}\n  read     ${sorted(made)}`);
        break;
      }
      seen++;
    }
  }
  console.log(`${seen} vectors, ${wrong} read differently`);
  process.exitCode = wrong || !seen ? 1 : 0;
}

if (process.argv[2]) check(process.argv[2]);
else {
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, role, chunks, requests, members, body, trailers } = JSON.parse(line);
    const answer = op === "read" ? { events: read(role, chunks.map((hex) => Buffer.from(hex, "hex")), requests) }
      : op === "build" ? { hex: build(members, body, trailers) } : { skip: `no ${op} here` };
    console.log(JSON.stringify(answer));
  }
}
