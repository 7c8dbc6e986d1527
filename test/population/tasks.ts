/** What people of each team do, as runs of commands that belong together. */
import { catalogue, http, kubernetes, type Ran, shell, sql } from './commands.ts';
import type { Random } from './random.ts';
import { type Person, resources, type Team } from './world.ts';

/** A table of the database that this person uses; now and then one it has not used so far. */
function tableOf(random: Random, person: Person, resource: string): string {
  const known = person.tables[resource];
  const all = resources[resource]!.tables;
  const curious = person.team === 'analytics' || person.team === 'science' ? 0.04 : 0.002;
  if (known === undefined || known.length === 0 || random.chance(curious)) return random.pick(all);
  return random.favourite(known);
}

function lookUp(table: string, most = 20): Ran {
  return sql(`select * from ${table} where id = 4711`, { uses: [`read public.${table}`], rows: [1, most] });
}

function list(table: string, most = 200): Ran {
  const text = `select id, state, changed from ${table} where changed > '2026-01-01' order by changed desc limit ${most}`;
  return sql(text, { uses: [`read public.${table}`], rows: [5, most] });
}

function change(table: string): Ran {
  const text = `update ${table} set state = 'done' where id = 4711`;
  return sql(text, { uses: [`write public.${table}`, `read public.${table}`], effects: ['update'], rows: [0, 0] });
}

function aggregate(table: string, other: string, most: number): Ran {
  const text = `select d.name, sum(f.amount) from ${table} f join ${other} d using (key) group by 1 limit ${most}`;
  return sql(text, { uses: [`read public.${table}`, `read public.${other}`], rows: [20, most], bytesPerRow: 90 });
}

const explain = sql('explain analyze select count(*) from orders where state = 4', {
  uses: ['read public.orders'],
  rows: [8, 30],
});
const count = (table: string): Ran =>
  sql(`select count(*) from ${table}`, { uses: [`read public.${table}`], rows: [1, 1] });

const logs = shell('tail -n 200 /var/log/app/app.log', {
  programs: ['tail'],
  paths: [['/var/log/app/app.log', 'read']],
  kilobytes: [8, 30],
});
const search = shell('grep -c ERROR /var/log/app/app.log', {
  programs: ['grep'],
  paths: [['/var/log/app/app.log', 'read']],
  kilobytes: [1, 1],
});
const status = shell('systemctl status app', { programs: ['systemctl'], kilobytes: [1, 2] });
const restart = shell('sudo systemctl restart app', {
  programs: ['sudo', 'systemctl'],
  effects: ['privilege', 'service-control'],
  kilobytes: [1, 1],
});
const disk = shell('df -h', { programs: ['df'], kilobytes: [1, 1] });
const load = shell('uptime', { programs: ['uptime'], kilobytes: [1, 1] });
const listing = shell('ls -l /srv/app', { programs: ['ls'], paths: [['/srv/app', 'read']], kilobytes: [1, 2] });
const edit = shell('vi /srv/app/config.yaml', {
  programs: ['vi'],
  effects: ['interactive', 'write'],
  paths: [['/srv/app/config.yaml', 'write']],
  kilobytes: [5, 20],
});
const sockets = shell('ss -ltn', { programs: ['ss'], kilobytes: [1, 2] });
const training = shell('python3 train.py --epochs 3', {
  programs: ['python3'],
  effects: ['interpreter', 'unknown'],
  kilobytes: [10, 80],
});

/** One run of commands on one resource. */
export function taskOn(random: Random, person: Person, resource: string): readonly Ran[] {
  const { protocol } = resources[resource]!;
  switch (protocol) {
    case 'ssh':
      return onHost(random, person.team);
    case 'kubernetes':
      return onCluster(random, resource);
    case 'http':
      return onPages(random, resource);
    default:
      return onDatabase(random, person, resource);
  }
}

function onDatabase(random: Random, person: Person, resource: string): readonly Ran[] {
  const table = (): string => tableOf(random, person, resource);
  const start: Ran[] = random.chance(habitOfCatalogue(person)) ? random.some(catalogue, random.whole(1, 4)) : [];
  switch (person.team) {
    case 'support': {
      const first = table();
      const steps = [lookUp(first), lookUp(table()), list(table(), 40)];
      if (random.chance(0.3)) steps.push(change(first));
      if (random.chance(0.2)) steps.push(lookUp(first));
      return [...start, ...steps];
    }
    case 'finance': {
      const first = table();
      return [
        ...start,
        list(first, 400),
        aggregate(first, table(), 800),
        ...(random.chance(0.2) ? [change(first)] : []),
        count(first),
      ];
    }
    case 'hr': {
      const first = table();
      return [...start, lookUp(first), list(first, 60), ...(random.chance(0.3) ? [change(first)] : [])];
    }
    case 'analytics':
    case 'science':
    case 'product': {
      const most = person.team === 'science' ? 12_000 : person.team === 'analytics' ? 3_000 : 400;
      const steps = [count(table()), aggregate(table(), table(), most), aggregate(table(), table(), most)];
      if (random.chance(0.5)) steps.push(list(table(), Math.min(most, 1000)));
      return [...start, ...steps];
    }
    default: {
      const first = table();
      const steps = [lookUp(first), count(first), ...(random.chance(0.3) ? [explain] : []), list(first, 100)];
      if (random.chance(0.15)) steps.push(change(first));
      return [...start, ...steps];
    }
  }
}

/** Graphical clients read the catalogue at each start; people who know their tables hardly ever do. */
function habitOfCatalogue({ clients }: Person): number {
  const client = clients['postgres'] ?? '';
  return client === 'psql' ? 0.06 : 0.85;
}

function onHost(random: Random, team: Team): readonly Ran[] {
  if (team === 'science') return [listing, training, logs];
  const steps = [load, ...(random.chance(0.5) ? [status] : []), logs, search];
  if (random.chance(0.3)) steps.push(disk);
  if (random.chance(0.08)) steps.push(sockets);
  if (team === 'sre') {
    if (random.chance(0.25)) steps.push(edit, restart, status);
    if (random.chance(0.2)) steps.push(listing);
  }
  return steps;
}

function onCluster(random: Random, resource: string): readonly Ran[] {
  const space = random.favourite(['shop', 'checkout', 'search', 'mail']);
  const steps = [
    kubernetes('list', space, 'pods'),
    kubernetes('get', space, 'pods', 'app-0'),
    kubernetes('get', space, 'deployments', 'app'),
  ];
  if (random.chance(0.3)) steps.push(kubernetes('list', space, 'events'));
  if (random.chance(resource === 'staging-cluster' ? 0.4 : 0.15))
    steps.push(kubernetes('patch', space, 'deployments', 'app', [1, 3]));
  return steps;
}

function onPages(random: Random, resource: string): readonly Ran[] {
  const pages =
    resource === 'admin-api'
      ? ['/customers/{id}', '/orders/{id}', '/orders/{id}/events', '/search']
      : ['/dashboards/{id}', '/charts/{id}', '/questions/{id}'];
  const steps = Array.from({ length: random.whole(2, 6) }, () => http('GET', random.favourite(pages)));
  if (resource === 'admin-api' && random.chance(0.3)) steps.push(http('POST', '/orders/{id}/refund', [1, 2]));
  return steps;
}

/** What finance takes at the end of a month, and science for a new model. */
export function largeTask(person: Person, resource: string): readonly Ran[] | null {
  if (person.team === 'finance' && resource === 'billing-db') {
    const text = "select * from invoices where month = '2026-01'";
    return [sql(text, { uses: ['read public.invoices'], rows: [8_000, 22_000], bytesPerRow: 200 })];
  }
  if (person.team === 'finance' && resource === 'ledger-db') {
    return [
      sql("select * from postings where period = '2026-01'", {
        uses: ['read public.postings'],
        rows: [8_000, 20_000],
        bytesPerRow: 150,
      }),
    ];
  }
  if (person.team === 'science' && resource === 'warehouse') {
    const text = 'select * from fact_sales_0 tablesample system (5)';
    return [sql(text, { uses: ['read public.fact_sales_0'], rows: [15_000, 40_000], bytesPerRow: 80 })];
  }
  return null;
}

export const nightTask: readonly Ran[] = [load, status, logs, search, restart, status];
export { catalogue, change, count, list, listing, lookUp, sockets };
