/**
 * What `kubectl cp` carries: an exec of `tar` whose stream is read while it passes, member by member.
 *
 * Each member is a command of the kind that transfers have elsewhere, noted as it passed: rules about files raise alerts on it,
 * and what they stop is stopped before by the paths of the exec's arguments (transfer.ts). Names and digests go into the record.
 *
 * Deliberately absent: unpacking (A-K8S-10), archives that are compressed or not at standard input or output.
 */
import { isGatewayError } from '../../base/errors.ts';
import type { CommandDraft } from '../../core/command.ts';
import { effectOfFiles, type FileMeaning, fileOperation, filePath } from '../../core/files.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { ContentHit, ContentScan, MaskedOutput, OutputMask } from '../../core/masking.ts';
import type { Command, Session } from '../../core/session.ts';
import * as limits from './limits.ts';
import { type DataChannel, type TarEntry, TarListing } from './streams/index.ts';

export type ArchiveDirection = 'upload' | 'download';

/** Which way an exec carries a plain archive; null where it does not. */
export function archiveOf({ exec }: KubernetesMeaning): ArchiveDirection | null {
  if (exec === null || exec.kind !== 'exec' || exec.tty) return null;
  const [program = '', ...words] = exec.command;
  if (!/(?:^|\/)(?:tar|bsdtar|gtar)$/.test(program)) return null;
  const [mode = ''] = words;
  const flags = mode.replace(/^-/, '');
  // kubectl's own spellings: `tar cf - PATH`, `tar -xmf - -C DIR`. A compressed one is passed without a listing.
  if (!/^[cxmfpvo]+$/.test(flags) || !flags.includes('f') || words[1] !== '-') return null;
  if (flags.includes('c') === flags.includes('x')) return null;
  return flags.includes('x') ? 'upload' : 'download';
}

/**
 * Where Masks apply: an archive is no text, and rewritten it would be broken, so that it is looked through, and ends before
 * what a Mask would hide. `stop`: something was found.
 */
export function archiveMasks(
  command: Command,
  stop: (text: string) => void,
): readonly [OutputMask | null, OutputMask | null] {
  const streams = command.judgement?.output?.streams ?? null;
  return streams === null ? [null, null] : [new ScannedOutput(streams.content(), stop), streams.plain()];
}

/** Passes what is certain to be no part of a finding, until there is one. */
class ScannedOutput implements OutputMask {
  readonly hits = new Map<string, number>();
  readonly #scan: ContentScan;
  readonly #stop: (text: string) => void;
  #held: Buffer = Buffer.alloc(0);
  #passed = 0;

  constructor(scan: ContentScan, stop: (text: string) => void) {
    this.#scan = scan;
    this.#stop = stop;
  }

  push(view: Buffer): MaskedOutput {
    if (this.hits.size > 0) return { bytes: Buffer.alloc(0), holdUntilMs: null };
    return { bytes: this.#take(view, this.#scan.push(view)), holdUntilMs: null };
  }

  flush(): MaskedOutput {
    return { bytes: Buffer.alloc(0), holdUntilMs: null };
  }

  end(): Buffer {
    return this.hits.size > 0 ? Buffer.alloc(0) : this.#take(Buffer.alloc(0), this.#scan.end());
  }

  #take(view: Buffer, hit: ContentHit | null): Buffer {
    if (hit !== null) {
      this.hits.set(hit.rule, 1);
      this.#held = Buffer.alloc(0);
      this.#stop(`the archive holds what the detector ${hit.detector} finds, and a Mask applies (rule ${hit.rule})`);
      return Buffer.alloc(0);
    }
    const all = this.#held.length === 0 ? view : Buffer.concat([this.#held, view]);
    const clear = all.subarray(0, this.#scan.clearBytes - this.#passed);
    this.#held = Buffer.from(all.subarray(clear.length));
    this.#passed += clear.length;
    return clear;
  }
}

export class Archive {
  readonly #session: Session;
  readonly #command: Command;
  readonly #direction: ArchiveDirection;
  readonly #listing = new TarListing();
  #isOver = false;

  constructor(session: Session, command: Command, direction: ArchiveDirection) {
    this.#session = session;
    this.#command = command;
    this.#direction = direction;
  }

  seen(channel: DataChannel, view: Buffer): void {
    if (channel === (this.#direction === 'upload' ? 'stdin' : 'stdout')) this.#listing.push(view);
  }

  /** No more passes: says what did. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const session = this.#session;
    if (session.ended) return;
    const { entries, omitted, bytes, isComplete, fault } = this.#listing.summary(true);
    let told = 0;
    while (told < entries.length && told < limits.archiveCommandsMax && this.#tell(entries[told]!)) told++;
    const more = omitted + entries.length - told;
    session.observe({
      type: 'message',
      command: this.#command.ordinal,
      level: 'gateway',
      code: 'archive',
      text: `${this.#direction} of an archive: ${entries.length + omitted} members, ${bytes} bytes${fault === null ? '' : `; ${fault}`}`,
      fields: {
        direction: this.#direction,
        members: String(entries.length + omitted),
        bytes: String(bytes),
        complete: String(isComplete),
        ...(more === 0 ? {} : { omitted: String(more) }),
      },
    });
  }

  /** False: there is no room for more commands; the summary counts the rest. */
  #tell(entry: TarEntry): boolean {
    try {
      this.#submit(entry);
      return true;
    } catch (error) {
      if (isGatewayError(error)) return false;
      throw error;
    }
  }

  #submit(entry: TarEntry): void {
    const session = this.#session;
    const direction = this.#direction;
    const digest = entry.sha256 === null ? '' : `, sha256 ${entry.sha256}`;
    session.submit(draftOf(entry, direction, this.#command.ordinal), (command) => {
      session.observe({
        type: 'message',
        command: command.ordinal,
        level: 'gateway',
        code: 'archive-member',
        text: `${direction} ${entry.name}`,
        fields: {
          direction,
          path: entry.name,
          type: entry.type,
          bytes: String(entry.bytes),
          mode: entry.mode.toString(8).padStart(4, '0'),
          ...(entry.sha256 === null ? {} : { sha256: entry.sha256 }),
          ...(entry.target === null ? {} : { target: entry.target }),
          ...(entry.isSuspicious ? { suspicious: 'true' } : {}),
        },
      });
      if (command.state !== 'released') return;
      const tag = `${direction} ${entry.bytes} bytes${digest}`;
      session.complete(command, { outcome: 'completed', tag, error: null, rows: 0, bytes: entry.bytes });
    });
  }
}

function draftOf(entry: TarEntry, direction: ArchiveDirection, of: number): CommandDraft {
  const path = filePath(Buffer.from(entry.name));
  const more = { direction, sizeBytes: entry.bytes, mode: entry.mode, canonical: false } as const;
  const target = entry.target === null ? null : filePath(Buffer.from(entry.target));
  const operation =
    direction === 'download'
      ? fileOperation('read', path, more)
      : entry.type === 'directory'
        ? fileOperation('mkdir', path, more)
        : entry.type === 'symbolic-link'
          ? fileOperation('symlink', path, { ...more, target })
          : entry.type === 'hard-link'
            ? fileOperation('hardlink', path, { ...more, target })
            : fileOperation('write', path, more);
  const file: FileMeaning = { operations: [operation], complete: true };
  const text = `${direction} ${path.shown}`;
  return {
    kind: 'transfer',
    verb: direction,
    text,
    recordedText: text,
    parameters: null,
    effect: effectOfFiles(file),
    meaning: { language: 'file', file },
    context: {},
    of,
    observed: true,
  };
}
