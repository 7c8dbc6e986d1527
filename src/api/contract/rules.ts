/**
 * The manifests of rules over commands and output: Guardrail and Mask (core/rules.ts says what each field means).
 *
 * Invariants:
 * - What a rule leaves out selects everyone or everything, since rules only restrict; what it gives must select
 *   something, so that an empty list is a mistake that is told and not a rule that never applies.
 * - What belongs to another verdict is refused, not ignored: limits with `hold`, reviewers with `block`.
 *
 * Deliberately absent: whether a pattern or a condition can be compiled, whether a detector exists, whether a resource
 * can enforce the rule, and whether its examples come out. Those are the compilers' to say (`RuleChecks`), before a save.
 */
import { z } from 'zod';
import { connectionKinds } from '../../core/connections.ts';
import { type FileOperationName, fileOperations } from '../../core/files.ts';
import type { ShellAccess } from '../../core/shell.ts';
import { type ShellEffect, shellEffects } from '../../core/shell-effects.ts';
import { type SqlEffect, sqlEffects, statementKinds } from '../../core/sql-effects.ts';
import type { VerdictName } from '../../core/verdict.ts';
import { httpSelector, maskFields, maskHeaders } from './http-rules.ts';
import { kubernetesObjects, kubernetesSelector } from './kubernetes-rules.ts';
import * as limits from './limits.ts';
import { metadata, nameList, objectName, shortText } from './names.ts';
import { isDistinct, namePattern, oneOf, pathPattern, patternsOf, uncertain } from './rule-parts.ts';
import { principals, resources, reviewerSelector } from './selectors.ts';
import { byteCount, durationMs, durationText } from './spelling.ts';

const verdictNames = ['allow', 'mask', 'hold', 'block', 'terminate'] as const satisfies readonly VerdictName[];
const effectNames = Object.keys(sqlEffects) as [SqlEffect, ...SqlEffect[]];
const shellEffectNames = Object.keys(shellEffects) as [ShellEffect, ...ShellEffect[]];
const fileOperationNames = Object.keys(fileOperations) as [FileOperationName, ...FileOperationName[]];
const shellAccesses = ['read', 'write', 'delete', 'execute'] as const satisfies readonly ShellAccess[];

export const approvalCount = z
  .int()
  .min(1)
  .max(limits.approvalsMax)
  .describe('Distinct people who must approve. Nobody decides their own.');

const sql = z
  .strictObject({
    effects: oneOf(effectNames).optional().describe('What the statement can do; one is enough.'),
    statements: oneOf(statementKinds).optional().describe('What kind it is; one is enough.'),
    relations: patternsOf(namePattern)
      .optional()
      .describe('`schema.name` or `name`, where `*` stands for any run of characters; one is enough.'),
    access: z.enum(['read', 'write']).optional().describe('How a relation must be used to count.'),
    functions: patternsOf(namePattern).optional(),
    incomplete: z.boolean().optional().describe('true: something about the statement stays unknown.'),
    uncertain: z
      .enum(['match', 'ignore'])
      .optional()
      .describe('What may lie unread behind a statement counts as matching: match unless given.'),
    rowsMin: z
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('At least so many rows are expected to be touched, by the target’s own statistics.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe('What the command means. All that is given must hold.');

const shell = z
  .strictObject({
    programs: patternsOf(namePattern)
      .optional()
      .describe(
        'Names without directory, or paths as written where the pattern has a slash; * for any run of characters.',
      ),
    verbs: patternsOf(namePattern).optional().describe('The program and its subcommands: systemctl restart, git push.'),
    arguments: patternsOf(namePattern)
      .optional()
      .describe('One of the arguments, as a whole: --force. Letters of a cluster count by themselves: -r finds -rf.'),
    effects: oneOf(shellEffectNames).optional().describe('What the command can do; one is enough.'),
    paths: patternsOf(pathPattern)
      .optional()
      .describe('Absolute paths; * stands for any run of characters, slashes included.'),
    access: z.enum(shellAccesses).optional().describe('How a path must be used to count.'),
    users: patternsOf(namePattern).optional().describe('As whom it runs, where the command says so.'),
    hosts: patternsOf(namePattern).optional().describe('Where else it runs: targets of ssh, names of containers.'),
    flags: patternsOf(namePattern).optional().describe('Why something stays unknown: opaque:*, nested-shell, …'),
    incomplete: z.boolean().optional().describe('true: something runs, or may, that is not listed.'),
    unbounded: z.boolean().optional().describe('true: the text, or a program in it, may run what is not listed.'),
    uncertain,
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe('What a shell text runs. All that is given must hold of one and the same command.');

const files = z
  .strictObject({
    operations: oneOf(fileOperationNames).optional().describe('What is done; one is enough.'),
    direction: z.enum(['upload', 'download']).optional(),
    paths: patternsOf(pathPattern)
      .optional()
      .describe('Globs over canonical paths: * and ? within a name, ** for any run of directories.'),
    sizeMin: byteCount.optional().describe('At least so many bytes; a size not known beforehand may be any.'),
    uncertain,
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe('What is done with files. All that is given must hold of one and the same operation.');

const connections = z
  .strictObject({
    kinds: oneOf(connectionKinds).optional(),
    direction: z
      .enum(['outward', 'inward'])
      .optional()
      .describe('outward: from the client to what the target reaches.'),
    hosts: patternsOf(namePattern).optional().describe('Names or addresses with *, or networks as 10.0.0.0/8.'),
    ports: z.array(z.int().min(1).max(65_535)).min(1).max(limits.listEntriesMax).optional(),
    paths: patternsOf(pathPattern).optional().describe('Of unix sockets.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe('Where a carried connection ends. All that is given must hold.');

const commands = z
  .strictObject({
    sql: sql.optional(),
    shell: shell.optional(),
    files: files.optional(),
    connections: connections.optional(),
    http: httpSelector.optional(),
    kubernetes: kubernetesSelector.optional(),
    verbs: patternsOf(z.string().min(1).max(limits.nameLengthMax)).optional(),
    text: patternsOf(z.string().min(1, 'must not be empty').max(limits.patternLengthMax))
      .optional()
      .describe('Parts of the text, without regard to case: for what has no structure.'),
    pattern: z
      .string()
      .min(1)
      .max(limits.patternLengthMax)
      .optional()
      .describe('A regular expression over the text, in linear time: no back-references, no look-around.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty; leave it out to select every command');

const review = z.strictObject({
  reviewers: reviewerSelector.optional().describe('Who decides; left out where stepUp is all that is asked.'),
  stepUp: z
    .literal(true)
    .optional()
    .describe('Whoever runs it confirms it first, by a fresh proof: a second factor, the provider, or the password.'),
  approvals: approvalCount.optional(),
  within: durationText(limits.reviewMsMin, limits.reviewMsMax)
    .optional()
    .describe('How long an undecided review waits; 30m unless given.'),
  inTransaction: durationText(limits.reviewMsMin, limits.reviewMsMax)
    .optional()
    .describe('The same while a transaction holds locks; 5m unless given, never more than within.'),
  escalate: z
    .strictObject({ after: durationText(limits.reviewMsMin, limits.reviewMsMax), reviewers: reviewerSelector })
    .optional()
    .describe('Who else is asked when nobody decided after a while.'),
  breakGlass: z
    .strictObject({ groups: nameList.min(1, 'must not be empty') })
    .optional()
    .describe('Groups whose members may run it at once, with a reason, an alert, and a review afterwards.'),
});

const rows = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const bounds = z.strictObject({ rows: rows.optional(), bytes: byteCount.optional() });
const outputLimits = z
  .strictObject({
    statement: bounds
      .extend({
        duration: durationText(1000, limits.statementDurationMsMax).optional(),
        bytesPerSecond: byteCount.optional().describe('How fast the content of a file transfer passes.'),
      })
      .refine((value) => Object.keys(value).length > 0, 'must bound rows, bytes, duration or bytesPerSecond')
      .optional(),
    session: bounds.refine((value) => Object.keys(value).length > 0, 'must bound rows or bytes').optional(),
    day: bounds
      .refine((value) => Object.keys(value).length > 0, 'must bound rows or bytes')
      .optional()
      .describe('Per principal and resource, from midnight to midnight UTC.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must bound a statement, a session or a day')
  .describe('The verdict falls when one of these is passed, not before.');

/** What becomes of a value. */
const method = z
  .union(
    [
      z.enum(['redact', 'null', 'format-preserving', 'hash']),
      z.strictObject({
        partial: z
          .strictObject({ first: kept().optional(), last: kept().optional() })
          .refine((value) => (value.first ?? 0) + (value.last ?? 0) > 0, 'must keep some first or last characters'),
      }),
    ],
    {
      error: (issue) =>
        issue.input === undefined
          ? 'is required'
          : 'must be one of: redact, null, format-preserving, hash, or partial with first or last characters kept',
    },
  )
  .describe('redact unless given. partial keeps some characters; hash keeps equal values equal.');

const example = z.strictObject({
  command: z.string().min(1).max(limits.exampleLengthMax).describe('The command’s text.'),
  expect: z.enum(verdictNames),
  groups: nameList.optional().describe('Who runs it: a principal with these groups.'),
  resource: objectName.optional(),
});

export const guardrailSchema = z.strictObject({
  kind: z.literal('Guardrail'),
  metadata,
  spec: z
    .strictObject({
      match: z.strictObject({
        resources: resources.optional(),
        principals: principals.optional(),
        commands: commands.optional(),
        when: z
          .string()
          .min(1)
          .max(limits.patternLengthMax)
          .optional()
          .describe('A condition in CEL over command, principal, resource, session and now.'),
      }),
      verdict: z.enum([...verdictNames, 'alert']),
      limits: outputLimits.optional(),
      review: review.optional().describe('With verdict hold: who decides.'),
      with: method.optional(),
      message: shortText.optional().describe('For whoever runs it, and for the reviewer.'),
      examples: z
        .array(example)
        .max(limits.examplesMax)
        .optional()
        .describe('Run before the rule is saved: each must come out as it says.'),
    })
    .superRefine((spec, context) => {
      const refuse = (path: (string | number)[], message: string): void =>
        context.addIssue({ code: 'custom', path, message });
      if (spec.verdict === 'hold' && spec.review === undefined) refuse(['review'], 'is required with verdict hold');
      if (spec.verdict !== 'hold' && spec.review !== undefined) refuse(['review'], 'belongs to verdict hold');
      if (spec.verdict !== 'mask' && spec.with !== undefined) refuse(['with'], 'belongs to verdict mask');
      if (spec.limits !== undefined && !['block', 'terminate', 'alert'].includes(spec.verdict))
        refuse(['limits'], 'belong to verdict block, terminate or alert');
      for (const [field, message] of ownReviewProblems(spec.review ?? {})) refuse(['review', field], message);
      if (spec.review !== undefined) checkTimes(spec.review, (field, message) => refuse(['review', ...field], message));
    }),
});

const columnPattern = z
  .string()
  .max(3 * limits.patternNameLengthMax)
  .regex(
    /^[^.\0\n\r]+\.[^.\0\n\r]+\.[^.\0\n\r]+$/,
    'must be schema.relation.column, where * stands for any characters',
  );

/** A name that operators give to a detector of their own. */
const detectorName = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be 1 to 63 of a-z 0-9 _ and begin with a letter');

export const maskSchema = z.strictObject({
  kind: z.literal('Mask'),
  metadata,
  spec: z
    .strictObject({
      match: z.strictObject({
        resources: resources.optional(),
        principals: principals.optional(),
        kubernetes: kubernetesObjects.optional(),
      }),
      columns: z
        .array(columnPattern)
        .min(1, 'must not be empty')
        .max(limits.listEntriesMax)
        .optional()
        .describe('`schema.relation.column`, where `*` stands for any run of characters within one name.'),
      fields: maskFields.optional(),
      headers: maskHeaders.optional(),
      detect: z
        .array(detectorName)
        .min(1, 'must not be empty')
        .max(limits.labelsMax)
        .refine(isDistinct, 'must not name anything twice')
        .optional()
        .describe('Built-in detectors, looked for in every value.'),
      patterns: z
        .array(z.strictObject({ name: detectorName, pattern: z.string().min(1).max(limits.patternLengthMax) }))
        .min(1, 'must not be empty')
        .max(limits.labelsMax)
        .optional()
        .describe('Detectors of your own, on a linear-time engine.'),
      dictionaries: z
        .array(
          z.strictObject({
            name: detectorName,
            words: z
              .array(z.string().min(1, 'must not be empty').max(limits.textLengthMax))
              .min(1, 'must not be empty')
              .max(limits.listEntriesMax),
          }),
        )
        .min(1, 'must not be empty')
        .max(limits.labelsMax)
        .optional(),
      with: method.optional(),
      predicates: z
        .enum(['block', 'allow'])
        .optional()
        .describe('Whether a masked column may steer which rows come back; block unless given.'),
      unresolved: z
        .enum(['mask', 'block'])
        .optional()
        .describe('What happens to results whose origin cannot be followed; mask unless given.'),
    })
    .refine(
      ({ columns, fields, headers, detect, patterns, dictionaries }) =>
        (columns ?? fields ?? headers ?? detect ?? patterns ?? dictionaries) !== undefined,
      'must mask something: columns, fields, headers, detect, patterns or dictionaries',
    )
    .refine((spec) => isDistinct([...(spec.patterns ?? []), ...(spec.dictionaries ?? [])].map(({ name }) => name)), {
      message: 'must not give two detectors the same name',
    }),
});

export type GuardrailManifest = z.output<typeof guardrailSchema>;
export type MaskManifest = z.output<typeof maskSchema>;

/** Just-in-time access: what an Access asks of who wants in, instead of letting everybody in who matches. */
export const accessRequest = z
  .strictObject({
    reviewers: reviewerSelector,
    approvals: approvalCount.default(1),
    maxDuration: durationText(limits.grantMsMin, limits.grantMsMax).describe(
      'The longest grant that may be asked for, counted from approval.',
    ),
    reasonRequired: z.boolean().default(true).describe('Whether who asks must say why.'),
    onConnect: z
      .enum(['tell', 'wait'])
      .optional()
      .describe(
        'Who connects without access is told how to ask (unless given), or asks by that and waits. A connection says no reason.',
      ),
    defaultDuration: durationText(limits.grantMsMin, limits.grantMsMax)
      .optional()
      .describe('The grant that connecting asks for; an hour unless given, or less where maxDuration is.'),
  })
  .refine(
    ({ maxDuration, defaultDuration }) => (durationMs(defaultDuration ?? '') ?? 0) <= (durationMs(maxDuration) ?? 0),
    {
      message: 'must not be more than maxDuration',
      path: ['defaultDuration'],
    },
  )
  .describe('On request only: who matches may ask, and gets a grant when it is approved. No standing access.');

type ReviewTimes = Pick<z.output<typeof review>, 'within' | 'inTransaction' | 'escalate'>;

/** A step-up alone has no reviewers, and nothing that is said of them. */
function ownReviewProblems({ reviewers, stepUp, ...rest }: Partial<z.output<typeof review>>): [string, string][] {
  if (reviewers !== undefined) return [];
  if (stepUp !== true) return Object.keys(rest).length > 0 ? [['reviewers', 'is required, or stepUp']] : [];
  return Object.keys(rest).map((field) => [field, 'belongs to a review with reviewers']);
}

function checkTimes(times: ReviewTimes, refuse: (field: string[], message: string) => void): void {
  const within = durationMs(times.within ?? '30m') ?? 0;
  const inTransaction = times.inTransaction === undefined ? null : durationMs(times.inTransaction);
  if (inTransaction !== null && inTransaction > within) refuse(['inTransaction'], 'must not be more than within');
  const after = times.escalate === undefined ? null : durationMs(times.escalate.after);
  if (after !== null && after >= within) refuse(['escalate', 'after'], 'must be less than within');
}

function kept() {
  return z.int().min(0).max(limits.partialCharactersMax);
}
