/** What the person is told when the gate itself ends something. */
import { escapeLine } from '../../base/escape.ts';
import type { FreezeReason, UnhookedReason } from './types.ts';

export const unhookedMessages: Readonly<Record<UnhookedReason, string>> = {
  'no-side-channel':
    'The shell could not be gated: the target opened no second channel (MaxSessions, a forced command?).',
  'no-directory': 'The shell could not be gated: the target has no directory for the session to write to.',
  'shell-unsupported': 'The shell could not be gated: only bash, zsh, fish, dash and busybox sh can be.',
  'shell-too-old': 'The shell could not be gated: its version is too old.',
  'no-hello': 'The shell could not be gated: it did not start as it should (a start-up file that starts another one?).',
  'wrong-hello': 'The shell could not be gated: something else answered in its place.',
  'not-ready': 'The shell could not be gated: its start-up files did not come to an end.',
  'input-overflow': 'The shell could not be gated: too much was typed before it was ready.',
};

export const freezeMessages: Readonly<Record<FreezeReason, string>> = {
  'ran-unasked': 'Something ran at the prompt that nobody was asked about.',
  'hooks-silent': 'The integration of the shell did not report the line.',
  'commands-silent': 'The integration of the shell stopped reporting commands.',
  'unknown-nonce': 'Something on the terminal pretended to be the integration of the shell.',
  'side-channel-ended': 'The integration of the shell has lost its channel.',
  'side-channel-malformed': 'The integration of the shell sent what it must not send.',
  'token-reused': 'The integration of the shell sent a question twice.',
  'too-many-asks': 'Too many commands wait for an answer at once.',
  'queue-overflow': 'Too much was typed while a command waited.',
};

/** A line of the gate's own, between two rows of whatever is on the screen. `color`: an SGR colour. */
export function spoken(speaker: string, text: string, color: number): Buffer {
  return Buffer.from(`\r\n\x1b[${color}m${speaker}: ${escapeLine(text)}\x1b[0m\r\n`, 'utf8');
}
