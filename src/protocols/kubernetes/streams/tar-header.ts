/**
 * Headers of members in a tar archive: 512 bytes each, in the forms that containers' tars write.
 *
 *     name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | link 100 | magic 6 | version 2 |
 *     user 32 | group 32 | major 8 | minor 8 | prefix 155 (ustar) | 12
 *
 * Numbers are octal text, or, with the first bit set, big-endian (GNU). Types: 0, NUL and 7 file, 1 hard link, 2 symbolic
 * link, 3 and 4 devices, 5 directory, 6 FIFO, L and K long name and link target (GNU), x and g extended headers (pax), S
 * sparse file (GNU).
 *
 * Invariants: a header whose checksum is wrong is none; numbers are whole and below 2^53; names are bytes.
 *
 * Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
 */
import type { TarEntryType } from './types.ts';

export const blockBytes = 512;

/** How a header continues: what of the bytes behind it belongs to the next member, and what to itself. */
export type TarKind = 'member' | 'long-name' | 'long-link' | 'extended' | 'global';

export interface TarHeader {
  readonly kind: TarKind;
  readonly name: Buffer;
  readonly link: Buffer;
  readonly type: TarEntryType;
  readonly size: number;
  readonly mode: number;
  /** Further blocks of a sparse file's map follow. */
  readonly hasMap: boolean;
}

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hard-link',
  '2': 'symbolic-link',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};
const kinds: Readonly<Record<string, TarKind>> = {
  L: 'long-name',
  K: 'long-link',
  x: 'extended',
  X: 'extended',
  g: 'global',
};
/** Members that have no content, whatever their size says. */
const empty: ReadonlySet<TarEntryType> = new Set([
  'hard-link',
  'symbolic-link',
  'character-device',
  'block-device',
  'directory',
  'fifo',
]);

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Null: this is no header. */
export function parseHeader(block: Buffer): TarHeader | null {
  if (!hasChecksum(block)) return null;
  const flag = String.fromCharCode(block[156]!);
  const size = numberAt(block, 124, 12);
  const mode = numberAt(block, 100, 8);
  if (size === null || mode === null) return null;
  const kind = kinds[flag] ?? 'member';
  const name = textAt(block, 0, 100);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? textAt(block, 345, 155) : Buffer.alloc(0);
  const whole = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
  // Before ustar a directory was a file whose name ends with a slash.
  const isOldDirectory = (flag === '\0' || flag === '0') && whole.at(-1) === 0x2f;
  const type = isOldDirectory ? 'directory' : (types[flag] ?? 'other');
  return {
    kind,
    name: whole,
    link: textAt(block, 157, 100),
    type,
    size,
    mode: mode & 0o7777,
    hasMap: flag === 'S' && block[482] !== 0,
  };
}

export function isEmpty(type: TarEntryType): boolean {
  return empty.has(type);
}

/** Of a block of a sparse file's map: whether another one follows. */
export function hasMoreMap(block: Buffer): boolean {
  return block[504] !== 0;
}

/** Records of extended headers, `length SP name=value LF`. Null: they are malformed. */
export function parseExtended(content: Buffer): ReadonlyMap<string, Buffer> | null {
  const records = new Map<string, Buffer>();
  let at = 0;
  while (at < content.length) {
    const space = content.indexOf(0x20, at);
    const digits = space < 0 ? '' : content.toString('latin1', at, space);
    if (!/^[1-9]\d{0,8}$/.test(digits)) return null;
    const end = at + Number(digits);
    const equals = content.indexOf(0x3d, space + 1);
    if (end > content.length || content[end - 1] !== 0x0a || equals < 0 || equals >= end) return null;
    records.set(content.toString('latin1', space + 1, equals), Buffer.from(content.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/** The checksum is the sum of all bytes, with itself as spaces; old tars took bytes for signed. */
function hasChecksum(block: Buffer): boolean {
  const told = numberAt(block, 148, 8);
  let [unsigned, signed] = [0, 0];
  for (const [index, byte] of block.entries()) {
    const value = index >= 148 && index < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  }
  return told !== null && (told === unsigned || told === signed);
}

function numberAt(block: Buffer, at: number, length: number): number | null {
  if ((block[at]! & 0x80) !== 0) {
    // 0x80: positive. 0xff: negative, which nothing here is.
    if (block[at] !== 0x80) return null;
    let value = 0;
    for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : null;
  }
  const text = block
    .toString('latin1', at, at + length)
    .replace(/^ +/, '')
    .replace(/[ \0].*$/s, '');
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}

function textAt(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end));
}
