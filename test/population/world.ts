/** The made-up company: its teams, what each works with, and the people. */
import type { Random } from './random.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** A Monday. */
export const beginMs = Date.UTC(2026, 0, 5);

export const teams = ['support', 'engineering', 'analytics', 'finance', 'sre', 'science', 'hr', 'product'] as const;
export type Team = (typeof teams)[number];

const sizes: Readonly<Record<Team, number>> = {
  support: 22,
  engineering: 24,
  analytics: 10,
  finance: 8,
  sre: 9,
  science: 6,
  hr: 5,
  product: 8,
};

const topics = [
  'sales',
  'visits',
  'carts',
  'returns',
  'campaigns',
  'churn',
  'stock',
  'margin',
  'cohorts',
  'funnel',
  'calls',
  'tickets',
  'delivery',
  'suppliers',
  'prices',
  'reviews',
  'search',
  'emails',
  'fraud',
  'finance',
];

/** By resource: its protocol and its tables, where it has such. */
export const resources: Readonly<Record<string, { readonly protocol: string; readonly tables: readonly string[] }>> = {
  'orders-db': {
    protocol: 'postgres',
    tables: 'orders order_items shipments returns carts coupons payments refunds addresses notes'.split(' '),
  },
  'customers-db': {
    protocol: 'postgres',
    tables: 'customers contacts tickets consents segments preferences api_tokens logins addresses calls'.split(' '),
  },
  'billing-db': {
    protocol: 'postgres',
    tables: 'invoices invoice_lines payments dunning tax_rates ledger_exports mandates cards'.split(' '),
  },
  'ledger-db': {
    protocol: 'postgres',
    tables: 'journal accounts balances periods postings cost_centres budgets'.split(' '),
  },
  'payroll-db': { protocol: 'postgres', tables: 'salaries payslips bank_accounts bonuses tax_ids'.split(' ') },
  'hr-db': { protocol: 'postgres', tables: 'employees absences reviews contracts candidates interviews'.split(' ') },
  'inventory-db': {
    protocol: 'postgres',
    tables: 'items stock warehouses movements suppliers purchase_orders'.split(' '),
  },
  'flags-db': { protocol: 'postgres', tables: 'flags audiences rollouts audit'.split(' ') },
  warehouse: {
    protocol: 'postgres',
    tables: Array.from(
      { length: 60 },
      (_, index) => `${['fact', 'dim', 'agg'][index % 3]}_${topics[index % 20]}_${Math.floor(index / 20)}`,
    ),
  },
  'staging-db': { protocol: 'postgres', tables: 'orders order_items customers carts payments flags jobs'.split(' ') },
  'admin-api': { protocol: 'http', tables: [] },
  reports: { protocol: 'http', tables: [] },
  cluster: { protocol: 'kubernetes', tables: [] },
  'staging-cluster': { protocol: 'kubernetes', tables: [] },
  ...Object.fromEntries(
    ['web', 'app', 'worker', 'queue'].flatMap((name) =>
      [1, 2, 3, 4].map((number) => [`${name}-${number}`, { protocol: 'ssh', tables: [] }]),
    ),
  ),
  'db-host-1': { protocol: 'ssh', tables: [] },
  'db-host-2': { protocol: 'ssh', tables: [] },
  'vault-host': { protocol: 'ssh', tables: [] },
};

/** What a team works with, the most used first. */
export const workplaces: Readonly<Record<Team, readonly string[]>> = {
  support: ['customers-db', 'orders-db', 'admin-api'],
  engineering: [
    'staging-db',
    'orders-db',
    'staging-cluster',
    'cluster',
    'flags-db',
    'app-1',
    'app-2',
    'web-1',
    'inventory-db',
  ],
  analytics: ['warehouse', 'reports'],
  finance: ['billing-db', 'ledger-db', 'reports'],
  sre: [
    'cluster',
    'web-1',
    'web-2',
    'app-1',
    'app-2',
    'app-3',
    'worker-1',
    'worker-2',
    'queue-1',
    'db-host-1',
    'orders-db',
  ],
  science: ['warehouse', 'worker-3', 'worker-4'],
  hr: ['hr-db', 'payroll-db'],
  product: ['reports', 'warehouse', 'flags-db'],
};

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly team: Team;
  readonly groups: readonly string[];
  /** Hours east of UTC. */
  readonly zone: number;
  /** Local hours of the day at which it begins and ends, as a rule. */
  readonly starts: number;
  readonly ends: number;
  /** What it works with, the most used first. */
  readonly resources: readonly string[];
  /** By database: the tables it uses, the most used first. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** By protocol: the program it connects with. */
  readonly clients: Readonly<Record<string, string>>;
  readonly home: string;
  /** How often at home, and not at the office. */
  readonly remote: number;
  /** The agent that acts for it, or null. */
  readonly agent: string | null;
  readonly tasksPerDay: number;
  /** Days of the population on which it is there; undefined: all. */
  readonly from: number;
  /** First and last day of each absence. */
  readonly away: readonly (readonly [first: number, last: number])[];
  /** From this day on it helps another team, and uses what that uses. */
  readonly alsoFrom: { readonly day: number; readonly team: Team } | null;
  readonly isReviewer: boolean;
}

export const offices = ['198.51.100.7', '198.51.101.9'] as const;

const clients: Readonly<Record<string, readonly string[]>> = {
  postgres: ['psql', 'DBeaver 24.1', 'DataGrip 2025.3', 'pgAdmin 4'],
  ssh: ['OpenSSH_9.6', 'OpenSSH_9.2', 'PuTTY_Release_0.80'],
  http: ['Mozilla/5.0 Firefox/140.0', 'Mozilla/5.0 Chrome/141.0'],
  kubernetes: ['kubectl/v1.34', 'k9s/0.50'],
};

const preferred: Readonly<Partial<Record<Team, string>>> = {
  sre: 'psql',
  engineering: 'psql',
  support: 'DBeaver 24.1',
};

/** The people, and how many days the population has. */
export function makePeople(random: Random, days: number): Person[] {
  const people: Person[] = [];
  let number = 0;
  for (const team of teams) {
    for (let index = 0; index < sizes[team]; index += 1) {
      number += 1;
      people.push(makePerson(random.fork(`person ${number}`), team, number, index, days));
    }
  }
  return people;
}

function makePerson(random: Random, team: Team, number: number, index: number, days: number): Person {
  const zone = random.chance(0.7) ? 1 : random.pick([-5, 5.5]);
  const starts = random.normal(8.7, 0.8);
  const own = workplaces[team];
  // The first two everybody of the team uses; of the rest each some.
  const chosen = [
    ...own.slice(0, 2),
    ...random.some(own.slice(2), Math.ceil((own.length - 2) * random.between(0.5, 0.9))),
  ];
  const tables: Record<string, readonly string[]> = {};
  for (const name of chosen) {
    const all = resources[name]!.tables;
    if (all.length > 0) tables[name] = random.some(all, Math.max(3, Math.ceil(all.length * random.between(0.4, 0.8))));
  }
  const vacation = random.whole(0, days - 1);
  const away: [number, number][] = random.chance(0.7) ? [[vacation, vacation + random.pick([4, 6, 9, 13])]] : [];
  // Somebody comes back from a long leave, as somebody always does.
  if (number % 41 === 7) away.push([10, 10 + 34]);
  const others = teams.filter((one) => one !== team && one !== 'hr');
  return {
    id: `prn_${String(number).padStart(3, '0')}`,
    name: `${team}-${String(index + 1).padStart(2, '0')}`,
    team,
    groups: ['staff', team],
    zone,
    starts,
    ends: starts + random.normal(8.8, 0.5),
    resources: chosen,
    tables,
    clients: Object.fromEntries(
      Object.entries(clients).map(([protocol, all]) => [
        protocol,
        protocol === 'postgres' && random.chance(0.6) ? (preferred[team] ?? random.pick(all)) : random.pick(all),
      ]),
    ),
    home: `203.0.${random.whole(1, 250)}.${random.whole(2, 250)}`,
    remote: random.between(0, 0.8),
    agent: (team === 'engineering' || team === 'analytics') && random.chance(0.5) ? `${team}-assistant` : null,
    tasksPerDay: random.between(4, 10),
    from: number % 23 === 11 ? random.whole(14, Math.max(15, days - 14)) : 0,
    away,
    alsoFrom: number % 29 === 13 ? { day: random.whole(20, Math.max(21, days - 10)), team: random.pick(others) } : null,
    isReviewer: (team === 'sre' || team === 'engineering') && index < 4,
  };
}

export function isAway({ away, from }: Person, day: number): boolean {
  return day < from || away.some(([first, last]) => day >= first && day <= last);
}

/** Days on which nobody works; of the population's weeks. */
export function isHoliday(day: number): boolean {
  return day === 24 || day === 45 || day === 60;
}

export function isWeekend(day: number): boolean {
  return day % 7 >= 5;
}
