/**
 * Who the client is: the authentication exchange after its StartupMessage.
 *
 * The method is the server's to choose before it knows the client. It is SCRAM-SHA-256, with channel binding where TLS
 * gives it, for which the token never crosses the wire. A client that cannot do SCRAM gets a password exchange in clear
 * when the listener is set to that or the client asks by `options=-c sallyport.authentication=cleartext`; inside TLS
 * only, in either case.
 *
 * Invariants:
 * - Each message is checked against the step (I5): anything else closes the connection and is journaled (A-PG-03).
 * - Refusals look alike whatever their cause: wrong token, unknown principal, expired token (A-ID-10).
 * - Nothing may be waiting behind the last message: a client that speaks before it is let in is refused (A-PG-03).
 *
 * Deliberately absent: verifiers and throttling (the identity room), authorisation (core).
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up" and 54.3 "SASL Authentication".
 */
import { isUtf8 } from 'node:buffer';
import { withDeadline } from '../../base/deadline.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import { splitLogin } from '../../core/login.ts';
import type { Principal } from '../../core/principal.ts';
import type { ClientFacts, Door } from '../../core/protocol.ts';
import {
  encodeAuthenticationCleartextPassword,
  encodeAuthenticationOk,
  encodeAuthenticationSASL,
  encodeAuthenticationSASLContinue,
  encodeAuthenticationSASLFinal,
} from './backend.ts';
import type { MessageView } from './body.ts';
import { postgresErrors } from './errors.ts';
import { decodePasswordMessage, decodeSASLInitialResponse, decodeSASLResponse } from './frontend.ts';
import type { Inbox } from './inbox.ts';
import * as limits from './limits.ts';
import { refuseClient, type Startup } from './startup.ts';

export interface LoginOptions {
  /** What this listener asks of clients that do not choose. */
  readonly authentication: 'scram' | 'cleartext';
}

export interface Login {
  readonly principal: Principal;
  /** The name of the resource, as the client gave it. */
  readonly resource: string;
  readonly facts: ClientFacts;
}

type Mechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';

/**
 * Authenticates the client and answers AuthenticationOk. Null when it was refused, told so, and journaled; the wire is
 * then closing. The inbox has no deadline afterwards.
 */
export async function login(
  client: Wire,
  door: Door,
  startup: Startup,
  options: LoginOptions = { authentication: 'scram' },
): Promise<Login | null> {
  const { inbox, parameters, facts } = startup;
  inbox.deadline(limits.loginDeadlineMs, 'login of the client');
  try {
    // A login that cannot be one goes the way of one that is unknown.
    const { principal: name, resource: named } = splitLogin(parameters.user) ?? {
      principal: parameters.user,
      resource: null,
    };
    const cleartext = parameters.cleartext || options.authentication === 'cleartext';
    const principal = cleartext
      ? await byCleartext(client, door, inbox, name)
      : await byScram(client, door, inbox, name);
    const resource = named ?? parameters.database;
    if (resource === null) throw postgresErrors('postgres.no-resource');
    inbox.rest();
    return { principal, resource, facts: { ...facts, authentication: cleartext ? 'cleartext' : 'scram' } };
  } catch (error) {
    refuseClient(client, inbox, door, error);
    return null;
  }
}

async function byScram(client: Wire, door: Door, inbox: Inbox, name: string): Promise<Principal> {
  const binding = client.tls?.serverEndPoint ?? null;
  const offered: readonly Mechanism[] = binding === null ? ['SCRAM-SHA-256'] : ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];
  client.write(encodeAuthenticationSASL(offered));
  const { mechanism: wanted, data } = decodeSASLInitialResponse(await receivePassword(inbox));
  const mechanism = offered.find((one) => one === wanted);
  if (mechanism === undefined || data === null) {
    throw postgresErrors('postgres.message-malformed', { detail: 'SASLInitialResponse: mechanism not offered' });
  }
  const first = text(data);
  const identification = await settled(door, door.identifyByScram(name));
  try {
    const { exchange } = identification;
    client.write(encodeAuthenticationSASLContinue(Buffer.from(exchange.first(first, binding, mechanism))));
    const final = exchange.final(text(decodeSASLResponse(await receivePassword(inbox))));
    if (final === null) throw coreErrors('core.not-authenticated');
    nothingWaits(inbox);
    const principal = identification.principal();
    client.write(Buffer.concat([encodeAuthenticationSASLFinal(Buffer.from(final)), encodeAuthenticationOk()]));
    return principal;
  } catch (error) {
    // The gateway drove this exchange, so it reports its end; one that broke off half-way counts as a failure, too.
    door.refuseIdentity(name, error instanceof GatewayError ? error.code : 'core.not-authenticated');
    throw error;
  }
}

async function byCleartext(client: Wire, door: Door, inbox: Inbox, name: string): Promise<Principal> {
  // The listener may take connections without TLS; a token does not cross one in clear, ever.
  if (client.tls === null) throw postgresErrors('postgres.tls-required');
  client.write(encodeAuthenticationCleartextPassword());
  const secret = decodePasswordMessage(await receivePassword(inbox));
  nothingWaits(inbox);
  const principal = await settled(door, door.identifyBySecret(name, secret));
  nothingWaits(inbox);
  client.write(encodeAuthenticationOk());
  return principal;
}

/** The client's next message, which must be of type 'p'. A second StartupMessage has 0 there (A-PG-03). */
async function receivePassword(inbox: Inbox): Promise<MessageView> {
  await inbox.need(1);
  if (inbox.peek(1)[0] !== 0x70) {
    throw postgresErrors('postgres.unexpected-message', { detail: `type byte ${inbox.peek(1)[0]} during login` });
  }
  return inbox.message(limits.authenticationMessageBytesMax);
}

function nothingWaits(inbox: Inbox): void {
  if (inbox.bytes > 0) throw postgresErrors('postgres.unexpected-message', { detail: 'data before AuthenticationOk' });
}

/** Waits for the identity room no longer than for the client. */
function settled<T>(door: Door, proof: Promise<T>): Promise<T> {
  return withDeadline(proof, limits.loginDeadlineMs, 'identification', door.clock, door.signal);
}

function text(data: Buffer): string {
  if (!isUtf8(data)) throw postgresErrors('postgres.message-malformed', { detail: 'SASL message: not UTF-8' });
  return data.toString('utf8');
}
