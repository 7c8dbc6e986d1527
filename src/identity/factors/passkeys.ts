/**
 * Passkeys (W3C Web Authentication Level 3): what the browser is asked, and whether its answer proves the passkey.
 *
 * Invariants:
 * - Origin and relying party are compared exactly; answers from frames of other sites are refused (A-ID-08, A-ID-09).
 * - Attestation is neither asked for nor read: of formats only `none`, and `packed` signed by the passkey itself, get as far
 *   as the library, which would parse certificates of the others and fetch the lists that these name (A-API-04).
 * - The counter is judged after the signature, so that only who has the key can raise the alarm.
 *
 * Deliberately absent: models of authenticators (MDS), challenges and who may ask (sign-on.ts, enrolment.ts).
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import { base32 } from '../../base/ids.ts';
import type { FactorRecord, PrincipalEntry } from '../records.ts';
import type { AssertionAnswer, RegistrationAnswer } from './answer.ts';
import * as limits from './limits.ts';
import type { RelyingParty } from './parts.ts';

/** What goes to `navigator.credentials`, as JSON. */
export type CreationOptions = PublicKeyCredentialCreationOptionsJSON;
export type RequestOptions = PublicKeyCredentialRequestOptionsJSON;

/** What is kept of a passkey beside its counter. */
export interface PasskeyData {
  readonly credentialId: string;
  /** COSE key, base64url. */
  readonly publicKey: string;
  readonly transports: readonly string[];
  /** What the passkey says whose it is. */
  readonly userHandle: string;
  readonly isShared: boolean;
  readonly isBackedUp: boolean;
  readonly verifiesUser: boolean;
}

export type Assertion =
  | { readonly outcome: 'proven'; readonly counter: number; readonly data: PasskeyData; readonly userVerified: boolean }
  | { readonly outcome: 'refused'; readonly detail: string }
  | { readonly outcome: 'counter-regressed' };

/** ES256, EdDSA, RS256. */
const algorithms = [-7, -8, -257];

/** Lengths of credential ids that authenticators really use. */
const usualIdBytes = [16, 20, 32, 64];

/** A passkey as the browser is told of it. */
export interface Named {
  id: string;
  transports?: string[];
}

export function newChallenge(): string {
  return randomBytes(limits.challengeBytes).toString('base64url');
}

/** The record of a credential: one for each in the whole gateway, so that no passkey can be of two principals. */
export function passkeyRecordId(credentialId: string): string {
  const digest = createHash('sha256').update('passkey').update(Buffer.from(credentialId, 'base64url')).digest();
  return `fct_${base32(digest.subarray(0, 20))}`;
}

export function passkeyData(record: FactorRecord): PasskeyData {
  return JSON.parse(record.data) as PasskeyData;
}

export class Passkeys {
  readonly #party: RelyingParty;
  readonly #serverSecret: Buffer;

  constructor(party: RelyingParty, serverSecret: Buffer) {
    this.#party = party;
    this.#serverSecret = serverSecret;
  }

  creationOptions(
    entry: PrincipalEntry,
    existing: readonly FactorRecord[],
    challenge: string,
  ): Promise<CreationOptions> {
    return generateRegistrationOptions({
      rpName: this.#party.name,
      rpID: this.#party.id,
      userName: entry.name,
      userDisplayName: entry.name,
      userID: bytesOf(this.#userHandle(entry.name)),
      challenge: bytesOf(challenge),
      timeout: limits.challengeLifetimeMs,
      attestationType: 'none',
      excludeCredentials: existing.map((record) => nameOf(record)),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      supportedAlgorithmIDs: algorithms,
    });
  }

  /** `known` null asks for whichever passkey the browser has for this gateway. */
  requestOptions(known: readonly Named[] | null, challenge: string, isAlone: boolean): Promise<RequestOptions> {
    return generateAuthenticationOptions({
      rpID: this.#party.id,
      challenge: bytesOf(challenge),
      timeout: limits.challengeLifetimeMs,
      userVerification: isAlone ? 'required' : 'preferred',
      ...(known === null ? {} : { allowCredentials: known.map((one) => ({ ...one })) }),
    });
  }

  /** What is asked for before anybody is known: without transports, since a name that nobody has shows none (A-ID-10). */
  namedOptions(login: string, records: readonly FactorRecord[], challenge: string): Promise<RequestOptions> {
    const ids = records.map((record) => passkeyData(record).credentialId);
    const shown = ids.length > 0 ? ids : this.#inventedIds(login);
    return this.requestOptions(
      shown.map((id) => ({ id })),
      challenge,
      true,
    );
  }

  /** Null where it does not prove the making of a passkey here and now. */
  async register(
    owner: string,
    answer: RegistrationAnswer,
    challenge: string,
  ): Promise<{ data: PasskeyData; counter: number } | null> {
    const { id, clientDataJSON, attestationObject, transports } = answer;
    const info = await orNull(async () => {
      checkAttestation(attestationObject);
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        response: {
          id,
          rawId: id,
          type: 'public-key',
          response: { clientDataJSON, attestationObject, transports: [...transports] },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        expectedOrigin: [...this.#party.origins],
        expectedRPID: this.#party.id,
        requireUserVerification: false,
        supportedAlgorithmIDs: algorithms,
      });
      return verified ? registrationInfo : null;
    });
    if (info === null || info === undefined || info.credential.id !== id) return null;
    const data: PasskeyData = {
      credentialId: id,
      publicKey: Buffer.from(info.credential.publicKey).toString('base64url'),
      transports,
      userHandle: this.#userHandle(owner),
      isShared: info.credentialDeviceType === 'multiDevice',
      isBackedUp: info.credentialBackedUp,
      verifiesUser: info.userVerified,
    };
    return { data, counter: info.credential.counter };
  }

  /** Whether the answer proves this passkey. A user handle, where there is one, must be its owner's. */
  async assert(
    record: FactorRecord,
    answer: AssertionAnswer,
    challenge: string,
    isUserVerified: 'required' | 'told',
  ): Promise<Assertion> {
    const data = passkeyData(record);
    const { id, clientDataJSON, authenticatorData, signature, userHandle } = answer;
    if (id !== data.credentialId) return { outcome: 'refused', detail: 'another passkey' };
    if (userHandle !== null && userHandle !== data.userHandle) {
      return { outcome: 'refused', detail: "another principal's user handle" };
    }
    const info = await orNull(async () => {
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        response: {
          id,
          rawId: id,
          type: 'public-key',
          response: { clientDataJSON, authenticatorData, signature },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        expectedOrigin: [...this.#party.origins],
        expectedRPID: this.#party.id,
        // The counter is judged below.
        credential: { id, publicKey: bytesOf(data.publicKey), counter: 0 },
        requireUserVerification: isUserVerified === 'required',
      });
      return verified ? authenticationInfo : null;
    });
    if (info === null) return { outcome: 'refused', detail: 'the answer does not prove the passkey' };
    const { newCounter: counter, userVerified } = info;
    if ((counter > 0 || record.counter > 0) && counter <= record.counter) return { outcome: 'counter-regressed' };
    return { outcome: 'proven', counter, userVerified, data: { ...data, isBackedUp: info.credentialBackedUp } };
  }

  /** What a passkey says whose it is: nothing that tells who (WebAuthn section 14.6.1), and always the same. */
  #userHandle(owner: string): string {
    return this.#derive('user handle', owner).toString('base64url');
  }

  /** One or two ids for a name without passkeys, the same each time. */
  #inventedIds(login: string): readonly string[] {
    const shape = this.#derive('shape of invented passkeys', login);
    return Array.from({ length: 1 + (shape[0]! & 1) }, (_, n) => {
      const bytes = Buffer.concat([0, 1].map((part) => this.#derive(`invented passkey ${n} ${part}`, login)));
      return bytes.subarray(0, usualIdBytes[shape[1 + n]! & 3]).toString('base64url');
    });
  }

  #derive(what: string, name: string): Buffer {
    return createHmac('sha256', this.#serverSecret).update(`${what}\n${name}`).digest();
  }
}

export function nameOf(record: FactorRecord): Named {
  const { credentialId, transports } = passkeyData(record);
  return transports.length === 0 ? { id: credentialId } : { id: credentialId, transports: [...transports] };
}

function checkAttestation(attestationObject: string): void {
  const attestation = decodeAttestationObject(bytesOf(attestationObject));
  const format = attestation.get('fmt');
  const isOwn = format === 'packed' && attestation.get('attStmt').get('x5c') === undefined;
  if (format !== 'none' && !isOwn) throw new TypeError('an attestation that was not asked for');
}

/** The library throws for whatever does not fit, and for what it cannot read: both are a refusal. */
async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
