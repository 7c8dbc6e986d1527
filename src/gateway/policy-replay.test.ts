/** Recorded commands judged by changed rules: what counts as different, and what cannot be judged any more. */
import { beforeAll, expect, test } from 'vitest';
import type { ReplayEntry } from '../api/contract/index.ts';
import { type CommandDraft, sqlOf } from '../core/command.ts';
import type { Event } from '../core/event.ts';
import type { Resource } from '../core/resource.ts';
import type { UnknownReason } from '../core/sql-effects.ts';
import type { Verdict } from '../core/verdict.ts';
import { createProtocols } from '../protocols/registry.ts';
import { replayCommands } from './policy-replay.ts';
import { Rules } from './rules.ts';

const postgres = createProtocols().get('postgres')!;
beforeAll(() => postgres.load?.());

const resource = {
  name: 'orders',
  labels: {},
  protocol: 'postgres',
  settings: {},
  tls: { ca: null },
} as unknown as Resource;
const actor = { id: 'local:erin', issuer: 'local', name: 'erin', kind: 'person', groups: [], credentialId: null };
const rules = new Rules(
  {
    guardrails: [{ name: 'no-drop', spec: { match: { commands: { sql: { effects: ['drop'] } } }, verdict: 'block' } }],
    masks: [],
  },
  { hashKey: Buffer.alloc(32), ledger: null },
);

/** As the protocol understands it, with the catalog taken to be known, and with further reasons for doubt. */
function draftOf(text: string, reasons: readonly UnknownReason[]): CommandDraft {
  const sql = sqlOf(postgres.analyse!(text, resource))!;
  const known = sql.reasons.filter(({ code }) => code !== 'no-catalog');
  const doubts = [...known, ...reasons.map((code) => ({ code, about: '' }))];
  const about = { reasons: doubts, complete: doubts.length === 0 };
  const judged = { ...sql, ...about, statements: sql.statements.map((one) => ({ ...one, ...about })) };
  return {
    kind: 'sql',
    verb: 'query',
    text,
    meaning: { language: 'sql', sql: judged },
    context: {},
  } as unknown as CommandDraft;
}

async function replay(
  commands: readonly { text: string; before?: Verdict }[],
  doubt: (text: string) => readonly UnknownReason[] = () => [],
): Promise<ReplayEntry[]> {
  const events = [
    {
      type: 'session.opened',
      session: 's',
      at: 1,
      principal: actor,
      resource: 'orders',
      source: '',
      client: {},
      access: 'a',
    },
    ...commands.flatMap(({ text, before }, index) => [
      { type: 'command.intent', session: 's', command: index + 1, at: 2, verb: 'query', text, parameters: null },
      ...(before === undefined ? [] : [{ type: 'command.verdict', session: 's', command: index + 1, verdict: before }]),
      { type: 'command.ended', session: 's', command: index + 1 },
    ]),
  ] as unknown as Event[];
  const order = { objects: [], sinceMs: 0, untilMs: 10, limit: 100, signal: new AbortController().signal };
  const found: ReplayEntry[] = [];
  const parts = {
    rules,
    resources: [resource],
    readEvents: async function* () {
      yield* events;
    },
    lastSequence: () => events.length,
    draft: (text: string) => draftOf(text, doubt(text)),
  };
  for await (const entry of replayCommands(order, parts)) found.push(entry);
  return found;
}

const blocked: Verdict = { name: 'block', rule: 'no-drop', reason: '' };

test('the same rules decide the same; others are told with what was decided then', async () => {
  const same = await replay([{ text: 'SELECT 1' }, { text: 'DROP TABLE t', before: blocked }]);
  expect(same).toMatchObject([{ type: 'summary', commands: 2, different: 0, skipped: {} }]);
  expect(await replay([{ text: 'DROP TABLE t' }])).toMatchObject([
    { type: 'difference', before: { name: 'allow' }, after: { name: 'block', rule: 'no-drop' } },
    { type: 'summary', commands: 1, different: 1 },
  ]);
});

test('where nothing is known of the database, a difference says nothing, and is counted as not judged', async () => {
  const [summary, ...rest] = await replay(
    [{ text: 'SELECT * FROM t' }, { text: 'DROP TABLE t', before: blocked }],
    () => ['no-catalog'],
  );
  expect(rest).toEqual([]);
  expect(summary).toMatchObject({ type: 'summary', commands: 1, different: 0 });
  const skipped = summary?.type === 'summary' ? summary.skipped : {};
  expect(Object.entries(skipped)).toEqual([[expect.stringContaining('connect once'), 1]]);
});

test.each(['prepared-unknown', 'cursor-unknown', 'relation-unresolved', 'function-unresolved'] as const)(
  'what only its session knew cannot be judged: %s',
  async (reason) => {
    const entries = await replay([{ text: 'SELECT 1 FROM t' }], (text) => (text.startsWith('SELECT') ? [reason] : []));
    expect(entries).toMatchObject([{ type: 'summary', commands: 0, different: 0 }]);
  },
);
