// What stands in headers of HF/1: names and their types (3.3, chapter 13), commands (chapter 8), file names (chapter 7).

import { OtherNumber } from './json.mjs';

export const isString = (v) => typeof v === 'string';
export const isBoolean = (v) => typeof v === 'boolean';
export const isInteger = (v) => typeof v === 'number';
export const isObject = (v) => v !== null && typeof v === 'object' && !Array.isArray(v) && !(v instanceof OtherNumber);
const isArrayOf = (test) => (v) => Array.isArray(v) && v.every(test);
const isRevision = (v) => isString(v) && /^[A-Za-z0-9._-]{1,64}$/.test(v);
const isToken = (v) => isString(v) && /^[A-Za-z0-9_-]{22,64}$/.test(v);
const from1 = (v) => isInteger(v) && v >= 1;
const orNull = (test) => (v) => v === null || test(v);

const BOTH = {
  filesize: isInteger, more: isBoolean, digest: isString, total: isInteger, abort: isBoolean, mtime: isInteger,
  offset: isInteger,
};
export const REQUEST_TYPES = Object.assign(Object.create(null), BOTH, {
  id: from1, cmd: isString, filename: isString, if: orNull(isRevision), upload: isToken, length: isInteger,
  want: isArrayOf(isString), prefix: isString, after: isString, limit: from1, delimiter: (v) => v === '/',
  to: isString, to_if: (v) => v === true || v === null || isRevision(v), hf: isInteger, auth: isObject,
});
export const REPLY_TYPES = Object.assign(Object.create(null), BOTH, {
  id: isInteger, ok: isBoolean, code: isString, message: isString, retry_ms: isInteger, close: isBoolean,
  rev: orNull(isRevision), end: isBoolean, to_rev: orNull(isRevision), hf: isArrayOf(isInteger),
  auth: isArrayOf(isString), server: isString, limits: isObject, features: isArrayOf(isString), durability: isString,
});
const TRAILERS = new Set(['digest', 'total', 'abort', 'code', 'message']);
export const isRegistered = (name) => name in REQUEST_TYPES || name in REPLY_TYPES;
export const criticalName = (header) => Object.keys(header).find((name) => name.startsWith('!'));

/** A code as a reader takes it (HF-REPLY-016). */
export const knownCode = (code) => (CODES.has(code) ? code : 'internal');
const CODES = new Set([
  'bad-frame', 'bad-header', 'timeout', 'closing', 'superseded', 'unsupported-version', 'bad-request', 'unknown-command',
  'unsupported', 'unauthorized', 'forbidden', 'bad-name', 'not-found', 'conflict', 'precondition-failed', 'bad-range',
  'offset-mismatch', 'upload-gone', 'size-mismatch', 'digest-mismatch', 'too-large', 'no-space', 'aborted', 'busy', 'internal',
]);

/** What is wrong with a later header, of a request or a reply: a code and why; undefined: nothing (4.1). */
export function wrongLater(first, later, { uses }) {
  if (criticalName(later)) return ['unsupported', 'a critical name is not known'];                   // HF-BODY-008
  for (const name of Object.keys(later)) {
    if (name === 'filesize' || name === 'more' || (name === 'abort' && later[name] === false)) continue; // HF-BODY-017
    if (TRAILERS.has(name)) {
      if (!REPLY_TYPES[name](later[name])) return ['bad-request', `${name} has a wrong type`];       // HF-BODY-016
      if (later.more) return ['bad-request', `${name} before the last header`];                      // HF-BODY-007
      const twice = (name === 'digest' || name === 'total') && uses.includes(name) && name in first;
      if (twice && first[name] !== later[name]) return ['bad-request', `two things are said in ${name}`]; // HF-BODY-009
    } else if (isRegistered(name)) return ['bad-request', `${name} has no place here`];              // HF-BODY-006
  }
}

/** The table of commands (chapter 8). Every command also uses filesize, more, id and abort. */
const row = (needs, uses, reply, body = false) => ({ needs, uses: [...needs, ...uses], reply, body });
export const COMMANDS = Object.assign(Object.create(null), {
  hello: row([], ['hf', 'auth'], ['hf', 'server', 'limits', 'features', 'durability', 'auth']),
  put: row(['filename'], ['if', 'digest', 'total', 'mtime', 'want', 'upload', 'offset'], ['rev', 'total', 'digest', 'offset'], true),
  get: row(['filename'], ['offset', 'length', 'if', 'want'], ['rev', 'total', 'offset', 'mtime', 'digest']),
  stat: row([], ['filename', 'upload', 'if', 'want'], ['rev', 'total', 'mtime', 'digest', 'offset']),
  list: row([], ['prefix', 'after', 'limit', 'delimiter'], ['end']),
  delete: row([], ['filename', 'upload', 'if'], []),
  move: row(['filename', 'to'], ['if', 'to_if'], ['rev']),
});

/** Why a text is no file name (chapter 7), or undefined for one that is. */
export function badName(name) {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > 1024) return 'a name has 1 to 1024 bytes';                                // HF-NAME-001
  if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'a name has no control character and no backslash'; // HF-NAME-004
  for (const segment of name.split('/')) {
    if (segment === '') return 'a name has no empty segment';                                        // HF-NAME-003
    if (segment === '.' || segment === '..') return `a name has no segment '${segment}'`;
    if (Buffer.byteLength(segment) > 255) return 'a segment of a name has at most 255 bytes';        // HF-NAME-002
  }
  if (name !== name.normalize('NFC')) return 'a name is in Unicode Normalization Form C';            // HF-NAME-005
}

/** The order of UTF-8 bytes, which is not that of JavaScript's strings (HF-CMD-019). */
export const compareBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
