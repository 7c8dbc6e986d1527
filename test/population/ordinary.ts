/** An ordinary day of one person: when it comes, from where, what it does, and what goes wrong as things do. */

import type { Random } from './random.ts';
import { actorOf, type Stream } from './stream.ts';
import { largeTask, nightTask, taskOn } from './tasks.ts';
import type { Person } from './world.ts';
import { beginMs, dayMs, hourMs, isAway, isHoliday, isWeekend, offices, resources, workplaces } from './world.ts';

export interface Place {
  readonly source: string;
  /** Hours by which the day is shifted. */
  readonly shift: number;
}

/** Where somebody is on a day: at the office, at home, or on a journey. */
export function placeOf(random: Random, person: Person, day: number): Place {
  // One in fifteen travels, for a week.
  const number = Number(person.id.slice(4));
  const week = Math.floor(day / 7);
  if (number % 15 === 4 && week === 3 + (number % 5)) {
    return { source: `192.0.${(number * 7 + Math.floor(day / 2)) % 250}.20`, shift: number % 2 === 0 ? -6 : 2 };
  }
  if (random.chance(person.remote)) {
    // Some providers give another address now and then.
    const moved = number % 6 === 1 ? `203.1.${(number + Math.floor(day / 9) * 37) % 250}.9` : person.home;
    return { source: moved, shift: 0 };
  }
  return { source: person.zone === -5 ? offices[1] : offices[0], shift: 0 };
}

export function writeDay(stream: Stream, random: Random, person: Person, day: number): void {
  if (isAway(person, day)) return;
  const isFree = isWeekend(day) || isHoliday(day);
  if (isFree && !random.chance(person.team === 'sre' ? 0.06 : 0.025)) return;
  const place = placeOf(random, person, day);
  const midnight = beginMs + day * dayMs - (person.zone + place.shift) * hourMs;
  const begin = midnight + (person.starts + random.normal(0, 0.35)) * hourMs;
  const end = midnight + (person.ends + random.normal(0, 0.5)) * hourMs;
  signOn(stream, random, person, begin, place.source);
  const tasks = isFree ? random.whole(1, 2) : Math.max(1, Math.round(random.normal(person.tasksPerDay, 1.5)));
  for (let index = 0; index < tasks; index += 1) {
    const atMs = begin + ((end - begin) * (index + random.next() * 0.8)) / tasks;
    writeTask(stream, random, person, day, atMs, place.source);
  }
  // Sometimes an hour in the evening.
  if (!isFree && random.chance(0.06)) {
    const atMs = midnight + random.between(19.5, 21.5) * hourMs;
    writeTask(stream, random, person, day, atMs, person.home);
  }
  if (random.chance(0.04)) prober(stream, random, person, begin + random.next() * (end - begin), place.source);
}

function signOn(stream: Stream, random: Random, person: Person, atMs: number, source: string): void {
  if (random.chance(0.06)) {
    for (let times = random.whole(1, 3); times > 0; times -= 1) {
      const login = {
        connection: 'con_x',
        source: `${source}:44000`,
        login: person.name,
        code: 'identity.wrong-password',
      };
      stream.write(atMs - times * random.between(8_000, 30_000), { type: 'identity.refused', ...login });
    }
  }
  stream.write(atMs, {
    type: 'identity.signed-on',
    principal: actorOf(person),
    source: `${source}:44100`,
    method: 'oidc',
  });
}

/** The resource of a task: its own, and once in a while one of the team’s that it does not use as a rule. */
function resourceOf(random: Random, person: Person, day: number): string {
  const { alsoFrom } = person;
  if (alsoFrom !== null && day >= alsoFrom.day && random.chance(0.4))
    return random.favourite(workplaces[alsoFrom.team].slice(0, 3));
  if (random.chance(0.01)) return random.pick(workplaces[person.team]);
  return random.favourite(person.resources);
}

export function writeTask(
  stream: Stream,
  random: Random,
  person: Person,
  day: number,
  atMs: number,
  source: string,
  incident: string | null = null,
): void {
  const resource = resourceOf(random, person, day);
  const agent = person.agent !== null && incident === null && random.chance(0.35) ? person.agent : null;
  const client = clientFor(random, person, resource, day, agent);
  const session = stream.session({ atMs, principal: actorOf(person, agent), resource, source, client }, incident);
  const isMonthEnd = day % 30 >= 27 || day % 30 <= 1;
  const isLarge = random.chance(person.team === 'science' ? 0.12 : isMonthEnd ? 0.3 : 0.01);
  const steps = (isLarge ? largeTask(person, resource) : null) ?? repeated(random, person, resource, agent);
  for (const ran of steps) {
    session.think(agent === null ? 35_000 : 3_000);
    if (random.chance(0.006)) {
      // Something is not allowed; most try again once.
      session.run(ran, { blockedBy: 'no-writes-in-production' });
      if (random.chance(0.6)) session.think(9_000).run(ran, { blockedBy: 'no-writes-in-production' });
    } else session.run(ran, maskedBy(person, ran));
  }
  session.close();
}

function repeated(random: Random, person: Person, resource: string, agent: string | null): ReturnType<typeof taskOn> {
  const rounds = agent === null ? random.whole(1, 3) : random.whole(2, 4);
  const steps = Array.from({ length: rounds }, () => taskOn(random, person, resource)).flat();
  // An agent looks and counts; it changes things as rarely as its person lets it.
  return agent === null ? steps : steps.filter(({ effect }) => effect === 'read' || random.chance(0.3));
}

function maskedBy(
  person: Person,
  ran: { readonly text: string },
): { readonly masked?: Readonly<Record<string, number>> } {
  if (person.team === 'support' && ran.text.includes('customers')) return { masked: { 'customer-contacts': 3 } };
  return {};
}

export function clientFor(random: Random, person: Person, resource: string, day: number, agent: string | null): string {
  const { protocol } = resources[resource]!;
  if (agent !== null) return `${agent}/2.1`;
  const number = Number(person.id.slice(4));
  // New versions come for everyone; some change their program for good.
  if (protocol === 'postgres' && number % 19 === 3 && day > 30) return 'Beekeeper Studio 5.3';
  const client = person.clients[protocol]!;
  return random.chance(0.02) && protocol === 'postgres'
    ? 'psql'
    : client.replace(/\d+$/, (digits) => String(Number(digits) + Math.floor(day / 20)));
}

/** Somebody follows a wrong link, or tries a resource to which nobody gave it access. */
function prober(stream: Stream, random: Random, person: Person, atMs: number, source: string): void {
  const resource = random.pick(workplaces[person.team]);
  for (let times = random.whole(1, 3); times > 0; times -= 1) {
    stream.write(atMs - times * 20_000, {
      type: 'session.refused',
      connection: 'con_r',
      source: `${source}:44200`,
      principal: actorOf(person),
      resource,
      code: 'policy.no-access',
      rule: 'default',
    });
  }
}

/** A night on which somebody of the team is called: once in a few nights, whoever is on call this week. */
export function writeNight(stream: Stream, random: Random, people: readonly Person[], day: number): void {
  const rota = people.filter(({ team }) => team === 'sre');
  const person = rota[Math.floor(day / 7) % rota.length]!;
  if (!random.chance(0.3) || isAway(person, day)) return;
  const atMs = beginMs + day * dayMs + random.between(22, 28) * hourMs;
  const hosts = person.resources.filter((name) => resources[name]!.protocol === 'ssh');
  const resource = random.pick(hosts.length > 0 ? hosts : ['web-1']);
  const client = person.clients['ssh']!;
  const session = stream.session({ atMs, principal: actorOf(person), resource, source: person.home, client });
  for (const ran of nightTask) session.think(30_000).run(ran);
  session.close();
}
