/** Programs that start others by an option, an operand or their own files: `find -exec`, `xargs`, `git -c`, `tar`, `vim -c`, … */
import { anyWords, baseName, dynamic, type Field, literal, mayBeOption, textsOf } from './field.ts';
import { git } from './git.ts';
import { type Call, type Handler, launch, relaunch, spell } from './launch.ts';
import { optionRunners } from './option-runners.ts';
import { has, type OptionSpec, parseOptions, valueIn } from './options.ts';
import { flag, type Scope, type Stdin, within } from './scope.ts';
import { runJoined, runShellText } from './shells.ts';
import { starters } from './starters.ts';

const unknownInput: Stdin = { kind: 'unknown' };

function find(call: Call): void {
  const { at, args } = call;
  const texts = textsOf(args);
  for (let index = 0; index < args.length; index += 1) {
    const text = texts[index]!;
    // A dynamic word among the expression may be `-exec`.
    if (
      text === null &&
      index > 0 &&
      mayBeOption(args[index]!) &&
      args[index]!.pattern === null &&
      !/^-i?(?:name|path|wholename|regex|newer\w*|user|group|size|mtime|mmin|atime|amin|ctime|cmin|perm|type|maxdepth|mindepth|inum|links|samefile|uid|gid|fstype|printf|lname)$/.test(
        texts[index - 1] ?? '',
      )
    )
      flag(at, 'dynamic-argument', 'find');
    if (text === null && index === 0 && (!args[0]!.isSingle || mayBeOption(args[0]!)) && args[0]!.pattern === null)
      flag(at, 'dynamic-argument', 'find');
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(text ?? '')) continue;
    let end = index + 1;
    while (end < args.length && texts[end] !== ';' && !(texts[end] === '+' && texts[end - 1] === '{}')) end += 1;
    const words = args
      .slice(index + 1, end)
      .map((field) => (field.text?.includes('{}') === true ? replaced(field.text, '{}', true) : field));
    relaunch(call, words, `find ${text}`, { stdin: text!.startsWith('-ok') ? unknownInput : at.stdin });
    index = end;
  }
}

/** A word in which a mark stands for something that is not known. What find puts there begins with its starting point. */
function replaced(text: string, mark: string, isPath: boolean): Field {
  const at = text.indexOf(mark);
  const head = text.slice(0, at);
  return dynamic(head === '' && isPath ? './' : head, true);
}

const xargsSpec: OptionSpec = {
  flags: '0oprtx',
  values: 'aEdILnPs',
  optional: 'eil',
  long: 'arg-file= delimiter= eof? exit interactive max-args= max-chars= max-lines? max-procs= no-run-if-empty null open-tty process-slot-var= replace? show-limits verbose help version',
};

function xargs(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(xargsSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `xargs: ${parsed.doubt}`);
  const words = parsed.operands.length === 0 ? [literal('echo')] : parsed.operands;
  const marks = parsed.options.filter(({ name }) => ['I', 'i', 'replace'].includes(name));
  const mark = marks.length === 0 ? null : (marks.at(-1)!.value?.text ?? '{}');
  const items = itemsOf(
    at,
    parsed.options.every(({ name }) => ['I', 'i', 'replace', 't', 'r', 'n', 'no-run-if-empty'].includes(name)),
  );
  const more = { stdin: unknownInput };
  if (mark !== null) {
    // One run per line; all of them where they are known.
    if (items !== null && at.stdin.kind === 'text' && !/['"\\]/.test(at.stdin.text)) {
      for (const line of at.stdin.text
        .split('\n')
        .filter((one) => one.trim() !== '')
        .slice(0, 64)) {
        relaunch(
          call,
          words.map((field) => (field.text === null ? field : literal(field.text.split(mark).join(line.trimStart())))),
          'xargs',
          more,
        );
      }
      return;
    }
    const filled = words.map((field) =>
      field.text?.includes(mark) === true ? replaced(field.text, mark, false) : field,
    );
    if (isOpaque(filled)) flag(at, 'opaque:xargs', spell(words));
    relaunch(call, filled, 'xargs', more);
    return;
  }
  if (items !== null) {
    const count = parsed.options.some(({ name }) => name === 'n')
      ? Number(valueIn(parsed, 'n')?.text ?? '0')
      : items.length || 1;
    if (Number.isSafeInteger(count) && count > 0) {
      if (items.length === 0) relaunch(call, words, 'xargs', more);
      for (let from = 0; from < items.length; from += count)
        relaunch(call, [...words, ...items.slice(from, from + count)], 'xargs', more);
      return;
    }
  }
  relaunch(call, [...words, anyWords], 'xargs', more);
}

/** A value that is not known takes part in a program that may run it. */
function isOpaque(fields: readonly Field[]): boolean {
  return fields[0]?.text === null;
}

/** What xargs reads, where it is known and plain. */
function itemsOf(at: Scope, isPlain: boolean): Field[] | null {
  if (at.stdin.kind !== 'text' || !isPlain || /['"\\]/.test(at.stdin.text)) return null;
  const items = at.stdin.text.split(/[ \t\n]+/).filter((item) => item !== '');
  return items.length > 256 ? null : items.map((item) => literal(item));
}

function parallel(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(
    {
      flags: '0kmXtuvqpr',
      values: 'jNIanLdCSsE',
      long: 'jobs= keep-order eta bar dry-run halt= joblog= colsep= delimiter= will-cite no-notice retries= timeout= tag line-buffer ungroup null arg-file= xargs max-args= pipe block= results= verbose quote delay= load= memfree= nice= progress',
    },
    args,
  );
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `parallel: ${parsed.doubt}`);
  if (has(parsed, 'S')) flag(at, 'nested-remote', 'parallel');
  const texts = textsOf(parsed.operands);
  const colons = texts.findIndex((text) => text !== null && /^:{3,4}\+?$/.test(text));
  const words = colons < 0 ? parsed.operands : parsed.operands.slice(0, colons);
  // The shell reads what the template becomes.
  if (words.length === 0) {
    flag(at, 'opaque:xargs', 'parallel');
    for (const field of colons < 0 ? [] : parsed.operands.slice(colons + 1)) runJoined(at, [field], 'parallel');
    return;
  }
  flag(at, 'opaque:xargs', spell(words));
  runJoined(at, words, 'parallel');
}

/** Editors and pagers: what their options run, and that whoever uses them can run more. */
function editor(call: Call): void {
  const { at, program, args } = call;
  flag(at, 'escape-capable', program);
  const texts = textsOf(args);
  for (const [index, text] of texts.entries()) {
    if (text === null) {
      if (mayBeOption(args[index]!) || args[index]!.head.startsWith('+')) flag(at, 'dynamic-argument', program);
      continue;
    }
    const given = /^(?:-c|--cmd|-S|-u|-s|-W|-w|--eval|-f|-l|--load|--funcall|--batch)$/.test(text)
      ? (texts[index + 1] ?? null)
      : text.startsWith('+')
        ? text.slice(1)
        : null;
    if (given === null) continue;
    if (/^\d*$|^\/[^|]*$/.test(given)) continue;
    const shell =
      /^[:%\d,$]*\s*(?:r\s*|w\s*|read\s*)?!\s*(.*)$/s.exec(given) ??
      /system(?:list)?\(\s*["'](.*?)["']\s*\)/.exec(given) ??
      /shell-command\s+"([^"]*)"/.exec(given);
    if (shell !== null) runShellText(at, literal(shell[1]!), `${program} !`);
    if (!/^(?:set? \w+(?:=\w*)?|syntax \w+|\d+|norm(?:al)? \w+|wq?|q!?|x|noh\w*|\$)$/.test(given))
      flag(at, 'opaque:option', `${program} ${given}`);
  }
}

/** Programs that run what files of their own say. */
function fromFiles(run: RegExp | null): Handler {
  return ({ at, program, args }) => {
    flag(at, 'runs-files', program);
    for (const [index, { text }] of args.entries()) {
      if (text === null) {
        if (mayBeOption(args[index]!)) flag(at, 'dynamic-argument', program);
      } else if (run?.test(text) === true) {
        const [, assignment] = /^(?:--eval=)?([\s\S]*)$/.exec(text)!;
        const shell = /\$\(shell ([^)]*)\)/.exec(assignment!);
        if (shell !== null) runShellText(at, literal(shell[1]!), program);
        flag(at, 'opaque:option', `${program} ${text}`);
      }
    }
  };
}

/** `socat … EXEC:cmd`, `nc -e`. */
function socket({ at, program, args }: Call): void {
  for (const [index, { text }] of args.entries()) {
    if (text === null) {
      if (program === 'socat' || mayBeOption(args[index]!)) flag(at, 'dynamic-argument', program);
      continue;
    }
    const address = /^(EXEC|SYSTEM|SHELL):(.*)$/is.exec(text);
    if (program === 'socat' && address !== null) {
      runShellText(at, literal(address[2]!.replace(/,[\w=,-]*$/, '')), 'socat');
    }
    if (program !== 'socat' && /^-[a-zA-Z]*[ec]$|^--(?:exec|sh-exec|lua-exec)/.test(text)) {
      const value = text.includes('=') ? text.slice(text.indexOf('=') + 1) : (args[index + 1]?.text ?? null);
      runShellText(at, value === null ? null : literal(value), `${program} -e`);
    }
  }
}

/** `ip netns exec name cmd`, `ip vrf exec name cmd`. */
function ip(call: Call): void {
  const texts = textsOf(call.args);
  const index = texts.indexOf('exec');
  if (texts.some((text, at) => text === null && mayBeOption(call.args[at]!) && at < 3))
    flag(call.at, 'dynamic-argument', 'ip');
  if (index > 0 && /^(?:ne|netns|vrf)/.test(texts[index - 1] ?? ''))
    relaunch(call, call.args.slice(index + 2), 'ip exec');
  if (texts.some((text) => text !== null && /^-(?:b|batch|force)/.test(text))) flag(call.at, 'runs-files', 'ip');
}

/** A program that is put somewhere under another name. */
function copy({ at, args }: Call): void {
  const operands = args.filter(({ text }) => text === null || !text.startsWith('-'));
  const target = operands.at(-1);
  if (target === undefined || operands.length < 2) return;
  if (target.text === null) at.gather.written.add(null);
  for (const source of operands.slice(0, -1)) {
    const name = target.text === null ? null : baseName(target.text);
    if (name === null) continue;
    at.gather.written.add(name);
    if (source.text !== null) {
      const from = baseName(source.text);
      at.gather.written.add(from);
      if (from !== name) at.gather.copies.set(name, from);
    } else if (source.pattern === null) at.gather.copies.set(name, '');
  }
}

function writes({ at, program, args }: Call): void {
  const texts = textsOf(args);
  for (const [index, text] of texts.entries()) {
    if (program === 'tee' && text === null) at.gather.written.add(null);
    else if (program === 'tee' && text !== null && !text.startsWith('-') && text !== '/dev/null')
      at.gather.written.add(baseName(text));
    else if (program === 'dd' && text?.startsWith('of=') === true) at.gather.written.add(baseName(text.slice(3)));
    else if ((program === 'curl' || program === 'wget') && /^-[oO]$/.test(text ?? '') && texts[index + 1] != null)
      at.gather.written.add(baseName(texts[index + 1]!));
  }
}

function simpleEscape({ at, program }: Call): void {
  flag(at, 'escape-capable', program);
}

function fd(call: Call): void {
  const texts = textsOf(call.args);
  const index = texts.findIndex((text) => text !== null && /^(?:-x|-X|--exec|--exec-batch)$/.test(text));
  if (texts.includes(null)) flag(call.at, 'dynamic-argument', 'fd');
  if (index < 0) return;
  const end = texts.indexOf(';', index);
  relaunch(call, call.args.slice(index + 1, end < 0 ? undefined : end), 'fd -x');
}

function entr(call: Call): void {
  const parsed = parseOptions({ flags: 'acdnprsxz', values: '' }, call.args);
  if (!parsed.isCertain) flag(call.at, 'dynamic-argument', call.program);
  if (has(parsed, 's')) runShellText(call.at, parsed.operands[0] ?? null, 'entr -s');
  else relaunch(call, parsed.operands, 'entr');
}

function rlwrap(call: Call): void {
  const index = call.args.findIndex(({ text }) => text === null || !text.startsWith('-'));
  const inner = within(call.at, call.program);
  if (index >= 0 && inner !== null) launch(inner, call.args.slice(index));
}

function apt({ at, args }: Call): void {
  for (const [index, { text }] of args.entries()) {
    if (text === null && mayBeOption(args[index]!)) flag(at, 'dynamic-argument', 'apt');
    const option =
      text === '-o' || text === '--option'
        ? (args[index + 1]?.text ?? '::')
        : (/^(?:-o|--option=)(.*)/.exec(text ?? '')?.[1] ?? '');
    const value =
      /(?:Invoke|Proxy-Auto-Detect|Pre-Install|Post-Install|Command|Update-Post|Dir::Bin)[^=]*=\s*"?([^"]*)/i.exec(
        option,
      );
    if (value !== null) runShellText(at, literal(value[1]!), 'apt -o');
    else if (option.includes('::') && /Dir|Invoke|Bin|::$/i.test(option)) flag(at, 'opaque:option', 'apt -o');
    if (/^-c$|^--config-file/.test(text ?? '')) flag(at, 'opaque:option', 'apt -c');
  }
}

function systemctl({ at, args }: Call): void {
  const verb = textsOf(args).find((text) => text !== null && !text.startsWith('-'));
  if (verb === 'edit') flag(at, 'escape-capable', 'systemctl edit');
  if (textsOf(args).some((text) => text !== null && /^-H|^--host/.test(text))) flag(at, 'nested-remote', 'systemctl');
}

export const runners: Readonly<Record<string, Handler>> = {
  ...optionRunners,
  ...starters,
  find,
  xargs,
  parallel,
  git,
  socat: socket,
  nc: socket,
  ncat: socket,
  netcat: socket,
  ip,
  cp: copy,
  mv: copy,
  ln: copy,
  install: copy,
  tee: writes,
  dd: writes,
  curl: writes,
  fd,
  fdfind: fd,
  entr,
  watchexec: entr,
  rlwrap,
  apt,
  'apt-get': apt,
  systemctl,
  make: fromFiles(/=|^--eval/),
  gmake: fromFiles(/=|^--eval/),
  ninja: fromFiles(null),
  cmake: fromFiles(null),
  'run-parts': fromFiles(null),
  npm: fromFiles(null),
  npx: fromFiles(null),
  yarn: fromFiles(null),
  pnpm: fromFiles(null),
  pip: fromFiles(null),
  cargo: fromFiles(null),
  go: fromFiles(null),
  mvn: fromFiles(null),
  gradle: fromFiles(null),
  composer: fromFiles(null),
  gem: fromFiles(null),
  bundle: fromFiles(null),
  terraform: fromFiles(null),
  puppet: fromFiles(null),
  'chef-client': fromFiles(null),
  vi: editor,
  vim: editor,
  nvim: editor,
  view: editor,
  vimdiff: editor,
  rvim: editor,
  emacs: editor,
  nano: editor,
  pico: editor,
  joe: editor,
  mc: editor,
  less: editor,
  more: editor,
  most: editor,
  w3m: simpleEscape,
  lynx: simpleEscape,
  elinks: simpleEscape,
  links: simpleEscape,
  htop: simpleEscape,
  nmap: simpleEscape,
  visudo: simpleEscape,
  vipw: simpleEscape,
  vigr: simpleEscape,
  sudoedit: simpleEscape,
  dialog: simpleEscape,
  telnet: simpleEscape,
  minicom: simpleEscape,
  virsh: simpleEscape,
};
