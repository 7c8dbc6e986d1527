/**
 * Locks: who and what is shut out at once, whatever Access and grants say.
 *
 * Invariants:
 * - A lock only ever takes away. It is of exactly one principal, resource, session, token or agent; of an agent also
 *   where that acts for somebody else, anywhere in the chain.
 * - It counts from when it is read to its `until`, or for good.
 * - One that cannot be understood locks everybody out, as a rule that cannot be understood blocks everything (A-POL-01).
 * - Of several that apply, the first by name in byte order is the one that is told.
 *
 * Deliberately absent: the clock; who may lock (the API); ending sessions (the gateway).
 */
import { escapeLine } from '../base/escape.ts';
import type { Principal } from '../core/principal.ts';
import { policyErrors } from './errors.ts';
import * as limits from './limits.ts';

export const lockTargets = ['principal', 'resource', 'session', 'token', 'agent'] as const;
export type LockTarget = (typeof lockTargets)[number];

export interface LockObject {
  readonly name: string;
  /** As in the manifest: not trusted to have its type. */
  readonly spec: unknown;
}

export interface Lock {
  readonly name: string;
  /** `everything`: it could not be understood. */
  readonly kind: LockTarget | 'everything';
  readonly target: string;
  readonly reason: string;
  /** Exclusive; null for good. */
  readonly untilMs: number | null;
}

/** What is asked about: whoever was proven, and what for. */
export interface LockSubject {
  readonly principal: Pick<Principal, 'name' | 'kind' | 'authentication'>;
  readonly resource?: string;
  readonly session?: string;
  /** Whatever else the session rests on. */
  readonly credentialIds?: readonly string[];
}

export interface CompiledLocks {
  /** The lock that shuts this out now, or null. */
  of(subject: LockSubject, atMs: number): Lock | null;
  /** Whether an account is locked, however it signs on. */
  isLocked(account: Pick<Principal, 'name' | 'kind'>, atMs: number): boolean;
  /** When any of them ends, after this time; null where none does. */
  changesAt(atMs: number): number | null;
  readonly all: readonly Lock[];
}

/** Compiles Locks. `onBroken` is told of those that cannot be understood. Throws `policy.too-many-locks`. */
export function compileLocks(
  objects: readonly LockObject[],
  onBroken: (name: string, error: Error) => void,
): CompiledLocks {
  if (objects.length > limits.locksMax) {
    throw policyErrors('policy.too-many-locks', { values: { maximum: limits.locksMax } });
  }
  const all = objects
    .map((object): Lock => {
      try {
        return lockOf(object);
      } catch (error) {
        onBroken(object.name, error as Error);
        return {
          name: object.name,
          kind: 'everything',
          target: '',
          reason: 'a lock cannot be understood',
          untilMs: null,
        };
      }
    })
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return new IndexedLocks(all);
}

function lockOf({ name, spec }: LockObject): Lock {
  const fail = (reason: string): Error =>
    policyErrors('policy.malformed-lock', { values: { name: escapeLine(name), reason } });
  const { target, reason, until } = fieldsOf(spec, ['target', 'reason', 'until'], fail);
  const named = Object.entries(fieldsOf(target, lockTargets, fail));
  const [kind, what] = named[0] ?? ['', null];
  if (named.length !== 1 || typeof what !== 'string' || what === '') throw fail('target is not exactly one name');
  if (typeof reason !== 'string') throw fail('reason is not text');
  const untilMs = until === undefined ? null : Date.parse(typeof until === 'string' ? until : '');
  if (Number.isNaN(untilMs)) throw fail('until is not a moment');
  return { name, kind: kind as LockTarget, target: what, reason, untilMs };
}

function fieldsOf(
  value: unknown,
  known: readonly string[],
  fail: (reason: string) => Error,
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('something is not an object');
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw fail(`unknown field ${escapeLine(JSON.stringify(unknown))}`);
  return value as Readonly<Record<string, unknown>>;
}

class IndexedLocks implements CompiledLocks {
  readonly all: readonly Lock[];
  readonly #index = new Map<string, Lock[]>();

  constructor(all: readonly Lock[]) {
    this.all = all;
    for (const lock of all) {
      const key = keyOf(lock.kind, lock.target);
      const locks = this.#index.get(key);
      if (locks === undefined) this.#index.set(key, [lock]);
      else locks.push(lock);
    }
  }

  of({ principal, resource, session, credentialIds = [] }: LockSubject, atMs: number): Lock | null {
    if (this.all.length === 0) return null;
    const { credentialId, actors = [] } = principal.authentication;
    const tokens = credentialId === null ? credentialIds : [credentialId, ...credentialIds];
    const agents = [...(principal.kind === 'agent' ? [principal.name] : []), ...actors.map(({ name }) => name)];
    const keys = [
      keyOf('everything', ''),
      keyOf('principal', principal.name),
      ...(resource === undefined ? [] : [keyOf('resource', resource)]),
      ...(session === undefined ? [] : [keyOf('session', session)]),
      ...tokens.map((one) => keyOf('token', one)),
      ...agents.map((one) => keyOf('agent', one)),
    ];
    const found = keys.flatMap((key) => this.#index.get(key) ?? []).filter((lock) => isInForce(lock, atMs));
    return found.length === 0 ? null : (this.all.find((lock) => found.includes(lock)) ?? null);
  }

  isLocked({ name, kind }: Pick<Principal, 'name' | 'kind'>, atMs: number): boolean {
    const authentication = { method: 'system', credentialId: null, atMs } as const;
    return this.of({ principal: { name, kind, authentication } }, atMs) !== null;
  }

  changesAt(atMs: number): number | null {
    const ends = this.all.flatMap(({ untilMs }) => (untilMs !== null && untilMs > atMs ? [untilMs] : []));
    return ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b));
  }
}

function isInForce({ untilMs }: Lock, atMs: number): boolean {
  return untilMs === null || atMs < untilMs;
}

function keyOf(kind: string, target: string): string {
  return `${kind}:${target}`;
}
