/** Guardrail, Mask and Access on request, as people write them. */
import { describe, expect, test } from 'vitest';
import type { GuardrailSpec, MaskSpec } from '../../core/rules.ts';
import {
  checkManifest,
  contractLimits,
  durationMs,
  formatPath,
  formatProblem,
  manifestSchemas,
  parsePath,
  readManifests,
  spellDuration,
} from './index.ts';

const schemas = manifestSchemas(null);
const problemsOf = (text: string): string[] => readManifests(text, 'f.yaml', schemas).problems.map(formatProblem);

const guardrail = (spec: unknown): unknown => ({ kind: 'Guardrail', metadata: { name: 'g' }, spec });
const mask = (spec: unknown): unknown => ({ kind: 'Mask', metadata: { name: 'm' }, spec });
const reasons = (value: unknown): string[] =>
  checkManifest(value, schemas).problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);

/** The manifests of the design, which every field of the vocabulary stands in. */
const full = `kind: Guardrail
metadata: { name: no-destructive-sql-in-prod }
spec:
  match:
    resources: { labels: { env: prod }, protocols: [postgres] }
    principals: { groups: [engineering], kinds: [person, agent], except: { groups: [dba] } }
    commands:
      sql:
        effects: [drop, truncate, delete-all, update-all]
        statements: [delete, do]
        relations: [payments, "billing.*"]
        access: write
        functions: [pg_read_file]
        incomplete: true
        rowsMin: 1000
      verbs: [query, execute]
      text: [DROP]
      pattern: "(?i)drop\\\\s+table"
    when: "now.hour < 7 || command.relations.exists(r, r.name == 'payments')"
  verdict: hold
  review:
    reviewers: { groups: [dba], names: [carol] }
    approvals: 2
    within: 30m
    inTransaction: 90s
    escalate: { after: 10m, reviewers: { groups: [security] } }
    breakGlass: { groups: [on-call] }
  message: Destructive statements on production need a DBA.
  examples:
    - { command: drop table payments, expect: hold, groups: [engineering], resource: orders }
    - { command: select 1, expect: allow }
---
kind: Guardrail
metadata: { name: requests }
spec:
  match:
    resources: { protocols: [http] }
    commands:
      http:
        methods: [DELETE, PATCH]
        paths: ["/v1/customers/*", "/admin/**", "**"]
        routes: ["/v1/customers/{id}"]
        query: [force, "mode=*hard*"]
        headers: [x-debug, "accept=*xml*"]
        contentTypes: ["application/*json"]
        body: [/customer/ssn, "/items/*/price=0", "/a~1b", /]
        graphql: { operations: [mutation], fields: [deleteCustomer, "customer.*"] }
        rpc: ["admin_*"]
        grpc: ["orders.Orders/*"]
        upgrades: [websocket]
        uncertain: ignore
  verdict: block
  examples:
    - { command: DELETE /v1/customers/7, expect: block }
---
kind: Guardrail
metadata: { name: bulk }
spec:
  match: {}
  verdict: alert
  limits:
    statement: { rows: 10000, bytes: 10MiB, duration: 30m }
    session: { bytes: 1GB }
    day: { rows: 100000 }
---
kind: Mask
metadata: { name: customer-pii }
spec:
  match: { resources: { labels: { env: prod } }, principals: { except: { groups: [privacy-office] } } }
  columns: [public.customers.ssn, "*.*.card_number"]
  fields: [/customers/*/ssn, "/**/password", /a~0b]
  headers: [x-customer, "x-internal-*"]
  detect: [credit_card, email, us_ssn]
  patterns: [{ name: ticket, pattern: "T-[0-9]{6}" }]
  dictionaries: [{ name: codewords, words: [heron, plover] }]
  with: { partial: { last: 4 } }
  predicates: block
  unresolved: mask
---
kind: Access
metadata: { name: orders-on-request }
spec:
  match: { principals: { groups: [engineering] }, resources: { names: [orders] } }
  request: { reviewers: { groups: [dba] }, maxDuration: 8h }
`;

describe('what is taken', () => {
  test('every field, sizes as numbers, defaults of a request filled in; giving back changes nothing', () => {
    const { manifests, problems } = readManifests(full, 'f.yaml', schemas);
    expect(problems).toEqual([]);
    const [hold, , bulk, pii, access] = manifests.map(({ manifest }) => manifest);
    expect((bulk!.spec as unknown as GuardrailSpec).limits).toEqual({
      statement: { rows: 10_000, bytes: 10_485_760, duration: '30m' },
      session: { bytes: 1_000_000_000 },
      day: { rows: 100_000 },
    });
    expect((pii!.spec as unknown as MaskSpec).with).toEqual({ partial: { last: 4 } });
    expect(access!.spec).toMatchObject({
      request: { reviewers: { groups: ['dba'] }, maxDuration: '8h', approvals: 1, reasonRequired: true },
    });
    expect((hold!.spec as unknown as GuardrailSpec).match.commands?.sql?.rowsMin).toBe(1000);
    for (const { manifest } of manifests) expect(checkManifest(manifest, schemas).manifest).toEqual(manifest);
  });

  test('no selector at all selects everything, since rules only restrict', () => {
    expect(reasons(guardrail({ match: {}, verdict: 'block' }))).toEqual([]);
    expect(reasons(mask({ match: {}, detect: ['email'] }))).toEqual([]);
  });
});

describe('A-POL-01: what is not understood is refused, never ignored', () => {
  test('with file, line, column and field', () => {
    const text = `kind: Guardrail
metadata: { name: g }
spec:
  match:
    commands: { sql: { effects: [drop, trunkate], rowsmin: 5 } }
  verdict: hold
  mesage: x
---
kind: Mask
metadata: { name: m }
spec:
  match: {}
  columns: [ssn]
  with: blur
`;
    expect(problemsOf(text)).toEqual([
      'f.yaml:5:40: spec.match.commands.sql.effects[1]: must be one of: ' +
        'read, insert, update, update-all, delete, delete-all, truncate, create, alter, drop, grant, copy-in, copy-out, ' +
        'program-execution, file-access, foreign-access, large-object, sequence-change, session-change, role-change, ' +
        'transaction, procedural, notify, lock, maintenance, server-control, replication, unknown',
      'f.yaml:5:51: spec.match.commands.sql.rowsmin: unknown field; did you mean rowsMin?',
      'f.yaml:7:3: spec.mesage: unknown field; did you mean message?',
      'f.yaml:13:13: spec.columns[0]: must be schema.relation.column, where * stands for any characters',
      'f.yaml:14:9: spec.with: must be one of: redact, null, format-preserving, hash, or partial with first or last characters kept',
    ]);
  });

  test.each<[unknown, string]>([
    [{ match: {}, verdict: 'hold' }, 'spec.review: is required with verdict hold'],
    [
      { match: {}, verdict: 'block', review: { reviewers: { groups: ['dba'] } } },
      'spec.review: belongs to verdict hold',
    ],
    [{ match: {}, verdict: 'block', with: 'hash' }, 'spec.with: belongs to verdict mask'],
    [
      { match: {}, verdict: 'mask', limits: { day: { rows: 1 } } },
      'spec.limits: belong to verdict block, terminate or alert',
    ],
    [{ match: {}, verdict: 'block', limits: {} }, 'spec.limits: must bound a statement, a session or a day'],
    [
      { match: {}, verdict: 'block', limits: { statement: {} } },
      'spec.limits.statement: must bound rows, bytes, duration or bytesPerSecond',
    ],
    [
      { match: {}, verdict: 'block', limits: { day: { bytes: '10 MB' } } },
      'spec.limits.day.bytes: must be a number of bytes, or a size such as 512KiB or 10MiB',
    ],
    [
      { match: { principals: {} }, verdict: 'block' },
      'spec.match.principals: must not be empty; leave it out to select everyone',
    ],
    [
      { match: { principals: { groups: [] } }, verdict: 'block' },
      'spec.match.principals.groups: must not be empty; leave it out to select everyone',
    ],
    [
      { match: { commands: {} }, verdict: 'block' },
      'spec.match.commands: must not be empty; leave it out to select every command',
    ],
    [{ match: { commands: { sql: {} } }, verdict: 'block' }, 'spec.match.commands.sql: must not be empty'],
    [{ match: { commands: { http: {} } }, verdict: 'block' }, 'spec.match.commands.http: must not be empty'],
    [
      { match: { commands: { http: { paths: ['/v1/{id}'] } } }, verdict: 'block' },
      'spec.match.commands.http.paths[0]: must be a path from / on, with * and ** only',
    ],
    [
      { match: { commands: { http: { routes: ['v1'] } } }, verdict: 'block' },
      'spec.match.commands.http.routes[0]: must be a route such as /v1/customers/{id}',
    ],
    [
      { match: { commands: { http: { body: ['name'] } } }, verdict: 'block' },
      'spec.match.commands.http.body[0]: must be a JSON pointer such as /customer/name, or /customer/name=value',
    ],
    [
      { match: { commands: { http: { methods: ['GET /'] } } }, verdict: 'block' },
      'spec.match.commands.http.methods[0]: must be a method such as DELETE',
    ],
    [
      { match: { commands: { http: { graphql: {} } } }, verdict: 'block' },
      'spec.match.commands.http.graphql: must not be empty',
    ],
    [
      { match: {}, verdict: 'hold', review: { reviewers: {} } },
      'spec.review.reviewers: must name somebody by names or groups',
    ],
    [
      { match: {}, verdict: 'hold', review: { reviewers: { names: ['a'] }, within: '10m', inTransaction: '11m' } },
      'spec.review.inTransaction: must not be more than within',
    ],
    [
      {
        match: {},
        verdict: 'hold',
        review: { reviewers: { names: ['a'] }, escalate: { after: '30m', reviewers: { names: ['b'] } } },
      },
      'spec.review.escalate.after: must be less than within',
    ],
    [
      { match: {}, verdict: 'hold', review: { reviewers: { names: ['a'] }, within: '10' } },
      'spec.review.within: must be a length of time such as 90s, 30m, 8h or 7d',
    ],
    [{ match: {}, verdict: 'deny' }, 'spec.verdict: must be one of: allow, mask, hold, block, terminate, alert'],
    [{ verdict: 'block' }, 'spec.match: is required'],
  ])('Guardrail %j', (spec, expected) => {
    expect(reasons(guardrail(spec))).toEqual([expected]);
  });

  test.each<[unknown, string]>([
    [{ match: {}, fields: ['ssn'] }, 'spec.fields[0]: must be a JSON pointer such as /customers/*/ssn or /**/password'],
    [{ match: {}, headers: ['x y'] }, 'spec.headers[0]: must be the name of a head field'],
    [{ match: {} }, 'spec: must mask something: columns, fields, headers, detect, patterns or dictionaries'],
    [{ match: {}, columns: [] }, 'spec.columns: must not be empty'],
    [
      { match: {}, columns: ['a.b.c.d'] },
      'spec.columns[0]: must be schema.relation.column, where * stands for any characters',
    ],
    [{ match: {}, detect: ['email', 'email'] }, 'spec.detect: must not name anything twice'],
    [
      { match: {}, detect: ['email'], with: { partial: {} } },
      'spec.with.partial: must keep some first or last characters',
    ],
    [
      { match: {}, detect: ['email'], with: { keep: 4 } },
      'spec.with: must be one of: redact, null, format-preserving, hash, or partial with first or last characters kept',
    ],
    [
      { match: {}, patterns: [{ name: 'a', pattern: 'x' }], dictionaries: [{ name: 'a', words: ['x'] }] },
      'spec: must not give two detectors the same name',
    ],
  ])('Mask %j', (spec, expected) => {
    expect(reasons(mask(spec))).toEqual([expected]);
  });
});

describe('limits', () => {
  test('of times, approvals, patterns and examples: at each and one past it', () => {
    const hold = (review: object): string[] =>
      reasons(guardrail({ match: {}, verdict: 'hold', review: { reviewers: { names: ['a'] }, ...review } }));
    expect(hold({ within: '30s', inTransaction: '30s' })).toEqual([]);
    expect(hold({ within: '29s', inTransaction: '29s' })).toHaveLength(2);
    expect(hold({ within: '24h' })).toEqual([]);
    expect(hold({ within: '1441m' })).toEqual(['spec.review.within: must be from 30s to 1d']);
    expect(hold({ approvals: contractLimits.approvalsMax })).toEqual([]);
    expect(hold({ approvals: contractLimits.approvalsMax + 1 })).toHaveLength(1);
    const when = (length: number): string[] =>
      reasons(guardrail({ match: { when: 'x'.repeat(length) }, verdict: 'block' }));
    expect(when(contractLimits.patternLengthMax)).toEqual([]);
    expect(when(contractLimits.patternLengthMax + 1)).toHaveLength(1);
    const examples = (count: number): string[] =>
      reasons(
        guardrail({
          match: {},
          verdict: 'block',
          examples: Array.from({ length: count }, () => ({ command: 'x', expect: 'block' })),
        }),
      );
    expect(examples(contractLimits.examplesMax)).toEqual([]);
    expect(examples(contractLimits.examplesMax + 1)).toHaveLength(1);
    const request = (maxDuration: string): string[] =>
      reasons({
        kind: 'Access',
        metadata: { name: 'a' },
        spec: {
          match: { principals: { names: ['a'] }, resources: { names: ['b'] } },
          request: { reviewers: { names: ['c'] }, maxDuration },
        },
      });
    expect(request('7d')).toEqual([]);
    expect(request('169h')).toEqual(['spec.request.maxDuration: must be from 1m to 7d']);
    expect(request('59s')).toHaveLength(1);
  });
});

test('lengths of time and paths are read as they are written', () => {
  expect(['90s', '30m', '8h', '7d', '0s', '1w', '', '1.5h', '01m'].map(durationMs)).toEqual([
    90_000,
    1_800_000,
    28_800_000,
    604_800_000,
    null,
    null,
    null,
    null,
    null,
  ]);
  expect([90_000, 1_800_000, 28_800_000, 604_800_000].map(spellDuration)).toEqual(['90s', '30m', '8h', '7d']);
  for (const path of [['spec', 'examples', 2, 'expect'], ['metadata', 'labels', 'a.b/"c"'], []]) {
    expect(parsePath(formatPath(path))).toEqual(path);
  }
});
