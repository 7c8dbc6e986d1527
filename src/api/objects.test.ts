/** Apply, dry run, round trip, deletion and secrets, over real HTTP with in-memory fakes behind the ports. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatManifests, type ObjectResult, readDocuments } from './contract/index.ts';
import { fakeErrors, type Running, sentinel, start } from './fixtures/fakes.ts';

let api: Running;
beforeEach(async () => {
  api = await start();
});
afterEach(() => api.close());

const orders = {
  kind: 'Resource',
  metadata: { name: 'orders', labels: { env: 'prod' } },
  spec: {
    protocol: 'postgres',
    address: 'db.internal',
    database: 'orders',
    credential: { username: 'app', password: { value: sentinel } },
  },
};
const carol = {
  kind: 'Principal',
  metadata: { name: 'carol' },
  spec: { displayName: 'Carol', password: `${sentinel}-password` },
};
const dba = { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['carol'] } };
const access = {
  kind: 'Access',
  metadata: { name: 'dba-orders' },
  spec: { match: { principals: { groups: ['dba'] }, resources: { labels: { env: 'prod' } } } },
};

async function apply(documents: readonly unknown[], dryRun = false): Promise<readonly ObjectResult[]> {
  const answer = await api.call('POST', '/api/v1/apply', 'adam', { body: { documents, dryRun } });
  expect(answer.text).not.toContain(sentinel);
  expect(answer.status).toBe(200);
  return answer.json['results'] as ObjectResult[];
}

const actions = (results: readonly ObjectResult[]): string[] => results.map(({ action }) => action);

describe('apply', () => {
  test('creates, then finds nothing to change, then shows the difference', async () => {
    expect(actions(await apply([orders, carol, dba, access]))).toEqual(['created', 'created', 'created', 'created']);
    expect(actions(await apply([dba, access]))).toEqual(['unchanged', 'unchanged']);
    const changed = await apply([
      { ...dba, spec: { members: ['carol', 'alice'], description: 'Owns the databases.' } },
    ]);
    expect(changed[0]?.changes).toEqual([
      { path: 'spec.description', before: null, after: 'Owns the databases.' },
      { path: 'spec.members', before: '[carol]', after: '[carol, alice]' },
    ]);
    const events = api.world.eventsOf('configuration.changed');
    expect(events).toHaveLength(5);
    expect(events[4]).toMatchObject({
      principal: { name: 'adam', credentialId: 'tok_adam' },
      action: 'updated',
      kind: 'Group',
      name: 'dba',
      changes: ['spec.description: (none) → Owns the databases.', 'spec.members: [carol] → [carol, alice]'],
    });
  });

  test('a dry run shows the same difference and changes nothing', async () => {
    const before = {
      objects: structuredClone([...api.world.objects]),
      secrets: structuredClone([...api.world.secrets]),
    };
    const shown = await apply([orders, carol, dba], true);
    expect([...api.world.objects]).toEqual(before.objects);
    expect([...api.world.secrets]).toEqual(before.secrets);
    expect(api.world.events).toEqual([]);
    expect(await apply([orders, carol, dba])).toEqual(shown);
  });

  test('what get gives back is unchanged when it is applied again', async () => {
    await apply([orders, carol, dba, access]);
    const manifests: unknown[] = [];
    for (const kind of ['Resource', 'Access', 'Group', 'Principal']) {
      const answer = await api.call('GET', `/api/v1/objects/${kind}`, 'adam');
      manifests.push(...(answer.json['objects'] as unknown[]));
    }
    const again = readDocuments(formatManifests(manifests), 'all.yaml');
    expect(again.problems).toEqual([]);
    const results = await apply(again.documents.map(({ value }) => value));
    expect(new Set(actions(results))).toEqual(new Set(['unchanged']));
    expect(api.world.secrets.get('resource.orders.password')).toBe(sentinel);
  });

  test('all problems of all documents are told, and nothing is applied', async () => {
    const answer = await api.call('POST', '/api/v1/apply', 'adam', {
      body: {
        documents: [dba, { ...orders, spec: { ...orders.spec, adress: 1, recording: 'no' } }, { kind: 'Grup' }, dba],
      },
    });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({
      code: 'api.invalid-manifest',
      problems: [
        { document: 1, path: ['spec', 'recording'], on: 'value' },
        { document: 1, path: ['spec', 'adress'], on: 'key', message: 'unknown field; did you mean address?' },
        { document: 2, path: ['kind'] },
        { document: 3, path: ['metadata', 'name'], message: 'stands in another document of this apply too' },
      ],
    });
    expect(api.world.objects.has('Group/dba')).toBe(false);
    expect(answer.text).not.toContain(sentinel);
  });

  test('names that are nothing yet, weak TLS and missing secrets are warned about', async () => {
    const resource = {
      ...orders,
      spec: { ...orders.spec, tls: { mode: 'prefer' }, credential: { username: 'app', password: { store: 'gone' } } },
    };
    const results = await apply([resource, { ...dba, spec: { members: ['nobody'] } }, access]);
    expect(results.map(({ warnings }) => warnings)).toEqual([
      [
        'there is no secret gone; put it, or sessions cannot be opened',
        'tls.mode prefer does not prove who the target is',
      ],
      ['there is no Principal nobody'],
      [],
    ]);
  });

  test('nothing is committed when it cannot be recorded', async () => {
    api.world.journalFailure = fakeErrors('fake.journal');
    const answer = await api.call('POST', '/api/v1/apply', 'adam', { body: { documents: [dba] } });
    expect(answer.status).toBe(503);
    expect(api.world.objects.has('Group/dba')).toBe(false);
  });

  test('the answer and the commit wait until the events are durable', async () => {
    api.world.isJournalHeld = true;
    let isAnswered = false;
    const answer = api.call('POST', '/api/v1/apply', 'adam', { body: { documents: [dba] } }).then((got) => {
      isAnswered = true;
      return got;
    });
    while (!api.world.isWaitingForJournal) await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    expect(api.world.objects.has('Group/dba')).toBe(false);
    api.world.flush();
    expect((await answer).status).toBe(200);
    expect(api.world.objects.has('Group/dba')).toBe(true);
  });

  test('the last administrator cannot be deleted, disabled or demoted', async () => {
    const adam = (spec: object) => ({ kind: 'Principal', metadata: { name: 'adam' }, spec });
    for (const spec of [{ roles: ['member'] }, { roles: ['admin'], disabled: true }]) {
      const answer = await api.call('POST', '/api/v1/apply', 'adam', { body: { documents: [adam(spec)] } });
      expect([answer.status, answer.json['code']]).toEqual([409, 'api.last-admin']);
    }
    expect((await api.call('DELETE', '/api/v1/objects/Principal/adam', 'adam')).status).toBe(409);
    const second = { kind: 'Principal', metadata: { name: 'eve' }, spec: { roles: ['admin'] } };
    expect(actions(await apply([second, adam({ roles: ['member'] })]))).toEqual(['created', 'updated']);
  });
});

describe('deletion', () => {
  test('deletes, tells what still names it, and journals the fields', async () => {
    await apply([orders, carol, dba, access]);
    const dry = await api.call('DELETE', '/api/v1/objects/Group/dba?dryRun=true', 'adam');
    expect(dry.json).toMatchObject({ action: 'deleted', warnings: ['the Access dba-orders still names it'] });
    expect(api.world.objects.has('Group/dba')).toBe(true);
    expect((await api.call('DELETE', '/api/v1/objects/Group/dba', 'adam')).status).toBe(200);
    expect(api.world.objects.has('Group/dba')).toBe(false);
    expect(api.world.eventsOf('configuration.changed').at(-1)).toMatchObject({ action: 'deleted', name: 'dba' });
    expect((await api.call('DELETE', '/api/v1/objects/Group/dba', 'adam')).status).toBe(404);
  });

  test('a sealed credential goes with its resource, unless another names it', async () => {
    const copy = {
      ...orders,
      metadata: { name: 'copy' },
      spec: { ...orders.spec, credential: { username: 'app', password: { store: 'resource.orders.password' } } },
    };
    await apply([orders, copy]);
    await api.call('DELETE', '/api/v1/objects/Resource/orders', 'adam');
    expect(api.world.secrets.has('resource.orders.password')).toBe(true);
    await apply([orders]);
    await api.call('DELETE', '/api/v1/objects/Resource/copy', 'adam');
    expect(api.world.secrets.has('resource.orders.password')).toBe(true);
    await api.call('DELETE', '/api/v1/objects/Resource/orders', 'adam');
    expect(api.world.secrets.has('resource.orders.password')).toBe(false);
  });
});

describe('secrets', () => {
  test('put, list by name, refused while in use, deleted; each journaled without its value', async () => {
    const put = await api.call('PUT', '/api/v1/secrets/orders-db', 'adam', { body: { value: sentinel } });
    expect(put.status).toBe(204);
    await apply([
      { ...orders, spec: { ...orders.spec, credential: { username: 'app', password: { store: 'orders-db' } } } },
    ]);
    const refused = await api.call('DELETE', '/api/v1/secrets/orders-db', 'adam');
    expect([refused.status, refused.json['code']]).toEqual([409, 'api.secret-in-use']);
    await api.call('DELETE', '/api/v1/objects/Resource/orders', 'adam');
    // A secret that a person put outlives the resource that named it.
    expect(api.world.secrets.has('orders-db')).toBe(true);
    expect((await api.call('DELETE', '/api/v1/secrets/orders-db', 'adam')).status).toBe(204);
    expect(api.world.secrets.has('orders-db')).toBe(false);
    const rotated = await api.call('POST', '/api/v1/secrets/rotate', 'adam');
    expect(rotated.json).toEqual({ key: 'key_2', resealed: 1 });
    expect(api.world.events.map((event) => event.type)).toEqual([
      'configuration.changed',
      'configuration.changed',
      'configuration.changed',
      'configuration.changed',
      'key.rotated',
    ]);
    expect(JSON.stringify(api.world.events)).not.toContain(sentinel);
  });

  test('A-API-06: no answer and no event ever holds a secret that was given', async () => {
    const seen: string[] = [];
    const keep = async (...call: Parameters<Running['call']>): Promise<void> => {
      const answer = await api.call(...call);
      seen.push(answer.text, JSON.stringify([...answer.headers]));
    };
    const broken = {
      ...orders,
      spec: { ...orders.spec, credential: { username: 'app', password: { value: sentinel, env: sentinel } } },
    };
    const misplaced = {
      ...carol,
      spec: { ...carol.spec, password: [sentinel], roles: [sentinel], displayName: `${sentinel}\u202e` },
    };
    const misspelt = {
      ...orders,
      spec: { ...orders.spec, pasword: sentinel, database: { x: sentinel }, address: `${sentinel}:x:y` },
    };
    for (const documents of [[orders, carol], [orders], [broken], [misplaced], [misspelt], [sentinel], [[sentinel]]]) {
      await keep('POST', '/api/v1/apply', 'adam', { body: { documents, dryRun: true } });
      await keep('POST', '/api/v1/apply', 'adam', { body: { documents } });
    }
    await keep('POST', '/api/v1/login', null, { body: { principal: 'alice', password: sentinel } });
    await keep('POST', '/api/v1/login', null, { body: { principal: 'alice', password: sentinel, otp: sentinel } });
    await keep('PUT', '/api/v1/secrets/spare', 'adam', { body: { value: [sentinel] } });
    await keep('PUT', '/api/v1/secrets/spare', 'adam', { raw: `{"value": "${sentinel}` });
    for (const kind of ['Resource', 'Principal']) await keep('GET', `/api/v1/objects/${kind}`, 'adam');
    await keep('GET', '/api/v1/objects/Resource/orders', 'adam');
    await keep('GET', '/api/v1/secrets', 'adam');
    await keep('GET', '/api/v1/tokens?all=true', 'adam');
    await keep('DELETE', '/api/v1/objects/Resource/orders', 'adam');
    const all = seen.join('\n') + JSON.stringify(api.world.events);
    expect(all).not.toContain(sentinel);
    expect(all).not.toContain('token-of-');
    expect(all).toContain('(secret)');
  });

  test('A-API-06: a given password is shown as the place where it was sealed', async () => {
    await apply([orders]);
    const answer = await api.call('GET', '/api/v1/objects/Resource/orders', 'audrey');
    expect(answer.json['spec']).toMatchObject({
      address: 'db.internal:5432',
      credential: { username: 'app', password: { store: 'resource.orders.password' } },
      recording: 'strict',
      tls: { mode: 'verify-full' },
      statementTimeout: 0,
    });
  });

  test('A-API-06: a store that hands out write-only fields does not make them public', async () => {
    await apply([orders, carol]);
    const leak = (id: string, fields: Record<string, unknown>): void => {
      const stored = structuredClone(api.world.objects.get(id)!);
      Object.assign(stored.manifest.spec, fields);
      api.world.objects.set(id, stored);
    };
    leak('Principal/carol', { password: sentinel });
    leak('Resource/orders', { credential: { username: 'app', password: { value: sentinel } } });
    for (const path of ['Principal', 'Principal/carol', 'Resource', 'Resource/orders']) {
      const answer = await api.call('GET', `/api/v1/objects/${path}`, 'adam');
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain(sentinel);
    }
  });
});
