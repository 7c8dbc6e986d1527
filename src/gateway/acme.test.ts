/** Certificates by ACME: when they are ordered, by whom, and what a failure changes. The server is played; test/acme has a real one. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FakeClock } from '../base/clock.ts';
import { type Issued, OrderError, type OrderParts } from './acme-order.ts';
import { concernOf, readReport } from './acme-report.ts';
import { AcmeShared } from './acme-state.ts';
import { AcmeWorld, acmeConfig, dayMs, type Keeper, serialFor } from './fixtures/acme-world.ts';
import * as limits from './limits.ts';

const name = 'gw.example.com';
const clock = (): FakeClock => world.clock as FakeClock;
let world: AcmeWorld;

beforeEach(async () => {
  world = await AcmeWorld.make();
});
afterEach(() => world.close());

/** Until nothing goes on any more, of what does not wait for the clock. */
async function idle(...keepers: Keeper[]): Promise<void> {
  for (let round = 0; round < 10; round++) for (const { acme } of keepers) await acme.settled();
}

async function advance(ms: number, ...keepers: Keeper[]): Promise<void> {
  clock().advance(ms);
  await idle(...keepers);
}

/** Orders, as they are asked for; each is filled unless `refuse` says why not. */
class Server {
  readonly orders: string[] = [];
  refuse: Error | null = null;
  /** Called while an order is open. */
  during: (parts: OrderParts) => Promise<void> = async () => {};

  readonly order = async (parts: OrderParts): Promise<Issued> => {
    this.orders.push(parts.names.join(','));
    await this.during(parts);
    if (this.refuse !== null) throw this.refuse;
    return world.issue(parts);
  };
}

describe('an order', () => {
  test('is made at the start, taken up, kept sealed, and not made again', async () => {
    const server = new Server();
    const keeper = await world.keeper('a', { order: server.order });
    await keeper.acme.look();
    expect(server.orders).toEqual([]);
    expect(serialFor(keeper, name)).toBeNull();
    keeper.acme.begin();
    await idle(keeper);
    expect(server.orders).toEqual([name]);
    expect(serialFor(keeper, name)).not.toBeNull();
    expect(serialFor(keeper, 'other.example.com')).toBeNull();
    await advance(dayMs, keeper);
    expect(server.orders).toEqual([name]);
    // Neither key stands anywhere in clear.
    for (const row of world.sealed.rows.values()) {
      expect(row.name).toMatch(/^gateway\.acme-(account|certificate)\.[0-9a-f]{32}$/);
      expect(row.ciphertext.includes('PRIVATE KEY')).toBe(false);
    }
    expect(world.sealed.rows.size).toBe(2);
    expect(JSON.stringify(await world.objects.get('gateway.acme', 'state'))).not.toContain('PRIVATE');
  });

  test('is not made by a gateway that finds the certificate in the store', async () => {
    const server = new Server();
    const first = await world.keeper('a', { order: server.order });
    first.acme.begin();
    await idle(first);
    await first.close();
    const second = await world.keeper('a', { order: server.order });
    expect(serialFor(second, name)).toBe(serialFor(first, name));
    second.acme.begin();
    await idle(second);
    expect(server.orders).toHaveLength(1);
  });

  test('comes when two thirds of the life are over, later by chance, and replaces what is presented', async () => {
    const server = new Server();
    const early = await world.keeper('a', { order: server.order });
    early.acme.begin();
    await idle(early);
    const serial = serialFor(early, name);
    let changes = 0;
    early.certificates.onChange = () => changes++;
    await advance(60 * dayMs - 2 * limits.acmeLookMs, early);
    expect(server.orders).toHaveLength(1);
    await advance(3 * limits.acmeLookMs, early);
    expect(server.orders).toHaveLength(2);
    expect(serialFor(early, name)).not.toBe(serial);
    expect(changes).toBe(1);
    await early.close();

    const late = await world.keeper('a', { order: server.order, random: () => 1 });
    late.acme.begin();
    await advance(63 * dayMs - 5 * limits.acmeLookMs, late);
    expect(server.orders).toHaveLength(2);
    await advance(6 * limits.acmeLookMs, late);
    expect(server.orders).toHaveLength(3);
  });

  test('is made anew where what is kept cannot be opened', async () => {
    const server = new Server();
    const first = await world.keeper('a', { order: server.order });
    first.acme.begin();
    await idle(first);
    await first.close();
    for (const rowName of world.sealed.rows.keys()) {
      if (rowName.includes('certificate')) await world.secrets.put(rowName, '{"certificate":"spoilt","key":""}');
    }
    const second = await world.keeper('a', { order: server.order });
    expect(second.lines.join('\n')).toContain('cannot be taken up');
    second.acme.begin();
    await idle(second);
    expect(server.orders).toHaveLength(2);
    expect(serialFor(second, name)).not.toBeNull();
    expect(second.acme.standings()[0]).toMatchObject({ reason: null });
  });

  test('is for other names a certificate of its own; the one before goes when it has expired', async () => {
    const server = new Server();
    const before = await world.keeper('a', { order: server.order });
    before.acme.begin();
    await idle(before);
    await before.close();
    const config = acmeConfig({ names: [name, 'www.example.com'] });
    const after = await world.keeper('a', { order: server.order, config });
    after.acme.begin();
    await idle(after);
    expect(server.orders).toEqual([name, `${name},www.example.com`]);
    expect(world.sealed.rows.size).toBe(3);
    await advance(91 * dayMs, after);
    await advance(limits.acmeLookMs, after);
    expect(world.sealed.rows.size).toBe(2);
    expect(serialFor(after, 'www.example.com')).not.toBeNull();
  });

  test('is one for each origin and domain, as resources come and go', async () => {
    const server = new Server();
    const resources = ['shop', 'wiki'];
    const config = acmeConfig({ names: null, domains: [name] });
    const keeper = await world.keeper('a', { order: server.order, config, origins: () => resources });
    keeper.acme.begin();
    await idle(keeper);
    expect(server.orders).toEqual([name, `shop.${name}`, `wiki.${name}`]);
    resources.splice(0, 2, 'wiki', 'docs');
    await advance(limits.acmeLookMs, keeper);
    expect(server.orders.slice(3)).toEqual([`docs.${name}`]);
    expect(serialFor(keeper, `shop.${name}`)).toBeNull();
    expect(serialFor(keeper, `docs.${name}`)).not.toBeNull();
  });
});

test('more origins than may be ordered are told of', async () => {
  const server = new Server();
  const config = acmeConfig({ names: null, domains: [name] });
  const many = Array.from({ length: limits.acmeNamesMax }, (_, index) => `r${index}`);
  const keeper = await world.keeper('a', { order: server.order, config, origins: () => many });
  keeper.acme.begin();
  for (let round = 0; server.orders.length < limits.acmeNamesMax && round < 1000; round++) await idle(keeper);
  expect(server.orders).toHaveLength(limits.acmeNamesMax);
  expect(keeper.lines.join('\n')).toContain('1 of the origins have no certificate by ACME: there are 100 at most');
});

describe('a failure', () => {
  test('is told, leaves what there is, and is tried again after pauses that double', async () => {
    const server = new Server();
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-acme-'));
    const reportPath = join(folder, 'acme.json');
    const keeper = await world.keeper('a', { order: server.order, reportPath });
    keeper.acme.begin();
    await idle(keeper);
    const serial = serialFor(keeper, name);
    server.refuse = new OrderError(new Error('the server is on fire'));
    await advance(60 * dayMs + limits.acmeLookMs, keeper);
    expect(server.orders).toHaveLength(2);
    expect(serialFor(keeper, name)).toBe(serial);
    const [standing] = keeper.acme.standings();
    expect(standing).toMatchObject({ failures: 1, names: [name] });
    expect(keeper.lines.find((line) => line.startsWith('error'))).toContain('the server is on fire');
    const concern = concernOf(standing!, clock().now())!;
    expect(concern.message).toBe(
      `${name} expires in 29 days and renewal failed: The ACME server gave no certificate: the server is on fire`,
    );
    expect(concern.todo).toContain(new Date(standing!.nextAttemptMs).toISOString());
    expect(await readReport(reportPath)).toEqual([standing]);
    expect(await readFile(reportPath, 'utf8')).not.toContain('PRIVATE');

    let pauseMs = limits.acmeRetryMinMs;
    for (let tries = 3; tries < 9; tries++) {
      await advance(pauseMs - 2 * limits.acmeLookMs, keeper);
      expect(server.orders).toHaveLength(tries - 1);
      await advance(3 * limits.acmeLookMs, keeper);
      expect(server.orders).toHaveLength(tries);
      pauseMs = Math.min(2 * pauseMs, limits.acmeRetryMaxMs);
    }
    server.refuse = null;
    await advance(limits.acmeRetryMaxMs + limits.acmeLookMs, keeper);
    expect(serialFor(keeper, name)).not.toBe(serial);
    expect(keeper.acme.standings()[0]).toMatchObject({ failures: 0, reason: null });
    await rm(folder, { recursive: true });
    await advance(limits.acmeLookMs, keeper);
    // What expires is warned of each day, once nothing else was said.
    expect(concernOf({ ...standing!, reason: null }, standing!.notAfterMs! - dayMs)?.message).toContain('in 1 day');
  });

  test('of a certificate that has expired leaves that', async () => {
    const server = new Server();
    const keeper = await world.keeper('a', { order: server.order });
    keeper.acme.begin();
    await idle(keeper);
    const serial = serialFor(keeper, name);
    server.refuse = new Error('no');
    for (let day = 0; day < 95; day++) await advance(dayMs, keeper);
    expect(serialFor(keeper, name)).toBe(serial);
    expect(concernOf(keeper.acme.standings()[0]!, clock().now())?.message).toContain('expired 5 days ago and renewal');
  });

  test('is tried again as late as the server asks', async () => {
    const server = new Server();
    server.refuse = new OrderError(new Error('too many'), 12 * 3_600_000);
    const keeper = await world.keeper('a', { order: server.order });
    keeper.acme.begin();
    await idle(keeper);
    expect(concernOf(keeper.acme.standings()[0]!, clock().now())?.message).toContain('has no certificate by ACME yet');
    await advance(12 * 3_600_000 - limits.acmeLookMs, keeper);
    expect(server.orders).toHaveLength(1);
    await keeper.close();
    // Nor does who starts anew go before it.
    const again = await world.keeper('a', { order: server.order });
    again.acme.begin();
    await idle(again);
    expect(server.orders).toHaveLength(1);
    await advance(2 * limits.acmeLookMs, again);
    expect(server.orders).toHaveLength(2);
  });

  test('is tried once sooner by who starts anew, and not by who starts again and again', async () => {
    const server = new Server();
    server.refuse = new Error('no');
    const keeper = await world.keeper('a', { order: server.order });
    keeper.acme.begin();
    await idle(keeper);
    for (let tries = 0; tries < 4; tries++) await advance(limits.acmeRetryMaxMs, keeper);
    const { length } = server.orders;
    await keeper.close();
    const restart = async (): Promise<void> => {
      const again = await world.keeper('a', { order: server.order });
      again.acme.begin();
      await idle(again);
      await again.close();
    };
    await restart();
    expect(server.orders).toHaveLength(length);
    clock().advance(limits.acmeRetryMinMs);
    await restart();
    expect(server.orders).toHaveLength(length + 1);
    await restart();
    expect(server.orders).toHaveLength(length + 1);
  });

  test('is none where the gateway stops', async () => {
    const server = new Server();
    server.during = ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const keeper = await world.keeper('a', { order: server.order });
    keeper.acme.begin();
    for (let round = 0; server.orders.length === 0 && round < 1000; round++) await new Promise(setImmediate);
    await keeper.close();
    const shared = new AcmeShared({ ...world, objects: world.objects.asStore.objects, gateway: 'a' });
    expect(await shared.read()).toMatchObject({ lease: null, certificates: {} });
  });
});

describe('several gateways on one store', () => {
  test('order once, one of them, and both present it', async () => {
    const server = new Server();
    let running = 0;
    let most = 0;
    server.during = async () => {
      most = Math.max(most, ++running);
      for (let round = 0; round < 50; round++) await new Promise(setImmediate);
      running--;
    };
    const config = acmeConfig({ names: null, domains: [name] });
    const parts = { order: server.order, config, origins: () => ['shop', 'wiki'] };
    const [one, two] = [await world.keeper('a', parts), await world.keeper('b', parts)];
    one.acme.begin();
    two.acme.begin();
    await idle(one, two);
    await advance(limits.acmeLookMs, one, two);
    expect(server.orders.toSorted()).toEqual([name, `shop.${name}`, `wiki.${name}`]);
    expect(most).toBe(1);
    for (const host of [name, `shop.${name}`, `wiki.${name}`]) {
      expect(serialFor(one, host)).not.toBeNull();
      expect(serialFor(one, host)).toBe(serialFor(two, host));
    }
    await advance(60 * dayMs, one, two);
    expect(server.orders).toHaveLength(6);
    expect(serialFor(one, name)).toBe(serialFor(two, name));
  });

  test('answer for each other while one proves, and no longer', async () => {
    const server = new Server();
    const config = acmeConfig({ challenge: 'tls-alpn-01' });
    const one = await world.keeper('a', { order: server.order, config });
    const two = await world.keeper('b', { order: server.order, config });
    const asked = (keeper: Keeper): boolean => keeper.certificates.challenges!.isAsked;
    const proof = { name, token: 'token', value: 'token.thumbprint' };
    const seen: boolean[] = [];
    server.during = async ({ prover, signal }) => {
      const offered = prover.offer([proof], signal);
      for (let round = 0; !asked(two) && round < 5000; round++) await new Promise(setImmediate);
      seen.push(asked(one), asked(two), two.certificates.challenges!.identityFor('GW.example.com') !== null);
      seen.push(two.certificates.challenges!.identityFor('other.example.com') === null);
      clock().advance(limits.acmeSpreadMs);
      await offered;
      await prover.withdraw();
    };
    one.acme.begin();
    await idle(one, two);
    expect(seen).toEqual([true, true, true, true]);
    expect([asked(one), asked(two)]).toEqual([false, false]);
    expect(server.orders).toHaveLength(1);
  });

  test('take the lease of one that is gone once its time is over', async () => {
    const server = new Server();
    const gone = new AcmeShared({ ...world, objects: world.objects.asStore.objects, gateway: 'gone' });
    expect(await gone.lease(() => true)).not.toBeNull();
    expect(await gone.prove([{ name, token: 't', value: 'v' }])).toBe(true);
    const config = acmeConfig({ challenge: 'tls-alpn-01' });
    const keeper = await world.keeper('a', { order: server.order, config });
    expect(keeper.certificates.challenges!.isAsked).toBe(true);
    keeper.acme.begin();
    await advance(limits.acmeLeaseMs - limits.acmeLookMs, keeper);
    expect(server.orders).toEqual([]);
    await advance(2 * limits.acmeLookMs, keeper);
    expect(server.orders).toEqual([name]);
    expect(keeper.certificates.challenges!.isAsked).toBe(false);
    // Who comes back proves nothing any more.
    expect(await gone.prove([{ name, token: 't', value: 'v' }])).toBe(false);
  });

  test('change what they share one after the other', async () => {
    const shared = (gateway: string): AcmeShared =>
      new AcmeShared({ ...world, objects: world.objects.asStore.objects, gateway });
    const [one, two] = [shared('a'), shared('b')];
    let others = 0;
    world.objects.beforePut = () => {
      if (others >= 3) return;
      others++;
      void two.note(`c${others}`, (entry) => ({ ...entry, failures: 1 }));
    };
    await one.note('mine', (entry) => ({ ...entry, failures: 7 }));
    for (let round = 0; round < 100; round++) await new Promise(setImmediate);
    const { certificates } = await one.read();
    expect(Object.keys(certificates).toSorted()).toEqual(['c1', 'c2', 'c3', 'mine']);
    world.objects.beforePut = () => {};
    // One lease, whoever asks at once.
    const leases = await Promise.all([one.lease(() => true), two.lease(() => true)]);
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
  });
});
