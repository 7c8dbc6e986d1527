/**
 * What the gateway says to the person at the other end: on the error stream of a command, or in a terminal.
 *
 * Invariant: nothing foreign is said unescaped; each line names the gateway.
 */
import { escapeLine, escapeText } from '../../base/escape.ts';
import type { SessionEnding } from '../../core/session.ts';

export { denial, held } from '../../core/say.ts';

/** One line, as a terminal in raw mode needs it. */
export function line(text: string): Buffer {
  return Buffer.from(`sallyport: ${escapeLine(text)}\r\n`);
}

/** What the target says before there is a terminal: its lines, with nothing in them that moves a cursor. */
export function foreign(text: string): Buffer {
  return Buffer.from(`${escapeText(text.replace(/\r\n?/g, '\n').trimEnd()).replaceAll('\n', '\r\n')}\r\n`);
}

export function goodbye(ending: SessionEnding): string {
  return ending.message === '' ? 'The session ended.' : ending.message;
}
