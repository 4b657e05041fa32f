// Strict JSON, as section 3.1 of HF/1 allows it. The parser of the language is not enough: it takes a name that occurs
// twice, lone surrogates, `-0` for an integer and `1e400`.

import { Fatal } from './faults.mjs';

const MAX_DEPTH = 16;
const MAX_MEMBERS = 64;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;
const LITERALS = { true: true, false: false, null: null };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A number that is no registered integer, so that `typeof v === 'number'` means one that is. */
export class OtherNumber {
  constructor(value) { this.value = value; }
  toJSON() { return this.value; }
}

/** One strict JSON object as an object without prototype, or Fatal `bad-header`. */
export function parseObject(bytes) {
  let text;
  try { text = utf8.decode(bytes); } catch { fail('not UTF-8'); }                            // HF-HEADER-001
  let at = 0;
  const top = value(1);
  if (at < text.length) fail('something follows the JSON text');                             // HF-HEADER-002
  if (top === null || typeof top !== 'object' || Array.isArray(top)) fail('not an object');  // HF-HEADER-003
  return top;

  function fail(why) { throw new Fatal('bad-header', `header: ${why}`); }
  function match(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }
  function space() { match(SPACE); }                                                         // HF-HEADER-004
  function skip(char) { return text[at] === char && ++at > 0; }

  /** A value and the white space around it. */
  function value(depth) {
    space();
    const char = text[at];
    const result = char === '{' ? object(depth) : char === '[' ? array(depth) : char === '"' ? string() : scalar();
    space();
    return result;
  }
  function open(depth) {
    if (depth > MAX_DEPTH) fail('nested too deep');                                          // HF-HEADER-008
    at++;
    space();
  }
  function object(depth) {
    open(depth);
    const result = Object.create(null);
    if (skip('}')) return result;
    for (let members = 1; ; members++) {
      if (depth === 1 && members > MAX_MEMBERS) fail('too many members');                    // HF-HEADER-009
      space();
      const name = string();
      if (name in result) fail('a name occurs twice');                                       // HF-HEADER-006
      space();
      if (!skip(':')) fail('not JSON');
      result[name] = value(depth + 1);
      if (skip('}')) return result;
      if (!skip(',')) fail('not JSON');
    }
  }
  function array(depth) {
    open(depth);
    const result = [];
    if (skip(']')) return result;
    for (;;) {
      result.push(value(depth + 1));
      if (skip(']')) return result;
      if (!skip(',')) fail('not JSON');
    }
  }
  function string() {
    const found = match(STRING) ?? fail('not JSON');
    const result = JSON.parse(found);                                                        // only to unescape it
    if (!result.isWellFormed() || /\p{Noncharacter_Code_Point}/u.test(result)) {
      fail('a string holds what is no character');                                           // HF-HEADER-005
    }
    return result;
  }
  function scalar() {
    const literal = match(LITERAL);
    if (literal) return LITERALS[literal];
    const number = match(NUMBER) ?? fail('not JSON');
    const result = Number(number);
    if (!Number.isFinite(result)) fail('a number is too large');                             // HF-HEADER-007
    const registered = /^[0-9]+$/.test(number) && result <= Number.MAX_SAFE_INTEGER;         // HF-HEADER-010
    return registered ? result : new OtherNumber(result);
  }
}
