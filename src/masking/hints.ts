/**
 * Words of which one is in every text that speaks for something: looked for in the bytes, before a text is decoded, and in
 * the text, before it is taken apart.
 *
 * Invariant: lower case, compared without regard to it.
 */
import { tokenRules } from './detectors/secrets.ts';
import type { DetectorName } from './detectors/table.ts';
import { addHints } from './marks.ts';

/** Telephone numbers. */
export const phoneHints: readonly string[] =
  'phon tel mobil cell fax call msisdn handy fono portable whatsapp sms contact ruf'.split(' ');

/** Dates of birth; patterns. */
export const birthHints: readonly string[] = 'birth born dob bday geb naiss n[eé]e?.le nac nasc urodz'.split(' ');

/** Groups of hints: bits. */
export const hintGroups = { phone: 1, birth: 2 } as const;

/** The first group of the detectors of tokens; they follow each other. */
const firstTokenGroup = 2;

const tokenGroups = new Map<DetectorName, number>();

addHints(0, phoneHints);
// The one pattern as its bytes may read, where a question mark stands for any.
const bornOn = ['ne?le', 'nee?le', 'n\xc3\xa9?le', 'n\xc3\xa9e?le', 'ne\xc3?le', 'nee\xc3?le'];
addHints(
  1,
  birthHints.flatMap((hint) => (/^[a-z]+$/.test(hint) ? [hint] : bornOn)),
);
for (const { detector, hints } of tokenRules) {
  if (detector === 'url_password') continue;
  const group = tokenGroups.get(detector) ?? firstTokenGroup + tokenGroups.size;
  tokenGroups.set(detector, group);
  addHints(group, hints);
}

/** The groups of which one has a word in every token that one of these detectors finds. */
export function tokenHintsOf(names: ReadonlySet<DetectorName>): number {
  let groups = 0;
  for (const [name, group] of tokenGroups) if (names.has(name)) groups |= 1 << group;
  return groups;
}
