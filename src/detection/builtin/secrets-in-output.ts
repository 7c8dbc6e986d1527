/** Credentials in what comes back: seen by a mask, or read from where credentials are kept. */
import type { Observation } from '../detector.ts';
import { Familiarity } from './familiarity.ts';
import { DailyFigures } from './figures.ts';
import { define, figure, fits, found, nameOf, nothing } from './kit.ts';

export const secretsInOutput = define({
  name: 'secrets-in-output',
  title: 'Secrets in output',
  explanation:
    'Tells that a command gave out credentials, in two ways: a mask whose name is like one of `masks` changed values of it, or it read ' +
    'a column, a file or a secret of a cluster whose name is like one of `columns`, `paths` or `objects`. The first time for a ' +
    'principal that its groups do not share counts, and far more than it usually gets. Events never carry the values, and name masks but ' +
    'not what kind of thing they look for: name masks for secrets accordingly, or set `masks`. Secrets that no mask looks for, in ' +
    'columns with harmless names, are not found. What commonly sets it off wrongly is a service after a release that reads its own ' +
    'table of tokens for the first time.',
  techniques: ['T1552', 'T1555'],
  tuning: {
    masks: {
      default: ['*secret*', '*credential*', '*token*', '*api-key*', '*password*', '*private-key*'],
      meaning: 'Names of masks for secrets, with `*` for any run of characters.',
    },
    columns: {
      default: [
        '*.*password*',
        '*.*passwd*',
        '*.*secret*',
        '*.*_token',
        '*.token',
        '*.api_key*',
        '*.private_key*',
        '*.credential*',
      ],
      meaning: 'Columns that hold secrets, as `schema.table.column` with `*` for any run of characters.',
    },
    paths: {
      default: [
        '/etc/shadow',
        '*/.ssh/id_*',
        '*/.aws/credentials',
        '*.pem',
        '*.key',
        '*/.env',
        '*/.pgpass',
        '*/.kube/config',
        '*/.netrc',
      ],
      meaning: 'Files that hold secrets, with `*` for any run of characters.',
    },
    objects: {
      default: ['*/secrets/*'],
      meaning: 'Objects of Kubernetes that hold secrets, as `namespace/resource/name`.',
    },
    historyDays: {
      default: 5,
      meaning: 'Days of activity after which a principal, or a group, has a history.',
      min: 1,
      max: 90,
    },
    values: {
      default: 25,
      meaning: 'Masked values of one command below which more than usual does not count.',
      min: 1,
    },
    factor: { default: 4, meaning: 'How many times the most of its other days that must be.', min: 1, max: 1000 },
  },
  create: (tuned, memory) => {
    const { historyDays } = tuned;
    const familiar = new Familiarity(memory, { historyDays, forgetDays: 60, forgiveDays: 7, peersShare: 0.15 });
    const counts = new DailyFigures(memory, 'values', 42);
    return {
      observe: (observation) => {
        const { activity, principal, atMs, resource } = observation;
        const { event } = activity;
        if (event.type !== 'command.ended' || principal === null || event.outcome === 'refused') return nothing;
        familiar.present(principal, atMs);
        const masked = Object.entries(event.masked ?? {}).filter(([name]) =>
          tuned.masks.some((one) => fits(one, name)),
        );
        const values = masked.reduce((sum, [, count]) => sum + count, 0);
        const hasOutput = event.rows > 0 || event.bytes > 0;
        const places = hasOutput ? placesOf(observation, tuned) : [];
        if (values === 0 && places.length === 0) return nothing;
        const fresh = [...masked.map(([name]) => `masked by ${name}`), ...places].filter(
          (what) => familiar.see(principal, `${resource}: ${what}`, atMs).is === 'novel',
        );
        const usual = counts.usual(principal, atMs).own;
        counts.note(principal, atMs, values);
        const isMany = values >= tuned.values && values >= tuned.factor * usual;
        if (fresh.length === 0 && !isMany) return nothing;
        counts.tell(principal);
        const what = fresh[0] ?? `${figure(values)} secrets where up to ${figure(usual)} would be usual`;
        const summary = `${nameOf(principal)} was given secrets on ${resource}: ${what}.`;
        const facts = { values, usualValues: usual, what };
        return [found(observation, { group: principal.id, summary, evidence: [], facts })];
      },
    };
  },
});

interface Places {
  readonly columns: readonly string[];
  readonly paths: readonly string[];
  readonly objects: readonly string[];
}

function placesOf({ activity: { command } }: Observation, { columns, paths, objects }: Places): string[] {
  const places: string[] = [];
  for (const [kind, access, name] of command?.intent.facts?.touches ?? []) {
    if (access !== 'read') continue;
    const patterns = kind === 'column' ? columns : kind === 'path' ? paths : kind === 'object' ? objects : [];
    if (!patterns.some((one) => fits(one, name))) continue;
    // Of a secret its namespace; names of secrets are many.
    places.push(kind === 'object' ? `secrets of ${name.split('/')[0]}` : name);
  }
  return [...new Set(places)];
}
