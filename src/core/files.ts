/**
 * What a file transfer does, as rules judge it: operations on paths, whatever protocol carries them (SFTP, scp, later
 * others). The gates of the protocols make these; `policy` puts rules to them; reviewers and auditors read them.
 *
 * Invariants:
 * - `path` is where the operation really goes (canonical: absolute, without `.`, `..` and symbolic links), or
 *   `canonical` is false, and then a rule about paths cannot be certain that it does not concern it.
 * - Names are bytes (`raw`, one character per byte). What people read (`shown`) is spelled so that two paths never look
 *   the same and nothing in it moves a cursor (A-SSH-14).
 * - Whatever makes content reachable under another name (rename, hard link, copy) stands there as a read of the old
 *   name and a write of the new one as well: a rule that forbids reading a file cannot be gone round by renaming it.
 *
 * Deliberately absent: content. Bytes of files go past detectors (`protocols/ssh/sftp/inspect.ts`), not through here.
 */
import { escapeLine } from '../base/escape.ts';

/** What can be done with files, each with its effect and one line of meaning. Rules and the reference read this table. */
export const fileOperations = {
  read: { effect: 'read', meaning: 'Content of a file is read.' },
  list: { effect: 'read', meaning: 'The names in a directory are read.' },
  stat: { effect: 'read', meaning: 'Size, times, owner and mode of a file, or the free space around it, are read.' },
  readlink: { effect: 'read', meaning: 'Where a symbolic link points is read.' },
  realpath: { effect: 'read', meaning: 'A path is made canonical.' },
  users: { effect: 'read', meaning: 'Names or home directories of users and groups are looked up.' },
  write: { effect: 'write', meaning: 'Content of a file is written.' },
  append: { effect: 'write', meaning: 'Content is added at the end of a file.' },
  create: { effect: 'write', meaning: 'A file comes into being.' },
  truncate: { effect: 'write', meaning: 'A file is emptied, cut or lengthened.' },
  remove: { effect: 'write', meaning: 'A file is removed, or leaves its name.' },
  rename: { effect: 'write', meaning: 'A file or a directory gets another name.' },
  mkdir: { effect: 'write', meaning: 'A directory comes into being.' },
  rmdir: { effect: 'write', meaning: 'A directory is removed.' },
  chmod: { effect: 'write', meaning: 'The mode of a file changes.' },
  chown: { effect: 'write', meaning: 'The owner or group of a file changes.' },
  utime: { effect: 'write', meaning: 'The times of a file change.' },
  symlink: { effect: 'write', meaning: 'A symbolic link comes into being.' },
  hardlink: { effect: 'write', meaning: 'A file gets a second name.' },
  copy: { effect: 'write', meaning: 'The target copies content from one file to another.' },
} as const satisfies Readonly<Record<string, { effect: 'read' | 'write'; meaning: string }>>;

export type FileOperationName = keyof typeof fileOperations;

/** `upload`: content goes to the target. */
export type FileDirection = 'upload' | 'download';

export interface FilePath {
  /** The bytes, one character (0 to 255) each. Compare and match these. */
  readonly raw: string;
  /** For people and records: UTF-8 where it is, everything else escaped; see `showPath`. */
  readonly shown: string;
}

export interface FileOperation {
  readonly operation: FileOperationName;
  /** Set where content passes through the gateway. */
  readonly direction: FileDirection | null;
  readonly path: FilePath;
  /** The other path of a rename, a copy or a hard link (the new name), or what a symbolic link points at. */
  readonly target: FilePath | null;
  /** `path` and `target` are where it really goes. */
  readonly canonical: boolean;
  /** The path is a directory, or may be one, and the operation takes along what is below it (a rename, say). */
  readonly tree: boolean;
  /** Bytes of content, where they are known beforehand. */
  readonly sizeBytes: number | null;
  /** Where reading or writing begins, where it is known beforehand: a resumed transfer. */
  readonly offset: number | null;
  /** The mode that is set or asked for (permission bits), or null. */
  readonly mode: number | null;
  /** The owner that is set, or null. */
  readonly owner: { readonly user: number; readonly group: number } | null;
}

/** What a command does to files. Every operation is judged; a rule that matches one of them matches the command. */
export interface FileMeaning {
  readonly operations: readonly FileOperation[];
  /** False: it may do more than stands here. */
  readonly complete: boolean;
}

/** All that are given must hold of one and the same operation; within a list, one is enough. */
export interface FileSelector {
  readonly operations?: readonly FileOperationName[];
  readonly direction?: FileDirection;
  /**
   * Globs over canonical paths, both of a rename or a link: `*` and `?` within a name, `**` for any run of directories,
   * `[a-z]`, `{a,b}`. One without a slash is put to the last name (`*.pem`). With regard to case, bytes by bytes.
   */
  readonly paths?: readonly string[];
  /** At least this many bytes; a size that is not known beforehand (of an upload by SFTP) may be any. */
  readonly sizeMin?: number;
  /** As for SQL: what stays unknown may match anything, and counts as matching unless told to `ignore` it. */
  readonly uncertain?: 'match' | 'ignore';
}

/** What a file command may do at worst. */
export function effectOfFiles({ operations, complete }: FileMeaning): 'read' | 'write' | 'unknown' {
  if (operations.some(({ operation }) => fileOperations[operation].effect === 'write')) return 'write';
  return complete ? 'read' : 'unknown';
}

/** An operation of which nothing but its name and path is said. */
export function fileOperation(
  operation: FileOperationName,
  path: FilePath,
  more: Partial<Omit<FileOperation, 'operation' | 'path'>> = {},
): FileOperation {
  return {
    operation,
    direction: null,
    path,
    target: null,
    canonical: true,
    tree: false,
    sizeBytes: null,
    offset: null,
    mode: null,
    owner: null,
    ...more,
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path from its bytes. */
export function filePath(bytes: Buffer | string): FilePath {
  const raw = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
  return { raw, shown: showPath(raw) };
}

/**
 * Spells a path for people: UTF-8 as it is, bytes that are none as `\xNN`, what could move a cursor escaped, a backslash
 * doubled. Two different paths are never spelled alike. One with blanks or quotes stands in quotes.
 */
export function showPath(raw: string): string {
  const spelled = escapeLine(spellBytes(raw));
  return raw === '' || /[\s"']/.test(spelled) ? `"${spelled.replaceAll('"', '\\"')}"` : spelled;
}

function spellBytes(raw: string): string {
  // Plain ASCII is by far the commonest.
  if (/^[\x20-\x7e]*$/.test(raw)) return raw.replaceAll('\\', '\\\\');
  const bytes = Buffer.from(raw, 'latin1');
  try {
    return utf8.decode(bytes).replaceAll('\\', '\\\\');
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x5c) text += '\\\\';
    else if (byte < 0x80) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
