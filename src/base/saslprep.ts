/**
 * SASLprep (RFC 4013, a profile of stringprep, RFC 3454): the form in which a password enters SCRAM.
 *
 * It follows what PostgreSQL does, so that both ends derive the same keys: text of ASCII only is taken as it is, and
 * text that SASLprep refuses is taken as its raw bytes instead of being refused.
 *
 * Honest limits: the tables of stringprep are those of Unicode 3.2. Which code points were unassigned then is exact
 * here for the supplementary planes (emoji) and approximated by today's `Cn` in the BMP; left-to-right characters
 * (table D.2) are approximated by letters, letter numbers and spacing marks. Either matters only for a password that
 * holds such a character and, besides, one that normalisation changes.
 *
 * Deliberately absent: refusing passwords, and case folding.
 */

// Table C.1.2: spaces that become U+0020. PostgreSQL looks here before table B.1, so U+200B becomes a space.
const nonAsciiSpace = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;

// Table B.1: what is mapped to nothing.
// biome-ignore lint/suspicious/noMisleadingCharacterClass: the class lists single code points, joiners among them.
const mappedToNothing = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;

// Tables C.1.2 and C.2.1 to C.9: controls, private use, non-characters, surrogates, and what reorders or tags text.
const prohibited = new RegExp(
  '[\\u0000-\\u001f\\u007f-\\u00a0\\u0340\\u0341\\u06dd\\u070f\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f' +
    '\\u205f-\\u2063\\u206a-\\u206f\\u2ff0-\\u2ffb\\u3000\\ud800-\\uf8ff\\ufdd0-\\ufdef\\ufeff\\ufff9-\\uffff' +
    '\\u{1d173}-\\u{1d17a}\\u{e0001}\\u{e0020}-\\u{e007f}\\u{f0000}-\\u{10ffff}]' +
    '|[\\u{1fffe}\\u{1ffff}\\u{2fffe}\\u{2ffff}]',
  'u',
);

// Table A.1: code points that Unicode 3.2 had not assigned.
const assignedSupplementary = new RegExp(
  '[\\u{10300}-\\u{1031e}\\u{10320}-\\u{10323}\\u{10330}-\\u{1034a}\\u{10400}-\\u{10425}\\u{10428}-\\u{1044d}' +
    '\\u{1d000}-\\u{1d0f5}\\u{1d100}-\\u{1d126}\\u{1d12a}-\\u{1d1dd}\\u{1d400}-\\u{1d6a3}\\u{1d6a8}-\\u{1d7c9}' +
    '\\u{1d7ce}-\\u{1d7ff}\\u{20000}-\\u{2a6d6}\\u{2f800}-\\u{2fa1d}]',
  'gu',
);
const supplementary = /[\u{10000}-\u{10ffff}]/u;
const unassignedToday = /\p{Cn}/u;

// Table D.1: characters written from right to left.
const rightToLeftRanges =
  '\\u05be\\u05c0\\u05c3\\u05d0-\\u05ea\\u05f0-\\u05f4\\u061b\\u061f\\u0621-\\u063a\\u0640-\\u064a\\u066d-\\u066f' +
  '\\u0671-\\u06d5\\u06dd\\u06e5\\u06e6\\u06fa-\\u06fe\\u0700-\\u070d\\u0710\\u0712-\\u072c\\u0780-\\u07a5\\u07b1' +
  '\\u200f\\ufb1d\\ufb1f-\\ufb28\\ufb2a-\\ufb36\\ufb38-\\ufb3c\\ufb3e\\ufb40\\ufb41\\ufb43\\ufb44\\ufb46-\\ufbb1' +
  '\\ufbd3-\\ufd3d\\ufd50-\\ufd8f\\ufd92-\\ufdc7\\ufdf0-\\ufdfc\\ufe70-\\ufe74\\ufe76-\\ufefc';
const anyRightToLeft = new RegExp(`[${rightToLeftRanges}]`, 'u');
const boundedByRightToLeft = new RegExp(`^[${rightToLeftRanges}](?:.*[${rightToLeftRanges}])?$`, 'su');
const anyLeftToRight = new RegExp(`(?![${rightToLeftRanges}])[\\p{L}\\p{Nl}\\p{Mc}]`, 'u');

/** The prepared text, or null where SASLprep refuses it. */
export function saslprep(text: string): string | null {
  if (/^[\u0000-\u007f]*$/.test(text)) return text;
  if (!text.isWellFormed()) return null;
  const prepared = text.replace(nonAsciiSpace, ' ').replace(mappedToNothing, '').normalize('NFKC');
  if (prepared === '' || prohibited.test(prepared)) return null;
  if (unassignedToday.test(prepared) || supplementary.test(prepared.replace(assignedSupplementary, ''))) return null;
  if (anyRightToLeft.test(prepared) && (anyLeftToRight.test(prepared) || !boundedByRightToLeft.test(prepared))) {
    return null;
  }
  return prepared;
}

/** The bytes of a password as PostgreSQL hashes them: prepared, or raw where it cannot be. */
export function passwordBytes(password: string): Buffer {
  return Buffer.from(saslprep(password) ?? password, 'utf8');
}
