/**
 * One command, described: effects, subcommands and paths, from its words and the tables.
 *
 * Invariants: what the tables do not know is `unknown`, never nothing; a dynamic word that may be an operand leaves the
 * paths unknown.
 */
import type { ShellAccess, ShellCommand, ShellPath, ShellUnknown } from '../../core/shell.ts';
import type { ShellEffect } from '../../core/shell-effects.ts';
import { baseName, type Field, isOptionText, literal, mayBeOption, textsOf } from './field.ts';
import { pathOf } from './paths.ts';
import type { Scope } from './scope.ts';
import { factsOf, optionVerbs, type ProgramFacts, type Subcommands, subcommands } from './tables.ts';

/** What a word of a command gives: paths, and whether something about paths stays unknown. */
interface Gathered {
  readonly paths: ShellPath[];
  isUnknown: boolean;
}

export function describe(at: Scope, fields: readonly Field[], family: string | null): ShellCommand {
  const [name, ...args] = fields;
  const path = name?.text ?? null;
  const unknown = new Set<ShellUnknown>();
  const effects = new Set<ShellEffect>();
  let verbs: string[] = [];
  let paths: ShellPath[] = [];
  if (args.some(({ text }) => text === null)) unknown.add('arguments');
  if (family === null) {
    for (const one of ['program', 'verbs', 'paths', 'arguments'] as const) unknown.add(one);
    effects.add('dynamic').add('unknown');
  } else {
    const facts = factsOf(family);
    const found = verbsOf(family, args);
    verbs = found.verbs;
    if (found.isUnknown) unknown.add('verbs');
    for (const effect of effectsOf(at, family, facts, found, args)) effects.add(effect);
    const gathered = pathsOf(at, family, facts, args);
    paths = gathered.paths;
    if (gathered.isUnknown) unknown.add('paths');
    if (isFarReaching(at, family, args, paths)) effects.add('destructive');
    if (path?.includes('/') === true) {
      const own = pathOf(at, name!, 'execute', false);
      if (own !== null) paths = [own, ...paths];
    }
  }
  if (at.asUser === '*') unknown.add('user');
  if (at.host === '*') unknown.add('host');
  if (at.host !== null) effects.add('remote');
  if (at.asUser !== null && at.asUser !== '') effects.add('privilege');
  const unknowns = [...unknown].sort();
  return {
    argv: textsOf(fields),
    program: path === null ? null : baseName(path),
    path,
    via: at.via,
    asUser: at.asUser,
    host: at.host,
    verbs,
    paths,
    effects: [...effects].sort(),
    confidence: unknowns.length === 0 ? 'exact' : 'partial',
    unknown: unknowns,
  };
}

// --- Verbs ------------------------------------------------------------------------------------------------------------

interface Verbs {
  readonly verbs: string[];
  /** The words of the subcommand. */
  readonly words: string;
  readonly isUnknown: boolean;
}

function verbsOf(program: string, args: readonly Field[]): Verbs {
  const options = optionVerbs[program];
  if (options !== undefined) {
    const letters = args.flatMap(({ text }) => (text === null ? [] : [text, ...clusterOf(text)]));
    const found = [...new Set(letters.filter((text) => options.test(text)))];
    return {
      verbs: found.map((text) => `${program} ${text}`),
      words: found.join(' '),
      isUnknown: args.some((field) => field.text === null && mayBeOption(field)),
    };
  }
  const spec = subcommands[program];
  if (spec === undefined) return { verbs: [], words: '', isUnknown: false };
  const { words, isUnknown } = wordsOf(spec, program, args);
  const verbs: string[] = [];
  for (let count = 1; count <= words.length; count += 1) verbs.push(`${program} ${words.slice(0, count).join(' ')}`);
  // `docker container rm` is `docker rm` too.
  if (words.length > 1 && /^(?:container|image|pod)$/.test(words[0]!)) verbs.push(`${program} ${words[1]!}`);
  return { verbs: [...new Set(verbs)], words: words.join(' '), isUnknown };
}

function clusterOf(text: string): string[] {
  return /^-[A-Za-z0-9]{2,}$/.test(text) ? [...text.slice(1)].map((letter) => `-${letter}`) : [];
}

function wordsOf(spec: Subcommands, program: string, args: readonly Field[]): { words: string[]; isUnknown: boolean } {
  const words: string[] = [];
  const wanted = spec.isReversed === true ? 2 : spec.depth;
  for (let index = 0; index < args.length && words.length < wanted; index += 1) {
    const field = args[index]!;
    const { text } = field;
    if (text === null) return { words, isUnknown: words.length === 0 || mayBeOption(field) || words.length < wanted };
    if (text === '--') break;
    if (isOptionText(text)) {
      if (spec.values.has(text)) index += 1;
      else if (program === 'firewall-cmd' || program === 'mdadm') words.push(text.replace(/=.*/, ''));
      continue;
    }
    // Names of objects are no subcommands: a word that looks like a file or a resource ends them.
    if (words.length > 0 && spec.isReversed !== true && !/^[a-z][\w-]*$/i.test(text)) break;
    words.push(text);
    if (words.length === 1 && spec.groups?.test(text) === false) break;
  }
  if (spec.isReversed === true) return { words: words.length > 1 ? [words[1]!] : words, isUnknown: false };
  return { words, isUnknown: false };
}

// --- Effects ----------------------------------------------------------------------------------------------------------

const readingOptions: Readonly<Record<string, RegExp>> = {
  crontab: /^-l$/,
  iptables: /^(?:-L|-S|--list)$/,
  ip6tables: /^(?:-L|-S|--list)$/,
  dpkg: /^(?:-[lLsS]|--list|--status)$/,
  rpm: /^-q\w*$/,
  pacman: /^-Q\w*$/,
  nginx: /^-[tTvV]$/,
  sysctl: /^-[anN]$/,
  mount: /^-l$/,
  fdisk: /^-l$/,
  parted: /^(?:-l|print)$/,
};

const shellNames = /^(?:sh|bash|rbash|dash|ash|zsh|ksh|mksh|ksh93|yash|fish)$/;

/** A shell that is given no text of this text runs what nobody has read. */
function readsOther(at: Scope, texts: readonly (string | null)[]): boolean {
  if (texts.some((text) => text !== null && /^-[a-zA-Z]*c/.test(text))) return false;
  const isRead = at.stdin.kind === 'text' || (at.stdin.kind === 'session' && typeof at.context.stdin === 'object');
  return !isRead || texts.some((text) => text === null || !text.startsWith('-'));
}

function effectsOf(
  at: Scope,
  program: string,
  facts: ProgramFacts | null,
  { words }: Verbs,
  args: readonly Field[],
): ShellEffect[] {
  if (facts === null) return ['execute', 'unknown'];
  const texts = textsOf(args);
  if (shellNames.test(program)) return readsOther(at, texts) ? ['execute', 'unknown'] : ['execute'];
  if (facts.effects.includes('interpreter'))
    return /^--?(?:V|v|version|help)$/.test(texts[0] ?? '') ? ['read'] : ['interpreter', 'unknown'];
  const spec = subcommands[program];
  if (spec !== undefined) {
    const further = spec.effects.filter(([pattern]) => pattern.test(words)).map(([, effect]) => effect);
    if (further.length === 0 && spec.reads?.test(words) === true && !texts.includes(null)) {
      return facts.effects.includes('network') || facts.effects.includes('remote') || facts.effects.includes('database')
        ? [...facts.effects.filter((effect) => effect !== 'write'), 'read']
        : ['read'];
    }
    return [...facts.effects, ...further];
  }
  const reads = readingOptions[program];
  if (reads !== undefined && texts.some((text) => text !== null && reads.test(text))) return ['read'];
  if (
    args.length === 0 &&
    /^(?:mount|hostname|alias|export|declare|typeset|readonly|set|trap|umask|ulimit|swapon|route|ifconfig|arp|ipset|sysctl|chkconfig|ip|hash)$/.test(
      program,
    )
  )
    return ['read'];
  const more = moreEffects(program, texts);
  return [...facts.effects, ...more];
}

/** By arguments that turn a program into another. */
function moreEffects(program: string, texts: readonly (string | null)[]): ShellEffect[] {
  const any = (pattern: RegExp): boolean => texts.some((text) => text !== null && pattern.test(text));
  switch (program) {
    case 'find':
      return [
        ...(any(/^-delete$/) ? (['delete'] as const) : []),
        ...(any(/^-(?:exec|execdir|ok|okdir)$/) ? (['execute'] as const) : []),
        ...(any(/^-f(?:printf?|ls|print0)$/) ? (['write'] as const) : []),
      ];
    case 'sed':
    case 'gsed':
      return any(/^-[a-zA-Z]*i|^--in-place/) || any(/(?:^|[;}\s\d/])[wW]\s+\S/) ? ['write'] : [];
    case 'awk':
    case 'gawk':
    case 'mawk':
    case 'nawk':
      return any(/>|\bsystem\b|\|(?!\|)|inplace/) ? ['write', 'interpreter', 'unknown'] : [];
    case 'sort':
      return any(/^-o|^--output/) ? ['write'] : [];
    case 'tar':
      return any(/^(?:-\w*x|--extract|x\w*$)/) ? ['write'] : [];
    case 'journalctl':
      return any(/^--(?:vacuum|rotate|flush)/) ? ['delete'] : [];
    case 'history':
      return any(/^-[cdw]/) ? ['delete'] : [];
    case 'dmesg':
      return any(/^-[cCD]/) ? ['write'] : [];
    case 'date':
      return any(/^-s|^--set|^\d{8,}/) ? ['system-control'] : [];
    case 'crontab':
      return any(/^-\w*r/) ? ['delete', 'destructive'] : [];
    case 'swapoff':
      return any(/^-a|^--all/) ? ['destructive'] : [];
    case 'dd':
    case 'tee':
      return any(/^(?:of=)?\/dev\/(?:sd|vd|xvd|hd|nvme|mmcblk|mapper|dm-|md|loop|disk)/) ? ['disk', 'destructive'] : [];
    case 'env':
      return [];
    default:
      return [];
  }
}

const systemRoots =
  /^\/(?:$|\*|(?:bin|boot|dev|etc|home|lib\w*|opt|proc|root|sbin|srv|sys|usr|var)(?:\/\*?)?$|(?:home|Users)\/[^/]+\/?\*?$|(?:usr|var)\/[^/]+\/?\*?$|etc\/)/;

/** What is lost reaches far: recursion on the roots of the system, on a home, or on everything. */
function isFarReaching(at: Scope, program: string, args: readonly Field[], paths: readonly ShellPath[]): boolean {
  const texts = textsOf(args);
  const any = (pattern: RegExp): boolean => texts.some((text) => text !== null && pattern.test(text));
  switch (program) {
    case 'rm':
    case 'shred':
    case 'chmod':
    case 'chown':
    case 'chgrp':
    case 'setfacl':
      return (
        any(/^--no-preserve-root$/) ||
        paths.some(
          ({ path, isRecursive, access }) =>
            (isRecursive || program === 'shred') &&
            access !== 'read' &&
            (systemRoots.test(path) ||
              path === at.state.home ||
              path === '~' ||
              path === '~/' ||
              path === '~/*' ||
              path === '.' ||
              path === '*'),
        )
      );
    case 'find':
      return any(/^-delete$/) && paths.some(({ path }) => systemRoots.test(path));
    case 'kill':
      return any(/^-1$/) && (any(/^-(?:9|KILL|SIGKILL|s)$/) || texts.indexOf('-1') > 0);
    case 'killall5':
      return true;
    case 'iptables':
    case 'ip6tables':
      return any(/^-(?:F|X)$|^--flush$|^--delete-chain$/) || (any(/^-P$|^--policy$/) && any(/^DROP$/));
    case 'userdel':
    case 'deluser':
    case 'dropdb':
    case 'pvremove':
    case 'vgremove':
    case 'lvremove':
      return true;
    case 'init':
    case 'telinit':
      return any(/^[06]$/);
    case 'cp':
    case 'mv':
    case 'dd':
    case 'truncate':
      return paths.some(
        ({ path, access }) => access !== 'read' && /^\/dev\/(?:sd|vd|xvd|hd|nvme|mmcblk|mapper|dm-|md)/.test(path),
      );
    default:
      return false;
  }
}

// --- Paths ------------------------------------------------------------------------------------------------------------

const spelledPath = /^(?:~|\.{0,2}\/)|\//;

function pathsOf(at: Scope, program: string, facts: ProgramFacts | null, args: readonly Field[]): Gathered {
  const gathered: Gathered = { paths: [], isUnknown: false };
  if (program === 'dd') ddPaths(at, args, gathered);
  else if (program === 'find' || program === 'fd') findPaths(at, args, gathered);
  else if (isServer(program, args)) serverPaths(at, program, args, gathered);
  else if (facts === null) {
    for (const field of args)
      if (field.text === null || spelledPath.test(field.text)) add(at, gathered, field, 'unknown', false);
    gathered.isUnknown = true;
  } else operandPaths(at, program, facts, args, gathered);
  return gathered;
}

function add(at: Scope, gathered: Gathered, field: Field, access: ShellAccess, isRecursive: boolean): void {
  const path = pathOf(at, field, access, isRecursive);
  if (path === null) gathered.isUnknown = true;
  else gathered.paths.push(path);
}

function operandPaths(
  at: Scope,
  program: string,
  facts: ProgramFacts,
  args: readonly Field[],
  gathered: Gathered,
): void {
  const texts = textsOf(args);
  const isRecursive = texts.some(
    (text) =>
      text !== null &&
      (text === '--recursive' ||
        (/^-[A-Za-z]+$/.test(text) && [...text].some((letter) => facts.recursive.includes(letter)))),
  );
  const operands: Field[] = [];
  let rest = false;
  // `tar cf x`: letters, no path.
  const first = program === 'tar' && /^[A-Za-z]+$/.test(texts[0] ?? '') ? 1 : 0;
  for (let index = first; index < args.length; index += 1) {
    const field = args[index]!;
    const { text } = field;
    if (text === null || rest || !isOptionText(text)) {
      operands.push(field);
      continue;
    }
    if (text === '--') {
      rest = true;
      continue;
    }
    const value = optionValue(facts, text, args[index + 1]);
    if (value !== null) {
      if (value.access !== null && value.field !== null) add(at, gathered, value.field, value.access, isRecursive);
      if (value.takesNext) index += 1;
    } else if (text.includes('/')) {
      add(at, gathered, literal(text.slice(Math.max(0, text.search(/[~./]/)))), 'unknown', isRecursive);
    }
  }
  const hasPattern =
    (program === 'grep' || program === 'sed' || program === 'awk') &&
    texts.some((text) => text !== null && /^-(?:\w*[ef]|-regexp|-file|-expression)/.test(text));
  const counted = operands.slice(hasPattern ? 0 : facts.skip);
  const inPlace =
    (program === 'sed' || program === 'gsed') &&
    texts.some((text) => text !== null && /^-[a-zA-Z]*i|^--in-place/.test(text));
  for (const [index, field] of counted.entries()) {
    const access = accessOf(facts.operands, index === counted.length - 1);
    if (access === null) continue;
    add(at, gathered, field, inPlace ? 'write' : access, isRecursive || facts.operands === 'move');
  }
}

function accessOf(operands: ProgramFacts['operands'], isLast: boolean): ShellAccess | null {
  if (operands === 'none') return null;
  if (operands === 'copy') return isLast ? 'write' : 'read';
  if (operands === 'move') return isLast ? 'write' : 'delete';
  return operands;
}

function optionValue(
  { values }: ProgramFacts,
  text: string,
  next: Field | undefined,
): { access: ShellAccess | null; field: Field | null; takesNext: boolean } | null {
  const equals = text.indexOf('=');
  if (text.startsWith('--')) {
    const name = text.slice(2, equals < 0 ? undefined : equals);
    if (!values.has(name)) return null;
    const access = values.get(name) ?? null;
    return equals < 0
      ? { access, field: next ?? null, takesNext: true }
      : { access, field: literal(text.slice(equals + 1)), takesNext: false };
  }
  for (let at = 1; at < text.length; at += 1) {
    const letter = text[at]!;
    if (!values.has(letter)) continue;
    const access = values.get(letter) ?? null;
    const attached = text.slice(at + 1);
    return attached === ''
      ? { access, field: next ?? null, takesNext: true }
      : { access, field: literal(attached), takesNext: false };
  }
  return null;
}

/** `scp -t|-f` and `rsync --server`: the target's end of a transfer. */
function isServer(program: string, args: readonly Field[]): boolean {
  const texts = textsOf(args);
  if (program === 'rsync') return texts.includes('--server');
  return program === 'scp' && texts.some((text) => text !== null && /^-[a-z]*[tf]$/.test(text));
}

function serverPaths(at: Scope, program: string, args: readonly Field[], gathered: Gathered): void {
  const texts = textsOf(args);
  const sends =
    program === 'rsync' ? texts.includes('--sender') : texts.some((text) => text !== null && /^-[a-z]*f$/.test(text));
  const from = program === 'rsync' ? texts.indexOf('.') + 1 : 0;
  for (const field of args.slice(from)) {
    if (!isOptionText(field.text)) add(at, gathered, field, sends ? 'read' : 'write', true);
  }
}

function ddPaths(at: Scope, args: readonly Field[], gathered: Gathered): void {
  for (const field of args) {
    const match = /^(if|of)=/.exec(field.head);
    if (match === null) {
      if (field.text === null) gathered.isUnknown = true;
      continue;
    }
    if (field.text === null) gathered.isUnknown = true;
    else add(at, gathered, literal(field.text.slice(3)), match[1] === 'if' ? 'read' : 'write', false);
  }
}

function findPaths(at: Scope, args: readonly Field[], gathered: Gathered): void {
  const texts = textsOf(args);
  const deletes =
    texts.includes('-delete') ||
    texts.some(
      (text, index) =>
        /^-(?:exec|execdir|ok|okdir)$/.test(text ?? '') && /(?:^|\/)(?:rm|unlink|shred)$/.test(texts[index + 1] ?? ''),
    );
  const access: ShellAccess = deletes ? 'delete' : 'read';
  let found = false;
  for (const field of args) {
    if (field.text !== null && /^-[HLPDO]/.test(field.text)) continue;
    if (field.text !== null && /^(?:[-(!]|\\)/.test(field.text)) break;
    found = true;
    add(at, gathered, field, access, true);
  }
  if (!found) add(at, gathered, literal('.'), access, true);
}
