/** Shells that read their commands from standard input: judged with what they read (A-SSH-13 of pods), and run only then. */
import { afterEach, describe, expect, test } from 'vitest';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import { allowed, type OutputLimit } from '../../core/judgement.ts';
import type { OutputPlan } from '../../core/masking.ts';
import type { PendingReview, ReviewOutcome, Reviews } from '../../core/review.ts';
import { wordMask } from '../http/masks-testing.ts';
import { eventually, type RoomOptions } from '../http/room-testing.ts';
import { type Asked, ExecClient, transports } from './client-testing.ts';
import { type KubernetesRoom, openKubernetes } from './room-testing.ts';
import { startTestTarget, type TestTarget, type TestTargetOptions } from './target-testing.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Opened extends KubernetesRoom {
  readonly target: TestTarget;
  readonly drafts: CommandDraft[];
}

async function open(
  options: Omit<RoomOptions, 'target'> & { readonly target?: TestTargetOptions } = {},
): Promise<Opened> {
  const { target: targetOptions, judge, ...rest } = options;
  const target = await startTestTarget(targetOptions);
  closing.push(() => target.stop());
  const drafts: CommandDraft[] = [];
  const noting = (draft: CommandDraft) => {
    drafts.push(draft);
    return judge?.(draft) ?? null;
  };
  const room = await openKubernetes({ settings: { shell: 'observed' }, ...rest, target, judge: noting });
  closing.push(() => room.close());
  return Object.assign(room, { target, drafts });
}

const sh: Asked = { command: ['sh'], stdin: true };

const runsDanger = ({ verb, meaning }: CommandDraft) =>
  verb === 'exec' && shellOf(meaning)?.commands.some(({ program }) => program === 'danger') === true
    ? ({ name: 'block', rule: 'no-danger', reason: 'Too dangerous.' } as const)
    : null;

const outcomes = (room: Opened) => room.journal.of('command.ended').map(({ command, outcome }) => [command, outcome]);
const hasEnded = (room: Opened, count: number) =>
  eventually(
    () => room.journal.of('command.ended').length === count,
    () => 'the ends of commands',
  );

class Reviewing implements Reviews {
  decide: ((outcome: ReviewOutcome) => void) | null = null;
  withdrawn = 0;

  request(_request: unknown, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    this.decide = onOutcome;
    const link = 'https://gateway.example/reviews/rev_1';
    const facts = { id: 'rev_1', link, audience: 'dba', expiresAtMs: Date.UTC(2030, 0, 1) };
    return { ...facts, withdraw: () => void this.withdrawn++, claim: async () => null };
  }
}

describe.each(transports)('a script by %s', (transport) => {
  test('runs with what it reads, which is one command with its text', async () => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, sh);
    exec.type('echo one\n');
    exec.type('echo two >&2; exit 3\n');
    exec.end();
    await exec.finished();
    expect([exec.stdout, exec.stderr, exec.status?.exitCode]).toEqual(['one\n', 'two\n', 3]);
    const [asked, script] = room.drafts;
    expect(asked).toMatchObject({ verb: 'connect', text: 'connect pods/exec web-1 -n shop -i -- sh' });
    expect(shellOf(asked!.meaning)?.commands).toEqual([]);
    expect(script).toMatchObject({ kind: 'shell', verb: 'exec', of: 1, context: { pod: 'shop/web-1' } });
    expect(script!.text).toBe('sh\necho one\necho two >&2; exit 3\n');
    expect(shellOf(script!.meaning)).toMatchObject({ complete: true });
    await hasEnded(room, 2);
    expect(outcomes(room).sort()).toEqual([
      [1, 'completed'],
      [2, 'completed'],
    ]);
    expect(room.journal.of('command.ended').map(({ tag }) => tag)).toEqual(['exit 3', 'exit 3']);
  });

  test('that a rule blocks never reaches the pod', async () => {
    const room = await open({ judge: runsDanger });
    const exec = await ExecClient.open(room, transport, sh);
    exec.type('echo harmless\ndanger zone\n');
    exec.end();
    await exec.finished();
    expect([exec.stdout, exec.status?.exitCode]).toEqual(['', 126]);
    expect(exec.stderr).toContain('sallyport: Too dangerous. (rule no-danger)');
    expect(room.target.switches).toEqual([]);
    await hasEnded(room, 2);
    expect(outcomes(room)).toEqual([
      [2, 'refused'],
      [1, 'refused'],
    ]);
  });

  test('whose input stays open is judged by what came, and that more may follow', async () => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, sh);
    exec.type('echo first\n');
    await exec.until(() => exec.stdout === 'first\n', 'the first line');
    const shell = shellOf(room.drafts[1]!.meaning)!;
    expect(shell.complete).toBe(false);
    expect(shell.commands.map(({ program }) => program)).toEqual(['sh', 'echo']);
    exec.type('echo second\n');
    exec.end();
    await exec.finished();
    expect(exec.stdout).toBe('first\nsecond\n');
  });

  test('that is held waits and says so, and runs once it is approved', async () => {
    const reviews = new Reviewing();
    const judge = ({ verb }: CommandDraft) =>
      verb === 'exec' ? ({ name: 'hold', rule: 'two', reason: 'Two look.' } as const) : null;
    const room = await open({ reviews, judge });
    const exec = await ExecClient.open(room, transport, sh);
    exec.type('echo ran\n');
    exec.end();
    await exec.until(() => exec.stderr.includes('held until dba approves it: https://gateway.example/'), 'the notice');
    expect(room.target.switches).toEqual([]);
    reviews.decide!({ state: 'approved', by: ['dora'] });
    await exec.finished();
    expect([exec.stdout, exec.status?.exitCode]).toEqual(['ran\n', 0]);
  });

  test('whose client goes while it is held runs nothing', async () => {
    const reviews = new Reviewing();
    const judge = ({ verb }: CommandDraft) =>
      verb === 'exec' ? ({ name: 'hold', rule: 'two', reason: 'Two look.' } as const) : null;
    const room = await open({ reviews, judge });
    const exec = await ExecClient.open(room, transport, sh);
    exec.type('echo ran\n');
    exec.end();
    await exec.until(() => exec.stderr.includes('held until'), 'the notice');
    exec.destroy();
    await hasEnded(room, 2);
    expect(outcomes(room).map(([, outcome]) => outcome)).toEqual(['withdrawn', 'withdrawn']);
    expect(reviews.withdrawn).toBe(1);
    expect(room.target.switches).toEqual([]);
  });

  test('that the cluster refuses hears why by its streams', async () => {
    const body = JSON.stringify({ kind: 'Status', status: 'Failure', message: 'pods "web-1" not found', code: 404 });
    const room = await open({ target: { refuse: () => ({ status: 404, body }) } });
    const exec = await ExecClient.open(room, transport, sh);
    exec.end();
    await exec.finished();
    expect(exec.status).toMatchObject({ succeeded: false, message: expect.stringContaining('not found') as string });
    await hasEnded(room, 2);
    expect(outcomes(room).map(([, outcome]) => outcome)).toEqual(['failed', 'failed']);
  });

  test('ends with its session, collected or not', async () => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, sh);
    room.doors.sessions.end(() => true, { reason: 'killed', message: 'Ended by dora.', code: null, by: 'dora' });
    await exec.finished();
    expect(exec.stderr).toContain('sallyport: Ended by dora.');
    expect(room.target.switches).toEqual([]);
  });
});

test('bytes that are no text have no meaning, and rules about it refuse them', async () => {
  const judge = ({ verb, meaning }: CommandDraft) =>
    verb === 'exec' && meaning === null ? ({ name: 'block', rule: 'r', reason: 'Unread.' } as const) : null;
  const room = await open({ judge });
  const exec = await ExecClient.open(room, 'websocket', sh);
  exec.type(Buffer.from([0x65, 0x00, 0xff]));
  exec.end();
  await exec.finished();
  expect(exec.status?.exitCode).toBe(126);
  expect(room.drafts[1]!.text).toBe('sh\ne\\x00\\xff');
});

test('programs that are no shells get their input as it comes', async () => {
  const room = await open();
  const exec = await ExecClient.open(room, 'websocket', { command: ['cat'], stdin: true });
  exec.type('x');
  await exec.until(() => exec.stdout === 'x', 'the echo');
  exec.end();
  await exec.finished();
  expect(room.drafts.length).toBe(1);
});

/** Judges what `verb` says by a plan that masks a word, and by limits. */
function judging(of: Readonly<Record<string, { readonly word?: string; readonly limits?: readonly OutputLimit[] }>>) {
  const plan = (word: string): OutputPlan =>
    ({
      streams: {
        plain: () => {
          const { push, end, hits } = wordMask(word);
          const none = { bytes: Buffer.alloc(0), holdUntilMs: null };
          return { push: (view: Buffer) => ({ bytes: push(view), holdUntilMs: null }), flush: () => none, end, hits };
        },
      },
    }) as unknown as OutputPlan;
  return {
    judge: ({ command }: { readonly command: CommandDraft }) => {
      const found = of[command.verb];
      const verdict = { name: 'allow', rule: 'test', reason: 'allowed' } as const;
      const output = found?.word === undefined ? null : plan(found.word);
      return { ...allowed(verdict), output, limits: found?.limits ?? [] };
    },
  };
}

test('what comes back is masked by what rules say of the exec and of the script', async () => {
  const room = await open({ judging: judging({ connect: { word: 'alpha' }, exec: { word: 'bravo' } }) });
  const exec = await ExecClient.open(room, 'websocket', sh);
  exec.type('echo alpha bravo charlie\n');
  exec.end();
  await exec.finished();
  expect(exec.stdout).toBe('***** ***** charlie\n');
});

const limit = (more: Partial<OutputLimit>): OutputLimit => ({
  rule: 'brief',
  verdict: 'block',
  reason: 'That is enough.',
  durationMsMax: null,
  spend: () => false,
  ...more,
});

test('limits on the script are kept: what it may give back, and how long it may run', async () => {
  const much = limit({ spend: (_rows, bytes) => bytes > 4 });
  const room = await open({ judging: judging({ exec: { limits: [much] } }) });
  const exec = await ExecClient.open(room, 'websocket', sh);
  exec.type('echo more than four bytes\n');
  exec.end();
  await exec.finished();
  expect([exec.stdout, exec.status?.exitCode]).toEqual(['', 124]);
  expect(exec.stderr).toContain('That is enough. (rule brief)');

  const brief = await open({ judging: judging({ exec: { limits: [limit({ durationMsMax: 50 })] } }) });
  const long = await ExecClient.open(brief, 'websocket', sh);
  long.type('sleep 600\n');
  long.end();
  await long.finished();
  expect(long.status?.exitCode).toBe(124);
  expect(long.stderr).toContain('That is enough. (rule brief)');
});

test('a line of a gated shell that takes longer than a rule allows: the person is told', async () => {
  const room = await open({
    settings: { shell: 'gated' },
    judging: judging({ line: { limits: [limit({ durationMsMax: 50 })] } }),
  });
  const exec = await ExecClient.open(room, 'websocket', { command: ['bash'], stdin: true, tty: true });
  await exec.until(() => /judged before it runs[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
  exec.type('sleep 600\r');
  await exec.until(() => exec.stdout.includes('That is enough. (rule brief)'), 'the notice');
  exec.destroy();
}, 30_000);
