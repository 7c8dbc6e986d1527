/**
 * What the rules did in a session, put between what was recorded of it: verdicts, reviews, alerts, limits, masks.
 *
 * The two come from different logs whose clocks are one but whose granularity is a millisecond: an event about a command
 * is shown after the command itself, and before whatever came later.
 *
 * Deliberately absent: reading, and how a command looks (transcript.ts).
 */
import type { RecordedEntryView, SessionEventView } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { Palette } from '../output/colour.ts';
import { groupDigits } from '../output/time.ts';

export type Masked = ReadonlyMap<number, Readonly<Record<string, number>>>;

/** How many values were masked, by command and Mask. */
export function maskedOf(events: readonly SessionEventView[]): Masked {
  return new Map(events.flatMap((event) => (event.type === 'masked' ? [[event.command, event.masked] as const] : [])));
}

/** `masked 3 by customer-pii`, escaped. */
export function maskedText(masked: Readonly<Record<string, number>>): string {
  return escapeLine(
    `masked ${Object.entries(masked)
      .map(([rule, amount]) => `${groupDigits(amount)} by ${rule}`)
      .join(', ')}`,
  );
}

/** Events in their order, given out when the recording has come to their place. */
export class Interleaved {
  #waiting: readonly SessionEventView[];
  readonly #seen = new Set<number>();

  constructor(events: readonly SessionEventView[]) {
    this.#waiting = events.filter(({ type }) => type !== 'masked');
  }

  /** What belongs before the entry. */
  before(entry: RecordedEntryView): readonly SessionEventView[] {
    const at = Date.parse(entry.at);
    const due = this.#take((event) => {
      const isAwaited = event.command !== null && !this.#seen.has(event.command);
      // In the same millisecond, what the rules say of a command comes before what comes of it.
      return Date.parse(event.at) <= (isAwaited ? at - commandLagMs : at);
    });
    if (entry.type === 'command') this.#seen.add(entry.command);
    return due;
  }

  /** What came after everything. */
  rest(): readonly SessionEventView[] {
    return this.#take(() => true);
  }

  #take(isDue: (event: SessionEventView) => boolean): readonly SessionEventView[] {
    let due = 0;
    while (due < this.#waiting.length && isDue(this.#waiting[due]!)) due++;
    const taken = this.#waiting.slice(0, due);
    this.#waiting = this.#waiting.slice(due);
    return taken;
  }
}

/** A command that the recording does not have (it was cut off, say) holds its events back no longer than this. */
const commandLagMs = 1000;

/** One event on a line, escaped. */
export function eventLine(event: SessionEventView, palette: Palette): string {
  const reason = (text: string | null): string => (text === null || text === '' ? '' : `: ${escapeLine(text)}`);
  switch (event.type) {
    case 'confirmed':
      return `${palette.good('✔ opening confirmed')} by ${escapeLine(event.by)}, proven by ${escapeLine(event.proof)}`;
    case 'verdict': {
      const { name, rule } = event.verdict;
      const paint =
        name === 'allow' ? palette.good : name === 'mask' || name === 'hold' ? palette.warning : palette.bad;
      // Why it was refused is in the message to the client, which the recording has.
      const why = name === 'block' || name === 'terminate' || name === 'mask' ? '' : reason(event.verdict.reason);
      return `${paint(`§ ${escapeLine(name)}`)} by ${escapeLine(rule)}${why}`;
    }
    case 'review.requested': {
      const approvals = event.approvals === 1 ? '1 approval' : `${event.approvals} approvals`;
      const facts = `${event.kind} ${event.review} of ${event.rule}, ${approvals} needed by ${event.expiresAt}`;
      return `${palette.warning('⏸ review')} ${escapeLine(facts)}`;
    }
    case 'review.decided': {
      if (event.how.startsWith('break-glass')) {
        return `${palette.bad('▲ glass broken')} by ${escapeLine(event.by)}${reason(event.reason)}`;
      }
      const isApproval = event.decision === 'approve';
      const mark = isApproval ? palette.good('✔ approved') : palette.bad('✘ denied');
      return `${mark} by ${escapeLine(event.by)} (${escapeLine(event.how)})${reason(event.reason)}${event.state === 'pending' ? palette.faint(', more are needed') : ''}`;
    }
    case 'review.ended': {
      const paint = event.outcome === 'executed' ? palette.good : palette.warning;
      return `${paint(`▪ review ${escapeLine(event.outcome)}`)}${reason(event.reason)}`;
    }
    case 'alert':
      return `${palette.bad('▲ alert')} by ${escapeLine(event.rule)}${reason(event.reason)}`;
    case 'limited':
      return `${palette.bad('⛔ output limited')} by ${escapeLine(event.rule)} (${escapeLine(event.verdict)}): what followed was not delivered`;
    case 'masked':
      return palette.faint(maskedText(event.masked));
  }
}

/** What the rules did in a whole session, in a few words by topic; empty where they did nothing. */
export function summaryFields(events: readonly SessionEventView[]): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  const tally = (texts: readonly string[]): string =>
    [...Map.groupBy(texts, (text) => text)].map(([text, all]) => `${groupDigits(all.length)} ${text}`).join(', ');
  const add = (name: string, text: string): void => {
    if (text !== '') fields.push([name, text]);
  };
  const masked = new Map<string, number>();
  for (const counts of maskedOf(events).values()) {
    for (const [rule, amount] of Object.entries(counts)) masked.set(rule, (masked.get(rule) ?? 0) + amount);
  }
  const of = <T extends SessionEventView['type']>(type: T): Extract<SessionEventView, { type: T }>[] =>
    events.filter((event): event is Extract<SessionEventView, { type: T }> => event.type === type);
  add(
    'Confirmed',
    of('confirmed')
      .map(({ by, at, proof }) => `by ${by} at ${at}, proven by ${proof}`)
      .join('; '),
  );
  add('Verdicts', tally(of('verdict').map(({ verdict }) => `${verdict.name} by ${verdict.rule}`)));
  add(
    'Reviews',
    of('review.requested')
      .map((asked) => reviewSummary(asked.review, events))
      .join('; '),
  );
  add('Alerts', tally(of('alert').map(({ rule }) => `by ${rule}`)));
  add('Limits', tally(of('limited').map(({ rule, verdict }) => `${verdict} by ${rule}`)));
  add('Masked', [...masked].map(([rule, amount]) => `${groupDigits(amount)} values by ${rule}`).join(', '));
  return fields;
}

function reviewSummary(review: string, events: readonly SessionEventView[]): string {
  const parts = events.flatMap((event) => {
    if (event.type === 'review.decided' && event.review === review) {
      if (event.how.startsWith('break-glass')) return [`glass broken by ${event.by}`];
      return [`${event.decision === 'approve' ? 'approved' : 'denied'} by ${event.by}`];
    }
    return event.type === 'review.ended' && event.review === review ? [event.outcome] : [];
  });
  return `${review} ${parts.length === 0 ? 'undecided' : parts.join(', ')}`;
}
