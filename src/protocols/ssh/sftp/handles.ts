/**
 * What a client has open. Handles towards the client are the gate's own, so that none is valid that this gate did not
 * give out, and none after its CLOSE.
 *
 * Invariant: the client's handle is as long as the server's where that has four bytes or more, so that a WRITE can be
 * passed on without being copied.
 */
import type { FilePath } from '../../../core/files.ts';
import type { Command } from '../../../core/session.ts';
import type { InspectedDownload } from './inspected-download.ts';
import type { InspectedUpload } from './inspected-upload.ts';
import { HandleLane } from './lane.ts';
import * as limits from './limits.ts';
import type { Pace } from './pace.ts';
import { Transfer } from './transfer.ts';

export interface OpenDirectory {
  readonly type: 'directory';
  readonly handle: Buffer;
  readonly upstream: Buffer;
  readonly command: Command;
  readonly path: FilePath;
  readonly lane: HandleLane;
  entries: number;
  bytes: number;
  cut: string | null;
}

export interface OpenFile {
  readonly type: 'file';
  readonly handle: Buffer;
  readonly upstream: Buffer;
  readonly command: Command;
  readonly path: FilePath;
  readonly canonical: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly appends: boolean;
  /** The file was not there before, and its OPEN made it. */
  readonly created: boolean;
  /** Size and mode as it was opened. */
  readonly sizeBytes: number | null;
  readonly mode: number | null;
  readonly lane: HandleLane;
  readonly down: Transfer;
  readonly up: Transfer;
  readonly pace: Pace | null;
  inspectedDownload: InspectedDownload | null;
  inspectedUpload: InspectedUpload | null;
  /** Why nothing more passes, for the person; null while it does. */
  cut: string | null;
  /** Something was refused by the target on the way. */
  failed: boolean;
}

export type OpenHandle = OpenFile | OpenDirectory;

type Made<T extends OpenHandle> = Omit<
  T,
  | 'type'
  | 'handle'
  | 'lane'
  | 'down'
  | 'up'
  | 'entries'
  | 'bytes'
  | 'cut'
  | 'failed'
  | 'inspectedDownload'
  | 'inspectedUpload'
>;

export class Handles {
  readonly #open = new Map<string, OpenHandle>();
  readonly #closing = new Set<OpenHandle>();
  #next = 1;

  get isFull(): boolean {
    return this.#open.size + this.#closing.size >= limits.handlesMax;
  }

  /** Those that are being closed are among them. */
  get all(): readonly OpenHandle[] {
    return [...this.#open.values(), ...this.#closing];
  }

  addFile(made: Made<OpenFile>): OpenFile {
    return this.#add({
      ...made,
      type: 'file',
      handle: this.#handle(made.upstream),
      lane: new HandleLane(),
      down: new Transfer(),
      up: new Transfer(),
      inspectedDownload: null,
      inspectedUpload: null,
      cut: null,
      failed: false,
    });
  }

  addDirectory(made: Made<OpenDirectory>): OpenDirectory {
    const handle = this.#handle(made.upstream);
    return this.#add({ ...made, type: 'directory', handle, lane: new HandleLane(), entries: 0, bytes: 0, cut: null });
  }

  get(handle: Buffer): OpenHandle | null {
    return this.#open.get(handle.toString('latin1')) ?? null;
  }

  /** Its CLOSE is on its way: the handle is not valid any more, the file is not done with yet. */
  closing(open: OpenHandle): void {
    this.#open.delete(open.handle.toString('latin1'));
    this.#closing.add(open);
  }

  remove(open: OpenHandle): void {
    this.#open.delete(open.handle.toString('latin1'));
    this.#closing.delete(open);
  }

  #add<T extends OpenHandle>(open: T): T {
    this.#open.set(open.handle.toString('latin1'), open);
    return open;
  }

  #handle(upstream: Buffer): Buffer {
    const handle = Buffer.alloc(Math.max(4, upstream.length));
    handle.writeUInt32BE(this.#next);
    this.#next = (this.#next + 1) >>> 0;
    return handle;
  }
}
