/** The part of the table that says at a glance how things stand: see routes.ts. */
import { z } from 'zod';
import { commandFates } from '../../core/overview.ts';
import { manifestKind } from './manifest.ts';
import { defineRoute, json } from './route.ts';

const at = z.string().describe('ISO 8601, UTC.');
const count = z.object({ name: z.string(), count: z.number() });

export const overviewRanges = ['24h', '7d', '30d'] as const;
export type OverviewRange = (typeof overviewRanges)[number];

export const overviewShape = z.object({
  since: at,
  until: at,
  barSeconds: z.number().describe('How long a bar is.'),
  isWhole: z.boolean().describe('false: there was more than could be counted in time; the newest is.'),
  sessions: z.number(),
  refusals: z.number().describe('Sign-ons and sessions that were refused, and outputs that were cut off.'),
  bars: z.array(
    z.object({
      at,
      fates: z
        .partialRecord(z.enum(commandFates), z.number())
        .describe('Commands by what became of them, each once: held whatever was decided; open: not decided yet.'),
    }),
  ),
  denied: z.object({ rules: z.array(count), people: z.array(count) }),
  downloads: z.array(
    z.object({
      session: z.string(),
      command: z.number(),
      at,
      principal: z.string(),
      resource: z.string(),
      text: z.string().describe('Its beginning, spelled out.'),
      rows: z.number().nullable(),
      bytes: z.number(),
    }),
  ),
  resources: z.array(count.extend({ rows: z.number(), bytes: z.number() })),
  held: z.object({
    asked: z.number(),
    approved: z.number(),
    denied: z.number(),
    lapsed: z.number(),
    medianMs: z.number().nullable(),
    longestMs: z.number().nullable(),
  }),
  coverage: z.object({
    resources: z.number(),
    unguarded: z.array(z.string()).describe('Resources that no Guardrail selects.'),
    unmasked: z.array(z.string()).describe('Resources that no Mask selects.'),
    bestEffort: z.array(z.string()).describe('Resources that go on where recording fails.'),
    rules: z.number(),
    quiet: z
      .array(z.object({ kind: manifestKind, name: z.string() }))
      .describe('Rules that decided, granted or found nothing in this time.'),
  }),
});

export type OverviewView = z.output<typeof overviewShape>;

export const overviewRoutes = {
  overview: defineRoute({
    method: 'GET',
    path: '/api/v1/overview',
    summary:
      'Says at a glance what happened and what is covered, of everybody. One look is one search, and recorded as one.',
    permission: 'search.run',
    query: z.strictObject({ since: z.enum(overviewRanges) }),
    response: json(overviewShape),
  }),
} as const;
