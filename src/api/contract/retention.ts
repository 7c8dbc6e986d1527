/** Retention and LegalHold: how long what was recorded is kept (core/retention.ts says what each field means). */
import { z } from 'zod';
import type { CommandKind } from '../../core/command.ts';
import { type RetentionSubject, retentionSubjects } from '../../core/retention.ts';
import * as limits from './limits.ts';
import { identifier, metadata, moment, shortText } from './names.ts';
import { oneOf } from './rule-parts.ts';
import { principals, resources } from './selectors.ts';
import { durationText } from './spelling.ts';

const commandKinds = [
  'sql',
  'shell',
  'http',
  'kubernetes',
  'transfer',
  'tool',
  'connection',
] as const satisfies readonly CommandKind[];

/** What a Retention of a subject may select by. */
const selectable: Readonly<Record<RetentionSubject, readonly ('resources' | 'kinds')[]>> = {
  recordings: ['resources'],
  entries: ['resources', 'kinds'],
  journal: [],
  alerts: [],
};

export const retentionSchema = z.strictObject({
  kind: z.literal('Retention'),
  metadata,
  spec: z
    .strictObject({
      description: shortText.optional(),
      of: z
        .enum(retentionSubjects)
        .describe(
          'recordings: what was shown and typed. entries: what search finds. journal: what events say; their digests stay. alerts: resolved ones.',
        ),
      match: z
        .strictObject({
          resources: resources.optional(),
          kinds: oneOf(commandKinds).optional().describe('Of entries: kinds of commands.'),
        })
        .optional(),
      keep: durationText(limits.retentionMsMin, limits.retentionMsMax).describe(
        'From the end of the session, or from the event. Where several select the same thing, the longest counts.',
      ),
    })
    .superRefine(({ of, match }, context) => {
      for (const given of Object.keys(match ?? {}) as ('resources' | 'kinds')[]) {
        if (selectable[of].includes(given)) continue;
        context.addIssue({ code: 'custom', path: ['match', given], message: `does not tell ${of} apart` });
      }
    }),
});

export const legalHoldSchema = z.strictObject({
  kind: z.literal('LegalHold'),
  metadata,
  spec: z
    .strictObject({
      reason: shortText.min(1).describe('Which matter it is for.'),
      match: z
        .strictObject({
          principals: principals.optional(),
          resources: resources.optional(),
          sessions: z.array(identifier).min(1).max(limits.listEntriesMax).optional(),
        })
        .describe('What must be kept; all that is given must hold. Empty: everything.'),
      since: moment.optional().describe('What happened at or after; from the beginning unless given.'),
      until: moment.optional().describe('What happened before; also what is still to come unless given.'),
    })
    .refine(
      ({ since, until }) => since === undefined || until === undefined || Date.parse(since) < Date.parse(until),
      'must begin before it ends',
    ),
});

export type RetentionManifest = z.output<typeof retentionSchema>;
export type LegalHoldManifest = z.output<typeof legalHoldSchema>;
