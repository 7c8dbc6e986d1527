/** An OpenID provider as configured, and what of a sign-on is kept for later. */
import type { NamingRule } from '../naming.ts';

/** The part of an IdentityProvider's spec that is read here. */
export interface OidcSpec {
  readonly issuer: string;
  readonly clientId: string;
  /** Where its secret comes from; left out for a public client. What it is comes from `OidcParts.clientSecret`. */
  readonly clientSecret?: unknown;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** The claim that never changes hands. */
  readonly subject: 'sub' | 'oid';
  readonly acrValues?: readonly string[] | undefined;
  readonly name?: NamingRule | undefined;
  readonly groups: { readonly claim: string };
  readonly private: boolean;
  readonly ca?: string | undefined;
}

export interface OidcProvider {
  readonly name: string;
  readonly spec: OidcSpec;
}

/** What goes on after a sign-on with it. Its tokens are secrets: whoever keeps it seals it. */
export interface SignOnMaterial {
  /** The subject as the provider's own tokens spell it, whichever claim identifies. */
  readonly sub: string;
  /** The hint of a logout at the provider. */
  readonly idToken: string | null;
  readonly refreshToken: string | null;
}
