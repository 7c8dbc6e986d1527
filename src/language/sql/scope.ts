/**
 * Names in force at a point of a statement: common table expressions, and what FROM brought in. Pure bookkeeping for two
 * questions: is this name a table or a CTE, and whose column is that.
 *
 * Invariant: a doubt about a column makes the columns of every relation in doubt uncertain; a relation is never lost.
 */
import type { RelationEntry } from './collector.ts';

export interface RangeEntry {
  /** The name by which columns refer to it. */
  readonly alias: string;
  /** The relation it stands for, entered when something of it is read; null for a CTE, a subquery or a function. */
  readonly relation: () => RelationEntry | null;
  /** All columns, where the catalog knows them. */
  readonly known: ReadonlySet<string> | null;
}

export class Scope {
  readonly parent: Scope | null;
  readonly ranges: RangeEntry[] = [];
  readonly #ctes = new Set<string>();

  constructor(parent: Scope | null) {
    this.parent = parent;
  }

  addCte(name: string): void {
    this.#ctes.add(name);
  }

  hasCte(name: string): boolean {
    return this.#ctes.has(name) || (this.parent?.hasCte(name) ?? false);
  }

  /** The range of that name, innermost first. */
  find(alias: string): RangeEntry | null {
    return this.ranges.find((range) => range.alias === alias) ?? this.parent?.find(alias) ?? null;
  }

  /** `alias.column`. False when no such alias is in sight. */
  mention(alias: string, column: string): boolean {
    let found = false;
    // A name may stand for several ranges (`FROM a.t, b.t`): all of them are meant.
    for (let scope: Scope | null = this; scope !== null && !found; scope = scope.parent) {
      for (const range of scope.ranges) {
        if (range.alias !== alias) continue;
        found = true;
        range.relation()?.columns?.add(column);
      }
    }
    return found;
  }

  /** A bare column name: certain when only one range can have it. */
  mentionBare(column: string): void {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      const owners = scope.ranges.filter((range) => range.known?.has(column) ?? true);
      const certain = owners.every((range) => range.known !== null);
      if (owners.length === 1 && (certain || scope.parent === null || scope.isLast())) {
        owners[0]!.relation()?.columns?.add(column);
        return;
      }
      for (const range of owners) blur(range);
      if (certain && owners.length > 0) return;
    }
  }

  /** Everything in this scope: `*`. */
  blurAll(): void {
    for (const range of this.ranges) blur(range);
  }

  blurAlias(alias: string): void {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      for (const range of scope.ranges) if (range.alias === alias) blur(range);
    }
  }

  /** No scope further out brings in anything. */
  isLast(): boolean {
    for (let scope = this.parent; scope !== null; scope = scope.parent) if (scope.ranges.length > 0) return false;
    return true;
  }
}

function blur(range: RangeEntry): void {
  const relation = range.relation();
  if (relation !== null) relation.columns = null;
}
