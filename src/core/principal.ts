/** Who connects: an authenticated identity. Identity is (issuer, subject); an e-mail address never authorises (A-ID-05). */

export type PrincipalKind = 'person' | 'service' | 'agent';

/** Built-in roles towards the control plane. Reviewers are named by group, where a guardrail asks for them. */
export type Role = 'admin' | 'auditor' | 'member';

export const roles: readonly Role[] = ['admin', 'auditor', 'member'];

/**
 * Who acts for the principal, as a chain of `act` claims has it (RFC 8693, section 4.1): the first acts now, each next one had
 * it act.
 */
export type ActingAgent = { readonly issuer: string; readonly subject: string; readonly name: string };

/** What a credential is good for, where it is not for all that its principal may: it only ever narrows. */
export type Scope = {
  /** Names of resources. */
  readonly resources?: readonly string[];
};

/** How the proof was given, so that revoking the proof finds what it opened. */
export interface Authentication {
  readonly method:
    | 'token'
    | 'password'
    | 'key'
    | 'certificate'
    | 'approval'
    | 'visit'
    | 'oidc'
    | 'saml'
    | 'passkey'
    | 'workload'
    | 'system';
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
  /** With what: values of `amr` (RFC 8176), or what an identity provider calls it. */
  readonly factors?: readonly string[];
  /** Absent where the credential is good for all that its principal may. */
  readonly scope?: Scope;
  /** Absent where nobody acts for the principal. */
  readonly actors?: readonly ActingAgent[];
  /** Names the rule by which a workload's own token stands for it; it ends with that rule. */
  readonly trust?: string;
}

/**
 * Whether what was presented is the principal's own and whole: not narrowed, and in nobody else's hands. Only such a one
 * makes or confirms other proofs, and decides.
 */
export function isUndelegated({ scope, actors, issuedBy }: Authentication): boolean {
  return scope === undefined && actors === undefined && issuedBy === undefined;
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

/** Names of the agents that are at it, the last first: who acts for the principal, and itself where it is one. */
export function agentsOf({
  name,
  kind,
  authentication,
}: Pick<Principal, 'name' | 'kind' | 'authentication'>): string[] {
  return [...(authentication.actors ?? []).map((actor) => actor.name), ...(kind === 'agent' ? [name] : [])];
}

/** Whose doing it is what a principal does with what it presented, as `Authentication.issuedBy` spells it. */
export function actingNames({ name, authentication }: Pick<Principal, 'name' | 'authentication'>): string {
  return [...new Set([name, ...(authentication.issuedBy ?? '').split(' ')])].filter((one) => one !== '').join(' ');
}
