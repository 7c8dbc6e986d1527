/** Somebody ran a command without its reviewers, and nobody has looked at it since. */
import { Calendar } from '../calendar.ts';
import type { Finding, ObservedPrincipal } from '../detector.ts';
import { dayMs, define, hourMs, nothing } from './kit.ts';
import { reviewsMax } from './limits.ts';

interface Broken {
  principal: ObservedPrincipal;
  resource: string;
  session: string | null;
  command: number | null;
  atMs: number;
  sequence: number;
  dueMs: number;
}

export const breakGlassWithoutFollowUp = define({
  name: 'break-glass-without-follow-up',
  title: 'Break-glass without follow-up',
  explanation:
    'After a break-glass the gateway asks for a review of what was done. This detector waits until so many office hours have passed ' +
    'without a decision on that review, and then tells, once. It is seldom wrong: decide the review.',
  techniques: ['T1548'],
  tuning: {
    officeHours: {
      default: 10,
      meaning: 'Office hours that may pass before the review afterwards is decided.',
      min: 1,
      max: 200,
    },
  },
  create: ({ officeHours }, memory, context) => {
    const waiting = memory.map<Broken>('waiting', reviewsMax);
    const last = memory.map<number>('last', 1);
    const calendar = new Calendar(context.hours);

    const dueAt = (atMs: number): number => {
      let left = officeHours;
      let dueMs = atMs;
      // Where no hours are office hours at all, two weeks are enough.
      while (left > 0 && dueMs - atMs < 14 * dayMs) {
        dueMs += hourMs;
        if (calendar.isOfficeHours(dueMs)) left -= 1;
      }
      return dueMs;
    };

    const overdue = (nowMs: number): readonly Finding[] => {
      const findings: Finding[] = [];
      for (const [review, broken] of [...waiting.entries()]) {
        if (nowMs < broken.dueMs) continue;
        waiting.delete(review);
        const { principal, resource, session, command, atMs, sequence } = broken;
        findings.push({
          group: review,
          beginsAt: sequence,
          summary: `${principal.name} broke the glass on ${resource}, and within ${officeHours} office hours nobody has decided the review afterwards.`,
          evidence: [sequence],
          facts: { review, hours: Math.round((nowMs - atMs) / hourMs) },
          principal,
          session,
          command,
          resource,
          atMs: nowMs,
          sequence: last.peek('') ?? sequence,
        });
      }
      return findings;
    };

    return {
      observe: (observation) => {
        const { activity, principal, atMs, sequence, session, command } = observation;
        const { event } = activity;
        last.set('', sequence);
        if (event.type === 'review.requested' && event.kind === 'break-glass' && principal !== null) {
          waiting.set(event.review, {
            principal,
            resource: event.resource,
            session,
            command,
            atMs,
            sequence,
            dueMs: dueAt(atMs),
          });
        }
        if (event.type === 'review.decided' && event.state !== 'pending') waiting.delete(event.review);
        if (event.type === 'review.ended') waiting.delete(event.review);
        return nothing;
      },
      tick: overdue,
    };
  },
});
