/** The part of the table that alerts and responses of detections have: see routes.ts. */
import { z } from 'zod';
import { alertActions, alertStates, responseKinds, severities } from '../../core/alert.ts';
import { identifier, moment, objectName, reasonText } from './names.ts';
import { defineRoute, json, none } from './route.ts';
import { byId, flag, pageCursor, pageLimit } from './route-parts.ts';

const at = z.string().describe('ISO 8601, UTC.');
const who = z.object({ id: z.string(), name: z.string() });

/** For the command line, which imports nothing behind the contract. */
export const alertSeverities = severities;
export const alertStateNames = alertStates;
export const alertActionNames = alertActions;

export const alertSummaryShape = z.object({
  id: z.string(),
  detection: z.string().describe('The detection; a guardrail, or gateway:…, where one of them raised it.'),
  origin: z.enum(['detection', 'guardrail', 'gateway']),
  severity: z.enum(severities),
  state: z.enum(alertStates).describe('suppressed: kept and counted, and nobody is told.'),
  resolution: z.enum(['resolved', 'false-positive']).nullable(),
  summary: z.string(),
  principal: who.nullable(),
  session: z.string().nullable(),
  command: z.number().nullable(),
  resource: z.string().nullable(),
  assignee: who.nullable(),
  count: z.number().describe('Findings that it stands for.'),
  firstAt: at,
  lastAt: at,
  gateway: z.string(),
  dryRun: z.boolean().describe('Its detection only looks.'),
  suppressed: z.string().nullable().describe('Why nobody is told.'),
});

/** One event that an alert rests on. */
export const evidenceShape = z.object({
  sequence: z.number(),
  type: z.string().nullable().describe('Null where the event is not to be had here: see gateway.'),
  at: at.nullable(),
  session: z.string().nullable(),
  command: z.number().nullable(),
  offsetMs: z.number().nullable().describe('Into its session: where a replay shows it.'),
  principal: z.string().nullable(),
  resource: z.string().nullable(),
  text: z.string().describe('What was done, as it was recorded; possibly cut.'),
  outcome: z.string().nullable(),
  rows: z.number().nullable(),
  bytes: z.number().nullable(),
});

export const responseShape = z.object({
  id: z.string(),
  alert: z.string(),
  detection: z.string(),
  kind: z.enum(responseKinds),
  severity: z.enum(severities),
  owner: who.describe('Whom it concerns.'),
  session: z.string().nullable().describe('The session alone; null: whatever the owner does.'),
  points: z.number().describe('Of risk; zero otherwise.'),
  reviewers: z.object({ names: z.array(z.string()), groups: z.array(z.string()) }),
  message: z.string(),
  since: at,
  until: at.nullable(),
  endedAt: at.nullable(),
  endedBy: z.string().nullable(),
  inForce: z.boolean(),
});

export const alertShape = alertSummaryShape.extend({
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
  evidence: z.array(evidenceShape),
  trail: z.array(
    z.object({
      at,
      by: who,
      action: z.string(),
      to: z.string().nullable(),
      text: z.string(),
    }),
  ),
  responses: z.array(responseShape),
  you: z.object({ mayHandle: z.boolean(), mayResolve: z.boolean() }),
});

export type AlertSummaryView = z.output<typeof alertSummaryShape>;
export type AlertView = z.output<typeof alertShape>;
export type EvidenceView = z.output<typeof evidenceShape>;
export type ResponseView = z.output<typeof responseShape>;

export const alertRoutes = {
  listAlerts: defineRoute({
    method: 'GET',
    path: '/api/v1/alerts',
    summary: 'Lists alerts, the latest first.',
    permission: 'alerts.read',
    query: z.strictObject({
      state: z
        .enum([...alertStates, 'active'])
        .optional()
        .describe('active: open or acknowledged.'),
      severity: z.enum(severities).optional().describe('This severe or more.'),
      detection: z.string().min(1).max(200).optional(),
      principal: objectName.optional(),
      resource: objectName.optional(),
      session: identifier.optional(),
      assignee: objectName.optional(),
      since: moment.optional(),
      until: moment.optional(),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ alerts: z.array(alertSummaryShape), next: z.string().nullable() })),
  }),
  getAlert: defineRoute({
    method: 'GET',
    path: '/api/v1/alerts/:id',
    summary:
      'Shows an alert: what it rests on as the commands themselves, what was done by itself, what people did about it.',
    permission: 'alerts.read',
    params: byId,
    response: json(alertShape),
  }),
  handleAlert: defineRoute({
    method: 'POST',
    path: '/api/v1/alerts/:id',
    summary:
      'Acknowledges, assigns, comments on, resolves or reopens an alert. Nobody resolves one about themself while somebody else may.',
    permission: 'alerts.handle',
    params: byId,
    body: z
      .strictObject({
        action: z.enum(alertActions),
        to: objectName.optional().describe('Of assign: a person who may handle alerts.'),
        text: reasonText.optional().describe('Required to comment, and to call it a false positive.'),
      })
      .refine((body) => (body.action === 'assign') === (body.to !== undefined), {
        message: 'goes with assign, and only there',
        path: ['to'],
      })
      .refine((body) => !['comment', 'false-positive'].includes(body.action) || body.text !== undefined, {
        message: 'is required here',
        path: ['text'],
      }),
    response: json(alertShape),
  }),
  listResponses: defineRoute({
    method: 'GET',
    path: '/api/v1/responses',
    summary: 'Lists what detections did by themselves: what is in force, or with all=true what is over too.',
    permission: 'alerts.read',
    query: z.strictObject({
      all: flag.optional(),
      alert: identifier.optional(),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ responses: z.array(responseShape), next: z.string().nullable() })),
  }),
  endResponse: defineRoute({
    method: 'DELETE',
    path: '/api/v1/responses/:id',
    summary: 'Ends what a detection did, for good. Nobody ends what concerns themself while somebody else may.',
    permission: 'alerts.handle',
    params: byId,
    response: none,
  }),
} as const;
