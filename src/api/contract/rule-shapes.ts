/** The shapes of what rules say: an explained command, the examples of a policy, its replay, and a session's events. */
import { z } from 'zod';
import { manifestKind } from './manifest.ts';

const at = z.string().describe('ISO 8601, UTC.');
const verdictName = z.enum(['allow', 'mask', 'hold', 'block', 'terminate']);
const verdict = z.object({ name: verdictName, rule: z.string(), reason: z.string() });

/** One condition that was put to a command: as the manifest names it, whether it holds, what was compared with what. */
const condition = z.object({ condition: z.string(), holds: z.boolean(), because: z.string() });

/** Whether all is known of a command, and what is not, in plain words. */
const known = { complete: z.boolean(), unknown: z.array(z.string()) };

const shellMeaning = z.object({
  language: z.literal('shell'),
  /** The programs that run, wrappers peeled. */
  commands: z.array(
    z.object({
      /** The words; a dynamic one is `…`. */
      command: z.string(),
      /** How it comes to run, outermost first: `sudo`, `xargs`, `$()`, … */
      via: z.array(z.string()),
      effects: z.array(z.string()),
      /** As whom and where, as far as the text says so. */
      asUser: z.string().nullable(),
      host: z.string().nullable(),
    }),
  ),
  ...known,
});

const meaning = z.discriminatedUnion('language', [
  z.object({
    language: z.literal('sql'),
    statements: z.array(
      z.object({
        kind: z.string(),
        effects: z.array(z.string()),
        relations: z.array(z.object({ name: z.string(), access: z.enum(['read', 'write']) })),
        functions: z.array(z.string()),
      }),
    ),
    /** Whether the names were resolved by the resource's catalog, as they are in a session. */
    catalog: z.boolean(),
    ...known,
  }),
  shellMeaning,
  z.object({
    language: z.literal('http'),
    method: z.string(),
    /** In its one canonical spelling, without the query. */
    path: z.string(),
    /** The first of the resource's route templates that it fits. */
    route: z.string().nullable(),
    /** Names of the query, in order. */
    query: z.array(z.string()),
    contentType: z.string().nullable(),
    body: z.enum(['none', 'unread', 'json', 'form', 'text']),
    /** Methods of JSON-RPC. */
    rpc: z.array(z.string()),
    graphql: z.array(
      z.object({
        operation: z.enum(['query', 'mutation', 'subscription']),
        name: z.string().nullable(),
        /** Dotted paths from the root. */
        fields: z.array(z.string()),
      }),
    ),
    /** `package.Service/Method`. */
    grpc: z.string().nullable(),
    upgrade: z.string().nullable(),
    ...known,
  }),
  z.object({
    language: z.literal('kubernetes'),
    /** As rules name it; of a path that names no resource, the method. */
    verb: z.string(),
    path: z.string(),
    /** With its API group: `deployments.apps`; null for a path that names none. */
    resource: z.string().nullable(),
    subresource: z.string().nullable(),
    /** Null: of the cluster, or all of them. */
    namespace: z.string().nullable(),
    /** Null: a list, or named by the body alone. */
    name: z.string().nullable(),
    /** Nothing is stored; null: asked for, and nobody knows whether it is heeded. */
    dryRun: z.boolean().nullable(),
    /** What an exec runs in the container. */
    shell: shellMeaning.nullable(),
    ...known,
  }),
]);

export const commandExplanationShape = z.object({
  principal: z.string(),
  resource: z.string(),
  /** Whether a session may be opened at all; where not, nothing below is filled in. */
  granted: z.boolean(),
  /** Opening takes a confirmation by the principal at that moment. */
  stepUp: z.boolean(),
  rule: z.string(),
  access: z.array(z.object({ access: z.string(), matched: z.boolean(), why: z.string() })),
  /** What would come of the command; null where no session may be opened. */
  verdict: verdict.nullable(),
  /** What the command means, by its language; null where it could not be told. */
  meaning: meaning.nullable(),
  guardrails: z.array(
    z.object({
      name: z.string(),
      matched: z.boolean(),
      verdict: z.string(),
      conditions: z.array(condition),
    }),
  ),
  masks: z.array(z.object({ name: z.string(), applies: z.boolean(), conditions: z.array(condition) })),
  /** One per column of each result. */
  columns: z.array(
    z.object({
      /** Ordinal of the statement in the text, from 1. */
      statement: z.number(),
      name: z.string(),
      /** The base columns that it can carry, as schema.relation.column. */
      origins: z.array(z.string()),
      /** What could not be followed, or null. */
      unresolved: z.string().nullable(),
      /** The Mask that changes it, or null where it passes. */
      mask: z.string().nullable(),
      how: z.string().nullable(),
    }),
  ),
  hold: z
    .object({
      reviewers: z.object({ names: z.array(z.string()), groups: z.array(z.string()) }),
      /** Whoever runs it confirms it first. */
      stepUp: z.boolean(),
      approvals: z.number(),
      withinSeconds: z.number(),
    })
    .nullable(),
  limits: z.array(z.object({ rule: z.string(), verdict: z.string(), reason: z.string() })),
  alerts: z.array(z.object({ rule: z.string(), reason: z.string() })),
  /** Points that detections gave the principal, 0 to 100, and what else they do to it now. */
  risk: z.number().optional(),
  detections: z
    .array(
      z.object({
        response: z.string(),
        kind: z.string(),
        detection: z.string(),
        alert: z.string(),
        until: z.string().nullable(),
        message: z.string(),
      }),
    )
    .optional(),
});

export const exampleResultShape = z.object({
  kind: manifestKind,
  name: z.string(),
  /** Ordinal in `spec.examples`, from 0. */
  example: z.number(),
  command: z.string(),
  expected: verdictName,
  got: verdict,
  passed: z.boolean(),
  /** As whom and on what it was judged. */
  groups: z.array(z.string()),
  resource: z.string(),
});

const decided = z.object({ name: verdictName, rule: z.string() });

export const replayEntryShape = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('difference'),
    at,
    session: z.string(),
    command: z.number(),
    principal: z.string(),
    resource: z.string(),
    /** The beginning of the recorded text. */
    text: z.string(),
    before: decided,
    after: verdict,
  }),
  z.object({
    type: z.literal('summary'),
    since: at,
    until: at,
    /** Recorded commands looked at. */
    commands: z.number(),
    different: z.number(),
    /** Commands that could not be judged again, by why: their text was cut, their resource is gone, … */
    skipped: z.record(z.string(), z.number()),
    /** True where the limit left commands out. */
    truncated: z.boolean(),
  }),
]);

/** What the journal says about a session beside its recording. */
export const sessionEventShape = z.discriminatedUnion('type', [
  /** The person confirmed the opening (step-up): with what proof, and when. */
  z.object({
    type: z.literal('confirmed'),
    at,
    command: z.null(),
    by: z.string(),
    proof: z.enum(['password', 'factor', 'sign-on']),
  }),
  z.object({ type: z.literal('verdict'), at, command: z.number(), verdict }),
  z.object({
    type: z.literal('review.requested'),
    at,
    command: z.number().nullable(),
    review: z.string(),
    kind: z.string(),
    rule: z.string(),
    approvals: z.number(),
    expiresAt: at,
    digest: z.string(),
  }),
  z.object({
    type: z.literal('review.decided'),
    at,
    command: z.number().nullable(),
    review: z.string(),
    decision: z.enum(['approve', 'deny']),
    by: z.string(),
    reason: z.string(),
    state: z.string(),
    how: z.string(),
  }),
  z.object({
    type: z.literal('review.ended'),
    at,
    command: z.number().nullable(),
    review: z.string(),
    outcome: z.string(),
    reason: z.string().nullable(),
  }),
  z.object({
    type: z.literal('alert'),
    at,
    command: z.number().nullable(),
    rule: z.string(),
    reason: z.string(),
  }),
  z.object({ type: z.literal('limited'), at, command: z.number(), rule: z.string(), verdict: z.string() }),
  /** A command of which values were masked: how many, by Mask. */
  z.object({
    type: z.literal('masked'),
    at,
    command: z.number(),
    masked: z.record(z.string(), z.number()),
  }),
]);

export type ExplainedMeaning = z.output<typeof meaning>;
export type CommandExplanation = z.output<typeof commandExplanationShape>;
export type ExampleResult = z.output<typeof exampleResultShape>;
export type ReplayEntry = z.output<typeof replayEntryShape>;
export type SessionEventView = z.output<typeof sessionEventShape>;
