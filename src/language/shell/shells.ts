/** Programs that run a text as commands: shells, and what starts one for another user or in another terminal. */
import { baseName, type Field, joined, literal } from './field.ts';
import { type Call, type Handler, relaunch, spell } from './launch.ts';
import { has, type OptionSpec, type Options, parseOptions, valueIn } from './options.ts';
import { flag, type Scope, within } from './scope.ts';
import { State } from './state.ts';
import { walkText } from './walk.ts';

/** A text that a program hands to a shell; `text` null where it is dynamic. */
export function runShellText(at: Scope, field: Field | null, how: string, more: Partial<Scope> = {}): void {
  if (field?.text == null) flag(at, 'opaque:eval', how);
  else walkText(at, field.text, how, { state: childState(at), calling: [], isStdinScript: false, ...more });
}

/** A shell started as a program knows what was exported to it. */
export function childState(at: Scope): State {
  return at.state.spawn();
}

const shellSpec: OptionSpec = {
  flags: 'abefhikmnprtuvxBCEHPcslDVdyFGIL0123456789',
  values: 'oO',
  long: 'debugger dump-po-strings dump-strings help init-file= rcfile= login noediting noprofile norc posix pretty-print restricted verbose version wordexp emulate= interactive command= init-command= profile= no-config private features= print-rusage-self',
};

function shell(call: Call): void {
  const { at, program, args } = call;
  const given = args.map((field) =>
    /^\+[a-zA-Z]+$/.test(field.text ?? '') ? literal(`-${field.text!.slice(1)}`) : field,
  );
  const spec = program === 'fish' ? { ...shellSpec, flags: 'ilnNPv', values: 'cCdofDp' } : shellSpec;
  const parsed = parseOptions(spec, given);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  if (has(parsed, 'help', 'version', 'v') && parsed.operands.length === 0 && program !== 'bash' && !has(parsed, 'c'))
    return;
  const file = valueIn(parsed, 'init-file', 'rcfile', 'profile');
  if (file !== null) {
    flag(at, 'opaque:script-file', program);
    at.gather.filesRun.add(file.text === null ? null : baseName(file.text));
  }
  // The files that a login shell begins with.
  if (has(parsed, 'l', 'login')) flag(at, 'opaque:script-file', `${program} -l`);
  if (program === 'fish' && runFishTexts(call, parsed)) return;
  const options = dialectOf(at, program);
  if (has(parsed, 'c')) {
    const [text, ...rest] = parsed.operands;
    // `bash -c -- text` and `bash -c -x text`: options may go on behind it.
    runText(at, text ?? null, `${program} -c`, rest, true, options);
    return;
  }
  if (has(parsed, 's') || parsed.operands.length === 0) {
    fromInput(call, has(parsed, 's') ? parsed.operands : [], options);
    return;
  }
  const [script, ...rest] = parsed.operands;
  runFile(call, script!, rest, options);
}

/** Shells whose language is not followed. */
const foreignShells =
  'csh tcsh bsd-csh elvish nu xonsh pwsh powershell ion rc es osh ysh bash-static dash-static zsh-static'.split(' ');

function foreign({ at, program, args }: Call): void {
  flag(at, 'opaque:eval', program);
  if (args.length === 0) flag(at, 'nested-shell', program);
}

/** Ends in somebody's login shell. */
function loggedIn(call: Call): void {
  fromInput(call, [], dialectOf(call.at, call.program));
}

/** Each `-c` of fish is run. */
function runFishTexts({ at, program }: Call, parsed: Options): boolean {
  const texts = parsed.options.filter(
    ({ name }) => 'cC'.includes(name) || name === 'command' || name === 'init-command',
  );
  for (const { value } of texts) runText(at, value, `${program} -c`, parsed.operands, false, dialectOf(at, program));
  return texts.some(({ name }) => name === 'c' || name === 'command');
}

/** A nested shell reads its own dialect. */
function dialectOf(at: Scope, program: string): Partial<Scope> {
  const own: Record<string, 'bash' | 'zsh' | 'fish'> = { bash: 'bash', rbash: 'bash', zsh: 'zsh', fish: 'fish' };
  const dialect = own[program] ?? 'sh';
  return { context: { ...at.context, dialect, isInteractive: false } };
}

function runText(
  at: Scope,
  field: Field | null,
  how: string,
  rest: readonly Field[],
  hasZero: boolean,
  more: Partial<Scope>,
): void {
  const state = childState(at);
  state.zero = hasZero ? (rest[0] ?? null) : null;
  state.positional = hasZero ? rest.slice(1) : rest;
  if (hasZero && rest[0]?.text === null && !rest[0].isSingle) state.positional = null;
  if (field?.text == null) {
    flag(at, 'opaque:eval', how);
    return;
  }
  flagNested(at, more, field.text);
  walkText(at, field.text, how, { state, calling: [], isStdinScript: false, ...more });
}

/** What is read off the text alone is asked again for the dialect of the nested shell. */
function flagNested(at: Scope, more: Partial<Scope>, text: string): void {
  const context = more.context ?? at.context;
  if (context.dialect !== at.context.dialect && context.dialect !== 'bash') textFlags?.({ ...at, context }, text);
}

let textFlags: ((at: Scope, text: string) => void) | null = null;

/** Given in by the door, since the dialects' file walks texts itself. */
export function onNestedText(flags: (at: Scope, text: string) => void): void {
  textFlags = flags;
}

function fromInput({ at, program }: Call, rest: readonly Field[], more: Partial<Scope>): void {
  const how = `| ${program}`;
  const text = inputText(at);
  if (text !== null) {
    const state = childState(at);
    state.positional = rest;
    flagNested(at, more, text);
    walkText(at, text, how, { state, calling: [], isStdinScript: true, stdin: { kind: 'session' }, ...more });
    return;
  }
  if (at.stdin.kind !== 'session' || at.context.stdin !== 'terminal') flag(at, 'opaque:stdin-shell', program);
  if (at.stdin.kind === 'session') flag(at, at.host === null ? 'nested-shell' : 'nested-remote-shell', program);
}

/** What standard input holds, where that is known whole. */
function inputText(at: Scope): string | null {
  if (at.stdin.kind === 'text') return at.stdin.text;
  const { stdin } = at.context;
  return at.stdin.kind === 'session' && typeof stdin === 'object' ? stdin.text : null;
}

function runFile(call: Call, file: Field, rest: readonly Field[], more: Partial<Scope>): void {
  const { at, program } = call;
  const { text } = file;
  if (file.contents != null) {
    runText(at, literal(file.contents), `${program} <()`, rest, false, more);
    return;
  }
  if (text === '-' || (text !== null && /^\/dev\/stdin$|^\/(?:dev\/fd|proc\/self\/fd)\/0$/.test(text))) {
    fromInput(call, rest, more);
    return;
  }
  flag(at, 'opaque:script-file', spell([file]));
  if (file.contents === null || text?.startsWith('/dev/') === true || text?.startsWith('/proc/') === true) {
    flag(at, 'opaque:stdin-shell', spell([file]));
  }
  at.gather.filesRun.add(text === null ? null : baseName(text));
}

const suSpec: OptionSpec = {
  flags: 'flmpPhV',
  values: 'cgGsuwT',
  long: 'command= session-command= fast group= supp-group= login preserve-environment pty no-pty shell= user= whitelist-environment= help version',
  permutes: true,
};

/** `su user -c text`, `runuser -u user -- cmd`. */
function su(call: Call): void {
  const { at, program, args } = call;
  // A lone dash asks for a login shell.
  const words = args.filter(({ text }) => text !== '-');
  const isRunning = program === 'runuser' && words.some(({ text }) => text !== null && /^-u|^--user/.test(text));
  const parsed = parseOptions(isRunning ? { ...suSpec, permutes: false } : suSpec, words);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  const user = isRunning ? valueIn(parsed, 'u', 'user') : (parsed.operands[0] ?? literal('root'));
  const asUser = user === null ? 'root' : (user.text ?? '*');
  if (valueIn(parsed, 's', 'shell') !== null)
    relaunch(call, [valueIn(parsed, 's', 'shell')!, literal('-c'), literal(':')], `${program} -s`, { asUser });
  if (isRunning) {
    if (parsed.operands.length > 0) relaunch(call, parsed.operands, program, { asUser, state: State.unknown() });
    return;
  }
  const text = valueIn(parsed, 'c', 'command', 'session-command');
  if (text !== null || has(parsed, 'c', 'command', 'session-command')) {
    runShellText(at, text, `${program} -c`, { asUser, state: State.unknown() });
  } else if (parsed.operands.length > 1) flag(at, 'opaque:option', spell(args));
  else start(call, asUser);
}

/** A shell without a text: interactive, or fed with what is read. */
export function start(call: Call, asUser: string | null, more: Partial<Scope> = {}): void {
  const inner = within(call.at, null, { asUser, ...more });
  if (inner !== null) fromInput({ ...call, at: inner }, [], {});
}

const scriptSpec: OptionSpec = {
  flags: 'aefqVhr',
  values: 'cEIOBTomt',
  long: 'append command= echo= flush force log-in= log-out= log-io= log-timing= logging-format= output-limit= return quiet timing? help version',
  permutes: true,
};

function script(call: Call): void {
  const parsed = parseOptions(scriptSpec, call.args);
  flag(call.at, 'multiplexer', call.program);
  if (!parsed.isCertain) flag(call.at, 'dynamic-argument', `script: ${parsed.doubt}`);
  if (has(parsed, 'c', 'command')) runShellText(call.at, valueIn(parsed, 'c', 'command'), 'script -c');
  else start(call, call.at.asUser);
}

const busyShells = /^(?:sh|ash|hush|lash|msh)$/;

/** `busybox rm x` is rm. */
function multicall(call: Call): void {
  const [applet] = call.args;
  if (applet === undefined || applet.text === '--help' || applet.text === '--list') return;
  const rest =
    applet.text?.startsWith('--coreutils-prog=') === true
      ? [literal(applet.text.slice(17)), ...call.args.slice(1)]
      : call.args;
  const [first] = rest;
  if (first?.text != null && busyShells.test(baseName(first.text)))
    relaunch(call, [literal('sh'), ...rest.slice(1)], call.program);
  else relaunch(call, rest, call.program);
}

function expectText(at: Scope, fields: readonly Field[], how: string): void {
  const text = joined(fields);
  runShellText(at, text === null ? null : literal(text), how);
}

/** Programs that hand the rest of their words to a shell, joined by blanks. */
export function runJoined(at: Scope, fields: readonly Field[], how: string): void {
  if (fields.length > 0) expectText(at, fields, how);
}

export const shells: Readonly<Record<string, Handler>> = {
  sh: shell,
  bash: shell,
  rbash: shell,
  dash: shell,
  ash: shell,
  zsh: shell,
  ksh: shell,
  mksh: shell,
  ksh93: shell,
  yash: shell,
  fish: shell,
  ...Object.fromEntries(foreignShells.map((name) => [name, foreign])),
  login: loggedIn,
  newgrp: loggedIn,
  getty: loggedIn,
  agetty: loggedIn,
  su,
  runuser: su,
  script,
  busybox: multicall,
  toybox: multicall,
  coreutils: multicall,
};
