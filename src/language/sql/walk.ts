/**
 * Walks a parse tree: every node, every field. What a node means beyond its children is in the handlers of `query.ts`,
 * `expression.ts`, `write.ts` and `utility.ts`; a node or field that `grammar.ts` does not list makes the statement unknown.
 *
 * Invariant: no node is skipped. A handler that does not descend into a field says so by naming it.
 */

import type { Via } from '../../core/sql.ts';
import { sqlNestingMax } from '../limits.ts';
import type { Collector } from './collector.ts';
import type { AnalysisContext } from './context.ts';
import { type FieldKind, grammar } from './grammar.ts';
import type { Fields, Json } from './parser.ts';
import type { Scope } from './scope.ts';

/** `run`: it is executed. `plan`: only planned (EXPLAIN). `store`: only remembered (a view's query, a function's body). */
export type Mode = 'run' | 'plan' | 'store';

/** What is done to rows of a relation. */
export type Action = 'insert' | 'update' | 'delete' | 'truncate';

export type Handler = (walker: Walker, fields: Fields, scope: Scope) => void;

export interface Frame {
  readonly context: AnalysisContext;
  readonly mode: Mode;
  readonly via: Via;
  /** How many views, expressions and prepared statements deep. */
  readonly expansion: number;
  /** Relations that are read here are written too: the query of a view that is written through. */
  readonly through: Action | null;
}

/** A tree nests at most a few nodes per level of the text. */
const depthMax = sqlNestingMax * 4;

export class Walker {
  readonly out: Collector;
  readonly handlers: ReadonlyMap<string, Handler>;
  frame: Frame;
  #depth = 0;

  constructor(out: Collector, frame: Frame, handlers: ReadonlyMap<string, Handler>) {
    this.out = out;
    this.frame = frame;
    this.handlers = handlers;
  }

  get runs(): boolean {
    return this.frame.mode === 'run';
  }

  /** Runs `body` in a changed frame. */
  within(change: Partial<Frame>, body: () => void): void {
    const before = this.frame;
    this.frame = { ...before, ...change };
    try {
      body();
    } finally {
      this.frame = before;
    }
  }

  /** A wrapped node, a list of them, or an absent one. */
  walk(value: Json | undefined, scope: Scope): void {
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) this.walk(item, scope);
      return;
    }
    if (typeof value !== 'object') {
      this.out.unknown('unknown-node', typeof value);
      return;
    }
    const entries = Object.entries(value);
    // A null in a list is dumped as an empty object.
    if (entries.length === 0) return;
    if (entries.length > 1) this.out.unknown('unknown-node', entries[0]![0]);
    for (const [type, fields] of entries) this.visit(type, fields, scope);
  }

  /** A node without its wrapper. */
  visit(type: string, fields: Json | undefined, scope: Scope): void {
    if (fields === undefined) return;
    const known = grammar.get(type);
    if (known === undefined || typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      this.out.unknown('unknown-node', type);
      return;
    }
    if (this.#depth >= depthMax) {
      this.out.unknown('too-deep');
      return;
    }
    this.#depth++;
    for (const name of Object.keys(fields)) {
      if (!known.has(name)) this.out.unknown('unknown-node', `${type}.${name}`);
    }
    const handler = this.handlers.get(type);
    if (handler === undefined) this.children(type, fields as Fields, scope);
    else handler(this, fields as Fields, scope);
    this.#depth--;
  }

  /** The fields of a node, except those that the caller has dealt with. */
  children(type: string, fields: Fields, scope: Scope, ...done: readonly string[]): void {
    const kinds = grammar.get(type)!;
    for (const name in fields) {
      if (!done.includes(name)) this.field(kinds.get(name), type, name, fields[name]!, scope);
    }
  }

  /** One field of a node. */
  one(type: string, fields: Fields, name: string, scope: Scope): void {
    const value = fields[name];
    if (value !== undefined) this.field(grammar.get(type)!.get(name), type, name, value, scope);
  }

  private field(kind: FieldKind | undefined, type: string, name: string, value: Json, scope: Scope): void {
    if (kind === undefined) return; // Reported by `visit`.
    if (kind === 'nodes') this.walk(value, scope);
    else if (kind !== 'value') this.visit(kind, value, scope);
    else if (typeof value === 'object' && value !== null) this.out.unknown('unknown-node', `${type}.${name}`);
  }
}

/** The strings of a list of String nodes: a qualified name. Anything else in it becomes an empty string. */
export function namesOf(list: Json | undefined): string[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly Json[]).map((item) => {
    const text = (item as { String?: { sval?: Json } } | null)?.String?.sval;
    return typeof text === 'string' ? text : '';
  });
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The fields of a wrapped node of that type, or null. */
export function unwrap(value: Json | undefined, type: string): Fields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const fields = (value as Fields)[type];
  return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? (fields as Fields) : null;
}

/** The text of a string constant, cast or not; null for anything else. */
export function constantText(value: Json | undefined): string | null {
  const cast = unwrap(value, 'TypeCast');
  if (cast !== null) return constantText(cast['arg']);
  const constant = unwrap(value, 'A_Const');
  if (constant === null) return null;
  const text = constant['sval'];
  if (typeof text !== 'object' || text === null || Array.isArray(text)) return null;
  return textOf((text as Fields)['sval']);
}
