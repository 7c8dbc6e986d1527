/**
 * Functions of the text: their bodies are walked where they are called, with the arguments of the call, and those that are
 * never called at the end, with nothing known, since the shell may call them later.
 */
import type { Function as FunctionNode } from 'unbash';
import { flagConstruct } from './dialect.ts';
import type { Field } from './field.ts';
import { flag, type Scope, within } from './scope.ts';
import { State } from './state.ts';
import { walkScript } from './walk.ts';

export function defineFunction(at: Scope, node: FunctionNode): void {
  const name = node.name.value;
  flag(at, 'deferred:function', name);
  // The keyword is bash's, and takes names that are none elsewhere.
  if (!/^[A-Za-z_]\w*$/.test(name)) flagConstruct(at, 'function', name);
  if (/[$`{*?[\\'"]/.test(node.name.text)) flag(at, 'opaque:alias', name);
  at.gather.functionsDefined.set(node, at);
  at.gather.functionNames.add(name);
  at.state.define(name, node);
}

/** True where the name is certainly a function, so that no program of this name runs. */
export function callFunction(at: Scope, name: string, args: readonly Field[]): boolean {
  const entry = at.state.functions.get(name);
  if (entry === undefined) return false;
  for (const node of entry.bodies) {
    at.gather.functionsCalled.add(node);
    const times = at.calling.filter((one) => one === node).length;
    if (times >= 2) continue;
    const state = times === 0 ? at.state.branch() : State.unknown();
    if (times > 0) {
      state.functions = new Map(at.state.functions);
      state.forgetAll();
      at.state.forgetAll();
    } else {
      state.positional = args;
    }
    const inner = within(at, `function ${name}`, { state, calling: [...at.calling, node] });
    if (inner === null) continue;
    walkBody(inner, node);
    state.positional = at.state.positional;
    if (times === 0) at.state.join(state);
    // It may have been cut short by a `return`, and what it changed with it.
  }
  return entry.isCertain;
}

/** What is left at the end. Bodies may define more. */
export function walkUncalled(at: Scope): void {
  for (let rounds = 0; rounds < 8; rounds += 1) {
    const left = [...at.gather.functionsDefined].filter(([node]) => !at.gather.functionsCalled.has(node));
    if (left.length === 0) return;
    for (const [node, scope] of left) {
      at.gather.functionsCalled.add(node);
      const state = State.unknown();
      state.functions = new Map(scope.state.functions);
      const inner = within(scope, `function ${node.name.value}`, {
        state,
        calling: [node],
        stdin: { kind: 'unknown' },
      });
      if (inner !== null) walkBody(inner, node);
    }
  }
  flag(at, 'too-complex');
}

function walkBody(at: Scope, node: FunctionNode): void {
  const { pos, end, body } = node;
  const command = body.type === 'CompoundList' ? null : body;
  const commands =
    command === null
      ? body.type === 'CompoundList'
        ? body.commands
        : []
      : [{ type: 'Statement' as const, pos, end, command, background: undefined }];
  walkScript(at, { type: 'Script', pos, end, shebang: undefined, commands });
}
