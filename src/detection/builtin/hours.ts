/**
 * Hours at which somebody works who never does, and privileged work at such hours.
 *
 * The habit is a decayed histogram over the 24 hours of the day (UTC; one hour to either side counts too, so summer time does not
 * matter): on which share of its days of activity the principal was active in that hour, and the members of its groups.
 */
import type { CommandKind } from '../../core/command.ts';
import type { DetectorDefinition, Observation, ObservedPrincipal } from '../detector.ts';
import { behaviourOf, dayMs, dayOf, decayed, define, found, hourMs, hourOfDay, nameOf, nothing } from './kit.ts';
import { groupsMax, principalsMax } from './limits.ts';
import type { Memory, Recent } from './memory.ts';

interface OddShare {
  /** Days of activity of members, decayed, and of these how many at hours that were not the member's own. */
  days: number;
  odd: number;
  lastMs: number;
}

interface Habit {
  /** Days of activity, decayed, and of these how many with activity in each hour. */
  days: number;
  hours: number[];
  day: number;
  lastMs: number;
  /** The hours of the current day that are counted already, as bits. */
  seen: number;
  /** Days of activity ever. */
  age: number;
}

export interface HoursSaid {
  /** Share of own days with activity around that hour. */
  readonly own: number;
  /** In one of its groups, the share of days on which members worked at hours that are not their own: who is on call does. */
  readonly peers: number;
  /** Hours until the next one that is usual for it, and since the last one; 24 where none is. */
  readonly before: number;
  readonly after: number;
  /** Days of activity ever. */
  readonly days: number;
}

export class Habits {
  readonly #own: Recent<Habit>;
  readonly #groups: Recent<OddShare>;
  readonly #halfLifeMs: number;

  constructor(memory: Memory, name: string, halfLifeDays: number) {
    this.#own = memory.map(`${name}-own`, principalsMax);
    this.#groups = memory.map(`${name}-groups`, groupsMax);
    this.#halfLifeMs = halfLifeDays * dayMs;
  }

  at(principal: ObservedPrincipal, atMs: number): HoursSaid {
    const hour = hourOfDay(atMs);
    const own = this.#own.peek(behaviourOf(principal));
    if (own === undefined) return { own: 0, peers: 0, before: 24, after: 24, days: 0 };
    // What happened today must not make itself usual.
    const counted = own.day === dayOf(atMs) ? own.age - 1 : own.age;
    let [before, after] = [24, 24];
    for (let away = 23; away >= 0; away -= 1) {
      if (shareAt(own, hour + away, atMs) >= usualShare) before = away;
      if (shareAt(own, hour - away, atMs) >= usualShare) after = away;
    }
    const peers = principal.groups.map((name) => {
      const group = this.#groups.peek(name);
      // One night, or two, are nobody's habit, however small the group.
      return group === undefined || group.days < 10 || group.odd < 3 ? 0 : group.odd / group.days;
    });
    return { own: aroundHour(own, hour, atMs), peers: Math.max(0, ...peers), before, after, days: counted };
  }

  learn(principal: ObservedPrincipal, atMs: number): void {
    const own = this.#own.take(behaviourOf(principal), newHabit);
    const bit = 1 << hourOfDay(atMs);
    const isNewDay = own.day !== dayOf(atMs);
    if (!isNewDay && (own.seen & bit) !== 0) return;
    this.#count(own, atMs, isNewDay);
    own.seen = isNewDay ? bit : own.seen | bit;
    own.day = dayOf(atMs);
    if (isNewDay) this.#share(principal, atMs, 1, 0);
  }

  /** Somebody works at an hour that is not its own: learned for its groups only. */
  odd(principal: ObservedPrincipal, atMs: number): void {
    this.#share(principal, atMs, 0, 1);
  }

  #share(principal: ObservedPrincipal, atMs: number, days: number, odd: number): void {
    for (const name of principal.groups) {
      const group = this.#groups.take(name, () => ({ days: 0, odd: 0, lastMs: atMs }));
      group.days = decayed(group.days, atMs - group.lastMs, this.#halfLifeMs) + days;
      group.odd = decayed(group.odd, atMs - group.lastMs, this.#halfLifeMs) + odd;
      group.lastMs = atMs;
    }
  }

  #count(habit: Habit, atMs: number, isNewDay: boolean): void {
    const since = atMs - habit.lastMs;
    if (since > hourMs) {
      habit.days = decayed(habit.days, since, this.#halfLifeMs);
      for (let hour = 0; hour < 24; hour += 1) habit.hours[hour] = decayed(habit.hours[hour]!, since, this.#halfLifeMs);
      habit.lastMs = atMs;
    }
    if (isNewDay) {
      habit.days += 1;
      habit.age += 1;
    }
    habit.hours[hourOfDay(atMs)]! += 1;
  }
}

/** An hour with activity on so many of its days is one of its hours. */
const usualShare = 0.12;

function newHabit(): Habit {
  return { days: 0, hours: Array(24).fill(0), day: -1, lastMs: 0, seen: 0, age: 0 };
}

/** Share of days with activity in an hour. The current day's own activity is left out. */
function shareAt(habit: Habit, hour: number, atMs: number): number {
  const at = ((hour % 24) + 24) % 24;
  const isToday = habit.day === dayOf(atMs);
  const days = habit.days - (isToday ? 1 : 0);
  const active = habit.hours[at]! - (isToday && (habit.seen & (1 << at)) !== 0 ? 1 : 0);
  return days <= 0 ? 0 : Math.max(0, active) / days;
}

function aroundHour(habit: Habit, hour: number, atMs: number): number {
  return Math.max(...[hour - 1, hour, hour + 1].map((one) => shareAt(habit, one, atMs)));
}

const shared = {
  historyDays: { default: 8, meaning: 'Days of activity after which a principal has a habit.', min: 2, max: 90 },
  before: { default: 4, meaning: 'Hours that must be left until its usual hours begin, at least.', min: 1, max: 12 },
  after: {
    default: 6,
    meaning:
      'Hours that must have passed since its usual hours ended, at least: days end late more often than they begin early.',
    min: 1,
    max: 12,
  },
  ownPercent: {
    default: 4,
    meaning: 'Percentage of its days with activity around the hour that makes it usual.',
    min: 0,
    max: 100,
  },
  peersPercent: {
    default: 2.5,
    meaning:
      'Percentage of its group’s days with work at hours that are not the member’s own, from which on that is usual there.',
    min: 0,
    max: 100,
  },
  halfLifeDays: { default: 30, meaning: 'After how many days a habit counts half.', min: 3, max: 400 },
} as const;

interface Limits {
  readonly historyDays: number;
  readonly before: number;
  readonly after: number;
  readonly ownPercent: number;
  readonly peersPercent: number;
}

function isOwnUnusual({ own, before, after, days }: HoursSaid, limits: Limits): boolean {
  const isFar = before >= limits.before && after >= limits.after;
  return days >= limits.historyDays && isFar && own * 100 < limits.ownPercent;
}

function clock(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(11, 16)} UTC`;
}

/** A stretch of work at an unusual hour is one finding, and is not learned. */
interface Stretch {
  beganMs: number;
  lastMs: number;
  sequences: number[];
  isTold: boolean;
}

export const unusualHours = define({
  name: 'unusual-hours',
  title: 'Unusual hours',
  explanation:
    'Somebody works at an hour of the day at which it never does, hours away from any at which it does, in a group where ' +
    'that hardly happens to anybody. Habits fade with time, so that a change of shift is learned after some days of findings. Days of the week do not ' +
    'count: work on a Sunday morning is common, work at three at night by somebody who starts at nine is not. On-call nights of groups ' +
    'that have them are usual for the group. What commonly sets it off wrongly is a deadline, or a journey to another time zone.',
  techniques: ['T1078'],
  tuning: {
    ...shared,
    commands: {
      default: 3,
      meaning: 'Commands within one stretch of work after which it is reported.',
      min: 1,
      max: 1000,
    },
    stretchHours: {
      default: 6,
      meaning: 'Hours without activity after which a stretch of work is over.',
      min: 1,
      max: 24,
    },
  },
  create: (tuned, memory) => {
    const habits = new Habits(memory, 'habits', tuned.halfLifeDays);
    const stretches = memory.map<Stretch>('stretches', principalsMax);
    return {
      observe: (observation) => {
        const { activity, principal, atMs, sequence } = observation;
        if (principal === null || activity.event.type !== 'command.intent') return nothing;
        const said = habits.at(principal, atMs);
        if (!isOwnUnusual(said, tuned)) {
          habits.learn(principal, atMs);
          return nothing;
        }
        const key = behaviourOf(principal);
        let stretch = stretches.get(key);
        if (stretch === undefined || atMs - stretch.lastMs > tuned.stretchHours * hourMs) {
          stretch = { beganMs: atMs, lastMs: atMs, sequences: [], isTold: false };
          stretches.set(key, stretch);
          if (said.days >= tuned.historyDays) habits.odd(principal, atMs);
        }
        stretch.lastMs = atMs;
        if (stretch.isTold) {
          // Learned an hour at a time all the same, or nobody could ever change their hours.
          habits.learn(principal, atMs);
          return nothing;
        }
        stretch.sequences.push(sequence);
        if (stretch.sequences.length < tuned.commands || said.peers * 100 >= tuned.peersPercent) return nothing;
        stretch.isTold = true;
        const summary = `${nameOf(principal)} works at ${clock(atMs)}, ${Math.min(said.before, said.after)} hours away from when it does as a rule.`;
        const facts = {
          hour: hourOfDay(atMs),
          ownPercent: (said.own * 100).toFixed(1),
          peersPercent: (said.peers * 100).toFixed(1),
        };
        return [found(observation, { group: principal.id, summary, evidence: stretch.sequences, facts })];
      },
    };
  },
});

/** What needs more than the usual rights, or does not come back: by kind of command, in the words of its language. */
const privileged: Readonly<Partial<Record<CommandKind, ReadonlySet<string>>>> = {
  sql: new Set([
    'drop',
    'truncate',
    'alter',
    'grant',
    'delete-all',
    'update-all',
    'program-execution',
    'file-access',
    'role-change',
    'server-control',
    'replication',
  ]),
  shell: new Set([
    'destructive',
    'privilege',
    'user-admin',
    'permission',
    'kernel',
    'firewall',
    'disk',
    'mount',
    'system-control',
    'service-control',
    'package',
  ]),
  kubernetes: new Set(['delete', 'deletecollection', 'connect', 'create', 'patch', 'update']),
};

export function isPrivileged({ activity: { event } }: Observation): boolean {
  if (event.type !== 'command.intent') return false;
  const words = privileged[event.kind];
  return words !== undefined && event.facts?.effects.some((effect) => words.has(effect)) === true;
}

export const privilegedAtUnusualHours = define({
  name: 'privileged-at-unusual-hours',
  title: 'Privileged work at unusual hours',
  explanation:
    'A command that drops, empties, alters, grants, runs programs, becomes another user or changes services, at an hour at which the ' +
    'principal never works, in a group where such work hardly happens. One command is enough: that is what sets it apart from ' +
    '`unusual-hours`. What commonly sets it off wrongly is a maintenance window; suppress it for the people and the time.',
  techniques: ['T1078', 'T1485', 'T1098'],
  tuning: {
    ...shared,
    quietHours: {
      default: 8,
      meaning: 'Hours in which further ones of the same principal belong to the same finding.',
      min: 1,
      max: 72,
    },
  },
  create: (tuned, memory) => {
    const habits = new Habits(memory, 'habits', tuned.halfLifeDays);
    const told = memory.map<number>('told', principalsMax);
    const stretches = memory.map<number>('stretches', principalsMax);
    return {
      observe: (observation) => {
        const { activity, principal, atMs } = observation;
        if (principal === null || activity.event.type !== 'command.intent') return nothing;
        const said = habits.at(principal, atMs);
        if (!isOwnUnusual(said, tuned)) {
          habits.learn(principal, atMs);
          return nothing;
        }
        const key = behaviourOf(principal);
        const stretch = stretches.get(key);
        // Work at night of any kind counts for what is usual in the group, once a night.
        if (stretch === undefined || atMs - stretch > tuned.quietHours * hourMs) habits.odd(principal, atMs);
        stretches.set(key, atMs);
        if (!isPrivileged(observation) || said.peers * 100 >= tuned.peersPercent) return nothing;
        if (atMs - (told.get(key) ?? 0) < tuned.quietHours * hourMs) return nothing;
        told.set(key, atMs);
        const effects = activity.event.facts?.effects.join(', ') ?? '';
        const summary = `${nameOf(principal)} does privileged work (${effects}) at ${clock(atMs)}, ${Math.min(said.before, said.after)} hours away from when it works as a rule.`;
        return [
          found(observation, { group: principal.id, summary, evidence: [], facts: { effects, hour: hourOfDay(atMs) } }),
        ];
      },
    };
  },
});

export const hourDetectors: readonly DetectorDefinition[] = [unusualHours, privilegedAtUnusualHours];
