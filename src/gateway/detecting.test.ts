/**
 * Detections over a real journal and the embedded store: what crashes, a store that is down and a journal that fails cost, which is
 * time and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Event, EventBody } from '../core/event.ts';
import { ordinaryHours } from '../detection/index.ts';
import { actor, keys } from '../recording/fixtures/kit.ts';
import { openJournal, type RecordingJournal, readEvents } from '../recording/index.ts';
import { openStore, type Store, type StoredAlert } from '../store/index.ts';
import { AlertWriter } from './alert-writer.ts';
import { Detecting } from './detecting.ts';
import { journalLookups } from './journal-lookups.ts';
import { ResponseService } from './responses.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-detecting-'));
let store: Store;
let serial = 0;

beforeAll(async () => {
  store = await openStore({ directory: join(folder, 'store') });
}, 120_000);

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function until(what: string, look: () => Promise<boolean> | boolean, deadlineMs = 60_000): Promise<void> {
  for (const end = Date.now() + deadlineMs; !(await look()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

/** A store that can be down: whatever is asked of it rejects then. */
function gated<T extends object>(repository: T, gate: { isDown: boolean }): T {
  return new Proxy(repository, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        if (gate.isDown && name !== 'onChange') return Promise.reject(new Error('the store is down'));
        return (value as (...all: unknown[]) => unknown).apply(target, given);
      };
    },
  });
}

/** One gateway's journal, and its detections as often as it is started. */
class World {
  readonly gateway = `gw-${++serial}`;
  readonly dir = join(folder, this.gateway);
  readonly gate = { isDown: false };
  /** How far the wall clock was set ahead. */
  aheadMs = 0;
  readonly clock: Clock = { ...systemClock, now: () => Date.now() + this.aheadMs };
  journal!: RecordingJournal;
  detecting!: Detecting;
  responses!: ResponseService;
  writer!: AlertWriter;

  async open(faults: Parameters<typeof openJournal>[0]['faults'] = []): Promise<void> {
    this.journal = await openJournal({ dir: this.dir, signingKey: keys.privateKey, clock: this.clock, faults });
  }

  async start(): Promise<void> {
    const { gateway, journal, dir, gate } = this;
    const repositories = {
      alerts: gated(store.alerts, gate),
      responses: gated(store.responses, gate),
      detectors: gated(store.detectors, gate),
      objects: gated(store.objects, gate),
      sessions: store.sessions,
    };
    const shared = { gateway, clock: this.clock, log: silentLog, store: repositories, journal };
    this.responses = new ResponseService({
      ...shared,
      hashKey: Buffer.alloc(32),
      protocols: [],
      sessions: () => null,
      mayLock: () => true,
    });
    await this.responses.open();
    this.writer = new AlertWriter(shared);
    const events = (from: number): AsyncIterable<Event> => readEvents(dir, { from, to: journal.durableSequence });
    this.detecting = new Detecting({
      ...shared,
      definitions: [],
      hours: ordinaryHours,
      lookups: journalLookups({ gateway, store, readEvents: events }),
      readEvents: events,
      raisedFrom: events,
      writer: this.writer,
      responses: this.responses,
      changed: async () => undefined,
      actor: () => null,
    });
    await this.detecting.open();
  }

  /** Stops without keeping anything, as a process that died. */
  async crash(): Promise<void> {
    this.gate.isDown = true;
    await this.detecting.close();
    await this.responses.close();
    this.gate.isDown = false;
  }

  async stop(): Promise<void> {
    await this.detecting.close();
    await this.responses.close();
  }

  append(...bodies: readonly EventBody[]): number {
    return bodies.map((body) => this.journal.append(body)).at(-1) ?? 0;
  }

  /** Everything was seen and written. */
  async caughtUp(): Promise<void> {
    await this.detecting.caughtUp();
    await this.writer.settled();
  }

  async events(): Promise<Event[]> {
    const found: Event[] = [];
    for await (const event of readEvents(this.dir, { to: this.journal.durableSequence })) found.push(event);
    return found;
  }

  /** Ids of alerts as the journal has them, one each time. */
  async raised(): Promise<string[]> {
    return (await this.events()).flatMap((event) =>
      event.type === 'alert.raised' && event.alert !== undefined ? [event.alert.id] : [],
    );
  }

  async rows(detection: string): Promise<StoredAlert[]> {
    const rows: StoredAlert[] = [];
    for (let after = null as { atMs: number; id: string } | null; ; ) {
      const page = await store.alerts.list({ detection }, { limit: 1000, after });
      rows.push(...page.filter(({ gateway }) => gateway === this.gateway));
      const last = page.at(-1);
      if (last === undefined || page.length < 1000) return rows;
      after = { atMs: last.firstAtMs, id: last.id };
    }
  }
}

const failedLogins: DetectionSpec = {
  severity: 'medium',
  select: { refused: { type: 'identity.refused' } },
  by: ['source'],
  respond: [],
};

async function detect(name: string, spec: object): Promise<void> {
  await store.objects.put({
    kind: 'Detection',
    name,
    labels: {},
    spec: structuredClone(spec) as never,
    by: 'test',
    expectedGeneration: null,
  });
}

async function forget(...names: string[]): Promise<void> {
  for (const name of names) await store.objects.delete('Detection', name, null);
}

function refused(source: string): EventBody {
  return { type: 'identity.refused', connection: 'con_1', source: `${source}:5000`, login: 'x', code: 'core.x' };
}

function killed(session = 'ses_1'): EventBody {
  return { type: 'session.kill', session, principal: actor, reason: 'x' };
}

describe('detections over the live journal', () => {
  it('raise one alert a group while it is quiet, in the journal first; the past is only learnt from', async () => {
    const world = new World();
    await world.open();
    world.append(refused('10.0.0.1'));
    await world.journal.flush();
    await detect('logins', failedLogins);
    await world.start();
    world.append(refused('10.0.0.2'), refused('10.0.0.3'), refused('10.0.0.2'));
    await world.journal.flush();
    await world.caughtUp();
    await until('two alerts', async () => (await world.rows('logins')).length === 2);
    const events = await world.events();
    const rows = await world.rows('logins');
    for (const row of rows) {
      const event = events.find(({ seq }) => seq === row.sequence);
      expect(event).toMatchObject({ type: 'alert.raised', rule: 'detection:logins', alert: { id: row.id } });
      expect(row.evidence.every((one) => one < row.sequence)).toBe(true);
    }
    // Resolved, it is over: what is found next is another one. Called false, it stays quiet.
    const [second, first] = rows as [StoredAlert, StoredAlert];
    const change = { type: 'alert.changed', principal: actor, to: null, text: '' } as const;
    world.append(
      { ...change, alert: first.id, action: 'resolve' },
      { ...change, alert: second.id, action: 'false-positive' },
      refused('10.0.0.2'),
      refused('10.0.0.3'),
      refused('10.0.0.2'),
    );
    await world.journal.flush();
    await until('another one', async () => (await world.rows('logins')).length > 2);
    await world.stop();
    await world.start();
    world.append(refused('10.0.0.2'));
    await world.journal.flush();
    await world.caughtUp();
    expect(await world.rows('logins')).toHaveLength(3);
    expect(await world.raised()).toHaveLength(3);
    await world.stop();
    await forget('logins');
    await world.journal.close();
  }, 120_000);

  it('make the same alerts again after a crash, and none twice, whatever was written (F-01)', async () => {
    const world = new World();
    await world.open();
    const respond = [{ do: 'risk', points: 10 }];
    await detect('kills', { severity: 'high', select: { kill: { type: 'session.kill' } }, by: ['session'], respond });
    await world.start();
    // A first state that is kept; from here on nothing is.
    await world.stop();
    await world.start();
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 20; at++) world.append(killed(`ses_${at}`));
      await world.journal.flush();
      await world.caughtUp();
      await world.crash();
      await world.start();
      await world.caughtUp();
    }
    await until('all alerts', async () => (await world.rows('kills')).length === 20);
    const ids = await world.raised();
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
    await world.responses.settled();
    const applied = (await world.events()).filter(({ type }) => type === 'response.changed');
    expect(applied).toHaveLength(20);
    expect(world.responses.inForce.riskOf(actor.id, 'ses_1')).toEqual({ session: 100, principal: 100 });
    await world.stop();
    await forget('kills');
    await world.journal.close();
  }, 180_000);

  it('lose nothing while the store is down, and delay nobody', async () => {
    const world = new World();
    await world.open();
    await detect('logins', failedLogins);
    await world.start();
    world.gate.isDown = true;
    for (let at = 0; at < 50; at++) world.append(refused(`10.1.0.${at}`));
    await world.journal.flush();
    await until('the journal’s own', async () => (await world.raised()).length === 50);
    expect(await world.rows('logins')).toEqual([]);
    expect(world.writer.waiting).toBe(50);
    world.gate.isDown = false;
    await until('all of them', async () => (await world.rows('logins')).length === 50);
    expect(await world.writer.settled()).toBe(true);
    await world.stop();
    await forget('logins');
    await world.journal.close();
  }, 120_000);

  it('raise each alert once over a journal that fails and is opened again (F-03)', async () => {
    const world = new World();
    await world.open([{ operation: 'sync', nth: 6 }]);
    await detect('logins', failedLogins);
    await world.start();
    let sent = 0;
    for (let at = 0; at < 200 && world.journal.failure === null; at++) {
      try {
        world.append(refused(`10.2.0.${at}`));
        sent++;
        await world.journal.flush();
      } catch {
        break;
      }
      // So that alerts are on their way when it fails.
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(world.journal.failure).not.toBeNull();
    await world.journal.reopen();
    world.append(refused('10.3.0.1'));
    await world.journal.flush();
    const there = new Set(
      (await world.events()).flatMap((event) => (event.type === 'identity.refused' ? [event.source] : [])),
    );
    expect(there.size).toBeGreaterThan(0);
    expect(there.size).toBeLessThanOrEqual(sent + 1);
    await until('an alert for each', async () => (await world.rows('logins')).length === there.size);
    const ids = await world.raised();
    expect(ids).toHaveLength(there.size);
    expect(new Set(ids).size).toBe(there.size);
    await world.stop();
    await forget('logins');
    await world.journal.close();
  }, 180_000);

  it('go on without one that cannot be used, and take a changed one in while they run', async () => {
    const world = new World();
    await world.open();
    await detect('broken', { severity: 'high', select: { x: { nothing: 'like this' } } });
    await detect('logins', failedLogins);
    await world.start();
    world.append(refused('10.4.0.1'));
    await world.journal.flush();
    await until('one alert', async () => (await world.rows('logins')).length === 1);
    await detect('broken', { severity: 'low', select: { kill: { type: 'session.kill' } }, by: [] });
    await until('the repaired one', async () => {
      world.append(killed());
      await world.journal.flush();
      return (await world.rows('broken')).length > 0;
    });
    await world.stop();
    await forget('logins', 'broken');
    await world.journal.close();
  }, 120_000);

  it('learn what is usual from the past when they are switched on, and raise nothing of it', async () => {
    const world = new World();
    await world.open();
    await world.start();
    for (let window = 0; window < 6; window++) {
      world.append(killed(), killed());
      await world.journal.flush();
      world.aheadMs += 60_000;
    }
    const spec = {
      severity: 'high',
      select: { kill: { type: 'session.kill' } },
      by: ['principal'],
      window: '10s',
      measure: { of: 'count', factor: 5 },
      baseline: { against: 'own', over: '1d', least: 3 },
    };
    await detect('many-kills', spec);
    await detect('any-kill', { severity: 'low', select: { kill: { type: 'session.kill' } }, by: ['principal'] });
    await until('both in force', async () => {
      world.append(killed());
      await world.journal.flush();
      world.aheadMs += 60_000;
      return (await world.rows('any-kill')).length > 0;
    });
    await until('more than is usual', async () => {
      for (let at = 0; at < 15; at++) world.append(killed());
      await world.journal.flush();
      await world.caughtUp();
      return (await world.rows('many-kills')).length > 0;
    });
    const [alert] = await world.rows('many-kills');
    expect(alert!.facts['usual']).toBeLessThanOrEqual(2);
    await world.stop();
    await forget('many-kills', 'any-kill');
    await world.journal.close();
  }, 120_000);

  it('go on over steps of the wall clock, in either direction (F-15)', async () => {
    const world = new World();
    await world.open();
    await detect('logins', { ...failedLogins, quiet: '1m' });
    await world.start();
    const send = async (count: number, source: string): Promise<void> => {
      world.append(refused(source));
      await world.journal.flush();
      await until(`${count} alerts`, async () => (await world.rows('logins')).length === count);
    };
    await send(1, '10.5.0.1');
    world.aheadMs = -3_600_000;
    await send(2, '10.5.0.2');
    world.aheadMs = 10 * 24 * 3_600_000;
    await send(3, '10.5.0.3');
    world.aheadMs = 0;
    await send(4, '10.5.0.4');
    expect(new Set(await world.raised()).size).toBe(4);
    await world.stop();
    await forget('logins');
    await world.journal.close();
  }, 120_000);

  it('take ten thousand alerts, each once', async () => {
    const world = new World();
    await world.open();
    await detect('logins', failedLogins);
    await world.start();
    const count = 10_000;
    const beganMs = performance.now();
    for (let at = 0; at < count; at++) {
      world.append(refused(`10.${10 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`));
      if (at % 500 === 499) await world.journal.flush();
    }
    await world.journal.flush();
    await until('all of them', async () => (await world.rows('logins')).length === count, 150_000);
    expect(new Set(await world.raised()).size).toBe(count);
    process.stdout.write(`${count} alerts in ${Math.round(performance.now() - beganMs)} ms\n`);
    await world.stop();
    await forget('logins');
    await world.journal.close();
  }, 240_000);

  it('join what rules raise, by rule and principal, over restarts', async () => {
    const world = new World();
    await world.open();
    await world.start();
    const raise = (rule: string): EventBody => ({
      type: 'alert.raised',
      rule,
      reason: `${rule} says so`,
      session: null,
      command: null,
      principal: actor,
      resource: 'orders',
    });
    world.append(raise('r1'), raise('gateway:break-glass'), raise('r1'));
    await world.journal.flush();
    await world.caughtUp();
    await world.stop();
    await world.start();
    world.append(raise('r1'));
    await world.journal.flush();
    await until('three of them', async () => (await world.rows('r1'))[0]?.count === 3);
    expect(await world.rows('r1')).toEqual([
      expect.objectContaining({
        origin: 'guardrail',
        severity: 'medium',
        evidence: [expect.any(Number), expect.any(Number), expect.any(Number)],
      }),
    ]);
    expect(await world.rows('gateway:break-glass')).toEqual([
      expect.objectContaining({ origin: 'gateway', severity: 'high', count: 1 }),
    ]);
    // Resolved, it is over: what comes next is another one.
    const [first] = await world.rows('r1');
    world.append(
      { type: 'alert.changed', alert: first!.id, principal: actor, action: 'resolve', to: null, text: '' },
      raise('r1'),
    );
    await world.journal.flush();
    await until('another one', async () => (await world.rows('r1')).length === 2);
    await world.stop();
    await world.journal.close();
  }, 120_000);
});
