/**
 * A connection that is to turn into something else than HTTP, on both sides: the client's, from its request to 101 or to a
 * refusal; the target's, from ours to its answer.
 *
 * Invariants:
 * - Nothing of the client's passes before both have agreed; whoever writes earlier means it for whatever comes behind a failed
 *   switch, and is cut off (A-HTTP-08, A-K8S-02).
 * - A connection that did not switch ends with the answer that says so; neither side's is ever used for a further request.
 *
 * Deliberately absent: what is spoken afterwards; who may (exchange by exchange, in websocket.ts and in dialects).
 */
import { createHash } from 'node:crypto';
import { request as sendRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './answers.ts';
import type { ClientExchange } from './client.ts';
import { Http1Exchange } from './client-http1.ts';
import type { Connection } from './connection.ts';
import { type Field, fieldsOf, firstOf, rawOf, valuesOf } from './fields.ts';
import type { ScannedRequest } from './head.ts';
import * as limits from './limits.ts';

/** The client's side. */
export class Handshake {
  readonly connection: Connection;
  readonly client: ClientExchange;
  readonly socket: Duplex;
  /** The client's connection is gone, at any time. Called once. */
  onClosed: (() => void) | null = null;
  #hasSwitched = false;

  constructor(connection: Connection, request: ScannedRequest, socket: Duplex) {
    this.connection = connection;
    this.socket = socket;
    // Whatever is answered, nothing follows on this connection.
    const client = new Http1Exchange(
      { ...request, keepsAlive: false, expectsContinue: false },
      {
        clock: connection.door.clock,
        write: (view) => socket.write(view),
        wants: () => undefined,
        answered: () => this.end(),
        tear: () => void socket.destroy(),
      },
    );
    this.client = client;
    connection.begin();
    socket.on('drain', () => {
      if (!this.#hasSwitched) client.drained();
    });
    socket.on('data', this.#early);
    socket.on('end', this.#early);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (!this.#hasSwitched) client.over();
      this.onClosed?.();
      connection.over();
    });
    socket.resume();
  }

  readonly #early = (): void => {
    this.socket.destroy();
  };

  get isGone(): boolean {
    return this.socket.destroyed;
  }

  /** Answers instead of switching. */
  say(answer: Answer): void {
    if (!this.#hasSwitched) this.connection.say(this.client, answer);
  }

  /** 101 with these fields. From here on what the socket reads is the caller's. */
  switch(fields: readonly Field[]): void {
    this.#hasSwitched = true;
    const { socket } = this;
    socket.off('data', this.#early);
    socket.off('end', this.#early);
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.write(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${lines}\r\n`, 'latin1'));
  }

  /**
   * No more is written; the connection is gone once what was written has left, or nobody takes it. `patienceMs`: the client may
   * end it first.
   */
  end(patienceMs = 0): void {
    const { socket } = this;
    const { clock } = this.connection.door;
    if (patienceMs > 0 && !socket.readableEnded && !socket.destroyed) {
      socket.on('end', () => this.end());
      socket.resume();
      clock.after(patienceMs, () => this.end());
      return;
    }
    socket.end(() => clock.after(limits.goodbyeLingerMs, () => socket.destroy()));
    clock.after(limits.clientStallMs, () => socket.destroy());
  }
}

/** What a target answered to a request that asks to switch. */
export interface SwitchAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  /** It switched: what it said behind its answer. Otherwise the beginning of the body. */
  readonly first: Buffer;
}

/** Asks a target to switch on a connection of its own. `fields` with Host, Connection and Upgrade. Rejects as Node's client does. */
export function askToSwitch(
  socket: Duplex,
  request: { readonly method: string; readonly target: string; readonly fields: readonly Field[] },
): Promise<SwitchAnswer> {
  return new Promise((resolve, reject) => {
    const asked = sendRequest({
      createConnection: () => socket,
      method: request.method,
      path: request.target,
      headers: rawOf(request.fields),
      setHost: false,
      setDefaultHeaders: false,
      insecureHTTPParser: false,
      maxHeaderSize: limits.answerHeadBytesMax,
    });
    asked.on('error', reject);
    asked.on('upgrade', (response, _socket, first) => {
      resolve({ status: response.statusCode ?? 0, fields: fieldsOf(response.rawHeaders), first });
    });
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = (): void => {
        response.destroy();
        const first = Buffer.concat(chunks).subarray(0, limits.refusalBytesMax);
        resolve({ status: response.statusCode ?? 0, fields: fieldsOf(response.rawHeaders), first });
      };
      response.on('data', (view: Buffer) => {
        chunks.push(view);
        bytes += view.length;
        if (bytes >= limits.refusalBytesMax) done();
      });
      response.on('end', done);
      response.on('error', done);
    });
    asked.end();
  });
}

/** What the digest of a key is made with (RFC 6455, section 1.3). */
const keySuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `Sec-WebSocket-Accept` for a key (RFC 6455, section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + keySuffix)
    .digest('base64');
}

/** What is wrong with the version and the key of a WebSocket handshake (RFC 6455, section 4.2.1); null: nothing. */
export function keyProblem(fields: readonly Field[]): string | null {
  const keys = valuesOf(fields, 'sec-websocket-key');
  const versions = valuesOf(fields, 'sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') return 'its version of WebSocket is not 13';
  return keys.length !== 1 || Buffer.from(keys[0]!, 'base64').length !== 16 ? 'its Sec-WebSocket-Key is none' : null;
}

/** Whether the target agreed to what was asked, and to nothing else (RFC 6455, section 4.1). */
export function agreementProblem(fields: readonly Field[], key: string, offered: readonly string[]): string | null {
  if (firstOf(fields, 'upgrade')?.toLowerCase() !== 'websocket') return 'it switched to something else';
  if (firstOf(fields, 'sec-websocket-accept') !== acceptOf(key)) return 'its Sec-WebSocket-Accept is wrong';
  if (firstOf(fields, 'sec-websocket-extensions') !== null) return 'it uses an extension that nobody offered';
  const chosen = valuesOf(fields, 'sec-websocket-protocol');
  const names = offered
    .join(',')
    .split(',')
    .map((name) => name.trim());
  if (chosen.length > 1 || chosen.some((name) => !names.includes(name)))
    return 'it chose a subprotocol that nobody offered';
  return null;
}
