import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { RecordedEntryView } from '../api/contract/index.ts';
import type { Clock } from '../base/clock.ts';
import { makePalette, wantsColour } from './output/colour.ts';
import { toJson, toYaml } from './output/structured.ts';
import { tableLines } from './output/table.ts';
import { byteSize, duration, groupDigits, offset, relativeTime } from './output/time.ts';
import { cutToWidth, displayWidth, padTo } from './output/width.ts';
import { gridLines } from './replay/grid.ts';
import { Transcript } from './replay/transcript.ts';
import {
  command,
  done,
  entries,
  type FakeGateway,
  goodToken,
  message,
  Refusal,
  session,
  sessionId,
  startFakeGateway,
  streamed,
} from './testing/fake-gateway.ts';
import { testNowMs, World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  gateway = await startFakeGateway();
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const golden = (name: string): string => join(import.meta.dirname, 'testing', 'goldens', name);

/** Everything that a terminal obeys: nothing of it may be in plain output, only colours in coloured output. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
// biome-ignore lint/complexity/useRegexLiterals: the escape character is easier to see spelled out
const colours = new RegExp('\\u001b\\[[0-9;]*m', 'g');
const hostile = '\u001b]0;owned\u0007\u001b[2J\r\n\u202egpj.exe\u009b31m\u0000\ud800\u001b]52;c;cm0gLXJm\u0007';

describe('goldens', () => {
  it.each([
    ['sessions-ls', ['sessions', 'ls']],
    ['sessions-show', ['sessions', 'show', 'last']],
    ['replay', ['sessions', 'replay', sessionId]],
    ['replay-no-rows', ['sessions', 'replay', sessionId, '--no-rows']],
    ['get-all', ['get', 'all']],
    ['token-ls', ['token', 'ls']],
    ['secret-ls', ['secret', 'ls']],
    ['status', ['status']],
    ['whoami', ['whoami']],
    ['explain', ['explain', '--principal', 'engineer', '--resource', 'orders']],
    ['connect-list', ['connect']],
  ])('%s, plain and coloured', async (name, argv) => {
    const normal = (text: string): string =>
      text.replaceAll(gateway.url, 'http://gateway.test').replace(/\d+\.\d+\.\d+\.\d+:\d{4,5}/g, 'gateway.test');
    const plain = await world.run(argv, { env });
    expect(plain.stderr).toBe('');
    expect(plain.stdout).not.toMatch(controls);
    await expect(normal(plain.stdout)).toMatchFileSnapshot(golden(`${name}.txt`));
    const coloured = await world.run(argv, { env, terminal: 160 });
    expect(coloured.stdout).toContain('\u001b[');
    expect(coloured.stdout.replace(colours, '')).toBe(plain.stdout);
    await expect(normal(coloured.stdout).replaceAll('\u001b', '␛')).toMatchFileSnapshot(golden(`${name}.colour.txt`));
  });

  it('apply shows the difference, plain and coloured', async () => {
    const manifest = `kind: Group\nmetadata: { name: dba }\nspec: { members: [admin] }\n`;
    await mkdir(join(world.directory, 'config', 'deep'), { recursive: true });
    await writeFile(join(world.directory, 'config', 'deep', 'group.yaml'), manifest);
    await writeFile(join(world.directory, 'config', '.hidden.yaml'), 'nonsense: true');
    await using own = await startFakeGateway({
      apply: ({ body }) => ({
        dryRun: (body as { dryRun: boolean }).dryRun,
        results: [
          {
            kind: 'Resource',
            name: 'orders',
            action: 'updated',
            changes: [
              { path: 'spec.address', before: 'old:5432', after: 'new:5432' },
              { path: 'spec.tls.ca', before: null, after: '-----BEGIN CERTIFICATE-----\nMIIB\n'.repeat(4) },
              { path: 'metadata.labels.env', before: 'prod\u001b[2J', after: null },
            ],
            warnings: ['No Access selects it.'],
          },
          {
            kind: 'Group',
            name: 'dba',
            action: 'created',
            changes: [{ path: 'spec.members', before: null, after: '[admin]' }],
            warnings: [],
          },
          { kind: 'Access', name: 'same', action: 'unchanged', changes: [], warnings: [] },
        ],
      }),
    });
    const run = (terminal?: number) =>
      world.run(['apply', '-f', 'config', '--dry-run'], {
        env: { ...env, SALLYPORT_SERVER: own.url },
        ...(terminal === undefined ? {} : { terminal }),
      });
    const plain = await run();
    expect(own.asked[0]!.body).toEqual({
      dryRun: true,
      documents: [{ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['admin'] } }],
    });
    expect(plain.stdout).not.toMatch(controls);
    await expect(plain.stdout).toMatchFileSnapshot(golden('apply.txt'));
    await expect((await run(100)).stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot(golden('apply.colour.txt'));
  });
});

describe('apply', () => {
  it('names file, line and field, for its own problems and for those of the gateway', async () => {
    await writeFile(join(world.directory, 'a.yaml'), 'kind: Group\nmetadata: { name: dba }\nspec:\n  membrs: [x]\n');
    const own = await world.run(['apply', '-f', 'a.yaml'], { env });
    expect(own.code).toBe(2);
    expect(own.stderr).toContain('a.yaml:4:3: spec.membrs: unknown field; did you mean members?');
    await using picky = await startFakeGateway({
      apply: () =>
        new Refusal(422, 'api.invalid-manifest', 'Nothing was applied.', [
          { document: 0, path: ['spec', 'members'], on: 'value', message: 'no such principal' },
        ]),
    });
    const stdin = 'kind: Group\nmetadata: { name: dba }\nspec:\n  members: [x]\n';
    const theirs = await world.run(['apply', '-f', '-'], { env: { ...env, SALLYPORT_SERVER: picky.url }, stdin });
    expect(theirs.stderr).toContain('(standard input):4:12: spec.members: no such principal');
    expect(theirs.code).toBe(2);
    expect((await world.run(['apply', '-f', 'nothing.yaml'], { env })).stderr).toContain('no such file or folder');
  });

  it('takes what get gives, unchanged', async () => {
    const got = await world.run(['get', 'all', '-o', 'yaml'], { env });
    await using own = await startFakeGateway({ apply: () => ({ dryRun: false, results: [] }) });
    await world.run(['apply', '-f', '-'], { env: { ...env, SALLYPORT_SERVER: own.url }, stdin: got.stdout });
    const sent = (own.asked[0]!.body as { documents: unknown[] }).documents;
    expect(sent).toEqual(JSON.parse((await world.run(['get', 'all', '-o', 'json'], { env })).stdout));
  });
});

describe('hostile content (I13, A-REC-02, A-API-05)', () => {
  const evil: readonly RecordedEntryView[] = [
    {
      ...command(1, hostile, `select '${hostile}'`, '00.100'),
      parameters: [{ type: hostile, value: hostile, bytes: 1, digest: hostile }],
    },
    { type: 'columns', at: '2026-11-21T11:50:00Z', command: 1, columns: [{ name: hostile, type: hostile }] },
    { type: 'rows', at: '2026-11-21T11:50:00Z', command: 1, rows: [[hostile], [`${hostile}${'x'.repeat(9000)}`], []] },
    {
      type: 'data',
      at: '2026-11-21T11:50:00Z',
      command: 1,
      direction: 'out',
      bytes: 9,
      encoding: 'utf8',
      data: `${hostile}\n${hostile}`,
    },
    { type: 'omitted', at: '2026-11-21T11:50:00Z', command: 1, rows: 1, bytes: 1, digest: hostile },
    message(1, 'error', hostile, hostile, '00.200', { detail: hostile, hint: hostile, where: hostile }),
    message(null, 'gateway', hostile, hostile, '00.200'),
    done(1, hostile, hostile, '00.300', 1),
  ];
  const evilSession = session({
    principal: { id: hostile, name: hostile, kind: 'person' },
    resource: hostile,
    protocol: hostile,
    source: hostile,
    access: hostile,
    client: { [hostile]: hostile },
    endReason: hostile,
    endedBy: hostile,
  });

  it('reaches no terminal from any view of a session', async () => {
    await using own = await startFakeGateway({
      getSession: () => evilSession,
      listSessions: () => ({ sessions: [evilSession], next: null }),
      readRecording: () => streamed(evil),
      exportSession: () => `line ${hostile}\n`,
    });
    for (const argv of [
      ['sessions', 'replay', sessionId],
      ['sessions', 'replay', sessionId, '--raw'],
      ['sessions', 'ls'],
      ['sessions', 'ls', '-o', 'json'],
      ['sessions', 'ls', '-o', 'yaml'],
      ['sessions', 'show', sessionId],
      ['sessions', 'export', sessionId],
    ]) {
      const ran = await world.run(argv, { env: { ...env, SALLYPORT_SERVER: own.url }, terminal: 120 });
      expect({ argv, code: ran.code }).toEqual({ argv, code: 0 });
      expect(ran.stdout.replace(colours, ''), argv.join(' ')).not.toMatch(controls);
      expect(ran.stdout).toMatch(/\\(u001b|e)/);
    }
  });

  it('reaches no terminal from an error of the gateway', async () => {
    await using own = await startFakeGateway({
      status: () => new Refusal(500, hostile, hostile),
      whoami: () => new Refusal(422, 'x', hostile),
    });
    for (const argv of [['status'], ['whoami']]) {
      const ran = await world.run(argv, { env: { ...env, SALLYPORT_SERVER: own.url, SALLYPORT_DEBUG: '1' } });
      expect(ran.stderr).not.toMatch(controls);
    }
    expect((await world.run([`bad${hostile}`])).stderr).not.toMatch(controls);
  });

  it('holds for any text in any place of the transcript, and structured output means the same value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.boolean(), (text, colour) => {
        const transcript = new Transcript(session({ resource: text }), {
          palette: makePalette(colour),
          columns: 80,
          rowsMax: 5,
        });
        const shown = [
          ...transcript.head(),
          ...transcript.add({
            ...command(1, text, text, '00.100'),
            parameters: [{ type: text, value: text, bytes: 1 }],
          }),
          ...transcript.add({
            type: 'columns',
            at: '2026-11-21T11:50:00Z',
            command: 1,
            columns: [{ name: text, type: text }],
          }),
          ...transcript.add({ type: 'rows', at: '2026-11-21T11:50:00Z', command: 1, rows: [[text]] }),
          ...transcript.add(message(1, 'error', text, text, '00.200', { hint: text })),
          ...transcript.add(done(1, text, text, '00.300', 1)),
        ];
        for (const line of shown) {
          expect(line.replace(colours, '')).not.toMatch(controls);
          expect(line).not.toContain('\n');
        }
        const value = { [text]: [text] };
        // A lone surrogate is no character; both formats give its escape back as it was.
        expect(JSON.parse(toJson(value))).toEqual(value);
        expect(toJson(value)).not.toMatch(controls);
        expect(toYaml(value)).not.toMatch(controls);
        if (text.isWellFormed()) expect(parseYaml(toYaml(value))).toEqual(value);
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });
});

/** A clock whose waits are over at once, and written down. */
function promptClock(waited: number[]): Clock {
  return {
    now: () => testNowMs,
    monotonic: () => 0,
    after: (ms, callback) => {
      waited.push(ms);
      setImmediate(callback);
      return { cancel() {} };
    },
    every: () => ({ cancel() {} }),
  };
}

describe('replay', () => {
  it('keeps the pauses divided by the speed, and bounds them', async () => {
    const waited: number[] = [];
    const clock = promptClock(waited);
    const ran = await world.run(['sessions', 'replay', sessionId, '--speed', '2'], { env, clock });
    expect(ran.code).toBe(0);
    expect(waited).toEqual([2.5, 2.5, 5, 1930, 0.5, 0.5, 2499, 0.5, 0.5]);
    expect(ran.stdout).toBe((await world.run(['sessions', 'replay', sessionId], { env })).stdout);
  });

  it('caps the rows of a result and says how many there are, at the limit and past it', () => {
    const show = (rows: number): string => {
      const transcript = new Transcript(session(), { palette: makePalette(false), columns: null, rowsMax: 2 });
      transcript.add(command(1, 'query', 'select 1', '00.000'));
      transcript.add({
        type: 'columns',
        at: '2026-11-21T11:50:00Z',
        command: 1,
        columns: [{ name: 'n', type: 'int4' }],
      });
      for (let row = 0; row < rows; row++) {
        transcript.add({ type: 'rows', at: '2026-11-21T11:50:00Z', command: 1, rows: [[String(row)]] });
      }
      return transcript.add(done(1, 'completed', `SELECT ${rows}`, '00.100', 1)).join('\n');
    };
    expect(show(2)).toBe(' n\n---\n 0\n 1\n(2 rows)\n✔ SELECT 2 · 1 ms');
    expect(show(3)).toContain(' 1\n… 1 more row recorded (--rows shows more)\n');
  });

  it('says whose result follows when commands were pipelined, and shows each of several results', () => {
    const transcript = new Transcript(session(), { palette: makePalette(false), columns: null, rowsMax: 9 });
    const columns = (ordinal: number): RecordedEntryView => ({
      type: 'columns',
      at: '2026-11-21T11:50:00Z',
      command: ordinal,
      columns: [{ name: 'c', type: 't' }],
    });
    const rows = (ordinal: number): RecordedEntryView => ({
      type: 'rows',
      at: '2026-11-21T11:50:00Z',
      command: ordinal,
      rows: [['v']],
    });
    const shown = [
      command(1, 'query', 'a; b', '00.000'),
      command(2, 'query', 'c', '00.000'),
      columns(1),
      rows(1),
      columns(1),
      rows(1),
      done(1, 'completed', 'SELECT 1', '00.100', 1),
      columns(2),
      rows(2),
      done(2, 'completed', 'SELECT 1', '00.100', 1),
    ].flatMap((entry) => transcript.add(entry));
    expect(shown.filter((line) => line.startsWith('↳'))).toEqual(['↳ #1', '↳ #2']);
    expect(shown.filter((line) => line === '(1 row)').length).toBe(3);
  });

  it('does not repeat a prepared statement, nor say that preparing it worked', () => {
    const transcript = new Transcript(session(), { palette: makePalette(false), columns: null, rowsMax: 9 });
    const text = 'select $1\nfrom t';
    const shown = [
      command(1, 'prepare', text, '00.000'),
      { ...command(2, 'execute', text, '00.000'), of: 1 },
      done(1, 'completed', null, '00.001', 1),
      done(2, 'completed', 'SELECT 0', '00.001', 1),
      { ...command(3, 'execute', 'other', '00.000'), of: 1 },
    ].flatMap((entry) => transcript.add(entry));
    expect(shown).toEqual([
      '',
      '00:00:00.000 #1 engineer→orders prepare',
      '  select $1',
      '  from t',
      '',
      '00:00:00.000 #2 engineer→orders execute of #1',
      '  select $1 … as in #1',
      '✔ SELECT 0 · 1 ms',
      '',
      '00:00:00.000 #3 engineer→orders execute of #1',
      '  other',
    ]);
  });

  it('gives the entries as recorded with --raw', async () => {
    const ran = await world.run(['sessions', 'replay', sessionId, '--raw'], { env });
    expect(
      ran.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(entries);
  });

  it('finds a session by last, by a part of its id, and refuses what fits several', async () => {
    expect((await world.run(['sessions', 'show', 'last', '-o', 'json'], { env })).stdout).toContain('ses_01k9zzz');
    expect((await world.run(['sessions', 'show', 'ses_01k8', '-o', 'json'], { env })).stdout).toContain('killed');
    expect((await world.run(['sessions', 'show', 'ses_'], { env })).stderr).toContain('fits 3 sessions');
    expect((await world.run(['sessions', 'show', 'nothing'], { env })).code).toBe(1);
  });

  it('tails and kills live sessions only', async () => {
    expect((await world.run(['sessions', 'tail', sessionId], { env })).code).toBe(1);
    expect((await world.run(['sessions', 'kill', sessionId], { env })).code).toBe(1);
    const killed = await world.run(['sessions', 'kill', 'last', '--reason', 'enough'], { env });
    expect(killed.code).toBe(0);
    expect(gateway.asked.at(-1)).toMatchObject({ route: 'killSession', body: { reason: 'enough' } });
    let looks = 0;
    const end = { live: false, endReason: 'killed', endedBy: 'admin' };
    await using ending = await startFakeGateway({
      getSession: () => session(looks++ < 2 ? { live: true, endedAt: null } : end),
    });
    const clock = promptClock([]);
    const tailed = await world.run(['sessions', 'tail', sessionId], {
      env: { ...env, SALLYPORT_SERVER: ending.url },
      clock,
    });
    expect(tailed.stdout).toContain('ended: killed by admin');
  });

  it('exports to a file that its owner alone may read, whole or not at all', async () => {
    const ran = await world.run(['sessions', 'export', sessionId, '--format', 'csv', '-O', 'out.csv'], { env });
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    const path = join(world.directory, 'out.csv');
    expect(await readFile(path, 'utf8')).toBe('exported as csv\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const nowhere = await world.run(['sessions', 'export', sessionId, '-O', 'no/such/out.csv'], { env });
    expect(nowhere.code).toBe(2);
    expect((await world.run(['sessions', 'export', sessionId, '--format', 'xml'], { env })).code).toBe(2);
  });
});

describe('secrets and tokens', () => {
  it('reads a secret from standard input or a file, never from the command line, and shows nothing of it', async () => {
    const piped = await world.run(['secret', 'set', 'orders-password'], { env, stdin: 'hunter2\n' });
    expect(piped.code).toBe(0);
    expect(gateway.asked.at(-1)).toMatchObject({
      route: 'putSecret',
      params: { name: 'orders-password' },
      body: { value: 'hunter2' },
    });
    expect(piped.stdout + piped.stderr).not.toContain('hunter2');
    await writeFile(join(world.directory, 'key.pem'), 'a\nb\n');
    await world.run(['secret', 'set', 'key', '--from-file', 'key.pem'], { env });
    expect(gateway.asked.at(-1)).toMatchObject({ body: { value: 'a\nb' } });
    expect((await world.run(['secret', 'set', 'x', 'value'], { env })).code).toBe(2);
    const limit = 64 * 1024;
    expect((await world.run(['secret', 'set', 'x'], { env, stdin: 'x'.repeat(limit) })).code).toBe(0);
    expect((await world.run(['secret', 'set', 'x'], { env, stdin: 'x'.repeat(limit + 1) })).code).toBe(2);
  });

  it('prints a new token alone on standard output', async () => {
    const ran = await world.run(['token', 'create', '--lifetime', '8h', '--description', 'ci'], { env });
    expect(ran.stdout).toBe('tok-new-secret\n');
    expect(ran.stderr).not.toContain('tok-new-secret');
    expect(gateway.asked.at(-1)!.body).toEqual({ lifetimeSeconds: 28_800, description: 'ci' });
    expect((await world.run(['token', 'create', '--lifetime', 'long'], { env })).code).toBe(2);
  });

  it('saves a checkpoint', async () => {
    expect((await world.run(['checkpoint', '-O', 'c.txt'], { env })).code).toBe(0);
    expect(await readFile(join(world.directory, 'c.txt'), 'utf8')).toBe('sallyport checkpoint\n42\nabc=\n');
    expect((await world.run(['checkpoint'], { env })).stdout).toBe('sallyport checkpoint\n42\nabc=\n');
  });
});

describe('tables', () => {
  const palette = makePalette(false);

  it('aligns wide, combining and emoji characters by columns of the terminal', () => {
    expect(['', 'abc', '山', 'e\u0301', '👩‍👩‍👧', '…'].map(displayWidth)).toEqual([0, 3, 2, 1, 2, 1]);
    const lines = tableLines(
      [{ title: 'A' }, { title: 'B', align: 'right' }],
      [
        ['山田', '1'],
        ['x', '22'],
        ['e\u0301e\u0301e\u0301', ''],
      ],
      palette,
    );
    expect(new Set(lines.slice(0, 3).map(displayWidth))).toEqual(new Set([8]));
    expect(padTo('x', 4, 'centre')).toBe(' x  ');
  });

  it('shrinks what may be cut to the terminal, the widest first, and never below what can be read', () => {
    const columns = [{ title: 'ID' }, { title: 'A', widest: 40 }, { title: 'B', widest: 40 }];
    const rows = [['0123456789', 'a'.repeat(30), 'b'.repeat(20)]];
    const at = (width: number | null): string => tableLines(columns, rows, palette, width)[1]!;
    expect(at(null).length).toBe(64);
    expect(at(64).length).toBe(64);
    expect(at(54)).toBe(`0123456789  ${'a'.repeat(19)}…  ${'b'.repeat(20)}`);
    expect(at(20)).toBe('0123456789  aaaaaaa…  bbbbbbb…');
  });

  it('leaves out what is spare rather than cut cells to nothing, the highest first', () => {
    const columns = [{ title: 'ID' }, { title: 'A', spare: 1 }, { title: 'B', spare: 2 }, { title: 'C', widest: 40 }];
    const rows = [['0123456789', 'aaaaaaaa', 'bbbbbbbb', 'c'.repeat(30)]];
    const at = (width: number): string => tableLines(columns, rows, palette, width)[0]!;
    expect(at(48)).toBe('ID          A         B         C');
    expect(at(47)).toBe('ID          A         C');
    expect(at(38)).toBe('ID          A         C');
    expect(at(37)).toBe('ID          C');
  });

  it('cuts at the width and not before', () => {
    expect(cutToWidth('abcdef', 6)).toBe('abcdef');
    expect(cutToWidth('abcdefg', 6)).toBe('abcde…');
    expect(cutToWidth('山山山山', 6)).toBe('山山…');
    expect(displayWidth(cutToWidth('山'.repeat(100_000), 7))).toBeLessThanOrEqual(7);
  });

  it('shrinks a grid to the terminal, and keeps columns readable', () => {
    const wide = gridLines(['a', 'b'], [['x'.repeat(100), 'y'.repeat(100)]], palette, 60);
    expect(Math.max(...wide.map(displayWidth))).toBeLessThanOrEqual(60);
    const many = gridLines(
      Array.from({ length: 50 }, (_, index) => `c${index}`),
      [],
      palette,
      20,
    );
    expect(many.length).toBe(2);
  });

  it('spells times and sizes', () => {
    expect([0, 0.44, 37.6, 4200, 185_000, 7_800_000, 3 * 86_400_000 + 4 * 3_600_000].map(duration)).toEqual([
      '0 ms',
      '0.4 ms',
      '38 ms',
      '4.2 s',
      '3 min 05 s',
      '2 h 10 min',
      '3 d 4 h',
    ]);
    expect([1023, 1024, 1536 * 1024].map(byteSize)).toEqual(['1023 B', '1.0 KiB', '1.5 MiB']);
    expect([1_000, 999, 1_234_567].map(groupDigits)).toEqual(['1 000', '999', '1 234 567']);
    expect(offset(3_723_004)).toBe('01:02:03.004');
    expect(
      [-1000, -60_000, -86_400_000, -40 * 86_400_000, 3_600_000].map((ms) => relativeTime(testNowMs + ms, testNowMs)),
    ).toEqual(['just now', '1 min ago', '1 d ago', '2026-10-12', 'in 1 h']);
  });

  it('colours terminals only, unless told otherwise', () => {
    const tty = { isTTY: true };
    expect(wantsColour(tty, {}, false)).toBe(true);
    expect(wantsColour({}, {}, false)).toBe(false);
    expect(wantsColour(tty, {}, true)).toBe(false);
    expect(wantsColour(tty, { NO_COLOR: '1' }, false)).toBe(false);
    expect(wantsColour(tty, { NO_COLOR: '' }, false)).toBe(true);
    expect(wantsColour(tty, { TERM: 'dumb' }, false)).toBe(false);
    expect(wantsColour({}, { FORCE_COLOR: '1' }, false)).toBe(true);
    expect(wantsColour({}, { FORCE_COLOR: '1', NO_COLOR: '1' }, false)).toBe(false);
  });
});
