/** What a proof at an identity provider leaves: who somebody is, as the provider says, and how it was proven. */

export interface ProvenSubject {
  /** Name of the IdentityProvider. */
  readonly provider: string;
  /** As the provider spells it; with `subject` it is the identity, and nothing else is (A-ID-05). */
  readonly issuer: string;
  /** Never reassigned at the issuer. */
  readonly subject: string;
  /** The login name that the provider's naming rule gives, spelled as principals are. */
  readonly name: string;
  readonly displayName: string | null;
  /** For people to read. It never authorises anything. */
  readonly email: string | null;
  /** As the provider spells them, before any mapping; null where it does not say. */
  readonly groups: readonly string[] | null;
  /** How it was proven: values of `amr` (RFC 8176), or of SAML's AuthnContextClassRef. */
  readonly factors: readonly string[];
  /** When the person last proved themself in person at the provider; null where it does not say. */
  readonly provenAtMs: number | null;
  /** The provider's name of its own session (`sid`, SessionIndex), by which it signs off; null where it gives none. */
  readonly session: string | null;
}
