/**
 * Programs as people use them, on a real PTY of a fixed size, with canaries in what they show: no frame that the client's
 * terminal ever shows has one, and everything else on it is what the program drew.
 *
 * What a program writes is captured first, with times, and then masked with these times: nothing here waits for a clock.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Shadow } from './shadow.ts';
import { canaries, privateKey, terminalOf } from './testing.ts';

const size = { columns: 80, rows: 24 };
const { aws, email, github, jwt } = canaries;
const secrets = [aws, email, github, jwt, ...privateKey.slice(1, -2)];

/** Runs argv on a PTY, types keys with pauses, and prints what came as lines of milliseconds and hexadecimal bytes. */
const capture = `
import os, pty, sys, time, select, struct, fcntl, termios, json, signal
spec = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.chdir(spec['cwd']); os.environ.update(spec['env']); os.execvp(spec['argv'][0], spec['argv'])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', spec['rows'], spec['columns'], 0, 0))
start = time.monotonic(); keys = list(spec['keys']); last = start; deadline = start + 20
def read(wait):
    global last
    r, _, _ = select.select([fd], [], [], wait)
    if not r: return None
    try: data = os.read(fd, 65536)
    except OSError: return b''
    if data: print(int((time.monotonic() - start) * 1000), data.hex()); last = time.monotonic()
    return data
done = False
while not done and time.monotonic() < deadline:
    quiet = spec['quiet'] if keys else 1.0
    data = read(0.05)
    if data == b'': done = True
    elif data is None and time.monotonic() - last > quiet:
        if keys: os.write(fd, keys.pop(0).encode('latin-1')); last = time.monotonic()
        else: done = True
try: os.kill(pid, signal.SIGKILL)
except OSError: pass
os.waitpid(pid, 0)
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'masking-'));
  const lines = Array.from({ length: 60 }, (_, index) =>
    index % 7 === 3 ? `line ${index} secret ${aws} and mail ${email}` : `line ${index} nothing to see here`,
  );
  const long = `long ${'x'.repeat(60)} ${github} tail`;
  const more = [`tab\t${aws}`, `é日本 ${jwt} 🚀`, `${'y'.repeat(75)} ${aws}`, ...privateKey, 'the end'];
  writeFileSync(join(folder, 's.txt'), `${[...lines, long, ...more].join('\n')}\n`);
  writeFileSync(join(folder, `${aws}.txt`), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Chunk {
  readonly atMs: number;
  readonly bytes: Buffer;
}

function record(argv: readonly string[], keys: readonly string[], quiet = 0.25): Chunk[] {
  const env = {
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    TMUX: '',
    PS1: '$ ',
    HOME: folder,
    LESSHISTFILE: '-',
    HISTFILE: '',
  };
  const spec = JSON.stringify({ argv, keys, ...size, cwd: folder, env, quiet });
  const { stdout, stderr } = spawnSync('python3', ['-c', capture, spec], { encoding: 'latin1', maxBuffer: 1 << 26 });
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [atMs, hex] = line.split(' ') as [string, string];
      return { atMs: Number(atMs), bytes: Buffer.from(hex, 'hex') };
    });
}

const textOf = (shadow: Shadow): string[] =>
  Array.from({ length: size.rows }, (_, row) => shadow.row(row).translateToString(false));

/** The secrets that somebody in front of this screen could read, however its rows are wrapped. */
function readable(rows: readonly string[]): string[] {
  const joined = rows.join('');
  const trimmed = rows.map((row) => row.trim()).join('');
  return secrets.filter((secret) => joined.includes(secret) || trimmed.includes(secret));
}

interface Replay {
  readonly frames: number;
  readonly shown: readonly string[];
  readonly differing: readonly string[];
  readonly maskedFrames: number;
  readonly bytes: readonly [number, number];
  readonly out: Buffer;
}

/** Masks what was captured, and plays it to a terminal of the client's. */
function replay(chunks: readonly Chunk[], pieces: number): Replay {
  const mask = terminalOf(['secret', 'email'], size.columns, size.rows);
  const [client, truth] = [new Shadow(size), new Shadow(size)];
  const shown = new Set<string>();
  const out: Buffer[] = [];
  let frames = 0;
  let maskedFrames = 0;
  let untilMs: number | null = null;
  const show = ({ bytes, holdUntilMs }: { bytes: Buffer; holdUntilMs: number | null }): void => {
    untilMs = holdUntilMs;
    if (bytes.length === 0) return;
    const copy = Buffer.from(bytes);
    out.push(copy);
    // Also as a terminal sees it that draws in the middle of a chunk.
    for (let at = 0; at < copy.length; at += pieces) {
      client.write(copy.subarray(at, at + pieces));
      frames++;
      const rows = textOf(client);
      if (rows.some((row) => row.includes('*****'))) maskedFrames++;
      for (const secret of readable(rows)) shown.add(secret);
    }
  };
  const wait = (to: number): void => {
    for (let turns = 0; untilMs !== null && untilMs <= to && turns < 1000; turns++)
      show(mask.flush(Math.max(untilMs, 0)));
  };
  for (const { atMs, bytes } of chunks) {
    wait(atMs);
    show(mask.push(Buffer.from(bytes), atMs));
    truth.write(bytes);
  }
  wait(Number.MAX_SAFE_INTEGER);
  // What the client has is what the program drew, but for stars.
  const drawn = textOf(truth);
  const differing = textOf(client).filter((row, index) => {
    const other = drawn[index]!;
    return (
      row.length !== other.length || [...row].some((character, at) => character !== [...other][at] && character !== '*')
    );
  });
  show({ bytes: mask.end(), holdUntilMs: null });
  const sum = (list: readonly { length: number }[]): number => list.reduce((total, { length }) => total + length, 0);
  return {
    frames,
    shown: [...shown],
    differing,
    maskedFrames,
    bytes: [sum(chunks.map(({ bytes }) => bytes)), sum(out)],
    out: Buffer.concat(out),
  };
}

const programs: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'vim',
    ['vim', '-u', 'NONE', '-N', 's.txt'],
    ['\x06', '\x06', 'gg', '/secret\r', 'n', 'n', 'A edited\x1b', ':set nu\r', 'G', 'gg', '20Go', aws, '\x1b', ':q!\r'],
  ],
  [
    'vim with syntax, scrolled by lines',
    ['vim', '-N', '-i', 'NONE', 's.txt'],
    ['\x05\x05\x05\x05', '\x05', '\x19', ':vsplit\r', ':q!\r', ':q!\r'],
  ],
  [
    'vim on a terminal without another screen',
    ['env', 'TERM=linux', 'vim', '-u', 'NONE', '-N', 's.txt'],
    ['\x06', 'G', 'gg', '/secret\r', ':q!\r'],
  ],
  ['less', ['less', 's.txt'], [' ', 'b', '/secret\r', 'n', 'G', 'g', 'j', 'j', 'k', 'q']],
  ['less without another screen', ['less', '-X', 's.txt'], [' ', 'b', 'G', 'g', 'j', 'q']],
  ['less of long lines, cut', ['less', '-S', 's.txt'], ['G', '\x1b[C', '\x1b[D', 'q']],
  [
    'tmux',
    ['tmux', '-L', `mask${process.pid}`, '-f', '/dev/null', 'new', 'cat s.txt; sleep 0.5; less s.txt'],
    [' ', 'G', 'q'],
  ],
  ['top', ['top', '-d', '0.3', '-n', '3'], ['q']],
  [
    'top, of programs with secrets on their command lines',
    ['bash', '-c', `(exec -a ${aws} sleep 8) & (exec -a x-${github} sleep 8) & top -c -d 0.3 -n 3; kill %1 %2`],
    ['q'],
  ],
  [
    'a program that draws cells at places of its own',
    [
      'python3',
      '-c',
      `
import sys, time
s = '${aws}'
w = sys.stdout.write
w('\\x1b[2J')
for i in [*range(10, 20), *range(0, 10)]:
    w('\\x1b[%d;%dH%s' % (5 + i % 1, 10 + i, s[i])); sys.stdout.flush(); time.sleep(0.01)
w('\\x1b[20;1H'); sys.stdout.flush(); time.sleep(0.2)
`,
    ],
    [],
  ],
  ['watch', ['watch', '-n', '0.3', 'head -20 s.txt'], ['', '', '\x03']],
  ['cat', ['cat', 's.txt'], []],
  ['ls --color', ['ls', '--color=always', '-la'], []],
  ['grep --color', ['grep', '--color=always', '-n', 'AKIA', 's.txt'], []],
  [
    'a shell: typing, history, wrapping, clearing',
    ['bash', '--norc', '--noprofile', '-i'],
    [
      `echo ${'z'.repeat(66)} ${github} end\r`,
      '\x1b[A',
      '\x01',
      '\x05',
      '\x7f\x7f',
      '\x0c',
      '\x15',
      'grep -h secret s.txt | head -3\r',
      'clear\r',
      'cat s.txt | tail -16\r',
      'exit\r',
    ],
  ],
];

describe('programs', () => {
  it.each(programs)('%s shows no canary', (_name, argv, keys) => {
    const chunks = record(argv, keys);
    expect(chunks.length).toBeGreaterThan(0);
    for (const pieces of [1 << 20, 64]) {
      const { frames, shown, differing, maskedFrames, bytes } = replay(chunks, pieces);
      if (process.env['SHOW'] !== undefined) console.log(argv[0], argv[1], { frames, maskedFrames, bytes });
      expect(frames).toBeGreaterThan(0);
      expect(shown).toEqual([]);
      expect(differing).toEqual([]);
    }
  });
});
