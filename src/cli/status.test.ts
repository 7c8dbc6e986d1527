/** `sallyport status`: certificates that the gateway has by ACME, and what keeps them from being renewed. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const facts = {
  version: '1.2.3',
  startedAt: '2026-11-21T11:00:00Z',
  uptimeSeconds: 3600,
  draining: false,
  space: { level: 'ample', freeBytes: null, totalBytes: null },
  journal: { durableSequence: 1, working: true },
  recording: { working: true },
  diskSync: null,
  listeners: [],
  sessions: { live: 0 },
};

it('tells until when certificates are good, and why there is no newer one', async () => {
  const names = ['gw.example.com', 'a.example.com', 'b.example.com', 'c.example.com', 'd.example.com'];
  const problem = 'The ACME server gave no certificate: no';
  await using gateway = await startFakeGateway({
    status: () => ({
      ...facts,
      certificates: [
        { names: ['www.example.com'], expiresAt: '2027-02-19T10:00:00Z', problem: null },
        { names, expiresAt: '2026-12-02T10:00:00Z', problem },
        { names: ['new.example.com'], expiresAt: null, problem },
        { names: ['newer.example.com'], expiresAt: null, problem: null },
      ],
    }),
  });
  const env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
  const { code, stdout } = await world.run(['status'], { env });
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((line) => line.startsWith('Certificate'))).toEqual([
    'Certificate  www.example.com until 2027-02-19',
    `Certificate  gw.example.com, a.example.com, b.example.com and 2 more until 2026-12-02; renewal FAILED: ${problem}`,
    `Certificate  new.example.com none yet; the order FAILED: ${problem}`,
    'Certificate  newer.example.com none yet',
  ]);
});
