/**
 * Certificates from a real ACME server, by every proof: Pebble, which refuses good nonces now and then. The store is played;
 * gateway.test.ts has whole gateways.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { AcmeConfig } from '../../src/gateway/acme-config.ts';
import {
  AcmeWorld,
  acmeConfig,
  dayMs,
  type Keeper,
  SetClock,
  serialFor,
} from '../../src/gateway/fixtures/acme-world.ts';
import { missing } from './pebble.ts';
import { openSite, type Site } from './site.ts';

const name = 'gw.example.com';
const within = { timeout: 120_000, interval: 20 };
const deadlineMs = 180_000;

describe.skipIf(missing !== null)(
  `a real ACME server${missing === null ? '' : ` (${missing})`}`,
  { timeout: deadlineMs },
  () => {
    let site: Site;
    let world: AcmeWorld;
    let clock: SetClock;

    beforeAll(async () => {
      site = await openSite({ blocked: ['blocked.example.com'] });
    });
    afterAll(() => site?.close());
    afterEach(async () => {
      site.http.targets = [];
      await world.close();
    });

    async function keeper(changes: Partial<AcmeConfig>): Promise<Keeper> {
      const { directory } = site.pebble;
      const opened = await world.keeper('a', { config: acmeConfig({ directory, ca: site.ca, ...changes }) });
      if (opened.acme.httpPort !== null) site.http.targets = [opened.acme.httpPort];
      opened.acme.begin();
      return opened;
    }
    const fresh = async (): Promise<void> => {
      clock = new SetClock();
      world = await AcmeWorld.make(clock);
    };
    const presented = (one: Keeper, host: string): X509Certificate | null => {
      const { certificate } = one.certificates.identityFor(host) ?? {};
      return certificate === undefined ? null : new X509Certificate(certificate);
    };

    test('gives a certificate for HTTP-01, and the next one when it is due', async () => {
      await fresh();
      const one = await keeper({ names: [name, 'www.example.com'] });
      await expect.poll(() => serialFor(one, name), within).not.toBeNull();
      const leaf = presented(one, 'www.example.com')!;
      expect(leaf.subjectAltName).toContain(`DNS:${name}`);
      // The chain leads to who the server says it is.
      const kept = JSON.parse(
        await world.secrets.reveal({
          provider: 'store',
          name: [...world.sealed.rows.keys()].find((row) => row.includes('certificate'))!,
        }),
      ) as { certificate: string };
      const chain = kept.certificate.split(/(?<=-----END CERTIFICATE-----\n)/).filter((text) => text.includes('BEGIN'));
      expect(chain.length).toBeGreaterThan(1);
      expect(new X509Certificate(chain.at(-1)!).checkIssued(new X509Certificate(site.pebble.root))).toBe(true);
      expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });

      const serial = leaf.serialNumber;
      await one.acme.look();
      expect(serialFor(one, name)).toBe(serial);
      clock.aheadMs = 64 * dayMs;
      await one.acme.look();
      await expect.poll(() => serialFor(one, name), within).not.toBe(serial);
      expect(one.acme.standings()[0]).toMatchObject({ failures: 0, reason: null });
    });

    test('takes an address, also for an account that is there already', async () => {
      await fresh();
      const before = await keeper({ names: [name] });
      await expect.poll(() => serialFor(before, name), within).not.toBeNull();
      await before.close();
      const after = await keeper({ names: ['mail.example.com'], email: 'ops@example.com' });
      await expect.poll(() => serialFor(after, 'mail.example.com'), within).not.toBeNull();
    });

    test('gives a wildcard for DNS-01, and its records are taken back', async () => {
      await fresh();
      const one = await keeper({ challenge: 'dns-01', hook: site.hook, names: [`*.${name}`, name] });
      await expect.poll(() => serialFor(one, `shop.${name}`), within).not.toBeNull();
      expect(serialFor(one, name)).toBe(serialFor(one, `shop.${name}`));
      expect(serialFor(one, `a.b.${name}`)).toBeNull();
      const [records = ''] = site.hook.command.slice(1);
      expect(await readFile(records, 'utf8')).toBe('');
      const calls = (await readFile(site.hookLog, 'utf8')).trim().split('\n');
      expect(calls.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
        `add _acme-challenge.${name}`,
        `add _acme-challenge.${name}`,
        `remove _acme-challenge.${name}`,
        `remove _acme-challenge.${name}`,
      ]);
    });

    test('refuses what is not proved, and says why', async () => {
      await fresh();
      const failed = async (one: Keeper): Promise<string> => {
        await expect.poll(() => one.acme.standings()[0]?.failures, within).toBe(1);
        await one.acme.settled();
        expect(serialFor(one, name)).toBeNull();
        return one.acme.standings()[0]!.reason!;
      };
      // Whatever answers at the name's port is somebody else.
      const elsewhere = await keeper({ names: [name] });
      site.http.targets = [];
      const reason = await failed(elsewhere);
      expect(reason).toMatch(
        /^The ACME server gave no certificate: the server did not find gw\.example\.com proved by http-01: /,
      );
      await elsewhere.close();

      const hook = { ...site.hook, command: ['/bin/true'] };
      const blocked = await keeper({ names: ['blocked.example.com'] });
      expect(await failed(blocked)).toContain('blocked.example.com');
      await blocked.close();
      const unwritten = await keeper({ names: ['dns.example.com'], challenge: 'dns-01', hook });
      expect(await failed(unwritten)).toContain('did not find dns.example.com proved by dns-01');
    });

    test('cannot be asked where it is not known, or not there', async () => {
      await fresh();
      const stranger = await keeper({ ca: null });
      await expect.poll(() => stranger.acme.standings()[0]?.reason, within).toContain('does not answer');
      await stranger.close();
      await world.close();
      await fresh();
      const none = await keeper({ directory: site.pebble.directory.replace('/dir', '/none') });
      await expect.poll(() => none.acme.standings()[0]?.reason, within).toContain('returned error 404');
    });
  },
);

describe.skipIf(missing !== null)('an account that is bound to another', { timeout: deadlineMs }, () => {
  let site: Site;
  let world: AcmeWorld;
  const key = Buffer.alloc(32, 7).toString('base64url');

  beforeAll(async () => {
    site = await openSite({ bindings: { 'kid-1': key } });
    world = await AcmeWorld.make(systemClock);
  });
  afterAll(async () => {
    await world?.close();
    await site?.close();
  });

  test.each([
    ['by its key', { BINDING: key }, true],
    ['by no other', { BINDING: Buffer.alloc(32, 8).toString('base64url') }, false],
  ])('is had %s', async (_how, environment, isHad) => {
    const externalAccountBinding = { keyId: 'kid-1', variable: 'BINDING' };
    const names = [isHad ? 'had.example.com' : 'not.example.com'];
    const { directory } = site.pebble;
    const apart = isHad ? world : await AcmeWorld.make(systemClock);
    const one = await apart.keeper('a', {
      config: acmeConfig({ directory, ca: site.ca, names, externalAccountBinding }),
      environment,
    });
    site.http.targets = [one.acme.httpPort!];
    one.acme.begin();
    if (isHad) await expect.poll(() => serialFor(one, names[0]!), within).not.toBeNull();
    else await expect.poll(() => one.acme.standings()[0]?.reason, within).toMatch(/binding|signature|verif/i);
    await one.close();
  });
});
