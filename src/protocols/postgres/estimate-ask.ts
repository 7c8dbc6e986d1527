/**
 * Asks the server about a held statement (estimate.ts), on a connection of its own that is gone afterwards.
 *
 * Invariants: it never rejects, and ends within `estimateDeadlineMs`, whatever the server does; few questions are asked at
 * once, and one too many is not asked. The connection plans as the session would: the same credential, role and search
 * path.
 *
 * Deliberately absent: whether it may be asked (estimate.ts).
 */
import { withDeadline } from '../../base/deadline.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import { sqlOf } from '../../core/command.ts';
import type { Door } from '../../core/protocol.ts';
import type { RowEstimate } from '../../core/review.ts';
import type { Command, Session } from '../../core/session.ts';
import { type EstimateValues, estimateQuestion, readPlan } from './estimate.ts';
import * as limits from './limits.ts';
import { quoteIdentifier } from './statements.ts';
import { askPreview } from './upstream.ts';
import { readUpstreamSettings } from './upstream-settings.ts';

/** Why the server would not plan it, by SQLSTATE. */
const refusals: Readonly<Record<string, string>> = {
  '42501': 'the credential may not do it',
  '55P03': 'someone holds a lock on what it touches',
  '57014': 'planning takes too long',
};

/** Asks for one database; as many as `estimatesAtOnceMax` at once. */
export class Estimator {
  #running = 0;

  async ask(
    session: Session,
    command: Command,
    { path, values }: { readonly path: readonly string[]; readonly values: EstimateValues },
    door: Pick<Door, 'clock' | 'log' | 'signal' | 'violation'>,
  ): Promise<RowEstimate> {
    const { resource } = session;
    const { text, context } = command.draft;
    const { role, session_user: sessionUser } = context;
    const unasked = (why: string): RowEstimate => ({ rows: null, why });
    const statement = sqlOf(command.draft.meaning)?.statements[0];
    if (readUpstreamSettings(resource).estimates !== 'explain') return unasked('the resource is not asked');
    if (role === undefined || statement === undefined) return unasked('its session is not known');
    if (sessionUser !== resource.credential?.username) return unasked('its session runs as another user');
    if (this.#running >= limits.estimatesAtOnceMax) return unasked('too many are being asked about');
    const view = estimateQuestion(text, values);
    if (view.length > limits.estimateQuestionBytesMax) return unasked('it is too long');
    const settings: (readonly [string, string])[] = [
      // Another session's temporary objects may be under the same number there.
      [
        'search_path',
        path
          .filter((schema) => !schema.startsWith('pg_temp'))
          .map(quoteIdentifier)
          .join(', '),
      ],
      ['standard_conforming_strings', 'on'],
      ['statement_timeout', String(limits.estimateStatementMs)],
      ['lock_timeout', String(limits.estimateLockMs)],
      ...(role === sessionUser ? [] : [['role', role] as const]),
    ];
    this.#running++;
    const work = askPreview(session, command, door, { view, settings }).finally(() => {
      this.#running--;
    });
    try {
      const answer = await withDeadline(work, limits.estimateDeadlineMs, 'a question about a statement', door.clock);
      if (answer.refusal === null) {
        const estimate = readPlan(answer.rows, statement);
        note(session, command, estimate);
        return estimate;
      }
      const state = /^[0-9A-Z]{5}$/.test(answer.refusal) ? answer.refusal : 'XX000';
      return unasked(refusals[state] ?? `the server would not plan it (${state})`);
    } catch (error) {
      const code = isGatewayError(error) ? error.code : null;
      door.log.warn('a statement could not be explained', { code, session: session.id, detail: describeError(error) });
      return unasked('the server could not be asked in time');
    }
  }
}

/** What was asked on behalf of a command stands in its session's recording. */
function note(session: Session, command: Command, estimate: RowEstimate): void {
  if (session.ended) return;
  const text = estimate.rows === null ? estimate.why : `the planner expects about ${estimate.rows} rows`;
  session.observe({ type: 'message', command: command.ordinal, level: 'gateway', code: '00000', text, fields: {} });
}
