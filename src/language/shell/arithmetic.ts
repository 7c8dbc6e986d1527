/**
 * Arithmetic, as far as it can run commands: bash evaluates the values of variables as expressions, and expands subscripts
 * in them once more, so that `x='a[$(rm f)]'; echo $((x))` runs rm.
 *
 * Invariant: where a value that takes part is not known to be harmless, `opaque:arithmetic` is raised.
 */
import type { ArithmeticExpression, WordPart } from 'unbash';
import { expandSingle } from './expand.ts';
import type { Field } from './field.ts';
import { flag, type Scope } from './scope.ts';
import { walkScript, walkText } from './walk.ts';

const namesMax = 64;

export function evaluateArithmetic(at: Scope, expression: ArithmeticExpression | undefined, about: string): void {
  if (expression === undefined) return;
  at.gather.spend();
  switch (expression.type) {
    case 'ArithmeticBinary':
      evaluateArithmetic(at, expression.left, about);
      evaluateArithmetic(at, expression.right, about);
      if (/^(?:[-+*/%&|^]|<<|>>|\*\*)?=$/.test(expression.operator)) assign(at, expression.left);
      return;
    case 'ArithmeticUnary':
      evaluateArithmetic(at, expression.operand, about);
      if (expression.operator === '++' || expression.operator === '--') assign(at, expression.operand);
      return;
    case 'ArithmeticTernary':
      evaluateArithmetic(at, expression.test, about);
      evaluateArithmetic(at, expression.consequent, about);
      evaluateArithmetic(at, expression.alternate, about);
      return;
    case 'ArithmeticGroup':
      evaluateArithmetic(at, expression.expression, about);
      return;
    case 'ArithmeticCommandExpansion':
      if (expression.script !== undefined)
        walkScript({ ...at, state: at.state.fork(), via: [...at.via, '$()'] }, expression.script);
      flag(at, 'opaque:arithmetic', about);
      return;
    case 'ArithmeticWord':
      evaluateWord(at, expression, about);
  }
}

function assign(at: Scope, target: ArithmeticExpression): void {
  if (target.type !== 'ArithmeticWord') return;
  const name = /^\s*([A-Za-z_]\w*)/.exec(target.value)?.[1];
  if (name !== undefined) at.state.set(name, { kind: 'number' });
}

function evaluateWord(at: Scope, word: Extract<ArithmeticExpression, { type: 'ArithmeticWord' }>, about: string): void {
  const parts: readonly WordPart[] | undefined = word.parts;
  if (parts === undefined) {
    evaluateKnown(at, word.value, about, new Set());
    return;
  }
  const { pos, end, value } = word;
  evaluateText(at, expandSingle(at, { type: 'Word', text: value, value, pos, end, parts }), about);
}

/** A value that the shell evaluates as an expression. */
export function evaluateText(at: Scope, { text, isNumber }: Field, about: string): void {
  if (text !== null) evaluateKnown(at, text, about, new Set());
  else if (!isNumber) flag(at, 'opaque:arithmetic', about);
}

function evaluateKnown(at: Scope, text: string, about: string, seen: Set<string>): void {
  at.gather.spend(1 + (text.length >> 6));
  if (/[$`]/.test(text)) {
    flag(at, 'opaque:arithmetic', about);
    walkText(at, `: "${text.replace(/["]/g, '\\"')}"`, 'arithmetic');
    return;
  }
  for (const [name] of text.replace(/\b\d\w*(?:#\w*)?/g, ' ').matchAll(/[A-Za-z_]\w*/g)) {
    if (seen.has(name)) continue;
    seen.add(name);
    const value = at.state.get(name);
    if (value?.kind === 'number') continue;
    if (value?.kind === 'text' && seen.size < namesMax) evaluateKnown(at, value.text, about, seen);
    else if (value?.kind === 'fields' && seen.size < namesMax) {
      for (const field of value.fields) {
        if (field.text === null) flag(at, 'opaque:arithmetic', about);
        else evaluateKnown(at, field.text, about, seen);
      }
    } else flag(at, 'opaque:arithmetic', `${name} in ${about}`);
  }
}

/**
 * A name that a builtin takes as a variable, perhaps with a subscript: `read 'a[$(x)]'`, `unset`, `printf -v`, `test -v`.
 */
export function evaluateName(at: Scope, field: Field): void {
  const { text } = field;
  if (text === null) {
    at.state.risk();
    at.state.forgetAll();
    flag(at, 'opaque:arithmetic', 'the name of a variable');
    return;
  }
  const name = /^[A-Za-z_]\w*/.exec(text)?.[0] ?? '';
  const open = text.indexOf('[');
  if (open >= 0) {
    at.state.risk();
    evaluateKnown(at, text.slice(open + 1).replace(/\][^\]]*$/, ''), text, new Set());
  }
  if (name !== '') at.state.set(name, null);
}
