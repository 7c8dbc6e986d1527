/** What the fake gateway answers about reviews, grants and rules. */
import type {
  CommandExplanation,
  GrantView,
  ReplayEntry,
  ReviewView,
  SessionEventView,
} from '../../api/contract/index.ts';

export const reviewId = 'rev_01k9abcdefghjkmnpqrstvwxyz';

export function review(change: Partial<ReviewView> = {}): ReviewView {
  return {
    id: reviewId,
    kind: 'command',
    state: 'pending',
    requester: { id: 'local:engineer', name: 'engineer', kind: 'person' },
    resource: 'orders',
    rule: 'no-destructive-sql',
    summary: 'delete from customers where true',
    reason: null,
    approvals: { needed: 1, given: 0 },
    createdAt: '2026-11-21T11:58:00.000Z',
    expiresAt: '2026-11-21T12:28:00.000Z',
    endedAt: null,
    requesterGroups: ['engineering'],
    source: '10.0.0.4',
    client: { application_name: 'psql' },
    reviewers: { names: [], groups: ['dba'] },
    escalation: { at: '2026-11-21T12:08:00.000Z', reviewers: { names: ['carol'], groups: [] } },
    breakGlassGroups: [],
    message: 'Destructive statements on production need a DBA.',
    digest: 'ab'.repeat(32),
    command: {
      session: 'ses_01k9abcdefghjkmnpqrstvwxyz',
      ordinal: 3,
      kind: 'sql',
      verb: 'execute',
      lines: [
        { number: 1, continued: false, spans: [{ kind: 'text', text: 'delete from customers' }] },
        {
          number: 2,
          continued: false,
          spans: [
            { kind: 'text', text: 'where id > $1 ' },
            { kind: 'escape', text: '⟦U+202E⟧' },
            { kind: 'text', text: "or name = '" },
            { kind: 'rtl', text: 'שם' },
            { kind: 'text', text: "'" },
            { kind: 'padding', text: '⟦400 spaces⟧' },
          ],
        },
        { number: 2, continued: true, spans: [{ kind: 'text', text: 'or true' }] },
      ],
      notes: ['1 characters that would not be seen are spelled as ⟦…⟧.'],
      length: 480,
      parameters: [
        { number: 1, type: 'int4', value: '42', bytes: 4 },
        { number: 2, type: null, value: null, bytes: 0 },
      ],
      context: { database: 'shop', search_path: 'public' },
      redacted: false,
      effects: ['delete-all'],
      functions: [],
      conditions: ['delete of customers: condition may-be-always-true'],
      relations: [{ name: 'public.customers', access: 'write' }],
      complete: false,
      unknown: ['triggers: public.customers'],
      estimatedRows: 12_000,
      estimate: 'about 12,000 rows of public.customers (planner)',
      inTransaction: true,
    },
    access: null,
    decisions: [],
    outcome: null,
    brokeGlass: null,
    follows: null,
    history: [
      { at: '2026-11-21T11:57:00.000Z', resource: 'orders', about: 'select * from customers', outcome: 'completed' },
    ],
    you: { requester: false, mayDecide: true, mayBreakGlass: false },
    ...change,
  };
}

export const accessReview = review({
  id: 'rev_01k9access0000000000000000',
  kind: 'access',
  state: 'executed',
  summary: null,
  reason: 'incident 7',
  rule: 'orders-on-request',
  message: '',
  source: null,
  client: {},
  escalation: null,
  command: null,
  access: { durationSeconds: 7200, grant: 'grt_1', extends: null },
  approvals: { needed: 1, given: 1 },
  endedAt: '2026-11-21T11:59:00.000Z',
  decisions: [
    {
      by: { id: 'local:dba', name: 'dba' },
      decision: 'approve',
      reason: 'go on',
      how: 'slack',
      at: '2026-11-21T11:59:00.000Z',
    },
  ],
  history: [],
  you: { requester: true, mayDecide: false, mayBreakGlass: false },
});

export const grant: GrantView = {
  id: 'grt_1',
  owner: { id: 'local:engineer', name: 'engineer' },
  resource: 'orders',
  access: 'orders-on-request',
  review: accessReview.id,
  grantedAt: '2026-11-21T11:59:00.000Z',
  expiresAt: '2026-11-21T13:59:00.000Z',
};

export const explained: CommandExplanation = {
  principal: 'engineer',
  resource: 'orders',
  granted: true,
  stepUp: false,
  rule: 'engineers',
  access: [{ access: 'engineers', matched: true, why: 'group engineering' }],
  verdict: { name: 'mask', rule: 'customer-pii', reason: '' },
  meaning: {
    language: 'sql',
    statements: [
      { kind: 'select', effects: ['read'], relations: [{ name: 'public.customers', access: 'read' }], functions: [] },
    ],
    complete: true,
    unknown: [],
    catalog: true,
  },
  guardrails: [
    {
      name: 'no-destructive-sql',
      matched: false,
      verdict: 'hold',
      conditions: [
        { condition: 'resources.labels', holds: true, because: 'env is prod' },
        { condition: 'commands.sql.effects', holds: false, because: 'read is none of drop, delete-all' },
      ],
    },
  ],
  masks: [{ name: 'customer-pii', applies: true, conditions: [] }],
  columns: [
    {
      statement: 1,
      name: 'email',
      origins: ['public.customers.email'],
      unresolved: null,
      mask: 'customer-pii',
      how: 'partial',
    },
    { statement: 1, name: 'n', origins: [], unresolved: null, mask: null, how: null },
  ],
  hold: null,
  limits: [{ rule: 'bulk', verdict: 'alert', reason: 'More than 1000 rows were returned.' }],
  alerts: [],
};

const plain: CommandExplanation = {
  ...explained,
  verdict: { name: 'allow', rule: 'none', reason: '' },
  guardrails: [],
  masks: [],
  columns: [],
  limits: [],
};

/** By resource, where it is not SQL. */
export const explainedOtherwise: Readonly<Record<string, CommandExplanation>> = {
  'shop-api': {
    ...plain,
    resource: 'shop-api',
    meaning: {
      language: 'http',
      method: 'POST',
      path: '/graphql',
      route: '/{anything}',
      query: ['trace', 'ta\u202eg'],
      contentType: 'application/json',
      body: 'json',
      rpc: [],
      graphql: [
        { operation: 'mutation', name: 'Remove', fields: ['deleteCustomer', 'deleteCustomer.id'] },
        { operation: 'query', name: null, fields: ['me'] },
      ],
      grpc: null,
      upgrade: null,
      complete: false,
      unknown: ['its operations of GraphQL'],
    },
  },
  cluster: {
    ...plain,
    resource: 'cluster',
    meaning: {
      language: 'kubernetes',
      verb: 'connect',
      path: '/api/v1/namespaces/shop/pods/web-0/exec',
      resource: 'pods',
      subresource: 'exec',
      namespace: 'shop',
      name: 'web-0',
      dryRun: false,
      shell: {
        language: 'shell',
        commands: [{ command: 'cat /etc/passwd', via: [], effects: ['read'], asUser: null, host: null }],
        complete: true,
        unknown: [],
      },
      complete: true,
      unknown: [],
    },
  },
  'web-1': {
    ...plain,
    resource: 'web-1',
    meaning: {
      language: 'shell',
      commands: [
        { command: 'sudo systemctl restart nginx', via: [], effects: ['execute'], asUser: null, host: null },
        { command: 'systemctl restart nginx', via: ['sudo'], effects: ['service'], asUser: 'root', host: null },
        { command: 'rm …', via: ['ssh'], effects: ['delete'], asUser: null, host: 'web-2' },
      ],
      complete: false,
      unknown: ['dynamic-argument: $x'],
    },
  },
};

export const replayed: readonly ReplayEntry[] = [
  {
    type: 'difference',
    at: '2026-11-20T10:00:00.000Z',
    session: 'ses_01k9abcdefghjkmnpqrstvwxyz',
    command: 3,
    principal: 'engineer',
    resource: 'orders',
    text: 'drop table customers',
    before: { name: 'allow', rule: 'none' },
    after: { name: 'block', rule: 'no-drop', reason: 'No.' },
  },
  {
    type: 'difference',
    at: '2026-11-20T10:00:05.000Z',
    session: 'ses_01k9abcdefghjkmnpqrstvwxyz',
    command: 4,
    principal: 'engineer',
    resource: 'orders',
    text: 'truncate customers',
    before: { name: 'hold', rule: 'no-destructive-sql' },
    after: { name: 'allow', rule: 'none', reason: '' },
  },
  {
    type: 'summary',
    since: '2026-10-22T12:00:00.000Z',
    until: '2026-11-21T12:00:00.000Z',
    commands: 12_345,
    different: 2,
    skipped: { 'their text was cut': 3 },
    truncated: false,
  },
];

/** What the rules did in the session that `entries` record. */
export const sessionEvents: readonly SessionEventView[] = [
  { type: 'confirmed', at: at('00.100'), command: null, by: 'mallory', proof: 'password' },
  { type: 'verdict', at: at('00.120'), command: 1, verdict: { name: 'mask', rule: 'customer-pii', reason: 'Masked.' } },
  { type: 'alert', at: at('00.130'), command: 1, rule: 'bulk', reason: 'More than 1000 rows were returned.' },
  { type: 'masked', at: at('00.140'), command: 1, masked: { 'customer-pii': 2, 'by-content': 1 } },
  {
    type: 'verdict',
    at: at('04.000'),
    command: 2,
    verdict: { name: 'hold', rule: 'no-destructive', reason: 'Needs a DBA.' },
  },
  {
    type: 'review.requested',
    at: at('04.000'),
    command: 2,
    review: reviewId,
    kind: 'command',
    rule: 'no-destructive',
    approvals: 1,
    expiresAt: at('34.000'),
    digest: 'ab'.repeat(32),
  },
  {
    type: 'review.decided',
    at: at('04.001'),
    command: 2,
    review: reviewId,
    decision: 'deny',
    by: 'dba',
    reason: 'not today\u001b[2J',
    state: 'denied',
    how: 'api',
  },
  {
    type: 'verdict',
    at: at('04.002'),
    command: 2,
    verdict: { name: 'block', rule: 'no-destructive', reason: 'Denied.' },
  },
  { type: 'limited', at: at('09.002'), command: 3, rule: 'bulk', verdict: 'block' },
  { type: 'review.ended', at: at('10.000'), command: null, review: 'rev_2', outcome: 'withdrawn', reason: null },
];

function at(seconds: string): string {
  return `2026-11-21T11:50:${seconds}Z`;
}
