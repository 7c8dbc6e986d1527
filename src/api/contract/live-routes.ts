/** The part of the table that pushes: see routes.ts. */
import { z } from 'zod';
import { defineRoute, ndjson } from './route.ts';

const at = z.string().describe('ISO 8601, UTC.');

/** What may have changed. */
export const liveTopics = ['sessions', 'reviews', 'grants', 'alerts', 'objects'] as const;

/** What a live session has done so far, as masked and delivered. */
export const liveFiguresShape = z.object({
  id: z.string(),
  commands: z.number(),
  perMinute: z.number().describe('Commands of the last minute.'),
  recent: z
    .array(z.number())
    .describe('Commands of each ten seconds of the last five minutes, the oldest first; none where all are 0.'),
  rows: z.number().describe('Of the commands that have ended.'),
  bytesIn: z.number(),
  bytesOut: z.number(),
  risk: z.number().describe('Points of detections in force on it or on its principal.'),
  paused: z.boolean().describe('Nothing that its client sends is read.'),
});

export const liveEntryShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), at, gateway: z.string(), version: z.string() }),
  z.object({
    type: z.literal('changed'),
    topic: z.enum(liveTopics),
    id: z.string().nullable().describe('Of what changed; null where it is not one thing.'),
  }),
  z.object({
    type: z.literal('figures'),
    at,
    sessions: z
      .array(liveFiguresShape)
      .describe('Those that you may see, of all gateways, whose figures have changed.'),
  }),
]);

export type LiveEntryView = z.output<typeof liveEntryShape>;
export type LiveFigures = z.output<typeof liveFiguresShape>;
export type LiveTopic = (typeof liveTopics)[number];

export const liveRoutes = {
  live: defineRoute({
    method: 'GET',
    path: '/api/v1/live',
    summary:
      'Streams what changes while one looks: topics whose lists are to be asked again, figures of live sessions.',
    permission: 'sessions.read',
    response: ndjson(liveEntryShape),
  }),
} as const;
