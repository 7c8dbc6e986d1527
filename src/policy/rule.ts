/**
 * One Guardrail, compiled: its conditions, and what it asks for where they hold.
 *
 * Invariant: what is not understood, or contradicts itself, is refused with its field; nothing is dropped.
 */
import { escapeLine } from '../base/escape.ts';
import type { HoldTerms } from '../core/judgement.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailExample, GuardrailSpec, MaskMethod, RuleObject } from '../core/rules.ts';
import { type VerdictName, verdictOrder } from '../core/verdict.ts';
import { compileConnections } from './connections.ts';
import type { CommandCondition } from './facts.ts';
import { Fields, quote } from './fields.ts';
import { compileFiles } from './files.ts';
import { compileHold } from './hold.ts';
import { compileHttp } from './http.ts';
import { compileKubernetes } from './kubernetes.ts';
import * as limits from './limits.ts';
import { compilePrincipals, compileResources, type SessionCondition } from './selectors.ts';
import { compileShell } from './shell.ts';
import { compileSql } from './statement.ts';
import { compilePattern, compileText, compileVerbs } from './text.ts';
import { compileLimits, type LimitSpec } from './usage.ts';
import { compileWhen } from './when.ts';

export interface Rule {
  readonly name: string;
  readonly verdict: VerdictName | 'alert';
  readonly message: string | null;
  /** On principal and resource. */
  readonly session: readonly SessionCondition[];
  /** Whether its conditions on the resource hold. */
  readonly selects: (resource: Resource) => boolean;
  readonly command: readonly CommandCondition[];
  readonly isVolatile: boolean;
  readonly needsStructure: boolean;
  readonly needsHttp: boolean;
  readonly needsKubernetes: boolean;
  /** What asking it may cost at worst: see `CommandCondition`. */
  readonly steps: number;
  /** With `hold`. */
  readonly hold: HoldTerms | null;
  /** Where given, the verdict falls when one is passed. */
  readonly limits: LimitSpec | null;
  /** With `mask`. */
  readonly method: MaskMethod | null;
  readonly examples: readonly GuardrailExample[];
  readonly spec: GuardrailSpec;
}

const specFields = [
  'match',
  'verdict',
  'limits',
  'review',
  'with',
  'message',
  'examples',
] as const satisfies readonly (keyof GuardrailSpec)[];
const matchFields = ['resources', 'principals', 'commands', 'when'] as const;
const commandFields = [
  'sql',
  'shell',
  'files',
  'connections',
  'http',
  'kubernetes',
  'verbs',
  'text',
  'pattern',
] as const;
const verdicts = [...verdictOrder, 'alert'] as const;
const methods = ['redact', 'null', 'format-preserving', 'hash'] as const;
const reserved = /^(?:access|none|(?:gateway|review):.*)?$/s;

/** Throws `policy.malformed-guardrail`. What was compiled does not change with the object. */
export function compileRule({ name, spec: original }: RuleObject<GuardrailSpec>): Rule {
  const fields = new Fields(String(name));
  if (typeof name !== 'string' || reserved.test(name)) throw fields.fault('metadata.name', 'this name is reserved');
  if (escapeLine(name) !== name) throw fields.fault('metadata.name', 'it has characters that do not show');
  const spec = copyOf(fields, original);
  const given = fields.object('spec', spec, specFields);
  const verdict = fields.choice('verdict', given.verdict, verdicts);
  const message = fields.text('message', given.message, limits.messageCharactersMax);
  if (given.match === undefined) throw fields.fault('match', 'this is missing; an empty one selects every command');
  const match = fields.object('match', given.match, matchFields);
  const when = compileWhen(fields, 'match.when', match.when);
  const command = [...compileCommands(fields, match.commands), ...(when === null ? [] : [when])];
  if (given.review !== undefined && verdict !== 'hold') throw fields.fault('review', 'only a hold is reviewed');
  if (given.with !== undefined && verdict !== 'mask') throw fields.fault('with', 'only the verdict mask masks');
  const resources = compileResources(fields, 'match.resources', match.resources);
  return {
    name,
    verdict,
    message,
    session: [...resources, ...compilePrincipals(fields, 'match.principals', match.principals)],
    selects: (resource) => resources.every(({ selects }) => selects(resource)),
    command,
    isVolatile: command.some((condition) => condition.isVolatile),
    needsStructure: command.some((condition) => condition.needsStructure),
    needsHttp: command.some((condition) => condition.needsHttp === true),
    needsKubernetes: command.some((condition) => condition.needsKubernetes === true),
    steps: command.reduce((sum, condition) => sum + condition.steps, 0),
    hold: verdict === 'hold' ? compileHold(fields, 'review', given.review, message ?? '') : null,
    limits: limitsOf(fields, given.limits, verdict, message),
    method: verdict === 'mask' ? methodOf(fields, 'with', given.with) : null,
    examples: examplesOf(fields, given.examples),
    spec,
  };
}

function copyOf(fields: Fields, spec: GuardrailSpec): GuardrailSpec {
  try {
    return structuredClone(spec);
  } catch (error) {
    throw fields.fault(
      'spec',
      `this is no plain data: ${quote(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function compileCommands(fields: Fields, value: unknown): CommandCondition[] {
  if (value === undefined) return [];
  const path = 'match.commands';
  const given = fields.object(path, value, commandFields);
  const conditions = [
    given.sql === undefined ? null : compileSql(fields, `${path}.sql`, given.sql),
    given.shell === undefined ? null : compileShell(fields, `${path}.shell`, given.shell),
    given.files === undefined ? null : compileFiles(fields, `${path}.files`, given.files),
    given.connections === undefined ? null : compileConnections(fields, `${path}.connections`, given.connections),
    given.http === undefined ? null : compileHttp(fields, `${path}.http`, given.http),
    given.kubernetes === undefined ? null : compileKubernetes(fields, `${path}.kubernetes`, given.kubernetes),
    compileVerbs(fields, `${path}.verbs`, given.verbs),
    compileText(fields, `${path}.text`, given.text),
    compilePattern(fields, `${path}.pattern`, given.pattern),
  ].filter((condition) => condition !== null);
  if (conditions.length === 0)
    throw fields.fault(path, 'this selects nothing in particular; leave it out to select every command');
  return conditions;
}

function limitsOf(fields: Fields, value: unknown, verdict: Rule['verdict'], message: string | null): LimitSpec | null {
  if (value === undefined) return null;
  if (verdict !== 'block' && verdict !== 'terminate' && verdict !== 'alert') {
    throw fields.fault('limits', `with limits the verdict is block, terminate or alert, not ${verdict}`);
  }
  return compileLimits(fields, 'limits', value, verdict, message);
}

function methodOf(fields: Fields, path: string, value: unknown): MaskMethod {
  if (value === undefined) return 'redact';
  if (typeof value === 'string') return fields.choice(path, value, methods);
  const given = fields.object(path, value, ['partial']);
  const partial = fields.object(`${path}.partial`, given.partial, ['first', 'last']);
  const first = fields.number(`${path}.partial.first`, partial.first, 0);
  const last = fields.number(`${path}.partial.last`, partial.last, 0);
  if (first === null && last === null)
    throw fields.fault(`${path}.partial`, 'say how many characters stay: first or last');
  return { partial: { ...(first === null ? {} : { first }), ...(last === null ? {} : { last }) } };
}

function examplesOf(fields: Fields, value: unknown): readonly GuardrailExample[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw fields.fault('examples', 'this is not a list');
  if (value.length > limits.examplesMax) throw fields.fault('examples', `there are more than ${limits.examplesMax}`);
  return value.map((entry: unknown, index): GuardrailExample => {
    const path = `examples[${index}]`;
    const given = fields.object(path, entry, ['command', 'expect', 'groups', 'resource']);
    if (typeof given.command !== 'string') throw fields.fault(`${path}.command`, 'this is not a text');
    const groups = fields.list(`${path}.groups`, given.groups);
    const resource = fields.text(`${path}.resource`, given.resource, limits.messageCharactersMax);
    return {
      command: given.command,
      expect: fields.choice(`${path}.expect`, given.expect, verdictOrder),
      ...(groups === null ? {} : { groups }),
      ...(resource === null ? {} : { resource }),
    };
  });
}
