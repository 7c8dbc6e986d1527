/** Requests and their answers: who the cluster is told asks, what is judged, how it reads in a client (A-K8S-01, 03 to 05, 07, 09). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import { kubernetesOf } from '../../core/command.ts';
import type { Principal } from '../../core/principal.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../../core/review.ts';
import { maskingJudge } from '../http/masks-testing.ts';
import { principal, type RoomOptions, startTarget, upstreamSecret } from '../http/room-testing.ts';
import { type KubernetesRoom, openKubernetes } from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  body: string;
}

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
};

async function open(
  options: Omit<RoomOptions, 'target'> & { readonly answer?: Handler } = {},
): Promise<KubernetesRoom & { readonly seen: Seen[]; readonly drafts: CommandDraft[] }> {
  const seen: Seen[] = [];
  const drafts: CommandDraft[] = [];
  const target = await startTarget((request, response) => {
    const one: Seen = { method: request.method!, url: request.url!, headers: request.rawHeaders, body: '' };
    seen.push(one);
    request.on('data', (view: Buffer) => {
      one.body += view.toString('latin1');
    });
    request.on('end', () => (options.answer ?? ((_request, made) => json(made, { kind: 'List' })))(request, response));
  });
  closing.push(() => target.stop());
  const { judge } = options;
  const room = await openKubernetes({
    ...options,
    target,
    judge: (draft) => {
      drafts.push(draft);
      return judge?.(draft) ?? null;
    },
  });
  closing.push(() => room.close());
  return { ...room, seen, drafts };
}

const valuesOf = (headers: readonly string[], name: string): string[] =>
  headers.filter((_one, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name);

const statusOf = (body: string): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

const pods = '/api/v1/namespaces/shop/pods';

describe('who the cluster is told asks', () => {
  const claimed = [
    ...['-H', 'Impersonate-User: admin', '-H', 'impersonate-user: root', '-H', 'IMPERSONATE_USER: root'],
    ...['-H', 'Impersonate-Group: system:masters', '-H', 'Impersonate-Group: a', '-H', 'Impersonate-Uid: 0'],
    ...['-H', 'Impersonate-Extra-Scopes: all', '-H', 'X-Remote-User: admin', '-H', 'X-Remote-Group: system:masters'],
    ...['-H', 'x_remote_extra_scopes: all', '-H', 'Connection: keep-alive, Impersonate-User'],
  ];

  test('A-K8S-01: what the client says of it is taken off, and the person is set', async () => {
    const room = await open();
    expect((await room.curl(pods, ...claimed)).status).toBe(200);
    const { headers } = room.seen[0]!;
    const told = headers.filter((name, at) => at % 2 === 0 && /impersonate|remote/i.test(name));
    expect(told).toEqual(['Impersonate-User', 'Impersonate-Group']);
    expect(valuesOf(headers, 'impersonate-user')).toEqual(['engineer']);
    expect(valuesOf(headers, 'impersonate-group')).toEqual(['engineering']);
  });

  test('A-K8S-07: the bearer is the gateway’s own, and stands in no record', async () => {
    const room = await open();
    await room.curl(pods, ...claimed);
    expect(valuesOf(room.seen[0]!.headers, 'authorization')).toEqual([`Bearer ${upstreamSecret}`]);
    expect(JSON.stringify([room.journal.events, room.recordings.map(({ entries }) => entries)])).not.toContain(
      upstreamSecret,
    );
    const [head] = room.recordings[0]!.entries.filter(({ type }) => type === 'head');
    expect(JSON.stringify(head)).toContain('"impersonate-user","engineer"');
  });

  test('by the resource’s own credential nobody is impersonated', async () => {
    const room = await open({ settings: { impersonate: false } });
    expect((await room.curl(pods, ...claimed)).status).toBe(200);
    expect(room.seen[0]!.headers.filter((name) => /impersonate|remote/i.test(name))).toEqual([]);
    expect(valuesOf(room.seen[0]!.headers, 'authorization')).toEqual([`Bearer ${upstreamSecret}`]);
  });

  test('a map of names, and a prefix of groups', async () => {
    const room = await open({ settings: { impersonate_user: 'corp:{name}', group_prefix: 'corp:' } });
    await room.curl(pods);
    expect(valuesOf(room.seen[0]!.headers, 'impersonate-user')).toEqual(['corp:engineer']);
    expect(valuesOf(room.seen[0]!.headers, 'impersonate-group')).toEqual(['corp:engineering']);
  });

  const refused: [string, Partial<Principal>, Record<string, string>][] = [
    ['a group of Kubernetes’ own', { groups: ['engineering', 'system:masters'] }, {}],
    ['a name of Kubernetes’ own', { name: 'system:admin' }, {}],
    ['a prefix that makes one', { groups: ['masters'] }, { group_prefix: 'system:' }],
    ['a map that makes one', {}, { impersonate_user: 'system:{name}' }],
    ['a name that does not arrive as it is', { name: ' engineer' }, {}],
    ['a name beyond ASCII', { name: 'ingénieur' }, {}],
    ['a name of two lines', { name: 'a\r\nImpersonate-Group: system:masters' }, {}],
    ['no name', { name: '' }, {}],
  ];

  test.each(refused)('A-K8S-01: %s is refused, and nothing is asked', async (_what, changed, settings) => {
    const room = await open({ principal: { ...principal, ...changed }, settings });
    const { status, body } = await room.curl(pods);
    expect(status).toBe(403);
    expect(statusOf(body)).toMatchObject({ kind: 'Status', reason: 'Forbidden', code: 403 });
    expect(room.seen).toEqual([]);
  });

  test('without a credential nothing is asked', async () => {
    for (const impersonate of [true, false]) {
      const room = await open({ credential: null, settings: { impersonate } });
      expect((await room.curl(pods)).status).toBeGreaterThanOrEqual(500);
      expect(room.seen).toEqual([]);
    }
  });

  test('a credential that says itself who asks is none beside a person', async () => {
    const headers = { Authorization: 'Bearer x-secret', 'impersonate-user': 'admin' };
    const room = await open({ credential: { headers } });
    expect((await room.curl(pods)).status).toBeGreaterThanOrEqual(500);
    expect(room.seen).toEqual([]);
  });
});

describe('what is judged', () => {
  const cases: [string, string[], string, string][] = [
    [pods, [], 'list', 'pods'],
    [`${pods}?watch=1`, [], 'watch', 'pods'],
    [`${pods}/web-1`, [], 'get', 'pods'],
    [pods, ['-X', 'DELETE'], 'deletecollection', 'pods'],
    [`${pods}/web-1`, ['-X', 'DELETE'], 'delete', 'pods'],
    [`${pods}/web-1/exec?command=id&stdout=1`, [], 'connect', 'pods/exec'],
    [`${pods}/web-1/exec?command=id&stdout=1`, ['-X', 'POST'], 'connect', 'pods/exec'],
    [`${pods}/web-1/ephemeralcontainers`, ['-X', 'PATCH', '-d', '{}'], 'patch', 'pods/ephemeralcontainers'],
    ['/apis/apps/v1/namespaces/shop/deployments/web/scale', ['-X', 'PUT', '-d', '{}'], 'update', 'deployments/scale'],
    ['/apis/metrics.k8s.io/v1beta1/nodes', [], 'list', 'nodes'],
    ['/version', [], 'get', ''],
  ];

  test.each(cases)('A-K8S-05: %s %j', async (path, args, verb, what) => {
    const room = await open();
    await room.curl(path, ...args);
    const meaning = kubernetesOf(room.drafts[0]!.meaning)!;
    const { resource, subresource } = meaning;
    expect([meaning.verb, subresource === '' ? resource : `${resource}/${subresource}`]).toEqual([verb, what]);
  });

  test.each(['/api/v1/namespaces/shop/pods/..%2fsecrets', '/api/v1/namespaces/shop//secrets', '/api/v1/pods/%2e%2e/x'])(
    'A-K8S-05: %s could mean two things, and is nothing',
    async (path) => {
      const room = await open();
      const { status, body } = await room.curl(path, '--path-as-is');
      expect(status).toBe(400);
      expect(statusOf(body)).toMatchObject({ kind: 'Status', reason: 'BadRequest' });
      expect([room.seen, room.drafts]).toEqual([[], []]);
    },
  );

  const proxies = [
    '/api/v1/nodes/n1/proxy/pods',
    `${pods}/web-1/proxy/`,
    '/api/v1/namespaces/shop/services/a:80/proxy/x',
  ];

  test.each(proxies)('A-K8S-03: %s is its own verb, and refused', async (path) => {
    const room = await open();
    const { status, body } = await room.curl(path);
    expect(status).toBe(403);
    expect(statusOf(body)['message']).toMatch(/setting proxy/);
    expect(room.drafts.map(({ verb }) => verb)).toEqual(['proxy']);
    expect(room.seen).toEqual([]);
    expect(room.journal.of('command.ended')).toMatchObject([{ outcome: 'refused', error: 'kubernetes.proxy' }]);
  });

  test('A-K8S-03: where the resource allows it, rules judge it', async () => {
    const room = await open({ settings: { proxy: 'allow' } });
    expect((await room.curl(proxies[0]!)).status).toBe(200);
    expect(room.seen.map(({ url }) => url)).toEqual([proxies[0]]);
  });

  test('A-K8S-04: a body that nobody can read is said to be so, recorded, and not held', async () => {
    const verdict = (draft: CommandDraft) =>
      draft.verb === 'create' ? ({ name: 'hold', rule: 'look', reason: 'Look at it.' } as const) : null;
    const room = await open({ judge: verdict });
    for (const type of ['application/vnd.kubernetes.protobuf', 'application/json', 'text/weird', 'application/cbor']) {
      const { status, body } = await room.curl(pods, '-H', `Content-Type: ${type}`, '--data-binary', '\u0001{[not it');
      expect([type, status]).toEqual([type, 403]);
      expect(statusOf(body)['message']).toMatch(/Look at it\. .*not read/);
    }
    expect(room.drafts.map(({ meaning }) => kubernetesOf(meaning)!.body.kind)).toEqual(Array(4).fill('unread'));
    expect(room.seen).toEqual([]);
  });

  test('A-REC-05: values of a Secret stand in no record, though the cluster gets them', async () => {
    const room = await open();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { key: 'dG9wc2VjcmV0' } };
    await room.curl(
      '/api/v1/namespaces/shop/secrets',
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify(secret),
    );
    expect(room.seen[0]!.body).toContain('dG9wc2VjcmV0');
    const records = JSON.stringify([room.journal.events, room.recordings.map(({ entries }) => entries)]);
    expect(records).not.toContain('dG9wc2VjcmV0');
    const data = room.recordings[0]!.entries.flatMap((one) => (one.type === 'data' ? [one.data.toString()] : []));
    expect(data.join('')).not.toContain('dG9wc2VjcmV0');
    expect(data[0]).toContain('key');
  });
});

describe('refusals', () => {
  test('are Status objects whatever is asked for, with rule and what to do', async () => {
    const room = await open({ judge: () => ({ name: 'block', rule: 'no', reason: 'Not here. Ask dora.' }) });
    for (const accept of ['application/vnd.kubernetes.protobuf', 'text/html', 'application/json;as=Table']) {
      const { status, body, heads } = await room.curl(pods, '-H', `Accept: ${accept}`);
      expect(status).toBe(403);
      expect(heads).toMatch(/Content-Type: application\/json\r\n/i);
      const told = statusOf(body);
      expect(told).toMatchObject({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'Forbidden',
        code: 403,
      });
      expect(told['message']).toMatch(/^Not here\. Ask dora\. \(rule no\) \[session ses_\w+, command \d+\]$/);
    }
  });

  test('without a proof: 401, and no page of the console', async () => {
    const room = await open();
    const { status, body } = await room.curl(pods, '--anonymous', '-H', 'Accept: text/html');
    expect(status).toBe(401);
    expect(statusOf(body)).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 });
    expect((await room.curl('/.sallyport/visit?code=x', '--anonymous')).status).toBe(404);
    expect(room.seen).toEqual([]);
  });
});

class Decisions implements Reviews {
  readonly asked: { request: ReviewRequest; decide: (outcome: ReviewOutcome) => void }[] = [];
  request(request: ReviewRequest, decide: (outcome: ReviewOutcome) => void): PendingReview {
    this.asked.push({ request, decide });
    return {
      id: 'rev_1',
      link: 'https://gateway.example/reviews/rev_1',
      audience: 'a member of dba',
      expiresAtMs: Date.UTC(2030, 0, 1),
      withdraw: () => undefined,
      claim: async () => null,
    };
  }
}

describe('a held command', () => {
  const hold = (draft: CommandDraft) =>
    draft.verb === 'delete' ? ({ name: 'hold', rule: 'two', reason: 'Two look.' } as const) : null;

  test('waits, and its answer says that it was approved', async () => {
    const reviews = new Decisions();
    const room = await open({ judge: hold, reviews });
    const asked = room.curl(`${pods}/web-1`, '-X', 'DELETE');
    while (reviews.asked.length === 0) await sleep(5);
    expect(room.seen).toEqual([]);
    reviews.asked[0]!.decide({ state: 'approved', by: ['dora'] });
    const { status, heads } = await asked;
    expect(status).toBe(200);
    expect(heads).toMatch(/^Warning: 299 - ".*approved.*"\r$/im);
    expect(room.seen.length).toBe(1);
  });

  test('that is denied is a Status with the reason', async () => {
    const reviews = new Decisions();
    const room = await open({ judge: hold, reviews });
    const asked = room.curl(`${pods}/web-1`, '-X', 'DELETE');
    while (reviews.asked.length === 0) await sleep(5);
    reviews.asked[0]!.decide({ state: 'denied', by: 'dora', reason: 'not on a Friday' });
    const { status, body } = await asked;
    expect(status).toBe(403);
    expect(statusOf(body)['message']).toContain('not on a Friday');
    expect(room.seen).toEqual([]);
  });
});

describe('answers', () => {
  const accepts: [string, string][] = [
    ['application/vnd.kubernetes.protobuf', 'application/json'],
    ['application/vnd.kubernetes.protobuf,application/json', 'application/json'],
    ['application/cbor, */*', 'application/json,*/*;q=0.1'],
    ['application/json, */*', 'application/json,*/*;q=0.1'],
    [
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json',
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    ],
    ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'application/json'],
  ];

  test.each(accepts)('A-K8S-04: with a Mask, %s is asked for as %s', async (accept, asked) => {
    const room = await open({ judging: maskingJudge('secretvalue') });
    await room.curl(pods, '-H', `Accept: ${accept}`);
    expect(valuesOf(room.seen[0]!.headers, 'accept')).toEqual([asked]);
  });

  test('without one, as it was', async () => {
    const room = await open();
    await room.curl(pods, '-H', 'Accept: application/vnd.kubernetes.protobuf');
    expect(valuesOf(room.seen[0]!.headers, 'accept')).toEqual(['application/vnd.kubernetes.protobuf']);
  });

  test('A-K8S-09: a watch passes line by line, masked, for as long as it lasts', async () => {
    const made: ServerResponse[] = [];
    const room = await open({
      judging: maskingJudge('secretvalue'),
      settings: { answer_timeout: 1 },
      answer: (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.write(`{"type":"ADDED","object":{"data":"secretvalue","more":"${'x'.repeat(20)}"}}\n`);
        made.push(response);
      },
    });
    const socket = await room.raw();
    socket.send(
      `GET ${pods}?watch=1 HTTP/1.1\r\nHost: ${room.host}\r\nAuthorization: Bearer token-of-the-test\r\n\r\n`,
    );
    // The mask of the test holds back as much as its word is long.
    await socket.until((text) => text.includes('"data":"***********"'), 'the first event');
    await sleep(1_500);
    made[0]!.write('{"type":"MODIFIED","object":{}}\n{"type":"BOOKMARK","object":{}}\n');
    await socket.until((text) => text.includes('MODIFIED'), 'the second, after more than the time for answers');
    expect(socket.received).not.toContain('secretvalue');
    socket.socket.destroy();
  });
});
