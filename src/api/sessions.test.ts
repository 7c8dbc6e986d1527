/** Recordings as the API gives them, over real HTTP with in-memory fakes behind the ports. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedEntry } from '../core/recording.ts';
import { contractLimits, createClient, type RecordedEntryView } from './contract/index.ts';
import { writeEntries } from './export.ts';
import { type Running, start } from './fixtures/fakes.ts';
import { renderedRowsMax, streamRecheckMs, streamsPerPrincipalMax } from './limits.ts';
import { renderEntries } from './render.ts';

let api: Running;
beforeEach(async () => {
  api = await start();
});
afterEach(() => api.close());

/** Rows as core/recording.ts lays them out. */
function rowsOf(rows: readonly (readonly (Buffer | string | null)[])[]): Buffer {
  const parts: Buffer[] = [];
  for (const row of rows) {
    const count = Buffer.alloc(2);
    count.writeInt16BE(row.length);
    parts.push(count);
    for (const cell of row) {
      const bytes = cell === null ? null : Buffer.from(cell);
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes === null ? -1 : bytes.length);
      parts.push(length, ...(bytes === null ? [] : [bytes]));
    }
  }
  return Buffer.concat(parts);
}

const at = Date.UTC(2026, 0, 1);
const command = (text: string): RecordedEntry => ({
  type: 'command',
  at,
  command: 1,
  kind: 'sql',
  verb: 'query',
  text,
  parameters: null,
  of: null,
});
const rows = (data: Buffer, count = 1): RecordedEntry => ({ type: 'rows', at, command: 1, count, data });

const full: RecordedEntry[] = [
  {
    type: 'command',
    at,
    command: 1,
    kind: 'sql',
    verb: 'execute',
    text: 'SELECT $1, id',
    parameters: [
      { type: 'text', value: 'x', bytes: 1 },
      { type: null, value: null, bytes: 0 },
    ],
    of: null,
  },
  {
    type: 'columns',
    at,
    command: 1,
    columns: [
      { name: 'a', type: '25', format: 'text' },
      { name: 'id', type: '23', format: 'binary' },
    ],
  },
  rows(
    rowsOf([
      ['é', Buffer.from([0, 0, 0, 7])],
      [null, ''],
    ]),
    2,
  ),
  { type: 'data', at, command: 1, direction: 'out', data: Buffer.from('1\tx\n') },
  { type: 'data', at, command: 1, direction: 'in', data: Buffer.from([0xff, 0x00]) },
  { type: 'omitted', at, command: 1, rows: 5, bytes: 50, digest: 'ab' },
  {
    type: 'message',
    at,
    command: null,
    level: 'error',
    code: '42P01',
    text: 'no such table',
    fields: { hint: 'none' },
  },
  { type: 'completed', at, command: 1, outcome: 'completed', tag: 'SELECT 2', rows: 2, bytes: 20, durationMs: 1.5 },
];

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

async function exported(entries: readonly RecordedEntry[], format: 'ndjson' | 'csv' | 'text'): Promise<string> {
  const rendered = renderEntries(each(entries), (cell) => cell.toString('utf8'));
  return (await gather(writeEntries(rendered, format))).join('');
}

describe('a recording', () => {
  test('is streamed with cells spelled as text, and its reading is durable before the first byte', async () => {
    api.world.recordings.set('ses_alice', full);
    api.world.isJournalHeld = true;
    const client = createClient({ baseUrl: api.url, token: 'token-of-audrey' });
    const reading = gather(client.stream('readRecording', { params: { id: 'ses_alice' } }));
    let isRead = false;
    const done = reading.then(() => (isRead = true));
    while (!api.world.isWaitingForJournal) await new Promise((resolve) => setImmediate(resolve));
    expect(isRead).toBe(false);
    expect(api.world.events).toMatchObject([
      { type: 'recording.read', session: 'ses_alice', principal: { name: 'audrey' }, how: 'replay' },
    ]);
    api.world.flush();
    await done;
    const entries = await reading;
    expect(entries.map((entry) => entry.type)).toEqual(full.map((entry) => entry.type));
    expect(entries[2]).toMatchObject({
      rows: [
        ['é', '23:00000007'],
        [null, '23:'],
      ],
    });
    expect(entries[3]).toMatchObject({ encoding: 'utf8', data: '1\tx\n', bytes: 4 });
    expect(entries[4]).toMatchObject({ encoding: 'base64', data: '/wA=', bytes: 2 });
    expect(entries[7]).toMatchObject({ at: '2026-01-01T00:00:00.000Z', durationMs: 1.5 });
  });

  test('many rows become several entries; cells without columns are spelled as what they look like', async () => {
    const data = rowsOf(Array.from({ length: renderedRowsMax + 1 }, () => ['x', Buffer.from([0xff])]));
    const entries = (await gather(renderEntries(each([rows(data)]), () => 'never'))) as Extract<
      RecordedEntryView,
      { type: 'rows' }
    >[];
    expect(entries.map((entry) => entry.rows.length)).toEqual([renderedRowsMax, 1]);
    expect(entries[0]?.rows[0]).toEqual(['x', '\\xff']);
  });

  test('a row whose lengths lie is an error, not a guess', async () => {
    const good = rowsOf([['abc', null]]);
    for (let cut = 1; cut < good.length; cut++) {
      await expect(gather(renderEntries(each([rows(good.subarray(0, cut))]), String))).rejects.toThrow(
        'does not allow',
      );
    }
    const negative = Buffer.from(good);
    negative.writeInt32BE(-2, 2);
    await expect(gather(renderEntries(each([rows(negative)]), String))).rejects.toThrow('does not allow');
  });

  test('that is not there: nothing, where nothing was asked for, and otherwise an error', async () => {
    const session = api.world.sessions.get('ses_mallory')!;
    api.world.recordings.delete('ses_mallory');
    const client = createClient({ baseUrl: api.url, token: 'token-of-audrey' });
    const read = () => gather(client.stream('readRecording', { params: { id: 'ses_mallory' } }));
    await expect(read()).rejects.toThrow();
    api.world.sessions.set('ses_mallory', { ...session, commands: 0 });
    expect(await read()).toEqual([]);
  });

  test('that breaks off is told to the reader', async () => {
    api.world.recordings.set('ses_alice', [command('SELECT 1'), rows(Buffer.from([0, 1, 0]))]);
    const client = createClient({ baseUrl: api.url, token: 'token-of-audrey' });
    const seen: string[] = [];
    await expect(
      (async () => {
        for await (const entry of client.stream('readRecording', { params: { id: 'ses_alice' } }))
          seen.push(entry.type);
      })(),
    ).rejects.toMatchObject({ code: 'client.interrupted' });
    expect(seen.length).toBeLessThanOrEqual(1);
  });
});

describe('A-API-05: exports', () => {
  const hostile = '=cmd|calc!A1\u001b]0;x\u0007\r\n2026-01-01T00:00:00.000Z #9 query\u009b2J\u202e';

  test('are named, typed and journaled', async () => {
    api.world.recordings.set('ses_alice', full);
    for (const [format, type, name] of [
      ['ndjson', 'application/x-ndjson', 'ndjson'],
      ['csv', 'text/csv', 'csv'],
      ['text', 'text/plain', 'txt'],
    ]) {
      const answer = await api.call('GET', `/api/v1/sessions/ses_alice/export?format=${format}`, 'alice');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toContain(type as string);
      expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="ses_alice.${name}"`);
    }
    expect(api.world.eventsOf('recording.read').map((event) => 'how' in event && event.how)).toEqual([
      'export ndjson',
      'export csv',
      'export text',
    ]);
    expect((await api.call('GET', '/api/v1/sessions/ses_alice/export?format=xls', 'alice')).status).toBe(400);
  });

  test('hold no controls, formulas or forged lines, wherever the text came from', async () => {
    const entries: RecordedEntry[] = [
      {
        type: 'command',
        at,
        command: 1,
        kind: 'sql',
        verb: 'query',
        text: hostile,
        parameters: [{ type: null, value: hostile, bytes: 9 }],
        of: null,
      },
      { type: 'columns', at, command: 1, columns: [{ name: hostile, type: '25', format: 'text' }] },
      rows(rowsOf([[hostile]])),
      { type: 'data', at, command: 1, direction: 'out', data: Buffer.from(hostile) },
      { type: 'message', at, command: 1, level: 'notice', code: hostile, text: hostile, fields: {} },
      { type: 'completed', at, command: 1, outcome: 'completed', tag: hostile, rows: 0, bytes: 0, durationMs: 0 },
    ];
    const csv = await exported(entries, 'csv');
    const text = await exported(entries, 'text');
    const ndjson = await exported(entries, 'ndjson');
    for (const out of [csv.replaceAll('\r\n', '\n'), text, ndjson])
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    for (const line of csv.split('\r\n')) for (const cell of line.split(',')) expect(cell).not.toMatch(/^"?[=+\-@]/);
    expect(csv.split('\r\n')).toHaveLength(9);
    expect(text.split('\n').filter((line) => line.startsWith('2026')).length).toBe(4);
    expect(
      text
        .split('\n')
        .filter((line) => line.includes('#9') && !line.startsWith('    '))
        .every((line) => line.includes('#1 ')),
    ).toBe(true);
    for (const line of ndjson.trimEnd().split('\n')) JSON.parse(line);
  });

  test('hold for any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (any) => {
        const entries: RecordedEntry[] = [command(any), rows(rowsOf([[any]]))];
        const csv = await exported(entries, 'csv');
        expect(csv.split('\r\n')).toHaveLength(4);
        const text = await exported(entries, 'text');
        expect(text.split('\n').filter((line) => !line.startsWith('    ') && line !== '')).toHaveLength(1);
        for (const out of [csv, text])
          expect(out.replaceAll('\r\n', '\n')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
      { numRuns: 100, seed: 7 },
    );
  });
});

describe('a live session', () => {
  const tail = (person: string, signal?: AbortSignal) =>
    createClient({ baseUrl: api.url, token: `token-of-${person}` }).stream(
      'tailSession',
      { params: { id: 'ses_alice' } },
      { signal },
    );

  const push = (entry: RecordedEntry | null): void => {
    api.world.live.push(entry);
    api.world.onLive?.();
  };

  test('is followed until it ends', async () => {
    api.world.live.splice(0, api.world.live.length, command('SELECT 1'));
    const stream = tail('alice');
    expect((await stream.next()).value).toMatchObject({ text: 'SELECT 1' });
    push(command('SELECT 2'));
    expect((await stream.next()).value).toMatchObject({ text: 'SELECT 2' });
    push(null);
    expect((await stream.next()).done).toBe(true);
    expect(api.world.eventsOf('recording.read')).toMatchObject([{ how: 'tail', principal: { name: 'alice' } }]);
  });

  test('an ended one is not', async () => {
    await expect(tail('adam').next()).resolves.toBeDefined();
    const ended = await api.call('GET', '/api/v1/sessions/ses_mallory/tail', 'adam');
    expect([ended.status, ended.json['code']]).toEqual([409, 'api.not-live']);
    expect(api.world.eventsOf('recording.read')).toHaveLength(1);
  });

  test('I11: the stream ends when its token is revoked', async () => {
    api.world.live.splice(0, api.world.live.length, command('SELECT 1'));
    const stream = tail('audrey');
    await stream.next();
    api.world.tokens.get('tok_audrey')!.revoked = true;
    const next = stream.next();
    api.world.clock.advance(streamRecheckMs);
    await expect(next).rejects.toMatchObject({ code: 'client.interrupted' });
  });

  test('streams of one principal are counted, and given back', async () => {
    api.world.live.splice(0);
    const streams: AsyncGenerator<RecordedEntryView>[] = [];
    api.world.live.push(...Array.from({ length: streamsPerPrincipalMax }, () => command('x')));
    const stops: AbortController[] = [];
    for (let count = 0; count < streamsPerPrincipalMax; count++) {
      const stop = new AbortController();
      const stream = tail('adam', stop.signal);
      api.world.live.splice(0, api.world.live.length, command('x'));
      await stream.next();
      streams.push(stream);
      stops.push(stop);
    }
    expect((await api.call('GET', '/api/v1/sessions/ses_alice/tail', 'adam')).status).toBe(429);
    await streams[0]?.return(undefined);
    api.world.live.splice(0, api.world.live.length, command('x'), null);
    let status = 429;
    while (status === 429) {
      api.world.live.splice(0, api.world.live.length, null);
      status = (await api.call('GET', '/api/v1/sessions/ses_alice/recording', 'adam')).status;
    }
    expect(status).toBe(200);
    for (const stream of streams.slice(1)) await stream.return(undefined);
  });

  test('A-API-03: a client that leaves while it is identified takes no place', async () => {
    const { identity } = api.world.ports;
    const verify = identity.verifyToken;
    let waiting = 0;
    const gate = Promise.withResolvers<void>();
    Object.assign(identity, {
      verifyToken: async (...proof: Parameters<typeof verify>) => {
        waiting++;
        await gate.promise;
        return verify(...proof);
      },
    });
    const open = (): Promise<number> =>
      new Promise((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));
    const sockets = Array.from({ length: streamsPerPrincipalMax }, () => connect(api.port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.write(
        'GET /api/v1/sessions/ses_alice/tail HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-adam\r\n\r\n',
      );
    }
    while (waiting < streamsPerPrincipalMax) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    while ((await open()) > 0) await new Promise((resolve) => setImmediate(resolve));
    // The last of them is told of its end a turn of the loop later.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    api.world.live.splice(0);
    gate.resolve();
    const headers = { authorization: 'Bearer token-of-adam' };
    const stop = new AbortController();
    const answer = await fetch(`${api.url}/api/v1/sessions/ses_alice/tail`, { headers, signal: stop.signal });
    expect(answer.status).toBe(200);
    stop.abort();
  });

  test('a silent one is kept alive by blank lines', async () => {
    api.world.live.splice(0);
    const headers = { authorization: 'Bearer token-of-alice' };
    const answer = await fetch(`${api.url}/api/v1/sessions/ses_alice/tail`, { headers });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('\n');
    while (api.world.onLive === null) await new Promise((resolve) => setImmediate(resolve));
    api.world.clock.advance(contractLimits.streamHeartbeatMs);
    expect((await reader.read()).value).toBe('\n');
    push(null);
    expect((await reader.read()).done).toBe(true);
  });

  test('is killed with its reason journaled first', async () => {
    const kill = (id: string, reason: string) =>
      api.call('POST', `/api/v1/sessions/${id}/kill`, 'adam', { body: { reason } });
    expect((await kill('ses_alice', 'unusual')).status).toBe(204);
    expect(api.world.killed).toEqual(['ses_alice']);
    expect(api.world.events).toMatchObject([
      { type: 'session.kill', session: 'ses_alice', principal: { name: 'adam' }, reason: 'unusual' },
    ]);
    expect((await kill('ses_mallory', 'unusual')).status).toBe(409);
    expect((await kill('ses_alice', 'two\nlines')).status).toBe(400);
  });
});

test('closing the API ends its streams', async () => {
  const other = await start();
  other.world.live.splice(0, other.world.live.length, command('SELECT 1'));
  const stream = createClient({ baseUrl: other.url, token: 'token-of-alice' }).stream('tailSession', {
    params: { id: 'ses_alice' },
  });
  await stream.next();
  const next = stream.next();
  const rejected = expect(next).rejects.toMatchObject({ code: 'client.interrupted' });
  await other.close();
  await rejected;
});
