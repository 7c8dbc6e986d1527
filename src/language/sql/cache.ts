/**
 * Analyses by exact text, or by its form where only numbers differ (constants.ts), so that a statement that comes again
 * costs a look-up.
 *
 * Invariants: bounded in entries and in bytes, the least recently used leaves first; an analysis that rests on prepared
 * statements or cursors is never kept; one context's answers are never another's.
 *
 * The order of use is a ring of links. Keeping it in the map itself, by deleting and inserting again, costs a hundred
 * times as much per hit once there are thousands of entries.
 */

import type { Analysis } from '../../core/sql.ts';
import { sqlCacheBytesMax, sqlCacheEntriesMax, sqlCacheTextMax } from '../limits.ts';
import { analyseSql } from './analyse.ts';
import { formOf } from './constants.ts';
import type { AnalysisContext } from './context.ts';

interface Entry {
  readonly key: string;
  readonly text: string;
  readonly analysis: Analysis;
  /** Towards the most recently used. */
  newer: Entry;
  /** Towards the least recently used. */
  older: Entry;
}

export class AnalysisCache {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  /** By context, then by text. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  #newest: Entry | null = null;
  #count = 0;
  #bytes = 0;

  constructor(entriesMax: number = sqlCacheEntriesMax, bytesMax: number = sqlCacheBytesMax) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#count;
  }

  /** Bytes of the texts kept. */
  get bytes(): number {
    return this.#bytes;
  }

  analyse(text: string, context: AnalysisContext): Analysis {
    const known = this.#entries.get(context.key);
    const exact = this.#find(known, text);
    if (exact !== null) return exact;
    // The same statement with other numbers; its offsets are those of the text that came first.
    const form = formOf(text);
    const alike = form === null ? null : this.#find(known, form);
    if (alike !== null) return alike;
    const analysis = analyseSql(text, context);
    if (isWorthKeeping(text, analysis)) this.#keep(form ?? text, context.key, analysis);
    return analysis;
  }

  #find(known: ReadonlyMap<string, Entry> | undefined, text: string): Analysis | null {
    const entry = known?.get(text);
    if (entry === undefined) return null;
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#link(entry);
    }
    return entry.analysis;
  }

  #keep(text: string, key: string, analysis: Analysis): void {
    const entry = { key, text, analysis } as Entry;
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, new Map([[text, entry]]));
    else known.set(text, entry);
    this.#link(entry);
    this.#count++;
    this.#bytes += text.length * 2;
    while (this.#count > this.#entriesMax || this.#bytes > this.#bytesMax) this.#evict(this.#newest!.newer);
  }

  /** Makes it the newest. In the ring, the oldest follows the newest. */
  #link(entry: Entry): void {
    const newest = this.#newest;
    entry.older = newest ?? entry;
    entry.newer = newest?.newer ?? entry;
    entry.older.newer = entry;
    entry.newer.older = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    if (this.#newest === entry) this.#newest = entry.older === entry ? null : entry.older;
    entry.older.newer = entry.newer;
    entry.newer.older = entry.older;
  }

  #evict(entry: Entry): void {
    this.#unlink(entry);
    const known = this.#entries.get(entry.key);
    known?.delete(entry.text);
    if (known?.size === 0) this.#entries.delete(entry.key);
    this.#count--;
    this.#bytes -= entry.text.length * 2;
  }
}

/** A parser that is being replaced gives an answer for now; prepared statements and cursors change. */
function isWorthKeeping(text: string, analysis: Analysis): boolean {
  if (analysis.sessionDependent || text.length > sqlCacheTextMax) return false;
  return !analysis.reasons.some((reason) => reason.code === 'parser-unavailable');
}
