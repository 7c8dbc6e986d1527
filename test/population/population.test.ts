import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readManifests } from '../../src/api/contract/document.ts';
import { manifestSchemas } from '../../src/api/contract/validate.ts';
import { Activities, type Activity } from '../../src/core/activity.ts';
import type { DetectionSpec } from '../../src/core/detection.ts';
import type { Event } from '../../src/core/event.ts';
import {
  builtInDetectors,
  compileDetection,
  createEngine,
  type Engine,
  ordinaryHours,
} from '../../src/detection/index.ts';
import { scripts } from './incidents.ts';
import { populate } from './population.ts';

const seed = 11;

function take(count: number): { event: Event; incident: string | null }[] {
  const taken: { event: Event; incident: string | null }[] = [];
  for (const one of populate({ seed, weeks: 2, learningWeeks: 1, repeats: 1 }).events()) {
    taken.push(one);
    if (taken.length >= count) break;
  }
  return taken;
}

async function joined(events: readonly { readonly event: Event }[]): Promise<Activity[]> {
  const activities = new Activities({ opened: async () => null, command: async () => null });
  const result: Activity[] = [];
  for (const { event } of events) result.push(await activities.join(event));
  return result;
}

function engine(): Engine {
  return createEngine({
    detections: builtInDetectors.map(({ name }) => ({ name, spec: { severity: 'medium', detector: name } })),
    definitions: builtInDetectors,
    onFailure: (name, error) => {
      throw new Error(`${name} failed`, { cause: error });
    },
  });
}

describe('the population', () => {
  test('is the same for the same seed, in order, numbered without gaps', () => {
    const events = take(5_000);
    expect(take(5_000)).toEqual(events);
    for (const [index, { event }] of events.entries()) {
      expect(event.seq).toBe(index + 1);
      expect(event.at).toBeGreaterThanOrEqual(events[Math.max(0, index - 1)]!.event.at);
    }
  });

  test('every command ends once, and every session', () => {
    const open = new Map<string, number>();
    for (const { event } of populate({ seed, weeks: 2, learningWeeks: 1, repeats: 1 }).events()) {
      if (event.type === 'session.opened') open.set(event.session, 0);
      if (event.type === 'command.intent') {
        expect(event.facts?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
        expect(open.get(event.session)).toBe(event.command - 1);
        open.set(event.session, event.command - 0.5);
      }
      if (event.type === 'command.ended') {
        expect(open.get(event.session)).toBe(event.command - 0.5);
        open.set(event.session, event.command);
      }
      if (event.type === 'session.ended') {
        expect(open.get(event.session)).toBe(event.commands);
        open.delete(event.session);
      }
    }
    // Those at midnight of the last day.
    expect(open.size).toBeLessThan(20);
  });

  test('there is an incident for each detector', () => {
    const expected = new Set([...scripts.flatMap(({ expects }) => expects), 'dormant-account']);
    expect([...expected].sort()).toEqual(builtInDetectors.map(({ name }) => name).sort());
  });
});

describe('the built-in detectors over it', () => {
  test('a restart in the middle changes nothing: not which alerts, not their ids', async () => {
    const activities = await joined(take(36_000));
    const [whole, before] = [engine(), engine()];
    const all = activities.flatMap((one) => [...whole.observe(one)]);
    const middle = 27_000;
    const first = activities.slice(0, middle).flatMap((one) => [...before.observe(one)]);
    const after = engine();
    expect(after.restore(JSON.parse(JSON.stringify(before.state())))).toEqual([]);
    const rest = activities.slice(middle).flatMap((one) => [...after.observe(one)]);
    expect(all.length).toBeGreaterThan(0);
    expect([...first, ...rest]).toEqual(all);
    expect(JSON.stringify(after.state())).toBe(JSON.stringify(whole.state()));
  }, 120_000);
});

test('each detector says what it is', () => {
  expect(new Set(builtInDetectors.map(({ name }) => name)).size).toBe(builtInDetectors.length);
  for (const { name, title, explanation, tuning } of builtInDetectors) {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(title.length).toBeGreaterThan(5);
    expect(explanation.length).toBeGreaterThan(150);
    for (const { default: value, min, max, meaning } of Object.values(tuning)) {
      expect(meaning).toMatch(/\.$/);
      if (typeof value !== 'number') continue;
      expect(value).toBeGreaterThanOrEqual(min ?? Number.NEGATIVE_INFINITY);
      expect(value).toBeLessThanOrEqual(max ?? Number.POSITIVE_INFINITY);
    }
  }
});

test('the manifests that switch all of them on are valid, and name each once', async () => {
  const file = new URL('../../docs/learn/detections/built-in.yaml', import.meta.url);
  const { manifests, problems } = readManifests(await readFile(file, 'utf8'), 'built-in.yaml', manifestSchemas(null));
  expect(problems).toEqual([]);
  const compiled = manifests.map(({ manifest: { metadata, spec } }) =>
    compileDetection(
      { name: metadata.name, spec: spec as DetectionSpec },
      { definitions: builtInDetectors, hours: ordinaryHours },
    ),
  );
  expect(compiled.map(({ name }) => name)).toEqual(builtInDetectors.map(({ name }) => name));
});
