/**
 * The local port's side of PostgreSQL: plaintext on the loopback, TLS to the gateway.
 *
 * What it does to the stream, and nothing else:
 *   local → `SSLRequest`, `GSSENCRequest`   answered `N` here: the loopback needs no encryption
 *   local → `StartupMessage`, `CancelRequest`   sent on unchanged, after SSLRequest and TLS towards the gateway
 *   gateway → `AuthenticationSASL`   `…-PLUS` mechanisms taken out of the list: they bind to a TLS channel that the local
 *       client does not have, and libpq refuses to go on when they are offered without TLS
 *   everything after: bytes, both ways, with backpressure
 *
 * Invariants: not one byte of the client reaches the gateway before its certificate was verified; a byte behind the
 * gateway's `S` ends the connection, since nobody authenticated it (A-PG-02, CVE-2021-23222).
 * PostgreSQL documentation: "Frontend/Backend Protocol", Message Flow and Message Formats.
 */
import { connect as netConnect, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { codeOf, isCertificateError, reasonOf } from '../errors.ts';
import { localStartBytesMax, localStartDeadlineMs, localUpstreamDeadlineMs } from '../limits.ts';
import type { Target } from './client.ts';
import { MechanismFilter } from './postgres-mechanisms.ts';
import { StartReader } from './start-reader.ts';

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const sslRequestCode = 80877103;
const gssRequestCode = 80877104;

export async function forwardPostgres(local: Socket, target: Target, signal: AbortSignal): Promise<void> {
  // Errors surface as rejected reads and as `close`; without a listener Node would end the process.
  local.on('error', () => local.destroy());
  const onAbort = (): void => void local.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  let upstream: TLSSocket | null = null;
  try {
    const first = await readStart(local, signal);
    if (first === null) return;
    try {
      upstream = await dialTls(target, signal);
    } catch (error) {
      refuse(local, error);
      return;
    }
    await relay(local, upstream, first);
  } catch (error) {
    // The local client broke the protocol or left: it is told where it still listens, and the connection ends.
    if (!local.destroyed) refuse(local, error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    upstream?.destroy();
    await ended(local);
  }
}

/** Reads until the message that starts the session; answers the requests for encryption. Null when the client left. */
async function readStart(local: Socket, signal: AbortSignal): Promise<Buffer | null> {
  const reader = new StartReader(local, AbortSignal.any([signal, AbortSignal.timeout(localStartDeadlineMs)]));
  // Each request for encryption may come once; a third is no client but a loop.
  for (let requests = 0; requests < 3; requests++) {
    const head = await reader.take(8);
    if (head === null) return null;
    const size = head.readInt32BE(0);
    const code = head.readInt32BE(4);
    if (size < 8 || size > localStartBytesMax) throw new Error('not a PostgreSQL client');
    if (size === 8 && (code === sslRequestCode || code === gssRequestCode)) {
      local.write('N');
      continue;
    }
    const rest = await reader.take(size - 8);
    if (rest === null) return null;
    return Buffer.concat([head, rest, reader.release()]);
  }
  throw new Error('not a PostgreSQL client');
}

/** Connects to the gateway and verifies its certificate. */
async function dialTls(target: Target, signal: AbortSignal): Promise<TLSSocket> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(localUpstreamDeadlineMs)]);
  const socket = netConnect({ host: target.host, port: target.port, noDelay: true });
  socket.on('error', () => socket.destroy());
  try {
    await event(socket, 'connect', deadline);
    const reader = new StartReader(socket, deadline);
    socket.write(sslRequest);
    const answer = await reader.take(1);
    const behind = reader.release();
    if (answer === null || answer[0] !== 0x53 || behind.length > 0) throw new Error('the gateway refused TLS');
    const secure = tlsConnect({
      socket,
      ...(target.ca === null ? {} : { ca: target.ca }),
      ...(isAddress(target.host) ? {} : { servername: target.host }),
      host: target.host,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    });
    secure.on('error', () => secure.destroy());
    await event(secure, 'secureConnect', deadline);
    return secure;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Pipes both ways until both sides have closed. */
function relay(local: Socket, upstream: TLSSocket, first: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const filter = new MechanismFilter();
    const finish = (): void => {
      local.destroySoon();
      upstream.destroySoon();
      resolve();
    };
    // One side may have gone while the other was being dialled.
    if (local.destroyed || upstream.destroyed) return finish();
    upstream.write(first);
    local.on('data', (chunk) => {
      if (!upstream.write(chunk)) local.pause();
    });
    upstream.on('drain', () => local.resume());
    local.on('end', () => upstream.end());
    upstream.on('data', (chunk: Buffer) => {
      const filtered = filter.pass(chunk);
      if (filtered.length > 0 && !local.write(filtered)) upstream.pause();
    });
    local.on('drain', () => upstream.resume());
    upstream.on('end', () => local.end(filter.flush()));
    local.on('close', finish);
    upstream.on('close', finish);
    local.resume();
    upstream.resume();
  });
}

function event(socket: Socket, name: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      socket.off(name, onEvent);
      socket.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onEvent = (): void => settle(resolve);
    const onError = (error: Error): void => settle(() => reject(error));
    const onAbort = (): void => settle(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    socket.once(name, onEvent);
    socket.once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Tells the local client in its own protocol why it cannot go on, and closes. */
function refuse(local: Socket, error: unknown): void {
  const why = isCertificateError(error)
    ? `the gateway's certificate is not trusted: ${reasonOf(error)}`
    : codeOf(error) === null
      ? 'the gateway did not complete the connection'
      : `the gateway cannot be reached: ${reasonOf(error)}`;
  const fields = [
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', '08006'],
    ['M', `sallyport local port: ${why}`],
    ['H', 'See the terminal in which sallyport connect runs, and sallyport status.'],
  ];
  const body = Buffer.from(`${fields.map(([key, value]) => `${key}${value}\0`).join('')}\0`);
  const head = Buffer.alloc(5);
  head[0] = 0x45;
  head.writeInt32BE(4 + body.length, 1);
  local.end(Buffer.concat([head, body]));
  local.resume();
}

/** Waits until the socket is gone, dropping it when the peer does not close in turn. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || socket.closed) return resolve();
    const timer = setTimeout(() => socket.destroy(), localStartDeadlineMs);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once('finish', () => socket.destroySoon());
    if (socket.writableFinished) socket.destroySoon();
    if (!socket.writableEnded) socket.end();
  });
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}
