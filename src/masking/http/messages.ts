/**
 * Masks protobuf messages by the wire's own fields: what is not masked passes byte for byte, lengths around what is are made
 * anew.
 *
 * | what a pattern names            | becomes                                                                     |
 * | ------------------------------- | --------------------------------------------------------------------------- |
 * | string, number                  | text or number by the method; nothing where it is `null`                    |
 * | bytes                           | nothing                                                                     |
 * | bool, enumeration               | false, its zero                                                             |
 * | message, or each of a list      | empty; a fault where some field of it must be there (proto2)                |
 * | map                             | without entries                                                             |
 *
 * Invariants:
 * - Fields are named as the `.proto` has them, or as ProtoJSON does; either spelling is masked.
 * - Detectors look at strings, bytes, numbers and keys of maps. A field that the descriptor does not know: what they find in
 *   its bytes is overwritten, at the same length; where a pattern could mean it or something in it, it is a fault.
 * - What is no message of its type is a fault, and then nothing passes. Depth and fields are bounded.
 *
 * Deliberately absent: framing and compression (the protocol's).
 */
import {
  encodeTag,
  encodeVarint,
  ProtobufFault,
  readField,
  readVarint,
  type WireField,
  wires,
} from '../../base/protobuf.ts';
import type { CellContext, MessageMask, ValueMask } from '../../core/masking.ts';
import { fits, isNumber, numberEnd, readNumber, writeNumber } from '../../core/message-values.ts';
import { anyType, type MessageField, type MessageType, typeOfAddress } from '../../core/messages.ts';
import { Hits } from '../terminal/hits.ts';
import { nothing } from './body.ts';
import * as limits from './limits.ts';
import type { FieldAutomaton, FieldState } from './pointers.ts';
import type { Values } from './values.ts';

/** Where patterns stand; null: none can be meant any more. */
type States = readonly FieldState[];

export class MessagesMask implements MessageMask {
  readonly #type: MessageType;
  readonly #fields: FieldAutomaton | null;
  readonly #values: Values | null;
  readonly #hits = new Hits();
  #fault: string | null = null;
  #nodes = 0;

  constructor(type: MessageType, fields: FieldAutomaton | null, values: Values | null) {
    this.#type = type;
    this.#fields = fields;
    this.#values = values;
  }

  get fault(): string | null {
    return this.#fault;
  }

  get hits(): ReadonlyMap<string, number> {
    return this.#hits.counts;
  }

  apply(message: Buffer): Buffer {
    if (this.#fault !== null) return nothing;
    this.#nodes = 0;
    const root = this.#fields?.root ?? null;
    try {
      const whole = root?.mask ?? null;
      if (whole !== null) return this.#emptied(this.#type, whole, message);
      return this.#message(this.#type, message, root === null ? [] : [root], 0);
    } catch (error) {
      if (!(error instanceof ProtobufFault)) throw error;
      this.#fault = `a message of gRPC cannot be read: ${error.message}`;
      return nothing;
    }
  }

  /** `bytes` itself where nothing in it is masked. */
  #message(type: MessageType, bytes: Buffer, states: States, depth: number): Buffer {
    // Nothing in it can be meant.
    if (this.#values === null && states.length === 0) return bytes;
    if (depth > limits.messageDepthMax)
      throw new ProtobufFault(`it nests deeper than ${limits.messageDepthMax} levels`);
    const out: Buffer[] = [];
    const counts = new Map<number, number>();
    const inner = type.name === anyType ? this.#innerOf(type, bytes, states) : null;
    let settled = 0;
    for (let at = 0; at < bytes.length; ) {
      if (++this.#nodes > limits.messageNodesMax) {
        throw new ProtobufFault(`it has more than ${limits.messageNodesMax} fields`);
      }
      const wire = readField(bytes, at, bytes.length);
      at = wire.next;
      const field = type.fields.get(wire.number);
      let changed: Buffer | null;
      if (field === undefined || !fits(field, wire)) changed = this.#unknown(bytes, wire, states);
      else if (inner !== null && field.number === anyValue)
        changed = this.#any(bytes, wire, inner, field, states, depth);
      else changed = this.#field(bytes, wire, field, states, counts, depth);
      if (changed === null) continue;
      out.push(bytes.subarray(settled, wire.start), changed);
      settled = wire.next;
    }
    if (settled === 0) return bytes;
    out.push(bytes.subarray(settled));
    return Buffer.concat(out);
  }

  /** The field as it may pass, tag and all; null: as it is. */
  #field(
    bytes: Buffer,
    wire: WireField,
    field: MessageField,
    states: States,
    counts: Map<number, number>,
    depth: number,
  ): Buffer | null {
    const named = this.#step(states, field);
    const whole = maskOf(named);
    if (field.isMap) return whole === null ? this.#entry(bytes, wire, field, named, depth) : this.#dropped(whole);
    if (!field.isRepeated || whole !== null) return this.#value(bytes, wire, field, named, whole, depth);
    const index = counts.get(field.number) ?? 0;
    if (wire.wire === wires.bytes && isNumber(field)) return this.#packed(bytes, wire, field, named, index, counts);
    counts.set(field.number, index + 1);
    const element = this.#index(named, index);
    return this.#value(bytes, wire, field, element, maskOf(element), depth);
  }

  #value(
    bytes: Buffer,
    wire: WireField,
    field: MessageField,
    states: States,
    mask: ValueMask | null,
    depth: number,
  ): Buffer | null {
    const content = bytes.subarray(wire.from, wire.to);
    if (isNumber(field)) {
      if (wire.wire !== wires.bytes) {
        const masked = this.#number(content, field, mask);
        return masked === null ? null : Buffer.concat([bytes.subarray(wire.start, wire.from), masked]);
      }
      // A packed list that is named as a whole.
      return this.#packed(bytes, wire, field, states, 0, new Map());
    }
    let masked: Buffer;
    if (field.kind !== 'message') masked = this.#text(content, field, mask);
    else if (mask !== null) masked = this.#emptied(field.message!, mask, content);
    else masked = this.#message(field.message!, content, states, depth + 1);
    return masked === content ? null : framed(field, masked);
  }

  #packed(
    bytes: Buffer,
    wire: WireField,
    field: MessageField,
    states: States,
    first: number,
    counts: Map<number, number>,
  ): Buffer | null {
    if (this.#values === null && states.length === 0) return null;
    const whole = maskOf(states);
    const out: Buffer[] = [];
    let index = first;
    let isChanged = false;
    for (let at = wire.from; at < wire.to; index++) {
      if (++this.#nodes > limits.messageNodesMax) {
        throw new ProtobufFault(`it has more than ${limits.messageNodesMax} fields`);
      }
      const to = numberEnd(field, bytes, at, wire.to);
      const one = bytes.subarray(at, to);
      const masked = this.#number(one, field, whole ?? maskOf(this.#index(states, index)));
      out.push(masked ?? one);
      isChanged ||= masked !== null;
      at = to;
    }
    counts.set(field.number, index);
    return isChanged ? framed(field, Buffer.concat(out)) : null;
  }

  /** Null: it stays. */
  #number(content: Buffer, field: MessageField, mask: ValueMask | null): Buffer | null {
    if (mask === null && (this.#values === null || field.kind === 'bool' || field.kind === 'enum')) return null;
    const spelling = String(readNumber(field, content, 0, content.length));
    if (mask === null) {
      const masked = /^-?[0-9]/.test(spelling) ? this.#values!.number(spelling, field.name, this.#hits) : spelling;
      return masked === spelling ? null : writeNumber(field, masked);
    }
    this.#hits.count(mask.rule);
    if (field.kind === 'bool') return writeNumber(field, '0');
    if (field.kind === 'enum')
      return writeNumber(field, String(field.values?.has(0) === false ? [...field.values.keys()][0] : 0));
    const type = field.kind === 'double' || field.kind === 'float' ? 'float' : 'integer';
    const masked = mask.apply(Buffer.from(spelling), { type, column: field.name, charactersMax: null });
    return writeNumber(field, masked?.toString() ?? '0');
  }

  /** `content` itself where it stays. */
  #text(content: Buffer, field: MessageField, mask: ValueMask | null): Buffer {
    if (mask === null) return this.#values === null ? content : this.#values.bytes(content, field.name, this.#hits);
    this.#hits.count(mask.rule);
    if (field.kind === 'bytes') return nothing;
    const cell: CellContext = { type: 'text', column: field.name, charactersMax: null };
    return mask.apply(content, cell) ?? nothing;
  }

  #entry(bytes: Buffer, wire: WireField, field: MessageField, states: States, depth: number): Buffer | null {
    const type = field.message!;
    const content = bytes.subarray(wire.from, wire.to);
    let key = String(type.fields.get(1)?.absent ?? '');
    for (let at = 0; at < content.length; ) {
      const one = readField(content, at, content.length);
      const named = type.fields.get(one.number);
      if (one.number === 1 && named !== undefined && fits(named, one)) key = keyOf(named, content, one);
      at = one.next;
    }
    const named = this.#named(states, [key]);
    const out: Buffer[] = [];
    let isChanged = false;
    for (let at = 0; at < content.length; ) {
      const one = readField(content, at, content.length);
      at = one.next;
      const part = type.fields.get(one.number);
      let changed: Buffer | null;
      if (part === undefined || !fits(part, one)) changed = this.#unknown(content, one, states);
      else if (part.number === 1) changed = this.#value(content, one, part, [], null, depth);
      // Its name is the key.
      else
        changed = this.#value(
          content,
          one,
          { ...part, name: key, message: part.message },
          named,
          maskOf(named),
          depth + 1,
        );
      out.push(changed ?? content.subarray(one.start, one.next));
      isChanged ||= changed !== null;
    }
    return isChanged ? framed(field, Buffer.concat(out)) : null;
  }

  #any(
    bytes: Buffer,
    wire: WireField,
    inner: MessageType,
    field: MessageField,
    states: States,
    depth: number,
  ): Buffer | null {
    const named = this.#step(states, field);
    const mask = maskOf(named);
    const content = bytes.subarray(wire.from, wire.to);
    const masked =
      mask === null ? this.#message(inner, content, named, depth + 1) : this.#emptied(inner, mask, content);
    return masked === content ? null : framed(field, masked);
  }

  /** Nobody knows what it is called, nor what is in it. */
  #unknown(bytes: Buffer, wire: WireField, states: States): Buffer | null {
    if (states.some(({ isDead }) => !isDead)) {
      throw new ProtobufFault(
        `it has a field (${wire.number}) that the descriptor does not know, where a Mask names fields`,
      );
    }
    const values = this.#values;
    if (values === null) return null;
    const content = bytes.subarray(wire.from, wire.to);
    if (wire.wire === wires.varint) {
      const spelling = String(readVarint(bytes, wire.from, wire.to));
      if (values.number(spelling, '', this.#hits) === spelling) return null;
      return Buffer.concat([bytes.subarray(wire.start, wire.from), encodeVarint(0)]);
    }
    const spans = values.spans(content, '');
    if (spans.length === 0) return null;
    const masked = Buffer.from(bytes.subarray(wire.start, wire.next));
    for (const { from, to, rule } of spans) {
      this.#hits.count(rule);
      masked.fill(0x78, wire.from - wire.start + from, wire.from - wire.start + to);
    }
    return masked;
  }

  /** The type of what an `Any` holds; null where it is not known: then its bytes are bytes. */
  #innerOf(type: MessageType, bytes: Buffer, states: States): MessageType | null {
    let found: MessageType | null = null;
    let isEmpty = true;
    for (let at = 0; at < bytes.length; ) {
      const { number, wire, from, to, next } = readField(bytes, at, bytes.length);
      if (number === anyAddress && wire === wires.bytes)
        found = type.find(typeOfAddress(bytes.toString('utf8', from, to)));
      if (number === anyValue) isEmpty &&= from === to;
      at = next;
    }
    const value = type.fields.get(anyValue);
    if (found !== null || isEmpty || value === undefined) return found;
    const named = this.#step(states, value);
    if (maskOf(named) === null && named.length > 0) {
      throw new ProtobufFault(
        'it holds a message of a type that the descriptor does not know, where a Mask names fields',
      );
    }
    return null;
  }

  #emptied(type: MessageType, mask: ValueMask, content: Buffer): Buffer {
    this.#hits.count(mask.rule);
    if (content.length === 0) return content;
    if (type.hasRequired)
      throw new ProtobufFault(`a Mask names a message (${type.name}) of which nothing can be left out`);
    return nothing;
  }

  #dropped(mask: ValueMask): Buffer {
    this.#hits.count(mask.rule);
    return nothing;
  }

  #step(states: States, { name, jsonName }: MessageField): States {
    return this.#named(states, name === jsonName ? [name] : [name, jsonName]);
  }

  #named(states: States, names: readonly string[]): States {
    const fields = this.#fields;
    if (fields === null || states.length === 0) return [];
    return live(states.flatMap((state) => names.map((name) => fields.step(state, name.toLowerCase()))));
  }

  #index(states: States, index: number): States {
    const fields = this.#fields;
    if (fields === null || states.length === 0) return [];
    return live(states.map((state) => fields.index(state, index)));
  }
}

/** Those that mean something; the same once. */
function live(states: States): States {
  const [first, second] = states;
  if (states.length === 1) return isLive(first!) ? states : [];
  if (states.length === 2 && first === second) return isLive(first!) ? [first!] : [];
  return [...new Set(states.filter(isLive))];
}

function isLive({ mask, isDead }: FieldState): boolean {
  return mask !== null || !isDead;
}

/** Of several the strictest was found by the automaton; of two spellings the first that masks. */
function maskOf(states: States): ValueMask | null {
  for (const { mask } of states) if (mask !== null) return mask;
  return null;
}

const anyAddress = 1;
const anyValue = 2;

function keyOf(field: MessageField, bytes: Buffer, { from, to }: WireField): string {
  return field.kind === 'string' ? bytes.toString('utf8', from, to) : String(readNumber(field, bytes, from, to));
}

function framed({ number, isGroup }: MessageField, content: Buffer): Buffer {
  if (isGroup) return Buffer.concat([encodeTag(number, wires.group), content, encodeTag(number, wires.groupEnd)]);
  return Buffer.concat([encodeTag(number, wires.bytes), encodeVarint(content.length), content]);
}
