/**
 * Access and locks as configured: what stands, what may be asked for, what asks for a step-up, who is locked out.
 *
 * Invariants: an Access that cannot be understood gives nothing and lets nobody ask; one whose `stepUp` is not plainly no
 * asks for it; a lock that cannot be understood locks out.
 *
 * Deliberately absent: grants, and the groups and labels of now (authorisation.ts).
 */
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessDecision } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import {
  type AccessExplanation,
  type AccessObject,
  type ClosedAccess,
  type CompiledAccess,
  type CompiledLocks,
  compileAccess,
  compileLocks,
  type Schedule,
} from '../policy/index.ts';
import { compileRequest, type RequestTerms } from '../review/index.ts';
import type { StoredObject } from '../store/index.ts';

/** The terms of an Access that is given on request, and its name. */
export interface RequestableAccess {
  readonly access: string;
  readonly terms: RequestTerms;
}

/** Who wrote an Access last, and when. */
export interface AccessOrigin {
  readonly changedBy: string;
  readonly changedAtMs: number;
}

export class ConfiguredAccess {
  readonly locks: CompiledLocks;
  readonly #standing: CompiledAccess;
  /** Those that let ask for access and give none by themselves. */
  readonly #requests: CompiledAccess;
  readonly #terms: ReadonlyMap<string, RequestTerms>;
  readonly #stepUps: ReadonlySet<string>;
  readonly #origins: ReadonlyMap<string, AccessOrigin>;

  constructor(objects: readonly StoredObject[], locks: readonly StoredObject[], log: Log) {
    const standing = objects.filter(isStanding);
    this.#terms = termsOf(
      objects.filter((object) => !isStanding(object)),
      log,
    );
    const requests = objects.filter(({ name }) => this.#terms.has(name));
    this.#standing = compileAccess(standing.flatMap((object) => accessOf(object, log)));
    // Which one is asked under goes by name alone; a step-up is taken when the grant is used.
    this.#requests = compileAccess(
      requests.flatMap((object) => accessOf(object, log)).map(({ stepUp: _stepUp, ...rest }) => rest),
    );
    this.#stepUps = new Set(
      objects.filter(({ spec }) => ![undefined, false].includes(spec['stepUp'] as boolean)).map(({ name }) => name),
    );
    this.#origins = new Map(
      objects.map(({ name, updatedBy, updatedAtMs }) => [name, { changedBy: updatedBy, changedAtMs: updatedAtMs }]),
    );
    this.locks = compileLocks(locks, (lock, error) =>
      log.error('a Lock cannot be understood, so nobody is let in', { lock, detail: describeError(error) }),
    );
  }

  decide(principal: Principal, resource: Resource, atMs: number): AccessDecision {
    return this.#standing.decide(principal, resource, atMs);
  }

  /** Of standing Access. */
  explain(principal: Principal, resource: Resource, atMs: number): AccessExplanation {
    return this.#standing.explain(principal, resource, atMs);
  }

  /** Of what is given on request. */
  explainRequests(principal: Principal, resource: Resource, atMs: number): AccessExplanation['rules'] {
    return this.#requests.explain(principal, resource, atMs).rules;
  }

  /** Standing Access that would let in at another time, or null. */
  closed(principal: Principal, resource: Resource, atMs: number): ClosedAccess | null {
    return this.#standing.closed(principal, resource, atMs);
  }

  /** Access on request under which a grant would count at another time, or null. */
  closedRequest(principal: Principal, resource: Resource, atMs: number): ClosedAccess | null {
    return this.#requests.closed(principal, resource, atMs);
  }

  /** Standing Access that selects both, whatever the time; what is over is none. */
  standingFor(principal: Principal, resource: Resource, atMs: number): readonly string[] {
    return this.#standing.selecting(principal, resource).filter((name) => this.scheduleOf(name)?.isOver(atMs) !== true);
  }

  /**
   * The Access by which a principal may ask for a resource, the first by name, or whether the one named `access` is one;
   * `use`: by which a grant counts at this very time.
   */
  requestable(
    principal: Principal,
    resource: Resource,
    atMs: number,
    { access, when = 'ask' }: { readonly access?: string; readonly when?: 'ask' | 'use' } = {},
  ): RequestableAccess | null {
    for (const name of this.#requests.selecting(principal, resource)) {
      if (access !== undefined && name !== access) continue;
      const schedule = this.#requests.scheduleOf(name);
      if (schedule !== null && (when === 'use' ? !schedule.isOpen(atMs) : schedule.isOver(atMs))) continue;
      return { access: name, terms: this.#terms.get(name)! };
    }
    return null;
  }

  /** All by which a principal may ask. */
  requestables(principal: Principal, resource: Resource, atMs: number): readonly RequestableAccess[] {
    return this.#requests.selecting(principal, resource).flatMap((name) => {
      const isOver = this.#requests.scheduleOf(name)?.isOver(atMs) === true;
      return isOver ? [] : [{ access: name, terms: this.#terms.get(name)! }];
    });
  }

  /** Whether opening by this Access, or by a grant under it, takes a step-up. */
  asksStepUp(access: string): boolean {
    return this.#stepUps.has(access);
  }

  scheduleOf(access: string): Schedule | null {
    return this.#standing.scheduleOf(access) ?? this.#requests.scheduleOf(access);
  }

  originOf(access: string): AccessOrigin | null {
    return this.#origins.get(access) ?? null;
  }

  /** When any of it may begin or cease to count, after this time; null where that is never. */
  changesAt(atMs: number): number | null {
    const next = [this.#standing, this.#requests, this.locks].flatMap((one) => one.changesAt(atMs) ?? []);
    return next.length === 0 ? null : Math.min(...next);
  }
}

/** It gives access by itself; one with `request` only lets ask. */
function isStanding({ spec }: StoredObject): boolean {
  return spec['request'] === undefined;
}

function termsOf(objects: readonly StoredObject[], log: Log): Map<string, RequestTerms> {
  return new Map(
    objects.flatMap(({ name, spec }): readonly (readonly [string, RequestTerms])[] => {
      try {
        return [[name, compileRequest(name, spec['request'])]];
      } catch (error) {
        log.error('an Access cannot be understood and lets nobody ask', { access: name, detail: describeError(error) });
        return [];
      }
    }),
  );
}

function accessOf({ name, spec }: StoredObject, log: Log): readonly AccessObject[] {
  const { match, stepUp, windows, until } = spec as Readonly<Record<string, unknown>>;
  // As it came from the store: compiling looks at each type.
  const rule = {
    name,
    match,
    ...(stepUp === undefined ? {} : { stepUp }),
    ...(windows === undefined ? {} : { windows }),
    ...(until === undefined ? {} : { until }),
  } as AccessObject;
  try {
    compileAccess([rule]);
    return [rule];
  } catch (error) {
    log.error('an Access cannot be understood and grants nothing', { access: name, detail: describeError(error) });
    return [];
  }
}
