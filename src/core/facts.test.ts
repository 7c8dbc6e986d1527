import { describe, expect, it } from 'vitest';
import { type CommandDraft, draftToTry } from './command.ts';
import { factsOf } from './facts.ts';
import type { HttpMeaning } from './http.ts';
import { touchesMax, touchNameMax } from './limits.ts';
import type { ShellAnalysis, ShellCommand } from './shell.ts';
import type { Analysis, StatementAnalysis } from './sql.ts';

function shellOf(commands: readonly Partial<ShellCommand>[]): ShellAnalysis {
  return {
    textBytes: 1,
    dialect: 'bash',
    commands: commands.map((one) => ({
      argv: [],
      program: null,
      path: null,
      via: [],
      asUser: null,
      host: null,
      verbs: [],
      paths: [],
      effects: [],
      confidence: 'exact',
      unknown: [],
      ...one,
    })),
    redirects: [],
    effects: ['execute'],
    flags: [],
    reasons: [],
    complete: true,
    bounded: true,
    isUnterminated: false,
    transfer: null,
  };
}

const path = (name: string) =>
  ({ path: name, access: 'read', isCanonical: true, isPattern: false, isRecursive: false }) as const;

function shell(text: string, commands: readonly Partial<ShellCommand>[], recordedText = text): CommandDraft {
  return { ...draftToTry(text, 'exec', { language: 'shell', shell: shellOf(commands) }), recordedText };
}

function sql(text: string, statement: Partial<StatementAnalysis>): CommandDraft {
  const one = {
    relations: [],
    functions: [],
    lineage: { columns: null, steering: [], flows: [], unread: null, unresolved: null },
    ...statement,
  };
  const analysis = { statements: [one], effects: ['read'], complete: true } as unknown as Analysis;
  return draftToTry(text, 'query', { language: 'sql', sql: analysis });
}

describe('what a command touches', () => {
  it('is, of SQL, what its lineage says: columns that come back, steer, and flow', () => {
    const column = (name: string) => ({ schema: 'public', relation: 'customers', column: name });
    const facts = factsOf(
      sql("select ssn from customers where id = 4 and name = 'x'", {
        lineage: {
          columns: [{ name: 'ssn', origins: [column('ssn')], direct: true, unresolved: null }],
          steering: [{ origin: column('id'), how: 'where' }],
          flows: [{ origin: column('email'), into: 'relation', target: 'x' }],
          unread: null,
          unresolved: null,
        },
        relations: [{ name: 'customers', schema: null, access: 'read', via: 'text', candidates: [], columns: null }],
      }),
    );
    expect(facts?.touches).toEqual([
      ['column', 'read', 'public.customers.ssn'],
      ['column', 'flow', 'public.customers.email'],
      ['column', 'steer', 'public.customers.id'],
      ['table', 'read', 'customers'],
    ]);
  });

  it('has a fingerprint that constants, spacing and comments do not change', () => {
    const print = (text: string) => factsOf(sql(text, {}))?.fingerprint;
    const one = print("select * from t where a = 1 and b in ('x', 'y')");
    expect(print("SELECT *  FROM t -- all\n where a = 22.5 and b in ('z')")).toBe(one);
    expect(print('select * from u where a = 1')).not.toBe(one);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
  });

  it('A-REC-05: never what was taken out of the recorded text', () => {
    const draft = shell(
      'sudo -S bash -s\nhunter2\necho after\n',
      [
        { program: 'sudo' },
        { program: 'hunter2', verbs: ['hunter2'] },
        { program: 'echo', paths: [path('/x/hunter2')] },
      ],
      'sudo -S bash -s\n(password)\necho after\n',
    );
    const facts = factsOf(draft);
    expect(JSON.stringify(facts)).not.toContain('hunter2');
    expect(facts?.touches).toEqual([
      ['program', 'use', 'sudo'],
      ['program', 'use', 'echo'],
    ]);
    expect(facts?.cut).toBe(true);
    const other = shell(
      'sudo -S bash -s\nother\necho after\n',
      [{ program: 'sudo' }, { program: 'other', verbs: ['other'] }, { program: 'echo' }],
      draft.recordedText,
    );
    expect(factsOf(other)?.fingerprint, 'nor a digest of it').toBe(facts?.fingerprint);
  });

  it('is bounded: at the limits, and one past them', () => {
    const many = (count: number) => shell('x', [{ paths: Array.from({ length: count }, (_, at) => path(`/${at}`)) }]);
    expect(factsOf(many(touchesMax))?.touches).toHaveLength(touchesMax);
    expect(factsOf(many(touchesMax))?.cut).toBeUndefined();
    expect(factsOf(many(touchesMax + 1))?.touches).toHaveLength(touchesMax);
    expect(factsOf(many(touchesMax + 1))?.cut).toBe(true);
    const long = (length: number) => shell('x', [{ paths: [path('/'.padEnd(length, 'a'))] }]);
    expect(factsOf(long(touchNameMax))?.cut).toBeUndefined();
    expect(factsOf(long(touchNameMax + 1))).toMatchObject({ cut: true });
    expect(factsOf(long(touchNameMax + 1))?.touches[0]?.[2]).toHaveLength(touchNameMax);
  });

  it('names routes without what changes in them, and the operations of calls', () => {
    const http: HttpMeaning = {
      method: 'POST',
      path: '/v1/customers/4711/refunds',
      route: null,
      query: [],
      fields: [],
      contentType: 'application/json',
      upgrade: null,
      body: { kind: 'json', value: {}, rpc: ['tools/call'], graphql: null },
      grpc: null,
    };
    expect(factsOf(draftToTry('x', 'request', { language: 'http', http }))?.touches).toEqual([
      ['route', 'write', 'POST /v1/customers/{}/refunds'],
      ['path', 'write', '/v1/customers/4711/refunds'],
      ['operation', 'use', 'tools/call'],
    ]);
  });

  it('is not known without a meaning, and made once for each', () => {
    expect(factsOf(draftToTry('x', 'query', null))).toBeNull();
    const draft = shell('ls', [{ program: 'ls' }]);
    expect(factsOf(draft)).toBe(factsOf({ ...draft, verb: 'again' }));
  });
});
