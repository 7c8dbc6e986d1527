/**
 * `match.when`: a condition in CEL, parsed, type-checked and bounded when it is compiled.
 *
 * Invariants:
 * - Only the functions listed here can be called: none that runs a regular expression of the platform (A-MSK-01), makes
 *   text or lists grow, or takes types away from the checker.
 * - Steps are bounded before anything runs: lists by `whenListEntriesMax`, loops within loops by `whenCostMax`.
 * - What is not known is never false: an expression that is false with what is known is put again without what may be
 *   incomplete, and counts as `perhaps` if it needed that. So does one that fails.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, quote } from './fields.ts';
import { type Finding, no, opaque, perhaps, yes } from './finding.ts';
import * as limits from './limits.ts';
import { inspectWhen } from './when-bounds.ts';
import { fullContext, hiddenContext, type WhenContext, type WhenType, whenClasses, whenTypes } from './when-context.ts';

const environment = makeEnvironment();

function makeEnvironment(): Environment {
  const made = new Environment({ limits: { maxAstNodes: limits.whenNodesMax, maxDepth: limits.whenDepthMax } });
  for (const [name, fields] of Object.entries(whenTypes)) {
    made.registerType(name, { ctor: whenClasses[name as WhenType], fields });
  }
  return made
    .registerVariable('command', 'Command')
    .registerVariable('principal', 'Principal')
    .registerVariable('resource', 'Resource')
    .registerVariable('session', 'Session')
    .registerVariable('now', 'Now');
}

type Evaluate = (context: WhenContext) => unknown;

/** Null where there is none. */
export function compileWhen(fields: Fields, path: string, value: unknown): CommandCondition | null {
  const text = fields.text(path, value, limits.expressionCharactersMax);
  if (text === null) return null;
  let parsed: {
    (context: WhenContext): unknown;
    ast: ASTNode;
    check(): { valid: boolean; type?: string; error?: Error };
  };
  try {
    parsed = environment.parse(text);
  } catch (error) {
    throw fields.fault(path, `this does not parse: ${spellError(error)}`);
  }
  const { problem, needsStructure, needsHttp, needsKubernetes, isVolatile, steps } = inspectWhen(parsed.ast);
  if (problem !== null) throw fields.fault(path, problem);
  const { valid, type, error } = parsed.check();
  if (!valid) throw fields.fault(path, `this is not well-typed: ${spellError(error)}`);
  if (type !== 'bool') throw fields.fault(path, `this gives ${type}, not true or false`);
  return {
    name: path,
    isVolatile,
    needsStructure,
    needsHttp,
    needsKubernetes,
    steps,
    test: (facts) => test(parsed, facts, needsStructure).finding,
    because: (facts) => `${quote(text)} ${test(parsed, facts, needsStructure).because}`,
  };
}

function test(
  evaluate: Evaluate,
  facts: Facts,
  needsStructure: boolean,
): { readonly finding: Finding; readonly because: string } {
  facts.contexts ??= { full: fullContext(facts), hidden: null };
  const isOpaque = needsStructure && facts.isSql && facts.sql?.understood !== true;
  const unknown = isOpaque ? opaque : perhaps;
  const first = run(evaluate, facts.contexts.full);
  if (first.value === true) return { finding: yes, because: 'is true' };
  if (first.value === null) {
    return { finding: unknown, because: `cannot be told, which counts as matching: ${first.error}` };
  }
  if (!needsStructure || facts.sql?.complete === true) return { finding: no, because: 'is false' };
  facts.contexts.hidden ??= hiddenContext(facts, facts.contexts.full);
  if (facts.contexts.hidden === null) return { finding: no, because: 'is false' };
  const second = run(evaluate, facts.contexts.hidden);
  if (second.value === false) return { finding: no, because: 'is false' };
  return {
    finding: unknown,
    because: 'is false by what is known, but rests on what stays unknown, which counts as matching',
  };
}

function run(evaluate: Evaluate, context: WhenContext): { readonly value: boolean | null; readonly error: string } {
  try {
    const value = evaluate(context);
    return typeof value === 'boolean' ? { value, error: '' } : { value: null, error: 'it gives no truth value' };
  } catch (error) {
    return { value: null, error: spellError(error) };
  }
}

function spellError(error: unknown): string {
  const summary = error instanceof Error ? ((error as { summary?: string }).summary ?? error.message) : 'it fails';
  return quote(summary.split('\n')[0] ?? '');
}
