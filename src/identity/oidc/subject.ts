/**
 * From what a provider says to who somebody is: the claims of an ID token and of userinfo become a `ProvenSubject`.
 *
 * Invariants:
 * - Who it is, and how it was proven, the ID token alone says; userinfo adds what people read, names and groups.
 * - An e-mail address gives a name only where the provider says that it is verified, and never identifies (A-ID-05).
 * - Groups that the provider left out for their number are fetched from the provider itself, or the sign-on is refused:
 *   somebody in too many groups is not somebody in none. Nothing of a list is dropped silently.
 *
 * OpenID Connect Core 1.0, sections 2, 5.1, 5.3, 5.6.2; Microsoft Entra's groups overage claim.
 */
import { escapeLine } from '../../base/escape.ts';
import { type Claims, valueAt } from '../claim-path.ts';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import { type NamingRule, nameFrom } from '../naming.ts';
import type { ProvenSubject } from '../proven.ts';
import { TokenRefused } from './jwt.ts';
import type { OidcProvider } from './provider.ts';

export interface Told {
  readonly provider: OidcProvider;
  /** Of the verified ID token; null where a refresh gave none. */
  readonly idToken: Claims | null;
  /** Null where the provider has no such endpoint. */
  readonly userinfo: Claims | null;
  /** Who it was before a refresh. */
  readonly previous: ProvenSubject | null;
  /** Claims that stand elsewhere: see `distributed.ts`. */
  readonly follow: (source: unknown) => Promise<Claims>;
}

/** Rejects with an error of identity's that says what to correct, or with `TokenRefused`. */
export async function subjectOf(told: Told): Promise<ProvenSubject> {
  const { provider, idToken, userinfo, previous } = told;
  const { spec } = provider;
  const all: Claims = { ...userinfo, ...idToken };
  const subject = idToken === null ? previous?.subject : textOf(idToken, spec.subject, true);
  if (typeof subject !== 'string') throw new TokenRefused(`there is no ${spec.subject} in its ID token`);
  return {
    provider: provider.name,
    issuer: spec.issuer,
    subject,
    name: nameOf(told, all),
    displayName: readable(all['name']),
    email: readable(all['email']),
    groups: await groupsOf(told, all),
    factors: idToken === null ? (previous?.factors ?? []) : factorsOf(idToken),
    provenAtMs:
      idToken === null ? (previous?.provenAtMs ?? null) : (authTimeOf(idToken) ?? previous?.provenAtMs ?? null),
    session: (idToken === null ? null : textOf(idToken, 'sid', false)) ?? previous?.session ?? null,
  };
}

/** What it is called unless an IdentityProvider says otherwise. */
const namingDefault: NamingRule = { claim: 'preferred_username' };

function nameOf({ provider, idToken, userinfo, previous }: Told, all: Claims): string {
  // A name is bound once, whatever the provider calls somebody by now.
  if (previous !== null) return previous.name;
  const rule = provider.spec.name ?? namingDefault;
  const value = valueAt(all, rule.claim);
  if (rule.claim === 'email' && value !== undefined) {
    const isVerified = [idToken, userinfo].some((said) => {
      const verified = said?.['email_verified'];
      return said?.['email'] === value && (verified === true || verified === 'true');
    });
    if (!isVerified) {
      throw identityErrors('identity.email-unverified', {
        values: { provider: provider.name },
        detail: 'email_verified',
      });
    }
  }
  return nameFrom(value, rule, provider.name);
}

/** For people only: left out where it would not show as what it is. */
function readable(value: unknown): string | null {
  if (typeof value !== 'string' || value === '' || value.length > limits.claimLengthMax) return null;
  return escapeLine(value) === value ? value : null;
}

function textOf(claims: Claims, name: string, isNeeded: boolean): string | null {
  const value = valueAt(claims, name);
  if (value === undefined && !isNeeded) return null;
  if (typeof value !== 'string' || value === '' || value.length > limits.claimLengthMax || /\p{Cc}/u.test(value)) {
    throw new TokenRefused(`its ${name} is no text of at most ${limits.claimLengthMax} characters`);
  }
  return value;
}

function factorsOf(claims: Claims): readonly string[] {
  const values: unknown = claims['amr'];
  if (!Array.isArray(values)) return [];
  return values.flatMap((value) => readable(value) ?? []).slice(0, limits.amrValuesMax);
}

function authTimeOf(claims: Claims): number | null {
  const seconds = claims['auth_time'];
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : null;
}

async function groupsOf(told: Told, all: Claims): Promise<readonly string[] | null> {
  const { claim } = told.provider.spec.groups;
  const refused = (why: string) =>
    identityErrors('identity.groups-refused', { values: { provider: told.provider.name, claim, why }, detail: why });
  const elsewhere = [told.idToken, told.userinfo].flatMap((claims) => sourceOf(claims, claim) ?? [])[0];
  if (elsewhere !== undefined) {
    try {
      return flatten(valueAt(await told.follow(elsewhere.source), claim), refused);
    } catch (error) {
      if (error instanceof TokenRefused) throw refused(`${overage} (${error.message})`);
      throw error;
    }
  }
  if (claim === 'groups' && (all['hasgroups'] === true || all['hasgroups'] === 'true')) throw refused(overage);
  const value = valueAt(all, claim);
  return value === undefined || value === null ? null : flatten(value, refused);
}

const overage =
  'there are more of them than it puts into a token; an operator has it send only groups assigned to this application, or roles';

/** Where the provider says that the claim stands, if not here (section 5.6.2). */
function sourceOf(claims: Claims | null, claim: string): { readonly source: unknown } | null {
  const names = claims === null ? undefined : claims['_claim_names'];
  if (typeof names !== 'object' || names === null) return null;
  const found = Object.keys(names).find((name) => claim === name || claim.startsWith(`${name}.`));
  if (found === undefined) return null;
  const source = (names as Claims)[found];
  const sources = claims?.['_claim_sources'];
  const isThere = typeof source === 'string' && typeof sources === 'object' && sources !== null;
  return { source: isThere && Object.hasOwn(sources, source) ? (sources as Claims)[source] : undefined };
}

function flatten(value: unknown, refused: (why: string) => Error): readonly string[] {
  const groups = new Set<string>();
  const add = (entry: unknown, depth: number): void => {
    if (Array.isArray(entry)) {
      if (depth === limits.groupDepthMax) throw refused('its lists stand too deep in one another');
      for (const one of entry) add(one, depth + 1);
      return;
    }
    const text = typeof entry === 'number' && Number.isSafeInteger(entry) ? String(entry) : entry;
    if (typeof text !== 'string' || text === '') throw refused('it is neither a name nor a list of names');
    if (text.length > limits.claimLengthMax || /\p{Cc}/u.test(text)) {
      throw refused(`one is longer than ${limits.claimLengthMax} characters, or has control characters`);
    }
    groups.add(text);
    if (groups.size > limits.subjectGroupsMax) throw refused(`there are more than ${limits.subjectGroupsMax}`);
  };
  add(value, 0);
  return [...groups];
}
