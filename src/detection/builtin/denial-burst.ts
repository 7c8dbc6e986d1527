/** Many refusals of one principal within a short time: somebody tries what they may not, or a program goes wrong. */
import type { Observation } from '../detector.ts';
import { addMoment, define, distinctOf, found, type Moments, minuteMs, nameOf, nothing, sequencesOf } from './kit.ts';
import { principalsMax } from './limits.ts';

export const denialBurst = define({
  name: 'denial-burst',
  title: 'Burst of denials',
  explanation:
    'Counts, per principal, commands that rules blocked or ended the session for, and sessions that were refused, within a ' +
    'sliding window. Different things refused (by rule, kind of command and resource) weigh more than one thing again and again: ' +
    'a person who looks for what is open is found by `different`, a loop by `denials`. What commonly sets it off wrongly is a ' +
    'pipeline whose rights were taken away and which tries again; the evidence then names one thing only. Give it the right, or ' +
    'stop it, and suppress the detection for that principal in between.',
  techniques: ['T1069', 'T1087'],
  tuning: {
    minutes: { default: 10, meaning: 'Length of the window, in minutes.', min: 1, max: 1440 },
    denials: { default: 12, meaning: 'Refusals within the window that are a burst.', min: 2, max: 500 },
    different: {
      default: 4,
      meaning: 'Different things refused within the window that are a burst.',
      min: 2,
      max: 500,
    },
  },
  create: ({ minutes, denials, different }, memory) => {
    const windows = memory.map<{ moments: Moments; quietUntilMs: number }>('windows', principalsMax);
    const windowMs = minutes * minuteMs;
    return {
      observe: (observation) => {
        const what = refusedThing(observation);
        if (what === null || observation.principal === null) return nothing;
        const { principal, atMs, sequence } = observation;
        const window = windows.take(principal.id, () => ({ moments: [], quietUntilMs: 0 }));
        addMoment(window.moments, atMs, sequence, what, windowMs);
        if (atMs < window.quietUntilMs) return nothing;
        const [count, distinct] = [window.moments.length, distinctOf(window.moments)];
        if (count < denials && distinct < different) return nothing;
        window.quietUntilMs = atMs + windowMs;
        const summary = `${nameOf(principal)} was refused ${count} times within ${minutes} minutes, for ${distinct} different things.`;
        const evidence = sequencesOf(window.moments);
        return [found(observation, { group: principal.id, summary, evidence, facts: { denials: count, distinct } })];
      },
    };
  },
});

function refusedThing({ activity: { event, command }, resource }: Observation): string | null {
  if (event.type === 'session.refused') return `session ${event.resource}`;
  if (event.type !== 'command.verdict') return null;
  const { name, rule } = event.verdict;
  if (name !== 'block' && name !== 'terminate') return null;
  return `${resource ?? ''} ${rule} ${command?.intent.facts?.fingerprint ?? command?.intent.verb ?? ''}`;
}
