/** Verdicts and endings in the protocol's own form. */
import type { SessionEnding } from '../../core/session.ts';
import type { Verdict } from '../../core/verdict.ts';
import { encodeFailure } from './messages.ts';

/** The answer to a command that a rule refused; the conversation goes on. */
export function renderVerdict(verdict: Verdict): Buffer {
  return encodeFailure('ERR', 'refused', verdict.reason);
}

/** The last line of a session that the gateway ends. */
export function renderEnding(ending: SessionEnding): Buffer {
  return encodeFailure('BYE', ending.reason, ending.message);
}
