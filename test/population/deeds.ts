/**
 * What incidents are made of: each writes one way of doing wrong into the stream, in somebody's name, as plainly or as carefully as
 * it is told.
 */
import { catalogue, type Ran, shell, sql } from './commands.ts';
import { placeOf } from './ordinary.ts';
import type { Random } from './random.ts';
import { writeHeld } from './reviews.ts';
import { aggregateOf, changeOf, lookUpOf } from './steps.ts';
import { actorOf, type Stream } from './stream.ts';
import { beginMs, dayMs, hourMs, isWeekend, type Person, resources, workplaces } from './world.ts';

export interface Incident {
  readonly id: string;
  readonly kind: string;
  readonly variant: string;
  readonly expects: readonly string[];
  readonly principal: string;
}

export interface Scene {
  readonly stream: Stream;
  readonly random: Random;
  readonly people: readonly Person[];
  /** The day it begins. */
  readonly day: number;
  readonly id: string;
  /** Whose name it is done in. */
  readonly person: Person;
}

export interface Script {
  readonly kind: string;
  readonly variant: string;
  readonly expects: readonly string[];
  /** Who it may be; anybody who is there unless given. */
  readonly who?: (person: Person) => boolean;
  /** Days that must be left. */
  readonly days?: number;
  write(scene: Scene): void;
}

/** A moment within the person's hours, or so many hours away from its midnight. */
export function moment({ person, day, random }: Scene, hour = random.between(10, 15.5)): number {
  return beginMs + day * dayMs - person.zone * hourMs + hour * hourMs;
}

export function usual({ person, random, day }: Scene): { source: string; client: string } {
  return { source: placeOf(random, person, day).source, client: person.clients['postgres']! };
}

export function databaseOf(person: Person): string {
  return person.resources.find((name) => resources[name]!.protocol === 'postgres') ?? 'orders-db';
}

/** Runs commands on a resource in the person's name. */
export function act(
  scene: Scene,
  resource: string,
  steps: readonly Ran[],
  more: { atMs?: number; source?: string; client?: string; thinkMs?: number; agent?: string | null } = {},
): void {
  const { stream, person, id } = scene;
  const { protocol } = resources[resource]!;
  const { atMs = moment(scene), source = usual(scene).source, thinkMs = 15_000, agent = null } = more;
  const client = more.client ?? (agent === null ? person.clients[protocol]! : `${agent}/2.1`);
  const session = stream.session({ atMs, principal: actorOf(person, agent), resource, source, client }, id);
  for (const ran of steps) session.think(thinkMs).run(ran);
  session.close();
}

export function refusals(scene: Scene, count: number, overMs: number): void {
  const { stream, random, person, id } = scene;
  const resource = databaseOf(person);
  const atMs = moment(scene);
  const session = stream.session({ atMs, principal: actorOf(person), resource, ...usual(scene) }, id);
  const tables = random.some(
    Object.values(resources).flatMap(({ tables: all }) => all),
    count,
  );
  for (const table of tables) {
    session
      .think(overMs / count)
      .run(sql(`drop table ${table}`, { uses: [`write public.${table}`], effects: ['drop'] }), {
        blockedBy: 'no-ddl',
      });
  }
  session.close();
}

export function failures(
  scene: Scene,
  logins: readonly string[],
  overMs: number,
  source: string,
  succeeds = false,
): void {
  const { stream, random, id } = scene;
  const atMs = moment(scene, random.between(0, 20));
  for (const [index, login] of logins.entries()) {
    const at = atMs + (overMs * index) / logins.length;
    const refused = { connection: 'con_f', source: `${source}:50000`, login, code: 'identity.wrong-password' };
    stream.write(at, { type: 'identity.refused', ...refused }, id);
  }
  if (!succeeds) return;
  const principal = actorOf(scene.person);
  stream.write(
    atMs + overMs,
    { type: 'identity.signed-on', principal, source: `${source}:50001`, method: 'password' },
    id,
  );
}

export const elsewhere = '45.90.12.34';
export const same = (login: string, count: number): string[] => Array(count).fill(login);

export function foreignResource({ random, person }: Scene): string {
  const own = new Set([
    ...person.resources,
    ...workplaces[person.team],
    ...(person.alsoFrom === null ? [] : workplaces[person.alsoFrom.team]),
  ]);
  const foreign = ['payroll-db', 'hr-db', 'ledger-db', 'inventory-db', 'vault-host', 'db-host-2', 'billing-db'];
  return random.pick(foreign.filter((name) => !own.has(name)));
}

export function plainSteps(random: Random, resource: string, count: number): Ran[] {
  const { protocol, tables } = resources[resource]!;
  if (protocol === 'ssh') return [shell('uptime', { programs: ['uptime'] }), shell('ls /srv', { programs: ['ls'] })];
  return Array.from({ length: count }, () => lookUpOf(random.pick(tables)));
}

export function download(table: string, rows: number, bytesPerRow = 160): Ran {
  return sql(`select * from ${table} -- ${rows}`, {
    uses: [`read public.${table}`],
    rows: [rows, Math.round(rows * 1.1)],
    bytesPerRow,
  });
}

export const ofTeams =
  (...teams: readonly string[]) =>
  (person: Person): boolean =>
    teams.includes(person.team);

export const usesDatabase = ofTeams('support', 'engineering', 'finance', 'analytics', 'hr');

export function slowly(scene: Scene, days: number, rowsADay: number): void {
  const table = scene.person.tables[databaseOf(scene.person)]![0]!;
  for (let index = 0; index < days; index += 1) {
    const day = scene.day + index;
    if (isWeekend(day)) continue;
    for (let part = 0; part < 6; part += 1) {
      const one = { ...scene, day };
      act(one, databaseOf(scene.person), [download(table, Math.round(rowsADay / 6))], {
        atMs: moment(one, 9.5 + part),
      });
    }
  }
}

export function hop(scene: Scene, count: number, overMs: number): void {
  const names = scene.random.some(
    Object.keys(resources).filter((name) => resources[name]!.protocol !== 'kubernetes'),
    count,
  );
  const atMs = moment(scene);
  for (const [index, name] of names.entries()) {
    act(scene, name, plainSteps(scene.random, name, 1), { atMs: atMs + (overMs * index) / count, thinkMs: 2_000 });
  }
}

/** The mix of another team, on the person's own resource and tables. */
export function masquerade(scene: Scene, commands: number): void {
  const { random, person } = scene;
  const resource = databaseOf(person);
  const tables = person.tables[resource]!;
  const steps = Array.from({ length: commands }, () => {
    const table = tables[tables.length - 1 - Math.floor(random.next() ** 2 * tables.length)]!;
    const other = random.pick(tables);
    return random.pick([aggregateOf(table, other), changeOf(other), deleteOf(table), explainOf(other), lockOf(table)]);
  });
  act(scene, resource, steps, { thinkMs: 8_000 });
}

export const deleteOf = (table: string): Ran =>
  sql(`delete from ${table} where id = 4711`, { uses: [`write public.${table}`], effects: ['delete'], rows: [0, 0] });
export const explainOf = (table: string): Ran =>
  sql(`explain select * from ${table}`, {
    uses: [`read public.${table}`],
    effects: ['read', 'session-change'],
    rows: [4, 9],
  });
export const lockOf = (table: string): Ran =>
  sql(`lock table ${table}`, { uses: [`write public.${table}`], effects: ['lock', 'transaction'], rows: [0, 0] });

export function reconnoitre(scene: Scene, looks: number, rows: number, pauseMs: number): void {
  const resource = databaseOf(scene.person);
  const table = scene.random.pick(resources[resource]!.tables);
  const steps = Array.from({ length: looks }, (_, index) => catalogue[index % catalogue.length]!);
  const atMs = moment(scene, scene.random.between(10, 13));
  act(scene, resource, steps, { atMs, thinkMs: 20_000 });
  act(scene, resource, [download(table, rows)], { atMs: atMs + pauseMs });
}

export function stamp(scene: Scene, times: number, characters: number, seconds: number, hour?: number, days = 1): void {
  const { stream, random, people, id, person: reviewer } = scene;
  const requesters = people.filter(
    ({ team, id: other, from }) => team === 'engineering' && other !== reviewer.id && from === 0,
  );
  for (let index = 0; index < times; index += 1) {
    const day = scene.day + Math.floor((index * days) / times);
    const atMs = moment({ ...scene, day }, hour ?? random.between(10, 16));
    writeHeld(
      stream,
      {
        requester: random.pick(requesters),
        reviewer,
        atMs: atMs + index * 600_000,
        characters,
        seconds: seconds * random.between(0.8, 1.2),
      },
      id,
    );
  }
}

export function pair(scene: Scene, times: number): void {
  const { stream, random, people, id, person: reviewer } = scene;
  const requester = random.pick(
    people.filter(({ team, id: other, from }) => team === 'finance' && other !== reviewer.id && from === 0),
  );
  for (let index = 0; index < times; index += 1) {
    const day = scene.day + Math.floor(index / 2);
    if (isWeekend(day)) continue;
    const atMs = moment({ ...scene, day }, random.between(10, 16));
    writeHeld(stream, { requester, reviewer, atMs, characters: 200, seconds: random.between(30, 120) }, id);
  }
}

export function configure(
  scene: Scene,
  kind: string,
  name: string,
  action: 'updated' | 'deleted',
  changes: readonly string[],
): void {
  const principal = actorOf(scene.person);
  scene.stream.write(
    moment(scene),
    { type: 'configuration.changed', principal, action, kind, name, changes },
    scene.id,
  );
}

export const sudo = shell('sudo useradd -o -u 0 helper', {
  programs: ['sudo', 'useradd'],
  effects: ['privilege', 'user-admin'],
});
export const grant = sql('grant all on all tables in schema public to helper', {
  uses: [],
  effects: ['grant'],
  rows: [0, 0],
});
export const dropAudit = sql('drop table audit', { uses: ['write public.audit'], effects: ['drop'], rows: [0, 0] });
export const passwords = sql('select login, password_hash from logins', {
  uses: ['read public.logins'],
  columns: ['public.logins.login', 'public.logins.password_hash'],
  rows: [40, 900],
});
export const shadow = shell('sudo cat /etc/shadow', {
  programs: ['cat', 'sudo'],
  effects: ['privilege', 'read'],
  paths: [['/etc/shadow', 'read']],
  kilobytes: [2, 2],
});
export const keys = shell('cat /srv/deploy/.ssh/id_ed25519', {
  programs: ['cat'],
  paths: [['/srv/deploy/.ssh/id_ed25519', 'read']],
  kilobytes: [1, 1],
});

export const hasAgent = ({ agent }: Person): boolean => agent !== null;
export const isReviewer = ({ isReviewer: is }: Person): boolean => is;
export const isAdmin = ({ team, isReviewer: is }: Person): boolean => is && team === 'sre';
