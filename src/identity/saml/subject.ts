/** From what an assertion says to a ProvenSubject: which attributes are looked at, and how. */
import { nameFrom } from '../naming.ts';
import type { ProvenSubject } from '../proven.ts';
import type { AssertionFacts } from './assertion.ts';
import * as limits from './limits.ts';
import type { SamlProvider } from './parts.ts';
import { Refusal } from './xml.ts';

/** Stands in a naming rule for the NameID itself. */
const nameIdClaim = 'NameID';

/** How providers call a login name, an address and a person's name; the first that is there counts. */
const loginNames = ['uid', 'username', 'urn:oid:0.9.2342.19200300.100.1.1'];
const addresses = [
  'email',
  'mail',
  'urn:oid:0.9.2342.19200300.100.1.3',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
];
const personNames = [
  'displayName',
  'urn:oid:2.16.840.1.113730.3.1.241',
  'http://schemas.microsoft.com/identity/claims/displayname',
  'cn',
  'urn:oid:2.5.4.3',
];

/** Throws a Refusal, or `identity.name-refused`, which the person is told: they have proven who they are. */
export function subjectOf(
  { name: provider, spec }: SamlProvider,
  issuer: string,
  facts: AssertionFacts,
): ProvenSubject {
  const { attributes } = facts;
  const rule = spec.name ?? {
    claim: spec.nameIdFormat === 'persistent' ? presentOf(attributes, loginNames) : nameIdClaim,
  };
  const login = rule.claim === nameIdClaim ? facts.nameId : singleOf(attributes, rule.claim);
  const groups = attributes.get(spec.groups.claim);
  if (groups === null) throw new Refusal('the groups are not text');
  return {
    provider,
    issuer,
    subject: facts.nameId,
    name: nameFrom(login, rule, provider),
    displayName: shown(attributes, personNames),
    email: shown(attributes, addresses),
    groups: groups === undefined ? null : groups.map(checkedGroup),
    factors: facts.context === null ? [] : [facts.context],
    provenAtMs: facts.provenAtMs,
    session: facts.session,
  };
}

function presentOf(attributes: AssertionFacts['attributes'], names: readonly string[]): string {
  return names.find((name) => attributes.has(name)) ?? names[0]!;
}

/** Null where there is none, or more than one: which of them would count? */
function singleOf(attributes: AssertionFacts['attributes'], name: string): string | null {
  const [value, ...more] = attributes.get(name) ?? [];
  return more.length > 0 ? null : (value ?? null);
}

/** For people to read; what could not be shown is left out. */
function shown(attributes: AssertionFacts['attributes'], names: readonly string[]): string | null {
  const value = singleOf(attributes, presentOf(attributes, names))?.trim() ?? '';
  return value === '' || value.length > limits.valueLengthMax || /\p{Cc}/u.test(value) ? null : value;
}

/** As spelled: a rule names exactly this, and what looks alike is another group. */
function checkedGroup(group: string): string {
  if (group === '' || group.length > limits.valueLengthMax || /\p{Cc}/u.test(group)) {
    throw new Refusal('a group is empty, too long, or has control characters');
  }
  return group;
}
