/**
 * A simple command: its words, assignments and redirects, and then what its name means here: a function, a builtin of the
 * shell, or a program.
 */
import type { Assignment, Command } from 'unbash';
import { evaluateText } from './arithmetic.ts';
import { assigned } from './environment.ts';
import { expandSingle, expandWord, expandWords } from './expand.ts';
import { dynamic, type Field, literal } from './field.ts';
import { callFunction } from './functions.ts';
import { launch } from './launch.ts';
import { readRedirects } from './redirect.ts';
import { flag, type Scope } from './scope.ts';
import type { Value } from './state.ts';

/** Builtins that leave the assignments before them in the shell itself, in POSIX mode and in other shells. */
const specialBuiltins = new Set([
  ':',
  '.',
  'source',
  'eval',
  'exec',
  'export',
  'readonly',
  'set',
  'shift',
  'trap',
  'unset',
  'break',
  'continue',
  'return',
  'exit',
  'times',
]);

export function runSimple(at: Scope, node: Command): void {
  const fields = node.name === undefined ? [] : expandWord(at, node.name);
  for (const word of node.args) {
    if (word.type === 'Word') fields.push(...expandWord(at, word));
    else fields.push(declared(at, word));
  }
  const assignments = node.prefix.filter((entry) => entry.type === 'Assignment');
  const [name] = fields;
  if (name === undefined) {
    for (const assignment of assignments) assign(at, assignment);
    const stdin = readRedirects(at, node.redirects);
    if (stdin !== null && node.redirects.length > 0 && assignments.length === 0) readAlone(at, node);
    return;
  }
  const stdin = readRedirects(at, node.redirects) ?? at.stdin;
  if (assignments.length === 0) {
    runFields({ ...at, stdin }, fields);
    return;
  }
  const state = at.state.branch();
  const inner = { ...at, state, stdin };
  const { ifs } = at.state;
  for (const assignment of assignments) {
    const value = assignedValue(at, assignment);
    assigned(at, assignment.name, fieldOf(value), assignment.value.type === 'Word' ? assignment.value.text : '');
    if (value !== null) state.bind(assignment.name, value);
    else state.set(assignment.name, null);
    state.export(assignment.name);
    if (assignment.name === 'IFS') state.ifs = value?.kind === 'text' ? value.text : null;
  }
  runFields(inner, fields);
  at.state.join(state);
  if (!specialBuiltins.has(name.text ?? ':')) at.state.ifs = ifs;
}

/** A command whose words are known as far as they will be. */
export function runFields(at: Scope, fields: readonly Field[]): void {
  const [name, ...args] = fields;
  if (name === undefined) return;
  at.gather.spend();
  for (const { isBare, text } of fields) if (isBare && text !== null) at.gather.bareNames.add(text);
  if (name.text !== null && callFunction(at, name.text, args)) return;
  if (name.text !== null) at.gather.programsRun.add(name.text);
  launch(at, fields);
}

/** zsh gives redirects without a command to a program of its own. */
function readAlone(at: Scope, node: Command): void {
  if (at.context.dialect === 'zsh') flag(at, 'dialect', 'a redirect without a command');
  at.gather.spend(node.redirects.length);
}

/** Of an assignment among the arguments (`export x=1`): `name=value`. */
function declared(at: Scope, assignment: Assignment): Field {
  const value = assignedValue(at, assignment);
  const { name } = assignment;
  assigned(at, name, fieldOf(value), assignment.value.type === 'Word' ? assignment.value.text : '');
  at.state.set(name, assignment.index === undefined && assignment.append !== true ? value : null);
  const field = value?.kind === 'text' ? literal(`${name}=${value.text}`) : dynamic(`${name}=`, true);
  return { ...field, isAssignment: true };
}

function assign(at: Scope, assignment: Assignment): void {
  const value = assignedValue(at, assignment);
  const raw = assignment.value.type === 'Word' ? assignment.value.text : '';
  assigned(at, assignment.name, fieldOf(value), raw);
  if (at.gather.integers.has(assignment.name)) evaluateText(at, fieldOf(value) ?? dynamic(), raw);
  if (assignment.index !== undefined) at.state.set(assignment.name, null);
  else if (assignment.append === true) {
    const before = at.state.text(assignment.name);
    const text = before !== null && value?.kind === 'text' ? before + value.text : null;
    at.state.set(assignment.name, text === null ? null : { kind: 'text', text });
  } else at.state.set(assignment.name, value);
}

function fieldOf(value: Value | null): Field | null {
  return value?.kind === 'text' ? literal(value.text) : null;
}

function assignedValue(at: Scope, { value, index, name, text }: Assignment): Value | null {
  // Something behind the closing bracket makes it a word, which the parser does not see.
  if (value.type === 'ArrayValue' && !text.endsWith(')')) flag(at, 'parse-error', text);
  if (index !== undefined) {
    // These are the shell's own tables of names.
    if (/^(?:BASH_ALIASES|BASH_CMDS|g?aliases|saliases|functions|commands|dis_\w+)$/.test(name))
      flag(at, 'opaque:alias', name);
    at.state.risk();
    evaluateText(at, expandSingle(at, index), name);
  }
  if (value.type === 'ArrayValue') {
    for (const { text } of value.elements) if (/^\[[^\]]*[$`a-zA-Z]/.test(text)) flag(at, 'opaque:arithmetic', name);
    return { kind: 'fields', fields: expandWords(at, value.elements) };
  }
  const field = expandSingle(at, value);
  if (field.text !== null) return { kind: 'text', text: field.text };
  return field.isNumber ? { kind: 'number' } : null;
}
