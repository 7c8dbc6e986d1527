/**
 * Searching what happened.
 *
 * Invariants: whoever may see their own doings only is given that scope before anything is looked up (A-API-01); every search,
 * one that is exported as well, is durable in the journal before its first answer; what cannot be read of a query is told with
 * its place.
 */
import { actorOf } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import type { SearchCounts, SearchHit, SearchQuery, SearchScope } from '../../core/search.ts';
import type { Scope } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits, type HitView, type IndexView, type SearchCountsView } from '../contract/index.ts';
import type { SearchManifest } from '../contract/search.ts';
import { apiErrors } from '../errors.ts';
import { searchPageEntries, suggestedMs, suggestionsMax } from '../limits.ts';
import type { StoredManifest } from '../ports.ts';
import { unreadableSearch } from '../problem.ts';
import { writeHits } from '../search-export.ts';

type SearchRoute =
  | 'search'
  | 'exportSearch'
  | 'suggestSearch'
  | 'listSearches'
  | 'getSearch'
  | 'indexStatus'
  | 'rebuildIndex';

export function searchHandlers({ ports, clock, record }: ApiParts): Pick<Handlers, SearchRoute> {
  const { configuration, search } = ports;

  function read(text: string) {
    const { read, problem } = search.language.read(text, clock.now());
    if (read === null) throw unreadableSearch(problem);
    return read;
  }

  async function indexView(): Promise<IndexView> {
    const [{ rebuilding, ...status }, standings] = await Promise.all([search.status(), search.standings()]);
    return {
      ...status,
      rebuilding:
        rebuilding === null
          ? null
          : { sequence: rebuilding.sequence, of: rebuilding.of, startedAt: iso(rebuilding.startedAtMs) },
      gateways: standings.map(({ gateway, sequence, atMs, entries }) => ({
        gateway,
        sequence,
        at: atMs === 0 ? null : iso(atMs),
        entries,
      })),
    };
  }

  return {
    async search({ principal, scope, input }) {
      const { body } = input;
      const { query, text, marks } = read(body.query);
      const reach = reachOf(principal, scope);
      const limit = body.limit ?? contractLimits.pageEntriesDefault;
      const facets = body.facets ?? [];
      const isCounted = body.counts === true || facets.length > 0 || limit === 0;
      const page =
        limit === 0
          ? { hits: [], next: null }
          : await search.search(query, reach, { limit, after: body.cursor ?? null });
      const counts = isCounted ? await search.count(query, reach, facets) : null;
      const hits = limit === 0 ? (counts?.total ?? 0) : page.hits.length;
      await record({ type: 'search.run', principal: actorOf(principal), query: text, hits, export: null });
      return {
        query: text,
        from: query.fromMs === 0 ? null : iso(query.fromMs),
        until: iso(Math.min(query.toMs, clock.now())),
        marks: [...marks],
        hits: page.hits.map(hitView),
        next: page.next,
        counts: counts === null ? null : countsView(counts),
      };
    },

    async exportSearch({ principal, scope, input, signal }) {
      const { format, limit } = input.body;
      const { query, text } = read(input.body.query);
      const reach = reachOf(principal, scope);
      const most = limit ?? contractLimits.searchExportEntriesMax;
      const { total } = await search.count(query, reach, []);
      const hits = Math.min(total, most);
      await record({ type: 'search.run', principal: actorOf(principal), query: text, hits, export: format });
      return {
        mediaType: format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson',
        body: writeHits(everyHit(query, reach, most, signal), format),
        fileName: `search.${format}`,
      };
    },

    async suggestSearch({ principal, scope, input }) {
      const { query, cursor } = input.body;
      const { from, to, begun, found, facet } = search.language.suggest(query, cursor);
      const names = facet === null ? [] : await valuesOf(facet, begun, reachOf(principal, scope));
      const known = new Set(names.map(({ text }) => text));
      const suggestions = [...names, ...found.filter(({ text }) => !known.has(text))];
      return { from, to, suggestions: suggestions.slice(0, suggestionsMax) };
    },

    async listSearches({ scope }) {
      const stored = await configuration.list('Search');
      return { searches: stored.flatMap((one) => savedView(one, scope) ?? []) };
    },

    async getSearch({ scope, input }) {
      const stored = await configuration.get('Search', input.params.name);
      const view = stored === null ? null : savedView(stored, scope);
      if (view === null) throw apiErrors('api.not-found', { values: { what: 'saved search' } });
      return view;
    },

    indexStatus: async () => indexView(),

    async rebuildIndex({ principal }) {
      // The journal says it before anything is dropped: who did, and that searches knew less for a while.
      await record({ type: 'index.rebuilt', principal: actorOf(principal), fromSequence: 1 });
      await search.rebuild();
      return indexView();
    },
  };

  /** Names that the caller may see: those of what the same scope finds. */
  async function valuesOf(facet: Parameters<typeof search.count>[2][number], begun: string, reach: SearchScope) {
    const toMs = clock.now() + 1;
    const everything: SearchQuery = { where: null, fromMs: Math.max(0, toMs - suggestedMs), toMs, sort: 'newest' };
    const { facets } = await search.count(everything, reach, [facet]);
    return (facets[facet] ?? [])
      .filter(({ value }) => value.toLowerCase().startsWith(begun.toLowerCase()))
      .map(({ value, count }) => ({ text: search.language.spell(value), means: `${count} found` }));
  }

  async function* everyHit(
    query: SearchQuery,
    reach: SearchScope,
    most: number,
    signal: AbortSignal,
  ): AsyncGenerator<HitView, void, undefined> {
    let after: string | null = null;
    let left = most;
    do {
      const page = await search.search(query, reach, { limit: Math.min(left, searchPageEntries), after });
      for (const hit of page.hits) yield hitView(hit);
      left -= page.hits.length;
      after = page.next;
    } while (after !== null && left > 0 && !signal.aborted);
  }
}

function reachOf(principal: Principal, scope: Scope): SearchScope {
  return scope === 'all' ? 'all' : { principalId: principal.id };
}

function savedView({ manifest }: StoredManifest, scope: Scope) {
  const { metadata, spec } = manifest as SearchManifest;
  // What is not for members is not there for them: the query alone may say whom it suspects.
  if (scope !== 'all' && !spec.members) return null;
  return {
    name: metadata.name,
    query: spec.query,
    description: spec.description ?? null,
    facets: [...(spec.facets ?? [])],
    members: spec.members,
  };
}

export function hitView({ atMs, principal, agents, effects, touches, ...rest }: SearchHit): HitView {
  return {
    ...rest,
    at: iso(atMs),
    principal: principal === null ? null : { ...principal },
    agents: [...agents],
    effects: [...effects],
    touches: touches.map(([kind, access, name]) => [kind, access, name]),
  };
}

function countsView({ total, isExact, uncertain, facets }: SearchCounts): SearchCountsView {
  return {
    total,
    isExact,
    uncertain,
    facets: Object.fromEntries(
      Object.entries(facets).map(([name, values]) => [name, (values ?? []).map((one) => ({ ...one }))]),
    ),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
