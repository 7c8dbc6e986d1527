/**
 * Finds the records that a target will not take, where it refuses a batch as a whole: by halves, in order.
 *
 * Invariant: every record is taken or named, and none is sent before one in front of it was answered for. A target that takes
 * parts of what it refuses gets those again: at least once.
 */
import type { SendOutcome, SinkRecord } from './transport.ts';

/** `unclear`: something in it is refused for good, or it is too large, and the target does not say which. */
export type Attempt = SendOutcome | { readonly outcome: 'unclear'; readonly why: string };

export async function sendHalving(
  batch: readonly SinkRecord[],
  attempt: (part: readonly SinkRecord[]) => Promise<Attempt>,
): Promise<SendOutcome> {
  const refused: { at: number; why: string }[] = [];
  const send = async (from: number, to: number): Promise<void> => {
    const answer = await attempt(batch.slice(from, to));
    if (answer.outcome === 'taken') return;
    if (answer.outcome === 'refused') {
      for (const { at, why } of answer.refused) refused.push({ at: from + at, why });
    } else if (to - from === 1) {
      refused.push({ at: from, why: answer.why });
    } else {
      const middle = from + Math.ceil((to - from) / 2);
      await send(from, middle);
      await send(middle, to);
    }
  };
  await send(0, batch.length);
  return refused.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused };
}
