/** The part of the table that reviews, grants and rules have: see routes.ts. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { identifier, moment, objectName, reasonText } from './names.ts';
import { grantShape, reviewShape, reviewStates, reviewSummaryShape } from './review-shapes.ts';
import { defineRoute, json, ndjson, none } from './route.ts';
import { byId, documents, flag, pageCursor, pageLimit } from './route-parts.ts';
import { exampleResultShape, replayEntryShape } from './rule-shapes.ts';
import { fieldProblemShape } from './shapes.ts';
import { durationText } from './spelling.ts';

export const reviewRoutes = {
  listReviews: defineRoute({
    method: 'GET',
    path: '/api/v1/reviews',
    summary: 'Lists reviews, the latest first: those that you asked for or may decide, or all where you may.',
    permission: 'reviews.read',
    query: z.strictObject({
      state: z.enum(reviewStates).optional(),
      mine: flag.optional().describe('true: only what you asked for; false: only what you may decide.'),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ reviews: z.array(reviewSummaryShape), next: z.string().nullable() })),
  }),
  getReview: defineRoute({
    method: 'GET',
    path: '/api/v1/reviews/:id',
    summary: 'Shows all that a reviewer needs: who, what with line numbers, parameters, effects, estimate, history.',
    // Whoever may ask may see what became of it; the handler hides everything else.
    permission: 'reviews.request',
    params: byId,
    response: json(reviewShape),
  }),
  decideReview: defineRoute({
    method: 'POST',
    path: '/api/v1/reviews/:id/decision',
    summary: 'Approves or denies. Nobody decides their own; services and agents decide nothing.',
    permission: 'reviews.decide',
    params: byId,
    body: z
      .strictObject({
        decision: z.enum(['approve', 'deny']),
        reason: reasonText.optional().describe('Required to deny.'),
        digest: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'must be the digest that was shown')
          .optional()
          .describe('Where it is given, the decision counts only for exactly what has this digest.'),
      })
      .refine((body) => body.decision === 'approve' || body.reason !== undefined, {
        message: 'is required to deny',
        path: ['reason'],
      }),
    response: json(reviewShape),
  }),
  decideFromSlack: defineRoute({
    method: 'POST',
    path: '/api/v1/chat/slack',
    summary: 'Takes the buttons of a review in Slack. Slack’s signature is the proof; 404 where no chat is configured.',
    // Who pressed is found behind the signature: an account that maps to a principal (A-REV-02).
    permission: 'public',
    headers: z.object({
      'x-slack-signature': z.string().max(limits.chatHeaderLengthMax).optional(),
      'x-slack-request-timestamp': z.string().max(limits.chatHeaderLengthMax).optional(),
    }),
    rawBody: {
      mediaType: 'application/x-www-form-urlencoded',
      schema: z.object({ payload: z.string().describe('JSON of a block_actions interaction, as Slack sends it.') }),
    },
    bodyBytesMax: limits.chatBodyBytesMax,
    response: json(
      z.object({
        response_type: z.literal('ephemeral'),
        replace_original: z.literal(false),
        text: z.string().describe('What came of it, for who pressed: decided, or refused and why.'),
      }),
    ),
  }),
  withdrawReview: defineRoute({
    method: 'POST',
    path: '/api/v1/reviews/:id/withdraw',
    summary: 'Takes back what you asked for; a waiting client is told that it was withdrawn.',
    permission: 'reviews.request',
    params: byId,
    response: json(reviewShape),
  }),
  breakGlass: defineRoute({
    method: 'POST',
    path: '/api/v1/reviews/:id/break-glass',
    summary:
      'Runs your own held command at once, where its rule lets you: raises an alert, and is reviewed afterwards.',
    permission: 'reviews.request',
    params: byId,
    body: z.strictObject({ reason: reasonText }),
    response: json(reviewShape),
  }),
  requestAccess: defineRoute({
    method: 'POST',
    path: '/api/v1/access-requests',
    summary: 'Asks for access to a resource for a while; the time counts from approval.',
    permission: 'reviews.request',
    body: z.strictObject({
      resource: objectName,
      reason: reasonText.optional().describe('Required unless the Access says otherwise.'),
      duration: durationText(limits.grantMsMin, limits.grantMsMax),
      extends: identifier
        .optional()
        .describe('A running grant of yours on this resource, which is to last so much longer. Live sessions go on.'),
    }),
    response: json(reviewShape),
  }),
  listGrants: defineRoute({
    method: 'GET',
    path: '/api/v1/grants',
    summary: 'Lists the grants in force: your own, or everybody’s where you may.',
    permission: 'grants.read',
    query: z.strictObject({
      mine: flag.optional().describe('true: only your own, whatever you may see.'),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ grants: z.array(grantShape), next: z.string().nullable() })),
  }),
  revokeGrant: defineRoute({
    method: 'DELETE',
    path: '/api/v1/grants/:id',
    summary: 'Revokes a grant at once; live sessions that it let in end within a second.',
    permission: 'grants.revoke',
    params: byId,
    response: none,
  }),

  testPolicy: defineRoute({
    method: 'POST',
    path: '/api/v1/policy/test',
    summary: 'Runs the examples in manifests as if they were applied, and changes nothing.',
    permission: 'policy.test',
    body: z.strictObject({ documents }),
    response: json(
      z.object({
        problems: z.array(fieldProblemShape).describe('Why a rule could not be saved.'),
        results: z.array(exampleResultShape),
      }),
    ),
  }),
  replayPolicy: defineRoute({
    method: 'POST',
    path: '/api/v1/policy/replay',
    summary: 'Judges recorded commands as if manifests were applied: streams what would differ, then a summary.',
    permission: 'policy.replay',
    body: z.strictObject({
      documents,
      since: moment,
      until: moment.optional(),
      limit: z.int().min(1).max(limits.replayCommandsMax).optional().describe('Commands judged at most, the latest.'),
    }),
    response: ndjson(replayEntryShape),
  }),
} as const;
