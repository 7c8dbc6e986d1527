/**
 * From an accepted connection to a StartupMessage that may go on: encryption, version, parameters; or a CancelRequest.
 *
 *     accepted ─ SSLRequest ─► TLS ─┐
 *        │  └─ GSSENCRequest ─► N ──┤ (each at most once)
 *        └─ ClientHello (ALPN) ─────┼─► StartupMessage ─► login
 *                                   └─► CancelRequest ─► done
 *
 * Invariants:
 * - Bytes that came before TLS are never read as if they had come inside it (A-PG-01).
 * - Where TLS is required, nothing is asked of a client that has none: no password prompt (A-PG-05).
 * - What is not this protocol is closed without an answer, so that nothing of it is reflected (A-GW-03).
 *
 * Deliberately absent: who the client is (login.ts).
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up", 54.2.8, 54.2.10 and 54.2.11.
 */
import { withDeadline } from '../../base/deadline.ts';
import { describeError, GatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import type { ClientFacts, Door } from '../../core/protocol.ts';
import { encodeNegotiateProtocolVersion } from './backend.ts';
import type { CancelRegistry } from './cancel.ts';
import { postgresErrors } from './errors.ts';
import { encodeFatal } from './fatal.ts';
import { decodeStartupPacket, type StartupPacket } from './frontend.ts';
import { Inbox } from './inbox.ts';
import * as limits from './limits.ts';
import { type ClientParameters, readParameters } from './parameters.ts';

/** A client that may log in. */
export interface Startup {
  /** Reads the client until the relay takes over by `inbox.handOver`. */
  readonly inbox: Inbox;
  readonly parameters: ClientParameters;
  /** The minor version spoken with the client: 0 or 2. */
  readonly minor: 0 | 2;
  readonly minorRequested: number;
  /** What the client says of itself, for the session's record. */
  readonly facts: ClientFacts;
}

const alpnProtocol = 'postgresql';
const tlsHandshakeRecord = 0x16;
/** Length field and code. */
const packetBytesMin = 8;

/** These end the connection without an answer: there is nobody to answer, or no state in which an answer is defined. */
const silent: ReadonlySet<string> = new Set([
  'postgres.closed',
  'postgres.not-postgres',
  'postgres.plaintext-after-ssl-request',
  'base.plaintext-before-tls',
  'postgres.negotiation-repeated',
  'postgres.alpn-missing',
  'postgres.tls-failed',
  'postgres.too-much-early-data',
]);

/**
 * Receives the start-up of one connection. Null when that is all: a cancel request was dealt with, or the client was
 * refused, told so, and journaled; the wire is then closing.
 */
export async function receiveStartup(client: Wire, door: Door, cancels: CancelRegistry): Promise<Startup | null> {
  const inbox = new Inbox(client, { clock: door.clock, signal: door.signal, bytesMax: limits.earlyBytesMax });
  inbox.deadline(limits.startupDeadlineMs, 'start-up of the client');
  try {
    return await negotiate(client, inbox, door, cancels);
  } catch (error) {
    refuseClient(client, inbox, door, error);
    return null;
  }
}

/** Tells the client why, journals it, and closes. Shared with login. */
export function refuseClient(client: Wire, inbox: Inbox, door: Door, error: unknown): void {
  const known = error instanceof GatewayError ? error : null;
  if (known === null || known.kind === 'assertion') {
    door.log.error('connection failed', { detail: describeError(error) });
  } else if (known.kind === 'operation') {
    door.log.info('connection ended before its session', { code: known.code, detail: describeError(error) });
  } else if (!known.code.startsWith('core.')) {
    // Refusals of the pipeline's own (`core.…`) were journaled where they were decided.
    door.violation('client', known.code, known.detail ?? known.publicMessage);
  }
  inbox.rest();
  if (known !== null && silent.has(known.code)) {
    client.destroy();
    return;
  }
  client.end(encodeFatal(error));
  // A client that never closes its side is dropped with the others' patience: the answer has long been sent.
  const timer = door.clock.after(limits.refusalLingerMs, () => client.destroy());
  inbox.onClosed = () => timer.cancel();
}

async function negotiate(client: Wire, inbox: Inbox, door: Door, cancels: CancelRegistry): Promise<Startup | null> {
  let sslAsked = false;
  let gssAsked = false;
  await inbox.need(1);
  if (inbox.peek(1)[0] === tlsHandshakeRecord) {
    sslAsked = true;
    await startTls(client, door, inbox.take(inbox.bytes));
    // A-PG-06: without ALPN, a browser could be led to speak to this port in another protocol's name.
    if (client.tls?.alpn !== alpnProtocol) throw postgresErrors('postgres.alpn-missing');
  }
  for (;;) {
    const packet = await receivePacket(inbox);
    switch (packet.name) {
      case 'SSLRequest':
        if (sslAsked) throw postgresErrors('postgres.negotiation-repeated', { detail: 'SSLRequest' });
        sslAsked = true;
        // A-PG-01: what is there already was sent in clear and would be taken for the encrypted beginning.
        if (inbox.bytes > 0) throw postgresErrors('postgres.plaintext-after-ssl-request');
        client.write(Buffer.from('S'));
        await startTls(client, door);
        break;
      case 'GSSENCRequest':
        if (gssAsked || client.tls !== null) {
          throw postgresErrors('postgres.negotiation-repeated', { detail: 'GSSENCRequest' });
        }
        gssAsked = true;
        client.write(Buffer.from('N'));
        break;
      case 'CancelRequest':
        await cancel(packet.processId, packet.key, client, door, cancels);
        inbox.rest();
        client.destroy();
        return null;
      case 'StartupMessage':
        return begin(packet, client, inbox, door);
    }
  }
}

/** Reads one packet of the start-up phase. Its length is checked before any of it is waited for (A-PG-09, A-PG-10). */
async function receivePacket(inbox: Inbox): Promise<StartupPacket> {
  await inbox.need(4);
  const length = inbox.peek(4).readUInt32BE();
  if (length < packetBytesMin || length > limits.startupBytesMax) {
    throw postgresErrors('postgres.not-postgres', { detail: `start-up packet of ${length} bytes` });
  }
  await inbox.need(length);
  return decodeStartupPacket(inbox.take(length));
}

async function startTls(client: Wire, door: Door, first?: Buffer): Promise<void> {
  const options = { ...door.serverTls(), alpn: [alpnProtocol], ...(first === undefined ? {} : { first }) };
  try {
    await withDeadline(
      client.startServerTls(options),
      limits.startupDeadlineMs,
      'TLS handshake of the client',
      door.clock,
      door.signal,
    );
  } catch (cause) {
    if (cause instanceof GatewayError && cause.kind === 'protocol') throw cause;
    throw postgresErrors('postgres.tls-failed', { cause, detail: describeError(cause) });
  }
}

async function cancel(
  processId: number,
  key: Buffer,
  client: Wire,
  door: Door,
  cancels: CancelRegistry,
): Promise<void> {
  const outcome = await withDeadline(
    cancels.request(processId, key, client.remoteAddress),
    limits.cancelDeadlineMs,
    'cancelling',
    door.clock,
    door.signal,
  );
  // A-PG-25. What is ignored is not journaled either: the journal is not the guesser's to fill.
  if (outcome === 'unknown') {
    const { code, publicMessage } = postgresErrors('postgres.cancel-unknown');
    door.violation('client', code, publicMessage);
  }
}

function begin(
  packet: Extract<StartupPacket, { name: 'StartupMessage' }>,
  client: Wire,
  inbox: Inbox,
  door: Door,
): Startup {
  const { major, minor: minorRequested } = packet;
  if (major !== 3) {
    throw postgresErrors('postgres.protocol-version', { values: { version: `${major}.${minorRequested}` } });
  }
  if (client.tls === null && door.connection.tlsRequired) throw postgresErrors('postgres.tls-required');
  // A-PG-03: the client speaks next when it is asked to.
  if (inbox.bytes > 0) throw postgresErrors('postgres.unexpected-message', { detail: 'data behind StartupMessage' });
  const parameters = readParameters(packet.parameters);
  // 3.1 was never used; it means 3.0. Whatever is newer than we know becomes 3.2.
  const minor = minorRequested >= 2 ? 2 : 0;
  if (minorRequested !== minor || parameters.protocolOptions.length > 0) {
    client.write(encodeNegotiateProtocolVersion({ minor, unknownOptions: parameters.protocolOptions }));
  }
  const facts: Record<string, string> = { protocol: `3.${minor}`, tls: client.tls?.version ?? 'none' };
  if (parameters.database !== null) facts['database'] = parameters.database;
  for (const [name, value] of parameters.settings) facts[name] = value;
  return { inbox, parameters, minor, minorRequested, facts };
}
