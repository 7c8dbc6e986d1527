/** What a verification says. */
import * as limits from './limits.ts';

export type ProblemCode =
  /** Bytes of a segment are not those that were written. */
  | 'frame'
  /** Events are missing within the journal. */
  | 'gap'
  | 'foreign-file'
  | 'checkpoint'
  | 'signature'
  /** The journal ends before a checkpoint that was kept elsewhere. */
  | 'missing-tail'
  /** The journal says something else than a checkpoint that was kept elsewhere. */
  | 'rewritten'
  | 'checkpoint-given'
  | 'recording-missing'
  | 'recording-swapped'
  | 'recording-digest'
  | 'recording-order'
  | 'recording-length';

export interface Problem {
  /** A stable word for scripts. */
  readonly code: ProblemCode;
  readonly where: 'segment' | 'checkpoint' | 'recording' | 'external';
  /** File name of the segment, or of the recording. */
  readonly file?: string;
  /** Byte offset in that file. */
  readonly offset?: number;
  /** First event that is not proven. */
  readonly sequence?: number;
  readonly session?: string;
  readonly chunk?: number;
  /** In plain words. */
  readonly text: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** The first problems; `problemCount` counts all. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  /** Name of the journal, or null where there is none. */
  readonly origin: string | null;
  readonly events: number;
  /** Root of the Merkle tree over the events read, hexadecimal. */
  readonly root: string;
  readonly segments: number;
  readonly checkpoints: number;
  readonly recordings: number;
  readonly chunks: number;
  readonly bytes: number;
  /** Events behind the last checkpoint: chained, and not yet covered by a signature. */
  readonly uncovered: number;
  /** Bytes of a frame that was being written when the gateway stopped or the reading began. */
  readonly unfinishedJournalBytes: number;
  /** Recordings that were never sealed: of live sessions, or of sessions that a crash cut off. */
  readonly unfinishedRecordings: number;
  /** What the last checkpoint in the journal covers; null where there is none. */
  readonly head: { readonly sequence: number; readonly root: string; readonly text: string } | null;
  readonly durationMs: number;
  readonly firstAtMs: number | null;
  readonly lastAtMs: number | null;
}

export class Problems {
  readonly #listed: Problem[] = [];
  #count = 0;

  get listed(): readonly Problem[] {
    return this.#listed;
  }
  get count(): number {
    return this.#count;
  }

  add(problem: Problem): void {
    this.#count++;
    if (this.#listed.length < limits.problemsListedMax) this.#listed.push(problem);
  }
}
