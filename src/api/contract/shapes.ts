/**
 * The shapes of answers. They are closed: what a shape does not name is dropped before it is sent, so that a field
 * added to a store never reaches a client by accident (A-API-06).
 */
import { z } from 'zod';
import { manifestKind } from './manifest.ts';

const at = z.string().describe('ISO 8601, UTC.');

export const principalShape = z.object({
  id: z.string(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string(),
  kind: z.enum(['person', 'service', 'agent']),
  groups: z.array(z.string()),
  roles: z.array(z.enum(['admin', 'auditor', 'member'])),
});

export const tokenShape = z.object({
  id: z.string(),
  /** The principal's name. */
  owner: z.string(),
  description: z.string(),
  createdAt: at,
  expiresAt: at,
  lastUsedAt: at.nullable(),
});

/** A token with what it is for and what it rests on, as it is listed to who may see it. */
export const listedTokenShape = tokenShape.extend({
  use: z
    .enum(['access', 'web', 'foreign'])
    .describe('web: the session of a browser, in its cookie. foreign: a workload shows its own token.'),
  /** How its owner was proven; null for one that was asked for with another token. */
  method: z.string().nullable(),
  provider: z.string().nullable().describe('The IdentityProvider.'),
  factors: z.array(z.string()).describe('With what: values of amr (RFC 8176).'),
  /** When its owner last proved themself in person. */
  provenAt: at.nullable(),
  /** The only resources it is good for; null for all. */
  resources: z.array(z.string()).nullable(),
  /** Who acts with it for its owner, the last first. */
  agents: z.array(z.string()),
});

/** The one answer that carries a secret: a token, once, to who asked for it. */
export const issuedTokenShape = tokenShape.extend({ token: z.string().describe('Shown once; keep it.') });

export const manifestShape = z
  .object({
    kind: manifestKind,
    metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).optional() }),
    spec: z.record(z.string(), z.unknown()),
  })
  .describe('A manifest without its write-only fields; see /api/v1/schema.json.');

export const fieldChangeShape = z.object({
  path: z.string(),
  /** Null: was not there. */
  before: z.string().nullable(),
  /** Null: is no longer there. */
  after: z.string().nullable(),
});

export const objectResultShape = z.object({
  kind: manifestKind,
  name: z.string(),
  action: z.enum(['created', 'updated', 'unchanged', 'deleted']),
  changes: z.array(fieldChangeShape),
  warnings: z.array(z.string()),
});

export const sessionShape = z.object({
  id: z.string(),
  principal: z.object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['person', 'service', 'agent']),
    agents: z.array(z.string()).optional().describe('Who acts for it, the last first.'),
  }),
  resource: z.string(),
  protocol: z.string(),
  source: z.string(),
  access: z.string(),
  recording: z.enum(['strict', 'best-effort']),
  client: z.record(z.string(), z.string()),
  live: z.boolean(),
  startedAt: at,
  endedAt: at.nullable(),
  endReason: z.string().nullable(),
  /** Who ended it, where a person did. */
  endedBy: z.string().nullable(),
  commands: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
});

/** A sign-on at a stock protocol that waits for the same person to approve it here. */
export const signOnShape = z.object({
  id: z.string(),
  /** To be compared with what the client shows. */
  code: z.string(),
  source: z.string(),
  /** What it is the step-up for; null for a sign-on. */
  resource: z.string().nullable(),
  /** The command that it is the step-up for; null for the opening of a session. */
  command: z.string().nullable(),
  requestedAt: at,
  expiresAt: at,
});

const parameterShape = z.object({
  type: z.string().nullable(),
  value: z.string().nullable(),
  bytes: z.number(),
  digest: z.string().optional(),
});

const bytesFields = {
  at,
  command: z.number(),
  direction: z.enum(['in', 'out']),
  bytes: z.number(),
  encoding: z.enum(['utf8', 'base64']),
  data: z.string(),
};

/** One entry of a recording as the API gives it: cells spelled as text, time as ISO 8601. */
export const recordedEntryShape = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('command'),
    at,
    command: z.number(),
    kind: z.string(),
    verb: z.string(),
    text: z.string(),
    parameters: z.array(parameterShape).nullable(),
    of: z.number().nullable(),
  }),
  z.object({
    type: z.literal('columns'),
    at,
    command: z.number(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
  }),
  z.object({
    type: z.literal('rows'),
    at,
    command: z.number(),
    rows: z.array(z.array(z.string().nullable())),
  }),
  z.object({ type: z.literal('data'), ...bytesFields }),
  z.object({
    type: z.literal('head'),
    at,
    command: z.number(),
    direction: z.enum(['in', 'out']),
    status: z.number().nullable(),
    trailers: z.boolean(),
    fields: z.array(z.object({ name: z.string(), value: z.string() })),
  }),
  z.object({
    type: z.literal('terminal'),
    at,
    command: z.number(),
    columns: z.number(),
    rows: z.number(),
    term: z.string().nullable(),
  }),
  z.object({ type: z.literal('screen'), ...bytesFields }),
  z.object({
    type: z.literal('omitted'),
    at,
    command: z.number(),
    direction: z.enum(['in', 'out']).optional(),
    rows: z.number(),
    bytes: z.number(),
    digest: z.string(),
  }),
  z.object({
    type: z.literal('message'),
    at,
    command: z.number().nullable(),
    level: z.enum(['error', 'notice', 'notification', 'gateway']),
    code: z.string().nullable(),
    text: z.string(),
    fields: z.record(z.string(), z.string()),
  }),
  z.object({
    type: z.literal('completed'),
    at,
    command: z.number(),
    outcome: z.string(),
    tag: z.string().nullable(),
    rows: z.number(),
    bytes: z.number(),
    durationMs: z.number(),
  }),
]);

/** A resource that the caller may open, with what a stock client needs. */
export const openableResourceShape = z.object({
  name: z.string(),
  protocol: z.string(),
  title: z.string(),
  labels: z.record(z.string(), z.string()),
  /** Null where no listener for its protocol runs. */
  listener: z.object({ host: z.string(), port: z.number(), tls: z.boolean() }).nullable(),
  /** Where the resource stands by itself for browsers and programs: `https://RESOURCE.DOMAIN:PORT`; empty for others. */
  origins: z.array(z.string()),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
});

export const explanationShape = z.object({
  principal: z.string(),
  resource: z.string(),
  granted: z.boolean(),
  /** Opening takes a confirmation by the principal at that moment. */
  stepUp: z.boolean(),
  /** The Access that granted, or `none`. */
  rule: z.string(),
  trace: z.array(z.object({ access: z.string(), matched: z.boolean(), why: z.string() })),
  next: z.array(z.string()).describe('What the principal can do about it, or has to know: in sentences.'),
});

export const statusShape = z.object({
  version: z.string(),
  startedAt: at,
  uptimeSeconds: z.number(),
  draining: z.boolean(),
  space: z.object({
    level: z.enum(['ample', 'warn', 'refuse', 'end']),
    freeBytes: z.number().nullable(),
    totalBytes: z.number().nullable(),
  }),
  journal: z.object({ durableSequence: z.number(), working: z.boolean() }),
  recording: z.object({ working: z.boolean() }),
  /** How long a write takes to reach the disk; null until measured. */
  diskSync: z.object({ p50Ms: z.number(), p99Ms: z.number() }).nullable(),
  listeners: z.array(z.object({ protocol: z.string(), host: z.string(), port: z.number(), tls: z.boolean() })),
  /** Certificates that the gateway has by ACME. `expiresAt` is null while there is none; `problem`: why the last order failed. */
  certificates: z
    .array(z.object({ names: z.array(z.string()), expiresAt: at.nullable(), problem: z.string().nullable() }))
    .optional(),
  sessions: z.object({ live: z.number() }),
});

/** What is wrong with a field of a manifest or of a request. */
export const fieldProblemShape = z.object({
  /** Ordinal in `documents` of an apply, from 0; null where the problem is of the request. */
  document: z.number().nullable(),
  path: z.array(z.union([z.string(), z.number()])),
  on: z.enum(['key', 'value']),
  message: z.string(),
  /** Of a text: from which character to before which, and what would be possible there. */
  range: z.object({ at: z.number(), end: z.number() }).optional(),
  possible: z.array(z.string()).optional(),
});

/** What a sign-on still needs after the right password. */
export const factorStepShape = z.object({
  needed: z.literal('factor'),
  pendingId: z.string(),
  expiresAt: at,
  /** Kinds of factors that would do. */
  factors: z.array(z.enum(['passkey', 'totp', 'recovery'])),
  /** For navigator.credentials.get, where a passkey would do. */
  passkey: z.looseObject({}).nullable(),
});

/** RFC 9457. */
export const problemShape = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
  problems: z.array(fieldProblemShape).optional(),
  step: factorStepShape.optional(),
});

export type PrincipalView = z.output<typeof principalShape>;
export type TokenView = z.output<typeof tokenShape>;
export type ListedTokenView = z.output<typeof listedTokenShape>;
export type FactorStepView = z.output<typeof factorStepShape>;
export type ManifestView = z.output<typeof manifestShape>;
export type FieldChange = z.output<typeof fieldChangeShape>;
export type ObjectResult = z.output<typeof objectResultShape>;
export type SessionView = z.output<typeof sessionShape>;
export type RecordedEntryView = z.output<typeof recordedEntryShape>;
export type OpenableResource = z.output<typeof openableResourceShape>;
export type Explanation = z.output<typeof explanationShape>;
export type StatusView = z.output<typeof statusShape>;
export type Problem = z.output<typeof problemShape>;
