import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEntryView } from '../api/contract/index.ts';
import { systemClock } from '../base/clock.ts';
import type { CliIo, InputStream } from './io.ts';
import { Output } from './output/output.ts';
import { playTerminal } from './replay/player.ts';
import { ScreenText } from './replay/screen.ts';
import {
  at,
  done,
  type FakeGateway,
  goodToken,
  Refusal,
  session,
  sessionId,
  startFakeGateway,
  streamed,
} from './testing/fake-gateway.ts';
import { World } from './testing/world.ts';

const esc = '\u001b';
const hostile = `${esc}]52;c;cm0gLXJm\u0007${esc}]0;owned\u0007${esc}P$qm${esc}\\${esc}[c${esc}[6n${esc}[21t${esc}]8;;javascript:x${esc}\\`;

function screen(command: number, when: string, data: string, direction: 'in' | 'out' = 'out'): RecordedEntryView {
  const bytes = Buffer.byteLength(data);
  return { type: 'screen', at: at(when), command, direction, bytes, encoding: 'utf8', data };
}
function terminal(command: number, when: string, columns = 80, rows = 24): RecordedEntryView {
  return { type: 'terminal', at: at(when), command, columns, rows, term: 'xterm' };
}
function shell(command: number, verb: string, text: string, when: string): RecordedEntryView {
  return { type: 'command', at: at(when), command, kind: 'shell', verb, text, parameters: null, of: null };
}

const recording: readonly RecordedEntryView[] = [
  shell(1, 'shell', '(interactive shell, gated)', '00.000'),
  terminal(1, '00.010'),
  screen(1, '00.100', `${hostile}web-1$ `),
  screen(1, '01.000', 'secret typed', 'in'),
  shell(2, 'line', 'ls', '01.500'),
  terminal(7, '01.600', 100, 30),
  screen(7, '01.650', 'the other terminal'),
  screen(1, '01.700', `ks\b \bs\r\n${esc}[1;34mconfig${esc}[0m\r\n`),
  done(2, 'completed', 'exit 0', '01.800', 3),
  screen(1, '02.000', `${esc}[?1049hvim${esc}[2;2Hx${esc}[?1049lweb-1$ exit`),
  done(7, 'completed', null, '02.050', 1),
  done(1, 'completed', 'exit 0', '02.100', 2100),
];

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;
let isSteerable = true;

beforeAll(async () => {
  gateway = await startFakeGateway({
    readRecording: () => streamed(recording),
    tailSession: () => streamed(recording),
    steerSession: () => (isSteerable ? undefined : new Refusal(409, 'api.not-steerable', 'It cannot be steered.')),
    exportSession: ({ query }) => `${query.get('format')} of ${query.get('command')}\n`,
  });
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
  isSteerable = true;
});
afterEach(() => world[Symbol.asyncDispose]());

describe('what a terminal showed, as text', () => {
  const textOf = (...pieces: string[]): string[] => {
    const text = new ScreenText();
    return [...pieces.flatMap((piece) => [...text.push(piece)]), ...text.rest()];
  };

  it.each([
    ['lines', 'a\r\nb', ['a', 'b']],
    ['editing within a line', `lx\b \bs -a${esc}[2D${esc}[1P${esc}[K\r\n`, ['ls a'.slice(0, 3).trimEnd()]],
    ['a progress bar', '10 %\r50 %\r100 %\r\n', ['100 %']],
    ['tabs and colours', `a\tb${esc}[31mc${esc}[0m`, ['a       bc']],
    [
      'what takes the whole screen',
      `$ vim${esc}[?1049h${esc}[2Jx\r\ny${esc}[?1049l\r$ `,
      ['$ vim', '(a program that takes the whole screen)', '$'],
    ],
    ['another line', `one${esc}[5;1Htwo`, ['one', 'two']],
    ['what a terminal obeys', `${hostile}x`, ['x']],
    ['a line that never ends', 'x'.repeat(5000), ['x'.repeat(4096)]],
  ])('%s', (_what, given, expected) => {
    expect(textOf(given)).toEqual(expected);
  });

  it('is the same for every way to cut it', () => {
    const given = recording.flatMap((entry) => (entry.type === 'screen' ? [entry.data] : [])).join('');
    expect(textOf(...given)).toEqual(textOf(given));
  });
});

describe('sessions replay of a terminal', () => {
  it('is a transcript where nobody looks at a terminal, with every command', async () => {
    const { code, stdout } = await world.run(['sessions', 'replay', sessionId], { env });
    expect(code).toBe(0);
    expect(stdout).toContain('  web-1$ kss\n'.replace('kss', 'ks'));
    expect(stdout).toContain('  config\n');
    expect(stdout).toContain('(a program that takes the whole screen)');
    expect(stdout).toContain('line\n  ls\n');
    expect(stdout).not.toContain('secret typed');
    expect(stdout).not.toContain(esc);
  });

  it('plays the first terminal to a person, inert, and leaves the terminal as it was (A-SSH-22)', async () => {
    const argv = ['sessions', 'replay', sessionId, '--speed', '1000'];
    const { code, stdout, stderr } = await world.run(argv, { env, terminal: 120, clock: systemClock });
    expect(code).toBe(0);
    const vim = `${esc}[?1049hvim${esc}[2;2Hx${esc}[?1049lweb-1$ exit`;
    const end = `${esc}[4l${esc}[?7h${esc}[?25h${esc}[0m\r\n`;
    expect(stdout).toBe(`web-1$ ks\b \bs\r\n${esc}[1;34mconfig${esc}[0m\r\n${vim}${end}`);
    expect(stderr).toContain('Other terminals in this session: #7');
  });

  it('plays the one that is asked for, and says where there is none', async () => {
    const argv = ['sessions', 'replay', sessionId, '--speed', '1000', '--command'];
    expect((await world.run([...argv, '7'], { env, terminal: 120, clock: systemClock })).stdout).toBe(
      'the other terminal\r\n',
    );
    expect(await world.run([...argv, '3'], { env, terminal: 120, clock: systemClock })).toMatchObject({ code: 1 });
  });

  it('is a transcript for a person who asks for it, and for a recording without terminals', async () => {
    const asked = await world.run(['sessions', 'replay', sessionId, '--transcript', '--no-color'], {
      env,
      terminal: 120,
    });
    expect(asked.stdout).toContain('(interactive shell, gated)');
    expect(asked.stdout).not.toContain('vim');
  });
});

describe('the player', () => {
  /** A terminal with keys. */
  function keyboard(): InputStream & { readonly modes: boolean[] } {
    const modes: boolean[] = [];
    return Object.assign(new PassThrough(), {
      isTTY: true,
      modes,
      setRawMode: (isRaw: boolean) => void modes.push(isRaw),
    });
  }
  function parts(stdin: InputStream): { written: string[]; options: Parameters<typeof playTerminal>[1] } {
    const written: string[] = [];
    const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
    stdout.on('data', (chunk: Buffer) => written.push(chunk.toString()));
    const io: CliIo = {
      stdin,
      stdout,
      stderr: new PassThrough(),
      env: {},
      cwd: '/',
      clock: systemClock,
      onSignal: () => () => undefined,
    };
    const options = {
      output: new Output(io, 'table', true),
      stdin,
      stdout,
      clock: systemClock,
      signal: new AbortController().signal,
      quit: new AbortController(),
      command: null,
      pace: { speed: 1, idleMs: 60_000 },
    };
    return { written, options };
  }

  it.each(['q', '\u0003'])('ends at once with a key, in the middle of a pause', async (key) => {
    const stdin = keyboard();
    const { written, options } = parts(stdin);
    const long = [terminal(1, '00.000'), screen(1, '00.000', 'a'), screen(1, '59.000', 'b')];
    setTimeout(() => (stdin as unknown as PassThrough).write(key), 50);
    const played = await playTerminal(streamed(long), options);
    expect(played.isQuit).toBe(true);
    expect(written.join('')).toBe('a\r\n');
    expect(stdin.modes).toEqual([true, false]);
  });

  it('stops and goes on with space, and is faster with +', async () => {
    const stdin = keyboard();
    const { written, options } = parts(stdin);
    const pausing = [terminal(1, '00.000'), screen(1, '00.000', 'a'), screen(1, '20.000', 'b')];
    setTimeout(() => (stdin as unknown as PassThrough).write(' '), 20);
    setTimeout(() => {
      expect(written.join('')).toBe('a');
      (stdin as unknown as PassThrough).write(' ++++++++');
    }, 300);
    await playTerminal(streamed(pausing), options);
    expect(written.join('')).toBe('ab\r\n');
  });

  it('goes on with another terminal that is open, where it follows a live session', async () => {
    const { written, options } = parts(new PassThrough());
    const live = [
      terminal(1, '00.000'),
      screen(1, '00.000', 'first'),
      terminal(5, '01.000'),
      screen(5, '01.000', 'missed'),
      done(1, 'completed', null, '02.000', 1),
      screen(5, '03.000', '|second'),
    ];
    const played = await playTerminal(streamed(live), { ...options, pace: null });
    expect(played.command).toBe(5);
    expect(written.join('')).toBe('first|second\r\n');
  });

  it('takes up characters that were cut between entries, and restores the terminal after an error', async () => {
    const { written, options } = parts(new PassThrough());
    const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)];
    const cut = (data: Buffer): RecordedEntryView => ({
      type: 'screen',
      at: at('00.000'),
      command: 1,
      direction: 'out',
      bytes: data.length,
      encoding: 'base64',
      data: data.toString('base64'),
    });
    async function* broken(): AsyncGenerator<RecordedEntryView> {
      yield terminal(1, '00.000');
      yield cut(first);
      yield cut(second);
      yield screen(1, '00.000', `${esc}[?1049h`);
      throw new Error('the answer broke off');
    }
    await expect(playTerminal(broken(), options)).rejects.toThrow('broke off');
    expect(written.join('')).toMatch(/^ü.*\[\?1049l.*\r\n$/s);
  });
});

describe('a live session', () => {
  const bodies = (): unknown[] => gateway.asked.filter(({ route }) => route === 'steerSession').map(({ body }) => body);

  it('is watched on this terminal', async () => {
    gateway.answers.getSession = () => session({ live: true, endedAt: null, endReason: null });
    const { code, stdout, stderr } = await world.run(['sessions', 'watch', sessionId], { env, terminal: 120 });
    expect(code).toBe(0);
    expect(stdout).toContain('web-1$ ks\b \bs');
    expect(stdout).not.toContain('owned');
    expect(stderr).toContain('has ended');
    const none = await world.run(['sessions', 'watch', sessionId, '--command', '99'], { env, terminal: 120 });
    expect(none.code).toBe(1);
  });

  it('is spoken to, stopped, and let go on', async () => {
    gateway.answers.getSession = () => session({ live: true, endedAt: null, endReason: null });
    const said = await world.run(['sessions', 'message', sessionId, 'Please', 'stop.'], { env });
    expect(said).toMatchObject({ code: 0, stderr: expect.stringContaining('Said to') as string });
    for (const action of ['pause', 'resume']) await world.run(['sessions', action, sessionId], { env });
    expect(bodies()).toEqual([{ action: 'message', text: 'Please stop.' }, { action: 'pause' }, { action: 'resume' }]);
    isSteerable = false;
    expect((await world.run(['sessions', 'pause', sessionId], { env })).code).toBe(1);
  });

  it('is none where it has ended, and last is the latest that is open', async () => {
    gateway.answers.getSession = () => session();
    expect((await world.run(['sessions', 'watch', sessionId], { env })).stderr).toContain('has already ended');
    gateway.answers.listSessions = ({ query }) => {
      expect(query.get('live')).toBe('true');
      return { sessions: [], next: null };
    };
    expect((await world.run(['sessions', 'pause', 'last'], { env })).stderr).toContain('No session is open now');
  });
});

describe('sessions export --format asciicast', () => {
  it('asks for one terminal', async () => {
    gateway.answers.getSession = () => session();
    const argv = ['sessions', 'export', sessionId, '--format', 'asciicast'];
    expect((await world.run(argv, { env })).stdout).toBe('asciicast of null\n');
    expect((await world.run([...argv, '--command', '7'], { env })).stdout).toBe('asciicast of 7\n');
  });
});
