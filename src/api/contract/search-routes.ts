/** The part of the table that searches what happened: see routes.ts. */
import { z } from 'zod';
import { entryTypes, facetFields } from '../../core/search.ts';
import * as limits from './limits.ts';
import { objectName } from './names.ts';
import { defineRoute, json, text } from './route.ts';
import { pageCursor } from './route-parts.ts';
import { searchFacets, searchText } from './search.ts';

const at = z.string().describe('ISO 8601, UTC.');

/** What can be counted beside what is found. */
export const contractFacets = facetFields;
export type FacetName = (typeof facetFields)[number];

export const searchExportFormats = ['csv', 'ndjson'] as const;

/** One thing that happened. */
export const hitShape = z.object({
  id: z.string().describe('Gateway and sequence of its event: names it for good.'),
  gateway: z.string(),
  sequence: z.number(),
  type: z.enum(entryTypes),
  at,
  session: z.string().nullable(),
  command: z.number().nullable().describe('In its session: where a replay of it begins.'),
  principal: z.object({ id: z.string(), name: z.string(), kind: z.string() }).nullable(),
  agents: z.array(z.string()).describe('Who acted for the principal, outermost first.'),
  resource: z.string().nullable(),
  protocol: z.string().nullable(),
  source: z.string().nullable(),
  kind: z.string().nullable(),
  verb: z.string().nullable(),
  text: z.string(),
  verdict: z.string().nullable().describe('What stands now.'),
  judged: z
    .string()
    .nullable()
    .describe('What the rules said first: a held command that was approved is found by either.'),
  rule: z.string().nullable(),
  outcome: z.string().nullable(),
  error: z.string().nullable(),
  effects: z.array(z.string()),
  touches: z.array(z.tuple([z.string(), z.string(), z.string()])).describe('What kind, how, and its name.'),
  fingerprint: z.string().nullable(),
  complete: z.boolean().describe('false: it may touch more than stands here.'),
  rows: z.number().nullable(),
  bytes: z.number().nullable(),
  durationMs: z.number().nullable(),
  masked: z.number().nullable().describe('Values that masks changed.'),
  review: z.string().nullable(),
  live: z.boolean().describe('It goes on.'),
});
export type HitView = z.output<typeof hitShape>;

const countsShape = z.object({
  total: z.number(),
  isExact: z.boolean().describe('false: there are at least so many.'),
  uncertain: z
    .number()
    .nullable()
    .describe('Others in the same time that may match as well, since not all is known of what they touch.'),
  facets: z.record(z.string(), z.array(z.object({ value: z.string(), count: z.number() }))),
});
export type SearchCountsView = z.output<typeof countsShape>;

export const savedSearchShape = z.object({
  name: z.string(),
  query: z.string(),
  description: z.string().nullable(),
  facets: z.array(z.enum(facetFields)),
  members: z.boolean(),
});

const indexShape = z.object({
  working: z.boolean().describe('false: it cannot be asked just now.'),
  durableSequence: z.number().describe('Of this gateway’s journal.'),
  lag: z.number().describe('Events of this gateway that are not in it yet.'),
  rebuilding: z
    .object({ sequence: z.number(), of: z.number(), startedAt: at })
    .nullable()
    .describe('How far this gateway has come, while it is built anew.'),
  gateways: z.array(z.object({ gateway: z.string(), sequence: z.number(), at: at.nullable(), entries: z.number() })),
});
export type IndexView = z.output<typeof indexShape>;

export const searchRoutes = {
  search: defineRoute({
    method: 'POST',
    path: '/api/v1/search',
    summary: 'Searches what happened: everybody’s doings, or your own. Searching is itself recorded.',
    permission: 'search.run',
    body: z.strictObject({
      query: searchText,
      limit: z.int().min(0).max(limits.pageEntriesMax).optional().describe('0: counts only.'),
      cursor: pageCursor.optional(),
      counts: z.boolean().optional().describe('Count what matches.'),
      facets: searchFacets.optional().describe('Count by these as well.'),
    }),
    response: json(
      z.object({
        query: z.string().describe('In its one spelling.'),
        from: at.nullable(),
        until: at,
        marks: z.array(z.string()).describe('What was asked for, as it may stand in texts.'),
        hits: z.array(hitShape),
        next: z.string().nullable(),
        counts: countsShape.nullable(),
      }),
    ),
  }),
  exportSearch: defineRoute({
    method: 'POST',
    path: '/api/v1/search/export',
    summary: 'Streams everything that a search finds, neutralised for spreadsheets and terminals. Itself recorded.',
    permission: 'search.run',
    body: z.strictObject({
      query: searchText,
      format: z.enum(searchExportFormats),
      limit: z.int().min(1).max(limits.searchExportEntriesMax).optional(),
    }),
    response: text('text/csv', 'application/x-ndjson'),
    streamed: true,
  }),
  suggestSearch: defineRoute({
    method: 'POST',
    path: '/api/v1/search/suggestions',
    summary: 'Says what may stand at a place in a query that is being written.',
    permission: 'search.run',
    body: z.strictObject({ query: searchText, cursor: z.int().min(0).max(limits.searchQueryLengthMax) }),
    response: json(
      z.object({
        from: z.number(),
        to: z.number(),
        suggestions: z.array(z.object({ text: z.string(), means: z.string() })),
      }),
    ),
  }),
  listSearches: defineRoute({
    method: 'GET',
    path: '/api/v1/searches',
    summary: 'Lists saved searches that you may run.',
    permission: 'search.run',
    response: json(z.object({ searches: z.array(savedSearchShape) })),
  }),
  getSearch: defineRoute({
    method: 'GET',
    path: '/api/v1/searches/:name',
    summary: 'Gives one saved search.',
    permission: 'search.run',
    params: z.strictObject({ name: objectName }),
    response: json(savedSearchShape),
  }),
  indexStatus: defineRoute({
    method: 'GET',
    path: '/api/v1/index',
    summary: 'Says how far the index of what happened has come, for each gateway.',
    permission: 'status.read',
    response: json(indexShape),
  }),
  rebuildIndex: defineRoute({
    method: 'POST',
    path: '/api/v1/index/rebuild',
    summary: 'Builds this gateway’s part of the index anew from its journal, in the background. Itself recorded.',
    permission: 'index.rebuild',
    response: json(indexShape),
  }),
} as const;
