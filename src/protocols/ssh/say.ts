/**
 * What the gateway says to the person at the other end: on the error stream of a command, or in a terminal.
 *
 * Invariant: nothing foreign is said unescaped; each line names the gateway.
 */
import { escapeLine, escapeText } from '../../base/escape.ts';
import type { PendingReview } from '../../core/review.ts';
import type { SessionEnding } from '../../core/session.ts';
import type { Verdict } from '../../core/verdict.ts';

/** One line, as a terminal in raw mode needs it. */
export function line(text: string): Buffer {
  return Buffer.from(`sallyport: ${escapeLine(text)}\r\n`);
}

/** What the target says before there is a terminal: its lines, with nothing in them that moves a cursor. */
export function foreign(text: string): Buffer {
  return Buffer.from(`${escapeText(text.replace(/\r\n?/g, '\n').trimEnd()).replaceAll('\n', '\r\n')}\r\n`);
}

export function denial(verdict: Verdict): string {
  return `${verdict.reason} (rule ${verdict.rule})`;
}

/** `waitedMs` 0: it has only just been held. */
export function held(review: PendingReview, waitedMs: number): string {
  if (waitedMs === 0) {
    return `held until ${review.audience} approves it: ${review.link} (Ctrl-C withdraws it)`;
  }
  return `still held, for ${Math.round(waitedMs / 1000)} s: ${review.link}`;
}

export function goodbye(ending: SessionEnding): string {
  return ending.message === '' ? 'The session ended.' : ending.message;
}
