/**
 * The door: a text and what is known of its surroundings in, what it will run out.
 *
 * Invariants: never throws; what is past a limit, not understood or not known makes the analysis incomplete, with a
 * reason; the same text and context give the same result.
 */
import { parse } from 'unbash';
import type { ShellAnalysis } from '../../core/shell.ts';
import type { ShellEffect } from '../../core/shell-effects.ts';
import { flagText } from './dialect.ts';
import { literal } from './field.ts';
import { walkUncalled } from './functions.ts';
import { Exhausted, Gather } from './gather.ts';
import { launch } from './launch.ts';
import { shellTextBytesMax } from './limits.ts';
import type { Scope, ShellContext } from './scope.ts';
import { onNestedText } from './shells.ts';
import { State } from './state.ts';
import { transferOf } from './transfer.ts';
import { walkScript } from './walk.ts';

export function analyseShell(text: string, context: ShellContext): ShellAnalysis {
  const gather = new Gather();
  const textBytes = Buffer.byteLength(text);
  if (textBytes > shellTextBytesMax) gather.flag('too-large', `${textBytes} bytes`);
  else if (text.includes('\0') || !text.isWellFormed()) gather.flag('invalid-text');
  else walkGuarded(gather, text, context);
  return resultOf(gather, textBytes, context);
}

function walkGuarded(gather: Gather, text: string, context: ShellContext): void {
  const scope = scopeOf(gather, context);
  try {
    onNestedText(flagText);
    flagText(scope, text);
    gather.spend(1 + (text.length >> 6));
    walkScript(scope, parse(text));
    walkUncalled(scope);
    settle(scope);
  } catch (error) {
    // Whatever goes wrong, the text is not understood; what was found until then stays.
    if (error instanceof Exhausted) return;
    gather.flag(error instanceof RangeError ? 'depth' : 'parse-error', 'the analysis failed');
  }
}

function scopeOf(gather: Gather, context: ShellContext): Scope {
  const state = new State();
  state.cwd = context.cwd ?? null;
  state.home = context.home ?? null;
  for (const [name, value] of Object.entries(context.variables ?? {})) state.set(name, { kind: 'text', text: value });
  return {
    gather,
    context,
    state,
    via: [],
    asUser: null,
    host: null,
    stdin: { kind: 'session' },
    depth: 0,
    calling: [],
    isStdinScript: false,
  };
}

/** What can only be told once everything was met: names that mean something else somewhere else in the text. */
function settle(at: Scope): void {
  const { gather } = at;
  for (const name of gather.renamed)
    if (gather.bareNames.has(name) || gather.programsRun.has(name)) gather.flag('opaque:alias', name);
  for (const name of gather.functionNames) if (gather.programsRun.has(name)) gather.flag('opaque:alias', name);
  if (gather.filesRun.size > 0 || gather.copies.size > 0) {
    for (const name of gather.filesRun) {
      if (gather.written.has(name) || (name === null && gather.written.size > 0) || gather.written.has(null))
        gather.flag('opaque:written-file', name ?? '');
    }
    for (const [name, from] of gather.copies) {
      if (!gather.programsMet.has(name) && !gather.filesRun.has(name)) continue;
      gather.flag('opaque:written-file', name);
      if (from !== '') launch({ ...at, via: [...at.via, name] }, [literal(from)]);
    }
  }
}

function resultOf(gather: Gather, textBytes: number, { dialect }: ShellContext): ShellAnalysis {
  const { commands, redirects, flags, reasons } = gather;
  const complete = !gather.hides('text');
  const bounded = complete && !gather.hides('beyond');
  const effects = new Set<ShellEffect>(commands.flatMap((command) => command.effects));
  for (const { path, operator, host } of redirects) {
    effects.add(operator === '<' ? 'read' : 'write');
    if (path?.path.startsWith('/dev/tcp/') === true || path?.path.startsWith('/dev/udp/') === true)
      effects.add('network');
    if (path !== null && operator !== '<' && /^\/dev\/(?:sd|vd|xvd|hd|nvme|mmcblk|mapper|dm-|md)/.test(path.path))
      effects.add('disk').add('destructive');
    if (host !== null) effects.add('remote');
  }
  if (flags.some((code) => code.startsWith('deferred:schedule'))) effects.add('schedule');
  if (flags.some((code) => /^(?:deferred:(?:alias|trap|function|completion)|shell-state|env:)/.test(code)))
    effects.add('shell-config');
  if (flags.includes('interpreter')) effects.add('interpreter');
  if (flags.some((code) => /^(?:escape-capable|nested-shell|nested-remote-shell|multiplexer)$/.test(code)))
    effects.add('interactive');
  if (!complete) effects.add('dynamic').add('unknown');
  else if (!bounded) effects.add('unknown');
  const sorted = [...effects].sort();
  return {
    textBytes,
    dialect,
    commands,
    redirects,
    effects: sorted,
    flags,
    reasons,
    complete,
    bounded,
    isUnterminated: flags.includes('incomplete'),
    transfer: transferOf({ commands, redirects, complete }),
  };
}
