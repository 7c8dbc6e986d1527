/** First it looks what there is, then it takes much of it: reading of catalogues, listings and machines, followed by bulk output. */
import type { Finding, Observation, ObservedPrincipal } from '../detector.ts';
import { DailyFigures } from './figures.ts';
import {
  addMoment,
  behaviourOf,
  bytesText,
  catalogueTables,
  define,
  distinctOf,
  figure,
  found,
  hourMs,
  isOfCatalogue,
  type Moments,
  minuteMs,
  nameOf,
  nothing,
  sequencesOf,
} from './kit.ts';
import { principalsMax } from './limits.ts';

interface Looking {
  moments: Moments;
  /** The last time that it was more than usual: when, which events, over how many things. */
  burst: { atMs: number; sequences: number[]; things: number; usual: number } | null;
  quietUntilMs: number;
}

/** Programs that say what is on a machine and around it. */
const lookingAround: ReadonlySet<string> = new Set([
  'find',
  'locate',
  'getent',
  'nmap',
  'netstat',
  'ss',
  'arp',
  'last',
  'lastlog',
  'lsof',
  'lsblk',
  'mount',
  'env',
  'printenv',
  'ip',
  'ifconfig',
  'id',
  'whoami',
  'crontab',
  'ldapsearch',
  'nslookup',
  'dig',
]);

export const reconThenExport = define({
  name: 'recon-then-export',
  title: 'Reconnaissance, then export',
  explanation:
    'Within some hours a principal first looks what there is (system catalogues of a database, listings of a cluster or of file systems, ' +
    'accounts and neighbours of a machine), more than it does on its other days, and then takes more rows or bytes with one command than it ' +
    'does as a rule. Clients that read the catalogue at each start make that usual for whoever uses them. What commonly sets it off wrongly ' +
    'is somebody at a new data base, with a good reason.',
  techniques: ['T1082', 'T1087', 'T1046', 'T1005'],
  tuning: {
    hours: { default: 4, meaning: 'Hours within which the one must follow the other.', min: 1, max: 72 },
    minutes: { default: 30, meaning: 'Minutes over which commands that look around are counted.', min: 1, max: 1440 },
    looks: { default: 5, meaning: 'Commands that look around within these minutes.', min: 2, max: 200 },
    different: { default: 3, meaning: 'Different things that they look at.', min: 1, max: 200 },
    looksFactor: { default: 1.2, meaning: 'How many times its usual number on a day that must be.', min: 1, max: 100 },
    rows: { default: 1_500, meaning: 'Rows of one command that are an export, at least.', min: 1 },
    megabytes: { default: 4, meaning: 'Mebibytes of one command that are an export, at least.', min: 1 },
    historyDays: { default: 6, meaning: 'Days with output after which a principal has a habit.', min: 1, max: 60 },
    factor: {
      default: 1.5,
      meaning: 'How many times its usual largest command of a day that must be.',
      min: 1,
      max: 100,
    },
  },
  create: (tuned, memory) => {
    const windows = memory.map<Looking>('windows', principalsMax);
    const looks = new DailyFigures(memory, 'looks', 30, 0.8);
    const rows = new DailyFigures(memory, 'rows', 30);
    const bytes = new DailyFigures(memory, 'bytes', 30);

    const look = (observation: Observation, principal: ObservedPrincipal, what: string): void => {
      const { atMs, sequence } = observation;
      const window = windows.take(behaviourOf(principal), () => ({ moments: [], burst: null, quietUntilMs: 0 }));
      addMoment(window.moments, atMs, sequence, what, tuned.minutes * minuteMs);
      const { length } = window.moments;
      const things = distinctOf(window.moments);
      const usual = looks.usual(principal, atMs).own;
      looks.note(principal, atMs, length);
      if (length < tuned.looks || things < tuned.different || length < tuned.looksFactor * usual) return;
      window.burst = { atMs, sequences: sequencesOf(window.moments), things, usual };
    };

    return {
      observe: (observation): readonly Finding[] => {
        const { activity, principal, atMs } = observation;
        const { event } = activity;
        if (principal === null) return nothing;
        if (event.type === 'command.intent') {
          const what = lookedAt(observation);
          if (what !== null) look(observation, principal, what);
          return nothing;
        }
        if (event.type !== 'command.ended' || (event.rows === 0 && event.bytes === 0) || isOfCatalogue(observation))
          return nothing;
        const [usualRows, usualBytes] = [rows.usual(principal, atMs), bytes.usual(principal, atMs)];
        const isExport =
          (event.rows >= tuned.rows && event.rows >= tuned.factor * usualRows.own) ||
          (event.bytes >= tuned.megabytes * 1024 * 1024 && event.bytes >= tuned.factor * usualBytes.own);
        rows.note(principal, atMs, event.rows);
        bytes.note(principal, atMs, event.bytes);
        const window = windows.peek(behaviourOf(principal));
        const burst = window?.burst ?? null;
        if (!isExport || window === undefined || burst === null || atMs - burst.atMs > tuned.hours * hourMs)
          return nothing;
        if (usualRows.days < tuned.historyDays || atMs < window.quietUntilMs) return nothing;
        for (const one of [looks, rows, bytes]) one.tell(principal);
        window.quietUntilMs = atMs + tuned.hours * hourMs;
        const summary =
          `${nameOf(principal)} looked around (${burst.sequences.length} commands over ${burst.things} things), and then took ` +
          `${figure(event.rows)} rows and ${bytesText(event.bytes)} with one command.`;
        const facts = { looks: burst.sequences.length, usualLooks: burst.usual, rows: event.rows, bytes: event.bytes };
        return [found(observation, { group: principal.id, summary, evidence: burst.sequences, facts })];
      },
    };
  },
});

function lookedAt({ activity: { event } }: Observation): string | null {
  if (event.type !== 'command.intent') return null;
  const { facts, kind } = event;
  for (const [touch, access, name] of facts?.touches ?? []) {
    if (touch === 'table' && catalogueTables.test(name)) return name;
    if (touch === 'program' && lookingAround.has(name)) return `${name} ${facts?.fingerprint}`;
    if (touch === 'object' && access === 'read' && kind === 'kubernetes' && facts?.effects.includes('list') === true)
      return name;
  }
  return null;
}
