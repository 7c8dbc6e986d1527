/** Manifests as people write them: checked, located, explained, and given back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkManifest,
  contractLimits,
  formatAddress,
  formatManifests,
  formatPath,
  formatProblem,
  kindOfWord,
  locateProblem,
  manifestJsonSchema,
  manifestKinds,
  manifestSchemas,
  parseAddress,
  readDocuments,
  readManifests,
} from './index.ts';
import { nearest } from './validate.ts';

const schemas = manifestSchemas([
  {
    name: 'postgres',
    defaultPort: 5432,
    settings: {
      database: { type: 'string', description: 'The database.', required: true },
      pool: { type: 'integer', description: 'Connections.', minimum: 1, maximum: 9, default: 4 },
      mode: { type: 'string', description: 'Mode.', choices: ['a', 'b'] },
      tags: { type: 'string-list', description: 'Tags.' },
      fast: { type: 'boolean', description: 'Fast.' },
    },
  },
]);

const problemsOf = (text: string): string[] => readManifests(text, 'f.yaml', schemas).problems.map(formatProblem);

const good = `kind: Resource
metadata: { name: orders, labels: { env: prod } }
spec:
  protocol: postgres
  address: db.internal
  database: orders
  credential: { username: app, password: { env: ORDERS_PASSWORD } }
`;

describe('problems name file, line, column and field', () => {
  test('all of them, in the order of the file', () => {
    const text = `kind: Resource
metadata: { name: Orders, labels: { env: true } }
spec:
  protocol: postgres
  adress: db.internal
  tls: { mode: verifyfull, sni: x }
  credential: { username: app, password: { value: x, env: X } }
  recording: maybe
  pool: 12
  fast: "yes"
---
kind: Acces
---
kind: Access
metadata: { name: a }
spec: { match: { principals: { grups: [x] }, resources: { names: [a, a] } } }
`;
    expect(problemsOf(text)).toEqual([
      'f.yaml:2:19: metadata.name: must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit',
      'f.yaml:2:42: metadata.labels.env: must be a string, not true or false; put it in quotes',
      'f.yaml:3:1: spec.address: is required',
      'f.yaml:3:1: spec.database: is required',
      'f.yaml:5:3: spec.adress: unknown field; did you mean address?',
      'f.yaml:6:16: spec.tls.mode: must be one of: disable, prefer, require, verify-ca, verify-full',
      'f.yaml:6:28: spec.tls.sni: unknown field; known here: mode, ca, serverName',
      'f.yaml:7:42: spec.credential.password: must hold exactly one of env, file, store, value',
      'f.yaml:8:14: spec.recording: must be one of: strict, best-effort',
      'f.yaml:9:9: spec.pool: must be at most 9',
      'f.yaml:10:9: spec.fast: must be true or false, not a string',
      `f.yaml:12:7: kind: must be one of: ${manifestKinds.join(', ')}; did you mean Access?`,
      'f.yaml:16:30: spec.match.principals: must select someone by names or groups',
      'f.yaml:16:32: spec.match.principals.grups: unknown field; did you mean groups?',
      'f.yaml:16:66: spec.match.resources.names: must not name anything twice',
    ]);
  });

  test('an unknown protocol does not hide the other problems', () => {
    const text = good.replace('postgres', 'postgre').replace('db.internal', '"::1"');
    expect(problemsOf(text)).toEqual([
      'f.yaml:4:13: spec.protocol: must be one of: postgres',
      'f.yaml:5:12: spec.address: must be host:port, with IPv6 in brackets',
    ]);
  });

  test('syntax, tags, aliases, odd keys and twice given fields', () => {
    expect(problemsOf('a: &x 1\nb: *x\nc: !!binary xx\nd: !foo 1\n__proto__: {x: 1}\na: 2\n1: 3\n')).toEqual(
      [
        'f.yaml:6:1: this field is given twice',
        'f.yaml:4:4: tags are not supported',
        'f.yaml:1:7: a: anchors are not supported; write the value out',
        'f.yaml:2:4: b: aliases are not supported; write the value out',
        'f.yaml:3:13: c: tags are not supported',
        'f.yaml:4:9: d: tags are not supported',
        'f.yaml:5:1: __proto__: unknown field',
        'f.yaml:7:1: a key must be text; put it in quotes',
      ].sort(
        (a, b) =>
          Number(a.split(':')[1]) - Number(b.split(':')[1]) || Number(a.split(':')[2]) - Number(b.split(':')[2]),
      ),
    );
    expect(problemsOf('kind: [Group\n')[0]).toMatch(/^f\.yaml:2:1: not valid YAML: /);
    expect(problemsOf('just text')).toEqual(['f.yaml:1:1: must be an object with kind, metadata and spec']);
  });

  test('a problem that the server found is given its place', () => {
    const { documents } = readDocuments(`---\n${good}`, 'f.yaml');
    const problem = { path: ['spec', 'credential', 'username'], on: 'value' as const, message: 'no' };
    expect(formatProblem(locateProblem(documents[0]!, problem))).toBe('f.yaml:8:27: spec.credential.username: no');
    expect(formatPath(['a', 2, 'b c', 'd'])).toBe('a[2]["b c"].d');
  });

  test('never with the value, which might be a secret (A-API-06)', () => {
    const secret = 'hunter2-hunter2';
    const text = good.replace('{ env: ORDERS_PASSWORD }', secret).replace('name: orders', `name: "${secret} "`);
    expect(problemsOf(text)).toHaveLength(2);
    expect(problemsOf(text).join()).not.toContain(secret);
  });
});

describe('limits', () => {
  const label = (count: number): string =>
    `{ ${Array.from({ length: count }, (_, index) => `l${index}: x`).join(', ')} }`;

  test('of a file: 1 MiB and one byte more', () => {
    const fill = (bytes: number): string => `${good}#${'x'.repeat(bytes - good.length - 2)}\n`;
    expect(problemsOf(fill(contractLimits.manifestBytesMax))).toEqual([]);
    expect(problemsOf(fill(contractLimits.manifestBytesMax + 1))).toEqual([
      'f.yaml:1:1: the file is longer than 1048576 bytes; split it',
    ]);
  });

  test('of depth: 64 and one more, and a file of brackets', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(problemsOf(nested(64))).toEqual(['f.yaml:1:1: must be an object with kind, metadata and spec']);
    expect(problemsOf(nested(66))[0]).toMatch(/nested deeper than 64 levels$/);
    expect(problemsOf('['.repeat(100_000))[0]).toMatch(/nested deeper than 64 levels$/);
    expect(problemsOf('- '.repeat(10_000))[0]).toMatch(/nested deeper than 64 levels$/);
  });

  test('of documents, names, labels and passwords', () => {
    expect(problemsOf('--- 1\n'.repeat(contractLimits.documentsMax + 1)).length).toBe(contractLimits.problemsMax);
    expect(problemsOf(good.replace('name: orders', `name: ${'a'.repeat(63)}`))).toEqual([]);
    expect(problemsOf(good.replace('name: orders', `name: ${'a'.repeat(64)}`))).toHaveLength(1);
    expect(problemsOf(good.replace('name: orders', 'name: a+b'))).toHaveLength(1);
    expect(problemsOf(good.replace('{ env: prod }', label(64)))).toEqual([]);
    expect(problemsOf(good.replace('{ env: prod }', label(65)))).toHaveLength(1);
    const principal = (password: string) =>
      problemsOf(`kind: Principal\nmetadata: { name: a }\nspec: { password: ${password} }\n`);
    expect(principal('x'.repeat(12))).toEqual([]);
    expect(principal('x'.repeat(11))).toEqual(['f.yaml:3:19: spec.password: must be at least 12 characters']);
    expect(principal('x'.repeat(1025))).toEqual(['f.yaml:3:19: spec.password: must be at most 1024 characters']);
  });
});

describe('meaning', () => {
  test('defaults are filled in, the address gets its port, and giving back changes nothing', () => {
    const { manifests } = readManifests(good, 'f.yaml', schemas);
    const manifest = manifests[0]?.manifest;
    expect(manifest).toEqual({
      kind: 'Resource',
      metadata: { name: 'orders', labels: { env: 'prod' } },
      spec: {
        protocol: 'postgres',
        address: 'db.internal:5432',
        tls: { mode: 'verify-full' },
        credential: { username: 'app', password: { env: 'ORDERS_PASSWORD' } },
        recording: 'strict',
        database: 'orders',
        pool: 4,
      },
    });
    expect(readManifests(formatManifests([manifest, manifest]), 'f', schemas).manifests.map((m) => m.manifest)).toEqual(
      [manifest, manifest],
    );
  });

  test('a selector that selects nothing is refused: leaving out never means everything', () => {
    const access = (principals: string, resources: string): number =>
      problemsOf(
        `kind: Access\nmetadata: { name: a }\nspec: { match: { principals: ${principals}, resources: ${resources} } }\n`,
      ).length;
    expect(access('{ groups: [dba] }', '{ names: [orders] }')).toBe(0);
    expect(access('{}', '{ names: [orders] }')).toBe(1);
    expect(access('{ except: { groups: [dba] } }', '{ names: [orders] }')).toBe(1);
    expect(access('{ groups: [] }', '{ labels: {} }')).toBe(2);
  });

  test('without a server’s protocols a resource’s own settings are left to the server', () => {
    const loose = manifestSchemas(null);
    const problems = (text: string) => readManifests(text, 'f', loose).problems.map(formatProblem);
    expect(problems(good.replace('database: orders', 'anything: [1]'))).toEqual([]);
    expect(problems(good.replace('address: db.internal', 'address: 7'))).toHaveLength(1);
  });

  test('a setting that hides a common field is a bug of the protocol', () => {
    const settings = { address: { type: 'string', description: '' } } as const;
    expect(() => manifestSchemas([{ name: 'x', defaultPort: 1, settings }])).toThrow('does not allow');
  });

  test('text for people holds nothing that hides or reorders', () => {
    for (const text of ['a\u202eb', 'a\u200bb', 'a\nb', 'a\u001bb']) {
      const checked = checkManifest(
        { kind: 'Group', metadata: { name: 'a' }, spec: { members: [], description: text } },
        schemas,
      );
      expect(checked.problems).toHaveLength(1);
    }
  });

  test('kinds by the words people use', () => {
    expect(['resource', 'Resources', 'ACCESS', 'accesses', 'groups', 'principal', 'user'].map(kindOfWord)).toEqual([
      'Resource',
      'Resource',
      'Access',
      'Access',
      'Group',
      'Principal',
      null,
    ]);
  });

  test('what was meant', () => {
    expect(nearest('adress', ['address', 'tls'])).toBe('address');
    expect(nearest('recrodign', ['recording'])).toBe('recording');
    expect(nearest('xyz', ['tls', 'address'])).toBeNull();
    expect(nearest('x'.repeat(10_000), ['tls'])).toBeNull();
  });

  test('any value is refused or understood, never an exception', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom('Resource', 'Access', 'Group', 'Principal'), (value, kind) => {
        for (const document of [
          value,
          { kind, metadata: value, spec: value },
          { kind, metadata: { name: 'a' }, spec: { match: value } },
        ]) {
          const checked = checkManifest(document, schemas);
          expect(checked.manifest === null).toBe(checked.problems.length > 0);
        }
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  test('any text is read without an exception', () => {
    const piece = fc.constantFrom(
      'kind: Group\n',
      '---\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ': ',
      '&a ',
      '*a ',
      '!!str ',
      '"',
      '\t',
      '? ',
      '| \n',
      'x',
      '\n',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        for (const problem of readManifests(pieces.join(''), 'f', schemas).problems) {
          expect(problem.line).toBeGreaterThan(0);
          expect(problem.column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300, seed: 12 },
    );
  });
});

test('addresses', () => {
  const cases: readonly [string, string | null][] = [
    ['db:5432', 'db:5432'],
    ['db.internal:1', 'db.internal:1'],
    ['10.0.0.1:65535', '10.0.0.1:65535'],
    ['[::1]:5432', '[::1]:5432'],
    ['[fe80::1%eth0]:22', '[fe80::1%eth0]:22'],
    ['db', 'db:0'],
    ['[::1]', '[::1]:0'],
    ['::1', null],
    ['db:0', null],
    ['db:65536', null],
    ['db:', null],
    ['db:5432:1', null],
    ['', null],
    ['a b:1', null],
    ['http://db:1', null],
    ['[db]:1', null],
    ['-db:1', null],
    ['user@db:1', null],
  ];
  for (const [text, want] of cases) {
    const parsed = parseAddress(text);
    expect([text, parsed === null ? null : formatAddress(parsed.host, parsed.port ?? 0)]).toEqual([text, want]);
  }
});

test('the JSON Schema marks what is write-only, and does not ask for what has a default', () => {
  const schema = JSON.stringify(manifestJsonSchema(schemas));
  // A password, three of credentials, and each secret of a sink's targets.
  expect(schema.match(/"writeOnly":true/g)).toHaveLength(20);
  const resource = (manifestJsonSchema(schemas)['anyOf'] as { properties: { spec: { required: string[] } } }[])[0];
  expect(resource?.properties.spec.required.sort()).toEqual(['address', 'database', 'protocol']);
});
