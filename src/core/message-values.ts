/**
 * Numbers of protobuf messages: how each kind is framed, read and written.
 *
 * Deliberately absent: text, bytes and messages; what a number means.
 * Source: protobuf.dev, "Encoding".
 */
import { encodeVarint, ProtobufFault, readVarint, varintEnd, type WireField, wires } from '../base/protobuf.ts';
import type { MessageField, MessageFieldKind } from './messages.ts';

const fixedSizes: Readonly<Partial<Record<MessageFieldKind, number>>> = {
  fixed64: 8,
  sfixed64: 8,
  double: 8,
  fixed32: 4,
  sfixed32: 4,
  float: 4,
};

export function isNumber({ kind }: Pick<MessageField, 'kind'>): boolean {
  return kind !== 'message' && kind !== 'string' && kind !== 'bytes';
}

/** Whether the content is framed as the field is; else readers take it for a field that they do not know. */
export function fits(field: MessageField, { wire }: Pick<WireField, 'wire'>): boolean {
  if (field.isRepeated && wire === wires.bytes && isNumber(field)) return true;
  return wire === wireOf(field);
}

function wireOf({ kind, isGroup }: MessageField): WireField['wire'] {
  if (kind === 'message') return isGroup ? wires.group : wires.bytes;
  if (kind === 'string' || kind === 'bytes') return wires.bytes;
  const size = fixedSizes[kind];
  return size === 8 ? wires.fixed64 : size === 4 ? wires.fixed32 : wires.varint;
}

/** Where the number ends that begins at `at`, in a packed list. */
export function numberEnd({ kind }: Pick<MessageField, 'kind'>, bytes: Buffer, at: number, end: number): number {
  const size = fixedSizes[kind];
  if (size === undefined) return varintEnd(bytes, at, end);
  if (at + size > end) throw new ProtobufFault('it ends within a list of numbers');
  return at + size;
}

/** Enumerations are numbers of 32 bits; what is wider is cut, as readers do. */
export function readNumber(
  { kind }: Pick<MessageField, 'kind'>,
  bytes: Buffer,
  from: number,
  to: number,
): bigint | number | boolean {
  switch (kind) {
    case 'double':
      return bytes.readDoubleLE(from);
    case 'float':
      return bytes.readFloatLE(from);
    case 'fixed32':
      return bytes.readUInt32LE(from);
    case 'sfixed32':
      return bytes.readInt32LE(from);
    case 'fixed64':
      return bytes.readBigUInt64LE(from);
    case 'sfixed64':
      return bytes.readBigInt64LE(from);
    default:
  }
  const raw = readVarint(bytes, from, to);
  switch (kind) {
    case 'bool':
      return raw !== 0n;
    case 'enum':
    case 'int32':
      return Number(BigInt.asIntN(32, raw));
    case 'uint32':
      return Number(BigInt.asUintN(32, raw));
    case 'sint32': {
      const zigzag = BigInt.asUintN(32, raw);
      return Number((zigzag >> 1n) ^ -(zigzag & 1n));
    }
    case 'sint64':
      return (raw >> 1n) ^ -(raw & 1n);
    case 'int64':
      return BigInt.asIntN(64, raw);
    default:
      return raw;
  }
}

/** The content of a field, from a number as people spell it; zero where the kind cannot hold it. */
export function writeNumber({ kind }: Pick<MessageField, 'kind'>, text: string): Buffer {
  if (kind === 'double' || kind === 'float') {
    const number = Number(text) || 0;
    const bytes = Buffer.alloc(fixedSizes[kind]!);
    if (kind === 'double') bytes.writeDoubleLE(number);
    else bytes.writeFloatLE(number);
    return bytes;
  }
  const value = /^-?[0-9]{1,20}$/.test(text) ? BigInt(text) : 0n;
  const isNarrow = ['int32', 'uint32', 'sint32', 'fixed32', 'sfixed32', 'enum'].includes(kind);
  const isUnsigned = ['uint32', 'uint64', 'fixed32', 'fixed64', 'bool'].includes(kind);
  const bits = isNarrow ? 32 : 64;
  const held = isUnsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  return encodeInteger(kind, held === value ? value : 0n);
}

function encodeInteger(kind: MessageFieldKind, value: bigint): Buffer {
  const size = fixedSizes[kind];
  if (size !== undefined) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    return bytes.subarray(0, size);
  }
  if (kind === 'sint32' || kind === 'sint64') return encodeVarint(value >= 0n ? value << 1n : (-value << 1n) - 1n);
  return encodeVarint(value);
}
