/**
 * `match.commands.verbs`, `.text` and `.pattern`: what a command is called and what stands in it, for what has no
 * structure. An aid, not a wall: comments, quoting and a second spelling evade it, which is why `sql` exists.
 *
 * Invariant: a pattern runs in time linear in the text, over a bounded text, by a bounded program (A-MSK-01).
 */
import { RE2JS } from 're2js';
import type { CommandCondition } from './facts.ts';
import { type Fields, quote } from './fields.ts';
import { no, perhaps, yes } from './finding.ts';
import * as limits from './limits.ts';

export function compileVerbs(fields: Fields, path: string, value: unknown): CommandCondition | null {
  const verbs = fields.list(path, value);
  if (verbs === null) return null;
  const wanted = new Set(verbs);
  return {
    name: path,
    isVolatile: false,
    needsStructure: false,
    steps: 0,
    test: ({ command }) => (wanted.has(command.verb) ? yes : no),
    because: ({ command }) => `the verb is ${quote(command.verb)}; it lists ${verbs.map(quote).join(', ')}`,
  };
}

export function compileText(fields: Fields, path: string, value: unknown): CommandCondition | null {
  const texts = fields.list(path, value);
  if (texts === null) return null;
  const parts = texts.map((text) => text.toLowerCase());
  return {
    name: path,
    isVolatile: true,
    needsStructure: false,
    steps: parts.length * limits.textSteps,
    test: ({ lowerText }) => (parts.some((part) => lowerText.includes(part)) ? yes : no),
    because: ({ lowerText }) => {
      const found = parts.find((part) => lowerText.includes(part));
      return found === undefined
        ? `the text has none of ${texts.map(quote).join(', ')}`
        : `the text has ${quote(found)}`;
    },
  };
}

/** Case counts unless the pattern says `(?i)`; `.` stands for a line feed too, since statements span lines. */
export function compilePattern(fields: Fields, path: string, value: unknown): CommandCondition | null {
  const pattern = fields.text(path, value, limits.expressionCharactersMax);
  if (pattern === null) return null;
  const compiled = compileLinear(fields, path, pattern);
  const isTooLong = (text: string): boolean => text.length > limits.judgedTextMax;
  return {
    name: path,
    isVolatile: true,
    needsStructure: false,
    steps: compiled.programSize() * limits.patternInstructionSteps,
    test: ({ command }) => (isTooLong(command.text) ? perhaps : compiled.test(command.text) ? yes : no),
    because: ({ command }) =>
      isTooLong(command.text)
        ? `the text is longer than the ${limits.judgedTextMax} characters that patterns are tried on`
        : `the pattern is ${quote(pattern)}`,
  };
}

function compileLinear(fields: Fields, path: string, pattern: string): RE2JS {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it is not understood';
    throw fields.fault(path, `no pattern that runs in linear time: ${quote(reason)}`);
  }
  if (compiled.programSize() > limits.patternInstructionsMax) {
    throw fields.fault(path, `this compiles to more than ${limits.patternInstructionsMax} instructions`);
  }
  return compiled;
}
