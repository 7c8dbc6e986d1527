/** Alerts and responses on the command line: how they are shown, what is asked, what is said. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AlertView, ResponseView } from '../api/contract/index.ts';
import { displayWidth } from './output/width.ts';
import { type FakeGateway, goodToken, Refusal, sessionId, startFakeGateway } from './testing/fake-gateway.ts';
import { type RunOptions, World } from './testing/world.ts';

const at = '2026-11-21T11:58:00.000Z';

const response = (change: Partial<ResponseView> = {}): ResponseView => ({
  id: 'res_1',
  alert: 'al_first',
  detection: 'bulk-download',
  kind: 'risk',
  severity: 'high',
  owner: { id: 'local:erin', name: 'erin' },
  session: null,
  points: 60,
  reviewers: { names: [], groups: [] },
  message: 'The detection bulk-download raised the risk by 60.',
  since: at,
  until: '2026-11-21T12:58:00.000Z',
  endedAt: null,
  endedBy: null,
  inForce: true,
  ...change,
});

const alert = (change: Partial<AlertView> = {}): AlertView => ({
  id: 'al_first',
  detection: 'bulk-download',
  origin: 'detection',
  severity: 'high',
  state: 'open',
  resolution: null,
  summary: 'erin took 9500 rows out of orders within 10m',
  principal: { id: 'local:erin', name: 'erin' },
  session: sessionId,
  command: 7,
  resource: 'orders',
  assignee: null,
  count: 2,
  firstAt: at,
  lastAt: '2026-11-21T11:59:30.000Z',
  gateway: 'gw_1',
  dryRun: false,
  suppressed: null,
  facts: { figure: 9500, window: '10m' },
  evidence: [
    {
      sequence: 41,
      type: 'command.ended',
      at,
      session: sessionId,
      command: 7,
      offsetMs: 61_000,
      principal: 'erin',
      resource: 'orders',
      text: 'SELECT * FROM orders \u001b]0;pwned\u0007',
      outcome: 'completed',
      rows: 5000,
      bytes: 400_000,
    },
    {
      sequence: 44,
      type: null,
      at: null,
      session: null,
      command: null,
      offsetMs: null,
      principal: null,
      resource: null,
      text: '',
      outcome: null,
      rows: null,
      bytes: null,
    },
  ],
  trail: [
    { at, by: { id: 'local:dana', name: 'dana' }, action: 'assign', to: 'adam', text: '' },
    { at, by: { id: 'local:adam', name: 'adam' }, action: 'comment', to: null, text: 'asked erin' },
  ],
  responses: [
    response(),
    response({ id: 'res_2', kind: 'end', points: 0, until: at, inForce: false }),
    response({
      id: 'res_3',
      kind: 'hold',
      points: 0,
      endedAt: at,
      endedBy: 'dana',
      inForce: false,
      session: sessionId,
    }),
  ],
  you: { mayHandle: true, mayResolve: true },
  ...change,
});

const others = [
  alert({
    id: 'al_second',
    severity: 'critical',
    state: 'acknowledged',
    assignee: { id: 'local:adam', name: 'adam' },
    principal: null,
    count: 12_345,
    detection: 'gateway:break-glass',
    origin: 'gateway',
    summary: 'The glass was broken \u202e',
  }),
  alert({ id: 'al_third', severity: 'medium', state: 'resolved', resolution: 'false-positive' }),
  alert({ id: 'al_fourth', severity: 'low', state: 'suppressed', dryRun: true }),
  alert({ id: 'al_fifth', severity: 'informational', state: 'suppressed', suppressed: 'a migration' }),
];

let gateway: FakeGateway;
let world: World;

beforeAll(async () => {
  gateway = await startFakeGateway({
    listAlerts: () => ({ alerts: [alert(), ...others], next: null }),
    getAlert: ({ params }) =>
      [alert(), ...others].find(({ id }) => id === params['id']) ??
      new Refusal(404, 'api.not-found', 'There is no such alert.'),
    handleAlert: ({ params }) => alert({ id: params['id']! }),
    listResponses: () => ({ responses: alert().responses, next: null }),
    endResponse: () => undefined,
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const run = (argv: readonly string[], options: RunOptions = {}) =>
  world.run(argv, { ...options, env: { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken } });
const lastAsked = (route: string) => gateway.asked.findLast((asked) => asked.route === route)!;
const golden = (name: string): string => join(import.meta.dirname, 'testing', 'goldens', name);
// biome-ignore lint/complexity/useRegexLiterals: the escape character is easier to see spelled out
const colours = new RegExp('\\u001b\\[[0-9;]*m', 'g');
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('alerts', () => {
  it.each([
    ['alerts-ls', ['alerts', 'ls', '--all']],
    ['alerts-show', ['alerts', 'show', 'al_first']],
    ['responses-ls', ['responses', 'ls', '--all']],
  ])('%s, plain and coloured (A-REC-02)', async (name, argv) => {
    const plain = await run(argv);
    expect({ code: plain.code, stderr: plain.stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain.stdout).not.toMatch(controls);
    await expect(plain.stdout).toMatchFileSnapshot(golden(`${name}.txt`));
    const coloured = await run(argv, { terminal: 260 });
    expect(coloured.stdout.replace(colours, '')).toBe(plain.stdout);
    await expect(coloured.stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot(golden(`${name}.colour.txt`));
  });

  it.each([[['alerts', 'ls', '--all']], [['responses', 'ls']]])('%j fits 80 columns', async (argv) => {
    const { stdout } = await run(argv, { terminal: 80 });
    for (const line of stdout.replace(colours, '').split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  });

  it('ask for what nobody resolved, unless told otherwise', async () => {
    await run(['alerts', 'ls', '--severity', 'high', '--principal', 'erin', '--since', '2h']);
    const { query } = lastAsked('listAlerts');
    expect(Object.fromEntries(query)).toMatchObject({
      state: 'active',
      severity: 'high',
      principal: 'erin',
      since: '2026-11-21T10:00:00.000Z',
    });
    await run(['alerts', 'ls', '--all']);
    expect(lastAsked('listAlerts').query.has('state')).toBe(false);
    expect((await run(['alerts', 'ls', '--all', '--state', 'open'])).code).toBe(2);
    expect((await run(['alerts', 'ls', '--severity', 'awful'])).code).toBe(2);
  });

  it('are handled by their id, or the beginning or end of it', async () => {
    for (const [argv, body] of [
      [['alerts', 'ack', 'al_fi'], null],
      [['alerts', 'ack', 'al_first'], { action: 'acknowledge' }],
      [['alerts', 'assign', 'first', '--to', 'adam'], { action: 'assign', to: 'adam' }],
      [['alerts', 'comment', 'first', '--text', 'hm'], { action: 'comment', text: 'hm' }],
      [['alerts', 'resolve', 'first'], { action: 'resolve' }],
      [['alerts', 'false-positive', 'first', '--text', 'ok'], { action: 'false-positive', text: 'ok' }],
      [['alerts', 'reopen', 'third'], { action: 'reopen' }],
    ] as const) {
      const ran = await run(argv);
      if (body === null) {
        // It fits two of them.
        expect(ran.code).toBe(2);
        continue;
      }
      expect(ran.code).toBe(0);
      expect(ran.stderr).toContain('✔');
      expect(lastAsked('handleAlert').body).toEqual(body);
    }
    expect((await run(['alerts', 'comment', 'first'])).code).toBe(2);
    expect((await run(['alerts', 'ack', 'last'])).stderr).toContain('may be another one by now');
    expect((await run(['alerts', 'show', 'nothing'])).stderr).toContain('There is no alert nothing.');
    expect((await run(['alerts', 'show', 'last'])).stdout).toContain('al_first');
  });

  it('are shown as they come, and those of before are not', async () => {
    const table = gateway.answers;
    const before = table.listAlerts!;
    let asked = 0;
    table.listAlerts = () => ({ alerts: asked++ === 0 ? others : [alert(), ...others], next: null });
    const ran = await run(['alerts', 'ls', '--watch', '--once', '-o', 'json'], {
      clock: {
        now: () => Date.parse('2026-11-21T12:00:00Z'),
        monotonic: () => 0,
        after: (_, then) => soon(then),
        every: () => ({ cancel: () => undefined }),
      },
    });
    table.listAlerts = before;
    expect(JSON.parse(ran.stdout)).toMatchObject({ id: 'al_first' });
    expect(ran.stdout.trim().split('\n')).toHaveLength(1);
  });

  it('give scripts everything', async () => {
    expect(JSON.parse((await run(['alerts', 'ls', '-o', 'json'])).stdout)).toHaveLength(5);
    expect(JSON.parse((await run(['alerts', 'show', 'al_first', '-o', 'json'])).stdout)).toMatchObject({
      evidence: [{ sequence: 41 }, { sequence: 44 }],
    });
  });

  it('responses are ended one by one', async () => {
    const ran = await run(['responses', 'end', 'res_1', 'res_3']);
    expect(ran.stderr).toContain('Ended res_1');
    expect(lastAsked('endResponse').params).toEqual({ id: 'res_3' });
  });
});

function soon(then: () => void): { cancel(): void } {
  const timer = setImmediate(then);
  return { cancel: () => clearImmediate(timer) };
}
