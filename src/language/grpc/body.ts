/**
 * What a gRPC request says, as far as its descriptor tells: the same facts as of a body of JSON.
 *
 * Invariant: what the descriptor does not know makes the body uncertain (`HttpBody.unknown`); what cannot be read is unread.
 */
import type { MessageType, RpcMethod } from '../../core/messages.ts';
import { type BodyMeaning, unreadBody } from '../http/body.ts';
import { readMessage } from './read.ts';

export const unknownFields = 'it has fields that the descriptor of the service does not know';

/** The meaning of one message of a method's requests. */
export function rpcBody(method: RpcMethod, message: Uint8Array): BodyMeaning {
  const reading = readMessage(message, method.input, { defaults: true });
  if ('unread' in reading) return unreadBody(reading.unread);
  const { value, isUnknown } = reading;
  return {
    body: {
      kind: 'json',
      value,
      rpc: null,
      graphql: null,
      names: rpcNames(method.input),
      ...(isUnknown ? { unknown: unknownFields } : {}),
    },
    text: JSON.stringify(value),
    graphql: null,
  };
}

const remembered = new WeakMap<MessageType, Readonly<Record<string, readonly string[]>>>();

/** Other spellings of names in messages of this type, by the one that stands in its values. */
export function rpcNames(type: MessageType): Readonly<Record<string, readonly string[]>> {
  let names = remembered.get(type);
  if (names === undefined) {
    names = collect(type);
    remembered.set(type, names);
  }
  return names;
}

function collect(root: MessageType): Readonly<Record<string, readonly string[]>> {
  const others = new Map<string, Set<string>>();
  const seen = new Set([root]);
  for (const type of seen) {
    for (const { name, jsonName, message } of type.fields.values()) {
      if (message !== null) seen.add(message);
      if (jsonName === name) continue;
      const spellings = others.get(name) ?? new Set();
      spellings.add(jsonName);
      others.set(name, spellings);
    }
  }
  return Object.fromEntries([...others].map(([name, spellings]) => [name, [...spellings]]));
}
