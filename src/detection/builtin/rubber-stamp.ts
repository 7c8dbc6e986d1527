/** Reviews decided without having been read: too fast, always by the same pair, or at night. */
import { Calendar } from '../calendar.ts';
import type { Finding, Observation, ObservedPrincipal } from '../detector.ts';
import { Habits } from './hours.ts';
import { addMoment, dayMs, dayOf, define, found, type Moments, nothing, secondMs, sequencesOf } from './kit.ts';
import { pairsMax, principalsMax, reviewsMax } from './limits.ts';

/** What was asked. */
interface Asked {
  requester: string;
  name: string;
  rule: string;
  atMs: number;
  sequence: number;
  characters: number;
}

/** Approvals and denials of one reviewer for one requester, of the last weeks. */
interface Pair {
  approvals: Moments;
  denials: number;
  toldMs: number;
}

interface Stamps {
  fast: Moments;
  late: Moments;
  toldMs: number;
}

export const rubberStamp = define({
  name: 'rubber-stamp',
  title: 'Rubber-stamped reviews',
  explanation:
    'Watches how reviews are decided. Fast: the time from the request to the approval is shorter than it takes to skim the command ' +
    '(`baseSeconds`, and its length at `charactersPerSecond`); a long command approved in a third of that is reported at once, ' +
    'otherwise several within a week. The same pair: one reviewer approves nearly all that one requester asks for and never denies, ' +
    'though others decide under the same rule. At night: approvals outside office hours and outside the hours at which that ' +
    'reviewer decides. What commonly sets it off wrongly: two people who work side by side and talk about each command before it is sent.',
  techniques: ['T1656'],
  tuning: {
    baseSeconds: { default: 3, meaning: 'Seconds that any decision takes who looks at it.', min: 0, max: 600 },
    charactersPerSecond: {
      default: 60,
      meaning: 'How fast a command is skimmed, in characters a second.',
      min: 1,
      max: 1000,
    },
    fast: { default: 3, meaning: 'Approvals within a week that were too fast to have been read.', min: 1, max: 100 },
    pair: {
      default: 10,
      meaning: 'Approvals by one reviewer for one requester within `pairDays` that make a pair.',
      min: 3,
      max: 400,
    },
    pairPercent: { default: 90, meaning: 'Percentage of the requester’s reviews that they decide.', min: 50, max: 100 },
    pairDays: { default: 30, meaning: 'Days over which pairs are counted.', min: 2, max: 180 },
    others: { default: 2, meaning: 'Others who decided under the same rule in that time, at least.', min: 1, max: 50 },
    night: {
      default: 2,
      meaning: 'Approvals within a week, out of office hours and of the reviewer’s own.',
      min: 1,
      max: 100,
    },
  },
  create: (tuned, memory, context) => {
    const asked = memory.map<Asked>('asked', reviewsMax);
    const stamps = memory.map<Stamps>('stamps', principalsMax);
    const pairs = memory.map<Pair>('pairs', pairsMax);
    const ofRequester = memory.map<Moments>('of-requester', principalsMax);
    const ofRule = memory.map<Record<string, number>>('of-rule', principalsMax);
    const habits = new Habits(memory, 'deciding', 60);
    const calendar = new Calendar(context.hours);
    const pairMs = tuned.pairDays * dayMs;

    const isLate = (reviewer: ObservedPrincipal, atMs: number): boolean => {
      if (calendar.isOfficeHours(atMs) || calendar.weekday(atMs) > 5) return false;
      const { days, own, before, after } = habits.at(reviewer, atMs);
      return days >= 6 && own < 0.05 && Math.min(before, after) >= 3;
    };

    const ofPace = (observation: Observation, reviewer: ObservedPrincipal, of: Asked): readonly Finding[] => {
      const { atMs, sequence } = observation;
      const seconds = (atMs - of.atMs) / secondMs;
      const needed = tuned.baseSeconds + of.characters / tuned.charactersPerSecond;
      const stamp = stamps.take(reviewer.id, () => ({ fast: [], late: [], toldMs: 0 }));
      const facts = { seconds: seconds.toFixed(1), readSeconds: needed.toFixed(0), characters: of.characters };
      const result: Finding[] = [];
      if (isLate(reviewer, atMs)) {
        addMoment(stamp.late, atMs, sequence, of.name, 7 * dayMs);
        if (stamp.late.length >= tuned.night && atMs - stamp.toldMs >= dayMs) {
          stamp.toldMs = atMs;
          const summary = `${reviewer.name} approved ${stamp.late.length} reviews within a week at hours at which nobody is at work.`;
          result.push(found(observation, { group: reviewer.id, summary, evidence: sequencesOf(stamp.late), facts }));
        }
      } else habits.learn(reviewer, atMs);
      if (seconds >= needed) return result;
      addMoment(stamp.fast, atMs, sequence, of.name, 7 * dayMs);
      const isBlatant = seconds * 3 < needed && of.characters >= 10 * tuned.charactersPerSecond;
      if ((!isBlatant && stamp.fast.length < tuned.fast) || atMs - stamp.toldMs < dayMs) return result;
      stamp.toldMs = atMs;
      const summary = isBlatant
        ? `${reviewer.name} approved ${of.characters} characters of ${of.name} after ${facts.seconds} seconds.`
        : `${reviewer.name} approved ${stamp.fast.length} reviews within a week faster than they can be read, the last one of ${of.name} after ${facts.seconds} seconds.`;
      result.push(
        found(observation, { group: reviewer.id, summary, evidence: [of.sequence, ...sequencesOf(stamp.fast)], facts }),
      );
      return result;
    };

    const ofPair = (
      observation: Observation,
      reviewer: ObservedPrincipal,
      of: Asked,
      isApproval: boolean,
    ): readonly Finding[] => {
      const { atMs, sequence } = observation;
      const pair = pairs.take(`${of.requester}\0${reviewer.id}`, () => ({ approvals: [], denials: 0, toldMs: 0 }));
      const all = ofRequester.take(of.requester, () => []);
      addMoment(all, atMs, sequence, reviewer.id, pairMs);
      const deciders = ofRule.take(of.rule, () => ({}));
      deciders[`:${reviewer.id}`] = dayOf(atMs);
      for (const [who, day] of Object.entries(deciders)) if (day <= dayOf(atMs) - tuned.pairDays) delete deciders[who];
      if (!isApproval) {
        pair.denials += 1;
        pair.approvals.length = 0;
        return nothing;
      }
      addMoment(pair.approvals, atMs, sequence, of.rule, pairMs);
      const { length } = pair.approvals;
      const others = Object.keys(deciders).length - 1;
      if (length < tuned.pair || length * 100 < tuned.pairPercent * all.length || others < tuned.others) return nothing;
      if (pair.denials > 0 || atMs - pair.toldMs < pairMs) return nothing;
      pair.toldMs = atMs;
      const summary = `${reviewer.name} approved ${length} of the last ${all.length} reviews of ${of.name} and denied none, though ${others} others decide too.`;
      const facts = { approvals: length, reviews: all.length, others };
      return [
        found(observation, {
          group: `${of.requester} ${reviewer.id}`,
          summary,
          evidence: sequencesOf(pair.approvals),
          facts,
        }),
      ];
    };

    return {
      observe: (observation) => {
        const { activity, principal, atMs, sequence } = observation;
        const { event, command } = activity;
        // When reviewers work is learned of all that they do.
        if (event.type === 'session.opened' && principal !== null && stamps.peek(principal.id) !== undefined) {
          if (!isLate(principal, atMs)) habits.learn(principal, atMs);
          return nothing;
        }
        if (event.type === 'review.requested') {
          const { id: requester, name } = event.principal;
          const characters = command?.intent.textBytes ?? event.reason?.length ?? 0;
          asked.set(event.review, { requester, name, rule: event.rule, atMs, sequence, characters });
          return nothing;
        }
        if (event.type === 'review.ended') asked.delete(event.review);
        if (event.type !== 'review.decided' || principal === null || event.how.startsWith('break-glass'))
          return nothing;
        const of = asked.get(event.review);
        if (of === undefined) return nothing;
        const isApproval = event.decision === 'approve';
        const paired = ofPair(observation, principal, of, isApproval);
        return isApproval ? [...ofPace(observation, principal, of), ...paired] : paired;
      },
    };
  },
});
