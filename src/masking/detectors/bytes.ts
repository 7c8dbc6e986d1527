/**
 * E-mail addresses and numbers in bytes that are all ASCII: what contact.ts and runs.ts find in such a text, without
 * decoding it. Most of what is found in rows is one of these.
 *
 * Invariant: the same findings with the same strength as those two give, in the same order (bulk.test.ts compares).
 */
import type { Work } from '../work.ts';
import { fileEndingNames } from './contact.ts';
import type { Strength } from './context.ts';
import { layoutDigitsMax, layoutGroupsMax, type NumberRule } from './numbers.ts';
import type { DetectorName } from './table.ts';

const digit = 1;
const letter = 2;
/** In the local part of an address, beside letters and digits. */
const local = 4;
/** Between groups of digits. */
const groupMark = 8;
/** Makes a number beside it part of a word: `_`, `%`. */
const joiner = 16;
/** In a domain. */
const domain = 32;

/** Classes of bytes, bits of the above. */
export const classes = new Uint8Array(256);
for (let byte = 0; byte < 128; byte++) {
  const character = String.fromCharCode(byte);
  if (/[0-9]/.test(character)) classes[byte] = digit | local;
  if (/[A-Za-z]/.test(character)) classes[byte] = letter | local;
  if (/[!#$%&'*+/=?^_`{|}~.-]/.test(character)) classes[byte]! |= local;
  if (/[ \-./]/.test(character)) classes[byte]! |= groupMark;
  if (/[A-Za-z0-9.-]/.test(character)) classes[byte]! |= domain;
  if (/[_%]/.test(character)) classes[byte]! |= joiner;
}
const word = digit | letter;

const point = 0x2e;
const dash = 0x2d;
const slash = 0x2f;
const colon = 0x3a;
const blank = 0x20;
const localMax = 64;
const domainMax = 253;

/** What was found in one value: positions in its bytes, in order of their finding. Kept from value to value. */
export class Places {
  count = 0;
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  by: DetectorName[] = [];

  add(by: DetectorName, start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.by[this.count++] = by;
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** The first position from one on where something of a kind is marked (marks.ts). */
export type Next = (from: number) => number;

/**
 * As `findEmails`, of the text between `from` and `to`, with the positions of `@` from `next`. False where letters beyond ASCII stand beside an address, which
 * may be part of it: then the bytes do not tell.
 */
export function findEmailsInBytes(
  bytes: Buffer,
  from: number,
  to: number,
  next: Next,
  work: Work,
  places: Places,
): boolean {
  let free = from;
  for (let mark = next(from); mark < to; mark = next(mark + 1)) {
    let start = mark;
    while (start > free && mark - start < localMax && (classes[bytes[start - 1]!]! & local) !== 0) start--;
    if (start > free && bytes[start - 1]! >= 0x80) return false;
    let end = mark + 1;
    while (end < to && end - mark <= domainMax && (classes[bytes[end]!]! & domain) !== 0) end++;
    if (end < to && bytes[end]! >= 0x80) return false;
    if (!work.spend((end - start) * 8 + 20)) return true;
    while (end > mark + 1 && (bytes[end - 1] === point || bytes[end - 1] === dash)) end--;
    while (start < mark && isLeading(bytes[start]!)) start++;
    if (start === mark || !isDomain(bytes, mark + 1, end)) continue;
    places.add('email', start, end);
    free = end;
  }
  return true;
}

/** Marks that may stand before an address, and are none of it. */
function isLeading(byte: number): boolean {
  return byte === point || byte === 0x27 || byte === slash || byte === 0x3d || byte === 0x7c;
}

/** A domain with a point that ends in letters, and not as names of files do. */
function isDomain(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] === point || bytes[start] === dash) return false;
  let last = -1;
  for (let index = start; index < end; index++) {
    if (bytes[index] !== point) continue;
    if (last === index - 1) return false;
    last = index;
  }
  if (last < 0) return false;
  const size = end - last - 1;
  let letters = 0;
  for (let index = last + 1; index < end; index++) if ((classes[bytes[index]!]! & letter) !== 0) letters++;
  const isName = (letters === size && size >= 2 && size <= 24) || isPunycode(bytes, last + 1, end);
  return isName && (size > 4 || !fileNames.has(packed(bytes, last + 1, end)));
}

/** Four letters at most, as numbers. */
export const fileNames = new Set<number>(fileEndingNames.map((name) => packed(Buffer.from(name), 0, name.length)));

function packed(bytes: Buffer, start: number, end: number): number {
  let number = 0;
  for (let index = start; index < end; index++) number = (number << 8) | bytes[index]! | 0x20;
  return number;
}

function isPunycode(bytes: Buffer, start: number, end: number): boolean {
  return end - start > 5 && /^xn--[a-z0-9-]{2,59}$/i.test(bytes.toString('latin1', start, end));
}

/** Rules by layout, group by group: a node's next for a separator and the size of a group. */
export interface LayoutNode {
  readonly next: (LayoutNode | undefined)[];
  /** Those written in this layout, with it. */
  readonly rules: { readonly rule: NumberRule; readonly layout: string }[];
}

const separators = ' -./';
export const sizes = layoutDigitsMax + 1;

/** The layouts of `layoutsOf` as a tree. */
export function layoutTree(layouts: ReadonlyMap<string, readonly NumberRule[]>): LayoutNode {
  const root: LayoutNode = { next: [], rules: [] };
  for (const [layout, rules] of layouts) {
    let node = root;
    for (const [, separator = '', size] of layout.matchAll(/([ \-./]?)(\d+)/g)) {
      const key = (separator === '' ? 0 : separators.indexOf(separator) + 1) * sizes + Number(size);
      node.next[key] ??= { next: [], rules: [] };
      node = node.next[key];
    }
    node.rules.push(...rules.map((rule) => ({ rule, layout })));
  }
  return root;
}

/** Beginnings and ends of the groups of one run. */
let groupStarts = new Int32Array(64);
let groupEnds = new Int32Array(64);
/** Digits of the number under way, as values. */
const values = new Uint8Array(layoutDigitsMax);

/** Who decides on numbers: see `findNumbers`. */
export interface NumberJudge {
  /** Whether anything could speak for a weak hit. */
  maySpeak(by: DetectorName): boolean;
  /** A number in a layout that passes. Answers whether it counts. */
  found(by: DetectorName, start: number, end: number, strength: Strength): boolean;
}

/** As `findNumbers`, of the text between `from` and `to`; where numbers begin, `next` marks. */
export function findNumbersInBytes(
  bytes: Buffer,
  from: number,
  to: number,
  next: Next,
  layouts: LayoutNode,
  work: Work,
  judge: NumberJudge,
): void {
  // Six digits in a row are marked at the first: so is every run that is long enough, and nothing within one comes before.
  for (let start = next(from); start < to; ) {
    let index = start;
    let groups = 0;
    for (;;) {
      if (groups === groupStarts.length) growGroups();
      groupStarts[groups] = index;
      while (index < to && (classes[bytes[index]!]! & digit) !== 0) index++;
      groupEnds[groups++] = index;
      const goesOn =
        index + 1 < to && (classes[bytes[index]!]! & groupMark) !== 0 && (classes[bytes[index + 1]!]! & digit) !== 0;
      if (!goesOn) break;
      index++;
    }
    const run = start;
    start = next(index);
    if (index - run < 8) continue;
    if (!work.spend(20 + (index - run) * 12)) return;
    for (let first = 0; first < groups; first++) {
      const taken = fromGroup(bytes, from, to, groups, first, layouts, work, judge);
      if (taken > first) first = taken;
    }
  }
}

function growGroups(): void {
  groupStarts = grown(groupStarts);
  groupEnds = grown(groupEnds);
}

function fromGroup(
  bytes: Buffer,
  from: number,
  to: number,
  groups: number,
  first: number,
  layouts: LayoutNode,
  work: Work,
  judge: NumberJudge,
): number {
  const start = groupStarts[first]!;
  if (first > 0 && bytes[start - 1] !== blank && bytes[start - 1] !== slash) return first - 1;
  if (first === 0 && joinedBefore(bytes, from, start)) return first - 1;
  let node: LayoutNode | undefined = layouts;
  let count = 0;
  let taken = first - 1;
  for (let last = first; last < groups && last < first + layoutGroupsMax; last++) {
    const begin = groupStarts[last]!;
    const end = groupEnds[last]!;
    const size = end - begin;
    if (count + size > layoutDigitsMax) break;
    const separator = last === first ? 0 : separatorOf(bytes[begin - 1]!);
    node = node.next[separator * sizes + size];
    if (node === undefined) break;
    for (let index = begin; index < end; index++) values[count++] = bytes[index]! - 0x30;
    if (node.rules.length === 0) continue;
    const isBorder = last + 1 < groups ? bytes[end] === blank || bytes[end] === slash : !joinedAfter(bytes, end, to);
    if (!isBorder) continue;
    for (const { rule, layout } of node.rules) {
      const strength = rule.layouts[layout]!;
      if (strength === 'weak' && !judge.maySpeak(rule.detector)) continue;
      if (!work.spend(30)) return taken;
      const passes = rule.checkValues === undefined ? rule.check(textOf(count)) : rule.checkValues(values, count);
      if (passes && judge.found(rule.detector, start, end, strength)) taken = last;
    }
  }
  return taken;
}

function separatorOf(byte: number): number {
  return byte === blank ? 1 : byte === dash ? 2 : byte === point ? 3 : 4;
}

function textOf(count: number): string {
  let text = '';
  for (let index = 0; index < count; index++) text += values[index];
  return text;
}

function joinedBefore(bytes: Buffer, from: number, start: number): boolean {
  if (start === from) return false;
  const before = bytes[start - 1]!;
  if ((classes[before]! & (word | joiner)) !== 0 || before === 0x5c) return true;
  if (before === point || before === colon) return start - 1 > from && (classes[bytes[start - 2]!]! & digit) !== 0;
  if (before !== dash) return false;
  for (let index = start - 2; index >= from && start - 2 - index < 16; index--) {
    const kind = classes[bytes[index]!]!;
    if ((kind & word) === 0) return false;
    if ((kind & digit) !== 0) return true;
  }
  return false;
}

function joinedAfter(bytes: Buffer, end: number, to: number): boolean {
  if (end === to) return false;
  const after = bytes[end]!;
  if ((classes[after]! & (word | joiner)) !== 0) return true;
  if (after !== point && after !== colon && after !== dash) return false;
  return end + 1 < to && (classes[bytes[end + 1]!]! & word) !== 0;
}
