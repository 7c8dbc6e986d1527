/**
 * Second factors as the API needs them, as an interface that the gateway fulfils. What each promises, and what it rejects with,
 * stands in identity's factors.
 */

export type FactorKind = 'passkey' | 'totp' | 'recovery';

/** Where an exchange began, so that only the same may end it. */
export interface FactorCaller {
  readonly source: string;
  /** What this browser's own cookie holds; null where there is no browser. */
  readonly browser: string | null;
}

/** What was proven just now. */
export interface FactorProof {
  readonly owner: string;
  readonly provenAtMs: number;
  /** Values of `amr` (RFC 8176). */
  readonly factors: readonly string[];
  readonly kind: FactorKind;
}

/** What a change of factors rests on. */
export interface ProvenNow {
  readonly provenAtMs: number | null;
  readonly factors: readonly string[];
}

export interface FactorRecord {
  readonly id: string;
  readonly kind: FactorKind;
  readonly label: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
  readonly passkey?: { readonly isShared: boolean; readonly isBackedUp: boolean; readonly verifiesUser: boolean };
  readonly codesLeft?: number;
}

/** What a confirmation may be given with; nothing where there is no factor. */
export interface FactorChoice {
  readonly factors: readonly FactorKind[];
  /** For `navigator.credentials.get`; null where no passkey would do. */
  readonly passkey: object | null;
}

export type FactorStep =
  | { readonly needed: 'none' }
  | ({ readonly needed: 'factor'; readonly pendingId: string; readonly expiresAtMs: number } & FactorChoice);

export interface FactorsPort {
  /** Whether the console is where browsers have passkeys: a name, by TLS or on this machine. */
  hasPasskeys(): boolean;
  hasFactor(owner: string): Promise<boolean>;
  list(owner: string): Promise<readonly FactorRecord[]>;
  /** Whether this would do for a change: of just now, and with a factor where there is one. */
  isProven(owner: string, proof: ProvenNow): Promise<boolean>;

  beginPasskey(
    owner: string,
    label: string,
    proof: ProvenNow,
    caller: FactorCaller,
  ): Promise<{ readonly options: object; readonly expiresAtMs: number }>;
  finishPasskey(owner: string, response: unknown, caller: FactorCaller): Promise<EnrolledFactor>;
  beginTotp(
    owner: string,
    label: string,
    proof: ProvenNow,
    caller: FactorCaller,
  ): Promise<{ readonly id: string; readonly uri: string; readonly secret: string; readonly expiresAtMs: number }>;
  finishTotp(owner: string, id: string, code: string, caller: FactorCaller): Promise<EnrolledFactor>;
  newRecoveryCodes(owner: string, proof: ProvenNow): Promise<readonly string[]>;
  remove(owner: string, id: string, proof: ProvenNow): Promise<boolean>;
  reset(owner: string, by: string): Promise<readonly FactorRecord[]>;

  challengeFor(owner: string, caller: FactorCaller): Promise<FactorStep>;
  answer(pendingId: string, kind: FactorKind, response: unknown, caller: FactorCaller): Promise<FactorProof>;
  passkeyOptions(login: string | null, caller: FactorCaller): Promise<object>;
  byPasskey(response: unknown, caller: FactorCaller): Promise<FactorProof>;
  confirmation(owner: string, caller: FactorCaller, isAfterPassword: boolean): Promise<FactorChoice>;
  confirm(
    owner: string,
    kind: FactorKind,
    response: unknown,
    caller: FactorCaller,
    isAfterPassword: boolean,
  ): Promise<FactorProof>;
}

export interface EnrolledFactor {
  readonly factor: FactorRecord;
  readonly proof: FactorProof;
}
