/** When an Access counts, and what is locked: the parts of manifests that have to do with time, and with taking away. */
import { z } from 'zod';
import { isTimeZone } from '../../base/time-zone.ts';
import * as limits from './limits.ts';
import { identifier, metadata, moment, objectName, shortText } from './names.ts';

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const clockTime = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

export const accessWindows = z
  .array(
    z.strictObject({
      days: z
        .array(z.enum(weekdays))
        .min(1)
        .refine((days) => new Set(days).size === days.length, 'must not name a day twice')
        .optional()
        .describe('Days on which it begins; every day unless given.'),
      from: z.string().regex(clockTime, 'must be a time such as 08:00').optional().describe('00:00 unless given.'),
      to: z
        .string()
        .refine((text) => clockTime.test(text) || text === '24:00', 'must be a time such as 18:00, or 24:00')
        .optional()
        .describe('24:00 unless given. Not after from: on the next day.'),
      timeZone: z
        .string()
        .refine(isTimeZone, 'must be the name of a time zone, such as Europe/Berlin or UTC')
        .describe('IANA’s name of the zone whose clocks count.'),
    }),
  )
  .min(1)
  .max(limits.windowsMax)
  .describe('When it counts; in any of these. Sessions end when it closes.');

export const lockTargets = ['principal', 'resource', 'session', 'token', 'agent'] as const;
export type LockTarget = (typeof lockTargets)[number];

/** Agents that other issuers name are none of ours, and have names of their own. */
const agentName = z.string().min(1).max(limits.textLengthMax);

export const lockSchema = z.strictObject({
  kind: z.literal('Lock'),
  metadata,
  spec: z.strictObject({
    target: z
      .strictObject({
        principal: objectName.optional().describe('However it signs on.'),
        resource: objectName.optional().describe('For everybody.'),
        session: identifier.optional(),
        token: z
          .string()
          .min(1)
          .max(limits.textLengthMax)
          .optional()
          .describe('Id of a token, or fingerprint of a key.'),
        agent: agentName.optional().describe('Itself, and wherever it acts for somebody.'),
      })
      .refine(
        (target) => Object.values(target).filter((name) => name !== undefined).length === 1,
        'must name exactly one of principal, resource, session, token and agent',
      ),
    reason: shortText.min(1).describe('Told to whoever is locked out.'),
    until: moment.optional().describe('When it ends by itself; until it is deleted unless given.'),
  }),
});

export type LockManifest = z.output<typeof lockSchema>;
