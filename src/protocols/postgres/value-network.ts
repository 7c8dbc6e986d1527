/**
 * Spelling binary network addresses.
 *
 * Source: src/backend/utils/adt/network.c, inet_net_ntop.c, mac.c.
 */
import type { Body } from './body.ts';

const families = { ipv4: 2, ipv6: 3 } as const;

/** Byte1 family, Byte1 bits of the mask, Byte1 whether cidr, Byte1 length, bytes. */
function address(body: Body, always: boolean): string {
  const family = body.uint8();
  const bits = body.uint8();
  body.uint8();
  const size = body.uint8();
  const expected = family === families.ipv4 ? 4 : family === families.ipv6 ? 16 : -1;
  if (size !== expected || bits > size * 8) throw body.malformed('network address');
  const bytes = body.view(size);
  const shown = size === 4 ? bytes.join('.') : ipv6(bytes);
  return always || bits !== size * 8 ? `${shown}/${bits}` : shown;
}

export function inet(body: Body): string {
  return address(body, false);
}

export function cidr(body: Body): string {
  return address(body, true);
}

/** The longest run of two or more zero groups becomes `::`; mapped and compatible addresses end in dotted form. */
function ipv6(bytes: Buffer): string {
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) groups.push(bytes.readUInt16BE(index));
  let start = -1;
  let length = 1;
  for (let index = 0; index < 8; index++) {
    let end = index;
    while (end < 8 && groups[end] === 0) end++;
    if (end - index > length) {
      start = index;
      length = end - index;
    }
  }
  const dotted = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  const spelled = groups.slice(0, dotted ? 6 : 8).map((group) => group.toString(16));
  if (dotted) spelled.push(bytes.subarray(12).join('.'));
  if (start < 0) return spelled.join(':');
  return `${spelled.slice(0, start).join(':')}::${spelled.slice(start + length).join(':')}`;
}

export function macaddr(body: Body, size: 6 | 8): string {
  return [...body.view(size)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
