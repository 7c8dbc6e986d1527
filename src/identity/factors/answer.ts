/**
 * What a browser sends back from `navigator.credentials`, read as far as it is used: everything else in it is dropped, and
 * nothing is longer than its limit (WebAuthn sections 5.1, 5.8.1 and 6.1).
 */
import * as limits from './limits.ts';

export interface RegistrationAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly attestationObject: string;
  readonly transports: readonly string[];
}

export interface AssertionAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
  /** Null where the authenticator has none to give. */
  readonly userHandle: string | null;
}

/** Null where it is not one. */
export function readRegistration(answer: unknown): RegistrationAnswer | null {
  const { id, response } = credentialOf(answer);
  const clientDataJSON = encoded(response['clientDataJSON'], limits.clientDataLengthMax);
  const attestationObject = encoded(response['attestationObject'], limits.attestationLengthMax);
  if (id === null || clientDataJSON === null || attestationObject === null) return null;
  const named: unknown = response['transports'] ?? [];
  if (!Array.isArray(named)) return null;
  const transports = named.filter((one) => typeof one === 'string' && /^[a-z-]{1,32}$/.test(one)) as string[];
  return { id, clientDataJSON, attestationObject, transports: transports.slice(0, limits.transportsMax) };
}

/** Null where it is not one. */
export function readAssertion(answer: unknown): AssertionAnswer | null {
  const { id, response } = credentialOf(answer);
  const clientDataJSON = encoded(response['clientDataJSON'], limits.clientDataLengthMax);
  const authenticatorData = encoded(response['authenticatorData'], limits.authenticatorDataLengthMax);
  const signature = encoded(response['signature'], limits.signatureLengthMax);
  const given: unknown = response['userHandle'] ?? null;
  const userHandle = given === null || given === '' ? null : encoded(given, limits.userHandleLengthMax);
  if (id === null || clientDataJSON === null || authenticatorData === null || signature === null) return null;
  if (userHandle === null && given !== null && given !== '') return null;
  return { id, clientDataJSON, authenticatorData, signature, userHandle };
}

/**
 * The challenge that an answer is to; null where it cannot be read, or was given from within another site's frame. Whether
 * it was ever asked is for whoever keeps the challenges to say.
 */
export function challengeOf({ clientDataJSON }: { readonly clientDataJSON: string }): string | null {
  let data: unknown;
  try {
    data = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const { challenge, crossOrigin, topOrigin } = objectOf(data);
  // The library lets a frame pass that does not name its top.
  if ((crossOrigin ?? false) !== false || topOrigin !== undefined) return null;
  return encoded(challenge, limits.challengeBytes * 2);
}

function credentialOf(answer: unknown): { id: string | null; response: Readonly<Record<string, unknown>> } {
  const { id, rawId, type, response } = objectOf(answer);
  const isCredential = type === 'public-key' && id === rawId;
  return { id: isCredential ? encoded(id, limits.credentialIdLengthMax) : null, response: objectOf(response) };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Strict base64url without padding: what two decoders could read differently is not read. */
function encoded(value: unknown, lengthMax: number): string | null {
  return typeof value === 'string' && value.length <= lengthMax && /^[\w-]+$/.test(value) ? value : null;
}
