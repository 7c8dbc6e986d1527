/**
 * Weeks of a made-up company behind the gateway, as the events that would have been journaled: ordinary work of about a hundred
 * principals, and labelled incidents among it. See README.md.
 *
 * Invariants: the same seed gives the same events; events are in order and numbered from 1; incidents begin only after the weeks
 * in which detectors learn.
 */
import type { Event } from '../../src/core/event.ts';
import type { Incident, Scene } from './deeds.ts';
import { mayBegin, scripts, writeDormant } from './incidents.ts';
import { writeMachines } from './machines.ts';
import { writeDay, writeNight } from './ordinary.ts';
import { Random } from './random.ts';
import { writeAdministration, writeReviews } from './reviews.ts';
import { Stream } from './stream.ts';
import { beginMs, dayMs, makePeople, type Person } from './world.ts';

export interface PopulationParts {
  readonly seed: number;
  readonly weeks: number;
  /** Weeks without incidents, in which detectors learn. */
  readonly learningWeeks?: number;
  /** Incidents of each variant. */
  readonly repeats?: number;
}

export interface Population {
  readonly principals: number;
  readonly beginMs: number;
  /** From when on incidents are, and alerts count. */
  readonly measuredFromMs: number;
  readonly endMs: number;
  readonly incidents: readonly Incident[];
  /** Events with the incident that each belongs to; once. */
  events(): Generator<{ readonly event: Event; readonly incident: string | null }>;
}

interface Planned {
  readonly incident: Incident;
  readonly day: number;
  write(stream: Stream): void;
}

/** Services of machines.ts. */
const services = 6;

export function populate({ seed, weeks, learningWeeks = 3, repeats = 2 }: PopulationParts): Population {
  const random = new Random(seed);
  const days = weeks * 7;
  const people = makePeople(random.fork('people'), days);
  const planned = plan(random.fork('incidents'), people, days, learningWeeks * 7, repeats);
  const dormant = Math.max(1, repeats * 2);
  return {
    principals: people.length + services + dormant,
    beginMs,
    measuredFromMs: beginMs + learningWeeks * 7 * dayMs,
    endMs: beginMs + days * dayMs,
    incidents: planned.map(({ incident }) => incident),
    *events() {
      const stream = new Stream(random.fork('stream'));
      const daily = random.fork('days');
      stream.write(beginMs, { type: 'gateway.started', version: '0.1.0' });
      for (let number = 0; number < dormant; number += 1) writeDormant(stream, 1, number, null);
      for (let day = 0; day < days; day += 1) {
        const today = daily.fork(`day ${day}`);
        for (const person of people) writeDay(stream, today.fork(person.id), person, day);
        writeNight(stream, today.fork('night'), people, day);
        writeMachines(stream, today.fork('machines'), day);
        writeReviews(stream, today.fork('reviews'), people, day);
        writeAdministration(stream, today.fork('administration'), people, day);
        for (const one of planned) if (one.day === day) one.write(stream);
        // Some days begin the evening before, as seen from UTC.
        yield* stream.until(beginMs + day * dayMs);
      }
      yield* stream.until(beginMs + days * dayMs);
    },
  };
}

function plan(random: Random, people: readonly Person[], days: number, from: number, repeats: number): Planned[] {
  const planned: Planned[] = [];
  /** Who had an incident when: the next one is somebody else's, or much later. */
  const busy = new Map<string, number>();
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const script of scripts) {
      const found = castFor(random, people, script, days, from, busy);
      if (found === null) continue;
      const { person, day } = found;
      busy.set(person.id, day);
      const id = `inc_${planned.length + 1}`;
      const { kind, variant, expects } = script;
      const own = random.fork(id);
      planned.push({
        incident: { id, kind, variant, expects, principal: person.name },
        day,
        write: (stream) => script.write({ stream, random: own, people, day, id, person } satisfies Scene),
      });
    }
  }
  for (let number = 0; number < Math.max(1, repeats * 2); number += 1) {
    const id = `inc_${planned.length + 1}`;
    const day = random.whole(Math.max(from, 50), days - 1);
    const incident: Incident = {
      id,
      kind: 'dormant',
      variant: 'plain',
      expects: ['dormant-account'],
      principal: `former-${number}`,
    };
    planned.push({ incident, day, write: (stream) => writeDormant(stream, day, number, id) });
  }
  return planned;
}

function castFor(
  random: Random,
  people: readonly Person[],
  script: (typeof scripts)[number],
  days: number,
  from: number,
  busy: ReadonlyMap<string, number>,
): { person: Person; day: number } | null {
  for (let tries = 0; tries < 400; tries += 1) {
    const person = random.pick(people);
    const day = random.whole(from, days - 1 - (script.days ?? 1));
    const last = busy.get(person.id);
    const isFree = last === undefined || Math.abs(last - day) > (tries < 200 ? 21 : 9);
    if (isFree && mayBegin(person, day, script)) return { person, day };
  }
  return null;
}
