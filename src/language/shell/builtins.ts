/**
 * Builtins of the shell that run text, change what names mean, or evaluate their arguments.
 *
 * All others (`echo`, `cd`, `jobs`, …) are described by `tables.ts` like programs.
 */
import { evaluateName, evaluateText } from './arithmetic.ts';
import { assigned, walkAside } from './environment.ts';
import { baseName, type Field, joined, literal, mayBeOption, textsOf } from './field.ts';
import { type Call, type Handler, relaunch, spell } from './launch.ts';
import { has, type OptionSpec, parseOptions, valueIn } from './options.ts';
import { resolve } from './paths.ts';
import { flag, within } from './scope.ts';
import { runFields } from './simple.ts';
import { walkText } from './walk.ts';

function evaluate({ at, args }: Call): void {
  const rest = args[0]?.text === '--' ? args.slice(1) : args;
  const text = joined(rest);
  if (text === null) {
    flag(at, 'opaque:eval', spell(rest));
    at.state.forgetAll();
    at.state.doubtFunctions();
  } else walkText(at, text, 'eval');
}

function source({ at, args }: Call): void {
  const [file] = args[0]?.text === '--' ? args.slice(1) : args;
  const fromInput = file?.text === '/dev/stdin' && at.stdin.kind === 'text' ? at.stdin.text : null;
  const text = fromInput ?? file?.contents ?? null;
  if (text !== null) {
    walkText(at, text, 'source');
    return;
  }
  flag(at, 'opaque:source', file === undefined ? '' : spell([file]));
  at.gather.filesRun.add(file?.text == null ? null : baseName(file.text));
  at.state.forgetAll();
  at.state.doubtFunctions();
  at.state.cwd = null;
}

/** Harmless in what they leave behind, since the process ends. */
const endings = new Set(['EXIT', '0', 'exit', 'SIGEXIT']);

function trap({ at, args }: Call): void {
  const [action, ...signals] = args[0]?.text === '--' ? args.slice(1) : args;
  if (action === undefined || (action.text?.startsWith('-') === true && action.text !== '-')) return;
  if (action.text === '-' || action.text === '' || signals.length === 0) {
    if (signals.some(({ text }) => text === null || text === 'DEBUG')) flag(at, 'shell-state', 'trap');
    return;
  }
  flag(at, 'deferred:trap', spell(signals));
  if (action.text === null) flag(at, 'opaque:eval', 'trap');
  else walkAside(at, action.text, 'trap');
  if (signals.some(({ text }) => text === null || !endings.has(text))) {
    // It may run between any two commands, and change what they mean.
    if (action.text === null || !/^[\w\s./:,"'$-]*$/.test(action.text)) at.state.forgetAll();
  }
}

function alias({ at, args }: Call): void {
  for (const field of args) {
    const { text } = field;
    if (text === null) {
      flag(at, 'opaque:alias', field.head);
      continue;
    }
    if (text.startsWith('-')) {
      if (at.context.dialect !== 'bash' && /[gs]/.test(text)) flag(at, 'opaque:alias', text);
      continue;
    }
    const equals = text.indexOf('=');
    // `alias name value` is how fish spells it.
    if (equals < 1) {
      if (at.context.dialect === 'fish') flag(at, 'opaque:alias', text);
      continue;
    }
    const name = text.slice(0, equals);
    flag(at, 'deferred:alias', name);
    at.gather.renamed.add(name);
    // A bare value lets what follows it stand in its place, which only a whole line tells: see `renamed`.
    walkAside(at, text.slice(equals + 1), 'alias');
  }
}

const declaring: OptionSpec = { flags: 'aAfFgiIlnrtuUxphTZRELmz', values: '', long: '' };

/** `declare`, `export`, `readonly`, `local`, `typeset`. */
function declare({ at, program, args }: Call): void {
  const { options, operands, isCertain, doubt } = parseOptions(
    declaring,
    args.map((field) => (field.text?.startsWith('+') === true ? literal(`-${field.text.slice(1)}`) : field)),
  );
  if (!isCertain) {
    flag(at, 'dynamic-argument', `${program}: ${doubt}`);
    at.state.forgetAll();
  }
  const names = new Set(options.map(({ name }) => name));
  for (const field of operands) {
    const equals = field.text?.indexOf('=') ?? field.head.indexOf('=');
    const name = (equals < 0 ? (field.text ?? '') : field.head.slice(0, equals)).replace(/\+$/, '');
    if (field.isAssignment !== true && (field.text === null || name.includes('['))) {
      if (equals > 0 && !name.includes('[')) assigned(at, name, null, '');
      else evaluateName(at, field);
    }
    if (equals > 0 && field.isAssignment !== true && field.text !== null) {
      const value = literal(field.text.slice(equals + 1));
      assigned(at, name, value, '');
      at.state.set(name, { kind: 'text', text: value.text! });
    }
    // Reference, integer, cases and read-only change what later assignments give.
    if (
      ['n', 'i', 'I', 'u', 'l', 'r', 'c', 'T', 'Z', 'R', 'E', 'L'].some((letter) => names.has(letter)) ||
      program === 'readonly'
    ) {
      if (names.has('n') || names.has('T')) at.state.forgetAll();
      // Through a reference anything may be assigned to, and the reference itself may be changed later.
      if (names.has('n')) flag(at, 'opaque:arithmetic', `${program} -n`);
      if (names.has('i') && equals > 0) evaluateText(at, literal(field.text?.slice(equals + 1) ?? '$'), program);
      if (names.has('i')) at.gather.integers.add(name);
      // Different values make it unknown for good.
      at.state.set(name, { kind: 'text', text: 'x' });
      at.state.set(name, { kind: 'fields', fields: [] });
    }
    if (program === 'export' || names.has('x')) at.state.export(name);
  }
}

function read({ at, program, args }: Call): void {
  const spec = { flags: 'ersAqkzlE', values: 'adinNptu' };
  const { operands, options, isCertain } = parseOptions(spec, args);
  if (!isCertain) flag(at, 'dynamic-argument', program);
  for (const { name, value } of options) if (name === 'a' && value !== null) assignTo(at, value);
  for (const name of operands) assignTo(at, name);
  at.state.set('REPLY', null);
  if (at.isStdinScript && options.some(({ name }) => 'nNdk'.includes(name))) flag(at, 'opaque:stdin-shell', program);
}

/** A variable that a builtin gives a value, whichever way: it may be one that steers programs, or the prompt. */
function assignTo(at: Call['at'], field: Field): void {
  const name = field.text?.replace(/\?.*$/, '') ?? null;
  if (name !== null) assigned(at, /^\w*/.exec(name)![0], null, '');
  evaluateName(at, name === null ? field : { ...field, text: name });
}

function nameArguments({ at, args }: Call): void {
  for (const field of args) {
    if (field.text?.startsWith('-') === true) continue;
    evaluateName(at, field);
    if (field.text !== null) at.state.doubtFunction(field.text);
  }
}

function mapfile({ at, program, args }: Call): void {
  const parsed = parseOptions({ flags: 't', values: 'dnOsuCc' }, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', program);
  const callback = valueIn(parsed, 'C');
  if (callback !== null) textOrFlag(at, callback, program);
  for (const name of parsed.operands) assignTo(at, name);
  if (at.isStdinScript) flag(at, 'opaque:stdin-shell', program);
}

function textOrFlag(at: Call['at'], field: Field, how: string): void {
  if (field.text === null) flag(at, 'opaque:eval', how);
  else walkAside(at, field.text, how);
}

function print({ at, program, args }: Call): void {
  // `-v` may stand several times; the last counts, and each is evaluated.
  const { options, operands, isCertain } = parseOptions({ flags: 'abcDilmnNoOpPrRszS', values: 'vuxXCf' }, args);
  for (const { name, value } of options) if (name === 'v' && value !== null) assignTo(at, value);
  if (options.some(({ name }) => 'zS'.includes(name))) flag(at, 'opaque:eval', program);
  const [format] = operands;
  // `printf "$x"` may be `-v`, which needs a name behind it.
  if (!isCertain && format?.text === null && (!format.isSingle || operands.length > 2))
    flag(at, 'dynamic-argument', program);
}

/** `test` and `[`: only `-v` and `-R` evaluate, in bash; a word that may be several may be these. */
function test({ at, program, args }: Call): void {
  for (const [index, field] of args.entries()) {
    if (field.text === null && !field.isSingle && field.pattern === null) flag(at, 'opaque:arithmetic', program);
    if (field.text !== '-v' && field.text !== '-R') continue;
    const next = args[index + 1];
    if (next !== undefined) evaluateName(at, next);
  }
  const [first, second] = args;
  if (first !== undefined && first.text === null && second !== undefined && second.text === null)
    flag(at, 'opaque:arithmetic', program);
  if (first?.text === null && first.isSingle && second?.text?.includes('[') === true && args.length <= 3)
    flag(at, 'opaque:arithmetic', program);
}

function letArithmetic({ at, args }: Call): void {
  at.state.risk();
  for (const field of args) {
    evaluateText(at, field, 'let');
    const name = /^\s*([A-Za-z_]\w*)/.exec(field.text ?? '')?.[1];
    if (name === undefined) at.state.forgetAll();
    else at.state.set(name, { kind: 'number' });
  }
}

const quietOptions =
  /^(?:allexport|errexit|errtrace|functrace|hashall|ignoreeof|monitor|noclobber|noglob|nounset|notify|pipefail|verbose|vi|emacs|xtrace)$/;

function set({ at, args }: Call): void {
  let index = 0;
  for (; index < args.length; index += 1) {
    const { text } = args[index]!;
    if (text === null) break;
    if (text === '--') {
      positional(at, args.slice(index + 1));
      return;
    }
    if (!/^[-+]./.test(text)) break;
    flag(at, 'shell-state', text);
    if (/o$/.test(text)) {
      index += 1;
      const option = args[index]?.text;
      if (option !== undefined && (option === null || !quietOptions.test(option)))
        flag(at, 'dialect', `set ${text} ${option ?? ''}`);
      if (option === 'allexport') at.state.exportAll();
    }
    if (/[kBPHnptr]/.test(text.replace(/o$/, ''))) flag(at, 'dialect', `set ${text}`);
    if (text.includes('a')) at.state.forgetAll();
  }
  if (index < args.length) {
    const first = args[index]!;
    if (at.context.dialect === 'fish') flag(at, 'dialect', 'set');
    if (first.text === null && mayBeOption(first)) flag(at, 'dialect', 'set');
    positional(at, args.slice(index));
  }
}

function positional(at: Call['at'], fields: readonly Field[]): void {
  // Known only where it is set once: see State.
  at.state.positional =
    at.state.positional === null || at.calling.length > 0 || at.gather.hasSetPositional ? null : at.state.positional;
  if (!at.gather.hasSetPositional && at.calling.length === 0) at.state.positional = fields;
  at.gather.hasSetPositional = true;
}

function shopt({ at, args }: Call): void {
  const quiet =
    /^(?:-[sqpu]+|histappend|checkwinsize|cmdhist|autocd|cdspell|dirspell|dotglob|nullglob|failglob|globstar|nocaseglob|nocasematch|extglob|lithist|histverify|inherit_errexit|checkjobs|huponexit|expand_aliases|lastpipe|progcomp|login_shell|interactive_comments)$/;
  for (const { text } of args) if (text === null || !quiet.test(text)) flag(at, 'dialect', `shopt ${text ?? ''}`);
  flag(at, 'shell-state', spell(args));
}

function zshOptions({ at, program, args }: Call): void {
  flag(at, 'shell-state', program);
  flag(at, 'dialect', `${program} ${spell(args)}`);
}

/** `hash -p /bin/rm ls`, `hash ls=/bin/rm`. */
function hash({ at, args }: Call): void {
  const index = args.findIndex(({ text }) => text === '-p');
  if (index >= 0) {
    const [path, ...names] = args.slice(index + 1);
    for (const { text } of names) if (text !== null) at.gather.renamed.add(text);
    flag(at, 'opaque:alias', spell(args));
    if (path !== undefined) relaunch({ at, program: 'hash', fields: args, args }, [path], 'hash -p');
  } else if (args.some(({ text }) => text === null || text.includes('=') || /^-.*p/.test(text)))
    flag(at, 'opaque:alias', spell(args));
}

function cd({ at, program, args }: Call): void {
  const operands = args.filter(({ text }) => text === null || !/^-[LPe@q]+$|^--$/.test(text));
  const [to] = operands;
  at.state.set('PWD', null);
  if (program !== 'cd') at.state.cwd = null;
  else if (to === undefined) at.state.cwd = at.state.home;
  else
    at.state.cwd =
      to.text === null || operands.length > 1 || to.text.startsWith('-')
        ? null
        : resolve(to.text, at.state.cwd, at.state.home);
}

/** `exec cmd`; without a command its redirects stay. */
function execute(call: Call): void {
  const { at, args } = call;
  const { operands, isCertain, doubt } = parseOptions({ flags: 'cl', values: 'a' }, args);
  if (!isCertain) flag(at, 'dynamic-argument', `exec: ${doubt}`);
  if (args[0]?.text?.startsWith('-') === true && /^(?:sh|busybox|unknown)$/.test(at.context.dialect))
    flag(at, 'dialect', 'exec -a');
  if (operands.length > 0) relaunch(call, operands, 'exec');
  else if (at.stdin.kind !== 'session') flag(at, 'opaque:stdin-shell', 'exec <');
}

function command(call: Call): void {
  const { at, program, args } = call;
  const parsed = parseOptions({ flags: 'pvVaqs', values: '', long: 'search query all quiet' }, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  if (has(parsed, 'v', 'V', 'search', 'query', 's', 'q') && program === 'command') return;
  relaunch(call, parsed.operands, program);
}

function deferred(how: string): Handler {
  return ({ at, args }) => {
    const { options, operands } = parseOptions({ flags: 'abcdefgjklopsuvrDEIPSVlmpqrRux', values: 'oAGWFCPSX' }, args);
    if (how === 'bind' && operands.length === 0 && options.every(({ name }) => 'lpvPVsS'.includes(name))) return;
    flag(at, 'deferred:completion', how);
    const commands =
      how === 'bind'
        ? operands.map(({ text }) => text)
        : options.filter(({ name }) => name === 'C' || name === 'F').map(({ value }) => value?.text ?? null);
    for (const text of commands) {
      if (text === null) flag(at, 'opaque:eval', how);
      else walkAside(at, how === 'bind' ? text.replace(/^[^:]*:\s*/, '').replace(/^["']|["']$/g, '') : text, how);
    }
    // The list of words is expanded anew each time.
    for (const { name, value } of options) {
      if (how === 'bind' || name !== 'W' || value === null) continue;
      if (value.text === null) flag(at, 'opaque:eval', `${how} -W`);
      else walkAside(at, `: "${value.text.replace(/"/g, '')}"`, how);
    }
    if (how === 'bind') flag(at, 'opaque:eval', how);
  };
}

function opaque(about: string): Handler {
  return ({ at, args }) => flag(at, 'opaque:eval', `${about} ${spell(args)}`);
}

function fix({ at, args }: Call): void {
  if (!args.some(({ text }) => text?.startsWith('-l') === true)) flag(at, 'opaque:expansion', 'history');
}

function enable({ at, args }: Call): void {
  if (textsOf(args).some((text) => text === null || /^-[a-z]*f/.test(text))) flag(at, 'opaque:code', spell(args));
}

function shift({ at }: Call): void {
  at.state.positional = null;
}

function getopts({ at, args }: Call): void {
  const [, name] = args;
  if (name !== undefined) assignTo(at, name);
}

/** Words that stand before a command in fish or zsh. */
function precommand(call: Call): void {
  const { at, program, args } = call;
  const rest = program === 'repeat' ? args.slice(1) : args;
  const inner = within(at, null);
  if (inner !== null && rest.length > 0) runFields(inner, rest);
  if (at.context.dialect === 'bash' || at.context.dialect === 'sh') return;
  flag(at, 'dialect', program);
}

/** `sched +1:00 command`: zsh runs it at its prompt. */
function later({ at, args }: Call): void {
  flag(at, 'opaque:eval', spell(args));
  const text = joined(args.slice(args[0]?.text === '-o' ? 2 : 1));
  if (text !== null) walkAside(at, text, 'sched');
}

function tied({ at, args }: Call): void {
  for (const { text } of args) {
    if (text === null) flag(at, 'opaque:eval', 'a definition');
  }
  flag(at, 'opaque:eval', spell(args));
}

export const builtins: Readonly<Record<string, Handler>> = {
  eval: evaluate,
  source,
  '.': source,
  trap,
  alias,
  unalias: ({ at, args }) => flag(at, 'opaque:alias', spell(args)),
  declare,
  typeset: declare,
  local: declare,
  export: declare,
  readonly: declare,
  integer: declare,
  float: declare,
  read,
  unset: nameArguments,
  mapfile,
  readarray: mapfile,
  printf: print,
  print,
  test,
  '[': test,
  let: letArithmetic,
  set,
  shopt,
  setopt: zshOptions,
  unsetopt: zshOptions,
  emulate: zshOptions,
  zmodload: zshOptions,
  autoload: tied,
  zle: tied,
  sched: later,
  vared: tied,
  hash,
  rehash: hash,
  cd,
  chdir: cd,
  pushd: cd,
  popd: cd,
  exec: execute,
  command,
  builtin: command,
  complete: deferred('complete'),
  compgen: deferred('compgen'),
  bind: deferred('bind'),
  bindkey: opaque('bindkey'),
  fc: fix,
  enable,
  disable: ({ at, args }) => flag(at, 'opaque:alias', spell(args)),
  shift,
  getopts,
  noglob: precommand,
  nocorrect: precommand,
  '-': precommand,
  repeat: precommand,
  and: precommand,
  or: precommand,
  not: precommand,
  begin: precommand,
  wait: ({ at, args }) => {
    const index = args.findIndex(({ text }) => text === null || text.startsWith('-p'));
    const name = index < 0 ? undefined : args[index + 1];
    if (name !== undefined) assignTo(at, name);
  },
};
