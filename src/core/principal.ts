/** Who connects: an authenticated identity. Identity is (issuer, subject); an e-mail address never authorises (A-ID-05). */

export type PrincipalKind = 'person' | 'service' | 'agent';

/** Built-in roles towards the control plane. Reviewers are named by group, where a guardrail asks for them. */
export type Role = 'admin' | 'auditor' | 'member';

export const roles: readonly Role[] = ['admin', 'auditor', 'member'];

/** How the proof was given, so that revoking the proof finds what it opened. */
export interface Authentication {
  readonly method: 'token' | 'password' | 'system';
  /** The id (never the secret) of what was presented: a token's id. */
  readonly credentialId: string | null;
  /** Wall clock, milliseconds. */
  readonly atMs: number;
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
