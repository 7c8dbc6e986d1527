/** Terminals at the kernel level, with real shells: the gate above, the supervisor below, and people in between. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import type { Verdict } from '../../core/verdict.ts';
import { approved, Decisions, denied, until } from './held-testing.ts';
import { blocked, isDanger, type KernelRoom, openKernelRoom, script } from './kernel-testing.ts';
import { type Account, makeAccount, type Started } from './testing/testing.ts';

const isRoot = process.getuid?.() === 0;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let reviews: Decisions;

/** Blocks the dangerous program, and holds `printenv` wherever it is named and `held` where it starts. */
function judge(draft: CommandDraft): Verdict | null {
  if (isDanger(draft)) return blocked;
  const names = shellOf(draft.meaning)?.commands.map(({ program }) => program) ?? [];
  const isHeld =
    names.includes('printenv') || (draft.verb === 'run' && draft.context['file']?.endsWith('/held') === true);
  return isHeld ? { name: 'hold', rule: 'guardrail:ask-first', reason: 'A DBA has to agree.' } : null;
}

function accountWith(shell: string): Account {
  const account = makeAccount();
  execFileSync('/usr/sbin/usermod', ['--shell', shell, account.name]);
  return account;
}

describe.runIf(isRoot).each(['/bin/bash', '/bin/sh', '/usr/bin/zsh', '/usr/bin/fish'])(
  'a terminal with %s',
  { timeout: 90_000 },
  (shell) => {
    let account: Account;
    let kernel: KernelRoom;
    let terminals: Started[] = [];

    beforeAll(async () => {
      account = accountWith(shell);
      kernel = await openKernelRoom({ account, judge });
      execFileSync('cp', ['/usr/bin/touch', `${kernel.folder}/harmless`]);
      script(kernel.folder, 'inner', '#!/bin/sh\n"$@"\n');
    }, 60_000);

    afterEach(() => {
      for (const { child } of terminals) child.kill('SIGKILL');
      terminals = [];
    });

    afterAll(async () => {
      await kernel?.close();
      account?.remove();
    });

    async function open(): Promise<Started> {
      const terminal = kernel.start({ args: ['-tt'] });
      terminals.push(terminal);
      await terminal.until(/each program is judged before it starts/, 20_000);
      await terminal.until(/[#$%>] /, 40_000);
      await pause(300);
      return terminal;
    }
    const type = (terminal: Started, keys: string): void => void terminal.child.stdin!.write(keys);

    test('lines and scripts run; what they start is judged, and the person is told', async () => {
      const terminal = await open();
      const [made, danger] = [kernel.fresh(), kernel.fresh()];
      type(terminal, `${kernel.folder}/inner ${kernel.folder}/harmless ${made}\r`);
      await until(
        'the file',
        () => existsSync(made),
        () => terminal.stdout().toString(),
      );
      await pause(300);
      type(terminal, `${kernel.folder}/inner sh -c '${kernel.folder}/dan""ger ${danger}'\r`);
      await terminal.until(/rule no-danger/, 20_000);
      await pause(300);
      type(terminal, 'exit 5\r');
      expect((await terminal.finished).code).toBe(5);
      expect(existsSync(danger)).toBe(false);
      expect(kernel.room.commands()).toContain(`${kernel.folder}/harmless ${made}`);
    });

    test('an editor’s escape is judged', async () => {
      if (!existsSync('/usr/bin/vim')) return;
      const terminal = await open();
      const [made, danger] = [kernel.fresh(), kernel.fresh()];
      type(terminal, 'vim -u NONE\r');
      await terminal.until(/VIM|~/, 20_000);
      await pause(700);
      type(terminal, `:silent !${kernel.folder}/harmless ${made}\r`);
      await until(
        'the file',
        () => existsSync(made),
        () => terminal.stdout().toString(),
      );
      await pause(500);
      type(terminal, `\r:!${kernel.folder}/danger ${danger}\r`);
      await terminal.until(/rule no-danger/, 20_000);
      await pause(300);
      type(terminal, '\r:q!\r');
      await pause(500);
      type(terminal, 'exit\r');
      await terminal.finished;
      expect(existsSync(danger)).toBe(false);
    });
  },
);

describe.runIf(isRoot)('what is held at the kernel level', { timeout: 90_000 }, () => {
  let account: Account;
  let kernel: KernelRoom;

  beforeAll(async () => {
    account = accountWith('/bin/bash');
    reviews = new Decisions();
    kernel = await openKernelRoom({ account, judge, reviews });
    execFileSync('cp', ['/usr/bin/touch', `${kernel.folder}/held`]);
    script(kernel.folder, 'inner', '#!/bin/sh\n"$@"\n');
  }, 60_000);

  afterAll(async () => {
    await kernel?.close();
    account?.remove();
  });

  const asked = (many: number): Promise<void> => until('the review', () => reviews.asked.length === many);

  test('the program waits, and runs once it is approved', async () => {
    const made = kernel.fresh();
    reviews.asked.length = 0;
    const run = kernel.start({ command: `${kernel.folder}/inner ${kernel.folder}/held ${made}; echo after` });
    await asked(1);
    await pause(300);
    expect(existsSync(made)).toBe(false);
    expect(run.stdout().toString()).toBe('');
    reviews.asked[0]!.decide(approved);
    expect((await run.finished).stdout.toString()).toBe('after\n');
    expect(existsSync(made)).toBe(true);
    expect(run.stderr()).toContain('held until a member of dba approves it');
  });

  test('a denial is a permission error to the program', async () => {
    const made = kernel.fresh();
    reviews.asked.length = 0;
    const run = kernel.start({ command: `${kernel.folder}/inner ${kernel.folder}/held ${made}; echo after $?` });
    await asked(1);
    reviews.asked[0]!.decide(denied);
    expect((await run.finished).stdout.toString()).toBe('after 126\n');
    expect(existsSync(made)).toBe(false);
  });

  test.each([
    ['later-arguments', 'killed 9\n'],
    ['later-link', 'ended 7\n'],
  ])('what changes while it waits does not run: %s', async (way, how) => {
    if (kernel.attacks === null) return;
    const made = kernel.fresh();
    reviews.asked.length = 0;
    const alerts = kernel.room.journal.of('alert.raised').length;
    const run = kernel.start({ command: `${kernel.attacks} ${way} ${kernel.folder}/held ${made}` });
    await asked(1);
    await pause(1800);
    reviews.asked[0]!.decide(approved);
    expect((await run.finished).stdout.toString()).toBe(how);
    expect([existsSync(made), existsSync(`${made}.asked`)]).toEqual([false, false]);
    expect(kernel.room.journal.of('alert.raised')).toHaveLength(alerts + 1);
    expect(run.stderr()).toContain('not what was approved');
  });

  test.each([
    ['written to', (path: string) => writeFileSync(path, '#!/bin/sh\ntouch "$1.other"\n')],
    [
      'replaced',
      (path: string) => {
        script(kernel.folder, 'other', '#!/bin/sh\ntouch "$1.other"\n');
        renameSync(`${kernel.folder}/other`, path);
      },
    ],
  ])('a script that is %s while it waits does not run', async (_how, change) => {
    const made = kernel.fresh();
    mkdirSync(`${made}.d`);
    chmodSync(`${made}.d`, 0o755);
    const path = script(`${made}.d`, 'held', '#!/bin/sh\ntouch "$1"\n');
    reviews.asked.length = 0;
    const run = kernel.start({ command: `${kernel.folder}/inner ${path} ${made}; echo after $?` });
    await asked(1);
    await pause(50);
    change(path);
    reviews.asked[0]!.decide(approved);
    await run.finished;
    expect([existsSync(made), existsSync(`${made}.other`)]).toEqual([false, false]);
    expect(run.stderr()).toContain('not what was approved');
  });

  test('a review covers what the shell itself starts, and nobody else’s start of the same words', async () => {
    reviews.asked.length = 0;
    const run = kernel.start({
      command: `${kernel.folder}/inner printenv HOME; cd /; (cd /tmp; exec printenv HOME); true`,
    });
    await asked(1);
    reviews.asked[0]!.decide(approved);
    // A script’s, and one in another directory than the shell’s.
    await asked(2);
    reviews.asked[1]!.decide(denied);
    await asked(3);
    reviews.asked[2]!.decide(denied);
    const { stdout } = await run.finished;
    expect(stdout.toString()).not.toContain('/tmp');
  });

  test('a line that was approved is not asked about again where it starts what it names', async () => {
    reviews.asked.length = 0;
    const terminal = kernel.start({ args: ['-tt'] });
    await terminal.until(/[#$%>] /, 40_000);
    await pause(300);
    terminal.child.stdin!.write('printenv HOME\r');
    await asked(1);
    reviews.asked[0]!.decide(approved);
    await terminal.until(/\/tmp\r\n/, 20_000);
    expect(reviews.asked).toHaveLength(1);
    // A script that starts it is another matter.
    await pause(300);
    terminal.child.stdin!.write(`${kernel.folder}/inner printenv HOME\r`);
    await asked(2);
    await pause(300);
    terminal.child.stdin!.write('\x03');
    await until(
      'the withdrawal',
      () => reviews.asked[1]!.withdrawn,
      () => terminal.stdout().toString(),
    );
    await pause(300);
    terminal.child.stdin!.write('exit\r');
    await terminal.finished;
  });
});
