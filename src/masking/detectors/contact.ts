/**
 * Addresses that reach somebody: e-mail, telephone, IP.
 *
 * Telephone numbers are found by their form and then put to the numbering plans (libphonenumber-js); its own search through
 * a text takes a millisecond for a line.
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Work } from '../work.ts';
import { isRepeated } from './checksums.ts';
import type { Strength } from './context.ts';

export type Found = (start: number, end: number, strength: Strength) => void;

const localPart = /[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]/u;
const domainPart = /[\p{L}\p{N}.-]/u;
/** The same for characters of ASCII, by their codes: 1 in local parts, 2 in domains. */
const asciiParts = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return (localPart.test(character) ? 1 : 0) | (domainPart.test(character) ? 2 : 0);
});

function isPart(text: string, at: number, bit: 1 | 2): boolean {
  const code = text.charCodeAt(at);
  return code < 128 ? (asciiParts[code]! & bit) !== 0 : (bit === 1 ? localPart : domainPart).test(text[at]!);
}

const localMax = 64;
const domainMax = 253;
/** What ends names of files like `icon@2x.png`, and is no top-level domain. */
export const fileEndingNames: readonly string[] =
  'png jpg jpeg gif svg webp css js ts json htm html xml txt pdf yml yaml map exe dll jar'.split(' ');
const fileEndings = new RegExp(`^(?:${fileEndingNames.join('|')})$`, 'i');

/** RFC 5322 addr-spec without quoted forms and comments; the domain has a point and ends in letters. */
export function findEmails(text: string, work: Work, found: Found): void {
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > from && at - start < localMax && isPart(text, start - 1, 1)) start--;
    let end = at + 1;
    while (end < text.length && end - at <= domainMax && isPart(text, end, 2)) end++;
    if (!work.spend((end - start) * 8 + 20)) return;
    while (end > at + 1 && /[.-]/.test(text[end - 1]!)) end--;
    while (start < at && /[.'/=|]/.test(text[start]!)) start++;
    const domain = text.slice(at + 1, end);
    const top = domain.slice(domain.lastIndexOf('.') + 1);
    if (start === at || !domain.includes('.') || domain.includes('..') || /^[.-]/.test(domain)) continue;
    if (!/^(?:\p{L}{2,24}|xn--[a-z0-9-]{2,59})$/iu.test(top) || fileEndings.test(top)) continue;
    found(start, end, 'strong');
    from = end;
  }
}

const international = /(?<![\w+.])(?:\+|00(?=[1-9]))[ (]?\d[\d ().\-/]{5,20}\d(?!\w)/g;
const northAmerican = /(?<![\w.\-+])(?:1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-])/g;
const anyNumber = /(?<![\w.])[(+]?\d(?:[ ().\-/]{0,2}\d){6,14}(?!\w)/g;
/** Asking the numbering plans, in units of work: some twenty microseconds. */
const planWork = 4000;

/** `named`: something in the text or the column's name says that it holds telephone numbers. */
export function findPhones(text: string, named: boolean, work: Work, found: Found): void {
  if (text.includes('+') || text.includes('00')) {
    for (const match of text.matchAll(international)) {
      if (!work.spend(planWork)) return;
      const spelled = match[0].startsWith('00') ? `+${match[0].slice(2)}` : match[0];
      if (parsePhoneNumberFromString(spelled)?.isValid() === true) {
        const strength = match[0].startsWith('+') ? 'strong' : 'medium';
        found(match.index, match.index + match[0].length, strength);
      }
    }
  }
  // Twelve characters: 212-555-0123.
  for (const match of text.length < 12 ? [] : text.matchAll(northAmerican)) {
    if (!work.spend(20)) return;
    // 555-0100 and the like are set aside for fiction, but people keep them on file like any other.
    if (!/^1?\D*[2-9]11/.test(match[0])) found(match.index, match.index + match[0].length, 'medium');
  }
  if (!named) return;
  for (const match of text.matchAll(anyNumber)) {
    if (!work.spend(40)) return;
    const digits = match[0].replace(/\D/g, '');
    if (!isRepeated(digits) && !/^(?:19|20)\d\d-\d\d-\d\d/.test(match[0])) {
      found(match.index, match.index + match[0].length, 'weak');
    }
  }
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const version4 = new RegExp(`(?<![\\w.-])${octet}(?:\\.${octet}){3}(?![\\w-]|\\.\\d)`, 'g');
const version6 = /(?<![\w:.])(?=[0-9A-Fa-f:.]{0,40}:[0-9A-Fa-f.]{0,15}:)[0-9A-Fa-f:.]{2,45}(?![\w:])/g;

function isVersion6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let tail = 0;
  const groupsOf = (half: string): string[] | null => {
    if (half === '') return [];
    const groups = half.split(':');
    const last = groups[groups.length - 1]!;
    if (last.includes('.')) {
      if (!new RegExp(`^${octet}(?:\\.${octet}){3}$`).test(last)) return null;
      groups.pop();
      tail = 2;
    }
    return groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group)) ? groups : null;
  };
  const [first, second] = [groupsOf(halves[0]!), groupsOf(halves[1] ?? '')];
  if (first === null || second === null) return false;
  const count = first.length + second.length + tail;
  // `a::b` is how languages write the path of a name; an address has a digit.
  if (halves.length === 1) return count === 8;
  return count >= 1 && count <= 7 && /\d/.test(text) && (count >= 3 || first.length === 0 || /\d/.test(first[0] ?? ''));
}

export function findAddresses(text: string, work: Work, found: Found): void {
  for (const match of text.matchAll(version4)) {
    if (!work.spend(20)) return;
    if (match[0] !== '0.0.0.0' || text !== match[0]) found(match.index, match.index + match[0].length, 'medium');
  }
  // Written out it has seven colons; shortened, two in a row.
  if (!text.includes('::') && !/:(?:[^:]{1,4}:){6}/.test(text)) return;
  for (const match of text.matchAll(version6)) {
    if (!work.spend(60)) return;
    const spelled = match[0].replace(/[.:]$/, (mark) => (match[0].endsWith('::') ? mark : ''));
    if (isVersion6(spelled)) found(match.index, match.index + spelled.length, 'strong');
  }
}
