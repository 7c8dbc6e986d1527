/**
 * What leaves only changed: fields of a document that a sink leaves out, redacts, or sends as a keyed digest.
 *
 * A path names fields from the top, `.` between them; `*` stands for any one name; lists are gone through, entry by entry.
 *
 * Invariants: the same value under the same key has the same digest, in every sink and every gateway on one store; nothing of the
 * value is in it. A path that names an object reaches everything below it.
 */
import { createHmac } from 'node:crypto';
import type { SinkFields } from '../../core/sink.ts';

export type Fielded = Readonly<Record<string, unknown>>;

/** What is done to documents; the document itself where nothing is. */
export type FieldPlan = (document: Fielded) => Fielded;

type Change = (value: unknown) => unknown;

/** Takes a field away. */
const gone = Symbol('gone');

export const redactedText = '[redacted]';

export function planFields(fields: SinkFields | undefined, key: Uint8Array): FieldPlan {
  const omit: Change = () => gone;
  const redact: Change = (value) => (value === null ? null : redactedText);
  const hash: Change = (value) => eachScalar(value, (one) => digestOf(one, key));
  const steps = [
    ...(fields?.omit ?? []).map((path) => [path.split('.'), omit] as const),
    ...(fields?.redact ?? []).map((path) => [path.split('.'), redact] as const),
    ...(fields?.hash ?? []).map((path) => [path.split('.'), hash] as const),
  ];
  if (steps.length === 0) return (document) => document;
  return (document) => {
    let changed: unknown = document;
    for (const [path, change] of steps) changed = changeAt(changed, path, change);
    return changed as Fielded;
  };
}

/** The key of digests, made of the one that all gateways on a store share. */
export function fieldKey(hashKey: Uint8Array): Buffer {
  return createHmac('sha256', hashKey).update('fields of sinks').digest();
}

function changeAt(value: unknown, path: readonly string[], change: Change): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.map((entry) => changeAt(entry, path, change)).filter((entry) => entry !== gone);
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const now = name === '*' || name === key ? changeAt(inner, rest, change) : inner;
    if (now !== gone) entries.push([key, now]);
  }
  return Object.fromEntries(entries);
}

function eachScalar(value: unknown, change: (one: string) => string): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((entry) => eachScalar(entry, change));
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, eachScalar(inner, change)]));
  }
  return change(String(value));
}

function digestOf(value: string, key: Uint8Array): string {
  return `hmac:${createHmac('sha256', key).update(value).digest('hex').slice(0, 32)}`;
}
