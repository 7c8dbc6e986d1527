/**
 * The table of routes: everything the API offers, and what each asks for.
 *
 * Queries are strict and hold no defaults (the server fills them in), so that one type serves client and server.
 */
import { z } from 'zod';
import { accessRoutes } from './access-routes.ts';
import { alertRoutes } from './alert-routes.ts';
import { detectionRoutes } from './detection-routes.ts';
import { factorAnswer, factorRoutes } from './factor-routes.ts';
import * as limits from './limits.ts';
import { liveRoutes } from './live-routes.ts';
import { machineRoutes } from './machine-routes.ts';
import { manifestKind, sshPublicKey } from './manifest.ts';
import { moment, objectName, secretName, shortText } from './names.ts';
import { overviewRoutes } from './overview-routes.ts';
import { proofRoutes } from './proof-routes.ts';
import { reportRoutes } from './report-routes.ts';
import { reviewRoutes } from './review-routes.ts';
import { defineRoute, json, ndjson, none, text } from './route.ts';
import { byId, documents, flag, pageCursor, pageLimit } from './route-parts.ts';
import { commandExplanationShape, sessionEventShape } from './rule-shapes.ts';
import { scimRoutes } from './scim-routes.ts';
import { searchRoutes } from './search-routes.ts';
import {
  explanationShape,
  issuedTokenShape,
  listedTokenShape,
  manifestShape,
  objectResultShape,
  openableResourceShape,
  principalShape,
  recordedEntryShape,
  sessionShape,
  signOnShape,
  statusShape,
} from './shapes.ts';
import { signOnRoutes } from './sign-on-routes.ts';
import { sinkRoutes } from './sink-routes.ts';
import { storageRoutes } from './storage-routes.ts';
import { trialRoutes } from './trial-routes.ts';
import { workbenchRoutes } from './workbench-routes.ts';

const lifetime = z.int().min(limits.tokenLifetimeSecondsMin).max(limits.tokenLifetimeSecondsMax);
const bySecret = z.strictObject({ name: secretName });
const byObject = z.strictObject({ kind: manifestKind, name: objectName });

export const exportFormats = ['ndjson', 'csv', 'text', 'asciicast'] as const;

export const routes = {
  login: defineRoute({
    method: 'POST',
    path: '/api/v1/login',
    summary:
      'Signs on with a password and gives a short-lived token. Who has a second factor is refused with api.factor-needed, and the step that follows.',
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
        token: listedTokenShape.omit({ owner: true }),
      }),
    ),
  }),

  listTokens: defineRoute({
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'Lists your tokens; with all=true everybody’s, where you may. Never their secrets.',
    permission: 'tokens.read',
    query: z.strictObject({ all: flag.optional() }),
    response: json(z.object({ tokens: z.array(listedTokenShape) })),
  }),
  createToken: defineRoute({
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Issues a token for yourself or, as administrator, for another principal. Its secret is shown once.',
    permission: 'tokens.create',
    body: z
      .strictObject({
        principal: objectName.optional(),
        description: shortText.optional(),
        lifetimeSeconds: lifetime.optional(),
        resources: z
          .array(objectName)
          .min(1)
          .max(limits.scopeResourcesMax)
          .optional()
          .describe('The only resources that it is good for; it then reads and changes nothing else here either.'),
        agent: objectName
          .optional()
          .describe('Has this agent act for you, until your own token ends, and everything with it.'),
      })
      .refine(({ principal, agent }) => principal === undefined || agent === undefined, {
        message: 'goes without principal: an agent acts for whoever asks',
        path: ['agent'],
      }),
    response: json(issuedTokenShape),
  }),
  ...machineRoutes,
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
    summary: 'Lists sign-ons and step-ups elsewhere, such as by ssh, that wait for your approval.',
    permission: 'self.prove',
    response: json(z.object({ signOns: z.array(signOnShape) })),
  }),
  decideSignOn: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-ons/:id',
    summary:
      'Approves or refuses a sign-on or step-up of your own, once. A step-up takes a sign-on of just now, the password, or of who has one a second factor.',
    permission: 'self.prove',
    params: byId,
    body: z.strictObject({
      decision: z.enum(['approve', 'refuse']),
      password: z.string().max(limits.passwordLengthMax).optional(),
      factor: factorAnswer.optional(),
    }),
    response: none,
  }),

  beginVisit: defineRoute({
    method: 'POST',
    path: '/api/v1/visits',
    summary:
      'Hands a browser that signed on here over to the origin of a resource: a link that is good once, for a minute.',
    permission: 'self.prove',
    body: z.strictObject({
      resource: objectName,
      domain: z.string().max(limits.hostNameLengthMax),
      nonce: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the digest of a nonce'),
      returnTo: z.string().max(limits.returnPathLengthMax),
    }),
    response: json(z.object({ url: z.string(), expiresAt: z.string() })),
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
    // It is that token in another form: good for no more, and with the same agents.
    permission: 'self.certify',
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

  ...liveRoutes,
  ...workbenchRoutes,
  ...proofRoutes,

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

  ...accessRoutes,
  ...storageRoutes,
  ...trialRoutes,
  ...sinkRoutes,
  ...searchRoutes,
  ...overviewRoutes,
  ...reportRoutes,
  ...alertRoutes,
  ...detectionRoutes,
  ...reviewRoutes,
  ...signOnRoutes,
  ...scimRoutes,
  ...factorRoutes,
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
