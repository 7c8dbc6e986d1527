/** What a verification says. */
import * as limits from './limits.ts';
import type { WitnessReport } from './witnesses.ts';

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
  /** Events were given up, and the journal does not say so, or the events are still there. */
  | 'pruned'
  | 'recording-missing'
  /** It was deleted, and it or its key is still there. */
  | 'recording-present'
  /** Its wrapped key is not the one that it was sealed with. */
  | 'recording-key'
  /** What stands in place of it is not what the journal says. */
  | 'recording-gone'
  | 'recording-swapped'
  | 'recording-digest'
  | 'recording-order'
  | 'recording-length';

export interface Problem {
  /** A stable word for scripts. */
  readonly code: ProblemCode;
  readonly where: 'segment' | 'checkpoint' | 'recording' | 'external';
  /** The checkpoint kept elsewhere that says so. */
  readonly witness?: string;
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
  /** Events of which only the digest is left: pruned, as the journal says. */
  readonly prunedEvents: number;
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
  /** Recordings that were deleted, as the journal says. */
  readonly deletedRecordings: number;
  /** Recordings that the journal says lie elsewhere, and that no copy was given of. */
  readonly releasedRecordings: number;
  /** Removals of recordings that were begun and not finished: the next start finishes them. */
  readonly unfinishedRemovals: number;
  /** What the last checkpoint in the journal covers; null where there is none. */
  readonly head: { readonly sequence: number; readonly root: string; readonly text: string } | null;
  /** What stands of each checkpoint that was kept elsewhere, the one given as `checkpoint` first. */
  readonly witnesses: readonly WitnessReport[];
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
