/**
 * Sign-ons by the device grant (RFC 8628): a program shows a code, and its person types it at the provider.
 *
 * Invariants: the device code stays with the gateways, in `OnceRecords`; the program has an id of 128 random bits, of which a
 * digest is kept. The provider is asked no more often than it wants, however often the program asks, and by one gateway at a
 * time. Once it answered for good, nothing is kept; a gateway that dies while it asks takes the sign-on with it.
 *
 * Deliberately absent: binding the program to its person: whoever shows a code to somebody else is signed on as them.
 */
import { randomBytes } from 'node:crypto';
import {
  type Configuration,
  calculatePKCECodeChallenge,
  type DeviceAuthorizationResponse,
  genericGrantRequest,
  initiateDeviceAuthorization,
  randomPKCECodeVerifier,
  type ServerMetadata,
} from 'openid-client';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import { type Clients, digestOf, explained, ProviderAnswer, scopeOf, webUrl } from './client.ts';
import { askedNothing, type SignedOn, signedOn } from './id-token.ts';
import type { OidcProvider } from './provider.ts';

export interface DeviceBegun {
  /** For `pollDevice`; a secret of the program that asks. */
  readonly id: string;
  /** For the person, with where to type it. */
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | null;
  readonly intervalSeconds: number;
  readonly expiresAtMs: number;
}

export type DevicePoll =
  | { readonly outcome: 'pending' | 'slow-down'; readonly intervalSeconds: number }
  | { readonly outcome: 'denied' | 'expired' }
  | ({ readonly outcome: 'proven' } & SignedOn);

export interface DeviceSignOns {
  beginDevice(options: { readonly provider: string }): Promise<DeviceBegun>;
  /** An unknown id has expired. Rejects with `identity.provider-unreachable`; asking again later goes on. */
  pollDevice(id: string): Promise<DevicePoll>;
}

interface Waiting {
  readonly provider: string;
  readonly issuer: string;
  readonly deviceCode: string;
  /** Of PKCE, where the provider wants that here too. */
  readonly verifier: string | null;
  readonly intervalSeconds: number;
  readonly expiresAtMs: number;
}

export function deviceSignOns(clients: Clients): DeviceSignOns {
  return {
    beginDevice: ({ provider }) => beginDevice(clients, clients.find(provider)),
    pollDevice: (id) => pollDevice(clients, id),
  };
}

async function beginDevice(clients: Clients, provider: OidcProvider): Promise<DeviceBegun> {
  const { clock, once } = clients.parts;
  return clients.during(provider, 'to begin a sign-on of a device', async () => {
    const { configuration, metadata } = await clients.of(provider);
    if (typeof metadata.device_authorization_endpoint !== 'string') {
      const values = { provider: provider.name, flow: 'the device flow' };
      throw identityErrors('identity.flow-unsupported', { values, detail: 'no device_authorization_endpoint' });
    }
    const { answer, verifier } = await initiated(configuration, metadata, scopeOf(provider.spec.scopes));
    const id = randomBytes(16).toString('base64url');
    const lifetimeMs = Math.min(answer.expires_in * 1000, limits.deviceLifetimeMaxMs);
    const waiting: Waiting = {
      provider: provider.name,
      issuer: provider.spec.issuer,
      deviceCode: answer.device_code,
      verifier,
      intervalSeconds: intervalOf(answer.interval ?? limits.devicePauseSecondsDefault),
      expiresAtMs: clock.now() + lifetimeMs,
    };
    await once.put(keyOf(id), JSON.stringify(waiting), waiting.expiresAtMs);
    const complete = answer.verification_uri_complete;
    return {
      id,
      userCode: answer.user_code,
      verificationUri: pageOf(answer.verification_uri, provider),
      verificationUriComplete: complete === undefined ? null : pageOf(complete, provider),
      intervalSeconds: waiting.intervalSeconds,
      expiresAtMs: waiting.expiresAtMs,
    };
  });
}

interface Initiated {
  readonly answer: DeviceAuthorizationResponse;
  readonly verifier: string | null;
}

/**
 * Without PKCE, which RFC 8628 does not know and some providers refuse; with it where the provider will not do without, as
 * Keycloak does of a client that has to use it.
 */
async function initiated(configuration: Configuration, metadata: ServerMetadata, scope: string): Promise<Initiated> {
  try {
    return { answer: await initiateDeviceAuthorization(configuration, { scope }), verifier: null };
  } catch (error) {
    const why = explained(error);
    const isRefused = why instanceof ProviderAnswer && why.error === 'invalid_request';
    if (!isRefused || metadata.code_challenge_methods_supported?.includes('S256') !== true) throw why;
    const verifier = randomPKCECodeVerifier();
    const challenge = {
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    return { answer: await initiateDeviceAuthorization(configuration, { scope, ...challenge }), verifier };
  }
}

function pageOf(text: string, provider: OidcProvider): string {
  if (!URL.canParse(text)) throw new ProviderAnswer('an address that is no page');
  return webUrl(new URL(text), provider);
}

function intervalOf(seconds: number): number {
  return Math.min(Math.max(seconds, 1), limits.devicePauseSecondsMax);
}

async function pollDevice(clients: Clients, id: string): Promise<DevicePoll> {
  const { clock, once } = clients.parts;
  if (!/^[\w-]{22}$/.test(id)) return { outcome: 'expired' };
  const turn = `oidc-device-turn:${digestOf(id)}`;
  // Longer than all that is asked takes; given back below.
  if (!(await once.put(turn, '', clock.now() + limits.providerDeadlineMs * 6))) {
    return { outcome: 'slow-down', intervalSeconds: limits.devicePauseSecondsDefault };
  }
  const kept = await once.take(keyOf(id), clock.now());
  const waiting = kept === null ? null : (JSON.parse(kept) as Waiting);
  let next: Waiting | null = waiting;
  try {
    if (waiting === null) return { outcome: 'expired' };
    const answer = await ask(clients, waiting);
    const isOver = answer.outcome !== 'pending' && answer.outcome !== 'slow-down';
    next = isOver ? null : { ...waiting, intervalSeconds: answer.intervalSeconds };
    return answer;
  } catch (error) {
    // What the provider refused is over; what it did not answer goes on.
    if (!isUnreachable(error)) next = null;
    throw error;
  } finally {
    await giveBack(clients, id, turn, next);
  }
}

async function giveBack(clients: Clients, id: string, turn: string, next: Waiting | null): Promise<void> {
  const { clock, once } = clients.parts;
  if (next !== null) await once.put(keyOf(id), JSON.stringify(next), next.expiresAtMs);
  await once.take(turn, clock.now());
  if (next === null) return;
  await once.put(turn, '', clock.now() + next.intervalSeconds * 1000 - limits.devicePauseToleranceMs);
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'identity.provider-unreachable';
}

async function ask(clients: Clients, waiting: Waiting): Promise<DevicePoll> {
  const { clock, providers } = clients.parts;
  const { deviceCode, verifier, intervalSeconds } = waiting;
  const provider = providers().find(({ name }) => name === waiting.provider);
  if (provider === undefined || provider.spec.issuer !== waiting.issuer) return { outcome: 'expired' };
  return clients.during<DevicePoll>(provider, 'a sign-on of a device', async () => {
    const client = await clients.of(provider);
    try {
      const tokens = await genericGrantRequest(client.configuration, grantType, {
        device_code: deviceCode,
        ...(verifier === null ? {} : { code_verifier: verifier }),
      });
      return { outcome: 'proven', ...(await signedOn(client, () => clock.now(), tokens, askedNothing)) };
    } catch (error) {
      const why = explained(error);
      const answer = why instanceof ProviderAnswer ? answerOf(why.error, intervalSeconds) : null;
      if (answer === null) throw why;
      return answer;
    }
  });
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

/** RFC 8628, section 3.5. */
function answerOf(error: string, intervalSeconds: number): DevicePoll | null {
  switch (error) {
    case 'authorization_pending':
      return { outcome: 'pending', intervalSeconds };
    case 'slow_down':
      return { outcome: 'slow-down', intervalSeconds: intervalOf(intervalSeconds + limits.devicePauseStepSeconds) };
    case 'access_denied':
      return { outcome: 'denied' };
    case 'expired_token':
      return { outcome: 'expired' };
    default:
      return null;
  }
}

function keyOf(id: string): string {
  return `oidc-device:${digestOf(id)}`;
}
