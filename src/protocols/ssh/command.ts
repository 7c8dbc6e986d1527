/**
 * Commands as drafts: what is done, in words, with its meaning, for each thing that a channel can ask for.
 *
 * Invariant: bytes that are no UTF-8 are shown escaped and have no meaning, so that rules on meaning refuse them; what is
 * sent to the target are the bytes themselves, which the text shows in full.
 */
import { isUtf8 } from 'node:buffer';
import { type CommandDraft, type Meaning, shellOf } from '../../core/command.ts';
import { type ConnectionMeaning, hostOf, showConnection } from '../../core/connections.ts';
import {
  effectOfFiles,
  type FileMeaning,
  type FileOperationName,
  fileOperation,
  fileOperations,
  filePath,
} from '../../core/files.ts';
import type { Resource } from '../../core/resource.ts';
import { effectOfShell, type ShellAnalysis, type ShellTransfer } from '../../core/shell.ts';
import {
  analyseScripted,
  analyseShell,
  judgedScript,
  readsPassword,
  type StdinScript,
  withoutFirstLine,
} from '../../language/index.ts';
import { type SshSettings, settingsOf } from './settings.ts';
import { fileVerbs } from './sftp/index.ts';

/** Every verb that commands of this protocol have. */
export const verbs = ['exec', 'shell', 'line', 'run', 'subsystem', 'connect', ...fileVerbs] as const;

const base = { parameters: null, of: null } as const;

/** What a command is sent with: part of what a reviewer approves. */
export type Context = Readonly<Record<string, string>>;

/** An exec request. */
export function execDraft(
  command: Buffer,
  settings: SshSettings,
  context: Context,
  stdin: StdinScript | null,
): CommandDraft {
  const script = stdin === null ? null : judgedScript(stdin);
  const whole = script === null ? command : Buffer.concat([command, Buffer.from('\n'), script]);
  const isText = isUtf8(whole) && !whole.includes(0);
  const text = isText ? whole.toString('utf8') : spelled(whole);
  const written = command.toString('utf8');
  const dialect = settings.loginShell;
  const unread = context['terminal'] === 'yes' ? 'terminal' : 'unknown';
  let meaning: Meaning | null = null;
  if (isText) {
    const shell =
      script === null
        ? analyseShell(written, { dialect, stdin: unread })
        : analyseScripted(written, script.toString('utf8'), { dialect, isOpen: stdin?.isOpen === true, unread });
    meaning = { language: 'shell', shell };
  }
  // The first line of what is given to `sudo -S sh` is a password.
  const isSecret = script !== null && readsPassword(shellOf(meaning));
  return {
    ...base,
    kind: 'shell',
    verb: 'exec',
    text,
    recordedText: isSecret ? withoutFirstLine(written, script.toString('utf8')) : text,
    effect: meaning === null ? 'unknown' : effectOfShell(meaning.shell),
    meaning,
    context,
  };
}

/** A terminal's shell as a whole: what is typed in it are commands of their own, as far as its level goes. */
export function shellDraft(level: string, context: Context): CommandDraft {
  return {
    ...base,
    kind: 'shell',
    verb: 'shell',
    text: `(interactive shell, ${level})`,
    recordedText: `(interactive shell, ${level})`,
    effect: 'unknown',
    // By itself it runs nothing.
    meaning: { language: 'shell', shell: analyseShell('', { dialect: 'unknown' }) },
    context,
  };
}

/** A subsystem by its name. What SFTP does are commands of its own, file by file; others are opaque. */
export function subsystemDraft(name: string, context: Context): CommandDraft {
  const text = spelled(Buffer.from(name));
  return {
    ...base,
    kind: name === 'sftp' ? 'transfer' : 'shell',
    verb: 'subsystem',
    text,
    recordedText: text,
    effect: 'unknown',
    meaning: name === 'sftp' ? { language: 'file', file: { operations: [], complete: true } } : null,
    context,
  };
}

/**
 * What an exec transfers without a gate of its own. Where a transfer program is only a part of the text, or its words are not
 * certain, it may be anything (A-SSH-13).
 */
export function opaqueTransferOf(shell: ShellAnalysis | null): ShellTransfer | null {
  if (shell === null || shell.transfer !== null) return shell?.transfer ?? null;
  for (const { program, argv } of shell.commands) {
    // Where the analysis is not complete, a word of another program may be the one that runs (`env -x rsync …`).
    const names = shell.complete ? [program] : argv.map((word) => word?.slice(word.lastIndexOf('/') + 1));
    const found = transferPrograms.find(({ name, starts }) => names.includes(name) && starts(argv.slice(1)));
    if (found !== undefined) return { program: found.as, direction: 'both', paths: [null], isRecursive: true };
  }
  return null;
}

type Words = readonly (string | null)[];

/** A word that is not known may be the one that matters. */
const has =
  (pattern: RegExp) =>
  (words: Words): boolean =>
    words.some((word) => word === null || pattern.test(word));
const always = (): boolean => true;

const transferPrograms: readonly {
  readonly name: string;
  readonly as: ShellTransfer['program'];
  readonly starts: (words: Words) => boolean;
}[] = [
  { name: 'scp', as: 'scp', starts: has(/^-[a-zA-Z]*[tf]/) },
  { name: 'rsync', as: 'rsync', starts: has(/^--server$/) },
  { name: 'git', as: 'git', starts: has(/^(?:upload-pack|upload-archive|receive-pack)$/) },
  { name: 'git-upload-pack', as: 'git', starts: always },
  { name: 'git-upload-archive', as: 'git', starts: always },
  { name: 'git-receive-pack', as: 'git', starts: always },
];

/** What a program transfers that has no gate of its own (rsync, git): its paths, by its arguments. */
export function opaqueTransferDraft(
  { program, direction, paths }: ShellTransfer,
  of: number,
  context: Context,
): CommandDraft {
  const operations = paths.flatMap((path) => {
    const at = filePath(Buffer.from(path ?? ''));
    const more = { canonical: false, tree: true } as const;
    return [
      ...(direction === 'upload' ? [] : [fileOperation('read', at, { ...more, direction: 'download' })]),
      ...(direction === 'download' ? [] : [fileOperation('write', at, { ...more, direction: 'upload' })]),
    ];
  });
  const file: FileMeaning = { operations, complete: paths.every((path) => path !== null) };
  const text = `${program} ${direction} ${operations.map(({ path }) => path.shown).join(' ')}`;
  return { ...fileDraft(file, text, context), verb: direction === 'download' ? 'download' : 'upload', of };
}

export function connectionDraft(connection: ConnectionMeaning, context: Context): CommandDraft {
  const text = showConnection(connection);
  return {
    ...base,
    kind: 'connection',
    verb: 'connect',
    text,
    recordedText: text,
    // Whoever is at the other end may do anything.
    effect: 'unknown',
    meaning: { language: 'connection', connection },
    context,
  };
}

export function fileDraft(file: FileMeaning, text: string, context: Context): CommandDraft {
  return {
    ...base,
    kind: 'transfer',
    verb: 'update',
    text,
    recordedText: text,
    effect: effectOfFiles(file),
    meaning: { language: 'file', file },
    context,
  };
}

/** Bytes that may be no text, so that no two are shown alike. */
export function spelled(bytes: Buffer): string {
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString('utf8');
  let text = '';
  for (const byte of bytes) {
    text +=
      byte === 0x5c
        ? '\\\\'
        : byte >= 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/**
 * What a text means without a session: for explaining rules and for replaying recorded commands. What the record says of a
 * file operation or a connection is read back; a path that had to be escaped stays as it was spelled.
 */
export function meaningOf(text: string, resource: Resource, verb?: string): Meaning {
  const [word = '', ...rest] = text.replace(/ \([^()]*\)$/, '').split(' ');
  const isFile =
    (fileVerbs as readonly string[]).includes(verb ?? '') || (verb === 'exec' && /^(?:up|down)load$/.test(word));
  if (isFile && (fileVerbs as readonly string[]).includes(word)) {
    return { language: 'file', file: { operations: rest.flatMap((path) => operationsOf(word, path)), complete: true } };
  }
  const [, host, port] = /^tcp (?:from )?\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
  if (host !== undefined && (verb === 'connect' || verb === 'exec')) {
    const direction = text.startsWith('tcp from ') ? 'inward' : 'outward';
    return {
      language: 'connection',
      connection: { kind: 'tcp', direction, host: hostOf(host), port: Number(port), path: null },
    };
  }
  return { language: 'shell', shell: analyseShell(text, { dialect: settingsOf(resource).loginShell }) };
}

function operationsOf(verb: string, path: string): FileMeaning['operations'] {
  const at = filePath(path);
  if (verb === 'download') return [fileOperation('read', at, { direction: 'download' })];
  if (verb === 'upload') return [fileOperation('write', at, { direction: 'upload' })];
  const name = verb === 'setstat' ? 'chmod' : verb === 'update' ? 'write' : verb;
  return name in fileOperations ? [fileOperation(name as FileOperationName, at)] : [];
}
