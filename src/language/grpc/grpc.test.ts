/** Descriptor sets and what messages say by them, against the library's own encoder. */
import { create, createFileRegistry, type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import {
  AnySchema,
  FeatureSet_FieldPresence,
  FeatureSetSchema,
  FieldOptionsSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { encodeTag, encodeVarint, wires } from '../../base/protobuf.ts';
import { analyseRequest } from '../http/index.ts';
import { rpcBody, rpcNames } from './body.ts';
import { type RpcSchema, rpcSchema } from './descriptors.ts';
import * as limits from './limits.ts';
import { readMessage } from './read.ts';

const optional = (number: number, name: string, type: Type, more: object = {}) => ({
  ...{
    number,
    name,
    type,
    label: Label.OPTIONAL,
    jsonName: name.replace(/_(.)/g, (_, one: string) => one.toUpperCase()),
  },
  ...more,
});
const repeated = (number: number, name: string, type: Type, more: object = {}) =>
  optional(number, name, type, { label: Label.REPEATED, ...more });

const numbers = [
  ...['DOUBLE', 'FLOAT', 'INT64', 'UINT64', 'INT32', 'FIXED64', 'FIXED32', 'UINT32', 'SFIXED32', 'SFIXED64', 'SINT32'],
  'SINT64',
] as const;

const set: FileDescriptorSet = create(FileDescriptorSetSchema, {
  file: [
    file_google_protobuf_any.proto,
    {
      name: 'all.proto',
      package: 'test',
      syntax: 'proto3',
      dependency: ['google/protobuf/any.proto'],
      enumType: [
        {
          name: 'Mode',
          value: [
            { name: 'HARD', number: 0 },
            { name: 'SOFT', number: 1 },
          ],
        },
      ],
      messageType: [
        {
          name: 'All',
          field: [
            optional(1, 'display_name', Type.STRING),
            optional(2, 'data', Type.BYTES),
            optional(3, 'mode', Type.ENUM, { typeName: '.test.Mode' }),
            optional(4, 'on', Type.BOOL),
            optional(5, 'next', Type.MESSAGE, { typeName: '.test.All' }),
            repeated(6, 'tags', Type.STRING),
            repeated(7, 'marks', Type.INT32),
            repeated(8, 'by_key', Type.MESSAGE, { typeName: '.test.All.ByKeyEntry' }),
            optional(9, 'left', Type.STRING, { oneofIndex: 0 }),
            optional(10, 'right', Type.STRING, { oneofIndex: 0 }),
            optional(11, 'any', Type.MESSAGE, { typeName: '.google.protobuf.Any' }),
            optional(12, 'maybe', Type.INT32, { proto3Optional: true, oneofIndex: 1 }),
            ...numbers.map((name, index) => optional(20 + index, `n_${name.toLowerCase()}`, Type[name])),
          ],
          oneofDecl: [{ name: 'side' }, { name: '_maybe' }],
          nestedType: [
            {
              name: 'ByKeyEntry',
              options: { mapEntry: true },
              field: [optional(1, 'key', Type.STRING), optional(2, 'value', Type.INT64)],
            },
          ],
        },
      ],
      service: [{ name: 'Api', method: [{ name: 'Do', inputType: '.test.All', outputType: '.test.All' }] }],
    },
    {
      name: 'old.proto',
      package: 'test',
      syntax: 'proto2',
      messageType: [
        {
          name: 'Old',
          field: [
            { ...optional(1, 'id', Type.INT32), label: Label.REQUIRED },
            optional(2, 'force', Type.BOOL, { defaultValue: 'true' }),
            optional(3, 'group', Type.GROUP, { typeName: '.test.Old.Group' }),
          ],
          nestedType: [{ name: 'Group', field: [optional(1, 'text', Type.STRING)] }],
        },
      ],
      service: [{ name: 'OldApi', method: [{ name: 'Do', inputType: '.test.Old', outputType: '.test.Old' }] }],
    },
  ],
});
const base64 = Buffer.from(toBinary(FileDescriptorSetSchema, set)).toString('base64');
const schema = rpcSchema(base64) as RpcSchema;
const method = schema.methodOf('/test.Api/Do')!;
const all = createFileRegistry(set).getMessage('test.All') as DescMessage;
const encode = (json: JsonObject): Buffer =>
  Buffer.from(toBinary(all, fromJson(all, json, { registry: createFileRegistry(set) })));
const read = (bytes: Uint8Array, defaults = false) => readMessage(bytes, method.input, { defaults });
const value = (json: JsonObject): unknown => (read(encode(json)) as { value: unknown }).value;
const text = (number: number, content: string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([encodeTag(number, wires.bytes), encodeVarint(bytes.length), bytes]);
};

describe('descriptor sets', () => {
  test('name methods by their paths', () => {
    expect(method).toMatchObject({ name: 'test.Api/Do', clientStreams: false, serverStreams: false });
    expect(method.input.name).toBe('test.All');
    expect(schema.methodOf('/test.Api/Other')).toBeNull();
    expect(schema.methodOf('/test.OldApi/Do')!.input.hasRequired).toBe(true);
    expect(rpcSchema(base64)).toBe(schema);
  });

  test('are refused whole', () => {
    expect(rpcSchema('%')).toBe('is no base 64');
    expect(rpcSchema(Buffer.from('no descriptors').toString('base64'))).toMatch(/is no descriptor set/);
    const alone = create(FileDescriptorSetSchema, { file: [set.file[1]!] });
    const without = Buffer.from(toBinary(FileDescriptorSetSchema, alone)).toString('base64');
    expect(rpcSchema(without)).toMatch(/with all it imports/);
    const long = Buffer.alloc(limits.descriptorBytesMax + 1).toString('base64');
    expect(rpcSchema(long)).toMatch(/more than 8388608 bytes/);
  });
});

describe('messages', () => {
  test('of every kind, as the encoder of the library writes them', () => {
    expect(value({ displayName: 'ä', data: 'AAE=', mode: 'SOFT', on: true, tags: ['a', 'b'], marks: [1, -2] })).toEqual(
      {
        ...{ display_name: 'ä', data: 'AAE=', mode: 'SOFT', on: true, tags: ['a', 'b'], marks: [1, -2] },
      },
    );
    const given = { nDouble: -1.5, nFloat: 0.1, nInt32: -3, nUint32: 4294967295, nSint32: -2147483648, nSfixed32: -7 };
    expect(value({ ...given, nFixed32: 8, nSint64: '-9', nInt64: '-10', nSfixed64: '-11' })).toEqual({
      ...{ n_double: -1.5, n_float: 0.1, n_int32: -3, n_uint32: 4294967295, n_sint32: -2147483648, n_sfixed32: -7 },
      ...{ n_fixed32: 8, n_sint64: -9, n_int64: -10, n_sfixed64: -11 },
    });
    expect(value({ nUint64: '18446744073709551615', nFixed64: '9007199254740993', nDouble: 'NaN' })).toEqual({
      ...{ n_uint64: '18446744073709551615', n_fixed64: '9007199254740993', n_double: 'NaN' },
    });
    expect(value({ next: { next: { left: 'x' } }, byKey: { a: '1', __proto__x: '2' } })).toEqual({
      ...{ next: { next: { left: 'x' } }, by_key: { a: 1, __proto__x: 2 } },
    });
  });

  test('what is not there has its zero where readers take it for that', () => {
    const found = read(Buffer.alloc(0), true) as { value: Record<string, unknown> };
    expect(found.value).toMatchObject({ display_name: '', data: '', mode: 'HARD', on: false, n_int64: 0 });
    for (const name of ['next', 'tags', 'left', 'maybe', 'any']) expect(found.value).not.toHaveProperty(name);
    const old = schema.methodOf('/test.OldApi/Do')!.input;
    const group = Buffer.concat([encodeTag(3, wires.group), text(1, 'in'), encodeTag(3, wires.groupEnd)]);
    expect(readMessage(group, old, { defaults: true })).toEqual({
      ...{ value: { force: true, group: { text: 'in' } }, isUnknown: false },
    });
  });

  test('an Any is opened where its type is known', () => {
    const inner = encode({ displayName: 'in' });
    const any = (name: string): Buffer => {
      const packed = create(AnySchema, { typeUrl: `type.googleapis.com/${name}`, value: inner });
      return Buffer.concat([
        encodeTag(11, wires.bytes),
        Buffer.from([toBinary(AnySchema, packed).length]),
        toBinary(AnySchema, packed),
      ]);
    };
    expect(read(any('test.All'))).toMatchObject({
      value: { any: { type_url: 'type.googleapis.com/test.All', value: { display_name: 'in' } } },
      isUnknown: false,
    });
    expect(read(any('test.Nobody'))).toMatchObject({
      value: { any: { value: inner.toString('base64') } },
      isUnknown: true,
    });
  });

  test('what is not known is shown, and said', () => {
    expect(read(Buffer.concat([text(90, 'x'), text(90, 'y'), text(4, 'no bool')]))).toEqual({
      value: { '?90': ['0gUBeA==', '0gUBeQ=='], '?4': ['IgdubyBib29s'] },
      isUnknown: true,
    });
  });

  test('what two readers could take differently is unread', () => {
    for (const [bytes, why] of [
      [Buffer.concat([text(1, 'a'), text(1, 'b')]), /twice/],
      [Buffer.concat([text(9, 'a'), text(10, 'b')]), /two alternatives/],
      [Buffer.concat([encode({ byKey: { a: '1' } }), encode({ byKey: { a: '2' } })]), /twice in one map/],
      [Buffer.concat([encodeTag(1, wires.bytes), Buffer.from([1, 0xff])]), /no UTF-8/],
      [Buffer.from([0x0a, 5, 1]), /ends within a field/],
      [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0]), /too long/],
      [Buffer.from([0x08]), /ends within a field/],
      [Buffer.from([0x0c]), /a kind that there is not/],
    ] as const) {
      expect(read(bytes)).toEqual({ unread: expect.stringMatching(why) as string });
    }
  });

  test('at each limit, and one past it', () => {
    const nested = (levels: number): Buffer => {
      let bytes: Buffer = text(1, 'x');
      for (let level = 0; level < levels; level++) {
        bytes = Buffer.concat([encodeTag(5, wires.bytes), encodeVarint(bytes.length), bytes]);
      }
      return bytes;
    };
    expect(read(nested(limits.messageDepthMax))).toHaveProperty('value');
    expect(read(nested(limits.messageDepthMax + 1))).toHaveProperty('unread');
    const tags = (count: number): Buffer => Buffer.concat(new Array<Buffer>(count).fill(text(6, '')));
    expect(read(tags(limits.messageNodesMax))).toHaveProperty('value');
    expect(read(tags(limits.messageNodesMax + 1))).toHaveProperty('unread');
  });
});

describe('bodies', () => {
  test('carry both spellings of names', () => {
    expect(rpcNames(method.input)).toMatchObject({
      display_name: ['displayName'],
      by_key: ['byKey'],
      type_url: ['typeUrl'],
    });
    const { body, text: shown } = rpcBody(method, encode({ displayName: 'x' }));
    expect(body).toMatchObject({ kind: 'json', value: { display_name: 'x', mode: 'HARD' } });
    expect(body).not.toHaveProperty('unknown');
    expect(JSON.parse(shown!)).toMatchObject({ display_name: 'x' });
    expect(rpcBody(method, text(90, 'x')).body).toHaveProperty('unknown');
    expect(rpcBody(method, Buffer.from([1])).body).toMatchObject({ kind: 'unread' });
  });

  test('and are read back from the text of a command', () => {
    const found = analyseRequest('POST /test.Api/Do\n\n{"display_name":"x","mode":"HARD"}', { rpc: schema });
    expect(found).toMatchObject({
      ...{ grpc: 'test.Api/Do', contentType: 'application/grpc' },
      body: { kind: 'json', value: { display_name: 'x' }, names: { display_name: ['displayName'] } },
    });
    expect(analyseRequest('POST /test.Api/Do', { rpc: schema })).toMatchObject({
      grpc: 'test.Api/Do',
      body: { kind: 'none' },
    });
    expect(analyseRequest('POST /other', { rpc: schema })).toMatchObject({ grpc: null });
  });
});

// The editions' way of saying the same is resolved by the library; one field of it stands for the rest.
test('features of editions are followed', () => {
  const features = create(FeatureSetSchema, { fieldPresence: FeatureSet_FieldPresence.IMPLICIT });
  const edition = create(FileDescriptorSetSchema, {
    file: [
      {
        ...{ name: 'e.proto', package: 'e', syntax: 'editions', edition: 1000 },
        messageType: [
          {
            name: 'M',
            field: [
              optional(1, 'plain', Type.INT32),
              optional(2, 'implicit', Type.INT32, { options: create(FieldOptionsSchema, { features }) }),
            ],
          },
        ],
        service: [{ name: 'S', method: [{ name: 'Do', inputType: '.e.M', outputType: '.e.M' }] }],
      },
    ],
  });
  const read = rpcSchema(Buffer.from(toBinary(FileDescriptorSetSchema, edition)).toString('base64')) as RpcSchema;
  const { input } = read.methodOf('/e.S/Do')!;
  expect(readMessage(Buffer.alloc(0), input, { defaults: true })).toMatchObject({ value: { implicit: 0 } });
});
