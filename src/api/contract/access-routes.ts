/** The part of the table that says who may reach what: see routes.ts. */
import { z } from 'zod';
import { objectName } from './names.ts';
import { defineRoute, json, text } from './route.ts';
import { pageCursor, pageLimit } from './route-parts.ts';

const at = z.string().describe('ISO 8601, UTC.');

export const accessExportFormats = ['csv', 'json'] as const;

/** One way by which one principal may open one resource. */
export const reachShape = z.object({
  principal: z.string(),
  kind: z.enum(['person', 'service', 'agent']),
  groups: z.array(z.string()),
  resource: z.string(),
  access: z.string().describe('The Access; for a grant, the one that it was asked under.'),
  how: z.enum(['standing', 'request', 'grant']).describe('request: may be asked for; grant: was, and is given.'),
  grant: z.string().nullable(),
  stepUp: z.boolean(),
  counts: z.boolean().describe('It counts now: its window is open, and no lock takes it away.'),
  windows: z.string().nullable().describe('When it counts, where that is not always.'),
  until: at.nullable().describe('The end of the Access or of the grant.'),
  locked: z.string().nullable().describe('The Lock that takes it away just now.'),
  since: at.nullable().describe('When the Access was last changed, or the grant given.'),
  grantedBy: z.array(z.string()).describe('Who wrote the Access last, or approved the grant.'),
  lastUsed: at.nullable().describe('When the principal last opened the resource, by whatever way.'),
  asking: z
    .object({
      maxSeconds: z.number().describe('Longest time that may be asked for.'),
      defaultSeconds: z.number().nullable(),
      reasonRequired: z.boolean(),
      approvals: z.number(),
      reviewers: z.object({ names: z.array(z.string()), groups: z.array(z.string()) }),
      waits: z.boolean().describe('Connecting asks too, and waits for the answer.'),
    })
    .optional()
    .describe('On what terms it may be asked for; only of `request`.'),
});

export type ReachView = z.output<typeof reachShape>;

export const accessRoutes = {
  accessWho: defineRoute({
    method: 'GET',
    path: '/api/v1/access/who',
    summary: 'Lists who may open a resource, and by what: Access, on request, or a grant.',
    permission: 'access.read',
    query: z.strictObject({ resource: objectName, limit: pageLimit.optional(), cursor: pageCursor.optional() }),
    response: json(z.object({ reach: z.array(reachShape), next: z.string().nullable() })),
  }),
  accessWhat: defineRoute({
    method: 'GET',
    path: '/api/v1/access/what',
    summary: 'Lists what a principal may open or ask for, and by what: yourself, or anybody where you may.',
    permission: 'access.explain',
    query: z.strictObject({ principal: objectName.optional() }),
    response: json(z.object({ reach: z.array(reachShape) })),
  }),
  exportAccess: defineRoute({
    method: 'GET',
    path: '/api/v1/access/export',
    summary: 'Streams who may reach what, for recertification: every principal, every resource, every way.',
    permission: 'access.read',
    query: z.strictObject({ format: z.enum(accessExportFormats) }),
    response: text('text/csv', 'application/json'),
    streamed: true,
  }),
} as const;
