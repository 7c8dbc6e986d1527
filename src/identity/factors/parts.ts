/** What second factors need, and the words of their answers. */
import type { Clock } from '../../base/clock.ts';
import type { FactorKind, FactorRecords, OnceRecords, PrincipalDirectory } from '../records.ts';
import type { Throttle } from '../throttle.ts';

/** The console, as passkeys know it (WebAuthn section 4). */
export interface RelyingParty {
  /** Domain that passkeys belong to: the console's host name, or a parent of it. Changing it ends all passkeys. */
  readonly id: string;
  readonly name: string;
  /** The console's own, exactly: `https://gateway.example.com:8443`. */
  readonly origins: readonly string[];
}

/** What somebody should look at; whoever composes journals it. A rejection refuses the proof that raised it. */
export type FactorAlarm =
  | { readonly type: 'recovery-code-used'; readonly owner: string; readonly source: string; readonly left: number }
  /** The signature was right and the counter was not: there are two of this key (WebAuthn section 6.1.1). */
  | {
      readonly type: 'passkey-counter-regressed';
      readonly owner: string;
      readonly source: string;
      readonly factor: string;
      readonly label: string;
    }
  /** The password was right, and `wrongAnswersMax` answers were wrong. */
  | { readonly type: 'answers-exhausted'; readonly owner: string; readonly source: string }
  /** `wrongCodesMax` within `codeWindowMs`; told once for each. */
  | { readonly type: 'codes-exhausted'; readonly owner: string; readonly source: string };

export interface FactorParts {
  readonly clock: Clock;
  readonly records: FactorRecords;
  readonly once: OnceRecords;
  readonly directory: PrincipalDirectory;
  readonly throttle: Throttle;
  readonly relyingParty: RelyingParty;
  /** Seals a secret for one name; `open` with another name rejects. */
  readonly seal: (name: string, plain: Buffer) => Promise<string>;
  readonly open: (name: string, sealed: string) => Promise<Buffer>;
  /** At least 32 random bytes, the same on all gateways: user handles, and what unknown names are answered with. */
  readonly serverSecret: Buffer;
  readonly alarm: (alarm: FactorAlarm) => Promise<void>;
}

/** Where an exchange began, so that only the same may end it. */
export interface Caller {
  /** Address of who asks. */
  readonly source: string;
  /** A random secret that only this browser has; null where there is no browser: the source stands for it then. */
  readonly browser: string | null;
}

/** What was proven just now. */
export interface FactorProof {
  readonly owner: string;
  readonly provenAtMs: number;
  /** Authentication methods as RFC 8176 names them, `pwd` among them where the password came first. */
  readonly factors: readonly string[];
  /** Which factor it was. */
  readonly kind: FactorKind;
  readonly factorId: string;
}

/** A proof as a token has it: what may change factors, where it is of just now. */
export interface Proven {
  readonly provenAtMs: number | null;
  readonly factors: readonly string[];
}

/** A factor as it is listed: nothing of what proves it. */
export interface FactorSummary {
  readonly id: string;
  readonly kind: FactorKind;
  readonly label: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
  /** Of a passkey: whether it may be on several devices, whether it is backed up, whether it asks for PIN or finger. */
  readonly passkey?: { readonly isShared: boolean; readonly isBackedUp: boolean; readonly verifiesUser: boolean };
  /** Of recovery codes: those that were not used. */
  readonly codesLeft?: number;
}

/** Names may change hands, from a local account to one of an identity provider: factors count for the former only. */
export function isLocalAndActive(directory: PrincipalDirectory, owner: string): boolean {
  const entry = directory.find(owner);
  return entry?.disabled === false && entry.issuer === 'local';
}

/** Whether these methods have more than a password in them (RFC 8176): something that the person has. */
export function provesFactor(factors: readonly string[]): boolean {
  return factors.some((one) => one === 'otp' || one === 'hwk' || one === 'swk');
}
