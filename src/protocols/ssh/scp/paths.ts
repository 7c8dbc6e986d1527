/**
 * Where scp's files really are. Its protocol has no means to ask, so the gate asks whoever carries it: a hidden SFTP
 * conversation with the target answers exactly (`sftp/locator.ts`). Without one, paths are as written, and every
 * operation says that it is not certain where they lead.
 */
import {
  type FileOperation,
  type FileOperationName,
  type FilePath,
  fileOperation,
  filePath,
} from '../../../core/files.ts';
import type { FileIntent } from '../sftp/index.ts';
import { spellMode } from '../sftp/index.ts';
import type { ScpCommand } from './command.ts';

export interface Located {
  /** Absolute and canonical where `canonical` says so. One character per byte. */
  readonly path: string;
  readonly canonical: boolean;
  readonly kind: 'file' | 'directory' | 'missing' | 'unknown';
}

/** Never rejects: what cannot be found out is not canonical. */
export type Locate = (path: string) => Promise<Located>;

export const notLocated: Locate = (path) => Promise.resolve({ path, canonical: false, kind: 'unknown' });

/** A file or directory that comes, and where it may go or come from. */
export interface Entry {
  readonly type: 'file' | 'directory';
  readonly name: string;
  readonly size: number;
  readonly mode: number;
}

/** Where an entry is: inside `directory` (one that is open), or at the top, where the command's paths tell. */
export async function placesOf(
  entry: Entry,
  directory: string | null,
  command: ScpCommand,
  locate: Locate,
): Promise<Located[]> {
  const { name } = entry;
  if (directory !== null) return [await locate(join(directory, name))];
  if (command.direction === 'upload') {
    const [path] = command.paths as [string];
    const target = await locate(path);
    const inside = join(path, name);
    if (target.kind === 'directory' || command.directory) return [await locate(inside)];
    if (target.kind === 'file' || target.kind === 'missing') return [target];
    return [target, await locate(inside)];
  }
  const candidates = command.paths.flatMap((path) => {
    const last = path.replace(/\/+$/, '').split('/').at(-1)!;
    if (last === name) return [path];
    // `.`, `..` and patterns name what they do not spell.
    if (last === '' || last === '.' || last === '..') return [path];
    return /[*?[{~$`]/.test(last) ? [join(path.slice(0, path.lastIndexOf(last)), name)] : [];
  });
  return Promise.all((candidates.length > 0 ? candidates : command.paths).map(locate));
}

export function intentOf(entry: Entry, places: readonly Located[], direction: ScpCommand['direction']): FileIntent {
  const operations: FileOperation[] = [];
  const paths: FilePath[] = [];
  for (const { path: raw, canonical: isCanonical, kind } of places) {
    const path = filePath(raw);
    const canonical = isCanonical && places.length === 1;
    paths.push(path);
    const add = (operation: FileOperationName, more: Partial<FileOperation> = {}): void => {
      operations.push(fileOperation(operation, path, { canonical, ...more }));
    };
    const { size: sizeBytes, mode } = entry;
    if (entry.type === 'directory') {
      if (direction === 'download') add('list', { direction });
      else if (kind !== 'directory') add('mkdir', { direction, mode });
      // With -p, and for what it makes, scp sets the mode of a directory that is there too.
      if (direction === 'upload' && kind === 'directory') add('chmod', { direction, mode });
    } else if (direction === 'download') {
      add('read', { direction, sizeBytes });
    } else {
      add('write', { direction, sizeBytes, mode });
      if (kind !== 'file') add('create', { direction, sizeBytes, mode });
      else add('truncate', { direction, sizeBytes });
    }
  }
  const isFile = entry.type === 'file';
  const verb = !isFile ? (direction === 'download' ? 'list' : 'mkdir') : direction;
  const details = isFile ? [`${entry.size} bytes`] : [];
  if (direction === 'upload') details.push(spellMode(entry.mode));
  return { verb, meaning: { operations, complete: true }, paths, details };
}

export function join(directory: string, name: string): string {
  return directory === '' ? name : directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}
