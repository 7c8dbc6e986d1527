/**
 * Proof of one recording, for whoever looks at it: its bytes against the journal's digests, and the checkpoint over these.
 *
 * Deliberately absent: recordings of other gateways, whose journals and files lie with them.
 */

import type { RecordingProofView } from '../api/contract/index.ts';
import type { Event } from '../core/event.ts';
import { parseCheckpoint, proveRecording, readEvents } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import * as limits from './limits.ts';

export interface RecordingProofParts {
  readonly gateway: string;
  readonly dataDirectory: string;
  /** Where recordings lie. */
  readonly directory: string;
  readonly store: Pick<Store, 'sessions'>;
  readonly journal: { readonly durableSequence: number; checkpoint(): Promise<string | null> };
}

const unseen = { parts: 0, bytes: 0, events: null, checkpoint: null, problem: null } as const;

export function recordingProofs(parts: RecordingProofParts): (session: string) => Promise<RecordingProofView> {
  const { gateway, dataDirectory, directory, store, journal } = parts;
  return async (session) => {
    const row = await store.sessions.get(session);
    if (row === null) return { state: 'live', ...unseen };
    if (row.gateway !== gateway) return { state: 'elsewhere', ...unseen };
    const from = row.openSeq;
    const to = Math.min(journal.durableSequence, from + limits.proofEventsMax);
    const events: AsyncIterable<Event> = readEvents(dataDirectory, {
      from,
      to,
      types: ['recording.chunk', 'recording.sealed'],
    });
    const { state, chunks, bytes, first, last, problem } = await proveRecording(directory, session, events);
    return {
      state,
      parts: chunks,
      bytes,
      events: first === null || last === null ? null : { first, last },
      checkpoint: last === null ? null : await covering(journal, last),
      problem,
    };
  };
}

async function covering(
  journal: RecordingProofParts['journal'],
  last: number,
): Promise<RecordingProofView['checkpoint']> {
  const text = await journal.checkpoint();
  if (text === null) return null;
  const { origin, size, atMs } = parseCheckpoint(text);
  return size < last ? null : { journal: origin, size, at: new Date(atMs).toISOString() };
}
