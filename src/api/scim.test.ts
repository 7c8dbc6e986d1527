/** SCIM over real HTTP: who may, what is answered, and how providers walk through it. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { defineErrors } from '../base/errors.ts';
import { contractLimits } from './contract/index.ts';
import { type Called, type Running, start } from './fixtures/fakes.ts';
import { membersMax, scimPageMax } from './limits.ts';

const strange = defineErrors({
  'gateway.name-taken': { kind: 'denial', message: 'The name is another’s.' },
  'identity.name-refused': { kind: 'denial', message: 'No name can be made of it.' },
  'fake.down': { kind: 'operation', message: 'Not now.' },
});
const core = 'urn:ietf:params:scim:schemas:core:2.0';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

const open: Running[] = [];
let running: Running;
beforeEach(async () => {
  running = await start();
  open.push(running);
  running.world.issue('robot', 'tok_robot', 'token-of-robot');
});
afterAll(() => Promise.all(open.map((one) => one.close())));

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Called> {
  const raw = body === undefined ? {} : { raw: typeof body === 'string' ? body : JSON.stringify(body) };
  const type: Record<string, string> =
    body === undefined ? {} : { 'content-type': 'application/scim+json; charset=utf-8' };
  const answer = await running.call(method, `/scim/v2/corp${path}`, null, {
    ...raw,
    headers: { authorization: 'Bearer token-of-robot', ...type, ...headers },
  });
  if (answer.text !== '') expect(answer.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  return answer;
}

const filtered = (path: string, filter: string, more = '') =>
  call('GET', `${path}?filter=${encodeURIComponent(filter)}${more}`);

async function made(userName: string, more: object = {}): Promise<string> {
  const answer = await call('POST', '/Users', {
    schemas: [`${core}:User`],
    userName,
    externalId: `x-${userName}`,
    ...more,
  });
  expect(answer.status).toBe(201);
  return `${answer.json['id']}`;
}

describe('A-API-01: who may', () => {
  test('nobody but the service that is named: others find nothing, and nothing tells the difference', async () => {
    const elsewhere = await call('GET', '/../other/Users');
    expect(elsewhere.status).toBe(404);
    expect(elsewhere.json['detail']).toBe('The API has nothing at this address. See /api/v1/openapi.json.');
    running.world.issue('robot2', 'tok_robot2', 'token-of-robot2');
    const others = [];
    for (const token of ['token-of-adam', 'token-of-robot2']) {
      others.push(await call('GET', '/Users', undefined, { authorization: `Bearer ${token}` }));
    }
    for (const answer of [elsewhere, ...others]) {
      expect(answer.json).toMatchObject({ schemas: [errorSchema], status: '404' });
      expect(answer.text).toBe(elsewhere.text);
    }
    expect((await call('GET', '/Users')).status).toBe(200);
  });

  test('a token that was narrowed, or is in an agent’s hands, is not enough', async () => {
    const { world } = running;
    const whole = world.principal.bind(world);
    for (const more of [
      { scope: { resources: ['orders'] } },
      { actors: [{ issuer: 'i', subject: 's', name: 'bot' }] },
    ]) {
      world.principal = (name) => {
        const principal = whole(name);
        return { ...principal, authentication: { ...principal.authentication, ...more } };
      };
      expect((await call('GET', '/Users')).status).toBe(404);
    }
    world.principal = (name) => {
      const principal = whole(name);
      return { ...principal, authentication: { ...principal.authentication, issuedBy: 'adam' } };
    };
    expect((await call('GET', '/Users')).status).toBe(200);
  });

  test('errors that no handler saw are SCIM’s too', async () => {
    const unknown = await call('GET', '/Users', undefined, { authorization: 'Bearer wrong' });
    expect([unknown.status, unknown.json['status']]).toEqual([401, '401']);
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer');
    expect((await call('GET', '/Nothing')).json).toMatchObject({ status: '404' });
    expect((await call('POST', '/Users', 'a=b', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('A-API-03: what comes in', () => {
  test('a body at its limit, and one past', async () => {
    const filler = (bytes: number): string => {
      const [head, tail] = ['{"userName":"ana","title":"', '"}'];
      return `${head}${'x'.repeat(bytes - head.length - tail.length)}${tail}`;
    };
    expect((await call('POST', '/Users', filler(contractLimits.scimBodyBytesMax))).status).toBe(201);
    const past = await call('POST', '/Users', filler(contractLimits.scimBodyBytesMax + 1));
    expect([past.status, past.json['schemas']]).toEqual([413, [errorSchema]]);
  });

  test('no JSON, too deep, prototypes', async () => {
    const deep = `${'['.repeat(contractLimits.documentDepthMax + 1)}${']'.repeat(contractLimits.documentDepthMax + 1)}`;
    for (const body of ['{', deep, '{"userName":"a","__proto__":{"x":1}}', '[]', '"x"']) {
      const answer = await call('POST', '/Users', body);
      expect([answer.status, answer.json['scimType']]).toEqual([400, 'invalidSyntax']);
    }
    expect((await call('POST', '/Users', { userName: 7 })).json).toMatchObject({ scimType: 'invalidValue' });
    expect((await call('POST', '/Users', {})).json).toMatchObject({ scimType: 'invalidValue', status: '400' });
  });

  test('a filter and attributes that are too long, and what is no id', async () => {
    const length = (field: string, count: number) => call('GET', `/Users?${field}=${'x'.repeat(count)}`);
    expect((await length('attributes', contractLimits.scimAttributesLengthMax)).status).toBe(200);
    expect((await length('attributes', contractLimits.scimAttributesLengthMax + 1)).status).toBe(400);
    expect((await length('filter', contractLimits.scimFilterLengthMax)).json).toMatchObject({
      scimType: 'invalidFilter',
    });
    expect((await length('filter', contractLimits.scimFilterLengthMax + 1)).status).toBe(400);
    expect((await call('GET', '/Users/%2e%2e')).status).toBe(404);
    expect((await call('GET', '/Users?startIndex=x')).status).toBe(400);
    expect((await call('GET', '/Users?filter=a&filter=b')).status).toBe(400);
  });
});

describe('what there is', () => {
  test('is what is announced', async () => {
    const config = (await call('GET', '/ServiceProviderConfig')).json;
    expect(config).toMatchObject({
      patch: { supported: true },
      bulk: { supported: false },
      filter: { supported: true, maxResults: scimPageMax },
      sort: { supported: false },
      etag: { supported: true },
      changePassword: { supported: false },
    });
    const types = (await call('GET', '/ResourceTypes')).json['Resources'] as { endpoint: string; schema: string }[];
    expect(types.map(({ endpoint }) => endpoint)).toEqual(['/Users', '/Groups']);
    const schemas = (await call('GET', '/Schemas')).json['Resources'] as {
      id: string;
      attributes: { name: string }[];
    }[];
    expect(schemas.map(({ id }) => id)).toEqual(types.map(({ schema }) => schema));
    const names = new Set(schemas[0]!.attributes.map(({ name }) => name));
    const user = await call(
      'GET',
      `/Users/${await made('ana', { displayName: 'A', name: { givenName: 'A' }, emails: ['a@x'] })}`,
    );
    const shown = Object.keys(user.json).filter((name) => !['id', 'meta', 'schemas'].includes(name));
    expect(shown.sort()).toEqual([...names].sort());
  });

  test('a user has a place, a version and moments; a password is nowhere', async () => {
    const answer = await call('POST', '/Users', { userName: 'ana', password: 'hunter2-hunter2', active: 'True' });
    expect(answer.status).toBe(201);
    const { id, meta } = answer.json as { id: string; meta: Record<string, string> };
    expect(meta).toMatchObject({ resourceType: 'User', location: `/scim/v2/corp/Users/${id}`, version: 'W/"1"' });
    expect(answer.headers.get('location')).toBe(meta['location']);
    expect(answer.headers.get('etag')).toBe('W/"1"');
    expect(answer.json['active']).toBe(true);
    expect(JSON.stringify([...running.world.scim.kept.users.values()])).not.toContain('hunter2');
  });

  test('an address is answered with its console’s own where that is known', async () => {
    const at = await start({ publicUrl: 'https://sallyport.example' });
    open.push(at);
    at.world.issue('robot', 'tok_robot', 'token-of-robot');
    const headers = { authorization: 'Bearer token-of-robot', 'content-type': 'application/scim+json' };
    const answer = await at.call('POST', '/scim/v2/corp/Users', null, { raw: '{"userName":"ana"}', headers });
    expect(answer.headers.get('location')).toMatch(/^https:\/\/sallyport\.example\/scim\/v2\/corp\/Users\/scu_/);
  });
});

describe('lists', () => {
  test('Entra’s and Okta’s questions before they make somebody', async () => {
    expect((await filtered('/Users', 'userName eq "a6e1c2f0"')).json).toMatchObject({ totalResults: 0, Resources: [] });
    const id = await made('Ana@corp.test');
    for (const filter of ['userName eq "ana@corp.test"', 'externalId eq "x-Ana@corp.test"', `id eq "${id}"`]) {
      expect((await filtered('/Users', filter)).json).toMatchObject({ totalResults: 1, Resources: [{ id }] });
    }
    const okta = await filtered('/Users', 'userName eq "ana@corp.test"', '&startIndex=1&count=100');
    expect(okta.json).toMatchObject({ totalResults: 1, startIndex: 1, itemsPerPage: 1 });
    expect((await filtered('/Users', 'userName eq "ana@corp.test" and active eq false')).json['totalResults']).toBe(0);
    expect((await filtered('/Users', 'userName sw "ANA"')).json['totalResults']).toBe(1);
    expect((await filtered('/Users', 'userName eq')).json).toMatchObject({ status: '400', scimType: 'invalidFilter' });
  });

  test('pages by startIndex and count, at their limits and past', async () => {
    for (let one = 0; one < 7; one++) await made(`user-${one}`);
    const page = async (query: string) => {
      const { json } = await call('GET', `/Users?${query}`);
      const names = (json['Resources'] as { userName: string }[]).map(({ userName }) => userName.slice(5));
      return [json['totalResults'], json['startIndex'], json['itemsPerPage'], names.join('')];
    };
    expect(await page('startIndex=1&count=3')).toEqual([7, 1, 3, '012']);
    expect(await page('startIndex=4&count=3')).toEqual([7, 4, 3, '345']);
    expect(await page('startIndex=7&count=3')).toEqual([7, 7, 1, '6']);
    expect(await page('startIndex=8&count=3')).toEqual([7, 8, 0, '']);
    expect(await page('startIndex=-5&count=2')).toEqual([7, 1, 2, '01']);
    expect(await page('count=0')).toEqual([7, 1, 0, '']);
    expect(await page('count=-1')).toEqual([7, 1, 0, '']);
    expect(await page(`count=${scimPageMax * 100}&attributes=userName`)).toEqual([7, 1, 7, '0123456']);
  });

  test('no page is longer than the most that is announced', async () => {
    const { users } = running.world.scim.kept;
    for (let one = 0; one <= scimPageMax; one++) {
      const id = `scu_${String(one).padStart(4, '0')}`;
      const document = { userName: `u${one}`, emails: [], active: true };
      users.set(id, { id, document, version: 1, createdAtMs: 0, updatedAtMs: 0 });
    }
    const { json } = await call('GET', `/Users?count=${scimPageMax + 1}`);
    expect([json['totalResults'], json['itemsPerPage']]).toEqual([scimPageMax + 1, scimPageMax]);
  });

  test('Entra’s questions about groups, without members and with one', async () => {
    const ana = await made('ana');
    const group = await call('POST', '/Groups', { displayName: 'dev', members: [{ value: ana }] });
    const id = `${group.json['id']}`;
    expect(group.json['members']).toEqual([{ value: ana, $ref: `/scim/v2/corp/Users/${ana}` }]);
    const plain = await call('GET', `/Groups/${id}?excludedAttributes=members`);
    expect(plain.json).toMatchObject({ id, displayName: 'dev' });
    expect(plain.json).not.toHaveProperty('members');
    const listed = await filtered('/Groups', 'displayName eq "DEV"', '&excludedAttributes=members');
    expect(listed.json).toMatchObject({ totalResults: 1, Resources: [{ id }] });
    expect((listed.json['Resources'] as object[])[0]).not.toHaveProperty('members');
    expect((await filtered('/Groups', `id eq "${id}" and members eq "${ana}"`)).json['totalResults']).toBe(1);
    expect((await filtered('/Groups', `id eq "${id}" and members[value eq "x"]`)).json['totalResults']).toBe(0);
    expect((await filtered('/Groups', `members eq "${ana}"`)).json).toMatchObject({ scimType: 'invalidFilter' });
    expect((await call('GET', '/Groups')).json).toMatchObject({ Resources: [{ members: [{ value: ana }] }] });
  });

  test('a page of groups ends before its members are more than a group’s', async () => {
    const { groups } = running.world.scim.kept;
    const put = (id: string, count: number) => {
      const members = Array.from({ length: count }, (_, index) => `u${index}`);
      groups.set(id, { id, document: { displayName: id, members }, version: 1, createdAtMs: 0, updatedAtMs: 0 });
    };
    put('scg_1', membersMax - 1);
    put('scg_2', 1);
    put('scg_3', 1);
    const shown = async (query: string) => {
      const { json } = await call('GET', `/Groups${query}`);
      return [json['totalResults'], json['itemsPerPage']];
    };
    expect(await shown('')).toEqual([3, 2]);
    expect(await shown('?startIndex=3')).toEqual([3, 1]);
    expect(await shown('?excludedAttributes=members')).toEqual([3, 3]);
  });
});

describe('changes', () => {
  test('Okta puts whole users, and Entra patches; both see what is there then', async () => {
    const id = await made('ana', { displayName: 'Ana' });
    const put = await call('PUT', `/Users/${id}`, { userName: 'ana', externalId: 'x-ana', active: false });
    expect([put.status, put.json['active'], put.json['displayName']]).toEqual([200, false, undefined]);
    const Operations = [{ op: 'Replace', path: 'active', value: 'True' }];
    const patched = await call('PATCH', `/Users/${id}`, { Operations }, { 'content-type': 'application/json' });
    expect([patched.status, patched.json['active']]).toEqual([200, true]);
    expect(patched.headers.get('etag')).toBe('W/"3"');
    const refused = await call('PATCH', `/Users/${id}`, {
      Operations: [{ op: 'Replace', path: 'active', value: 'x' }],
    });
    expect(refused.json).toEqual({
      schemas: [errorSchema],
      status: '400',
      scimType: 'invalidValue',
      detail: 'active must be true or false.',
    });
  });

  test('of a group nothing comes back, unless it is asked for', async () => {
    const id = `${(await call('POST', '/Groups', { displayName: 'dev' })).json['id']}`;
    const add = { Operations: [{ op: 'add', path: 'members', value: [{ value: await made('ana') }] }] };
    const patched = await call('PATCH', `/Groups/${id}`, add);
    expect([patched.status, patched.text, patched.headers.get('etag')]).toEqual([204, '', 'W/"2"']);
    const asked = await call('PATCH', `/Groups/${id}?attributes=members`, add);
    expect([asked.status, asked.json['members']]).toMatchObject([200, [{}]]);
    const put = await call('PUT', `/Groups/${id}`, { displayName: 'dev' });
    expect([put.status, put.json['members']]).toEqual([200, undefined]);
    // Entra’s flag for what is closer to the standard stands in every address.
    const typed = { 'content-type': 'application/scim+json' };
    // And some say of which type the body is that they do not send.
    expect((await call('DELETE', `/Groups/${id}?aadOptscim062020`, undefined, typed)).status).toBe(204);
    expect((await call('GET', '/Groups?aadOptscim062020', undefined, typed)).status).toBe(200);
    expect((await call('DELETE', `/Users/${await made('bob')}`)).status).toBe(204);
    expect((await call('GET', `/Groups/${id}`)).status).toBe(404);
  });

  test('what is there already, and what is not there', async () => {
    await made('ana');
    const again = await call('POST', '/Users', { userName: 'ANA' });
    expect([again.status, again.json['scimType']]).toEqual([409, 'uniqueness']);
    for (const [method, body] of [['GET'], ['PUT', { userName: 'x' }], ['DELETE']] as const) {
      const answer = await call(method, '/Users/scu_none', body);
      expect([answer.status, answer.json['status']]).toEqual([404, '404']);
    }
    const { scim } = running.world;
    scim.failure = strange('gateway.name-taken');
    expect((await call('POST', '/Users', { userName: 'bob' })).json).toMatchObject({
      status: '409',
      scimType: 'uniqueness',
    });
    scim.failure = strange('identity.name-refused');
    expect((await call('POST', '/Users', { userName: 'bob' })).json).toMatchObject({
      status: '400',
      scimType: 'invalidValue',
    });
    scim.failure = strange('fake.down');
    expect((await call('POST', '/Users', { userName: 'bob' })).status).toBe(503);
    scim.failure = new Error('S3NTINEL');
    const broken = await call('POST', '/Users', { userName: 'bob' });
    expect([broken.status, broken.text.includes('S3NTINEL')]).toEqual([500, false]);
  });

  test('versions: If-Match holds or 412, If-None-Match saves the answer, races are tried again', async () => {
    const id = await made('ana');
    const patch = { Operations: [{ op: 'replace', path: 'displayName', value: 'Ana' }] };
    const status = async (method: string, headers: Record<string, string>, body?: object) =>
      (await call(method, `/Users/${id}`, body, headers)).status;
    expect(await status('PATCH', { 'if-match': 'W/"7"' }, patch)).toBe(412);
    expect(await status('PUT', { 'if-match': 'W/"7"' }, { userName: 'ana' })).toBe(412);
    expect(await status('DELETE', { 'if-match': 'W/"7"' })).toBe(412);
    expect(await status('PATCH', { 'if-match': '*' }, patch)).toBe(200);
    expect(await status('GET', { 'if-none-match': 'W/"2"' })).toBe(304);
    expect(await status('GET', { 'if-none-match': 'W/"1"' })).toBe(200);
    running.world.scim.conflicts = 3;
    expect(await status('PATCH', { 'if-match': '"2"' }, patch)).toBe(200);
    running.world.scim.conflicts = 3;
    expect(await status('DELETE', {})).toBe(204);
    const other = await made('bob');
    running.world.scim.conflicts = 1000;
    expect((await call('PATCH', `/Users/${other}`, patch)).json).toMatchObject({ status: '409' });
    expect((await call('DELETE', `/Users/${other}`)).status).toBe(409);
  });
});
