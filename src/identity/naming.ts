/**
 * What somebody of a provider is called here: the naming rule of an IdentityProvider.
 *
 * Invariants: what comes out is a name that manifests take, in lower case and ASCII, so that no two look alike; nothing is
 * folded or guessed: a value with another alphabet, two `@` or another domain is refused, and the person is told why
 * (A-ID-05). A name identifies nobody: it is bound once to (issuer, subject), and never taken over.
 *
 * Deliberately absent: whether the name is taken (whoever writes principals knows).
 */
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';

/** As the manifest has it. */
export interface NamingRule {
  readonly claim: string;
  readonly domain?: string | undefined;
  readonly prefix?: string | undefined;
}

// As manifests spell names; `core/login.ts` takes all of them.
const objectName = /^[a-z0-9][a-z0-9._-]*$/;

/** The name for `value`, the claim or attribute of the rule. Throws `identity.name-refused`. */
export function nameFrom(value: unknown, rule: NamingRule, provider: string): string {
  const refused = (why: string) =>
    identityErrors('identity.name-refused', {
      values: { provider, claim: rule.claim, why },
      detail: `claim ${rule.claim} of ${provider}: ${why}`,
    });
  if (typeof value !== 'string' || value === '') throw refused('it is not there');
  if (value.length > limits.claimLengthMax) throw refused('it is too long');
  // Looked at before its case is changed: the Kelvin sign in lower case is a plain k.
  if (!/^[\x21-\x7e]+$/.test(value)) throw refused('it has other characters than plain letters, digits and . _ -');
  const [local = '', domain, ...more] = value.split('@');
  if (more.length > 0) throw refused('it has more than one @');
  if (rule.domain !== undefined && domain?.toLowerCase() !== rule.domain) {
    throw refused(`it does not end in @${rule.domain}`);
  }
  if (rule.domain === undefined && domain !== undefined) {
    throw refused('it is an address; an operator sets name.domain, which takes what stands before the @');
  }
  const name = `${rule.prefix ?? ''}${local.toLowerCase()}`;
  if (!objectName.test(name)) throw refused('it has other characters than plain letters, digits and . _ -');
  if (name.length > limits.providedNameLengthMax) throw refused('it is too long');
  return name;
}
