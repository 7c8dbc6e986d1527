/**
 * From a request to what it would do: paths made canonical, operations for the rules, and the request as it is forwarded.
 *
 * Invariant: what is forwarded names the canonical paths that are judged, never the client's spelling. A path that could
 * not be made canonical says so in every operation on it.
 *
 * Deliberately absent: the judging (gate.ts), READ, WRITE and what else happens on open handles (download.ts, upload.ts).
 */
import {
  type FileMeaning,
  type FileOperation,
  type FileOperationName,
  type FilePath,
  fileOperation,
  filePath,
} from '../../../core/files.ts';
import { type Attributes, kindOf, noAttributes, sizeOf } from './attributes.ts';
import { openFlag, status } from './constants.ts';
import type { Unnumbered } from './conversation.ts';
import { type FileIntent, type FileVerb, spellMode } from './draft.ts';
import type { Request } from './requests.ts';
import type { Resolved, Resolver } from './resolve.ts';

type Of<T extends Request['type']> = Extract<Request, { readonly type: T }>;
export type PathRequest = Of<
  | 'stat'
  | 'lstat'
  | 'opendir'
  | 'remove'
  | 'rmdir'
  | 'realpath'
  | 'readlink'
  | 'statvfs'
  | 'expand-path'
  | 'open'
  | 'setstat'
  | 'lsetstat'
  | 'mkdir'
  | 'rename'
  | 'posix-rename'
  | 'hardlink'
  | 'symlink'
  | 'home-directory'
  | 'users-groups-by-id'
>;

export interface Plan extends FileIntent {
  /** As it is sent once it is released. */
  readonly forwards: Unnumbered;
  /** Where the (first) path leads. */
  readonly resolved: Resolved;
  /** Set where the kernel would not take the path: the answer once it is released. Nothing is forwarded then. */
  readonly failure: number | null;
}

const { SSH_FXF_READ: read, SSH_FXF_WRITE: write, SSH_FXF_APPEND: append } = openFlag;
const { SSH_FXF_CREAT: creates, SSH_FXF_TRUNC: truncates, SSH_FXF_EXCL: exclusive } = openFlag;

/** Requests that change no names and no content, and go beside each other. */
export function isLookup(request: PathRequest): boolean {
  return lookups.has(request.type);
}

const lookups: ReadonlySet<string> = new Set([
  'stat',
  'lstat',
  'realpath',
  'readlink',
  'statvfs',
  'expand-path',
  'home-directory',
  'users-groups-by-id',
]);

/** True where others on the path lane must wait for it. */
export function changesNames(request: PathRequest): boolean {
  if (request.type === 'open') return (request.flags & (write | append | creates | truncates)) !== 0;
  return request.type !== 'opendir' && !isLookup(request);
}

/** Rejects only where the conversation ends. */
export async function planOf(request: PathRequest, resolver: Resolver): Promise<Plan> {
  switch (request.type) {
    case 'open':
      return planOpen(request, await resolver.resolve(request.path, followsAtOpen(request.flags)));
    case 'opendir':
    case 'stat':
    case 'statvfs':
      return planOne(request, await resolver.resolve(request.path, true));
    case 'realpath':
    case 'expand-path':
      // An empty path is where the server starts, for this request only.
      return planOne({ type: 'realpath' }, await resolver.resolve(request.path === '' ? '.' : request.path, true));
    case 'lstat':
      // With a slash behind it the kernel follows.
      return planOne(request, await resolver.resolve(request.path, request.path.endsWith('/')));
    case 'readlink':
    case 'remove':
    case 'rmdir':
      return planOne(request, await resolver.resolve(request.path, false));
    case 'mkdir': {
      const resolved = await resolver.resolve(request.path, false);
      const mode = modeOf(request.attributes);
      const plan = planOne(request, resolved, { mode });
      const details = mode === null ? [] : [spellMode(mode)];
      return { ...plan, details, forwards: { type: 'mkdir', path: resolved.path, attributes: request.attributes } };
    }
    case 'setstat':
    case 'lsetstat':
      return planSetstat(request, await resolver.resolve(request.path, request.type === 'setstat'));
    case 'symlink':
      return planSymlink(request, resolver);
    case 'rename':
    case 'posix-rename':
    case 'hardlink': {
      const [from, to] = [await resolver.resolve(request.path, false), await resolver.resolve(request.target, false)];
      return request.type === 'hardlink' ? planHardlink(from, to) : planRename(request.type, from, to);
    }
    case 'home-directory':
      return planUsers({ type: 'home-directory', user: request.user }, `~${request.user}`);
    case 'users-groups-by-id':
      return planUserIds(request);
  }
}

/** Only a file that must be new is not looked for behind a link: EXCL means nothing without CREAT. */
export function followsAtOpen(flags: number): boolean {
  return (flags & exclusive) === 0 || (flags & creates) === 0;
}

const operationOf = {
  opendir: ['list', 'list'],
  stat: ['stat', 'stat'],
  lstat: ['stat', 'stat'],
  statvfs: ['stat', 'stat'],
  realpath: ['realpath', 'realpath'],
  readlink: ['readlink', 'readlink'],
  remove: ['remove', 'remove'],
  rmdir: ['rmdir', 'rmdir'],
  mkdir: ['mkdir', 'mkdir'],
} as const satisfies Readonly<Record<string, readonly [FileVerb, FileOperationName]>>;

function planOne(
  request: { readonly type: keyof typeof operationOf },
  resolved: Resolved,
  more: Partial<FileOperation> = {},
): Plan {
  const [verb, operation] = operationOf[request.type];
  const path = filePath(resolved.path);
  return {
    verb,
    meaning: meaningOf([fileOperation(operation, path, { canonical: resolved.canonical, ...more })]),
    paths: [path],
    details: [],
    forwards: { type: request.type, path: resolved.path } as Unnumbered,
    resolved,
    failure: resolved.failure,
  };
}

function planOpen(request: Of<'open'>, resolved: Resolved): Plan {
  const { flags } = request;
  const path = filePath(resolved.path);
  const { canonical, attributes, missing } = resolved;
  const sizeBytes = attributes === null ? null : sizeOf(attributes);
  const mode = modeOf(request.attributes);
  const writes = (flags & (write | append)) !== 0;
  // Neither reading nor writing: OpenSSH's server opens for reading.
  const reads = (flags & read) !== 0 || !writes;
  const operations: FileOperation[] = [];
  const add = (operation: FileOperationName, more: Partial<FileOperation>): void => {
    operations.push(fileOperation(operation, path, { canonical, ...more }));
  };
  if (reads) add('read', { direction: 'download', sizeBytes });
  if (writes) add('write', { direction: 'upload' });
  if ((flags & append) !== 0) add('append', { direction: 'upload', offset: sizeBytes });
  if ((flags & creates) !== 0 && attributes === null) add('create', { direction: 'upload', mode });
  if ((flags & truncates) !== 0 && !missing) add('truncate', { direction: 'upload', sizeBytes: 0 });
  const details: string[] = [];
  if ((flags & append) !== 0) details.push('append');
  if ((flags & creates) !== 0 && attributes === null) details.push('create');
  if ((flags & creates) !== 0 && attributes === null && mode !== null) details.push(spellMode(mode));
  if ((flags & truncates) !== 0 && !missing) details.push('truncate');
  if (reads && sizeBytes !== null) details.push(`${sizeBytes} bytes`);
  // Opening what is no plain file (a pipe, a device) may do anything to whoever is at its other end.
  const complete = attributes === null || kindOf(attributes) === 'regular' || kindOf(attributes) === 'directory';
  return {
    verb: reads && writes ? 'update' : writes ? 'upload' : 'download',
    meaning: { operations, complete },
    paths: [path],
    details,
    forwards: { type: 'open', path: resolved.path, flags, attributes: request.attributes },
    resolved,
    failure: resolved.failure,
  };
}

/** What SETSTAT and FSETSTAT do, by the attributes that they set. */
export function setstatIntent(path: FilePath, canonical: boolean, attributes: Attributes): FileIntent {
  const operations: FileOperation[] = [];
  const details: string[] = [];
  const { size, permissions, owner, times } = attributes;
  if (size !== null) {
    operations.push(fileOperation('truncate', path, { canonical, sizeBytes: sizeOf(attributes) }));
    details.push(`size ${size}`);
  }
  if (permissions !== null) {
    operations.push(fileOperation('chmod', path, { canonical, mode: modeOf(attributes) }));
    details.push(spellMode(permissions));
  }
  if (owner !== null) {
    operations.push(fileOperation('chown', path, { canonical, owner }));
    details.push(`owner ${owner.user}:${owner.group}`);
  }
  if (times !== null || operations.length === 0) {
    operations.push(fileOperation('utime', path, { canonical }));
    details.push('times');
  }
  return { verb: 'setstat', meaning: meaningOf(operations), paths: [path], details };
}

function planSetstat({ type, attributes }: Of<'setstat' | 'lsetstat'>, resolved: Resolved): Plan {
  const intent = setstatIntent(filePath(resolved.path), resolved.canonical, attributes);
  const forwards: Unnumbered = { type, path: resolved.path, attributes };
  return { ...intent, forwards, resolved, failure: resolved.failure };
}

async function planSymlink(request: Of<'symlink'>, resolver: Resolver): Promise<Plan> {
  const link = await resolver.resolve(request.path, false);
  const directory = link.path.slice(0, Math.max(1, link.path.lastIndexOf('/')));
  const to = await resolver.resolve(request.target, true, directory);
  const [path, target] = [filePath(link.path), filePath(to.path)];
  const canonical = link.canonical && to.canonical;
  const operations = [
    fileOperation('symlink', path, { target, canonical }),
    fileOperation('create', path, { canonical: link.canonical }),
  ];
  return {
    verb: 'symlink',
    meaning: meaningOf(operations),
    paths: [path, target],
    details: [],
    // What a link says is text: a relative one stays relative.
    forwards: { type: 'symlink', path: link.path, target: request.target },
    resolved: link,
    failure: link.failure,
  };
}

function planRename(type: 'rename' | 'posix-rename', from: Resolved, to: Resolved): Plan {
  const [path, target] = [filePath(from.path), filePath(to.path)];
  const canonical = from.canonical && to.canonical;
  const tree = from.attributes === null || ['directory', 'unknown'].includes(kindOf(from.attributes));
  const operations = [
    fileOperation('rename', path, { target, canonical, tree }),
    // Under its new name no rule for the old one finds it.
    fileOperation('read', path, { canonical, tree }),
    fileOperation('remove', path, { canonical, tree }),
    fileOperation(to.missing ? 'create' : 'write', target, { canonical, tree }),
  ];
  return {
    verb: 'rename',
    meaning: meaningOf(operations),
    paths: [path, target],
    details: to.missing ? [] : ['replace'],
    forwards: { type, path: from.path, target: to.path },
    resolved: from,
    failure: from.failure ?? to.failure,
  };
}

function planHardlink(from: Resolved, to: Resolved): Plan {
  const [path, target] = [filePath(from.path), filePath(to.path)];
  const canonical = from.canonical && to.canonical;
  const operations = [
    fileOperation('hardlink', path, { target, canonical }),
    // Under its second name no rule for the first one finds it.
    fileOperation('read', path, { canonical }),
    fileOperation('write', path, { canonical }),
    fileOperation('create', target, { canonical }),
  ];
  return {
    verb: 'hardlink',
    meaning: meaningOf(operations),
    paths: [path, target],
    details: [],
    forwards: { type: 'hardlink', path: from.path, target: to.path },
    resolved: from,
    failure: from.failure ?? to.failure,
  };
}

const nowhere: Resolved = {
  path: '/',
  canonical: true,
  attributes: noAttributes,
  missing: false,
  parentMissing: false,
  failure: null,
};

function planUsers(forwards: Unnumbered, name: string): Plan {
  const path = filePath(name);
  const meaning = meaningOf([fileOperation('users', path)]);
  return { verb: 'users', meaning, paths: [path], details: [], forwards, resolved: nowhere, failure: null };
}

function planUserIds({ users, groups }: Of<'users-groups-by-id'>): Plan {
  const plan = planUsers({ type: 'users-groups-by-id', users, groups }, '~');
  return { ...plan, details: [...spellIds('users', users), ...spellIds('groups', groups)] };
}

function spellIds(what: string, ids: Buffer): string[] {
  const spelled: string[] = [];
  for (let at = 0; at < ids.length; at += 4) spelled.push(String(ids.readUInt32BE(at)));
  return spelled.length === 0 ? [] : [`${what} ${spelled.join(' ')}`];
}

/** The answer to REALPATH, as OpenSSH's server gives it: the last name may be missing, those before not. */
export function realpathFailure({ failure, parentMissing }: Resolved): number | null {
  return failure ?? (parentMissing ? status.SSH_FX_NO_SUCH_FILE : null);
}

function meaningOf(operations: readonly FileOperation[]): FileMeaning {
  return { operations, complete: true };
}

function modeOf({ permissions }: Attributes): number | null {
  return permissions === null ? null : permissions & 0o7777;
}
