/** The part of the table about sinks: see routes.ts. */
import { z } from 'zod';
import { objectName } from './names.ts';
import { defineRoute, json } from './route.ts';
import { pageCursor, pageLimit } from './route-parts.ts';

const at = z.string().describe('ISO 8601, UTC.');
const bySink = z.strictObject({ name: objectName });
const gatewayId = z.string().regex(/^gw_[0-9a-z]{1,40}$/, 'must be the id of a gateway');
const sequence = z.int().min(1);

/** Which dead letters: all of the sink's, one gateway's, or one. */
const letterChoice = z
  .strictObject({ gateway: gatewayId.optional(), sequence: sequence.optional() })
  .refine(({ gateway, sequence: one }) => one === undefined || gateway !== undefined, {
    message: 'needs the gateway, whose sequence it is',
    path: ['sequence'],
  });

export const sinkStandingShape = z.object({
  gateway: z.string(),
  standing: z
    .enum(['working', 'failing', 'blocked', 'off'])
    .describe('blocked: its list of dead letters is full, and it waits.'),
  since: at,
  problem: z.string(),
  sequence: z
    .number()
    .describe('Every event of that gateway up to here was handed on, is a dead letter, or is not selected.'),
  lagEvents: z.number().describe('Events of its journal behind that.'),
  lagSeconds: z.number().describe('How long the oldest event waits.'),
  sent: z.number(),
  lastSentAt: at.nullable(),
  deadLetters: z.number(),
  updatedAt: at,
});

export const sinkShape = z.object({
  name: z.string(),
  target: z.string().describe('syslog, webhook, …'),
  format: z.string().nullable().describe('Null where the target has a form of its own.'),
  enabled: z.boolean(),
  description: z.string(),
  gateways: z.array(sinkStandingShape),
});

export type SinkView = z.output<typeof sinkShape>;
export type SinkStandingView = z.output<typeof sinkStandingShape>;

export const deadLetterShape = z.object({
  gateway: z.string(),
  sequence: z.number(),
  type: z.string().describe('Of the event.'),
  why: z.string().describe('Why it was refused.'),
  eventAt: at,
  at,
  wanted: z.boolean().describe('Somebody wants it sent again, and its gateway has not come to it.'),
});

export type DeadLetterView = z.output<typeof deadLetterShape>;

export const sinkRoutes = {
  listSinks: defineRoute({
    method: 'GET',
    path: '/api/v1/sinks',
    summary: 'Lists the sinks, and how far each gateway has handed its events on to each.',
    permission: 'sinks.read',
    response: json(z.object({ sinks: z.array(sinkShape) })),
  }),
  getSink: defineRoute({
    method: 'GET',
    path: '/api/v1/sinks/:name',
    summary: 'Shows one sink.',
    permission: 'sinks.read',
    params: bySink,
    response: json(sinkShape),
  }),
  testSink: defineRoute({
    method: 'POST',
    path: '/api/v1/sinks/:name/test',
    summary: 'Sends one marked event to a sink’s target, whatever the sink selects, and says what came of it.',
    permission: 'sinks.handle',
    params: bySink,
    response: json(z.object({ taken: z.boolean(), problem: z.string(), sequence: z.number() })),
  }),
  listDeadLetters: defineRoute({
    method: 'GET',
    path: '/api/v1/sinks/:name/dead-letters',
    summary: 'Lists the events that a sink’s target refused for good, and why.',
    permission: 'sinks.read',
    params: bySink,
    query: z.strictObject({
      gateway: gatewayId.optional(),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ deadLetters: z.array(deadLetterShape), next: z.string().nullable() })),
  }),
  resendDeadLetters: defineRoute({
    method: 'POST',
    path: '/api/v1/sinks/:name/resend',
    summary:
      'Has dead letters sent again: all, one gateway’s, or one. Those of other gateways are sent within seconds.',
    permission: 'sinks.handle',
    params: bySink,
    body: letterChoice,
    response: json(z.object({ wanted: z.number(), left: z.number().describe('Of these, dead letters still.') })),
  }),
  discardDeadLetters: defineRoute({
    method: 'POST',
    path: '/api/v1/sinks/:name/discard',
    summary: 'Gives dead letters up: all (a page of them at a time), one gateway’s, or one. They stay in the journal.',
    permission: 'sinks.handle',
    params: bySink,
    body: letterChoice,
    response: json(z.object({ discarded: z.number() })),
  }),
} as const;
