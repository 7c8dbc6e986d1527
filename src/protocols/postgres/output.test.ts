/** Limits on what comes back, and that chunks do not matter. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import type { Judgement, OutputLimit } from '../../core/judgement.ts';
import type { OutputPlan } from '../../core/masking.ts';
import type { RecordingEntry } from '../../core/recording.ts';
import type { Command, Session } from '../../core/session.ts';
import { Conversation } from './conversation.ts';
import type { OriginOf } from './mask-plan.ts';
import { detects, judgingBy, planOf, redacts, rowLimit } from './mask-testing.ts';
import * as m from './messages.ts';
import { outline, type RawMessage, rawClient, readUntilReady } from './raw-testing.ts';
import { startGateway, type TestGateway, until } from './relay-testing.ts';
import { Request } from './request.ts';
import { ServerSide } from './server-side.ts';

// --- Without a server: captured bytes, cut anywhere -------------------------------------------------------------------

/** A server's side that is answering one Query. */
function make(
  judgement: Partial<Judgement>,
  originOf: OriginOf = () => null,
): { server: ServerSide; delivered: Buffer[]; entries: RecordingEntry[]; head: Request; stops: () => number } {
  const entries: RecordingEntry[] = [];
  const delivered: Buffer[] = [];
  let stops = 0;
  const session = {
    ended: false,
    observe: (entry: RecordingEntry) =>
      void entries.push('data' in entry ? { ...entry, data: Buffer.from(entry.data) } : entry),
    complete: () => undefined,
    spend: (_: Command, rows: number, bytes: number) =>
      judgement.limits?.find((limit) => limit.spend(rows, bytes)) ?? null,
  } as unknown as Session;
  const conversation = new Conversation(session);
  const command = {
    ordinal: 1,
    draft: { text: 'select', meaning: null },
    state: 'released',
    verdict: null,
    judgement: { output: null, limits: [], ...judgement },
  };
  const head = new Request('query', null, 0, 0);
  head.command = command as unknown as Command;
  conversation.owe(head);
  const server = new ServerSide(conversation, {
    deliver: (view) => delivered.push(Buffer.from(view)) > 0,
    encodingChanged: () => undefined,
    stopRunning: () => void stops++,
    originOf,
  });
  return { server, delivered, entries, head, stops: () => stops };
}

const field = (name: string, typeOid = 25): m.Field => ({
  name,
  tableOid: 0,
  attribute: 0,
  typeOid,
  typeSize: -1,
  typeModifier: -1,
  format: 0,
});
const description = m.encodeRowDescription([field('a'), field('b')]);
const rows = Array.from({ length: 40 }, (_, index) =>
  m.encodeDataRow([`open ${index}`, index % 3 === 0 ? `secret ${index}` : null]),
);
const large = [100_000, 70_000].map((size) => m.encodeDataRow(['x'.repeat(size), `secret${'y'.repeat(size)}`]));
const answer = Buffer.concat([
  description,
  ...rows,
  ...large,
  m.encodeNoticeResponse({ severity: 'NOTICE', code: '00000', message: 'secret' }),
  ...rows,
  m.encodeCommandComplete('SELECT 82'),
  m.encodeReadyForQuery('I'),
]);

function run(judgement: Partial<Judgement>, size: number): { out: string; recorded: string; head: Request } {
  const { server, delivered, entries, head } = make(judgement);
  for (let at = 0; at < answer.length; at += size) server.read(Buffer.from(answer.subarray(at, at + size)));
  const recorded = Buffer.concat(entries.flatMap((entry) => (entry.type === 'rows' ? [entry.data] : []))).toString(
    'latin1',
  );
  return { out: Buffer.concat(delivered).toString('latin1'), recorded, head };
}

describe('A-PG-24: chunks do not matter', () => {
  const plans: Record<string, () => Partial<Judgement>> = {
    'no plan': () => ({}),
    'a mask': () => ({ output: planOf({ columns: [[null, redacts('m')]], text: detects('t', 'secret') }) }),
    detectors: () => ({
      output: planOf({ columns: [[detects('d', 'secret'), detects('d', 'secret')]], messages: 'withhold' }),
    }),
    'a limit at a row': () => ({ limits: [rowLimit(7)] }),
    'a limit within the large rows': () => ({
      limits: [rowLimit(41)],
      output: planOf({ columns: [[null, redacts('m')]] }),
    }),
  };
  test.each(Object.keys(plans))('%s', (name) => {
    const whole = run(plans[name]!(), answer.length);
    if (name === 'no plan') expect(whole.out).toBe(answer.toString('latin1'));
    else if (name !== 'a limit at a row') expect(whole.out).not.toContain('secret ');
    for (const size of [1, 7, 4096, 65_536]) {
      const cut = run(plans[name]!(), size);
      expect(cut.out === whole.out).toBe(true);
      expect(cut.recorded === whole.recorded).toBe(true);
      expect([cut.head.rows, cut.head.bytes]).toEqual([whole.head.rows, whole.head.bytes]);
      expect(cut.head.output?.plan?.masked).toEqual(whole.head.output?.plan?.masked);
    }
  });

  test('what was counted is what was delivered', () => {
    const { out, recorded, head } = run({ output: planOf({ columns: [[null, redacts('m')]] }) }, 5000);
    expect(head.rows).toBe(82);
    expect(head.bytes).toBe(recorded.length);
    expect(out).not.toContain('secret 0');
    expect(head.output!.plan!.masked).toEqual({ m: 30 });
  });

  test('with no mask in force, and with one that changes nothing, the same views go through', () => {
    for (const output of [
      null,
      planOf({ columns: [[null, null]] }),
      planOf({ columns: [[detects('d', 'nowhere'), null]] }),
    ]) {
      const { server, delivered } = make({ output });
      const chunk = Buffer.concat([description, ...rows]);
      server.read(chunk);
      expect(delivered).toHaveLength(1);
      expect(delivered[0]!.buffer).toBe(chunk.buffer);
      expect(delivered[0]).toEqual(chunk);
    }
  });

  test('the second look: a column that the wire traces to a masked one is masked, whatever the plan says', () => {
    const base = { 'public.customers.ssn': redacts('base') };
    const { server, delivered } = make({ output: planOf({ columns: [[null, detects('d', 'x')]], base }) }, (oid, at) =>
      oid === 77 && at === 3 ? { schema: 'public', relation: 'customers', column: 'ssn' } : null,
    );
    const traced = { ...field('a'), tableOid: 77, attribute: 3 };
    server.read(m.encodeRowDescription([traced, { ...traced, attribute: 4 }]));
    server.read(Buffer.concat([m.encodeDataRow(['one', 'two']), m.encodeDataRow([null, 'x'])]));
    expect(Buffer.concat(delivered.slice(1))).toEqual(
      Buffer.concat([m.encodeDataRow(['***', 'two']), m.encodeDataRow([null, '*'])]),
    );
  });
});

describe('limits', () => {
  test('what stood before the limit is delivered, and the server is asked to stop once', () => {
    const { server, delivered, entries, head, stops } = make({ limits: [rowLimit(2)] });
    server.read(Buffer.concat([description, ...rows.slice(0, 5)]));
    server.read(Buffer.concat(rows));
    expect(Buffer.concat(delivered)).toEqual(Buffer.concat([description, rows[0]!, rows[1]!]));
    expect(stops()).toBe(1);
    expect(head.rows).toBe(2);
    delivered.length = 0;
    server.read(
      Buffer.concat([
        rows[0]!,
        m.encodeErrorResponse({ severity: 'ERROR', code: '57014', message: 'canceling statement due to user request' }),
        m.encodeReadyForQuery('E'),
      ]),
    );
    const fields = m.decodeErrorResponse(first(delivered));
    expect(fields).toMatchObject({
      S: 'ERROR',
      C: '54000',
      M: 'More than 2 rows. Ask for fewer.',
      D: 'Decided by guardrail:rows.',
    });
    expect(Buffer.concat(delivered).subarray(-6)).toEqual(m.encodeReadyForQuery('E'));
    expect(head.error).toBe('54000');
    expect(
      entries.some((entry) => entry.type === 'message' && entry.level === 'gateway' && entry.code === '54000'),
    ).toBe(true);
  });

  test('a server that had finished is not asked, and the error stands before ReadyForQuery', () => {
    const { server, delivered, stops } = make({ limits: [rowLimit(2)] });
    server.read(
      Buffer.concat([description, ...rows, m.encodeCommandComplete('SELECT 40'), m.encodeReadyForQuery('T')]),
    );
    expect(stops()).toBe(0);
    const all = Buffer.concat(delivered);
    expect(all.includes('54000')).toBe(true);
    expect(all.includes('SELECT 40')).toBe(false);
    expect(all.subarray(-6)).toEqual(m.encodeReadyForQuery('T'));
  });
});

function first(delivered: Buffer[]): { buffer: Buffer; start: number; end: number } {
  const buffer = Buffer.concat(delivered);
  return { buffer, start: 0, end: 1 + buffer.readUInt32BE(1) };
}

// --- With a real server -----------------------------------------------------------------------------------------------

describe('limits, through a gateway', () => {
  let server: PostgresServer;
  let gateways: TestGateway[] = [];
  beforeAll(async () => {
    server = await startPostgres({ seed: 'create table t(id int); alter table t owner to app' });
  }, 90_000);
  afterAll(async () => server?.stop());
  afterEach(async () => {
    for (const one of gateways) await one.close();
    gateways = [];
  });

  async function open(
    limit: (text: string) => readonly OutputLimit[],
    plan: (text: string) => OutputPlan | null = () => null,
  ) {
    const gateway = await startGateway({ upstream: server, judging: judgingBy(plan, limit) });
    gateways.push(gateway);
    return { gateway, peer: await rawClient({ ...gateway.config, database: 'orders' }) };
  }

  const limited = (text: string): readonly OutputLimit[] => (text.includes('series') ? [rowLimit(3)] : []);
  const none = { parameterFormats: [], parameters: new Int32Array(0), buffer: Buffer.alloc(0), resultFormats: [] };
  const execute = (text: string): Buffer =>
    Buffer.concat([
      m.encodeParse({ statement: '', text, parameterTypes: [] }),
      m.encodeBind({ portal: '', statement: '', ...none }),
      m.encodeExecute({ portal: '', rowsMax: 0 }),
    ]);
  const few = 'select generate_series(1, 5)';
  const many = 'select generate_series(1, 3000000)';
  const sync = m.encodeSync();

  test.each([
    ['finished at once', few],
    ['still running', many],
  ])(
    'simple, extended, transactions, pipelines: one that is %s',
    async (_, text) => {
      const { gateway, peer } = await open(limited);
      const ask = async (bytes: Buffer[], ready: number): Promise<string> => {
        peer.write(Buffer.concat(bytes));
        return outline(await readUntilReady(peer, ready));
      };
      expect(await ask([m.encodeQuery(text)], 1)).toBe('T D D D E:54000 Z:I');
      expect(await ask([m.encodeQuery('select 1')], 1)).toBe('T D C Z:I');
      expect(await ask([m.encodeQuery(`select 0; ${text}; select 2`)], 1)).toBe('T D C T D D E:54000 Z:I');
      expect(await ask([execute(text), sync], 1)).toBe('1 2 D D D E:54000 Z:I');
      expect(await ask([execute('select 1'), execute(text), execute('select 2'), sync], 1)).toBe(
        '1 2 D C 1 2 D D D E:54000 Z:I',
      );
      expect(await ask([m.encodeQuery('begin')], 1)).toBe('C Z:T');
      expect(await ask([m.encodeQuery(text)], 1)).toMatch(/^T D D D E:54000 Z:[TE]$/);
      expect(await ask([m.encodeQuery('rollback')], 1)).toBe('C Z:I');
      expect(await ask([execute('select 3'), sync], 1)).toBe('1 2 D C Z:I');
      expect(await ask([m.encodeQuery(`copy (${text}) to stdout`)], 1)).toBe('H d d d E:54000 Z:I');
      const failed = gateway.journal.of('command.ended').filter(({ error }) => error === '54000');
      expect(failed.every(({ outcome, rows }) => outcome === 'failed' && rows <= 3)).toBe(true);
      expect(failed).toHaveLength(6);
      expect(gateway.journal.of('output.limited')).toHaveLength(6);
      expect(gateway.journal.of('violation')).toEqual([]);
      peer.socket.destroy();
    },
    30_000,
  );

  test('a COPY from the client behind a statement that was stopped never begins', async () => {
    const { peer } = await open(limited);
    const ask = async (bytes: Buffer[]): Promise<string> => {
      peer.write(Buffer.concat(bytes));
      return outline(await readUntilReady(peer));
    };
    expect(await ask([m.encodeQuery(`${few}; copy t from stdin; select 2`)])).toBe('T D D D E:54000 Z:I');
    expect(await ask([m.encodeQuery('select 1')])).toBe('T D C Z:I');
    expect(await ask([execute(few), execute('copy t from stdin'), sync])).toBe('1 2 D D D E:54000 Z:I');
    expect(await ask([m.encodeQuery('select 1')])).toBe('T D C Z:I');
    peer.socket.destroy();
  });

  test('a statement that runs too long is stopped, and so is one that waited behind it', async () => {
    const slow: OutputLimit = {
      rule: 'guardrail:time',
      verdict: 'block',
      reason: 'Too long.',
      durationMsMax: 200,
      spend: () => false,
    };
    const { gateway, peer } = await open((text) => (text.includes('sleep') ? [slow] : []));
    peer.write(Buffer.concat([m.encodeQuery('select pg_sleep(30)'), m.encodeQuery('select 1')]));
    expect(outline(await readUntilReady(peer, 2))).toMatch(/^(T )?E:54000 Z:I T D C Z:I$/);
    peer.write(Buffer.concat([execute('select pg_sleep(30)'), sync, execute('select 1'), sync]));
    expect(outline(await readUntilReady(peer, 2))).toMatch(/^1 (2 )?E:54000 Z:I 1 2 D C Z:I$/);
    expect(gateway.journal.of('command.ended').filter(({ error }) => error === '54000')).toHaveLength(2);
    peer.socket.destroy();
  }, 30_000);

  test('a limit that ends the session says goodbye, with nothing of the row', async () => {
    const { gateway, peer } = await open(() => [rowLimit(2, 'terminate')]);
    peer.write(m.encodeQuery("select repeat('x', 100000) from generate_series(1, 10)"));
    const rest = await peer.rest();
    expect(rest.includes('More than 2 rows')).toBe(true);
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('session.ended')[0]).toMatchObject({ reason: 'verdict' });
  });

  test('masked and limited at once', async () => {
    const { peer } = await open(limited, () => planOf({ columns: [[redacts('m')]] }));
    peer.write(m.encodeQuery(many.replace('select', "select 'secret',").replace("'secret',", '')));
    const messages: RawMessage[] = await readUntilReady(peer);
    expect(outline(messages)).toBe('T D D D E:54000 Z:I');
    peer.socket.destroy();
  });
});
