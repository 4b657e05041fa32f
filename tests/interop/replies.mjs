// What a client makes of replies (5.2): each is judged as it comes, and what cannot be one ends the connection.

import { COMMANDS, REPLY_TYPES, criticalName, wrongLater } from './headers.mjs';

/** The server does not keep to HF/1; there is nothing to do but close (HF-ERROR-010). */
export class Broken extends Error {}

const COMMON = ['filesize', 'more', 'id', 'ok', 'code', 'message', 'close', 'abort'];
const IN_REFUSALS = ['retry_ms', 'rev', 'to_rev', 'total', 'offset'];
const NEEDED = { hello: 'hf', list: 'end' };

/** What a header that answers a request for `cmd` uses, `filesize` and the like aside. */
export function usedBy({ id, ok }, cmd) {
  if (id === 0) return [];
  return ok ? COMMANDS[cmd].reply : IN_REFUSALS;
}

/**
 * Judge the first header of a reply or a notice. `due` is the oldest request without a reply, if there is one:
 * {id, cmd, ended}, `ended` being false as long as not all of it has been sent.
 */
export function judgeReply(header, due, hasBody) {
  const { id, ok } = header;
  checkTypes(header, COMMON);
  if (id === undefined || ok === undefined) throw new Broken('a reply lacks id or ok');      // HF-REPLY-001
  if (!ok && header.code === undefined) throw new Broken('a refusal lacks code');            // HF-REPLY-019
  if (id === 0) {
    if (ok || hasBody || header.more) throw new Broken('id 0 says what it cannot');          // HF-REPLY-020
    return;
  }
  if (id !== due?.id) throw new Broken('a reply to another request');                        // HF-REPLY-004
  const ended = due.ended !== false;
  if (ok && !ended) throw new Broken('a reply before the request has ended');                // HF-REPLY-018
  if (!ended && (hasBody || header.more)) throw new Broken('an early refusal has a body');   // HF-REPLY-021
  checkTypes(header, usedBy(header, due.cmd));
  if (ok && NEEDED[due.cmd] && !(NEEDED[due.cmd] in header)) {
    throw new Broken(`the reply to ${due.cmd} lacks ${NEEDED[due.cmd]}`);                    // HF-REPLY-019
  }
}

/** Read the rest of a reply, its body by `body(chunk)`; gives what its last header says (HF-BODY-018). */
export async function readReply(reader, header, cmd, body = () => {}) {
  for (let last = header; ;) {
    for (let chunk; (chunk = await reader.chunk());) await body(chunk);
    if (!reader.more) return last;
    last = await reader.header();
    const wrong = wrongLater(header, last, { uses: usedBy(header, cmd) });
    if (wrong) throw new Broken(wrong[1]);
  }
}

function checkTypes(header, used) {
  if (criticalName(header)) throw new Broken('a reply has an unknown critical name');
  for (const name of used) {
    if (name in header && !REPLY_TYPES[name](header[name])) throw new Broken(`a reply has a wrong type of ${name}`);
  }
}
