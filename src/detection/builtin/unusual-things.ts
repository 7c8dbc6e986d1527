/**
 * First times: a resource, a table, an address or a client that neither the principal nor those who share its groups use.
 * Four detectors over the same model (familiarity.ts).
 */
import type { DetectorDefinition, Finding, Observation, ObservedPrincipal, TuningDefinition } from '../detector.ts';
import { Familiarity, type Standing } from './familiarity.ts';
import { catalogueTables, dayMs, define, found, nameOf, nothing } from './kit.ts';
import { groupItemsMax } from './limits.ts';
import type { Memory } from './memory.ts';

const historyDays = {
  default: 8,
  meaning: 'Days of activity after which a principal, or a group, has a history to compare with.',
  min: 1,
  max: 90,
} as const satisfies TuningDefinition;
const forgetDays = {
  default: 60,
  meaning: 'Days after which a thing that was not used is new again.',
  min: 1,
  max: 400,
} as const satisfies TuningDefinition;
const forgiveDays = {
  default: 7,
  meaning: 'Days after a report from when on going on with it is usual.',
  min: 1,
  max: 90,
} as const satisfies TuningDefinition;
const peersPercent = {
  default: 10,
  meaning: 'Percentage of the members of one of its groups (two at least) that use a thing which is then usual.',
  min: 1,
  max: 100,
} as const satisfies TuningDefinition;
const atLeast = {
  default: 1,
  meaning: 'New things within a day that are reported, of somebody who hardly ever uses new ones.',
  min: 1,
  max: 100,
} as const satisfies TuningDefinition;
const perUsual = {
  default: 3,
  meaning:
    'How many times the usual number of new things in a day there must be besides, of somebody who often uses new ones.',
  min: 0,
  max: 100,
} as const satisfies TuningDefinition;

const tuning = { historyDays, forgetDays, forgiveDays, peersPercent, atLeast, perUsual };
type Values = { readonly [Name in keyof typeof tuning]: number };

function familiarityOf(memory: Memory, values: Values, isRestless = false): Familiarity {
  return new Familiarity(memory, {
    isRestless,
    historyDays: values.historyDays,
    forgetDays: values.forgetDays,
    forgiveDays: values.forgiveDays,
    peersShare: values.peersPercent / 100,
  });
}

function isReported({ is, novelToday, novelUsually }: Standing, { atLeast: least, perUsual: times }: Values): boolean {
  return is === 'novel' && novelToday >= least + Math.floor(novelUsually * times);
}

function report(
  observation: Observation,
  principal: ObservedPrincipal,
  what: string,
  thing: string,
  how: Standing,
): Finding {
  const summary = `${nameOf(principal)} ${what} ${thing} for the first time, and hardly anybody of its groups does.`;
  const facts = {
    thing,
    newToday: how.novelToday,
    newUsually: how.novelUsually.toFixed(2),
    historyDays: how.historyDays,
  };
  return found(observation, { group: principal.id, summary, evidence: [], facts });
}

const howTo =
  'Whoever has no history yet is compared with its groups alone. Something that was reported is not learned; when it goes on being used ' +
  'for `forgiveDays`, it is. New duties and helping out in another team set it off rightly, and mean nothing: resolve it. ';

export const unusualResource = define({
  name: 'unusual-resource',
  title: 'Unusual resource',
  explanation: `A principal opens, or is refused, a session on a resource that it has not used before, and that hardly anybody in its groups uses. Resources configured lately are new for everyone and do not count. ${howTo}`,
  techniques: ['T1078', 'T1021'],
  tuning: {
    ...tuning,
    graceDays: {
      default: 14,
      meaning: 'Days after its creation in which a resource is new for everyone.',
      min: 0,
      max: 90,
    },
  },
  create: (tuned, memory) => {
    const familiar = familiarityOf(memory, tuned);
    const created = memory.map<number>('created', groupItemsMax);
    return {
      observe: (observation) => {
        const { event } = observation.activity;
        if (event.type === 'configuration.changed' && event.kind === 'Resource' && event.action === 'created') {
          created.set(event.name, event.at);
          return nothing;
        }
        if (event.type !== 'session.opened' && event.type !== 'session.refused') return nothing;
        const { principal, resource, atMs } = observation;
        if (principal === null || resource === null) return nothing;
        const standing = familiar.see(principal, resource, atMs);
        if (standing.is === 'novel' && atMs - (created.peek(resource) ?? 0) < tuned.graceDays * dayMs) {
          familiar.accept(principal, resource, atMs);
          return nothing;
        }
        return isReported(standing, tuned) ? [report(observation, principal, 'uses', resource, standing)] : nothing;
      },
    };
  },
});

function thingsOf({ activity: { event }, resource }: Observation): readonly string[] {
  if (event.type !== 'command.intent' || event.facts === undefined) return [];
  const things = new Set<string>();
  for (const [kind, , name] of event.facts.touches) {
    // Systems' own tables are read by clients themselves; what is read there is told by `recon-then-export`.
    if (kind === 'table' && !catalogueTables.test(name)) things.add(`${resource}: ${name}`);
    if (kind === 'operation' || kind === 'route') things.add(`${resource}: ${name}`);
    // Of an object its namespace and what it is; names of pods change by the hour.
    if (kind === 'object') things.add(`${resource}: ${name.split('/').slice(0, 2).join('/')}`);
  }
  return [...things];
}

export const unusualTable = define({
  name: 'unusual-table',
  title: 'Unusual table',
  explanation: `A command touches a table, a route, an operation of an API or a kind of object in a namespace that the principal has not touched before, and that hardly anybody in its groups does. It goes by what the command means, not by its text. Tables that were created lately do not count. People who often touch new tables (analysts) must touch more of them in a day than they usually do. ${howTo}`,
  techniques: ['T1213', 'T1530'],
  tuning: {
    ...tuning,
    graceDays: {
      default: 14,
      meaning: 'Days after its creation in which a table is new for everyone.',
      min: 0,
      max: 90,
    },
  },
  create: (tuned, memory) => {
    const familiar = familiarityOf(memory, tuned);
    const created = memory.map<number>('created', groupItemsMax);
    return {
      observe: (observation) => {
        const { activity, principal, atMs } = observation;
        const { event } = activity;
        if (event.type !== 'command.intent' || principal === null) return nothing;
        const isNew = event.facts?.effects.includes('create') === true;
        const things = thingsOf(observation);
        if (things.length === 0) return nothing;
        // All of a resource is new where the resource is: that is told by `unusual-resource`, once.
        const place = familiar.see(principal, `anything of ${observation.resource}`, atMs).is;
        let worst: { thing: string; standing: Standing } | null = null;
        for (const thing of things) {
          if (isNew) created.set(thing, atMs);
          const standing = familiar.see(principal, thing, atMs);
          if (standing.is !== 'novel') continue;
          if (atMs - (created.peek(thing) ?? 0) < tuned.graceDays * dayMs) familiar.accept(principal, thing, atMs);
          else worst = { thing, standing };
        }
        if (worst === null || place === 'novel' || place === 'told' || !isReported(worst.standing, tuned))
          return nothing;
        return [report(observation, principal, 'touches', worst.thing, worst.standing)];
      },
    };
  },
});

export const unusualAddress = define({
  name: 'unusual-address',
  title: 'Unusual address',
  explanation: `A principal signs on or opens a session from a network (a /24 of IPv4, a /48 of IPv6) that it has not come from before and that others do not come from. Where addresses are is not known to the gateway, so that a hotel and a botnet look alike; people who travel must come from more new networks than they usually do. A service that comes from elsewhere is the strongest case. ${howTo}`,
  techniques: ['T1078'],
  // People are at home, on trains and in hotels: a longer history, and more allowance for those who move.
  tuning: { ...tuning, historyDays: { ...historyDays, default: 14 }, perUsual: { ...perUsual, default: 12 } },
  create: (tuned, memory) => {
    const familiar = familiarityOf(memory, tuned, true);
    return {
      observe: (observation) => {
        const { activity, principal, source, atMs } = observation;
        const { type } = activity.event;
        if ((type !== 'session.opened' && type !== 'identity.signed-on') || principal === null || source === null) {
          return nothing;
        }
        const network = networkOf(source);
        const standing = familiar.see(principal, network, atMs);
        return isReported(standing, tuned)
          ? [report(observation, principal, 'comes from', network, standing)]
          : nothing;
      },
    };
  },
});

export const unusualClient = define({
  name: 'unusual-client',
  title: 'Unusual client',
  explanation: `A session comes from a client program that the principal has not used before and that hardly anybody in its groups uses, by what the program says of itself; versions are left out. What it says is not to be trusted: whoever wants to hide says \`psql\`. Of a service any new program is reported, whatever others use. ${howTo}`,
  techniques: ['T1078'],
  tuning,
  create: (tuned, memory) => {
    const familiar = familiarityOf(memory, tuned);
    return {
      observe: (observation) => {
        const { activity, principal, atMs } = observation;
        if (activity.event.type !== 'session.opened' || principal === null) return nothing;
        const client = clientOf(activity.event.client);
        if (client === null) return nothing;
        // What people use says nothing of what a service uses.
        const alone = principal.kind === 'service' ? { ...principal, groups: [] } : principal;
        const standing = familiar.see(alone, `${activity.event.protocol} ${client}`, atMs);
        return isReported(standing, tuned)
          ? [report(observation, principal, 'uses the client', client, standing)]
          : nothing;
      },
    };
  },
});

export const unusualThings: readonly DetectorDefinition[] = [
  unusualResource,
  unusualTable,
  unusualAddress,
  unusualClient,
];

/** The /24 or /48 that an address is in, spelled. */
export function networkOf(source: string): string {
  const mapped = source.replace(/^::ffff:(?=\d+\.)/i, '');
  if (mapped.includes('.')) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail] = mapped.toLowerCase().split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? front : [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return `${groups.slice(0, 3).join(':')}::/48`;
}

/** The name of the program, without versions; null where it says nothing. */
export function clientOf(client: Readonly<Record<string, string>>): string | null {
  const said = client['application_name'] ?? client['software'] ?? '';
  const name = said
    .toLowerCase()
    .replace(/[\d.]+/g, '')
    .replace(/[^a-z]+/g, ' ')
    .trim();
  return name === '' ? null : name.slice(0, 80);
}
