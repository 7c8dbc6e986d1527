/** Makes the Command of a file operation: what is judged, shown to reviewers, and recorded. For SFTP and scp alike. */
import type { CommandDraft, Meaning } from '../../../core/command.ts';
import { effectOfFiles, type FileMeaning, type FilePath } from '../../../core/files.ts';

/** Every verb of a file command. A closed list: rules may name them. */
export const fileVerbs = [
  'download',
  'upload',
  /** A file is open for reading and writing at once. */
  'update',
  'list',
  /** Size, times, mode: STAT, LSTAT, the free space. */
  'stat',
  'readlink',
  'realpath',
  /** Names and home directories of users. */
  'users',
  'remove',
  'rename',
  'mkdir',
  'rmdir',
  'setstat',
  'symlink',
  'hardlink',
  'copy',
] as const;
export type FileVerb = (typeof fileVerbs)[number];

/** What a request would do, before it is asked for. */
export interface FileIntent {
  readonly verb: FileVerb;
  readonly meaning: FileMeaning;
  /** As they stand in the text. */
  readonly paths: readonly FilePath[];
  /** What else a reviewer must know: modes, sizes. */
  readonly details: readonly string[];
}

/** `how`: `sftp` or `scp`. `now`: what it would do by now, for a command that waited. */
export function draftOf(intent: FileIntent, how: string, now?: () => Promise<Meaning | null>): CommandDraft {
  const { verb, meaning, paths, details } = intent;
  const shown = paths.map((path) => path.shown).join(' ');
  const text = `${verb} ${shown}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
  return {
    kind: 'transfer',
    verb,
    text,
    recordedText: text,
    parameters: null,
    effect: effectOfFiles(meaning),
    meaning: { language: 'file', file: meaning },
    ...(now === undefined ? {} : { meaningNow: now }),
    context: { through: how },
    of: null,
  };
}

/** A mode as people write it. */
export function spellMode(mode: number): string {
  return `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
}
