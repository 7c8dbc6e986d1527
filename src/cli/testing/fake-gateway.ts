/**
 * A fake gateway for tests of the command line: a real HTTP server that speaks the contract's routes, with answers from
 * a table. It is no part of the product: it has no identity, no policy and no store, and believes one token.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type RecordedEntryView, type RouteName, routes, type SessionView } from '../../api/contract/index.ts';
import { detectionListing, detectionReplay } from './fake-detections.ts';
import { accessReview, explained, explainedOtherwise, grant, replayed, review } from './fake-reviews.ts';

export const goodToken = 'tok-good-secret';

export interface Asked {
  readonly route: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly token: string | null;
}

/** A status with a problem, or a plain value. */
export class Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly problems: readonly unknown[] | undefined;

  constructor(status: number, code: string, detail: string, problems?: readonly unknown[]) {
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.problems = problems;
  }
}

export type Answers = Partial<Record<RouteName, (asked: Asked) => unknown>>;

export interface FakeGateway extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Replaces answers for one test. */
  readonly answers: Answers;
}

export async function startFakeGateway(
  answers: Answers = {},
  tls?: { cert: string; key: string },
): Promise<FakeGateway> {
  const asked: Asked[] = [];
  const table: Answers = { ...defaultAnswers, ...answers };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response, table, asked).catch((error: unknown) => response.destroy(error as Error));
  };
  const server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    asked,
    answers: table,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  table: Answers,
  asked: Asked[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const found = match(request.method ?? '', url.pathname);
  const parts: Buffer[] = [];
  for await (const chunk of request) parts.push(chunk as Buffer);
  const text = Buffer.concat(parts).toString('utf8');
  if (found === null) return refuse(response, new Refusal(404, 'api.no-route', 'Nothing here.'));
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
  const ask: Asked = { ...found, query: url.searchParams, body: text === '' ? undefined : JSON.parse(text), token };
  asked.push(ask);
  const definition = routes[found.route];
  if (definition.permission !== 'public' && token !== goodToken) {
    return refuse(response, new Refusal(401, 'api.not-authenticated', 'A valid access token is needed.'));
  }
  const answer = table[found.route]?.(ask);
  if (answer instanceof Refusal) return refuse(response, answer);
  if (definition.response.kind === 'none') return void response.writeHead(204).end();
  if (definition.response.kind === 'text')
    return void response.writeHead(200, { 'content-type': 'text/plain' }).end(String(answer));
  if (definition.response.kind === 'ndjson') {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for await (const entry of answer as AsyncIterable<unknown>) response.write(`${JSON.stringify(entry)}\n`);
    return void response.end();
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

function match(method: string, path: string): { route: RouteName; params: Record<string, string> } | null {
  for (const [name, route] of Object.entries(routes)) {
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const found = pattern.exec(path);
    if (route.method !== method || found === null) continue;
    const params = Object.fromEntries(
      Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
    );
    return { route: name as RouteName, params };
  }
  return null;
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  const { status, code, detail, problems } = refusal;
  const problem = {
    type: `urn:sallyport:error:${code}`,
    title: 'Refused',
    status,
    code,
    detail,
    requestId: 'req_1',
    problems,
  };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
}

export const sessionId = 'ses_01k9abcdefghjkmnpqrstvwxyz';

export function session(change: Partial<SessionView> = {}): SessionView {
  return {
    id: sessionId,
    principal: { id: 'prn_1', name: 'engineer', kind: 'person' },
    resource: 'orders',
    protocol: 'postgres',
    source: '10.0.0.4',
    access: 'engineers',
    recording: 'strict',
    client: { application_name: 'psql' },
    live: false,
    startedAt: '2026-11-21T11:50:00.000Z',
    endedAt: '2026-11-21T11:53:05.000Z',
    endReason: 'client-closed',
    endedBy: null,
    commands: 3,
    bytesIn: 512,
    bytesOut: 20_480,
    ...change,
  };
}

/** A short session: a query with a result, one that is refused, a prepared statement, an error. */
export const entries: readonly RecordedEntryView[] = [
  command(1, 'query', 'select id, name, balance\nfrom customers order by id', '00.120'),
  {
    type: 'columns',
    at: at('00.125'),
    command: 1,
    columns: ['id', 'name', 'balance'].map((name) => ({ name, type: 'text' })),
  },
  {
    type: 'rows',
    at: at('00.125'),
    command: 1,
    rows: [
      ['1', 'Ada Lovelace', '12.50'],
      ['2', '山田太郎', null],
      ['30', 'x', '-7'],
    ],
  },
  { type: 'omitted', at: at('00.130'), command: 1, rows: 9_997, bytes: 1_048_576, digest: 'ab12' },
  done(1, 'completed', 'SELECT 10000', '00.140', 3.1),
  command(2, 'query', 'drop table customers', '04.000'),
  message(2, 'gateway', 'no-destructive', 'Destructive statements on production need a DBA.', '04.001'),
  done(2, 'refused', null, '04.002', 0.4),
  {
    ...command(3, 'execute', 'select $1::int', '09.000'),
    of: 2,
    parameters: [
      { type: 'int4', value: '42', bytes: 4 },
      { type: null, value: null, bytes: 0 },
    ],
  },
  message(3, 'error', '22P02', 'invalid input syntax', '09.001', { hint: 'Try a number.' }),
  done(3, 'failed', null, '09.002', 1234),
];

type Entry<T extends RecordedEntryView['type']> = Extract<RecordedEntryView, { type: T }>;

export function at(seconds: string): string {
  return `2026-11-21T11:50:${seconds}Z`;
}

export function command(ordinal: number, verb: string, text: string, when: string): Entry<'command'> {
  return { type: 'command', at: at(when), command: ordinal, kind: 'sql', verb, text, parameters: null, of: null };
}

export function done(
  ordinal: number,
  outcome: string,
  tag: string | null,
  when: string,
  durationMs: number,
): Entry<'completed'> {
  return { type: 'completed', at: at(when), command: ordinal, outcome, tag, rows: 0, bytes: 0, durationMs };
}

export function message(
  ordinal: number | null,
  level: Entry<'message'>['level'],
  code: string | null,
  text: string,
  when: string,
  fields: Record<string, string> = {},
): Entry<'message'> {
  return { type: 'message', at: at(when), command: ordinal, level, code, text, fields };
}

export async function* streamed<T>(values: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

const engineer = {
  id: 'prn_1',
  issuer: 'local',
  subject: 'engineer',
  name: 'engineer',
  kind: 'person',
  groups: ['engineering'],
  roles: ['member'],
} as const;

const token = {
  id: 'tok_1',
  owner: 'engineer',
  description: 'laptop',
  createdAt: '2026-11-21T11:00:00Z',
  expiresAt: '2026-11-21T20:00:00Z',
  lastUsedAt: null,
};

/** The same as it is listed. */
const listedToken = {
  ...token,
  use: 'access',
  method: 'password',
  provider: null,
  factors: ['pwd', 'otp'],
  provenAt: '2026-11-21T11:00:00Z',
  resources: null,
  agents: [],
};

const manifests = [
  {
    kind: 'Resource',
    metadata: { name: 'orders', labels: { env: 'prod' } },
    spec: { protocol: 'postgres', address: 'db.internal:5432', recording: 'strict' },
  },
  {
    kind: 'Access',
    metadata: { name: 'engineers' },
    spec: { match: { principals: { groups: ['engineering'] }, resources: { labels: { env: 'prod' } } } },
  },
  {
    kind: 'Access',
    metadata: { name: 'orders-on-request' },
    spec: {
      match: { principals: { groups: ['engineering'] }, resources: { names: ['orders'] } },
      request: { reviewers: { groups: ['dba'] }, approvals: 1, maxDuration: '8h', reasonRequired: true },
    },
  },
  {
    kind: 'Guardrail',
    metadata: { name: 'no-destructive-sql' },
    spec: {
      match: {
        resources: { labels: { env: 'prod' } },
        principals: { groups: ['engineering'], except: { groups: ['dba'] } },
        commands: { sql: { effects: ['drop', 'truncate'] } },
        when: 'now.hour < 7',
      },
      verdict: 'hold',
      review: { reviewers: { groups: ['dba'] } },
    },
  },
  {
    kind: 'Guardrail',
    metadata: { name: 'bulk' },
    spec: { match: {}, verdict: 'alert', limits: { day: { rows: 100_000 } } },
  },
  {
    kind: 'Mask',
    metadata: { name: 'customer-pii' },
    spec: { match: {}, columns: ['*.*.ssn'], detect: ['email'], with: { partial: { last: 4 } } },
  },
];

const defaultAnswers: Answers = {
  login: ({ body }) => {
    const { principal, password } = body as { principal: string; password: string };
    if (password !== 'correct horse battery') return new Refusal(401, 'api.login-failed', 'Signing on failed.');
    return { ...token, owner: principal, token: goodToken, principal: { ...engineer, name: principal } };
  },
  whoami: () => ({
    ...engineer,
    permissions: { 'sessions.read': 'own' },
    token: listedToken,
  }),
  listTokens: () => ({ tokens: [listedToken] }),
  createToken: () => ({ ...token, token: 'tok-new-secret' }),
  listObjects: ({ params }) => ({ objects: manifests.filter((object) => object.kind === params['kind']) }),
  getObject: ({ params }) =>
    manifests.find((object) => object.metadata.name === params['name']) ??
    new Refusal(404, 'api.not-found', 'There is no such object.'),
  listSecrets: () => ({ secrets: [{ name: 'orders-password', updatedAt: '2026-11-20T12:00:00Z' }] }),
  rotateSecrets: () => ({ key: 'key_2', resealed: 4 }),
  listSessions: () => ({
    sessions: [
      session({
        id: 'ses_01k9zzzzzzzzzzzzzzzzzzzzzz',
        live: true,
        endedAt: null,
        endReason: null,
        startedAt: '2026-11-21T11:59:30.000Z',
      }),
      session(),
      session({
        id: 'ses_01k8killed0000000000000000',
        endReason: 'killed',
        endedBy: 'admin',
        startedAt: '2026-11-19T11:00:00Z',
        endedAt: '2026-11-19T13:10:00Z',
        commands: 12_345,
      }),
    ],
    next: null,
  }),
  getSession: ({ params }) =>
    params['id'] === sessionId
      ? session()
      : params['id']!.startsWith('ses_01k9z')
        ? session({ id: params['id']!, live: true, endedAt: null, endReason: null })
        : new Refusal(404, 'api.not-found', 'There is no such session.'),
  readRecording: () => streamed(entries),
  tailSession: () => streamed(entries),
  sessionEvents: () => streamed([]),
  explainCommand: ({ body }) => {
    const { resource } = body as { resource: string };
    return { ...explained, ...explainedOtherwise[resource], ...(body as object) };
  },
  listReviews: ({ query }) => ({
    reviews: [review(), accessReview].filter(
      ({ state, you }) =>
        (query.get('state') ?? state) === state &&
        (query.get('mine') ?? String(you.requester)) === String(you.requester),
    ),
    next: null,
  }),
  getReview: ({ params }) =>
    [review(), accessReview].find(({ id }) => id === params['id']) ??
    new Refusal(404, 'review.not-found', 'There is no such review, or it is not yours to see.'),
  decideReview: ({ body }) => {
    const { decision } = body as { decision: 'approve' | 'deny' };
    return review({ state: decision === 'approve' ? 'approved' : 'denied', approvals: { needed: 1, given: 1 } });
  },
  withdrawReview: () => review({ state: 'withdrawn' }),
  breakGlass: () => review({ state: 'executed' }),
  requestAccess: () => ({
    ...accessReview,
    state: 'pending',
    access: { durationSeconds: 7200, grant: null, extends: null },
  }),
  listGrants: () => ({ grants: [grant], next: null }),
  testPolicy: () => ({ problems: [], results: [] }),
  replayPolicy: () => streamed(replayed),
  listDetections: () => detectionListing,
  testDetections: () => ({ problems: [], results: [] }),
  replayDetections: () => streamed(detectionReplay),
  exportSession: ({ query }) => `exported as ${query.get('format')}\n`,
  listResources: () => ({
    resources: [
      {
        name: 'orders',
        protocol: 'postgres',
        title: 'PostgreSQL',
        labels: { env: 'prod' },
        listener: { host: '0.0.0.0', port: 6432, tls: true },
        origins: [],
        settings: { database: 'shop' },
      },
    ],
  }),
  explainAccess: ({ query }) => ({
    next: [],
    principal: query.get('principal'),
    resource: query.get('resource'),
    granted: query.get('resource') === 'orders',
    stepUp: false,
    rule: query.get('resource') === 'orders' ? 'engineers' : 'none',
    trace: [
      { access: 'engineers', matched: query.get('resource') === 'orders', why: 'group engineering, label env=prod' },
    ],
  }),
  checkpoint: () => 'sallyport checkpoint\n42\nabc=\n',
  status: () => ({
    version: '1.2.3',
    startedAt: '2026-11-21T11:00:00Z',
    uptimeSeconds: 3600,
    draining: false,
    space: { level: 'ample', freeBytes: 5 * 1024 ** 3, totalBytes: 20 * 1024 ** 3 },
    journal: { durableSequence: 12_345, working: true },
    recording: { working: true },
    diskSync: { p50Ms: 0.4, p99Ms: 2.5 },
    listeners: [{ protocol: 'postgres', host: '0.0.0.0', port: 6432, tls: true }],
    sessions: { live: 2 },
  }),
};
