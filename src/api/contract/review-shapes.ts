/**
 * The shapes of reviews and grants.
 *
 * Texts in them are made safe by the server (A-REV-06): controls, and characters that reorder or hide, are spelled out; a
 * statement is given as numbered rows of spans, so that every client shows the same rows with the same numbers.
 */
import { z } from 'zod';

const at = z.string().describe('ISO 8601, UTC.');
const who = z.object({ id: z.string(), name: z.string() });
const kinds = z.enum(['command', 'access', 'break-glass']);

export const reviewStates = ['pending', 'approved', 'executed', 'denied', 'expired', 'withdrawn', 'refused'] as const;

export const reviewSummaryShape = z.object({
  id: z.string(),
  kind: kinds,
  state: z.enum(reviewStates),
  requester: who.extend({
    kind: z.enum(['person', 'service', 'agent']),
    agents: z.array(z.string()).optional().describe('Who asked for it on their behalf, the last first.'),
  }),
  resource: z.string(),
  /** The guardrail, or the Access. */
  rule: z.string(),
  /** The beginning of the command on one line, escaped; null for a review of access. */
  summary: z.string().nullable(),
  reason: z.string().nullable(),
  approvals: z.object({ needed: z.number(), given: z.number() }),
  createdAt: at,
  expiresAt: at,
  endedAt: at.nullable(),
});

const reviewers = z.object({ names: z.array(z.string()), groups: z.array(z.string()) });

export const reviewedCommandShape = z.object({
  session: z.string(),
  ordinal: z.number(),
  kind: z.string(),
  verb: z.string(),
  /** All of the text in rows; `number` is the line's, `continued` that it goes on the row before. */
  lines: z.array(
    z.object({
      number: z.number(),
      continued: z.boolean(),
      spans: z.array(
        z.object({
          kind: z
            .enum(['text', 'escape', 'padding', 'rtl'])
            .describe('rtl: written from right to left, to be isolated; the others are safe to show as they are.'),
          text: z.string(),
        }),
      ),
    }),
  ),
  /** What a reader should know before reading: what is spelled out, folded, or written in mixed alphabets. */
  notes: z.array(z.string()),
  /** Characters of the whole text. */
  length: z.number(),
  parameters: z
    .array(
      z.object({
        number: z.number(),
        type: z.string().nullable(),
        value: z.string().nullable(),
        bytes: z.number(),
        digest: z.string().optional(),
      }),
    )
    .nullable(),
  context: z.record(z.string(), z.string()),
  /** Passwords were taken out: what will run is not to the letter what stands here. */
  redacted: z.boolean(),
  effects: z.array(z.string()),
  functions: z.array(z.string()),
  /** Whether WHERE restricts what is changed, in plain words. */
  conditions: z.array(z.string()),
  relations: z.array(z.object({ name: z.string(), access: z.enum(['read', 'write']) })),
  complete: z.boolean(),
  /** What stays unknown, in plain words. */
  unknown: z.array(z.string()),
  /** Null where the resource was not or could not be asked. */
  estimatedRows: z.number().nullable(),
  /** The same in plain words: of what, who says so, or why nobody does. */
  estimate: z.string(),
  inTransaction: z.boolean(),
});

export const reviewShape = reviewSummaryShape.extend({
  requesterGroups: z.array(z.string()),
  source: z.string().nullable(),
  /** What the client says of itself. Not trusted. */
  client: z.record(z.string(), z.string()),
  reviewers,
  escalation: z.object({ at, reviewers }).nullable(),
  breakGlassGroups: z.array(z.string()),
  message: z.string(),
  digest: z.string().describe('SHA-256 of what an approval is bound to.'),
  command: reviewedCommandShape.nullable(),
  access: z
    .object({
      durationSeconds: z.number(),
      grant: z.string().nullable(),
      extends: z.string().nullable().describe('The grant that is to last so much longer; null for a new one.'),
    })
    .nullable(),
  decisions: z.array(
    z.object({ by: who, decision: z.enum(['approve', 'deny']), reason: z.string(), how: z.string(), at }),
  ),
  /** Why it ended otherwise than by a decision. */
  outcome: z.string().nullable(),
  /** Where the requester broke the glass. */
  brokeGlass: z.object({ reason: z.string(), at }).nullable(),
  /** For the review after a break-glass: the review of the command that was run. */
  follows: z.string().nullable(),
  /** What the requester did before, latest first; null where it could not be had just now. */
  history: z.array(z.object({ at, resource: z.string(), about: z.string(), outcome: z.string() })).nullable(),
  /** What the caller is to it and may do now. */
  you: z.object({ requester: z.boolean(), mayDecide: z.boolean(), mayBreakGlass: z.boolean() }),
});

export const grantShape = z.object({
  id: z.string(),
  owner: who,
  resource: z.string(),
  access: z.string(),
  /** The review that gave it. */
  review: z.string(),
  grantedAt: at,
  expiresAt: at,
});

export type ReviewSummary = z.output<typeof reviewSummaryShape>;
export type ReviewView = z.output<typeof reviewShape>;
export type GrantView = z.output<typeof grantShape>;
