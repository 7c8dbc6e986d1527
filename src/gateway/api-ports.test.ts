import { expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import type { Event, EventBody } from '../core/event.ts';
import { type ApiPortParts, apiPorts } from './api-ports.ts';

test('A-API-06: a secret is replaced or dropped only after the record of it is durable', async () => {
  const done: string[] = [];
  const secrets = {
    put: async (name: string) => void done.push(`put ${name}`),
    delete: async (name: string) => void done.push(`delete ${name}`),
  };
  const { configuration } = apiPorts(bare({ secrets: secrets as unknown as ApiPortParts['secrets'] }));
  const batch = {
    puts: [],
    deletes: [],
    secrets: [{ name: 'orders', value: 'x' }],
    droppedSecrets: ['old'],
    passwords: [],
  };
  const refused = configuration.commit(batch, () => Promise.reject(new Error('the journal does not work')));
  await expect(refused).rejects.toThrow('the journal does not work');
  expect(done).toEqual([]);
  await configuration.commit(batch, async () => void done.push('recorded'));
  expect(done).toEqual(['recorded', 'put orders', 'delete old']);
});

const bare = (change: Partial<ApiPortParts> = {}): ApiPortParts =>
  ({ secrets: {}, store: {}, identity: {}, snapshot: {}, tls: {}, trials: {}, ...change }) as unknown as ApiPortParts;

test('the events of a session: its own, the decisions on its reviews, and none of another’s', async () => {
  const actor = { id: 'p', issuer: 'local', name: 'p', kind: 'person', groups: [], credentialId: null } as const;
  const requested = (session: string, review: string): EventBody => ({
    type: 'review.requested',
    review,
    kind: 'command',
    session,
    command: 1,
    principal: actor,
    resource: 'orders',
    rule: 'r',
    digest: 'ab',
    approvals: 1,
    expiresAtMs: 9,
    reason: null,
  });
  const decided = (review: string): EventBody => ({
    type: 'review.decided',
    review,
    decision: 'deny',
    principal: actor,
    reason: 'no',
    state: 'denied',
    how: 'api',
  });
  const ended = (session: string): EventBody => ({
    type: 'session.ended',
    session,
    reason: 'client-closed',
    code: null,
    by: null,
    commands: 1,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 1,
  });
  const bodies: EventBody[] = [
    requested('ses_1', 'rev_1'),
    requested('ses_2', 'rev_2'),
    decided('rev_2'),
    ended('ses_1'),
    decided('rev_1'),
    { type: 'command.cancel', session: 'ses_1', source: 'never read: nothing can come any more' },
  ];
  let from = 0;
  async function* readEvents(sequence: number): AsyncGenerator<Event> {
    from = sequence;
    for (const [index, body] of bodies.entries()) yield { ...body, seq: index + 7, at: index };
  }
  const store = { sessions: { get: async (id: string) => (id === 'ses_1' ? { openSeq: 7 } : null) } };
  const { sessions } = apiPorts(bare({ readEvents, store: store as unknown as ApiPortParts['store'] }));
  const seen = async (id: string): Promise<number[]> => {
    const got: number[] = [];
    for await (const event of await sessions.events(id, new AbortController().signal)) got.push(event.seq);
    return got;
  };
  expect(await seen('ses_1')).toEqual([7, 10, 11]);
  expect(from).toBe(7);
  expect(await seen('ses_unknown')).toEqual([]);
});

test('what a grant lets in is listed and explained as the door decides it', async () => {
  const snapshot = {
    resourceNames: () => ['orders', 'wages'],
    resource: async (name: string) => ({ name, labels: {}, protocol: 'postgres', settings: {} }),
    principal: () => ({ id: 'local:nora', name: 'nora', groups: [], roles: [], disabled: false }),
    // No standing Access lets anybody in.
    decide: () => ({ granted: false, rule: 'none' }),
    explain: () => ({ decision: { granted: false, rule: 'none' }, rules: [] }),
    configured: { explainRequests: () => [] },
  } as unknown as ApiPortParts['snapshot'];
  const authorisation: ApiPortParts['authorisation'] = {
    decide: (_, { name }) =>
      name === 'orders' ? { granted: true, rule: 'grant:grt_1' } : { granted: false, rule: 'none' },
  };
  const parts = bare({ snapshot, authorisation, protocols: [], listenerOf: () => null, clock: systemClock });
  const { access } = apiPorts(parts);
  const nora = { id: 'local:nora', name: 'nora' } as Parameters<typeof access.openable>[0];
  expect((await access.openable(nora)).map(({ name }) => name)).toEqual(['orders']);
  expect(await access.explain('nora', 'orders')).toMatchObject({ granted: true, rule: 'grant:grt_1' });
  expect(await access.explain('nora', 'wages')).toMatchObject({ granted: false });
});

test('a browser is handed over to an origin of the gateway’s own making, or to none', async () => {
  const begun: unknown[] = [];
  const identity = {
    beginVisit: async (order: unknown) => {
      begun.push(order);
      return { code: 'c0de', expiresAtMs: 7 };
    },
  } as unknown as ApiPortParts['identity'];
  const listenerOf: ApiPortParts['listenerOf'] = (protocol) =>
    ['http', 'postgres'].includes(protocol)
      ? {
          host: 'localhost',
          port: 15_403,
          tls: true,
          domains: protocol === 'http' ? ['gw.example.com', 'localhost'] : [],
        }
      : null;
  const snapshot = {
    resourceNames: () => ['shop', 'a.b', 'orders'],
    resource: async (name: string) => ({
      name,
      labels: {},
      protocol: name === 'orders' ? 'postgres' : 'http',
      settings: {},
    }),
  } as unknown as ApiPortParts['snapshot'];
  const authorisation = { decide: () => ({ granted: true, rule: 'all' }) };
  const { access, visits } = apiPorts(bare({ identity, listenerOf, snapshot, authorisation, protocols: [] }));
  const openable = await access.openable({} as Parameters<typeof access.openable>[0]);
  expect(openable.map(({ origins }) => origins)).toEqual([
    ['https://shop.gw.example.com:15403', 'https://shop.localhost:15403'],
    [],
    [],
  ]);
  // The listener's own facts are no part of what clients are told.
  expect(openable[0]!.listener).toEqual({ host: 'localhost', port: 15_403, tls: true });
  const [shop, dotted, orders] = openable;
  const ask = (resource: (typeof openable)[number], domain: string) =>
    visits.begin({ tokenId: 'tok_1', resource, domain, nonce: 'n', returnTo: '//evil.example' });
  expect(await ask(shop!, 'localhost')).toEqual({
    url: 'https://shop.localhost:15403/.sallyport/visit?code=c0de',
    expiresAtMs: 7,
  });
  expect(begun).toEqual([{ tokenId: 'tok_1', resource: 'shop', nonce: 'n', returnTo: '//evil.example' }]);
  for (const domain of ['evil.example', 'LOCALHOST', '', 'localhost:1@evil.example'])
    expect(await ask(shop!, domain)).toBeNull();
  expect(await ask(dotted!, 'localhost')).toBeNull();
  expect(await ask(orders!, 'localhost')).toBeNull();
  expect(begun).toHaveLength(1);
});
