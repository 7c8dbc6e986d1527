/**
 * The manifest of a Detection: what is looked for in what happens (core/detection.ts says what each field means).
 *
 * Invariant: what belongs to another way of looking is refused, not ignored: `tuning` without a built-in detector, a
 * condition beside a sequence.
 *
 * Deliberately absent: which fields there are, whether a condition names its selections, tuning of built-in detectors, and
 * whether the examples come out. Those are the compiler's to say (`RuleChecks`), before a save.
 */
import { z } from 'zod';
import { responseKinds, severities } from '../../core/alert.ts';
import type { DetectionSpec } from '../../core/detection.ts';
import * as limits from './limits.ts';
import { metadata, moment, nameList, shortText } from './names.ts';
import { isAny, principals, resources } from './selectors.ts';
import { durationText } from './spelling.ts';

const fieldName = z
  .string()
  .max(limits.nameLengthMax)
  .regex(/^[A-Za-z][A-Za-z0-9._/-]*$/, 'must be the name of a field, such as principal, effect or reads.table');

const selectionName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/, 'must begin with a letter and hold letters, digits, - and _');

const pattern = z.string().min(1, 'must not be empty').max(limits.detectionTextLengthMax);

const wrongValue = 'must be a text, a list of texts, a number, true or false, or min and max';

const selectionValue = z.union(
  [
    pattern,
    z.array(pattern).min(1, 'must not be empty').max(limits.listEntriesMax),
    z.boolean(),
    z.number(),
    z
      .strictObject({ min: z.number().optional(), max: z.number().optional() })
      .refine(({ min, max }) => min !== undefined || max !== undefined, 'must say min, max, or both'),
  ],
  { error: (issue) => (issue.input === undefined ? 'is required' : wrongValue) },
);

const selection = z
  .record(fieldName, selectionValue)
  .refine((value) => Object.keys(value).length > 0, 'must not be empty: it would hold of everything')
  .describe('Fields and what they must be: all of them, and one of a list. * stands for any run of characters.');

const measure = z
  .strictObject({
    of: z
      .enum(['count', 'distinct', 'sum'])
      .describe('count: activities. distinct: different values of field. sum: of a number.'),
    field: fieldName.optional(),
    min: z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional().describe('From when on it counts.'),
    factor: z
      .number()
      .min(1)
      .max(limits.detectionFactorMax)
      .optional()
      .describe('So many times what is usual; with min, both must be reached.'),
  })
  .describe('What a group’s activities within the window add up to.');

const baseline = z
  .strictObject({
    against: z
      .enum(['own', 'peers', 'both'])
      .describe('peers: principals that share a group; both: unusual by either.'),
    over: durationText(1000, limits.detectionBaselineMsMax).describe('How far back: 14d.'),
    least: z
      .int()
      .min(1)
      .max(limits.detectionBaselineWindowsMax)
      .optional()
      .describe('Windows with something in them before anything counts as unusual; 5 unless given.'),
  })
  .describe('What is usual: the median of past windows in which something happened.');

const response = z.strictObject({
  do: z
    .enum(responseKinds)
    .describe(
      'risk: rules may ask for it. step-up, hold, mask: the next commands. end: the session. lock: the principal.',
    ),
  for: durationText(1000, limits.detectionBaselineMsMax).optional().describe('How long it is in force.'),
  points: z.int().min(1).max(100).optional().describe('With risk.'),
  reviewers: z
    .strictObject({ names: nameList.optional(), groups: nameList.optional() })
    .refine((value) => isAny(value.names, value.groups), 'must name somebody by names or groups')
    .optional()
    .describe('With hold: who is asked.'),
  over: z
    .enum(['session', 'principal'])
    .optional()
    .describe('The session alone, or whatever the principal does; principal unless given.'),
});

const suppression = z.strictObject({
  match: selection,
  reason: shortText.min(1).describe('Why: whoever reads it in a year must know.'),
  until: moment.optional(),
});

const activity = z
  .record(fieldName, z.union([z.string(), z.array(z.string()), z.boolean(), z.number()]))
  .describe('Fields of one activity; at: time since the first (30s); times: so many, every: so often.');

const example = z.strictObject({
  activities: z.array(activity).min(1, 'must not be empty').max(limits.detectionActivitiesMax),
  expect: z.enum(['alert', 'quiet']),
});

const tuningValue = z.union([z.number(), z.string(), z.boolean(), z.array(z.string()).max(limits.listEntriesMax)]);

const byRule = ['select', 'condition', 'by', 'window', 'measure', 'baseline', 'sequence', 'message'] as const;

export const detectionSchema = z.strictObject({
  kind: z.literal('Detection'),
  metadata,
  spec: z
    .strictObject({
      description: shortText.optional(),
      severity: z.enum(severities),
      mode: z
        .enum(['on', 'dry-run', 'off'])
        .optional()
        .describe('dry-run: alerts are kept, nobody is told and nothing is done. on unless given.'),
      match: z
        .strictObject({ principals: principals.optional(), resources: resources.optional() })
        .refine((value) => Object.keys(value).length > 0, 'must not be empty; leave it out to watch everything')
        .optional()
        .describe('Whom and what it watches.'),
      detector: z
        .string()
        .max(limits.nameLengthMax)
        .optional()
        .describe('A built-in detector, in place of select: sallyport detection ls shows them.'),
      tuning: z.record(z.string().max(limits.nameLengthMax), tuningValue).optional(),
      select: z
        .record(selectionName, selection)
        .refine((value) => Object.keys(value).length > 0, 'must hold a selection')
        .optional()
        .describe('Named selections of activities.'),
      condition: z
        .string()
        .min(1)
        .max(limits.detectionConditionLengthMax)
        .optional()
        .describe('Names of selections with and, or, not, brackets, 1 of x*, all of them. The only one unless given.'),
      by: z
        .array(fieldName)
        .max(limits.detectionGroupFieldsMax)
        .optional()
        .describe('Fields that are counted by; principal unless given, all together where it is empty.'),
      window: durationText(1000, limits.detectionWindowMsMax).optional().describe('Within which time: 10m.'),
      measure: measure.optional(),
      baseline: baseline.optional(),
      sequence: z
        .array(selectionName)
        .min(2, 'must have two steps or more')
        .max(limits.detectionStepsMax)
        .optional()
        .describe('Selections that must hold one after another, in place of condition.'),
      message: shortText.optional().describe('{name} and {field} are filled in.'),
      respond: z.array(response).max(responseKinds.length).optional().describe('What is done by itself.'),
      quiet: durationText(1000, limits.detectionQuietMsMax)
        .optional()
        .describe('How long further findings are added to the same alert; 1h unless given.'),
      suppress: z.array(suppression).max(limits.detectionSuppressionsMax).optional(),
      examples: z
        .array(example)
        .max(limits.detectionExamplesMax)
        .optional()
        .describe('Run before it is saved: each must come out as it says.'),
    })
    .superRefine((spec, context) => {
      const refuse = (field: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [field], message });
      if (spec.detector === undefined) {
        if (spec.select === undefined) refuse('select', 'is required, or a built-in detector');
        if (spec.tuning !== undefined) refuse('tuning', 'belongs to a built-in detector');
      } else {
        for (const field of byRule) if (spec[field] !== undefined) refuse(field, 'does not go with detector');
      }
      for (const [index, one] of (spec.respond ?? []).entries()) {
        const problem = responseProblem(one);
        if (problem !== null) {
          context.addIssue({ code: 'custom', path: ['respond', index, problem[0]], message: problem[1] });
        }
      }
    }),
});

function responseProblem(one: z.output<typeof response>): readonly [field: string, message: string] | null {
  if (one.do === 'risk' && one.points === undefined) return ['points', 'is required with risk'];
  if (one.do !== 'risk' && one.points !== undefined) return ['points', 'belongs to risk'];
  if (one.do === 'hold' && one.reviewers === undefined) return ['reviewers', 'is required with hold'];
  if (one.do !== 'hold' && one.reviewers !== undefined) return ['reviewers', 'belongs to hold'];
  if (one.do === 'end' && one.for !== undefined) return ['for', 'does not go with end'];
  if (one.do === 'lock' && one.over !== undefined) return ['over', 'does not go with lock'];
  return null;
}

export type DetectionManifest = z.output<typeof detectionSchema>;

/** What the compiler takes. */
export function detectionSpecOf({ spec }: DetectionManifest): DetectionSpec {
  return spec as unknown as DetectionSpec;
}
