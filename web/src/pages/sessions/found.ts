/**
 * What searches found, kept for as long as the tab lives: going back shows it at once, where one was, and asks nothing again, since
 * every search is recorded.
 *
 * Invariants: hits do not wait for counts; hits are only added to, in the order of the gateway; one call at a time for a
 * search; what is the same in many hits is held once, so that a million of them have room.
 */
import { useEffect, useSyncExternalStore } from 'react';
import { type AnswerOf, call, Problem } from '../../api/client.ts';
import type { Place } from '../../ui/rows.ts';
import { asked } from './terms.ts';

export type Hit = AnswerOf<'search'>['hits'][number];
export type Counts = NonNullable<AnswerOf<'search'>['counts']>;

/** The first answer is to be there at once; later ones are to last. */
const firstEntries = 100;
const nextEntries = 500;
/** How many searches are kept, and how long one is shown again without asking. */
const keptMax = 6;
const keptMs = 10 * 60_000;
const recentMs = 15_000;

export const facetNames = [
  'who',
  'resource',
  'verdict',
  'effect',
  'table',
  'rule',
  'protocol',
  'kind',
  'type',
  'day',
] as const;

export class Finding {
  readonly query: string;
  readonly rows: Hit[] = [];
  readonly place: Place = { top: 0, at: 0 };
  marks: readonly string[] = [];
  askedAtMs = Date.now();
  state: 'first' | 'more' | 'idle' = 'first';
  problem: Problem | null = null;
  counts: Counts | null = null;
  countsProblem: Problem | null = null;
  version = 0;
  #next: string | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #heldTexts = new Map<string, string>();
  readonly #heldValues = new Map<string, unknown>();

  constructor(query: string) {
    this.query = query;
    void this.#begin();
  }

  get hasMore(): boolean {
    return this.#next !== null;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly more = (): void => {
    if (this.state !== 'idle' || this.#next === null || this.problem !== null) return;
    void this.#ask(this.#next);
  };

  /** Goes on after what could not be had. */
  readonly again = (): void => {
    this.problem = null;
    this.countsProblem = null;
    if (this.rows.length === 0) void this.#begin();
    else this.more();
  };

  /** Both at once: hits are answered first, and the search itself, which is recorded, is not yet among what is counted. */
  async #begin(): Promise<void> {
    const counting = this.#count();
    await this.#ask(null);
    await counting;
  }

  async #count(): Promise<void> {
    try {
      const { counts } = await call('search', {
        body: { query: asked(this.query), limit: 0, facets: [...facetNames] },
      });
      this.counts = counts;
    } catch (error) {
      this.countsProblem = error instanceof Problem ? error : new Problem(0, null);
    }
    this.#changed();
  }

  async #ask(cursor: string | null): Promise<void> {
    this.state = cursor === null ? 'first' : 'more';
    this.#changed();
    try {
      const limit = cursor === null ? firstEntries : nextEntries;
      const page = await call('search', {
        body: { query: asked(this.query), limit, ...(cursor === null ? {} : { cursor }) },
      });
      this.marks = page.marks;
      for (const hit of page.hits) this.rows.push(this.#lean(hit));
      this.#next = page.next;
    } catch (error) {
      this.problem = error instanceof Problem ? error : new Problem(0, null);
    }
    this.state = 'idle';
    this.#changed();
  }

  #lean(hit: Hit): Hit {
    return {
      ...hit,
      gateway: this.#once(hit.gateway),
      principal: this.#once(hit.principal),
      resource: this.#once(hit.resource),
      source: this.#once(hit.source),
      session: this.#once(hit.session),
      rule: this.#once(hit.rule),
      agents: this.#once(hit.agents),
      effects: this.#once(hit.effects),
      touches: this.#once(hit.touches),
      text: this.#once(hit.text),
    };
  }

  #once<T>(value: T): T {
    if (value === null) return value;
    const isText = typeof value === 'string';
    const held: Map<string, unknown> = isText ? this.#heldTexts : this.#heldValues;
    const key = isText ? value : JSON.stringify(value);
    if (!held.has(key)) held.set(key, value);
    return held.get(key) as T;
  }

  #changed(): void {
    this.version++;
    for (const listener of this.#listeners) listener();
  }
}

const kept = new Map<string, Finding>();

function findingOf(query: string): Finding {
  const found = kept.get(query);
  const maxMs = query === '' ? recentMs : keptMs;
  if (found !== undefined && found.problem === null && Date.now() - found.askedAtMs < maxMs) {
    // The last one that was shown is the last one to go.
    kept.delete(query);
    kept.set(query, found);
    return found;
  }
  const finding = new Finding(query);
  kept.delete(query);
  kept.set(query, finding);
  for (const [oldest] of [...kept].slice(0, -keptMax)) kept.delete(oldest);
  return finding;
}

/** What a search found so far. `turn` changes when it is to be asked anew. */
export function useFinding(query: string, turn: number): Finding {
  const finding = holdFor(query, turn);
  useSyncExternalStore(finding.subscribe, () => finding.version);
  useEffect(
    () => () => {
      shown = null;
    },
    [],
  );
  return finding;
}

let shown: { readonly query: string; readonly turn: number; readonly finding: Finding } | null = null;

function holdFor(query: string, turn: number): Finding {
  if (shown !== null && shown.query === query && shown.turn === turn) return shown.finding;
  if (shown !== null && shown.query === query) kept.delete(query);
  shown = { query, turn, finding: findingOf(query) };
  return shown.finding;
}
