/**
 * The wire format of Protocol Buffers: fields out of bytes, and bytes of fields. What they mean is the descriptor's.
 *
 *     field   tag (varint: number << 3 | wire) content
 *     wire 0  varint                    wire 2  length (varint) bytes
 *     wire 1  8 bytes                   wire 3  fields up to the tag with wire 4 and the same number
 *     wire 5  4 bytes
 *
 * Invariants: lengths are checked before anything is made of them; groups nest no deeper than `groupDepthMax`; what is not
 * built as it must be is a `ProtobufFault`. Views are of the bytes given.
 *
 * Deliberately absent: types, names, limits on how many fields there are.
 * Source: protobuf.dev, "Encoding".
 */

/** Groups within groups that are passed over: parsers stop at a hundred levels of any kind. */
export const groupDepthMax = 100;

/** Message of the fault: for people, beginning in lower case. */
export class ProtobufFault extends Error {}

/** What a field's content is framed as. */
export const wires = { varint: 0, fixed64: 1, bytes: 2, group: 3, groupEnd: 4, fixed32: 5 } as const;
export type Wire = 0 | 1 | 2 | 3 | 5;

export interface WireField {
  readonly number: number;
  readonly wire: Wire;
  /** Where its tag begins, where its content begins and ends, and where the next field may begin. */
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly next: number;
}

/** The field that begins at `at`, within `end`. */
export function readField(bytes: Buffer, at: number, end: number, depth = 0): WireField {
  const tag = readTag(bytes, at, end);
  const from = at + tag.size;
  const { number, wire } = tag;
  switch (wire) {
    case wires.varint: {
      const to = from + varintSize(bytes, from, end);
      return { number, wire, start: at, from, to, next: to };
    }
    case wires.fixed64:
    case wires.fixed32: {
      const to = from + (wire === wires.fixed64 ? 8 : 4);
      if (to > end) throw cut();
      return { number, wire, start: at, from, to, next: to };
    }
    case wires.bytes: {
      const size = varintSize(bytes, from, end);
      const length = Number(readVarint(bytes, from, end));
      const start = from + size;
      if (length > end - start) throw cut();
      return { number, wire, start: at, from: start, to: start + length, next: start + length };
    }
    case wires.group: {
      if (depth >= groupDepthMax)
        throw new ProtobufFault(`it has groups within groups more than ${groupDepthMax} times`);
      let to = from;
      for (;;) {
        const inner = readTag(bytes, to, end);
        if (inner.wire === wires.groupEnd) {
          if (inner.number !== number) throw new ProtobufFault('it ends another group than it began');
          return { number, wire, start: at, from, to, next: to + inner.size };
        }
        to = readField(bytes, to, end, depth + 1).next;
      }
    }
    default:
      throw new ProtobufFault('it has a field of a kind that there is not');
  }
}

function cut(): ProtobufFault {
  return new ProtobufFault('it ends within a field');
}

function readTag(bytes: Buffer, at: number, end: number): { number: number; wire: number; size: number } {
  const size = varintSize(bytes, at, end);
  // Readers differ in what they make of longer ones.
  if (size > 5) throw new ProtobufFault('it has a field whose number is too long');
  const tag = Number(readVarint(bytes, at, end));
  const number = Math.floor(tag / 8);
  if (number < 1 || number > 0x1fffffff) throw new ProtobufFault('it has a field without a number');
  return { number, wire: tag % 8, size };
}

function varintSize(bytes: Buffer, at: number, end: number): number {
  for (let size = 1; size <= 10; size++) {
    if (at + size > end) throw cut();
    if (bytes[at + size - 1]! < 0x80) return size;
  }
  throw new ProtobufFault('it has a number that is too long');
}

/** An unsigned number of 64 bits; what stands above them is dropped, as readers do. */
export function readVarint(bytes: Buffer, at: number, end: number): bigint {
  const size = varintSize(bytes, at, end);
  if (size <= 4) {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) value = value * 128 + (bytes[at + index]! & 0x7f);
    return BigInt(value);
  }
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = (value << 7n) | BigInt(bytes[at + index]! & 0x7f);
  return BigInt.asUintN(64, value);
}

/** Where the number that begins at `at` ends. */
export function varintEnd(bytes: Buffer, at: number, end: number): number {
  return at + varintSize(bytes, at, end);
}

export function encodeVarint(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Buffer.from(out);
}

export function encodeTag(number: number, wire: Wire | 4): Buffer {
  return encodeVarint(number * 8 + wire);
}
