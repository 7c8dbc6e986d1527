/**
 * Presenting the credential to the upstream.
 *
 * Invariants:
 * - Nothing derived from the password leaves before the method was found allowed for the resource (A-PG-08).
 * - With channel binding required there is SCRAM-SHA-256-PLUS or no session (A-PG-07). Where it is only preferred, a
 *   stripped offer is still found: the client-first message says `y`, which an honest server refuses.
 * - A password in clear crosses TLS only.
 * - After SCRAM the server must have proved itself, too; AuthenticationOk without that is refused.
 *
 * A server that asks for nothing (trust) is accepted unless channel binding is required: nothing was given away.
 *
 * Deliberately absent: Kerberos, GSSAPI, SSPI, OAuth, client certificates.
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up" and 54.3 "SASL Authentication".
 */
import { createHash } from 'node:crypto';
import type { GatewayError } from '../../base/errors.ts';
import { createScramClient, createScramKeyCache } from '../../base/scram.ts';
import { coreErrors } from '../../core/errors.ts';
import type { UpstreamCredential } from '../../core/ports.ts';
import type { Resource } from '../../core/resource.ts';
import type { Upstream } from '../../core/session.ts';
import { type Authentication, decodeAuthentication } from './backend.ts';
import type { MessageView } from './body.ts';
import { postgresErrors } from './errors.ts';
import { encodePasswordMessage, encodeSASLInitialResponse, encodeSASLResponse } from './frontend.ts';
import type { AuthenticationMethod, UpstreamSettings } from './upstream-settings.ts';

export interface UpstreamLogin {
  readonly upstream: Upstream;
  readonly resource: Resource;
  readonly settings: UpstreamSettings;
  readonly credential: UpstreamCredential;
  /** `tls-server-end-point` of the upstream's certificate, or null. */
  readonly binding: Buffer | null;
}

type Next = () => Promise<MessageView & { readonly type: string }>;

/** Keys derived from upstream credentials, shared by all connections of this process: no PBKDF2 for each. */
const keyCache = createScramKeyCache();

/** Answers what the upstream asks until AuthenticationOk. */
export async function authenticate(login: UpstreamLogin, next: Next): Promise<void> {
  const request = await nextAuthentication(login, next);
  if (request.name === 'AuthenticationSASL') return scram(login, request.mechanisms, next);
  if (login.settings.channelBinding === 'require') throw notAllowed(login, 'channel binding is required');
  switch (request.name) {
    case 'AuthenticationOk':
      return;
    case 'AuthenticationMD5Password': {
      const password = permitted(login, 'md5');
      const inner = md5(Buffer.from(password + login.credential.username));
      const outer = md5(Buffer.concat([Buffer.from(inner), request.salt]));
      login.upstream.handshake(encodePasswordMessage(`md5${outer}`));
      break;
    }
    case 'AuthenticationCleartextPassword': {
      const password = permitted(login, 'cleartext');
      if (login.upstream.tls === null) throw notAllowed(login, 'a password in clear without TLS');
      login.upstream.handshake(encodePasswordMessage(password));
      break;
    }
    default:
      throw notAllowed(login, request.name === 'other' ? `method ${request.code}` : request.name);
  }
  await accepted(login, next);
}

async function scram(login: UpstreamLogin, mechanisms: readonly string[], next: Next): Promise<void> {
  const { upstream, settings, binding } = login;
  const password = permitted(login, 'scram-sha-256');
  const offersPlus = mechanisms.includes('SCRAM-SHA-256-PLUS');
  const binds = settings.channelBinding !== 'disable' && binding !== null;
  // A-PG-07: required and not to be had, for whatever reason, means no session.
  if (settings.channelBinding === 'require' && !(binds && offersPlus)) {
    throw notAllowed(login, 'channel binding is required and was not offered');
  }
  if (!mechanisms.includes('SCRAM-SHA-256') && !(binds && offersPlus)) throw notAllowed(login, 'no common mechanism');
  const client = createScramClient({
    password,
    channelBinding: binds ? { type: 'tls-server-end-point', data: binding } : null,
    serverOfferedPlus: offersPlus,
    keyCache,
  });
  upstream.handshake(encodeSASLInitialResponse(client.mechanism, Buffer.from(client.first())));
  const challenge = await nextAuthentication(login, next);
  if (challenge.name !== 'AuthenticationSASLContinue') throw unexpected(login, challenge.name);
  upstream.handshake(encodeSASLResponse(Buffer.from(await client.final(challenge.data.toString('utf8')))));
  const outcome = await nextAuthentication(login, next);
  if (outcome.name !== 'AuthenticationSASLFinal') throw unexpected(login, outcome.name);
  client.verify(outcome.data.toString('utf8'));
  await accepted(login, next);
}

/** The password, where `method` is allowed and there is one. */
function permitted(login: UpstreamLogin, method: AuthenticationMethod): string {
  // A-PG-08: before anything is computed, let alone sent.
  if (!login.settings.allowAuthentication.includes(method)) throw notAllowed(login, `${method} is not allowed`);
  const { password } = login.credential;
  if (password === null) {
    throw coreErrors('core.credential-unavailable', {
      values: { resource: login.resource.name },
      detail: 'the server asks for a password, and the resource has none',
    });
  }
  return password;
}

async function accepted(login: UpstreamLogin, next: Next): Promise<void> {
  const answer = await nextAuthentication(login, next);
  if (answer.name !== 'AuthenticationOk') throw unexpected(login, answer.name);
}

async function nextAuthentication(login: UpstreamLogin, next: Next): Promise<Authentication> {
  const message = await next();
  if (message.type !== 'R') throw unexpected(login, `type byte ${message.type.charCodeAt(0)}`);
  return decodeAuthentication(message);
}

function notAllowed({ resource }: UpstreamLogin, detail: string): GatewayError {
  return postgresErrors('postgres.upstream-authentication', { values: { resource: resource.name }, detail });
}

function unexpected({ resource }: UpstreamLogin, what: string): GatewayError {
  return postgresErrors('postgres.upstream-protocol', {
    values: { resource: resource.name },
    detail: `${what} during authentication`,
  });
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
