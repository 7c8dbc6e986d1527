/** What runs by itself: pipelines with their releases, backups, loads, health checks; and what goes wrong with them. */
import { http, type Ran, shell, sql } from './commands.ts';
import type { Random } from './random.ts';
import { type Stream, serviceActor } from './stream.ts';
import { beginMs, dayMs, hourMs, isWeekend, resources } from './world.ts';

const runner = '10.20.30.40';

function query(table: string, rows: readonly [number, number], bytesPerRow = 100): Ran {
  return sql(`select * from ${table}`, { uses: [`read public.${table}`], rows, bytesPerRow });
}

const deploy: readonly Ran[] = [
  shell('git pull --ff-only', { programs: ['git'], effects: ['network', 'write'], kilobytes: [1, 4] }),
  shell('make install', { programs: ['make'], effects: ['execute', 'write'], kilobytes: [4, 20] }),
  shell('sudo systemctl restart app', {
    programs: ['sudo', 'systemctl'],
    effects: ['privilege', 'service-control'],
    kilobytes: [1, 1],
  }),
  shell('curl -fsS http://127.0.0.1:8080/health', { programs: ['curl'], effects: ['network'], kilobytes: [1, 1] }),
];

export function writeMachines(stream: Stream, random: Random, day: number): void {
  const midnight = beginMs + day * dayMs;
  const run = (
    name: string,
    atMs: number,
    resource: string,
    client: string,
    steps: readonly Ran[],
    source = runner,
  ): void => {
    const session = stream.session({ atMs, principal: serviceActor(name), resource, source, client });
    for (const ran of steps) session.think(1_500).run(ran);
    session.close();
  };
  // Backups at night.
  for (const [index, resource] of ['orders-db', 'customers-db', 'billing-db', 'hr-db'].entries()) {
    const tables = resources[resource]!.tables.slice(0, 5);
    const steps = tables.map((table) => query(table, [60_000, 240_000], 180));
    run('backup', midnight + 1.5 * hourMs + index * 15 * 60_000, resource, 'pg_dump', steps, '10.20.30.50');
  }
  // The load of the warehouse, every two hours.
  for (let hour = 0; hour < 24; hour += 2) {
    const atMs = midnight + hour * hourMs + random.between(0, 300_000);
    const steps = ['orders', 'order_items', 'payments'].map((table) => query(table, [2_000, 9_000]));
    run('load', atMs, 'orders-db', 'load 3', steps, '10.20.30.60');
  }
  // Health checks over everything, six times a day.
  for (let hour = 2; hour < 24; hour += 4) {
    let atMs = midnight + hour * hourMs;
    for (const [resource, { protocol }] of Object.entries(resources)) {
      const ran =
        protocol === 'ssh'
          ? shell('uptime', { programs: ['uptime'], kilobytes: [1, 1] })
          : protocol === 'http'
            ? http('GET', '/health', [1, 1])
            : sql('select 1', { uses: [], rows: [1, 1] });
      if (protocol === 'kubernetes') continue;
      run('health', atMs, resource, 'health 1', [ran], '10.20.30.70');
      atMs += 12_000;
    }
  }
  if (isWeekend(day)) return;
  // Pipelines.
  for (const [name, hosts] of [
    ['ci-shop', ['app-1', 'app-2', 'app-3']],
    ['ci-web', ['web-1', 'web-2', 'web-3']],
    ['ci-jobs', ['worker-1', 'worker-2']],
  ] as const) {
    for (let times = random.whole(3, 7); times > 0; times -= 1) {
      const atMs = midnight + random.between(7, 17) * hourMs;
      for (const [index, host] of hosts.entries()) run(name, atMs + index * 90_000, host, 'runner 17', deploy);
    }
  }
  if (day % 7 === 1) release(stream, random, day);
  if (day % 29 === 12) expired(stream, random, midnight + 9.2 * hourMs);
}

/** Tables come and change with a release, once a week. */
function release(stream: Stream, random: Random, day: number): void {
  const atMs = beginMs + day * dayMs + 13 * hourMs;
  const session = stream.session({
    atMs,
    principal: serviceActor('ci-shop'),
    resource: 'orders-db',
    source: runner,
    client: 'migrate 9',
  });
  const name = newTable(day);
  session.think(1_000).run(
    sql(`create table ${name} (id bigint primary key)`, {
      uses: [`write public.${name}`],
      effects: ['create'],
      rows: [0, 0],
    }),
  );
  session.think(1_000).run(
    sql(`alter table orders add column c${day} text`, {
      uses: ['write public.orders'],
      effects: ['alter'],
      rows: [0, 0],
    }),
  );
  if (random.chance(0.3)) {
    const text = 'create index concurrently on order_items (id)';
    session.think(1_000).run(sql(text, { uses: ['write public.order_items'], effects: ['create'], rows: [0, 0] }));
  }
  session.close();
}

/** The table that the release of that week brings. */
export function newTable(day: number): string {
  return `feature_${Math.floor(day / 7)}`;
}

/** A token of a pipeline has ended, and it tries again until somebody looks. */
function expired(stream: Stream, random: Random, atMs: number): void {
  for (let index = 0; index < 14; index += 1) {
    stream.write(atMs + index * random.between(25_000, 40_000), {
      type: 'identity.refused',
      connection: 'con_e',
      source: `${runner}:40000`,
      login: 'ci-jobs',
      code: 'identity.token-expired',
    });
  }
}
