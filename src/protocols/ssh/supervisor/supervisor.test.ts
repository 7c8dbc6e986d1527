/** The kernel level without a target: frames, placing, the driver's deadlines, meanings, and the build. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../base/clock.ts';
import { supervisors } from './binaries.generated.ts';
import { encodeStart, encodeVerdict, FrameParser, type StartRequest } from './codec.ts';
import { Supervisor, type SupervisorAction } from './driver.ts';
import * as limits from './limits.ts';
import { isNamedBy, meaningOfStart } from './meaning.ts';
import { binaryFor, PlaceParser, placeCommand } from './place.ts';

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
const text = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
};
const frame = (type: string, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from(type), ...parts]);
  return Buffer.concat([number(body.length), body]);
};
const list = (...words: string[]): Buffer => text(words.map((word) => `${word}\0`).join(''));
const token = Buffer.alloc(16, 7);
const ask = (facts = 0): Buffer =>
  frame(
    'A',
    ...[token, number(10), number(9), number(facts), text('/bin/ls'), text('/usr/bin/ls'), text('/tmp'), text('/tmp')],
    ...[list(), list('LD_PRELOAD=x'), list('ls', '-l', '')],
  );

describe('frames', () => {
  test('a question is read whole, byte by byte as well as in one piece', () => {
    const whole = new FrameParser().push(Buffer.concat([ask(9), frame('E', token, number(0))]));
    const parser = new FrameParser();
    const single = [...Buffer.concat([ask(9), frame('E', token, number(0))])].flatMap((byte) =>
      parser.push(Buffer.from([byte])),
    );
    expect(single).toEqual(whole);
    expect(whole[0]).toMatchObject({
      frame: 'ask',
      request: {
        pid: 10,
        parent: 9,
        facts: new Set(['initial', 'script']),
        arguments: ['ls', '-l', ''].map((word) => Buffer.from(word)),
      },
    });
    expect(whole[1]).toEqual({ frame: 'started', token: token.toString('hex'), errno: 0 });
  });

  test.each([
    ['an unknown type', frame('Z')],
    ['an empty frame', number(0)],
    ['trailing bytes', frame('H', number(1), Buffer.from([0]))],
    ['a short field', frame('H', Buffer.from([1, 2]))],
    ['a text beyond the frame', frame('N', number(1), number(1000))],
    [
      'a list without an end',
      frame('A', token, number(1), number(1), number(0), text(''), text(''), text(''), text('x'), list(), list('y')),
    ],
    [
      'no arguments',
      frame('A', token, number(1), number(1), number(0), text(''), text(''), text(''), list(), list(), list()),
    ],
    ['one byte more than is taken', number(limits.frameBytesMax + 1)],
  ])('%s ends it for good', (_name, bytes) => {
    const parser = new FrameParser();
    expect(() => parser.push(bytes)).toThrow();
    expect(() => parser.push(frame('H', number(1)))).toThrow();
  });

  test('whatever arrives is a frame or an error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
        const parser = new FrameParser();
        try {
          for (const chunk of chunks) parser.push(Buffer.from(chunk));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ssh.supervisor-malformed' });
        }
      }),
    );
  });
});

describe('placing', () => {
  test('the script has nothing that a login shell would read otherwise', () => {
    const command = placeCommand('abc');
    expect(command.slice('exec sh -c '.length).slice(1, -1)).not.toMatch(/['!]/);
    execFileSync('sh', ['-n', '-c', command]);
  });

  test('there is a binary for two machines, with its digest in front', () => {
    for (const machine of ['x86_64', 'aarch64'] as const) {
      const bytes = binaryFor(`Linux ${machine}`)!;
      const end = bytes.indexOf(10);
      const [size, sum] = bytes.toString('latin1', 0, end).split(' ');
      const binary = bytes.subarray(end + 1);
      expect(binary.length).toBe(Number(size));
      expect(binary.length).toBeLessThan(40 * 1024);
      expect(createHash('sha256').update(binary).digest('hex')).toBe(sum);
      // A static 64-bit program for that machine that asks for no loader.
      expect(binary.toString('latin1', 0, 5)).toBe('\x7fELF\x02');
      expect([binary.readUInt16LE(16), binary.readUInt16LE(18)]).toEqual([2, machine === 'x86_64' ? 62 : 183]);
    }
    for (const other of ['Linux i686', 'Linux armv7l', 'Darwin arm64', 'FreeBSD amd64', ''])
      expect(binaryFor(other)).toBeNull();
  });

  test('a directory that is no plain path is not used', () => {
    const parser = new PlaceParser('abc');
    expect(parser.push(Buffer.from('noise\x1eabc\x1fLinux x86_64\x1e'))).toEqual({
      event: 'system',
      system: 'Linux x86_64',
    });
    expect(() => parser.push(Buffer.from('\x1eabc\x1fok\x1f/tmp/$(x)\x1e'))).toThrow();
  });
});

function drive(): { supervisor: Supervisor; actions: SupervisorAction[]; clock: FakeClock; greet: () => void } {
  const clock = new FakeClock();
  const actions: SupervisorAction[] = [];
  const supervisor = new Supervisor(clock, (action) => actions.push(action));
  supervisor.place();
  const nonce = /036([0-9a-f]{24})/.exec((actions[0] as { command: string }).command)![1]!;
  const greet = (): void => {
    supervisor.side(Buffer.from(`\x1e${nonce}\x1fLinux x86_64\x1e`));
    supervisor.side(Buffer.concat([Buffer.from(`\x1e${nonce}\x1fok\x1f/tmp/d\x1e`), frame('H', number(1))]));
  };
  return { supervisor, actions, clock, greet };
}

describe('the driver', () => {
  test('places, starts, asks, and takes one answer per token', () => {
    const { supervisor, actions, greet } = drive();
    greet();
    expect(actions.at(-1)).toEqual({ do: 'placed', command: 'exec /tmp/d/s run /tmp/d' });
    supervisor.start(Buffer.from('id'));
    supervisor.side(frame('R', number(0)));
    expect(actions.at(-1)).toEqual({ do: 'to-side', bytes: encodeStart(Buffer.from('id')), token: null });
    supervisor.side(Buffer.concat([frame('B', number(1)), ask()]));
    expect(actions.at(-1)).toMatchObject({ do: 'ask' });
    expect(supervisor.decide(token.toString('hex'), true)).toBe(true);
    expect(actions.at(-1)).toMatchObject({ do: 'to-side', bytes: encodeVerdict(token.toString('hex'), true) });
    expect(supervisor.decide(token.toString('hex'), true)).toBe(false);
  });

  test('a withdrawn question takes no answer', () => {
    const { supervisor, actions, greet } = drive();
    greet();
    supervisor.start(null);
    supervisor.side(Buffer.concat([frame('R', number(0)), frame('B', number(0)), ask(), frame('W', token, number(0))]));
    expect(actions.at(-1)).toMatchObject({ do: 'ended', how: 'withdrawn' });
    expect(supervisor.decide(token.toString('hex'), true)).toBe(false);
  });

  test.each([
    ['nothing is said', (): void => undefined, 'no-answer'],
    [
      'another system',
      (s: Supervisor, n: string): void => s.side(Buffer.from(`\x1e${n}\x1fLinux riscv64\x1e`)),
      'no-system',
    ],
    ['the channel ends', (s: Supervisor): void => s.sideEnded(), 'no-side-channel'],
    ['too much noise', (s: Supervisor): void => s.side(Buffer.alloc(limits.noiseBytesMax + 1)), 'malformed'],
  ] as const)('is unplaced where %s', (_name, act, reason) => {
    const { supervisor, actions, clock } = drive();
    act(supervisor, /036([0-9a-f]{24})/.exec((actions[0] as { command: string }).command)![1]!);
    clock.advance(limits.stepMs + 1);
    expect(actions.at(-1)).toMatchObject({ do: 'unplaced', reason });
  });

  test('is lost where the channel ends later, or a question comes before the start', () => {
    for (const [act, isViolation] of [
      [(s: Supervisor): void => s.sideEnded(), false],
      [(s: Supervisor): void => s.side(ask()), true],
    ] as const) {
      const { supervisor, actions, greet } = drive();
      greet();
      act(supervisor);
      expect(actions.at(-1)).toEqual({ do: 'lost', isViolation });
    }
  });
});

const request = (
  name: string,
  words: readonly string[],
  more: Partial<Record<'file' | 'cwd', string>> = {},
): StartRequest => ({
  token: '',
  pid: 1,
  parent: 1,
  facts: new Set(),
  name: Buffer.from(name),
  file: Buffer.from(more.file ?? name),
  cwd: Buffer.from(more.cwd ?? '/'),
  parentCwd: Buffer.from(more.cwd ?? '/'),
  interpreters: [],
  variables: [],
  arguments: words.map((word) => Buffer.from(word)),
});
const programs = (start: StartRequest): (string | null)[] =>
  meaningOfStart(start).shell!.commands.map(({ program }) => program);

describe('the meaning of a start', () => {
  test('is its words, quoted so that they are only words', () => {
    expect(meaningOfStart(request('/bin/rm', ['rm', '-rf', "a b'c", '$(x)'])).text).toBe(
      `/bin/rm -rf 'a b'\\''c' '$(x)'`,
    );
    expect(programs(request('/bin/rm', ['rm', '$(reboot)']))).toEqual(['rm']);
  });

  test('counts every name that the program goes by', () => {
    expect(programs(request('/tmp/harmless', ['harmless', 'x'], { file: '/usr/bin/rm' }))).toContain('rm');
    expect(programs(request('/bin/busybox', ['rm', 'x']))).toContain('rm');
    expect(programs(request('/lib64/ld-linux-x86-64.so.2', ['ld.so', '/bin/rm', 'x']))).toContain('rm');
    expect(programs(request('/proc/self/fd/3', ['ls'], { file: '/usr/bin/rm' }))).toContain('rm');
    expect(
      meaningOfStart({ ...request('/tmp/s', ['s']), interpreters: [Buffer.from('/usr/bin/python3')] }).shell!.flags,
    ).toContain('interpreter');
  });

  test('is unknown where a word is no text', () => {
    const start = { ...request('/bin/ls', ['ls']), arguments: [Buffer.from('ls'), Buffer.from([0xff, 0x41])] };
    expect(meaningOfStart(start)).toEqual({ text: `/bin/ls '\\xffA'`, shell: null });
  });

  test('is named by a command only word for word, and in the system’s own directories', () => {
    const commands = meaningOfStart(request('/usr/bin/systemctl', ['systemctl', 'restart', 'x'])).shell!.commands;
    expect(isNamedBy(request('/usr/bin/systemctl', ['systemctl', 'restart', 'x']), commands, false)).toBe(true);
    expect(isNamedBy(request('/usr/bin/systemctl', ['systemctl', 'restart', 'y']), commands, false)).toBe(false);
    expect(isNamedBy(request('/usr/bin/systemctl', ['systemctl', 'restart']), commands, false)).toBe(false);
    expect(isNamedBy(request('/tmp/systemctl', ['systemctl', 'restart', 'x']), commands, false)).toBe(false);
    // In a root of its own (chroot in a user namespace) a name is like the system's, and the file is not.
    const inRoot = request('/usr/bin/systemctl', ['systemctl', 'restart', 'x'], {
      file: '/tmp/root/usr/bin/systemctl',
    });
    expect(isNamedBy(inRoot, commands, false)).toBe(false);
    const hidden = {
      ...request('/usr/bin/systemctl', ['systemctl', 'restart', 'x']),
      variables: [Buffer.from('LD_PRELOAD=x')],
    };
    expect(isNamedBy(hidden, commands, false)).toBe(false);
  });
});

describe('the build', () => {
  const script = resolve(import.meta.dirname, '../../../../tools/build-supervisor.sh');
  const compilers = { x86_64: '/usr/bin/x86_64-linux-gnu-gcc', aarch64: '/usr/bin/aarch64-linux-gnu-gcc' } as const;

  test.each(['x86_64', 'aarch64'] as const)('gives the same bytes again: %s', (machine) => {
    const compiler = compilers[machine];
    if (!existsSync(compiler)) return;
    const version = execFileSync(compiler, ['--version'], { encoding: 'utf8' }).split('\n')[0];
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-supervisor-'));
    try {
      execFileSync('sh', [script, machine, join(folder, 's')]);
      const sum = createHash('sha256')
        .update(readFileSync(join(folder, 's')))
        .digest('hex');
      // Another compiler builds it too, to other bytes.
      if (version === supervisors[machine].compiler) expect(sum).toBe(supervisors[machine].sha256);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the arm64 binary starts, where that can be tried', () => {
    if (!existsSync('/usr/bin/qemu-aarch64-static')) return;
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-supervisor-'));
    try {
      execFileSync('sh', [script, 'aarch64', join(folder, 's')]);
      // The emulator has no seccomp: it says so, as on a kernel without, and does not crash.
      let code: unknown = 0;
      try {
        execFileSync('/usr/bin/qemu-aarch64-static', [join(folder, 's'), 'probe'], { stdio: 'ignore' });
      } catch (error) {
        code = (error as { status: number }).status;
      }
      expect([0, 1]).toContain(code);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
