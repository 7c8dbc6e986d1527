/** Commands one after another in an order that is not the principal's, nor its group's. */
import type { Observation, ObservedPrincipal } from '../detector.ts';
import { behaviourOf, dayMs, define, found, nameOf, nothing } from './kit.ts';
import { contextsMax, groupContextsMax, groupsMax, modelsMax, symbolsMax } from './limits.ts';
import { type Counts, learn, learnedOf, newCounts, surprise } from './sequence-model.ts';

/** What is going on in one session. */
interface Going {
  session: string;
  history: string[];
  /** The last commands: bits of surprise, sequence, symbol, and what stood before. */
  window: [bits: number, sequence: number, symbol: string, before: string[]][];
  isTold: boolean;
}

/** How surprising windows of this principal are as a rule: a decayed mean and variance. */
interface Scale {
  count: number;
  mean: number;
  variance: number;
  toldMs: number;
}

const limits = { order: 2, symbolsMax, contextsMax };
const groupLimits = { ...limits, contextsMax: groupContextsMax };

export const unusualSequence = define({
  name: 'unusual-sequence',
  title: 'Unusual sequence of commands',
  explanation:
    'Learns for each principal what kind of command follows what (a Markov model of variable order over what commands do and to what; ' +
    'not their texts), and how surprising its sessions are as a rule. A run of commands that is far more surprising than its own ' +
    'sessions are, both to its own model and to that of its groups, is reported once a session, with the most surprising commands as ' +
    'evidence. Somebody else at the keyboard, or an agent gone astray, looks like this. It is the least specific of the detectors: by ' +
    'itself it is worth a look, together with another one much more. New duties set it off wrongly for some days.',
  techniques: ['T1059', 'T1078'],
  tuning: {
    window: { default: 10, meaning: 'Commands one after another that are judged together.', min: 4, max: 100 },
    learned: {
      default: 300,
      meaning: 'Commands learned of a principal before anything counts.',
      min: 50,
      max: 100_000,
    },
    deviations: {
      default: 5,
      meaning: 'How many standard deviations above its mean the surprise must be.',
      min: 1,
      max: 20,
    },
    forgiveDays: {
      default: 7,
      meaning: 'Days after a report in which the same principal is not reported again, and learns nothing.',
      min: 1,
      max: 90,
    },
    bits: {
      default: 5,
      meaning: 'Bits of surprise a command, on average, below which nothing is unusual.',
      min: 0,
      max: 20,
    },
  },
  create: (tuned, memory) => {
    const models = memory.map<Counts>('models', modelsMax);
    const groups = memory.map<Counts>('groups', Math.min(groupsMax, modelsMax));
    const scales = memory.map<Scale>('scales', modelsMax);
    const going = memory.map<Going>('going', modelsMax);

    const score = (own: Counts, principal: ObservedPrincipal, history: readonly string[], symbol: string): number => {
      let bits = surprise(own, history, symbol, limits);
      const known = principal.groups
        .flatMap((name) => groups.peek(name) ?? [])
        .filter((group) => group.taught >= tuned.learned);
      const smallest = Math.min(...known.map(({ taught }) => taught));
      // Of a group of everybody every order of commands is somebody's.
      for (const group of known)
        if (group.taught <= 3 * smallest) bits = Math.min(bits, surprise(group, history, symbol, groupLimits));
      return bits;
    };

    const teach = (own: Counts, principal: ObservedPrincipal, history: readonly string[], symbol: string): void => {
      learn(own, history, symbol, limits);
      for (const name of principal.groups) learn(groups.take(name, newCounts), history, symbol, groupLimits);
    };

    return {
      observe: (observation) => {
        const { activity, principal, session, sequence, atMs } = observation;
        const { event } = activity;
        if (event.type !== 'command.intent' || principal === null || session === null) return nothing;
        const symbol = symbolOf(observation);
        if (symbol === null) return nothing;
        const key = behaviourOf(principal);
        const own = models.take(key, newCounts);
        let run = going.get(key);
        if (run === undefined || run.session !== session) {
          // The end of the last session is learned, where nothing was found in it.
          if (run !== undefined && !run.isTold)
            for (const [, , one, before] of run.window) teach(own, principal, before, one);
          run = { session, history: [], window: [], isTold: false };
          going.set(key, run);
        }
        if (run.isTold) return nothing;
        const bits = score(own, principal, run.history, symbol);
        run.window.push([bits, sequence, symbol, run.history.slice(-limits.order)]);
        run.history = [...run.history.slice(1 - limits.order), symbol];
        if (run.window.length < tuned.window) return nothing;
        const mean = run.window.reduce((sum, one) => sum + one[0], 0) / run.window.length;
        const scale = scales.take(key, () => ({ count: 0, mean: 0, variance: 0, toldMs: 0 }));
        const isReady = learnedOf(own) >= tuned.learned && scale.count >= 50;
        const limit = Math.max(tuned.bits, scale.mean + tuned.deviations * Math.sqrt(scale.variance));
        const sinceTold = (atMs - scale.toldMs) / dayMs;
        // What goes on a week after it was reported is learned; in between it is neither reported again nor learned.
        if (isReady && mean >= limit && sinceTold < tuned.forgiveDays) {
          run.isTold = true;
          return nothing;
        }
        if (isReady && mean >= limit && sinceTold >= 3 * tuned.forgiveDays) {
          run.isTold = true;
          scale.toldMs = atMs;
          const telling = [...run.window].sort((a, b) => b[0] - a[0]).slice(0, 5);
          const summary =
            `${nameOf(principal)} runs commands in an order that is not its own: ${mean.toFixed(1)} bits of surprise ` +
            `a command, ${scale.mean.toFixed(1)} would be usual.`;
          const facts = {
            bits: mean.toFixed(2),
            usualBits: scale.mean.toFixed(2),
            limit: limit.toFixed(2),
            most: telling[0]![2],
          };
          const evidence = telling.map((one) => one[1]);
          return [found(observation, { group: key, summary, evidence, facts })];
        }
        // Only what has left the window without a finding is learned.
        const [left] = run.window.splice(0, 1);
        teach(own, principal, left![3], left![2]);
        if (learnedOf(own) >= tuned.learned / 2) widen(scale, mean);
        return nothing;
      },
    };
  },
});

/** Exponentially weighted, over some hundred windows. */
function widen(scale: Scale, value: number): void {
  scale.count += 1;
  const weight = Math.max(1 / scale.count, 1 / 400);
  const away = value - scale.mean;
  scale.mean += weight * away;
  scale.variance = (1 - weight) * (scale.variance + weight * away * away);
}

/** What a command does, and to what, coarsely enough that it comes again; null where nothing is known of it. */
function symbolOf({ activity: { event }, resource }: Observation): string | null {
  if (event.type !== 'command.intent') return null;
  const { facts, kind, verb } = event;
  if (facts === undefined) return `${kind} ${verb}`;
  const telling = facts.effects.filter((effect) => effect !== 'read').slice(0, 2);
  const [touch] = facts.touches.filter((one) => one[0] !== 'column' && one[0] !== 'function');
  const what = touch === undefined ? '' : coarse(touch[0], touch[2]);
  return `${kind} ${telling.length === 0 ? 'read' : telling.join('+')} ${what}${what === '' ? (resource ?? '') : ''}`;
}

function coarse(kind: string, name: string): string {
  if (kind === 'path') return name.split('/').slice(0, 3).join('/');
  if (kind === 'object') return name.split('/')[1] ?? name;
  return name;
}
