/** Who connects: an authenticated identity. Identity is (issuer, subject); an e-mail address never authorises (A-ID-05). */

export type PrincipalKind = 'person' | 'service' | 'agent';

/** Built-in roles towards the control plane. Reviewers are named by group, where a guardrail asks for them. */
export type Role = 'admin' | 'auditor' | 'member';

export const roles: readonly Role[] = ['admin', 'auditor', 'member'];

/** How the proof was given, so that revoking the proof finds what it opened. */
export interface Authentication {
  readonly method: 'token' | 'password' | 'key' | 'certificate' | 'approval' | 'visit' | 'system';
  /** The id (never the secret) of what was presented: a token's id, a key's fingerprint (`SHA256:…`). */
  readonly credentialId: string | null;
  /** Wall clock, milliseconds. */
  readonly atMs: number;
  /**
   * Names, separated by spaces, of everyone who may have what was presented beside its owner: who issued it, and whoever
   * may have what they asked with. Absent where nobody else has it.
   */
  readonly issuedBy?: string;
  /** When its owner last proved themself in person for what was presented, by a password; absent where that is not known. */
  readonly provenAtMs?: number;
}

export interface Principal {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  /** The login name; unique within the gateway, shown to people. */
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
  readonly authentication: Authentication;
}

/** Whose doing it is what a principal does with what it presented, as `Authentication.issuedBy` spells it. */
export function actingNames({ name, authentication }: Pick<Principal, 'name' | 'authentication'>): string {
  return [...new Set([name, ...(authentication.issuedBy ?? '').split(' ')])].filter((one) => one !== '').join(' ');
}
