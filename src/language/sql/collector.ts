/**
 * What is gathered about one statement while its tree is walked, and how that becomes a `StatementAnalysis`.
 *
 * Invariant: everything is only ever added. Nothing that was found dangerous is taken back by something found later,
 * except that overloads for own types are dropped at the end when no such type was seen.
 */

import type {
  Condition,
  Displaced,
  FunctionUse,
  OperatorUse,
  Reason,
  RelationCandidate,
  StatementAnalysis,
  StatementLineage,
  Via,
} from '../../core/sql.ts';
import {
  type SqlEffect,
  type StatementKind,
  type UnknownReason,
  unknownReasons,
  type WhereState,
} from '../../core/sql-effects.ts';
import { sqlRelationsMax } from '../limits.ts';

/** Reasons and obstacles kept per statement; more tell a reader nothing new. */
const explanationsMax = 50;

/** A relation while its columns are still being found. */
export interface RelationEntry {
  readonly name: string;
  readonly schema: string | null;
  readonly access: 'read' | 'write';
  readonly via: Via;
  readonly candidates: readonly RelationCandidate[];
  /** Null once it is uncertain which. */
  columns: Set<string> | null;
}

export class Collector {
  kind: StatementKind | null = null;
  readonly effects = new Set<SqlEffect>();
  readonly parameters = new Set<number>();
  readonly settings = new Set<string>();
  readonly conditions: Condition[] = [];
  readonly displaced: Displaced[] = [];
  /** What was expanded already: object id and action. */
  readonly expanded = new Set<string>();
  sessionDependent = false;
  /** Something in the text was not understood: nothing that was found out about it is the whole. */
  isMisread = false;
  /** A type of the database's own takes part. */
  touchesUserTypes = false;
  readonly #relations = new Map<string, RelationEntry>();
  readonly #functions = new Map<string, FunctionUse>();
  readonly #operators = new Map<string, OperatorUse>();
  readonly #reasons = new Map<string, Reason>();
  readonly #obstacles = new Set<string>();
  readonly #estimates: (number | null)[] = [];
  /** What to do at the end if own types took part. */
  readonly #overloads: (() => void)[] = [];

  unknown(code: UnknownReason, about = ''): void {
    if (unknownReasons[code].opaque) this.effects.add('unknown');
    if (code === 'unknown-node' || code === 'too-deep' || code === 'too-complex') this.isMisread = true;
    this.obstacle(code, about);
    if (this.#reasons.size < explanationsMax) this.#reasons.set(`${code} ${about}`, { code, about });
  }

  /** Notes why the statement is not a proven read. */
  obstacle(what: string, about = ''): void {
    if (this.#obstacles.size < explanationsMax) this.#obstacles.add(about === '' ? what : `${what}: ${about}`);
  }

  effect(...effects: readonly SqlEffect[]): void {
    for (const effect of effects) this.effects.add(effect);
  }

  /** The entry of a relation; the same use twice is one entry. */
  relation(use: Omit<RelationEntry, 'columns'>): RelationEntry {
    const key = JSON.stringify([use.access, use.via, use.schema, use.name, use.candidates[0]?.oid ?? 0]);
    const known = this.#relations.get(key);
    if (known !== undefined) return known;
    const entry: RelationEntry = { ...use, columns: new Set() };
    if (this.#relations.size >= sqlRelationsMax) this.unknown('too-complex');
    else this.#relations.set(key, entry);
    return entry;
  }

  get relationCount(): number {
    return this.#relations.size;
  }

  function(use: FunctionUse): void {
    this.#functions.set(`${use.schema ?? ''}.${use.name}`, use);
  }

  operator(use: OperatorUse): void {
    this.#operators.set(`${use.schema ?? ''}.${use.name}`, use);
  }

  /** Runs `found` at the end if a type of the database's own took part in the statement. */
  ifUserTypes(found: () => void): void {
    this.#overloads.push(found);
  }

  /** `rows`: an estimate of all rows of the relation, null where there is none. */
  condition(relation: string, action: 'update' | 'delete', where: WhereState, rows: number | null): void {
    this.conditions.push({ relation, action, where });
    if (where === 'missing' || where === 'always-true') this.#estimates.push(rows);
    if (where !== 'restricts') this.effect(`${action}-all`);
  }

  finish(start: number, end: number, lineage: StatementLineage = unfollowed): StatementAnalysis {
    if (this.touchesUserTypes) for (const found of this.#overloads) found();
    if (!provable.has(this.kind ?? 'unknown')) this.obstacle('statement', this.kind ?? 'unknown');
    for (const effect of this.effects) if (effect !== 'read') this.obstacle('effect', effect);
    const reasons = [...this.#reasons.values()];
    return Object.freeze({
      start,
      end,
      kind: this.kind ?? 'unknown',
      effects: [...this.effects].sort(),
      relations: [...this.#relations.values()].map((entry) => ({
        ...entry,
        columns: entry.columns === null || entry.via !== 'text' ? null : [...entry.columns].sort(),
      })),
      functions: [...this.#functions.values()],
      operators: [...this.#operators.values()],
      conditions: this.conditions,
      rowEstimate: sumOf(this.#estimates),
      ...(this.displaced.length === 0 ? {} : { displaced: this.displaced }),
      lineage,
      parameters: [...this.parameters].sort((a, b) => a - b),
      settings: [...this.settings].sort(),
      complete: reasons.length === 0,
      reasons,
      obstacles: [...this.#obstacles],
    });
  }
}

/** The only kinds of statement that can be proven to change nothing. */
const provable: ReadonlySet<StatementKind> = new Set(['select', 'values', 'show', 'explain', 'fetch', 'execute']);

function sumOf(estimates: readonly (number | null)[]): number | null {
  if (estimates.length === 0) return null;
  return estimates.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0 as number | null);
}

/** Of a statement that was not understood. */
const unfollowed: StatementLineage = Object.freeze({
  columns: null,
  steering: [],
  flows: [],
  unread: null,
  unresolved: 'the statement was not understood',
});
