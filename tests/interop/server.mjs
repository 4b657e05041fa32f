// An HF/1 server: node server.mjs ROOT [--host 127.0.0.1] [--port 0]

import net from 'node:net';
import { parseArgs } from 'node:util';
import { CutOff, Fatal, Idle, Refusal } from './faults.mjs';
import { FRAME_BYTES, Input, Reader, encodeHeader } from './frames.mjs';
import { receive } from './puts.mjs';
import { LIMITS, asRefusal, closes, commands, judge, readMessage } from './requests.mjs';
import { Store } from './store.mjs';
import { Uploads } from './uploads.mjs';

const WRITE_BYTES = 1 << 14;             // a client that takes not even this in idle_ms takes nothing
const GRACE_MS = 10_000;                 // what requests that have begun get at a shutdown (HF-TIME-011)
const MAX_CONNECTIONS = 1000;            // HF-SEC-011

class ShuttingDown extends Error {}
class Disconnect extends Error {}        // the connection is to be closed; why has been said

const log = (...words) => console.error(new Date().toISOString(), ...words.map((word) => JSON.stringify(word))); // HF-SEC-013

class Connection {
  idSeen = false;                        // a header with a member `id` has come (HF-REQ-006)
  begun = false;                         // a request has begun and is not answered (chapter 11)
  replying = false;                      // a reply of several writes is on its way
  stopping = false;
  noticed = false;                       // the notice `closing` has been sent
  guest = { refused: 0 };

  constructor(server, socket) {
    Object.assign(this, { server, socket });
    this.input = new Input(socket);
    this.reader = new Reader(this.input, {
      request: true,
      onHeader: (header) => { this.idSeen ||= 'id' in header; },
    });
    this.done = this.#serve().catch((error) => log('connection', String(error.stack))).finally(() => socket.destroy());
  }

  async #serve() {
    const { reader } = this;
    try {
      for (;;) {
        const header = await reader.header();
        if (header === null) break;                                                          // HF-TIME-007
        await this.#message(header);
        reader.quietSince = performance.now();
        if (this.stopping) throw new ShuttingDown();
      }
    } catch (error) {
      await this.#farewell(error);
    }
    await this.#linger();
  }

  /** What is said at the end of a connection. */
  async #farewell(error) {
    if (error instanceof CutOff || error instanceof Disconnect) return;                      // HF-BODY-010
    if (error instanceof Fatal) {
      await this.#notice(error.code, error.message, true);                                   // HF-ERROR-003
    } else if (error instanceof Idle) {
      await this.#notice('closing', `idle for ${LIMITS.idle_ms / 1000} s`, true);            // HF-TIME-004
    } else if (error instanceof ShuttingDown) {
      if (!this.noticed) await this.#notice('closing', 'this server is shutting down', true); // HF-TIME-008
    } else throw error;
  }

  /** HF-TIME-006: what was sent last arrives, because no unread byte turns this close into a reset. */
  async #linger() {
    const { socket, input } = this;
    this.closing = true;
    input.discard();
    if (socket.destroyed) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, LIMITS.linger_ms);
      socket.once('close', () => { clearTimeout(timer); resolve(); });
      socket.end();
    });
  }

  // -------------------------------------------------------------- one request

  async #message(header) {
    const { reader, input } = this;
    const request = { id: header.id, cmd: header.cmd, answered: header.id === undefined, over: false };
    let body = null;
    try {
      let reply;
      try {
        const command = judge(header, reader.left > 0);
        if (command.body) {
          this.begun = true;
          body = await receive(this.server, header, reader.left, this.#user(request));
        }
        const trailers = await readMessage(reader, header, body);
        request.over = this.begun = true;
        input.interrupt(null);
        if (trailers.abort) throw new Refusal('aborted', 'withdrawn by the client');         // HF-BODY-011
        if (body) reply = await body.end(trailers);
        else if (!request.answered) reply = await commands[header.cmd](this.server, header, this.guest); // HF-REQ-005
      } finally {
        request.over = true;
        await body?.close();
      }
      if (!request.answered) await this.#reply(header.id, reply);
    } catch (error) {
      if (error instanceof Fatal || error instanceof CutOff || error instanceof ShuttingDown) throw error;
      input.interrupt(null);
      await this.#refuse(request, error);
    } finally { this.begun = false; }
  }

  /** Who is told when another request takes this put's upload over (HF-RESUME-018). */
  #user(request) {
    const refusal = new Refusal('superseded', 'a newer request has taken this upload over');
    return {
      supersede: () => { if (!request.over && !this.reader.ended) this.input.interrupt(refusal); },
    };
  }

  /** Refuse, and discard what is left of the message. */
  async #refuse({ id, cmd, answered }, error) {
    const { reader } = this;
    const refusal = asRefusal(error);
    const { code, message, fields } = refusal;
    if (code === 'internal') log('internal', String(error.stack));
    if (answered) log('refused without id', cmd, code, message);                             // HF-REQ-012
    const close = closes(refusal, reader.left);
    if (!answered) {
      await this.#send({ id, ok: false, code, message, ...fields, ...(close && !this.noticed && { close }) });
    }
    this.begun = false;
    if (close) {
      if (answered && !this.noticed) await this.#notice('closing', message, true);           // HF-ERROR-011
      throw new Disconnect();
    }
    if (this.stopping) throw new ShuttingDown();
    if (await reader.discard(LIMITS.discard)) return;
    await this.#notice('closing', 'too much is left of a refused message', true);            // HF-ERROR-007
    throw new Disconnect();
  }

  // -------------------------------------------------------------- sending

  async #reply(id, { body, ...fields } = {}) {
    if (Buffer.isBuffer(body)) {
      this.replying = true;
      await this.#send({ id, ok: true, ...fields, ...(body.length && { filesize: body.length }) }, body);
    } else if (body) {
      await this.#sendFile({ id, ok: true, ...fields }, body);
    } else {
      await this.#send({ id, ok: true, ...fields });
    }
    this.replying = false;
  }

  /** A file in frames of bytes that have been read before their header is sent (HF-BODY-014, HF-BODY-015). */
  async #sendFile(header, { file, offset, size }) {
    const buffer = Buffer.allocUnsafe(Math.min(size, FRAME_BYTES / 4));
    try {
      for (let first = true; first || size > 0; first = false) {
        const filesize = Math.min(size, buffer.length);
        let part;
        try {
          part = await readFully(file, buffer.subarray(0, filesize), offset);
        } catch (error) {
          if (first) throw error;                                                            // nothing sent: a refusal
          log('reply cut short', String(error));
          return await this.#send({ abort: true, code: 'internal', message: 'cannot read on' });
        }
        this.replying = true;
        offset += filesize;
        size -= filesize;
        await this.#send({ ...(first && header), ...(filesize && { filesize }), ...(size > 0 && { more: true }) }, part);
        if (this.socket.destroyed) return;
      }
    } finally { await file.close(); }
  }

  /** A message with id 0, where an id has come (HF-REQ-006, HF-REPLY-008). */
  async #notice(code, message, close) {
    if (!this.idSeen) return;
    if (code === 'closing') this.noticed = true;
    await this.#send({ id: 0, ok: false, code, message, ...(close && { close }) });
  }

  async #send(header, body) {
    const frame = body?.length ? Buffer.concat([encodeHeader(header), body]) : encodeHeader(header);
    for (let at = 0; at < frame.length && !this.socket.destroyed; at += WRITE_BYTES) {
      await new Promise((resolve) => {
        const timer = setTimeout(() => this.socket.destroy(), LIMITS.idle_ms);               // HF-TIME-005
        const taken = () => { clearTimeout(timer); this.socket.off('close', taken); resolve(); };
        this.socket.once('close', taken);
        this.socket.write(frame.subarray(at, at + WRITE_BYTES), taken);
      });
    }
    this.reader.quietSince = performance.now();
  }

  /** HF-TIME-008, HF-TIME-009 */
  stop() {
    this.stopping = true;
    if (this.closing || this.replying) return;             // the notice follows the reply
    if (this.begun) this.#notice('closing', 'this server is shutting down', false);
    else this.input.interrupt(new ShuttingDown());
  }
}

async function readFully(file, buffer, position) {
  for (let got = 0; got < buffer.length;) {
    const { bytesRead } = await file.read(buffer, got, buffer.length - got, position + got);
    if (bytesRead === 0) throw new Error('the file has become shorter');
    got += bytesRead;
  }
  return buffer;
}

async function serve(root, { host, port }) {
  const store = await Store.open(root);
  const uploads = await Uploads.open(store, LIMITS.upload_ttl_ms);
  const connections = new Set();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new Connection({ store, uploads }, socket);
    connections.add(connection);
    connection.done.finally(() => connections.delete(connection));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const stop = async () => {
    server.close();
    const grace = setTimeout(() => { for (const { socket } of connections) socket.destroy(); }, GRACE_MS);
    for (const connection of connections) connection.stop();
    await Promise.all([...connections].map(({ done }) => done));
    clearTimeout(grace);
  };
  return { port: server.address().port, stop };
}

async function main() {
  const options = { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '0' } };
  const { values: { host, port }, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals.length !== 1) throw new Error('usage: node server.mjs ROOT [--host HOST] [--port PORT]');
  const server = await serve(positionals[0], { host, port: Number(port) });
  console.log(`listening on headframe://${host.includes(':') ? `[${host}]` : host}:${server.port}`);
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.stop().then(() => process.exit(0)));
}

main().catch((error) => { console.error(error.message); process.exit(1); });
