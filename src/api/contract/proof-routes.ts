/** The part of the table that proves one recording: see routes.ts. */
import { z } from 'zod';
import { defineRoute, json } from './route.ts';
import { byId } from './route-parts.ts';

const at = z.string().describe('ISO 8601, UTC.');

export const recordingProofShape = z.object({
  state: z
    .enum(['intact', 'unfinished', 'damaged', 'deleted', 'elsewhere', 'absent', 'live'])
    .describe(
      'intact: sealed, and every byte has the digest that stands in the journal. unfinished: as the journal says, and never sealed. elsewhere: in an archive, or recorded by another gateway; not looked at. live: still being written.',
    ),
  parts: z.number().describe('Parts of the recording, each with a digest of its own in the journal.'),
  bytes: z.number(),
  events: z
    .object({ first: z.number(), last: z.number() })
    .nullable()
    .describe('Where these digests stand in the journal.'),
  /** The latest signed checkpoint that covers them; null where none was signed. */
  checkpoint: z.object({ journal: z.string(), size: z.number(), at }).nullable(),
  problem: z.string().nullable().describe('What is wrong with it.'),
});

export type RecordingProofView = z.output<typeof recordingProofShape>;

export const proofRoutes = {
  proveRecording: defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/:id/proof',
    summary:
      'Compares the bytes of one recording with the digests in the journal, and says which checkpoint covers them.',
    permission: 'sessions.read',
    params: byId,
    response: json(recordingProofShape),
  }),
} as const;
