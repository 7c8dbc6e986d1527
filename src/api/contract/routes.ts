/**
 * The table of routes: everything the API offers, and what each asks for.
 *
 * Queries are strict and hold no defaults (the server fills them in), so that one type serves client and server.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { manifestKind, sshPublicKey } from './manifest.ts';
import { identifier, moment, objectName, reasonText, secretName, shortText } from './names.ts';
import { grantShape, reviewShape, reviewStates, reviewSummaryShape } from './review-shapes.ts';
import { defineRoute, json, ndjson, none, text } from './route.ts';
import { commandExplanationShape, exampleResultShape, replayEntryShape, sessionEventShape } from './rule-shapes.ts';
import {
  explanationShape,
  fieldProblemShape,
  issuedTokenShape,
  manifestShape,
  objectResultShape,
  openableResourceShape,
  principalShape,
  recordedEntryShape,
  sessionShape,
  signOnShape,
  statusShape,
  tokenShape,
} from './shapes.ts';
import { durationText } from './spelling.ts';

const flag = z.stringbool({ truthy: ['true'], falsy: ['false'] });
const lifetime = z.int().min(limits.tokenLifetimeSecondsMin).max(limits.tokenLifetimeSecondsMax);
const byId = z.strictObject({ id: identifier });
const bySecret = z.strictObject({ name: secretName });
const byObject = z.strictObject({ kind: manifestKind, name: objectName });

const documents = z.array(z.unknown()).min(1).max(limits.documentsMax);
const pageLimit = z.coerce.number<number>().int().min(1).max(limits.pageEntriesMax);
const pageCursor = z.string().regex(/^[A-Za-z0-9._~-]{1,256}$/, 'must be the cursor of a page before');

export const exportFormats = ['ndjson', 'csv', 'text', 'asciicast'] as const;

export const routes = {
  login: defineRoute({
    method: 'POST',
    path: '/api/v1/login',
    summary: 'Signs on with a password and gives a short-lived token.',
    permission: 'public',
    body: z.strictObject({
      principal: z.string().min(1).max(limits.nameLengthMax),
      password: z.string().min(1).max(limits.passwordLengthMax),
      lifetimeSeconds: lifetime.optional(),
    }),
    bodyBytesMax: 16 * 1024,
    response: json(issuedTokenShape.extend({ principal: principalShape })),
  }),
  logout: defineRoute({
    method: 'POST',
    path: '/api/v1/logout',
    summary: 'Revokes the token that the call is made with.',
    permission: 'self',
    response: none,
  }),
  whoami: defineRoute({
    method: 'GET',
    path: '/api/v1/whoami',
    summary: 'Says whose token the call is made with.',
    permission: 'self',
    response: json(
      principalShape.extend({
        permissions: z.record(z.string(), z.enum(['own', 'all'])),
        token: z.object({ id: z.string(), expiresAt: z.string() }),
      }),
    ),
  }),

  listTokens: defineRoute({
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'Lists your tokens; with all=true everybody’s, where you may. Never their secrets.',
    permission: 'tokens.read',
    query: z.strictObject({ all: flag.optional() }),
    response: json(z.object({ tokens: z.array(tokenShape) })),
  }),
  createToken: defineRoute({
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Issues a token for yourself or, as administrator, for another principal. Its secret is shown once.',
    permission: 'tokens.create',
    body: z.strictObject({
      principal: objectName.optional(),
      description: shortText.optional(),
      lifetimeSeconds: lifetime.optional(),
    }),
    response: json(issuedTokenShape),
  }),
  revokeToken: defineRoute({
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    summary: 'Revokes a token at once; live sessions that it opened end within a second.',
    permission: 'tokens.revoke',
    params: byId,
    response: none,
  }),

  listObjects: defineRoute({
    method: 'GET',
    path: '/api/v1/objects/:kind',
    summary: 'Lists the manifests of a kind, by name.',
    permission: 'objects.read',
    params: z.strictObject({ kind: manifestKind }),
    response: json(z.object({ objects: z.array(manifestShape) })),
  }),
  getObject: defineRoute({
    method: 'GET',
    path: '/api/v1/objects/:kind/:name',
    summary: 'Gives one manifest back, without its write-only fields.',
    permission: 'objects.read',
    params: byObject,
    response: json(manifestShape),
  }),
  apply: defineRoute({
    method: 'POST',
    path: '/api/v1/apply',
    summary: 'Creates and updates objects, all or none. A dry run shows the same difference and changes nothing.',
    permission: 'objects.write',
    body: z.strictObject({
      documents,
      dryRun: z.boolean().default(false),
    }),
    response: json(z.object({ dryRun: z.boolean(), results: z.array(objectResultShape) })),
  }),
  deleteObject: defineRoute({
    method: 'DELETE',
    path: '/api/v1/objects/:kind/:name',
    summary: 'Deletes an object. What still names it is told as a warning.',
    permission: 'objects.write',
    params: byObject,
    query: z.strictObject({ dryRun: flag.optional() }),
    response: json(objectResultShape),
  }),

  listSignOns: defineRoute({
    method: 'GET',
    path: '/api/v1/sign-ons',
    summary: 'Lists sign-ons elsewhere, such as by ssh, that wait for your approval.',
    permission: 'self',
    response: json(z.object({ signOns: z.array(signOnShape) })),
  }),
  decideSignOn: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-ons/:id',
    summary: 'Approves or refuses a sign-on of your own, once.',
    permission: 'self',
    params: byId,
    body: z.strictObject({ decision: z.enum(['approve', 'refuse']) }),
    response: none,
  }),

  sshKeys: defineRoute({
    method: 'GET',
    path: '/api/v1/ssh/keys',
    summary: 'Gives the keys by which clients know this gateway, and by which targets trust its certificates.',
    permission: 'self',
    response: json(
      z.object({
        hostKeys: z.array(z.string()).describe('For known_hosts.'),
        userAuthority: z.string().describe('For TrustedUserCAKeys of targets.'),
      }),
    ),
  }),
  signSshKey: defineRoute({
    method: 'POST',
    path: '/api/v1/ssh/certificates',
    summary: 'Signs a certificate for your public key; it lives as long as the token of the call, and dies with it.',
    permission: 'self',
    body: z.strictObject({ publicKey: sshPublicKey }),
    response: json(z.object({ certificate: z.string(), expiresAt: z.string() })),
  }),
  scanHostKeys: defineRoute({
    method: 'GET',
    path: '/api/v1/objects/Resource/:name/host-keys',
    summary: 'Asks the target of an SSH resource for its host keys, to be compared and pinned. Changes nothing.',
    permission: 'objects.write',
    params: z.strictObject({ name: objectName }),
    response: json(
      z.object({
        address: z.string(),
        keys: z.array(z.object({ publicKey: z.string(), fingerprint: z.string(), pinned: z.boolean() })),
      }),
    ),
  }),

  listSecrets: defineRoute({
    method: 'GET',
    path: '/api/v1/secrets',
    summary: 'Lists the names of stored secrets. No route gives a value back.',
    permission: 'secrets.read',
    response: json(z.object({ secrets: z.array(z.object({ name: z.string(), updatedAt: z.string() })) })),
  }),
  putSecret: defineRoute({
    method: 'PUT',
    path: '/api/v1/secrets/:name',
    summary: 'Seals a secret under a name.',
    permission: 'secrets.write',
    params: bySecret,
    body: z.strictObject({ value: z.string().min(1).max(limits.secretBytesMax) }),
    response: none,
  }),
  deleteSecret: defineRoute({
    method: 'DELETE',
    path: '/api/v1/secrets/:name',
    summary: 'Deletes a secret; refused while a resource names it.',
    permission: 'secrets.write',
    params: bySecret,
    response: none,
  }),
  rotateSecrets: defineRoute({
    method: 'POST',
    path: '/api/v1/secrets/rotate',
    summary: 'Makes a new data key and seals every secret under it again.',
    permission: 'secrets.write',
    response: json(z.object({ key: z.string(), resealed: z.number() })),
  }),

  listSessions: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions',
    summary: 'Lists sessions, the latest first: your own, or everybody’s where you may.',
    permission: 'sessions.read',
    query: z.strictObject({
      principal: objectName.optional(),
      resource: objectName.optional(),
      protocol: objectName.optional(),
      live: flag.optional(),
      since: moment.optional(),
      until: moment.optional(),
      limit: pageLimit.optional(),
      cursor: pageCursor.optional(),
    }),
    response: json(z.object({ sessions: z.array(sessionShape), next: z.string().nullable() })),
  }),
  getSession: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id',
    summary: 'Shows one session.',
    permission: 'sessions.read',
    params: byId,
    response: json(sessionShape),
  }),
  killSession: defineRoute({
    method: 'POST',
    path: '/api/v1/sessions/:id/kill',
    summary: 'Ends a live session within a second.',
    permission: 'sessions.kill',
    params: byId,
    body: z.strictObject({ reason: shortText.min(1) }),
    response: none,
  }),
  steerSession: defineRoute({
    method: 'POST',
    path: '/api/v1/sessions/:id/steer',
    summary: 'Shows the person of a live session a message, stops reading what they send, or goes on.',
    permission: 'sessions.steer',
    params: byId,
    body: z.discriminatedUnion('action', [
      z.strictObject({ action: z.literal('message'), text: shortText.min(1) }),
      z.strictObject({ action: z.enum(['pause', 'resume']) }),
    ]),
    response: none,
  }),
  sessionEvents: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id/events',
    summary: 'Streams what the rules did in a session: verdicts, reviews, alerts, limits, how many values were masked.',
    permission: 'sessions.read',
    params: byId,
    response: ndjson(sessionEventShape),
  }),
  readRecording: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id/recording',
    summary: 'Streams what was recorded, one entry a line. Reading is itself recorded.',
    permission: 'recordings.read',
    params: byId,
    response: ndjson(recordedEntryShape),
  }),
  tailSession: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id/tail',
    summary: 'Streams a live session as it is recorded, until it ends. Reading is itself recorded.',
    permission: 'recordings.read',
    params: byId,
    response: ndjson(recordedEntryShape),
  }),
  exportSession: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id/export',
    summary: 'Exports a recording with everything neutralised that a terminal or a spreadsheet would act on.',
    permission: 'recordings.read',
    params: byId,
    query: z.strictObject({
      format: z.enum(exportFormats).describe('asciicast: one terminal of the session, as asciicast v3.'),
      command: z.coerce
        .number<number>()
        .int()
        .min(1)
        .optional()
        .describe('With asciicast: whose terminal, by the number of its command; the first unless given.'),
    }),
    response: text('application/x-ndjson', 'text/csv', 'text/plain'),
  }),

  listResources: defineRoute({
    method: 'GET',
    path: '/api/v1/resources',
    summary: 'Lists the resources that you may open, and where their listener is.',
    permission: 'resources.read',
    response: json(z.object({ resources: z.array(openableResourceShape) })),
  }),
  explainAccess: defineRoute({
    method: 'GET',
    path: '/api/v1/explain',
    summary: 'Says whether a principal may open a resource, and which Access decides.',
    permission: 'access.explain',
    query: z.strictObject({ principal: objectName, resource: objectName }),
    response: json(explanationShape),
  }),
  explainCommand: defineRoute({
    method: 'POST',
    path: '/api/v1/explain',
    summary: 'Says what would come of a command, and why: access, guardrails, masks. Runs nothing on the resource.',
    permission: 'access.explain',
    body: z.strictObject({
      resource: objectName,
      principal: objectName.optional().describe('Yourself where it is left out.'),
      command: z.string().min(1).max(limits.commandLengthMax),
    }),
    response: json(commandExplanationShape),
  }),

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
    permission: 'reviews.read',
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
    }),
    response: json(reviewShape),
  }),
  listGrants: defineRoute({
    method: 'GET',
    path: '/api/v1/grants',
    summary: 'Lists the grants in force: your own, or everybody’s where you may.',
    permission: 'grants.read',
    query: z.strictObject({ limit: pageLimit.optional(), cursor: pageCursor.optional() }),
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
  checkpoint: defineRoute({
    method: 'GET',
    path: '/api/v1/journal/checkpoint',
    summary: 'Gives the latest signed checkpoint of the journal, to be kept elsewhere.',
    permission: 'journal.read',
    response: text('text/plain'),
  }),
  status: defineRoute({
    method: 'GET',
    path: '/api/v1/status',
    summary: 'Says how the gateway is.',
    permission: 'status.read',
    response: json(statusShape),
  }),

  manifestSchema: defineRoute({
    method: 'GET',
    path: '/api/v1/schema.json',
    summary: 'JSON Schema of the manifests, for editors.',
    permission: 'public',
    response: json(z.record(z.string(), z.unknown())),
  }),
  openapi: defineRoute({
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'This API, described as OpenAPI 3.1.',
    permission: 'public',
    response: json(z.record(z.string(), z.unknown())),
  }),
  health: defineRoute({
    method: 'GET',
    path: '/healthz',
    summary: 'The process answers.',
    permission: 'public',
    response: json(z.object({ status: z.literal('ok') })),
  }),
  readiness: defineRoute({
    method: 'GET',
    path: '/readyz',
    summary: 'The gateway takes new sessions; 503 while it does not.',
    permission: 'public',
    response: json(z.object({ status: z.literal('ready') })),
  }),
  metrics: defineRoute({
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus metrics; without a token from the gateway’s own machine only.',
    permission: 'metrics.read',
    response: text('text/plain'),
  }),
} as const;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
