/** The part of the table by which a change is tried before it is made, and a resource before it is used: see routes.ts. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { manifestKind } from './manifest.ts';
import { objectName } from './names.ts';
import { defineRoute, json } from './route.ts';
import { documents } from './route-parts.ts';
import { commandExplanationShape } from './rule-shapes.ts';
import { fieldProblemShape } from './shapes.ts';

/** One principal and one resource, and how the one comes to the other. */
const reached = z.object({
  principal: z.string(),
  resource: z.string(),
  before: z.enum(['none', 'request', 'standing']).describe('request: only when it is asked for and approved.'),
  after: z.enum(['none', 'request', 'standing']),
});

export const accessChangeShape = z.object({
  gained: z.array(reached),
  lost: z.array(reached),
  /** How many there are; the lists are cut. */
  gainedCount: z.number(),
  lostCount: z.number(),
  truncated: z.boolean().describe('There are too many principals and resources to look at all of them.'),
});

export const connectionStepShape = z.object({
  step: z.enum(['connect', 'tls', 'login']),
  outcome: z.enum(['done', 'failed', 'skipped']),
  ms: z.number().describe('How long it took.'),
  says: z.string().describe('In plain words; never a secret, never the target’s own text.'),
});

export const connectionTestShape = z.object({
  address: z.string(),
  steps: z.array(connectionStepShape),
});

export type AccessChange = z.output<typeof accessChangeShape>;
export type ReachChange = z.output<typeof reached>;
export type ConnectionTest = z.output<typeof connectionTestShape>;
export type ConnectionStep = z.output<typeof connectionStepShape>;

export const trialRoutes = {
  tryCommand: defineRoute({
    method: 'POST',
    path: '/api/v1/policy/try',
    summary: 'Explains a command as if manifests were applied. Runs nothing, changes nothing.',
    permission: 'policy.test',
    body: z.strictObject({
      documents,
      principal: objectName,
      resource: objectName,
      command: z.string().min(1).max(limits.commandLengthMax),
    }),
    response: json(
      z.object({
        problems: z.array(fieldProblemShape).describe('Why a rule could not be saved.'),
        explanation: commandExplanationShape,
      }),
    ),
  }),
  tryAccess: defineRoute({
    method: 'POST',
    path: '/api/v1/access/try',
    summary: 'Says who would gain or lose what if manifests were applied, or an object deleted. Changes nothing.',
    permission: 'access.read',
    body: z.strictObject({
      documents: documents.optional(),
      delete: z.strictObject({ kind: manifestKind, name: objectName }).optional(),
    }),
    response: json(accessChangeShape),
  }),
  testResource: defineRoute({
    method: 'POST',
    path: '/api/v1/objects/Resource/:name/test',
    summary:
      'Connects to the target of a resource and, where that is cheap, logs in and leaves again. With a document it is tried before it is saved.',
    permission: 'objects.write',
    params: z.strictObject({ name: objectName }),
    body: z.strictObject({
      document: z.unknown().optional().describe('The resource as it would be applied.'),
    }),
    response: json(connectionTestShape),
  }),
  authority: defineRoute({
    method: 'GET',
    path: '/api/v1/authority',
    summary: 'Gives the certificate of the authority that vouches for this gateway, for clients to trust.',
    permission: 'self',
    response: json(
      z.object({
        certificate: z.string().describe('PEM.'),
        needed: z.boolean().describe('False where the certificates were given, and clients may trust them already.'),
      }),
    ),
  }),
} as const;
