// What each command does (chapter 8): the checks of 6.2 in their order, then the change.

import { COMMANDS, REQUEST_TYPES, badName, criticalName, isInteger, isString, wrongLater } from './headers.mjs';
import { Refusal } from './faults.mjs';

export const LIMITS = {                                                                      // HF-CMD-005
  total: 2 ** 40, list: 1000, discard: 1 << 20, header_ms: 10_000, idle_ms: 60_000, linger_ms: 2_000,
  upload_ttl_ms: 86_400_000,
};
const RETRY_MS = 1000;

const refuse = (code, message, fields) => { throw new Refusal(code, message, fields); };

/** Whatever went wrong, as a refusal (HF-REPLY-011, HF-REPLY-017: no path, no text of the system). */
export function asRefusal(error) {
  if (error instanceof Refusal) return error;
  const [code, message] = {
    ENOSPC: ['no-space', 'no room to store this'], EDQUOT: ['no-space', 'no room to store this'],
    EMFILE: ['busy', 'too many open files'], ENFILE: ['busy', 'too many open files'],
    ENAMETOOLONG: ['bad-name', 'this server cannot keep so long a name'],                    // HF-NAME-009
  }[error.code] ?? ['internal', 'something failed'];
  return new Refusal(code, message, code === 'bad-name' ? {} : { retry_ms: RETRY_MS });
}

/** Does the connection end with this refusal, when `left` bytes of its frame have not come? (HF-ERROR-006) */
export const closes = ({ code, fields }, left) => Boolean(fields.close) || code === 'superseded' || left > LIMITS.discard;

/** Lines 1 to 6 of 6.2: what the first header says by itself. `hasBody` is about its frame. */
export function judge(header, hasBody) {
  const { cmd } = header;
  if (cmd === 'hello' && isInteger(header.hf) && header.hf !== 1) {
    refuse('unsupported-version', 'this server speaks version 1', { close: true });          // HF-CMD-004
  }
  if (criticalName(header)) refuse('unsupported', 'a critical name is not known');           // HF-HEADER-017
  if (!isString(cmd)) refuse('bad-request', 'cmd is missing or no string');                  // HF-REQ-002
  const command = COMMANDS[cmd] ?? refuse('unknown-command', 'no such command');             // HF-CMD-001
  for (const name of command.needs) {
    if (!(name in header)) refuse('bad-request', `${name} is missing`);                      // HF-HEADER-016
  }
  for (const name of [...command.uses, 'abort']) {                                           // HF-HEADER-014, -015
    if (name in header && !REQUEST_TYPES[name](header[name])) refuse('bad-request', `${name} has a wrong type`);
  }
  if ((cmd === 'stat' || cmd === 'delete') && ('filename' in header) === ('upload' in header)) {
    refuse('bad-request', 'one of filename and upload is needed');                           // HF-CMD-028
  }
  if (cmd === 'put' && 'offset' in header && !('upload' in header)) {
    refuse('bad-request', 'offset is for uploads');                                          // HF-CMD-028
  }
  if (hasBody && !command.body) refuse('bad-request', `${cmd} takes no body`);               // HF-REQ-008
  if (cmd === 'put') judgeDigest(header);
  for (const name of ['filename', 'to']) {
    if (!command.uses.includes(name) || !(name in header)) continue;
    const why = badName(header[name]);
    if (why) refuse('bad-name', why);                                                        // chapter 7
  }
  return command;
}

/** Is it the digest of anything? (HF-CMD-012, HF-HEADER-016) */
export function judgeDigest({ digest }) {
  if (digest === undefined || /^sha-256:[0-9a-f]{64}$/.test(digest)) return;
  if (/^(?!sha-256:)[a-z0-9-]+:/.test(digest)) refuse('unsupported', 'the digest algorithm is not known');
  refuse('bad-request', 'a digest is sha-256: and 64 hexadecimal digits');
}

/** HF-SEC-012 */
export function fits(size) {
  if (size > LIMITS.total) refuse('too-large', `a file has at most ${LIMITS.total} bytes`);
}

/**
 * Read a message to its end, frame by frame, and judge it as it comes: line 12 of 6.2. `body` has write(chunk), and
 * later(header) for each later one. Gives what its last header says, and the `digest` and `total` of the first.
 */
export async function readMessage(reader, header, body) {
  const command = COMMANDS[header.cmd];
  for (let last = header; ;) {
    for (let chunk; (chunk = await reader.chunk());) await body.write(chunk);
    if (!reader.more) return { digest: header.digest, total: header.total, ...last };
    last = await reader.header();
    const wrong = wrongLater(header, last, command);
    if (wrong) refuse(...wrong);
    if (reader.left > 0 && !command.body) refuse('bad-request', `${header.cmd} takes no body`); // HF-REQ-008
    await body?.later?.(last, reader.left);
  }
}

// ---------------------------------------------------------------- commands without a body
// Each is called when its message has ended.

const wants = (header) => header.want?.includes('digest');

export const commands = {
  async hello(server, { auth }, guest) {                                                     // HF-CMD-003
    if (auth !== undefined) {                                                                // HF-SEC-006, -008
      refuse('unauthorized', 'this server offers no scheme', ++guest.refused >= 3 ? { close: true } : {});
    }
    return { hf: [1], server: 'headframe-node 1.0.0', limits: LIMITS, features: [], durability: 'fsync' };
  },

  async get({ store }, header) {
    const { filename, offset = 0, length = Infinity } = header;
    const { file, ...found } = store.must(await store.open(filename), filename);
    try {
      store.condition(found, header.if, filename);
      if (offset > found.total) {                                                            // HF-CMD-015
        refuse('bad-range', `the file has ${found.total} bytes`, { total: found.total });
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    const { rev, total, mtime, digest } = found;
    const reply = { rev, total, offset, mtime, ...(wants(header) && { digest }) };           // HF-CMD-014, -018
    return { ...reply, body: { file, offset, size: Math.min(length, total - offset) } };
  },

  async stat({ store, uploads }, header) {
    const { filename, upload: token } = header;
    if (token !== undefined) return known(uploads, token, async ({ upload }) => {
      if (upload.finished) {                                                                 // HF-RESUME-025
        const { rev, total, digest } = upload.last;
        return { rev, total, digest, offset: total };
      }
      const { size: offset, total } = upload;                                                // HF-RESUME-011
      return { offset, total };
    });
    const found = store.must(await store.describe(filename), filename);
    store.condition(found, header.if, filename);
    const { rev, total, mtime, digest } = found;
    return { rev, total, mtime, ...(wants(header) && { digest }) };                          // HF-CMD-017, -018
  },

  async list({ store }, { prefix, after, limit = LIMITS.list, delimiter }) {
    const query = { prefix, after, limit: Math.min(limit, LIMITS.list), delimiter };
    const { entries, end } = await store.list(query);
    return { end, body: Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')) };
  },

  async delete({ store, uploads }, header) {
    const { filename, upload: token } = header;
    if (token !== undefined) return known(uploads, token, (slot) => slot.forget());          // HF-RESUME-026
    return store.remove(filename, header.if);
  },

  async move({ store }, header) {
    return { rev: await store.move(header.filename, header.to, header.if, header.to_if) };
  },
};

/** Do something with an upload that there is (HF-RESUME-004). */
async function known(uploads, token, task) {
  const { slot, release } = await uploads.take(token, { supersede() {} });
  try {
    if (!slot.upload) refuse('upload-gone', 'no upload is known by this token');
    return await task(slot);
  } finally { release(); }
}
