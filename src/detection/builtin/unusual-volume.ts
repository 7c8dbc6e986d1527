/** More rows or bytes within an hour than the principal takes as a rule, or its peers do; told at the end of the command. */
import type { Finding, Observation, ObservedPrincipal } from '../detector.ts';
import { DailyFigures, type Usual } from './figures.ts';
import {
  behaviourOf,
  bytesText,
  define,
  figure,
  found,
  hourMs,
  isOfCatalogue,
  minuteMs,
  nameOf,
  nothing,
} from './kit.ts';
import { principalsMax } from './limits.ts';

/** What came out, in steps of five minutes: `[from, rows, bytes, sequence of the largest, its rows + bytes]`. */
type Steps = [fromMs: number, rows: number, bytes: number, sequence: number, size: number][];

const stepMs = 5 * minuteMs;
const measures = ['rows', 'bytes'] as const;
type Measure = (typeof measures)[number];

interface Thresholds {
  readonly floor: number;
  readonly absolute: number;
}

export const unusualVolume = define({
  name: 'unusual-volume',
  title: 'Unusual volume',
  explanation:
    'Adds up the rows and bytes that commands gave to a principal within an hour, and compares them with the largest hour of each of its ' +
    'days over some weeks (the ninth of ten days), and with what is usual for its peers. Told as soon as the command that passes the ' +
    'threshold has ended. Without enough history, and for volumes that nobody should pass unseen, absolute thresholds hold; these do ' +
    'not apply to whoever passes them as a matter of course. What commonly sets it off wrongly is a migration, a yearly report, or a backup ' +
    'that runs for the first time. To stop a download in the middle use a guardrail with limits.',
  techniques: ['T1530', 'T1213', 'T1048'],
  tuning: {
    rows: {
      default: 50_000,
      meaning: 'Rows within an hour that are always reported, without a habit of such.',
      min: 1,
    },
    megabytes: {
      default: 64,
      meaning: 'Mebibytes within an hour that are always reported, without a habit of such.',
      min: 1,
    },
    rowsFloor: { default: 4_000, meaning: 'Rows within an hour below which nothing is unusual.', min: 1 },
    megabytesFloor: { default: 8, meaning: 'Mebibytes within an hour below which nothing is unusual.', min: 0 },
    factor: { default: 5, meaning: 'How many times its own usual largest hour it must be.', min: 1, max: 1000 },
    peersFactor: { default: 3, meaning: 'How many times the peers’ usual largest hour it must be.', min: 1, max: 1000 },
    historyDays: {
      default: 5,
      meaning: 'Days of activity after which a principal is compared with itself.',
      min: 1,
      max: 60,
    },
    spanDays: { default: 42, meaning: 'Days that count as its past.', min: 3, max: 60 },
    quietHours: {
      default: 4,
      meaning: 'Hours in which more of the same principal belongs to the same finding.',
      min: 1,
      max: 72,
    },
  },
  create: (tuned, memory) => {
    const steps = memory.map<Steps>('steps', principalsMax);
    const told = memory.map<{ atMs: number; session: string | null }>('told', principalsMax);
    const usualOf: Readonly<Record<Measure, DailyFigures>> = {
      rows: new DailyFigures(memory, 'rows', tuned.spanDays),
      bytes: new DailyFigures(memory, 'bytes', tuned.spanDays),
    };
    const mebibyte = 1024 * 1024;
    const thresholds: Readonly<Record<Measure, Thresholds>> = {
      rows: { floor: tuned.rowsFloor, absolute: tuned.rows },
      bytes: { floor: tuned.megabytesFloor * mebibyte, absolute: tuned.megabytes * mebibyte },
    };

    const isUnusual = (
      value: number,
      { own, days, peers, peerCount }: Usual,
      { floor, absolute }: Thresholds,
    ): boolean => {
      if (value < floor) return false;
      const hasPast = days >= tuned.historyDays;
      if (value >= absolute) {
        if (hasPast) return value >= 2 * own;
        return peerCount < 3 || value >= 2 * peers;
      }
      return hasPast && value >= tuned.factor * own && (peerCount < 3 || value >= tuned.peersFactor * peers);
    };

    /** `size`: of the command by itself, as a multiple of what is never unusual. */
    const judge = (
      observation: Observation,
      principal: ObservedPrincipal,
      within: Steps,
      size: number,
    ): readonly Finding[] => {
      const { atMs } = observation;
      const sums = { rows: 0, bytes: 0 };
      for (const [, rows, bytes] of within) {
        sums.rows += rows;
        sums.bytes += bytes;
      }
      const unusual = measures.filter((measure) =>
        isUnusual(sums[measure], usualOf[measure].usual(principal, atMs), thresholds[measure]),
      );
      for (const measure of measures) usualOf[measure].note(principal, atMs, sums[measure]);
      if (unusual.length === 0) return nothing;
      for (const measure of measures) usualOf[measure].tell(principal);
      const key = behaviourOf(principal);
      const last = told.get(key);
      const isQuiet = last !== undefined && atMs - last.atMs < tuned.quietHours * hourMs;
      // In another session it is told again, so that this one can be ended too; but only where it takes much by itself.
      if (isQuiet && (last.session === observation.session || size < 1)) return nothing;
      told.set(key, { atMs: isQuiet ? last.atMs : atMs, session: observation.session });
      const [usualRows, usualBytes] = measures.map((measure) => usualOf[measure].usual(principal, atMs).own);
      const summary =
        `${nameOf(principal)} took ${figure(sums.rows)} rows and ${bytesText(sums.bytes)} within an hour; ` +
        `up to ${figure(usualRows!)} rows and ${bytesText(usualBytes!)} would be usual.`;
      const facts = { ...sums, usualRows: Math.round(usualRows!), usualBytes: Math.round(usualBytes!) };
      return [found(observation, { group: principal.id, summary, evidence: within.map((one) => one[3]), facts })];
    };

    return {
      observe: (observation) => {
        const { activity, principal, atMs, sequence } = observation;
        const { event } = activity;
        if (event.type !== 'command.ended' || principal === null || (event.rows === 0 && event.bytes === 0))
          return nothing;
        if (isOfCatalogue(observation)) return nothing;
        const within = steps.take(behaviourOf(principal), () => []);
        while (within.length > 0 && within[0]![0] <= atMs - hourMs) within.shift();
        const from = Math.floor(atMs / stepMs) * stepMs;
        let last = within.at(-1);
        if (last === undefined || last[0] !== from) {
          last = [from, 0, 0, sequence, 0];
          within.push(last);
        }
        last[1] += event.rows;
        last[2] += event.bytes;
        if (event.rows + event.bytes > last[4]) [last[3], last[4]] = [sequence, event.rows + event.bytes];
        const size = Math.max(event.rows / thresholds.rows.floor, event.bytes / Math.max(1, thresholds.bytes.floor));
        return judge(observation, principal, within, size);
      },
    };
  },
});
