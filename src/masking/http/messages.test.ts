/** Messages of protobuf under Masks: by place, by detector, what nobody knows, and what is no message. */
import { describe, expect, test } from 'vitest';
import { encodeTag, encodeVarint, type Wire, wires } from '../../base/protobuf.ts';
import type { MessageMask } from '../../core/masking.ts';
import type { MessageField, MessageFieldKind, MessageType } from '../../core/messages.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { maskEverything, mergePlans } from '../merge.ts';
import { hashKey, maskSet } from '../testing.ts';
import * as limits from './limits.ts';
import { card, httpMasks } from './testing.ts';

const types = new Map<string, MessageType>();

type Init = Partial<Omit<MessageField, 'message'>> & { readonly kind: MessageFieldKind; readonly of?: string };

function type(name: string, fields: Readonly<Record<string, Init>>): MessageType {
  const made: MessageType = {
    name,
    hasRequired: Object.values(fields).some(({ isRequired }) => isRequired === true),
    fields: new Map(
      Object.entries(fields).map(([called, { of, ...init }], index) => {
        const field: MessageField = {
          ...{
            number: index + 1,
            name: called,
            jsonName: called.replace(/_(.)/g, (_, one: string) => one.toUpperCase()),
          },
          ...{ isRepeated: false, isMap: false, isGroup: false, isRequired: false, values: null, absent: undefined },
          ...{ oneof: null, ...init },
          get message() {
            return of === undefined ? null : types.get(of)!;
          },
        };
        return [field.number, field];
      }),
    ),
    find: (one) => types.get(one) ?? null,
  };
  types.set(name, made);
  return made;
}

type('Entry', { key: { kind: 'string', absent: '' }, value: { kind: 'string' } });
type('Strict', { id: { kind: 'string', isRequired: true } });
type('Address', { street: { kind: 'string' }, zip_code: { kind: 'int32' } });
type('google.protobuf.Any', { type_url: { kind: 'string' }, value: { kind: 'bytes' } });
const person = type('Person', {
  name: { kind: 'string' },
  tax_id: { kind: 'string' },
  home: { kind: 'message', of: 'Address' },
  others: { kind: 'message', of: 'Address', isRepeated: true },
  card: { kind: 'uint64' },
  scores: { kind: 'sint32', isRepeated: true },
  photo: { kind: 'bytes' },
  labels: { kind: 'message', of: 'Entry', isRepeated: true, isMap: true },
  active: { kind: 'bool' },
  level: {
    kind: 'enum',
    values: new Map([
      [1, 'LOW'],
      [2, 'HIGH'],
    ]),
  },
  detail: { kind: 'message', of: 'google.protobuf.Any' },
  group: { kind: 'message', of: 'Address', isGroup: true },
  strict: { kind: 'message', of: 'Strict' },
  weight: { kind: 'double' },
  parent: { kind: 'message', of: 'Person' },
});

type Content = Buffer | string | number | bigint;

function put(number: number, content: Content): Buffer {
  if (typeof content === 'number' || typeof content === 'bigint')
    return tagged(number, wires.varint, encodeVarint(content));
  const bytes = Buffer.from(content);
  return tagged(number, wires.bytes, Buffer.concat([encodeVarint(bytes.length), bytes]));
}

function tagged(number: number, wire: Wire, content: Buffer): Buffer {
  return Buffer.concat([encodeTag(number, wire), content]);
}

const group = (number: number, content: Buffer): Buffer =>
  Buffer.concat([encodeTag(number, wires.group), content, encodeTag(number, wires.groupEnd)]);
const of = (...fields: Buffer[]): Buffer => Buffer.concat(fields);
const address = (street: string, zip = 12): Buffer => of(put(1, street), put(2, zip));
const maskOf = (spec: Partial<MaskSpec>, of = person): MessageMask => httpMasks(spec).messages!(of);
const masked = (spec: Partial<MaskSpec>, message: Buffer): Buffer | string => {
  const mask = maskOf(spec);
  const out = mask.apply(message);
  return mask.fault ?? out;
};
const redact = (...fields: string[]): Partial<MaskSpec> => ({ fields, with: 'redact' });
const detect: Partial<MaskSpec> = { detect: ['credit_card', 'email'] };

const whole = of(
  ...[put(1, 'Ada'), put(2, '123'), put(3, address('a street')), put(4, address('one')), put(4, address('two'))],
  ...[put(5, 7), put(6, of(encodeVarint(2), encodeVarint(4))), put(7, Buffer.from([0xff, 0])), put(9, 1), put(10, 2)],
  ...[
    put(8, of(put(1, 'k'), put(2, 'v'))),
    group(12, address('in a group')),
    tagged(14, wires.fixed64, Buffer.alloc(8)),
  ],
);

describe('places', () => {
  test('what nothing is masked in is the very same', () => {
    expect(maskOf(redact('/nobody')).apply(whole)).toBe(whole);
    expect(maskOf(detect).apply(whole)).toBe(whole);
  });

  test('by either spelling, lengths around it made anew', () => {
    for (const name of ['/tax_id', '/taxId', '/TAX_ID']) {
      expect(masked(redact(name), of(put(1, 'Ada'), put(2, '123'), put(9, 1)))).toEqual(
        of(put(1, 'Ada'), put(2, '[redacted]'), put(9, 1)),
      );
    }
    expect(masked(redact('/home/street'), put(3, address('a')))).toEqual(put(3, address('[redacted]')));
    expect(masked(redact('/**/street'), of(put(3, address('a')), put(15, put(4, address('b')))))).toEqual(
      of(put(3, address('[redacted]')), put(15, put(4, address('[redacted]')))),
    );
    expect(masked(redact('/group/street'), group(12, address('a')))).toEqual(group(12, address('[redacted]')));
  });

  test('lists by index, all of them, or as a whole', () => {
    const two = of(put(4, address('a')), put(4, address('b')));
    expect(masked(redact('/others/1/street'), two)).toEqual(of(put(4, address('a')), put(4, address('[redacted]'))));
    const both = of(put(4, address('[redacted]')), put(4, address('[redacted]')));
    expect(masked(redact('/others/*/street'), two)).toEqual(both);
    expect(masked(redact('/others'), two)).toEqual(of(put(4, ''), put(4, '')));
    const packed = put(6, of(encodeVarint(2), encodeVarint(4)));
    expect(masked(redact('/scores/1'), packed)).toEqual(put(6, of(encodeVarint(2), encodeVarint(0))));
    expect(masked(redact('/scores'), of(packed, put(6, 8)))).toEqual(
      of(put(6, of(encodeVarint(0), encodeVarint(0))), put(6, 0)),
    );
  });

  test('values of every kind', () => {
    expect(masked(redact('/card'), put(5, 12345))).toEqual(put(5, 0));
    expect(masked(redact('/active', '/level'), of(put(9, 1), put(10, 2)))).toEqual(of(put(9, 0), put(10, 1)));
    expect(masked(redact('/photo'), put(7, 'abc'))).toEqual(put(7, ''));
    expect(masked(redact('/home'), put(3, address('a')))).toEqual(put(3, ''));
    expect(masked({ fields: ['/name'], with: 'null' }, put(1, 'Ada'))).toEqual(put(1, ''));
    expect(masked({ fields: ['/name'], with: { partial: { last: 2 } } }, put(1, '12345'))).toEqual(
      put(1, '********45'),
    );
    const weight = tagged(14, wires.fixed64, Buffer.from([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]));
    expect(masked(redact('/weight'), weight)).toEqual(tagged(14, wires.fixed64, Buffer.alloc(8)));
    const label = (key: string, value: string): Buffer => put(8, of(put(1, key), put(2, value)));
    const labels = of(label('a', 'x'), label('b', 'y'));
    expect(masked(redact('/labels/b'), labels)).toEqual(of(label('a', 'x'), label('b', '[redacted]')));
    expect(masked(redact('/labels'), of(put(1, 'Ada'), labels))).toEqual(put(1, 'Ada'));
    expect(masked(redact('/strict'), put(13, put(1, 'x')))).toMatch(/nothing can be left out/);
  });

  test('an Any by the type that it names', () => {
    const any = (name: string, value: Buffer): Buffer =>
      put(11, of(put(1, `type.googleapis.com/${name}`), put(2, value)));
    expect(masked(redact('/detail/value/street'), any('Address', address('a')))).toEqual(
      any('Address', address('[redacted]')),
    );
    expect(masked(redact('/detail/value/street'), any('Nobody', address('a')))).toMatch(/does not know/);
    expect(masked(redact('/name'), any('Nobody', address('a')))).toEqual(any('Nobody', address('a')));
  });
});

describe('detectors', () => {
  test('look at strings, bytes, numbers and keys', () => {
    expect(masked(detect, put(1, `card ${card}!`))).toEqual(put(1, 'card [redacted]!'));
    expect(masked(detect, put(7, `card ${card}!`))).toEqual(put(7, 'card [redacted]!'));
    const binary = Buffer.from([0xff, 0xfe, 0x20]);
    expect(masked(detect, put(7, of(binary, Buffer.from('ada@example.com'))))).toEqual(
      put(7, of(binary, Buffer.from('[redacted]'))),
    );
    expect(masked(detect, put(5, BigInt(card)))).toEqual(put(5, 0));
    expect(masked(detect, put(8, of(put(1, 'ada@example.com'), put(2, 'v'))))).toEqual(
      put(8, of(put(1, '[redacted]'), put(2, 'v'))),
    );
    const mask = maskOf(detect);
    mask.apply(put(1, `${card} ada@example.com`));
    expect(Object.fromEntries(mask.hits)).toEqual({ a: 2 });
  });

  test('overwrite what they find in fields that nobody knows, at the same length', () => {
    const inner = put(1, `card ${card}!`);
    const given = masked(detect, of(put(1, 'Ada'), put(90, inner))) as Buffer;
    expect(given).toEqual(of(put(1, 'Ada'), put(90, put(1, `card ${'x'.repeat(card.length)}!`))));
    expect(masked(detect, put(91, BigInt(card)))).toEqual(put(91, 0));
    // A known number with another wire type is such a field, too.
    expect(masked(detect, put(5, `card ${card}!`))).toEqual(put(5, `card ${'x'.repeat(card.length)}!`));
  });
});

describe('what is not known', () => {
  test('is a fault where a Mask could mean it, and nowhere else', () => {
    const unknown = put(90, 'x');
    expect(masked(redact('/tax_id'), unknown)).toMatch(/field \(90\) that the descriptor does not know/);
    expect(masked(redact('/**/tax_id'), put(3, unknown))).toMatch(/does not know/);
    expect(masked(redact('/tax_id'), put(3, unknown))).toEqual(put(3, unknown));
    expect(masked(redact('/home'), put(3, unknown))).toEqual(put(3, ''));
    const mask = maskOf(redact('/tax_id'));
    expect(mask.apply(unknown)).toHaveLength(0);
    expect(mask.apply(put(1, 'Ada'))).toHaveLength(0);
  });

  test('no message: a fault', () => {
    for (const broken of [
      Buffer.from([0x0a, 5, 1]),
      Buffer.from([0]),
      Buffer.from([0x0f]),
      Buffer.from([0x0b]),
      Buffer.alloc(12, 0xff),
    ]) {
      expect(masked(redact('/name'), broken)).toMatch(/cannot be read/);
    }
    const nested = (levels: number): Buffer => {
      let message = put(1, 'Ada');
      for (let level = 0; level < levels; level++) message = put(15, message);
      return message;
    };
    expect(masked(redact('/**/name'), nested(limits.messageDepthMax))).toBeInstanceOf(Buffer);
    expect(masked(redact('/**/name'), nested(limits.messageDepthMax + 1))).toMatch(/nests deeper/);
  });
});

describe('plans', () => {
  const planOf = (spec: Partial<MaskSpec>) => maskSet(spec).planStreams('http')!.output!;

  test('joined, one after the other', () => {
    const both = mergePlans(planOf(redact('/tax_id')), planOf(detect)).streams!.http!.messages!(person);
    expect(both.apply(of(put(1, `card ${card}!`), put(2, '123')))).toEqual(
      of(put(1, 'card [redacted]!'), put(2, '[redacted]')),
    );
    expect(both.hits).toEqual(new Map([['a', 2]]));
    expect(both.apply(put(90, 'x'))).toHaveLength(0);
    expect(both.fault).toMatch(/does not know/);
  });

  test('of a guardrail that masks everything: nothing is left', () => {
    const mask = maskEverything('guard', 'redact', hashKey).streams!.http!.messages!(person);
    expect(mask.apply(whole)).toHaveLength(0);
    expect(mask.hits).toEqual(new Map([['guard', 1]]));
  });
});
