/**
 * What the gateway says in its own voice within a session, as PostgreSQL says it: refusals and the goodbye.
 * Errors before a session are fatal.ts's.
 *
 * Invariants: every text comes from a verdict or from an error's `publicMessage`, never from a cause or a detail; what a
 * rule's author or a peer put into it cannot move a terminal (I13).
 *
 * Deliberately absent: when to say it and what follows (client-side.ts, relay.ts).
 * Source: PostgreSQL documentation, appendix A "PostgreSQL Error Codes" and chapter 54.8.
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import { escapeText } from '../../base/escape.ts';
import type { SessionEndReason } from '../../core/event.ts';
import type { PendingReview } from '../../core/review.ts';
import type { SessionEnding } from '../../core/session.ts';
import type { Verdict } from '../../core/verdict.ts';
import { sqlStateOf } from './fatal.ts';
import { encodeErrorResponse, encodeNoticeResponse } from './messages.ts';

/** A refusal on its way to the client. */
export interface Denial {
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  /** The whole ErrorResponse. */
  readonly view: Buffer;
}

function denial(code: string, message: string, more: { detail?: string; hint?: string } = {}): Denial {
  return { code, message, view: encodeErrorResponse({ severity: 'ERROR', code, message, ...more }) };
}

/** A message that the gateway cannot pass, after which the conversation goes on. */
export function denialOfError(error: unknown): Denial {
  const message = isGatewayError(error) ? error.publicMessage : 'The gateway could not go on with this message.';
  return denial(sqlStateOf(error), escapeText(message));
}

/** A command that a rule refused. */
export function denialOfVerdict(verdict: Verdict): Denial {
  return denial('42501', escapeText(verdict.reason), {
    detail: `Decided by ${escapeText(verdict.rule)}.`,
    hint: 'Nothing of it has run. Change the statement, or ask an administrator of the gateway about this rule.',
  });
}

/**
 * What the person hears whose command waits for a decision; `waitedMs` is 0 the first time. `code` is the class of
 * successful completion, as that of the server's own notices.
 */
export function noticeOfHold(rule: string, review: PendingReview, waitedMs: number, nowMs: number): Buffer {
  const until = new Date(review.expiresAtMs).toISOString().slice(0, 19);
  const left = minutesOf(Math.max(0, review.expiresAtMs - nowMs));
  const who = escapeText(review.audience);
  return encodeNoticeResponse({
    severity: 'NOTICE',
    code: '00000',
    message:
      waitedMs === 0
        ? `The statement waits for approval by ${who}.`
        : `The statement still waits for approval by ${who}, for ${minutesOf(waitedMs)} now.`,
    detail: `Held by ${escapeText(rule)} as review ${escapeText(review.id)}, until ${until} UTC (${left} left). Nothing of it has run.`,
    hint: `To decide: sallyport reviews show ${escapeText(review.id)} , or ${escapeText(review.link)} . Cancel the statement to withdraw it.`,
  });
}

/** What the gateway has to say to the person, beside any statement. */
export function noticeOfGateway(text: string): Buffer {
  return encodeNoticeResponse({
    severity: 'NOTICE',
    code: '00000',
    message: escapeText(text),
    detail: 'A message of the gateway, not of the server.',
  });
}

function minutesOf(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `${seconds} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** A command that its owner cancelled before it was forwarded: the server's own words. */
export function denialOfCancel(): Denial {
  return denial('57014', 'canceling statement due to user request');
}

/** FunctionCall, which the gateway does not pass (A-PG-19). */
export function denialOfFunctionCall(): Denial {
  return denial('0A000', 'The function call protocol does not pass this gateway.', {
    hint: 'Call the function by SQL: SELECT function(…).',
  });
}

const statesByReason: Readonly<Record<SessionEndReason, string>> = {
  'client-closed': '57P01',
  'upstream-closed': '08006',
  killed: '57P01',
  locked: '57P01',
  'token-revoked': '57P01',
  idle: '57P05',
  drained: '57P01',
  violation: '08P01',
  verdict: '42501',
  'recording-failed': '58030',
  space: '53100',
  'upstream-violation': '08P01',
  interrupted: '57P01',
  failed: 'XX000',
};

/** The goodbye of a session that the gateway ends. */
export function renderEnding(ending: SessionEnding): Buffer {
  return encodeErrorResponse({
    severity: 'FATAL',
    code: statesByReason[ending.reason],
    message: escapeText(ending.message),
    ...(ending.by === null ? {} : { detail: `Ended by ${escapeText(ending.by)}.` }),
  });
}

/** For `Door.violation`: what went wrong, in words for an operator. */
export function violationOf(error: unknown): { code: string; detail: string } {
  return isGatewayError(error)
    ? { code: error.code, detail: error.detail ?? error.publicMessage }
    : { code: 'postgres.failed', detail: describeError(error) };
}
