/** More than usual on day after day: what no single day gives away adds up over a week. */
import type { Finding, Observation, ObservedPrincipal } from '../detector.ts';
import {
  behaviourOf,
  bytesText,
  dayMs,
  dayOf,
  define,
  figure,
  found,
  hourMs,
  isOfCatalogue,
  nameOf,
  nothing,
  quantile,
} from './kit.ts';
import { daysMax, figuredPrincipalsMax, groupsMax, membersMax } from './limits.ts';

/** A day's sums, and the sequence of its largest command. `told` days are not compared with. */
interface Day {
  day: number;
  rows: number;
  bytes: number;
  sequence: number;
  largest: number;
  told: boolean;
}

interface Past {
  days: Day[];
  askedMs: number;
  toldMs: number;
}

interface Compared {
  readonly sum: number;
  readonly usual: number;
  readonly raisedDays: number;
}

export const slowExfiltration = define({
  name: 'slow-exfiltration',
  title: 'Slow exfiltration',
  explanation:
    'Adds up the rows and bytes that a principal took over the last days, and compares them with the largest sum over as many days in ' +
    'its past, and with what its peers take. At least `raisedDays` of the days must be above what was usual for a day: a single large ' +
    'download is `unusual-volume`. It looks once an hour of work, and reports once a week. Month-ends are part of the past once one was ' +
    'seen; before that they set it off wrongly, as new duties do.',
  techniques: ['T1030', 'T1020'],
  tuning: {
    windowDays: { default: 7, meaning: 'Days that are added up.', min: 2, max: 21 },
    historyDays: {
      default: 7,
      meaning: 'Days of activity before the window after which a principal is compared with itself.',
      min: 3,
      max: 40,
    },
    factor: { default: 2, meaning: 'How many times the largest earlier sum it must be.', min: 1, max: 100 },
    peersFactor: { default: 1.5, meaning: 'How many times the peers’ usual sum it must be.', min: 0, max: 100 },
    rowsFloor: { default: 6_000, meaning: 'Rows within the window below which nothing is unusual.', min: 1 },
    megabytesFloor: { default: 24, meaning: 'Mebibytes within the window below which nothing is unusual.', min: 1 },
    raisedDays: {
      default: 3,
      meaning: 'Days of the window that must be above the third quartile of earlier days.',
      min: 1,
      max: 21,
    },
  },
  create: (tuned, memory) => {
    const pasts = memory.map<Past>('pasts', figuredPrincipalsMax);
    /** By group: the last window's sums of its members. */
    const groups = memory.map<[id: string, rows: number, bytes: number][]>('groups', groupsMax);
    const { windowDays, historyDays, factor, raisedDays } = tuned;

    const compare = (days: readonly Day[], today: number, of: (day: Day) => number): Compared | null => {
      const begin = today - windowDays + 1;
      const earlier = days.filter(({ day, told }) => day < begin && (!told || day < today - 3 * windowDays));
      if (earlier.length < historyDays) return null;
      const within = days.filter(({ day }) => day >= begin);
      let usual = 0;
      for (const { day: end } of earlier) {
        const sum = earlier.reduce(
          (all, one) => (one.day <= end && one.day > end - windowDays ? all + of(one) : all),
          0,
        );
        usual = Math.max(usual, sum);
      }
      const high = quantile(earlier.map(of), 0.75);
      return {
        sum: within.reduce((all, one) => all + of(one), 0),
        usual,
        raisedDays: within.filter((one) => of(one) > 1.3 * high).length,
      };
    };

    const isRaised = (compared: Compared | null, floor: number, peers: number): boolean =>
      compared !== null &&
      compared.sum >= floor &&
      compared.raisedDays >= raisedDays &&
      compared.sum >= factor * compared.usual &&
      compared.sum >= tuned.peersFactor * peers;

    const peersOf = (principal: ObservedPrincipal, rows: number, bytes: number): { rows: number; bytes: number } => {
      const usual = { rows: 0, bytes: 0 };
      for (const name of principal.groups) {
        const members = groups.take(name, () => []);
        const others = members.filter(([id]) => id !== principal.id);
        usual.rows = Math.max(
          usual.rows,
          quantile(
            others.map((one) => one[1]),
            0.5,
          ),
        );
        usual.bytes = Math.max(
          usual.bytes,
          quantile(
            others.map((one) => one[2]),
            0.5,
          ),
        );
        const at = members.findIndex(([id]) => id === principal.id);
        if (at !== -1) members.splice(at, 1);
        else if (members.length >= membersMax) members.shift();
        members.push([principal.id, rows, bytes]);
      }
      return usual;
    };

    const look = (observation: Observation, principal: ObservedPrincipal, past: Past): readonly Finding[] => {
      const today = dayOf(observation.atMs);
      const rows = compare(past.days, today, (day) => day.rows);
      const bytes = compare(past.days, today, (day) => day.bytes);
      const peers = peersOf(principal, rows?.sum ?? 0, bytes?.sum ?? 0);
      const isUnusual =
        isRaised(rows, tuned.rowsFloor, peers.rows) || isRaised(bytes, tuned.megabytesFloor * 1024 * 1024, peers.bytes);
      if (!isUnusual || rows === null || bytes === null) return nothing;
      const within = past.days.filter(({ day }) => day > today - windowDays);
      if (observation.atMs - past.toldMs < windowDays * dayMs) return nothing;
      past.toldMs = observation.atMs;
      for (const day of within) day.told = true;
      const summary =
        `${nameOf(principal)} took ${figure(rows.sum)} rows and ${bytesText(bytes.sum)} over ${windowDays} days; ` +
        `at most ${figure(rows.usual)} rows and ${bytesText(bytes.usual)} over as many days before.`;
      const facts = {
        rows: rows.sum,
        usualRows: rows.usual,
        bytes: bytes.sum,
        usualBytes: bytes.usual,
        days: within.length,
      };
      return [
        found(observation, { group: principal.id, summary, evidence: within.map(({ sequence }) => sequence), facts }),
      ];
    };

    return {
      observe: (observation) => {
        const { activity, principal, atMs, sequence } = observation;
        const { event } = activity;
        if (event.type !== 'command.ended' || principal === null || (event.rows === 0 && event.bytes === 0))
          return nothing;
        if (isOfCatalogue(observation)) return nothing;
        const past = pasts.take(behaviourOf(principal), () => ({ days: [], askedMs: 0, toldMs: 0 }));
        const day = dayOf(atMs);
        let today = past.days.at(-1);
        if (today === undefined || today.day < day) {
          const told = atMs - past.toldMs < windowDays * dayMs && past.toldMs > 0;
          today = { day, rows: 0, bytes: 0, sequence, largest: 0, told };
          past.days.push(today);
          while (past.days[0]!.day <= day - daysMax) past.days.shift();
        }
        today.rows += event.rows;
        today.bytes += event.bytes;
        if (event.rows + event.bytes > today.largest) {
          today.largest = event.rows + event.bytes;
          today.sequence = sequence;
        }
        if (atMs - past.askedMs < hourMs) return nothing;
        past.askedMs = atMs;
        return look(observation, principal, past);
      },
    };
  },
});
