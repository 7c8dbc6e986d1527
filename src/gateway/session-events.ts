/**
 * The journal's events about one session, picked from all: those that name it, and the decisions on its reviews, which
 * name the review only.
 *
 * Invariant: it ends with the journal, or when the session has ended and nothing more can come of its reviews; memory is
 * bounded by the session's own reviews.
 */
import type { Event } from '../core/event.ts';

/** `events` begin at the session's opening. */
export async function* eventsOfSession(
  events: AsyncIterable<Event>,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<Event, void, undefined> {
  /** Reviews of the session that are not over. */
  const open = new Set<string>();
  const ours = new Set<string>();
  let isEnded = false;
  for await (const event of events) {
    if (signal.aborted) return;
    if ('review' in event) {
      if (event.type === 'review.requested' && event.session === id) {
        ours.add(event.review);
        open.add(event.review);
      }
      if (!ours.has(event.review)) continue;
      if (event.type === 'review.ended' || (event.type === 'review.decided' && event.state === 'denied')) {
        open.delete(event.review);
      }
      yield event;
    } else if ('session' in event && event.session === id) {
      yield event;
      if (event.type === 'session.ended') isEnded = true;
    }
    if (isEnded && open.size === 0) return;
  }
}
