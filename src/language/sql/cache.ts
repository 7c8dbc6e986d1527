/**
 * Analyses by exact text, so that a statement that comes again costs a look-up.
 *
 * Invariants: bounded in entries and in bytes, the least recently used leaves first; an analysis that rests on prepared
 * statements or cursors is never kept; one context's answers are never another's.
 */
import { sqlCacheBytesMax, sqlCacheEntriesMax, sqlCacheTextMax } from '../limits.ts';
import { analyseSql } from './analyse.ts';
import type { AnalysisContext } from './context.ts';
import type { Analysis } from './model.ts';

interface Entry {
  readonly analysis: Analysis;
  readonly weight: number;
}

export class AnalysisCache {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  /** By context, then by text; a Map keeps the order of insertion, and a hit inserts again. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  #count = 0;
  #bytes = 0;

  constructor(entriesMax: number = sqlCacheEntriesMax, bytesMax: number = sqlCacheBytesMax) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  analyse(text: string, context: AnalysisContext): Analysis {
    const known = this.#entries.get(context.key);
    const entry = known?.get(text);
    if (known !== undefined && entry !== undefined) {
      known.delete(text);
      known.set(text, entry);
      return entry.analysis;
    }
    const analysis = analyseSql(text, context);
    if (isWorthKeeping(text, analysis)) this.#keep(text, context.key, analysis);
    return analysis;
  }

  #keep(text: string, key: string, analysis: Analysis): void {
    const weight = text.length * 2;
    let known = this.#entries.get(key);
    // The context used last is the last to lose its entries.
    if (known !== undefined) this.#entries.delete(key);
    else known = new Map();
    this.#entries.set(key, known);
    known.set(text, { analysis, weight });
    this.#count++;
    this.#bytes += weight;
    while (this.#count > this.#entriesMax || this.#bytes > this.#bytesMax) this.#evict();
  }

  #evict(): void {
    for (const [key, known] of this.#entries) {
      for (const [text, { weight }] of known) {
        known.delete(text);
        this.#count--;
        this.#bytes -= weight;
        if (known.size === 0) this.#entries.delete(key);
        return;
      }
      this.#entries.delete(key);
    }
  }
}

/** A parser that is being replaced gives an answer for now; prepared statements and cursors change. */
function isWorthKeeping(text: string, analysis: Analysis): boolean {
  if (analysis.sessionDependent || text.length > sqlCacheTextMax) return false;
  return !analysis.reasons.some((reason) => reason.code === 'parser-unavailable');
}
