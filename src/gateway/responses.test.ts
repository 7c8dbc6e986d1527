/** Responses of detections: in force here whatever the store does, kept for the others, ended once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Alert } from '../core/alert.ts';
import type { LiveSessions } from '../core/door.ts';
import type { EventBody } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import type { SessionEnding } from '../core/session.ts';
import { openStore, type Store } from '../store/index.ts';
import { ResponseService } from './responses.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-responses-'));
let store: Store;
let serial = 0;

beforeAll(async () => {
  store = await openStore({ directory: join(folder, 'store') });
}, 120_000);

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

class FakeSession {
  readonly id: string;
  readonly principal: { readonly id: string };
  readonly said: string[] = [];
  ending: SessionEnding | null = null;

  constructor(id: string, principalId: string) {
    this.id = id;
    this.principal = { id: principalId };
  }

  get ended(): boolean {
    return this.ending !== null;
  }

  say(text: string): boolean {
    this.said.push(text);
    return true;
  }

  end(ending: SessionEnding): void {
    this.ending = ending;
  }
}

/** One gateway; its journal is a list that is durable at once, or fails. */
class World {
  readonly clock = new FakeClock();
  readonly owner = `local:erin-${++serial}`;
  readonly sessions: FakeSession[] = [];
  readonly events: EventBody[] = [];
  isStoreDown = false;
  isJournalDown = false;
  mayLock = true;
  service = this.make(`gw-${serial}`);

  make(gateway: string): ResponseService {
    const gated = <T extends object>(repository: T): T =>
      new Proxy(repository, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return (...given: unknown[]): unknown =>
            this.isStoreDown && name !== 'onChange'
              ? Promise.reject(new Error('the store is down'))
              : (value as (...all: unknown[]) => unknown).apply(target, given);
        },
      });
    return new ResponseService({
      gateway,
      clock: this.clock,
      log: silentLog,
      store: { responses: gated(store.responses), objects: gated(store.objects) },
      journal: {
        append: (event) => {
          if (this.isJournalDown) throw new Error('the journal is down');
          return this.events.push(event);
        },
        afterDurable: (_, then) => then(null),
      },
      hashKey: Buffer.alloc(32),
      protocols: [],
      sessions: () => ({ all: () => this.sessions }) as unknown as LiveSessions,
      mayLock: () => this.mayLock,
    });
  }

  session(id: string): FakeSession {
    const made = new FakeSession(id, this.owner);
    this.sessions.push(made);
    return made;
  }

  alert(change: Partial<Alert> = {}): Alert {
    return {
      id: `al_${serial}${this.events.length}`,
      detection: 'bulk',
      severity: 'high',
      summary: 'x',
      evidence: [],
      facts: {},
      principal: { id: this.owner, name: 'erin' },
      session: 'ses_1',
      command: 1,
      resource: 'orders',
      atMs: this.clock.now(),
      sequence: 10,
      isDry: false,
      ...change,
    };
  }

  risk(session: string | null = null): number {
    return this.service.inForce.riskOf(this.owner, session).session;
  }
}

const root = {
  id: 'local:root',
  name: 'root',
  issuer: 'local',
  kind: 'person',
  groups: [],
  roles: ['admin'],
  authentication: { method: 'system', credentialId: null, atMs: 0 },
} as unknown as Principal;
const risk = { do: 'risk', points: 40, for: '1h' } as const;

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !(await look()); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

describe('responses', () => {
  it('are journaled, in force, then kept; the same alert applied again changes nothing', async () => {
    const world = new World();
    await world.service.open();
    const session = world.session('ses_1');
    const alert = world.alert();
    await world.service.apply(alert, [risk, { do: 'mask', for: '1h', over: 'session' }], 'new');
    expect(world.events.map((event) => event.type === 'response.changed' && [event.action, event.kind])).toEqual([
      ['applied', 'risk'],
      ['applied', 'mask'],
    ]);
    expect(world.risk()).toBe(40);
    // Of a risk nothing is said; of what the person sees, it is.
    expect(session.said).toEqual([expect.stringContaining('masks everything that comes back in this session')]);
    expect(await world.service.settled()).toBe(true);
    await world.service.apply(alert, [risk], 'repeated');
    await world.service.apply(alert, [risk], 'more');
    expect(world.risk()).toBe(40);
    expect(world.events).toHaveLength(2);
    await world.service.close();
  });

  it('are not in force where they could not be journaled', async () => {
    const world = new World();
    await world.service.open();
    world.isJournalDown = true;
    const alert = world.alert();
    await expect(world.service.apply(alert, [risk], 'new')).rejects.toThrow('the journal is down');
    expect(world.risk()).toBe(0);
    world.isJournalDown = false;
    await world.service.apply(alert, [risk], 'new');
    expect(world.risk()).toBe(40);
    await world.service.close();
  });

  it('hold here while the store is down, are written when it is there again, and known to who starts then', async () => {
    const world = new World();
    await world.service.open();
    world.isStoreDown = true;
    await world.service.apply(world.alert(), [risk], 'new');
    world.service.write();
    expect(await world.service.settled()).toBe(false);
    expect([world.risk(), world.service.waiting]).toEqual([40, 1]);
    world.isStoreDown = false;
    world.clock.advance(2_000);
    await until('the store', () => world.service.waiting === 0);
    const other = world.make('gw-other');
    await other.open();
    expect(other.inForce.riskOf(world.owner, null)).toEqual({ session: 40, principal: 40 });
    await other.close();
    await world.service.close();
  });

  it('end by a person once, on every gateway, and further findings of the same alert do not bring them back (I15)', async () => {
    const world = new World();
    await world.service.open();
    const other = world.make('gw-other');
    await other.open();
    const alert = world.alert();
    await world.service.apply(alert, [{ do: 'mask', for: '1h' }], 'new');
    await world.service.settled();
    await until('the other gateway', () => other.inForce.of(world.owner, null).length === 1);
    const [response] = world.service.inForce.of(world.owner, null);
    const session = world.session('ses_1');
    await other.end(response!.id, root);
    await until('its end here', () => world.service.inForce.of(world.owner, null).length === 0);
    expect(session.said.at(-1)).toContain('root ended what the detection bulk did');
    await expect(world.service.end(response!.id, root)).rejects.toMatchObject({ code: 'gateway.response-over' });
    await expect(world.service.end('res_none', root)).rejects.toMatchObject({ code: 'gateway.response-not-found' });
    await world.service.apply({ ...alert, sequence: 12 }, [{ do: 'mask', for: '1h' }], 'more');
    expect(world.service.inForce.of(world.owner, null)).toEqual([]);
    await other.close();
    await world.service.close();
  });

  it('end by time, once and journaled; what more is found then applies anew', async () => {
    const world = new World();
    await world.service.open();
    const alert = world.alert();
    await world.service.apply(alert, [risk], 'new');
    await world.service.settled();
    world.clock.advance(3_600_000);
    expect(world.risk()).toBe(0);
    await until('the journal', () =>
      world.events.some(
        (event) => event.type === 'response.changed' && event.action === 'ended' && event.principal === null,
      ),
    );
    await world.service.apply({ ...alert, sequence: 20, atMs: world.clock.now() }, [risk], 'more');
    expect(world.risk()).toBe(40);
    // What was found long ago is over before it began.
    await world.service.apply(world.alert({ atMs: world.clock.now() - 3_600_000 }), [risk], 'new');
    expect(world.risk()).toBe(40);
    await world.service.close();
  });

  it('end live sessions with the detection’s name; further findings end those that are opened since', async () => {
    const world = new World();
    await world.service.open();
    const [first, second] = [world.session('ses_1'), world.session('ses_2')];
    const alert = world.alert();
    await world.service.apply(alert, [{ do: 'end', over: 'session' }], 'new');
    expect(first.ending).toMatchObject({ reason: 'verdict', code: 'detection:bulk' });
    expect(first.ending?.message).toContain(alert.id);
    expect(second.ending).toBeNull();
    await world.service.apply({ ...alert, sequence: 11, session: 'ses_2' }, [{ do: 'end', over: 'session' }], 'more');
    expect(second.ending).not.toBeNull();
    const before = world.events.length;
    await world.service.apply({ ...alert, sequence: 12 }, [{ do: 'end' }], 'more');
    expect(world.events).toHaveLength(before);
    await world.service.close();
  });

  it('end sessions on other gateways too', async () => {
    const [world, far] = [new World(), new World()];
    await world.service.open();
    await far.service.open();
    const session = new FakeSession('ses_9', world.owner);
    far.sessions.push(session);
    await world.service.apply(world.alert(), [{ do: 'end' }], 'new');
    await world.service.settled();
    await until('its end', () => session.ended);
    await world.service.close();
    await far.service.close();
  });

  it('lock, and never the last administrator', async () => {
    const world = new World();
    await world.service.open();
    const session = world.session('ses_1');
    await world.service.apply(world.alert(), [{ do: 'lock', for: '1h' }], 'new');
    expect(await world.service.settled()).toBe(true);
    expect(session.ending).toMatchObject({ reason: 'locked' });
    const locks = await store.objects.list('Lock', { limit: 100 });
    const [lock] = locks.filter(({ updatedBy }) => updatedBy === 'detection:bulk');
    expect(lock?.spec).toMatchObject({
      target: { principal: 'erin' },
      until: new Date(world.clock.now() + 3_600_000).toISOString(),
    });
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'configuration.changed', kind: 'Lock', action: 'created' }),
    );
    const [row] = await store.responses.list({ ownerId: world.owner }, { limit: 1 });
    await world.service.end(row!.id, root);
    expect(await store.objects.get('Lock', lock!.name)).toBeNull();
    world.mayLock = false;
    const last = world.session('ses_2');
    await world.service.apply(world.alert(), [{ do: 'lock' }], 'new');
    await world.service.settled();
    expect(last.ending).toMatchObject({ reason: 'verdict' });
    expect(
      (await store.objects.list('Lock', { limit: 100 })).filter(({ updatedBy }) => updatedBy === 'detection:bulk'),
    ).toEqual([]);
    await world.service.close();
  });

  it('concern nobody where nobody is known', async () => {
    const world = new World();
    await world.service.open();
    await world.service.apply(world.alert({ principal: null }), [risk], 'new');
    await world.service.apply(world.alert({ session: null }), [{ ...risk, over: 'session' }], 'new');
    expect(world.events).toEqual([]);
    await world.service.close();
  });
});
