/**
 * The syntax tree, node by node, in the order in which the shell would run it, with what is known at each point.
 *
 * Invariants: every word of the tree is expanded, since commands can stand in any of them; a construct that a `switch`
 * does not name does not compile. Branches join, loops are walked until nothing changes.
 */
import {
  type AndOr,
  type ArithmeticFor,
  type Case,
  type CommandNode,
  type For,
  type If,
  type ParsedScript,
  type Pipeline,
  type PipelineNode,
  parse,
  type Redirected,
  type Select,
  type Statement,
  type TestExpression,
  type While,
} from 'unbash';
import { evaluateArithmetic, evaluateName, evaluateText } from './arithmetic.ts';
import { flagConstruct } from './dialect.ts';
import { assigned } from './environment.ts';
import { expandSingle, expandWords } from './expand.ts';
import { type Field, literal, textsOf } from './field.ts';
import { outputOf } from './fold.ts';
import { defineFunction } from './functions.ts';
import { launch } from './launch.ts';
import { loopRoundsMax, shellTextBytesMax } from './limits.ts';
import { readRedirects } from './redirect.ts';
import { flag, type Scope, type Stdin, within } from './scope.ts';
import { runSimple } from './simple.ts';

/** A text that is read as commands: what `eval`, `sh -c` and here-documents give. `how` is added to `via`. */
export function walkText(at: Scope, text: string, how: string | null, more: Partial<Scope> = {}): void {
  const inner = within(at, how, more);
  if (inner === null) return;
  if (text.length > shellTextBytesMax) {
    flag(at, 'too-large', how ?? '');
    return;
  }
  inner.gather.spend(1 + (text.length >> 6));
  walkScript(inner, parse(text));
}

export function walkScript(at: Scope, script: ParsedScript): void {
  for (const error of script.errors ?? []) {
    flag(at, isEndless(error.message) ? 'incomplete' : 'parse-error', error.message);
  }
  for (const statement of script.commands) walkStatement(at, statement);
}

/** The parser's words for what more input could mend. */
function isEndless(message: string): boolean {
  return /^unterminated|to close '|^expected '(?:do|then|in|fi|done|esac|\}|\))'/.test(message);
}

function walkStatement(at: Scope, { command, background }: Statement): void {
  at.gather.spend(1 + (at.state.weight >> 3));
  walkNode(background === true ? { ...at, state: at.state.fork() } : at, command);
}

function walkStatements(at: Scope, { commands }: { readonly commands: readonly Statement[] }): void {
  for (const statement of commands) walkStatement(at, statement);
}

function walkNode(at: Scope, node: PipelineNode | AndOr): void {
  if (node.type === 'AndOr') {
    for (const [index, part] of node.commands.entries()) {
      if (index === 0) walkNode(at, part);
      else perhaps(at, (inner) => walkNode(inner, part));
    }
  } else if (node.type === 'Pipeline') walkPipeline(at, node);
  else walkCommand(at, node);
}

/** Something that may run or not. */
function perhaps(at: Scope, walk: (inner: Scope) => void): void {
  const state = at.state.branch();
  walk({ ...at, state });
  at.state.join(state);
}

function walkPipeline(at: Scope, { commands, operators, prefixes }: Pipeline): void {
  // Where it is no keyword it is a program.
  if (prefixes.some(({ type }) => type === 'Time') && !/^(?:bash|zsh)$/.test(at.context.dialect))
    launch(at, [literal('time')]);
  if (operators.includes('|&')) flagConstruct(at, '|&');
  if (commands.length === 1) {
    walkNode(at, commands[0]!);
    return;
  }
  const output: { text: string | null } = { text: null };
  for (const [index, node] of commands.entries()) {
    const text = index === 0 ? null : output.text;
    const stdin: Stdin = index === 0 ? at.stdin : text === null ? { kind: 'unknown' } : { kind: 'text', text };
    const state = at.state.fork();
    const inner = { ...at, state, stdin };
    output.text = operators[index] === '|' ? outputOf(inner, node, text) : null;
    walkCommand(inner, node);
    // The last part runs in the shell itself in zsh, and in bash with lastpipe.
    at.state.join(state);
  }
}

function walkCommand(at: Scope, node: CommandNode): void {
  at.gather.spend();
  // Several commands share what one of them may read, so that none is certain of it.
  const shared = at.stdin.kind === 'text' && node.type !== 'Command' ? { ...at, stdin: unknownInput } : at;
  switch (node.type) {
    case 'Command':
      runSimple(at, node);
      return;
    case 'Redirected':
      walkRedirected(at, node);
      return;
    case 'Function':
      defineFunction(at, node);
      return;
    case 'Coproc':
      flagConstruct(at, 'coproc');
      if (node.name !== undefined) evaluateName(at, expandSingle(at, node.name));
      else at.state.set('COPROC', null);
      if (node.body.type === 'CompoundList') walkStatements({ ...shared, state: at.state.fork() }, node.body);
      else walkCommand({ ...at, state: at.state.fork(), stdin: unknownInput }, node.body);
      return;
    case 'Subshell':
      walkStatements({ ...shared, state: at.state.fork() }, node.body);
      return;
    case 'BraceGroup':
      walkStatements(shared, node.body);
      return;
    case 'If':
      walkIf(shared, node);
      return;
    case 'For':
    case 'Select':
      walkFor(shared, node);
      return;
    case 'ArithmeticFor':
      walkArithmeticFor(shared, node);
      return;
    case 'While':
      walkWhile(shared, node);
      return;
    case 'Case':
      walkCase(shared, node);
      return;
    case 'TestCommand':
      flagConstruct(at, '[[');
      walkTest(at, node.expression);
      return;
    case 'ArithmeticCommand':
      at.state.risk();
      flagConstruct(at, '((', node.body);
      evaluateArithmetic(at, node.expression, `((${node.body}))`);
  }
}

const unknownInput: Stdin = { kind: 'unknown' };

function walkRedirected(at: Scope, { command, redirects }: Redirected): void {
  const stdin = readRedirects(at, redirects);
  walkCommand(stdin === null ? at : { ...at, stdin: stdin.kind === 'text' ? unknownInput : stdin }, command);
}

function walkIf(at: Scope, node: If): void {
  walkStatements(at, node.clause);
  const before = at.state.branch();
  walkStatements(at, node.then);
  const others = { ...at, state: before };
  for (const { clause, then } of node.elif) {
    walkStatements(others, clause);
    perhaps(others, (inner) => walkStatements(inner, then));
  }
  if (node.else !== undefined) walkStatements(others, node.else);
  at.state.join(before);
}

function walkCase(at: Scope, { word, items }: Case): void {
  expandSingle(at, word);
  for (const { pattern, body } of items) {
    perhaps(at, (inner) => {
      for (const one of pattern) expandSingle(inner, one);
      walkStatements(inner, body);
    });
  }
}

function walkFor(at: Scope, node: For | Select): void {
  if (node.type === 'Select') flagConstruct(at, 'select');
  const fields = node.wordlist === undefined ? at.state.positional : expandWords(at, node.wordlist);
  const name = expandSingle(at, node.name).text ?? node.name.value;
  const texts = fields === null ? [null] : textsOf(fields);
  const known = texts.filter((text) => text !== null);
  if (node.type === 'For' && known.length === texts.length && known.length <= loopRoundsMax) {
    for (const text of known) {
      perhaps(at, (inner) => {
        assigned(inner, name, literal(text), '');
        inner.state.bind(name, { kind: 'text', text });
        walkStatements(inner, node.body);
      });
    }
  } else {
    const isNumber = fields?.every((field) => field.isNumber || /^-?\d+$/.test(field.text ?? '')) === true;
    assigned(at, name, null, '');
    at.state.set(name, isNumber && node.type === 'For' ? { kind: 'number' } : null);
    repeat(at, (inner) => walkStatements(inner, node.body));
  }
  at.state.set(name, null);
}

/** Rounds of a loop until nothing changes: a variable can only become unknown, so there are few. */
function repeat(at: Scope, round: (inner: Scope) => void): void {
  for (let rounds = 0; rounds < 6; rounds += 1) {
    const before = at.state.fingerprint;
    perhaps(at, round);
    if (at.state.fingerprint === before) return;
  }
  at.state.forgetAll();
  perhaps(at, round);
}

function walkArithmeticFor(at: Scope, { initialize, test, update, body }: ArithmeticFor): void {
  flagConstruct(at, '((');
  at.state.risk();
  evaluateArithmetic(at, initialize, 'for ((…))');
  repeat(at, (inner) => {
    evaluateArithmetic(inner, test, 'for ((…))');
    walkStatements(inner, body);
    evaluateArithmetic(inner, update, 'for ((…))');
  });
}

function walkWhile(at: Scope, { clause, body }: While): void {
  walkStatements(at, clause);
  repeat(at, (inner) => {
    walkStatements(inner, body);
    walkStatements(inner, clause);
  });
}

const arithmeticTests = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge']);

function walkTest(at: Scope, test: TestExpression): void {
  at.gather.spend();
  switch (test.type) {
    case 'TestUnary': {
      const field = expandSingle(at, test.operand);
      if (test.operator === '-v' || test.operator === '-R') evaluateName(at, field);
      return;
    }
    case 'TestBinary': {
      const sides: Field[] = [expandSingle(at, test.left), expandSingle(at, test.right)];
      if (!arithmeticTests.has(test.operator)) return;
      at.state.risk();
      for (const side of sides) evaluateText(at, side, '[[ … ]]');
      return;
    }
    case 'TestLogical':
      for (const operand of test.operands) walkTest(at, operand);
      return;
    case 'TestNot':
      walkTest(at, test.operand);
      return;
    case 'TestGroup':
      walkTest(at, test.expression);
  }
}
