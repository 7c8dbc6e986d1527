/**
 * Types of protobuf messages, as far as reading and masking them needs: what `language` makes of a descriptor set, and what
 * masks go by.
 *
 * Invariants: types of one descriptor set refer to each other, in cycles too; a type is the same object wherever it stands.
 */

export type MessageFieldKind =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'enum'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'float'
  | 'double'
  | 'message';

export interface MessageField {
  readonly number: number;
  /** As it stands in the source; of an extension `[package.name]`. */
  readonly name: string;
  /** As ProtoJSON spells it: `customerId` of `customer_id`, unless the source says otherwise. */
  readonly jsonName: string;
  readonly kind: MessageFieldKind;
  /** A list or a map. */
  readonly isRepeated: boolean;
  /** Its type is that of an entry: 1 is the key, 2 the value. */
  readonly isMap: boolean;
  /** Framed as a group. */
  readonly isGroup: boolean;
  readonly isRequired: boolean;
  /** Of messages. */
  readonly message: MessageType | null;
  /** Of enumerations: names by number. */
  readonly values: ReadonlyMap<number, string> | null;
  /** What a reader takes it for where it is not there; undefined: for absent. */
  readonly absent: string | number | boolean | undefined;
  /** The alternatives that it is one of, or null. */
  readonly oneof: string | null;
}

export interface MessageType {
  /** With its package, without a leading dot. */
  readonly name: string;
  readonly fields: ReadonlyMap<number, MessageField>;
  /** Some field must be there (proto2): nothing can be left out of it. */
  readonly hasRequired: boolean;
  /** Another type of the same set, by its name; null where there is none: for `google.protobuf.Any`. */
  find(name: string): MessageType | null;
}

/** One method of a service (gRPC). */
export interface RpcMethod {
  /** `package.Service/Method`. */
  readonly name: string;
  readonly input: MessageType;
  readonly output: MessageType;
  /** The client sends any number of messages. */
  readonly clientStreams: boolean;
  readonly serverStreams: boolean;
}

/** The type whose value is a message of the type that it names. */
export const anyType = 'google.protobuf.Any';

/** The name of the type in an `Any`'s address: what stands behind its last slash. */
export function typeOfAddress(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1);
}
