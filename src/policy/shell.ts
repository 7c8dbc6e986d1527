/**
 * `match.commands.shell`: what a shell text runs, put to its analysis.
 *
 * Invariants:
 * - A rule is put to each command and each redirect by itself; one that matches is enough.
 * - What a command leaves unknown counts as `perhaps` for what asks about it; where the analysis is not complete, a command
 *   that is not listed may match anything, which is `perhaps` too. A rule may ignore both.
 * - A shell command without an analysis is `opaque`, and never `no`.
 *
 * Deliberately absent: what programs do that the analysis calls unbounded; a strict rule asks for `unbounded`.
 */
import { escapeLine } from '../base/escape.ts';
import { shellOf } from '../core/command.ts';
import type { ShellAccess, ShellAnalysis, ShellCommand, ShellPath, ShellUnknown } from '../core/shell.ts';
import { type ShellEffect, shellEffects, shellFlags } from '../core/shell-effects.ts';
import type { CommandCondition, Facts } from './facts.ts';
import type { Fields } from './fields.ts';
import { both, either, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import { compileName, type NameTest } from './glob.ts';
import * as limits from './limits.ts';

/** A command or a redirect, as conditions see it. */
interface Unit {
  readonly command: ShellCommand | null;
  readonly paths: readonly ShellPath[];
  readonly effects: readonly ShellEffect[];
  readonly asUser: string | null;
  readonly host: string | null;
  readonly unknown: readonly ShellUnknown[];
}

type Part = (unit: Unit) => Finding;

const selectorFields = [
  'programs',
  'verbs',
  'arguments',
  'effects',
  'paths',
  'access',
  'users',
  'hosts',
  'flags',
  'incomplete',
  'unbounded',
  'uncertain',
] as const;
const accesses = ['read', 'write', 'delete', 'execute', 'unknown'] as const satisfies readonly ShellAccess[];
const effectNames = Object.keys(shellEffects) as ShellEffect[];

export function compileShell(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, selectorFields);
  let wildcards = 0;
  const names = (field: (typeof selectorFields)[number]): readonly NameTest[] | null => {
    const patterns = fields.list(`${path}.${field}`, given[field]);
    wildcards += patterns?.filter((pattern) => pattern.includes('*')).length ?? 0;
    return patterns?.map(compileName) ?? null;
  };
  const parts: Part[] = [];
  const programs = names('programs');
  if (programs !== null) parts.push(programsPart(programs));
  const verbs = names('verbs');
  if (verbs !== null) parts.push(verbsPart(verbs));
  const words = names('arguments');
  if (words !== null) parts.push(argumentsPart(words));
  const effects = fields.choices(`${path}.effects`, given.effects, effectNames);
  if (effects !== null) parts.push(effectsPart(new Set(effects)));
  const access = given.access === undefined ? null : fields.choice(`${path}.access`, given.access, accesses);
  const paths = pathPatterns(fields, `${path}.paths`, given.paths);
  if (paths !== null || access !== null) parts.push(pathsPart(paths, access));
  const users = names('users');
  if (users !== null) parts.push((unit) => placePart(users, unit.asUser, unit.unknown.includes('user')));
  const hosts = names('hosts');
  if (hosts !== null) parts.push((unit) => placePart(hosts, unit.host, unit.unknown.includes('host')));
  const whole = wholeParts(fields, path, given);
  if (parts.length + whole.length === 0)
    throw fields.fault(path, 'this selects nothing in particular; name programs, effects, paths, …');
  const ignores = fields.ignoresUncertain(path, given.uncertain);
  return {
    name: path,
    isVolatile: false,
    needsStructure: false,
    steps: (wildcards + (paths?.length ?? 0)) * limits.wildcardSteps,
    test: (facts) => {
      const found = test(parts, whole, facts);
      return ignores ? found & ~perhaps : found;
    },
    because: (facts) => spellShell(facts),
  };
}

/** What is asked of the text as a whole. */
function wholeParts(
  fields: Fields,
  path: string,
  given: Partial<Record<(typeof selectorFields)[number], unknown>>,
): ((shell: ShellAnalysis) => Finding)[] {
  const parts: ((shell: ShellAnalysis) => Finding)[] = [];
  const flags = fields.list(`${path}.flags`, given.flags);
  for (const [index, flag] of (flags ?? []).entries()) {
    const is = compileName(flag);
    if (Object.keys(shellFlags).some((name) => is(name.toLowerCase()))) continue;
    throw fields.fault(
      `${path}.flags[${index}]`,
      `there is no such flag; there are ${Object.keys(shellFlags).join(', ')}`,
    );
  }
  const tests = flags?.map(compileName);
  if (tests !== undefined) {
    // A flag that was not raised may still lie in what was not understood.
    parts.push(({ flags: raised, complete }) =>
      raised.some((name) => tests.some((is) => is(name.toLowerCase()))) ? yes : complete ? no : perhaps,
    );
  }
  for (const field of ['incomplete', 'unbounded'] as const) {
    const wanted = given[field];
    if (wanted === undefined) continue;
    if (typeof wanted !== 'boolean') throw fields.fault(`${path}.${field}`, 'this is neither true nor false');
    const key = field === 'incomplete' ? 'complete' : 'bounded';
    parts.push((shell) => (shell[key] === wanted ? no : yes));
  }
  return parts;
}

function test(parts: readonly Part[], whole: readonly ((shell: ShellAnalysis) => Finding)[], facts: Facts): Finding {
  const shell = shellOf(facts.command.meaning);
  if (shell === null) return facts.command.kind === 'shell' ? opaque : no;
  let context: Finding = yes;
  for (const part of whole) context = both(context, part(shell));
  if (context === no || parts.length === 0) return context;
  // What is not listed may be anything.
  let found: Finding = shell.complete ? no : perhaps;
  for (const unit of unitsOf(shell)) {
    let one: Finding = yes;
    for (const part of parts) {
      one = both(one, part(unit));
      if (one === no) break;
    }
    found = either(found, one);
    if ((found & yes) !== 0) break;
  }
  return both(found, context);
}

function* unitsOf({ commands, redirects }: ShellAnalysis): Generator<Unit> {
  for (const command of commands) {
    const { paths, effects, asUser, host, unknown } = command;
    yield { command, paths, effects, asUser, host, unknown };
  }
  for (const { path, operator, asUser, host } of redirects) {
    const unknown: ShellUnknown[] = [
      ...(path === null ? (['paths'] as const) : []),
      ...(asUser === '*' ? (['user'] as const) : []),
      ...(host === '*' ? (['host'] as const) : []),
    ];
    const effects: ShellEffect[] = [operator === '<' ? 'read' : 'write'];
    yield { command: null, paths: path === null ? [] : [path], effects, asUser, host, unknown };
  }
}

const any = (tests: readonly NameTest[], text: string): boolean => tests.some((is) => is(text.toLowerCase()));

function programsPart(tests: readonly NameTest[]): Part {
  return ({ command, paths }) => {
    if (command === null) return no;
    const { program, path } = command;
    if (program === null || path === null) return perhaps;
    if (any(tests, program) || any(tests, path)) return yes;
    return paths.some((one) => one.access === 'execute' && any(tests, one.path)) ? yes : no;
  };
}

function verbsPart(tests: readonly NameTest[]): Part {
  return ({ command, unknown }) => {
    if (command === null) return no;
    if (command.verbs.some((verb) => any(tests, verb))) return yes;
    return unknown.includes('verbs') || unknown.includes('program') ? perhaps : no;
  };
}

function argumentsPart(tests: readonly NameTest[]): Part {
  return ({ command }) => {
    if (command === null) return no;
    let isUnknown = false;
    for (const word of command.argv.slice(1)) {
      if (word === null) isUnknown = true;
      else if (any(tests, word) || spellings(word).some((one) => any(tests, one))) return yes;
    }
    return isUnknown ? perhaps : no;
  };
}

/** `-rf` is `-r` and `-f`; `--name=value` is `--name`. */
function spellings(word: string): string[] {
  if (/^-[A-Za-z0-9]{2,}$/.test(word)) return [...word.slice(1)].map((letter) => `-${letter}`);
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  return equals > 0 ? [word.slice(0, equals)] : [];
}

function effectsPart(wanted: ReadonlySet<ShellEffect>): Part {
  return ({ effects }) => {
    if (effects.some((effect) => wanted.has(effect))) return yes;
    return effects.includes('unknown') || effects.includes('dynamic') ? perhaps : no;
  };
}

function placePart(tests: readonly NameTest[], place: string | null, isUnknown: boolean): Finding {
  if (isUnknown) return perhaps;
  return place !== null && any(tests, place) ? yes : no;
}

interface PathPattern {
  readonly is: NameTest;
  /** Before the first star. */
  readonly head: string;
}

function pathPatterns(fields: Fields, path: string, value: unknown): readonly PathPattern[] | null {
  const patterns = fields.list(path, value);
  for (const [index, pattern] of (patterns ?? []).entries()) {
    if (!/^[/*]/.test(pattern)) throw fields.fault(`${path}[${index}]`, 'this is no absolute path');
  }
  return (
    patterns?.map((pattern) => ({ is: compileName(pattern), head: pattern.toLowerCase().split('*', 1)[0]! })) ?? null
  );
}

function pathsPart(patterns: readonly PathPattern[] | null, access: ShellAccess | null): Part {
  return ({ paths, unknown }) => {
    let found: Finding = unknown.includes('paths') || unknown.includes('program') ? perhaps : no;
    for (const path of paths) {
      const use = access === null || path.access === access ? yes : path.access === 'unknown' ? perhaps : no;
      const place =
        patterns === null ? yes : patterns.reduce<Finding>((sum, one) => either(sum, pathFinding(one, path)), no);
      found = either(found, both(use, place));
    }
    return found;
  };
}

function pathFinding({ is, head }: PathPattern, { path, isCanonical, isPattern, isRecursive }: ShellPath): Finding {
  const name = path.toLowerCase();
  if (!isCanonical) return perhaps;
  if (isPattern) {
    // Where the two begin differently, nothing that either means is meant by the other.
    const start = name.split(/[*?[]/, 1)[0]!;
    return start.startsWith(head) || head.startsWith(start) ? perhaps : no;
  }
  if (is(name)) return yes;
  const below = name.endsWith('/') ? name : `${name}/`;
  if (is(below)) return yes;
  return isRecursive && (head.startsWith(below) || below.startsWith(head)) ? yes : no;
}

function spellShell({ command }: Facts): string {
  const shell = shellOf(command.meaning);
  if (shell === null)
    return command.kind === 'shell' ? 'the command has no analysis' : `the command is of kind ${command.kind}`;
  const shown = shell.commands
    .slice(0, limits.explainedEntriesMax)
    .map(({ program, verbs, effects, via, asUser, host }) => {
      const how = `${via.length > 0 ? ` through ${via.join(', ')}` : ''}${asUser === null ? '' : ` as ${asUser}`}${host === null ? '' : ` on ${host}`}`;
      return escapeLine(
        `${verbs[0] ?? program ?? '(not known)'}${how} with the effects ${effects.join(', ') || '(none)'}`,
      );
    });
  const rest = shell.commands.length - shown.length;
  const doubt = shell.complete ? '' : ` (${spellShellDoubt(shell)})`;
  return `the text runs ${shown.join('; ') || 'nothing'}${rest > 0 ? ` and ${rest} more` : ''}${doubt}`;
}

/** For people: why the analysis is not complete; empty where it is. */
export function spellShellDoubt(shell: ShellAnalysis): string {
  const hidden = shell.reasons.filter(({ code }) => shellFlags[code].hides === 'text');
  const spelled = [
    ...new Set(
      hidden.map(({ code, about }) => {
        const { meaning } = shellFlags[code];
        return about === '' ? meaning : `${meaning.slice(0, -1)}: ${escapeLine(about.slice(0, 80))}.`;
      }),
    ),
  ];
  const shown = spelled.slice(0, 3);
  return spelled.length > shown.length
    ? `${shown.join(' ')} And ${spelled.length - shown.length} more.`
    : shown.join(' ');
}
