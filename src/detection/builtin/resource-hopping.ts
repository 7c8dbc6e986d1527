/** Many different resources within a short time: somebody looks around, or moves from machine to machine. */
import { DailyFigures } from './figures.ts';
import {
  addMoment,
  behaviourOf,
  define,
  distinctOf,
  found,
  type Moments,
  minuteMs,
  nameOf,
  nothing,
  sequencesOf,
} from './kit.ts';
import { principalsMax } from './limits.ts';

export const resourceHopping = define({
  name: 'resource-hopping',
  title: 'Resource hopping',
  explanation:
    'Counts the different resources on which a principal opens sessions, or is refused them, within a sliding window, and compares ' +
    'that with the most it reached on its other days. Health checks and tools that go over the whole estate do so every day, and are ' +
    'usual for whoever runs them. What commonly sets it off wrongly is an incident during which people look everywhere at once.',
  techniques: ['T1021', 'T1018'],
  tuning: {
    minutes: { default: 15, meaning: 'Length of the window, in minutes.', min: 1, max: 1440 },
    resources: {
      default: 5,
      meaning: 'Different resources within the window below which nothing is unusual.',
      min: 2,
      max: 500,
    },
    factor: { default: 1.7, meaning: 'How many times the most on its other days it must be.', min: 1, max: 100 },
    spanDays: { default: 30, meaning: 'Days that count as its past.', min: 1, max: 60 },
  },
  create: (tuned, memory) => {
    const windows = memory.map<{ moments: Moments; quietUntilMs: number }>('windows', principalsMax);
    const figures = new DailyFigures(memory, 'resources', tuned.spanDays, 0.95);
    const windowMs = tuned.minutes * minuteMs;
    return {
      observe: (observation) => {
        const { activity, principal, resource, atMs, sequence } = observation;
        const { type } = activity.event;
        if ((type !== 'session.opened' && type !== 'session.refused') || principal === null || resource === null)
          return nothing;
        const window = windows.take(behaviourOf(principal), () => ({ moments: [], quietUntilMs: 0 }));
        addMoment(window.moments, atMs, sequence, resource, windowMs);
        const distinct = distinctOf(window.moments);
        const { own, days, peers, peerCount } = figures.usual(principal, atMs);
        // Whoever comes new to a group is as the others of it.
        const usual = days >= 3 || peerCount < 3 ? own : peers;
        figures.note(principal, atMs, distinct);
        if (distinct < tuned.resources || distinct < tuned.factor * usual || atMs < window.quietUntilMs) return nothing;
        figures.tell(principal);
        window.quietUntilMs = atMs + windowMs;
        const summary = `${nameOf(principal)} went to ${distinct} resources within ${tuned.minutes} minutes; up to ${usual} would be usual.`;
        const evidence = sequencesOf(window.moments);
        return [found(observation, { group: principal.id, summary, evidence, facts: { resources: distinct, usual } })];
      },
    };
  },
});
