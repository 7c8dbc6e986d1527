/** The part of the table that says what is kept, where, and who witnesses it: see routes.ts. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { reasonText } from './names.ts';
import { defineRoute, json, none } from './route.ts';
import { byId, pageLimit } from './route-parts.ts';

const at = z.string().describe('ISO 8601, UTC.');
const journalId = z.string().regex(/^[0-9a-f]{32}$/, 'must be the id of a journal: 32 hexadecimal digits');

const checkpointShape = z.object({
  journal: z.string(),
  size: z.number(),
  root: z.string(),
  at,
  source: z.string().describe('Who brought it.'),
  checkpoint: z.string().describe('The signed note, to the letter.'),
});

const dueShape = z.object({
  session: z.string(),
  principal: z.string(),
  resource: z.string(),
  endedAt: at,
  bytes: z.number(),
  rule: z.string().describe('The Retention that is over.'),
  heldBy: z.array(z.string()).describe('Legal holds that keep it all the same.'),
});

export const retentionShape = z.object({
  recordings: z.array(
    z.object({
      state: z.enum(['open', 'none', 'local', 'stored', 'released', 'deleted']),
      count: z.number(),
      bytes: z.number(),
    }),
  ),
  due: z.array(dueShape).describe('The oldest recordings whose time is over, those that are held among them.'),
  holds: z.array(z.object({ name: z.string(), reason: z.string() })),
  journal: z.object({
    events: z.number(),
    prunedTo: z.number().describe('Everything up to this sequence is gone but for its digests; 0: nothing is.'),
    prunableTo: z.number().describe('What could go now.'),
    because: z.string().nullable().describe('What keeps the rest.'),
  }),
  archive: z
    .object({
      store: z.string(),
      waiting: z.number(),
      problem: z.string().nullable().describe('Why nothing goes there at the moment.'),
    })
    .nullable(),
  lastRunAt: at.nullable(),
});

export type RetentionView = z.output<typeof retentionShape>;

export const storageRoutes = {
  showRetention: defineRoute({
    method: 'GET',
    path: '/api/v1/retention',
    summary: 'Says what is kept, what is due, what is held and by what, and how far the journal is pruned.',
    permission: 'retention.read',
    response: json(retentionShape),
  }),
  runRetention: defineRoute({
    method: 'POST',
    path: '/api/v1/retention/run',
    summary: 'Deletes what is due now, as the gateway does by itself each hour. Holds are kept.',
    permission: 'retention.delete',
    response: json(
      z.object({ recordings: z.number(), entries: z.number(), alerts: z.number(), prunedTo: z.number().nullable() }),
    ),
  }),
  deleteRecording: defineRoute({
    method: 'POST',
    path: '/api/v1/sessions/:id/recording/delete',
    summary: 'Destroys the key of a recording, and with it what it holds, wherever copies lie. Its digests stay.',
    permission: 'retention.delete',
    params: byId,
    body: z.strictObject({ reason: reasonText }),
    response: none,
  }),
  witnessCheckpoint: defineRoute({
    method: 'POST',
    path: '/api/v1/witness/checkpoints',
    summary: 'Keeps a checkpoint of another gateway’s journal, for whoever verifies that journal.',
    permission: 'witness.put',
    body: z.strictObject({ checkpoint: z.string().min(1).max(limits.checkpointLengthMax) }),
    response: json(
      z.object({ outcome: z.enum(['new', 'known', 'forked']).describe('forked: another root is known at this size.') }),
    ),
  }),
  listCheckpoints: defineRoute({
    method: 'GET',
    path: '/api/v1/witness/checkpoints',
    summary: 'Lists checkpoints that were brought here, the largest first: your own, or everybody’s where you may.',
    permission: 'witness.read',
    query: z.strictObject({ journal: journalId.optional(), limit: pageLimit.optional() }),
    response: json(z.object({ checkpoints: z.array(checkpointShape) })),
  }),
  listWitnesses: defineRoute({
    method: 'GET',
    path: '/api/v1/witnesses',
    summary: 'Lists who is handed checkpoints of this gateway’s journal, and how each stands.',
    permission: 'status.read',
    response: json(
      z.object({
        witnesses: z.array(
          z.object({
            name: z.string(),
            kind: z.enum(['file', 's3', 'webhook', 'gateway']),
            size: z.number().nullable(),
            at: at.nullable(),
            problem: z.string().nullable(),
          }),
        ),
      }),
    ),
  }),
} as const;
