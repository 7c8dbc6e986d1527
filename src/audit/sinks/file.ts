/**
 * Files: a new one each day of the events themselves, one line an event, on another mount or for a shipper that tails it.
 *
 * Invariants (A-REC-03): the directory must exist, since an unmounted one must not be written in its place; a name is made of the
 * gateway's id and a day alone; no link is followed, nothing but a plain file with one name is written to; 0600. A batch is taken
 * once it is on the disk.
 *
 * Deliberately absent: deleting and compressing old files, which is for whoever owns the place.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { describeError } from '../../base/errors.ts';
import type { SinkTarget } from '../../core/sink.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SendOutcome, SinkRecord, Transport, TransportParts } from './transport.ts';

type FileTarget = NonNullable<SinkTarget['file']>;

export function createFile(target: FileTarget, parts: TransportParts): Transport {
  return new FileTransport(target.directory, parts);
}

class FileTransport implements Transport {
  readonly batchRecordsMax = limits.batchRecordsMax;
  readonly batchBytesMax = limits.batchBytesMax;
  readonly #directory: string;
  readonly #prefix: string;
  readonly #extension: string;
  #day = '';
  #file: FileHandle | null = null;

  constructor(directory: string, parts: TransportParts) {
    if (!isAbsolute(directory)) throw sinkProblem('its directory is not absolute');
    this.#directory = directory;
    this.#prefix = `sallyport-${parts.gateway.replace(/[^A-Za-z0-9_-]/g, '_')}`;
    this.#extension = parts.format === 'cef' ? 'cef' : 'jsonl';
  }

  async send(batch: readonly SinkRecord[], signal: AbortSignal): Promise<SendOutcome> {
    try {
      let lines = '';
      for (const record of batch) {
        const day = new Date(record.activity.event.at).toISOString().slice(0, 10);
        if (day !== this.#day || this.#file === null) {
          await this.#write(lines);
          lines = '';
          signal.throwIfAborted();
          await this.#open(day);
        }
        lines += `${record.text}\n`;
      }
      await this.#write(lines);
      return { outcome: 'taken' };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #open(day: string): Promise<void> {
    await this.close();
    const path = join(this.#directory, `${this.#prefix}-${day}.${this.#extension}`);
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600).catch((error) => {
      throw sinkProblem(`its file cannot be opened: ${codeOf(error)}`, error);
    });
    this.#file = file;
    this.#day = day;
    const { size, nlink } = await requirePlain(file);
    if (nlink > 1) throw sinkProblem('its file has a second name, and is not written to');
    // A line that a crash cut short stands by itself; its event comes again, whole.
    if (size > 0 && !(await endsWithLine(file, size))) await file.appendFile('\n');
    const inode = await stat(this.#directory);
    if (!inode.isDirectory()) throw sinkProblem('its directory is none');
  }

  async #write(lines: string): Promise<void> {
    if (lines === '' || this.#file === null) return;
    try {
      await this.#file.appendFile(lines);
      await this.#file.datasync();
    } catch (error) {
      throw sinkProblem(`its file cannot be written: ${codeOf(error)}`, error);
    }
  }
}

async function requirePlain(file: FileHandle): Promise<{ readonly size: number; readonly nlink: number }> {
  const found = await file.stat();
  if (!found.isFile()) throw sinkProblem('its file is not a plain one');
  return found;
}

async function endsWithLine(file: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

/** `ENOSPC` and its like: the whole message would name the path. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : describeError(error);
}
