/**
 * What services and messages look like: a protobuf `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out`
 * and `buf build` write it, as tables to read messages by.
 *
 * Invariants: a set that cannot be resolved whole is refused, never used in part. Tables are made as they are asked for, and
 * immutable afterwards.
 *
 * Deliberately absent: options, comments, reflection of a running server.
 */
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  ScalarType,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence, FieldDescriptorProto_Type, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describeError } from '../../base/errors.ts';
import type { MessageField, MessageFieldKind, MessageType, RpcMethod } from '../../core/messages.ts';
import * as limits from './limits.ts';

/** Services by their methods' paths. */
export interface RpcSchema {
  /** The method at a path (`/package.Service/Method`); null where none stands there. */
  methodOf(path: string): RpcMethod | null;
}

const remembered = new Map<string, RpcSchema | string>();

/** The schema that a descriptor set in base 64 is; a text says why it is none. */
export function rpcSchema(base64: string): RpcSchema | string {
  let known = remembered.get(base64);
  if (known === undefined) {
    known = read(base64);
    if (remembered.size >= limits.descriptorsRemembered) remembered.delete(remembered.keys().next().value!);
    remembered.set(base64, known);
  }
  return known;
}

function read(base64: string): RpcSchema | string {
  const text = base64.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return 'is no base 64';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > limits.descriptorBytesMax) return `has more than ${limits.descriptorBytesMax} bytes`;
  try {
    return new Schema(createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)));
  } catch (error) {
    return `is no descriptor set with all it imports (protoc --include_imports --descriptor_set_out): ${describeError(error).slice(0, 200)}`;
  }
}

class Schema implements RpcSchema {
  readonly #methods = new Map<string, RpcMethod>();

  constructor(registry: FileRegistry) {
    const types = new Types(registry);
    for (const one of registry) {
      if (one.kind !== 'service') continue;
      for (const { name, input, output, methodKind } of one.methods) {
        const method = {
          name: `${one.typeName}/${name}`,
          get input() {
            return types.of(input);
          },
          get output() {
            return types.of(output);
          },
          clientStreams: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
          serverStreams: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
        };
        this.#methods.set(`/${method.name}`, method);
      }
    }
  }

  methodOf(path: string): RpcMethod | null {
    return this.#methods.get(path) ?? null;
  }
}

class Types {
  readonly #registry: FileRegistry;
  readonly #known = new Map<DescMessage, MessageType>();
  /** By the type that they extend. */
  readonly #extensions = new Map<string, Described[]>();

  constructor(registry: FileRegistry) {
    this.#registry = registry;
    for (const one of registry) {
      if (one.kind !== 'extension') continue;
      const all = this.#extensions.get(one.extendee.typeName) ?? [];
      all.push(one);
      this.#extensions.set(one.extendee.typeName, all);
    }
  }

  of(described: DescMessage): MessageType {
    const known = this.#known.get(described);
    if (known !== undefined) return known;
    const fields = new Map<number, MessageField>();
    const extensions = this.#extensions.get(described.typeName) ?? [];
    for (const one of [...described.fields, ...extensions]) fields.set(one.number, this.#field(one));
    const type: MessageType = {
      name: described.typeName,
      fields,
      hasRequired: described.fields.some(isRequired),
      find: (name) => {
        const found = this.#registry.getMessage(name);
        return found === undefined ? null : this.of(found);
      },
    };
    this.#known.set(described, type);
    return type;
  }

  #field(described: Described): MessageField {
    const isMap = described.fieldKind === 'map';
    const kind = isMap ? 'message' : kindOf(described);
    const { message } = described;
    const { typeName, name, jsonName, number } = { typeName: '', ...described };
    const values = isMap || described.enum === undefined ? null : namesOf(described.enum);
    let made: MessageType | null = null;
    const types = this;
    return {
      number,
      name: described.kind === 'extension' ? `[${typeName}]` : name,
      jsonName: described.kind === 'extension' ? `[${typeName}]` : jsonName,
      kind,
      isRepeated: described.fieldKind === 'list' || isMap,
      isMap,
      isGroup: 'delimitedEncoding' in described && described.delimitedEncoding,
      isRequired: isRequired(described),
      // A type may hold itself: it is asked for when it is met.
      get message() {
        if (kind !== 'message') return null;
        made ??= isMap ? types.#entry(described) : types.of(message!);
        return made;
      },
      values,
      absent: absentOf(described),
      oneof: described.oneof?.name ?? null,
    };
  }

  #entry(described: Extract<DescField, { fieldKind: 'map' }>): MessageType {
    const { message, scalar, mapKey } = described;
    const plain = { isRepeated: false, isMap: false, isGroup: false, isRequired: false, oneof: null };
    const valueKind = message !== undefined ? 'message' : scalar === undefined ? 'enum' : scalarKinds[scalar];
    const values = described.enum === undefined ? null : namesOf(described.enum);
    const key: MessageField = {
      ...{ ...plain, number: 1, name: 'key', jsonName: 'key', kind: scalarKinds[mapKey], message: null, values: null },
      absent: zeroOf(scalarKinds[mapKey], null),
    };
    const types = this;
    const value: MessageField = {
      ...{ ...plain, number: 2, name: 'value', jsonName: 'value', kind: valueKind, values },
      get message() {
        return message === undefined ? null : types.of(message);
      },
      absent: zeroOf(valueKind, values),
    };
    const fields = new Map([key, value].map((field) => [field.number, field]));
    const find = (name: string): MessageType | null => this.#found(name);
    return { name: `${described.parent.typeName}.${described.name}`, fields, hasRequired: false, find };
  }

  #found(name: string): MessageType | null {
    const found = this.#registry.getMessage(name);
    return found === undefined ? null : this.of(found);
  }
}

type Described = DescMessage['fields'][number] | Extract<ReturnType<FileRegistry['get']>, { kind: 'extension' }>;

const scalarKinds: Readonly<Record<ScalarType, MessageFieldKind>> = {
  [ScalarType.DOUBLE]: 'double',
  [ScalarType.FLOAT]: 'float',
  [ScalarType.INT64]: 'int64',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.INT32]: 'int32',
  [ScalarType.FIXED64]: 'fixed64',
  [ScalarType.FIXED32]: 'fixed32',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'bytes',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.SFIXED32]: 'sfixed32',
  [ScalarType.SFIXED64]: 'sfixed64',
  [ScalarType.SINT32]: 'sint32',
  [ScalarType.SINT64]: 'sint64',
};

function kindOf(described: Described): MessageFieldKind {
  if (described.message !== undefined) return 'message';
  return described.scalar === undefined ? 'enum' : scalarKinds[described.scalar];
}

function namesOf({ values }: { readonly values: readonly { number: number; name: string }[] }): Map<number, string> {
  const names = new Map<number, string>();
  for (const { number, name } of values) if (!names.has(number)) names.set(number, name);
  return names;
}

function isRequired({ presence }: Described): boolean {
  return presence === FeatureSet_FieldPresence.LEGACY_REQUIRED;
}

/** Without presence, or with a default of its own, a field that is not there has a value all the same. */
function absentOf(described: Described): MessageField['absent'] {
  if (described.fieldKind === 'list' || described.fieldKind === 'map' || described.message !== undefined)
    return undefined;
  if (described.oneof !== undefined) return undefined;
  const kind = kindOf(described);
  const values = described.enum === undefined ? null : namesOf(described.enum);
  if (described.presence === FeatureSet_FieldPresence.IMPLICIT) return zeroOf(kind, values);
  if (described.proto.type === FieldDescriptorProto_Type.GROUP) return undefined;
  const value = described.getDefaultValue();
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (values !== null) return values.get(Number(value)) ?? Number(value);
  return typeof value === 'bigint' ? String(value) : value;
}

function zeroOf(kind: MessageFieldKind, values: ReadonlyMap<number, string> | null): MessageField['absent'] {
  if (kind === 'message') return undefined;
  if (kind === 'string' || kind === 'bytes') return '';
  if (kind === 'bool') return false;
  return kind === 'enum' ? (values?.get(0) ?? 0) : 0;
}
