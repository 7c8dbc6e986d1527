/**
 * A-REV-02, end to end: a held command's message goes out to Slack with buttons, a signed request with one of them comes
 * in over HTTP, and the real review is decided, or is not. Store, identity, snapshot, API and secrets are the real ones.
 */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiPorts, createApi } from '../api/index.ts';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Principal } from '../core/principal.ts';
import type { PendingReview, ReviewOutcome } from '../core/review.ts';
import { FakeJournal, testDraft, testResource } from '../core/testing/fakes.ts';
import { createIdentity, type Identity } from '../identity/index.ts';
import { reviewLimits } from '../review/index.ts';
import { erin, testRequest } from '../review/testing/reviews.ts';
import { createSecrets, openKeyRing } from '../secrets/index.ts';
import type { Store, StoredObject } from '../store/index.ts';
import type { GatewayConfig } from './config.ts';
import { settle, testStore, until } from './fixtures/review-world.ts';
import { openReviews, type Reviewing } from './open-reviews.ts';
import { Snapshot } from './snapshot.ts';

const signingVariable = 'SALLYPORT_TEST_SLACK_SIGNING';
const signingSecret = 'S3NTINEL-signing';
const accounts = new Map([
  ['T1/U1', 'dana'],
  ['T1/U2', 'dave'],
  ['T1/U3', 'erin'],
  ['T1/U4', 'pipeline'],
  ['T1/U5', 'nobody'],
]);

let store: Store;
let dispose: () => Promise<void>;
let receiver: Server;
let messages: { blocks: { elements?: { action_id?: string; value?: string }[] }[] }[];

beforeAll(async () => {
  process.env[signingVariable] = signingSecret;
  ({ store, dispose } = await testStore());
  receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      messages.push(JSON.parse(Buffer.concat(parts).toString()));
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
}, 120_000);
afterAll(async () => {
  delete process.env[signingVariable];
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await dispose();
}, 60_000);

let objects: StoredObject[];
let clock: FakeClock;
let journal: FakeJournal;
let snapshot: Snapshot;
let identity: Identity;
let reviewing: Reviewing;
let api: ReturnType<typeof createApi>;
let round = 0;
let presses = 0;

const object = (kind: string, name: string, spec: object): StoredObject =>
  ({ kind, name, labels: {}, spec, generation: 1 }) as unknown as StoredObject;
const person = (name: string, change: object = {}): StoredObject =>
  object('Principal', name, { kind: 'person', roles: ['member'], disabled: false, ...change });

beforeEach(async () => {
  messages = [];
  round++;
  clock = new FakeClock();
  journal = new FakeJournal();
  objects = [
    person('erin'),
    person('dana'),
    person('dave'),
    person('mona'),
    person('pipeline', { kind: 'service' }),
    object('Group', 'dba', { members: ['dana', 'dave', 'pipeline'] }),
    object('Resource', 'orders', { protocol: 'postgres' }),
    object('Access', 'all', { match: { principals: { names: ['erin'] }, resources: { names: ['orders'] } } }),
  ];
  const list = async (kind: string): Promise<StoredObject[]> => objects.filter((one) => one.kind === kind);
  snapshot = new Snapshot({ list }, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null });
  await snapshot.reload();
  identity = createIdentity({
    clock,
    log: silentLog,
    tokens: store.tokens,
    passwords: store.passwords,
    directory: { find: (name) => snapshot.principal(name) },
    serverSecret: Buffer.alloc(32, round),
  });
  await open({ slack: { secretVariable: signingVariable, accounts } });
});
afterEach(async () => {
  await close();
  for (const name of ['dana', 'dave', 'erin', 'pipeline']) await identity.revokeTokensOf(name);
  identity.close();
});

async function open(chat: GatewayConfig['chat']): Promise<void> {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const keyRing = await openKeyRing({ keys: Buffer.alloc(32, 7).toString('base64') });
  reviewing = await openReviews({
    store,
    snapshot,
    journal,
    clock,
    log: silentLog,
    gateway: `gw_chat_${round}`,
    consoleUrl: () => 'https://console.example',
    config: { chat, webhooks: [{ name: 'slack', url, format: 'slack', secretVariable: null, isPrivate: true }] },
    identity,
    ownSecrets: createSecrets({ keyRing, sealedStore: store.sealed, clock }),
    sessions: () => null,
  });
  const ports = { chat: reviewing.chat, journal, scim: {} } as unknown as ApiPorts;
  api = createApi(ports, {
    version: '1',
    clock,
    log: silentLog,
    protocols: [],
    tls: null,
    publicUrl: null,
    consoleDirectory: null,
  });
}

async function close(): Promise<void> {
  await api.close();
  await reviewing.close();
}

interface Waiting {
  readonly pending: PendingReview;
  readonly outcomes: ReviewOutcome[];
  readonly digest: string;
  readonly buttons: Readonly<Record<string, string>>;
}

/** A held command, and the buttons of the message that went out about it. */
async function hold(principal: Principal = erin, approvals = 1): Promise<Waiting> {
  const resource = testResource({ name: 'orders' });
  const draft = testDraft('delete from customers');
  const request = testRequest({ approvals, withinMs: 48 * 3_600_000 }, draft, { principal, resource });
  const outcomes: ReviewOutcome[] = [];
  const pending = reviewing.reviews.request(request, (outcome) => void outcomes.push(outcome));
  await until(() => messages.length > 0);
  const elements = messages.shift()!.blocks.flatMap((block) => block.elements ?? []);
  const buttons = Object.fromEntries(elements.flatMap(({ action_id: id, value }) => (id ? [[id, value ?? '']] : [])));
  return { pending, outcomes, digest: request.digest, buttons };
}

const logIn = (owner: string, createdBy = owner) =>
  identity.issueToken({ owner, label: 'sign-on', createdBy, source: 'api', lifetimeMs: 30 * 86_400_000 });

interface Press {
  readonly user?: string;
  readonly team?: string;
  readonly key?: string;
  /** Seconds that the request's time is off. */
  readonly off?: number;
}

function signed(action: string, { buttons }: Waiting, press: Press = {}) {
  const { user = 'U1', team = 'T1', key = signingSecret, off = 0 } = press;
  const value = buttons[`sallyport-${action}`];
  const payload = JSON.stringify({
    type: 'block_actions',
    team: { id: team },
    user: { id: user, username: 'dana', name: 'dana' },
    actions: [{ action_id: `sallyport-${action}`, value }],
    trigger: ++presses,
  });
  const body = new URLSearchParams({ payload }).toString();
  const timestamp = String(Math.floor(clock.now() / 1000) + off);
  const mac = createHmac('sha256', key).update(`v0:${timestamp}:${body}`).digest('hex');
  return { timestamp, signature: `v0=${mac}`, body };
}

async function send({ timestamp, signature, body }: ReturnType<typeof signed>) {
  const answer = await api.inject({
    method: 'POST',
    url: '/api/v1/chat/slack',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-signature': signature,
      'x-slack-request-timestamp': timestamp,
    },
    payload: body,
  });
  expect(answer.body).not.toContain('S3NTINEL');
  const { text = '', code = '', response_type: kind = '' } = answer.json<Record<string, string>>();
  return { status: answer.statusCode, text, code, kind };
}

const decisions = (): unknown[] => journal.events.filter(({ type }) => type === 'review.decided');
const stateOf = async ({ pending }: Waiting) => (await store.reviews.get(pending.id))?.state;

describe('A-REV-02: a decision from Slack', () => {
  test('approves what was shown, and the command may run once', async () => {
    const waiting = await hold();
    await logIn('dana');
    const answer = await send(signed('approve', waiting));
    expect(answer).toMatchObject({
      status: 200,
      kind: 'ephemeral',
      text: 'You approved what erin asked for on orders. It is approved now.',
    });
    await until(() => waiting.outcomes.length > 0);
    expect(waiting.outcomes).toEqual([{ state: 'approved', by: ['dana'] }]);
    expect(decisions()).toMatchObject([{ decision: 'approve', how: 'slack', principal: { name: 'dana' } }]);
    expect(await waiting.pending.claim(waiting.digest)).toBeNull();
    expect(await waiting.pending.claim(waiting.digest)).not.toBeNull();
  });

  test('denies at once, without a login', async () => {
    const waiting = await hold();
    expect((await send(signed('deny', waiting))).text).toBe('You denied what erin asked for on orders.');
    await until(() => waiting.outcomes.length > 0);
    expect(waiting.outcomes).toMatchObject([{ state: 'denied', by: 'dana' }]);
  });

  test('of two that it takes: one person pressing again is not a second one', async () => {
    const waiting = await hold(erin, 2);
    await logIn('dana');
    await logIn('dave');
    expect((await send(signed('approve', waiting))).text).toContain('It needs others to approve as well.');
    expect((await send(signed('approve', waiting))).text).toContain('was used already');
    expect(await stateOf(waiting)).toBe('pending');
    expect((await send(signed('approve', waiting, { user: 'U2' }))).text).toContain('It is approved now.');
  });

  test.each([
    ['an account that maps to nobody', { user: 'U9' }, 'belongs to no principal'],
    ['an account of another workspace', { team: 'T9' }, 'belongs to no principal'],
    ['the account of who asked', { user: 'U3' }, 'Nobody decides their own review'],
    ['the account of a service', { user: 'U4' }, 'decided by people'],
    ['an account whose principal there is not', { user: 'U5' }, 'disabled or gone'],
  ] as const)('is refused to %s, approving and denying', async (_, press, why) => {
    const waiting = await hold();
    for (const name of ['dana', 'erin', 'pipeline']) await logIn(name);
    for (const action of ['approve', 'deny']) {
      const answer = await send(signed(action, waiting, press));
      expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('Nothing was decided.')]);
      expect(answer.text).toContain(why);
    }
    await settle(store);
    expect([decisions(), waiting.outcomes, await stateOf(waiting)]).toEqual([[], [], 'pending']);
    expect((await send(signed('approve', waiting))).text).toContain('It is approved now.');
  });

  test('is refused with a forged signature, an old or early time, and to the same request again', async () => {
    const waiting = await hold(erin, 2);
    await logIn('dana');
    const late = reviewLimits.signatureAgeMsMax / 1000 + 1;
    for (const press of [{ key: 'other' }, { key: '' }, { off: -late }, { off: late }]) {
      expect(await send(signed('approve', waiting, press))).toMatchObject({
        status: 401,
        code: 'review.bad-signature',
      });
    }
    const other = signed('approve', waiting);
    expect((await send({ ...other, body: other.body.replace('U1', 'U2') })).status).toBe(401);
    expect((await send({ ...other, timestamp: String(Number(other.timestamp) + 1) })).status).toBe(401);
    expect(decisions()).toEqual([]);
    expect((await send(other)).status).toBe(200);
    expect(await send(other)).toMatchObject({ status: 403, code: 'review.replayed' });
    expect(decisions()).toHaveLength(1);
  });

  test('counts for a button of its own review only, made here, as long as it lives', async () => {
    const [one, other] = [await hold(), await hold()];
    const value = one.buttons['sallyport-approve']!;
    const [body = '', mac = ''] = value.split('.');
    const [, digest, nonce, expiresAt] = JSON.parse(Buffer.from(body, 'base64url').toString()) as string[];
    const moved = Buffer.from(JSON.stringify([other.pending.id, digest, nonce, expiresAt])).toString('base64url');
    await logIn('dana');
    const forged = { ...one, buttons: { 'sallyport-approve': `${moved}.${mac}` } };
    expect((await send(signed('approve', forged))).text).toContain('This button is too old');
    clock.advance(reviewLimits.chatLinkMs);
    await logIn('dana');
    expect((await send(signed('approve', one))).text).toContain('This button is too old');
    expect(decisions()).toEqual([]);
  });

  test('approving takes a login of the last hours that still holds', async () => {
    const waiting = await hold();
    const refused = async (): Promise<void> => {
      expect((await send(signed('approve', waiting))).text).toContain('takes a login of today');
    };
    await refused();
    const { token } = await logIn('dana');
    await identity.revokeToken(token.id);
    await refused();
    await logIn('dave');
    await refused();
    await logIn('dana');
    clock.advance(reviewLimits.chatLoginMs + 1);
    await refused();
    await logIn('dana');
    clock.advance(reviewLimits.chatLoginMs - 1_000);
    expect((await send(signed('approve', waiting))).text).toContain('It is approved now.');
  });

  test('a token that somebody else asked for is no login', async () => {
    const waiting = await hold();
    for (const by of ['root', 'dana root']) await logIn('dana', by);
    expect((await send(signed('approve', waiting))).text).toContain('Nothing was decided.');
    expect(await stateOf(waiting)).toBe('pending');
    await logIn('dana');
    expect((await send(signed('approve', waiting))).text).toContain('It is approved now.');
  });

  test('is checked against who is what now, not when the message went out', async () => {
    const waiting = await hold();
    await logIn('dana');
    objects = objects.map((one) => (one.kind === 'Group' ? object('Group', 'dba', { members: ['dave'] }) : one));
    await snapshot.reload();
    expect((await send(signed('approve', waiting))).text).toContain('There is no such review');
    objects = objects.map((one) => (one.name === 'dave' ? person('dave', { disabled: true }) : one));
    await snapshot.reload();
    expect((await send(signed('deny', waiting, { user: 'U2' }))).text).toContain('disabled or gone');
    expect(await stateOf(waiting)).toBe('pending');
  });

  test('is made on any gateway of the store: references are of the installation', async () => {
    const waiting = await hold();
    await logIn('dana');
    const before = reviewing;
    await api.close();
    round++;
    await open({ slack: { secretVariable: signingVariable, accounts } });
    expect((await send(signed('approve', waiting))).text).toContain('It is approved now.');
    await before.close();
  });

  test('is not offered and leads nowhere where no chat is configured', async () => {
    await close();
    await open(null);
    const waiting = await hold();
    expect(waiting.buttons).toEqual({});
    expect(await send(signed('deny', waiting))).toMatchObject({ status: 404, code: 'api.no-route' });
  });
});
