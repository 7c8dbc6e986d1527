/** The part of the table that detections are looked at and tried out by: see routes.ts. */
import { z } from 'zod';
import { severities } from '../../core/alert.ts';
import * as limits from './limits.ts';
import { moment } from './names.ts';
import { defineRoute, json, ndjson } from './route.ts';
import { documents } from './route-parts.ts';
import { fieldProblemShape } from './shapes.ts';

const at = z.string().describe('ISO 8601, UTC.');

const tuning = z.object({
  name: z.string(),
  meaning: z.string(),
  default: z.union([z.number(), z.string(), z.boolean(), z.array(z.string())]),
  min: z.number().nullable(),
  max: z.number().nullable(),
});

/** A detector that is built in. */
export const builtInDetectorShape = z.object({
  name: z.string(),
  title: z.string(),
  explanation: z.string(),
  techniques: z.array(z.string()).describe('Of MITRE ATT&CK.'),
  tuning: z.array(tuning),
  detections: z.array(z.string()).describe('Detections that use it, as configured.'),
});

const configuredShape = z.object({
  name: z.string(),
  description: z.string().nullable(),
  severity: z.enum(severities),
  mode: z.enum(['on', 'dry-run', 'off']),
  detector: z.string().nullable(),
  events: z.array(z.string()).nullable().describe('Events that it looks at; null: all.'),
  responses: z.array(z.string()),
  problem: z.string().nullable().describe('Why it cannot be used.'),
});

/** What activities can be selected and counted by. */
const fieldShape = z.object({
  name: z.string(),
  type: z.enum(['text', 'number', 'flag']),
  meaning: z.string(),
  events: z.array(z.string()).nullable().describe('Events that may have it; null: any.'),
});

export const detectionTrialShape = z.object({
  name: z.string(),
  example: z.number(),
  expected: z.enum(['alert', 'quiet']),
  got: z.enum(['alert', 'quiet']),
  passed: z.boolean(),
  reason: z.string().describe('What the alert says, or why it could not be run.'),
});

export const detectionReplayShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), events: z.number(), of: z.number(), at }),
  z.object({
    type: z.literal('alert'),
    at,
    id: z.string(),
    detection: z.string(),
    severity: z.enum(severities),
    principal: z.string().nullable(),
    resource: z.string().nullable(),
    session: z.string().nullable(),
    command: z.number().nullable(),
    summary: z.string(),
    /** Why nobody would have been told; null where people would have been. */
    suppressed: z.string().nullable(),
  }),
  z.object({
    type: z.literal('summary'),
    since: at,
    until: at,
    /** Events given to the detections. */
    events: z.number(),
    alerts: z.number(),
    suppressed: z.number(),
    /** Commands whose intent says nothing of what they touch, journaled before intents did. */
    withoutFacts: z.number(),
    /** Detections that failed and were left out from then on. */
    failed: z.array(z.string()),
    /** How long a day’s events were led up to from, for what looks back; ISO 8601. */
    warmedUpFrom: at,
    truncated: z.boolean().describe('There are more alerts than were told.'),
  }),
]);

export const detectionRoutes = {
  listDetections: defineRoute({
    method: 'GET',
    path: '/api/v1/detections',
    summary: 'Detections as configured, and the detectors that are built in with their tuning.',
    permission: 'detections.test',
    response: json(
      z.object({
        detections: z.array(configuredShape),
        builtIn: z.array(builtInDetectorShape),
        fields: z.array(fieldShape),
      }),
    ),
  }),
  testDetections: defineRoute({
    method: 'POST',
    path: '/api/v1/detections/test',
    summary: 'Runs the examples in Detections as if they were applied, and changes nothing.',
    permission: 'detections.test',
    body: z.strictObject({ documents }),
    response: json(
      z.object({
        problems: z.array(fieldProblemShape).describe('Why a Detection could not be saved.'),
        results: z.array(detectionTrialShape),
      }),
    ),
  }),
  replayDetections: defineRoute({
    method: 'POST',
    path: '/api/v1/detections/replay',
    summary: 'Runs Detections over what was journaled: streams the alerts that would have been raised, then a summary.',
    permission: 'detections.test',
    body: z.strictObject({
      documents: documents.optional().describe('Detections to try; those configured where none are given.'),
      names: z
        .array(z.string().max(limits.nameLengthMax))
        .max(limits.listEntriesMax)
        .optional()
        .describe('Only these Detections.'),
      since: moment,
      until: moment.optional(),
    }),
    response: ndjson(detectionReplayShape),
  }),
} as const;

export interface DetectionListing {
  detections: ConfiguredDetectionView[];
  builtIn: BuiltInDetectorView[];
  fields: z.output<typeof fieldShape>[];
}
export type ConfiguredDetectionView = z.output<typeof configuredShape>;
export type BuiltInDetectorView = z.output<typeof builtInDetectorShape>;
export type DetectionTrial = z.output<typeof detectionTrialShape>;
export type DetectionReplayEntry = z.output<typeof detectionReplayShape>;
