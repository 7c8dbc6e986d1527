/**
 * The kernel level against a real sshd: whoever starts a program, it is judged first (A-SSH-19). Each way is tried twice
 * where that can be: the dangerous program is not started, and a harmless one started the same way is.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KernelRoom, openKernelRoom, script } from './kernel-testing.ts';
import { makeAccount } from './testing/testing.ts';

const isRoot = process.getuid?.() === 0;
const has = (path: string): boolean => existsSync(path);

/** `$P FILE` is the program; the text goes through the target's shell. */
const ways: readonly (readonly [name: string, text: string, needs?: string])[] = [
  ['by itself', '$P $F'],
  ['behind another', 'true; $P $F; true'],
  ['in the background', '$P $F & wait'],
  ['exec', 'exec $P $F'],
  ['a variable', 'x=$P; $x $F'],
  ['eval of base64', 'eval "$(printf "%s %s" $P $F | base64 | base64 -d)"'],
  ['a function', 'f() { $P "$1"; }; f $F'],
  ['a pipe into a shell', 'echo $P $F | sh'],
  ['a here-document', 'sh <<E\n$P $F\nE'],
  ['sh -c', 'sh -c "$P $F"'],
  ['env', 'env A=b $P $F'],
  ['nohup', 'nohup $P $F >/dev/null 2>&1'],
  ['setsid, away from the terminal', 'setsid -f $P $F; sleep 0.3', '/usr/bin/setsid'],
  ['twice forked', '( ( $P $F & ) & ); sleep 0.3'],
  ['xargs', 'echo $F | xargs $P'],
  ['find -exec', 'find / -maxdepth 0 -exec $P $F \\;'],
  ['a script', '$S $P $F'],
  ['a script in python', '$Y $P $F', '/usr/bin/python3'],
  ['python os.system', 'python3 -c "import os; os.system(\\"$P $F\\")"', '/usr/bin/python3'],
  ['python subprocess', 'python3 -c "import subprocess as s; s.run([\\"$P\\", \\"$F\\"])"', '/usr/bin/python3'],
  ['perl exec', 'perl -e "exec q($P), q($F)"', '/usr/bin/perl'],
  ['perl, another first argument', 'perl -e "exec {q($P)} q(ls), q($F)"', '/usr/bin/perl'],
  ['awk system()', 'awk "BEGIN { system(\\"$P $F\\") }"'],
  ['sed e', 'echo x | sed "1e $P $F"'],
  ['tar --checkpoint-action', 'tar cf /dev/null --checkpoint=1 --checkpoint-action=exec="$P $F" $S'],
  ['make', 'printf "a:\\n\\t$P $F\\n" | make -s -f -', '/usr/bin/make'],
  ['vim :!', 'vim -es -u NONE -c "!$P $F" -c q! </dev/null', '/usr/bin/vim'],
  ['an alias of git', 'git -c "alias.x=!$P $F" x', '/usr/bin/git'],
  ['busybox sh', 'busybox sh -c "$P $F"', '/usr/bin/busybox'],
  ['zsh', 'zsh -fc "$P $F"', '/usr/bin/zsh'],
  ['fish', 'fish --no-config -c "$P $F"', '/usr/bin/fish'],
  ['expect', 'expect -c "spawn -noecho $P $F; expect eof"', '/usr/bin/expect'],
  ['script', 'script -qc "$P $F" /dev/null', '/usr/bin/script'],
  ['tmux', 'tmux -L $T -f /dev/null new-session -d "$P $F"; sleep 0.5; tmux -L $T kill-server', '/usr/bin/tmux'],
  ['a name that leads there', 'ln -s $P $F.link; $F.link $F'],
  ['a relative name', 'cd $D && ./$(basename $P) $F'],
  ['the loader', '$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -n 1) $P $F'],
  ['another user', 'su -s /bin/sh nobody -c "$P $F"'],
  ['/proc/self/fd', 'sh -c "exec 7<$P; exec /proc/self/fd/7 $F"'],
];

/** Of `attacks`: what a program can try by itself. */
const programs = ['execve', 'fexecve', 'opath', 'proc-fd', 'vfork', 'spawn', 'thread'] as const;

function text(kernel: KernelRoom, way: string, program: string, file: string): string {
  const { folder } = kernel;
  const values = {
    P: program,
    F: file,
    D: folder,
    S: `${folder}/run.sh`,
    Y: `${folder}/run.py`,
    T: `sp${file.replace(/\D/g, '')}`,
  };
  return way.replace(/\$([PFDSYT])(?![\w(])/g, (_, name: keyof typeof values) => values[name]);
}

function suite(title: string, open: () => Promise<KernelRoom>, isFor: boolean, tried = ways): void {
  describe.runIf(isFor)(title, { timeout: 60_000 }, () => {
    let kernel: KernelRoom;
    let before: readonly string[] = [];
    const leftovers = (): string[] => readdirSync('/tmp').filter((name) => name.startsWith('.term.'));

    beforeAll(async () => {
      before = leftovers();
      kernel = await open();
      script(kernel.folder, 'run.sh', '#!/bin/sh\n"$1" "$2"\n');
      script(kernel.folder, 'run.py', '#!/usr/bin/python3 -E\nimport os, sys\nos.execv(sys.argv[1], sys.argv[1:])\n');
      execFileSync('cp', ['/usr/bin/touch', `${kernel.folder}/harmless`]);
    }, 60_000);

    afterAll(async () => {
      await kernel?.close();
      // Nothing stays on the target (other tests may have some of theirs just now).
      expect(leftovers().filter((name) => !before.includes(name)).length).toBeLessThan(3);
    });

    const here = tried.filter(([, , needs]) => needs === undefined || has(needs));
    test.each(here.map(([name, way]) => [name, way] as const))('%s', async (_name, way) => {
      const harmless = kernel.fresh();
      const run = await kernel.run(text(kernel, way, `${kernel.folder}/harmless`, harmless));
      expect([existsSync(harmless), run.stderr]).toEqual([true, expect.any(String)]);
      const made = kernel.fresh();
      const denied = await kernel.run(text(kernel, way, kernel.danger, made));
      expect(existsSync(made)).toBe(false);
      expect(denied.stderr).toContain('(rule no-danger)');
    });

    test.each(programs)('a program’s own %s', async (way) => {
      if (kernel.attacks === null) return;
      const harmless = kernel.fresh();
      await kernel.run(`${kernel.attacks} ${way} ${kernel.folder}/harmless ${harmless}`);
      expect(existsSync(harmless)).toBe(true);
      const made = kernel.fresh();
      const run = await kernel.run(`${kernel.attacks} ${way} ${kernel.danger} ${made}`);
      expect(existsSync(made)).toBe(false);
      expect(run.code).toBe(7);
    });

    test.each([
      ['no first line of its own', ''],
      ['an empty one', '#!\n'],
      ['one that is no program', `#!/etc/hostname\n`],
    ])('a script with %s, which the shell reads by itself', async (_how, first) => {
      const [harmless, made] = [kernel.fresh(), kernel.fresh()];
      const names = ['harmless', 'danger'].map((name) => {
        mkdirSync(`${made}.plain`, { recursive: true });
        return script(`${made}.plain`, name, `${first}echo shown > "$1"\n`);
      });
      await kernel.run(`sh -c '${names[0]} ${harmless}'`);
      expect(existsSync(harmless)).toBe(true);
      const denied = await kernel.run(`sh -c '${names[1]} ${made}; true'; bash -c '${names[1]} ${made}; true'`);
      expect(existsSync(made)).toBe(false);
      expect(denied.stderr).toContain('(rule no-danger)');
    });

    test.each(['memfd', 'deleted'])('a file without a name: %s', async (way) => {
      if (kernel.attacks === null) return;
      const made = kernel.fresh();
      const run = await kernel.run(`${kernel.attacks} ${way} ${kernel.folder}/harmless ${made}`);
      expect([run.code, existsSync(made)]).toEqual([7, false]);
    });

    test.each(['ptrace', 'writev', 'getfd', 'io-uring', 'listener', 'no-arguments'])('%s is refused', async (way) => {
      if (kernel.attacks === null) return;
      const run = await kernel.run(`${kernel.attacks} ${way} ${kernel.folder}/harmless ${kernel.fresh()}`);
      expect(run.stdout.toString()).toMatch(/^refused/);
      expect(run.code).toBe(7);
    });

    test.runIf(process.arch === 'x64').each(['i386', 'x32'])('the other table of system calls: %s', async (way) => {
      if (kernel.attacks === null) return;
      const made = kernel.fresh();
      const run = await kernel.run(`${kernel.attacks} ${way} ${kernel.folder}/harmless ${made}`);
      // SIGSYS ends it, or the kernel has no such table.
      expect(existsSync(made)).toBe(false);
      expect(run.code).not.toBe(0);
    });

    test.each(['race-thread', 'race-shared'])('arguments that change after the question: %s', async (way) => {
      if (kernel.attacks === null) return;
      const forbidden = `${kernel.folder}/forbidden-${way}`;
      const run = await kernel.run(`cd ${kernel.folder} && ${kernel.attacks} ${way} x ${forbidden}`, {
        deadlineMs: 60_000,
      });
      expect(run.stdout.toString()).toMatch(/started/);
      expect(existsSync(forbidden)).toBe(false);
      const killed = kernel.room.journal.of('alert.raised').filter(({ rule }) => rule === 'gateway:start-changed');
      console.log(`${title}, ${way}: ${killed.length} so far were killed, having changed`);
    });

    test('a name that changes after the question', async () => {
      if (kernel.attacks === null) return;
      const made = kernel.fresh();
      const run = await kernel.run(`${kernel.attacks} race-path ${kernel.danger} ${made}`, { deadlineMs: 60_000 });
      expect(run.stdout.toString()).toMatch(/started/);
      expect(existsSync(made)).toBe(false);
    });

    test('whoever ends the supervisor can start nothing any more, and the session ends', async () => {
      if (kernel.attacks === null) return;
      const made = kernel.fresh();
      const run = await kernel.run(
        `SUPERVISOR=$PPID ${kernel.attacks} kill-supervisor ${kernel.folder}/harmless ${made}; sleep 3; ${kernel.folder}/harmless ${made}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(existsSync(made)).toBe(false);
      expect(run.code).not.toBe(0);
    });

    test('what loads code into any program is part of what is judged', async () => {
      await kernel.run('LD_PRELOAD=/nowhere/x.so /bin/true; BASH_ENV=/nowhere/y /bin/true');
      expect(kernel.room.commands()).toContain('LD_PRELOAD=/nowhere/x.so /bin/true');
      expect(kernel.room.commands()).toContain('BASH_ENV=/nowhere/y /bin/true');
    });

    test('output, input, exit status and signals are the program’s', async () => {
      const run = await kernel.run('cat; echo err >&2; exit 7', { input: 'some bytes' });
      expect([run.stdout.toString(), run.code]).toEqual(['some bytes', 7]);
      expect(run.stderr).toContain('err\n');
      expect((await kernel.run('kill -TERM $$')).code).toBe(255);
    });

    test('three hundred programs in a row give three hundred results', async () => {
      const began = performance.now();
      const run = await kernel.run('i=0; while [ $i -lt 300 ]; do /bin/echo $i; i=$((i+1)); done', {
        deadlineMs: 60_000,
      });
      const ms = performance.now() - began;
      expect(run.stdout.toString()).toBe(Array.from({ length: 300 }, (_, k) => `${k}\n`).join(''));
      console.log(`${title}: ${(ms / 300).toFixed(2)} ms for each program, with the session's beginning`);
    });

    test('whoever ends the side channel ends the session, and all that runs in it', async () => {
      const made = kernel.fresh();
      const own =
        'ps -eo pid,ppid,args | while read -r p q a; do case $a in */s\\ side*) [ $p = $$ ] || echo $p; esac; done';
      const run = await kernel.run(`kill -9 $(${own} | tail -n 1); sleep 4; ${kernel.folder}/harmless ${made}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect([run.code === 0, existsSync(made)]).toEqual([false, false]);
    });

    test('a shell that reads its commands from input starts under it too', async () => {
      const [made, danger] = [kernel.fresh(), kernel.fresh()];
      const input = `${kernel.folder}/harmless ${made}\n${kernel.folder}/run.sh ${kernel.danger} ${danger}\n`;
      const run = await kernel.run('sh', { input });
      expect([existsSync(made), existsSync(danger)]).toEqual([true, false]);
      expect(run.stderr).toContain('(rule no-danger)');
    });

    test('what was left running ends with the session', async () => {
      const mark = `31${Math.floor(performance.now()) % 1000}.5`;
      await kernel.run(`setsid -f sleep ${mark} >/dev/null 2>&1 </dev/null; sleep 0.2`);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(`sleep ${mark}`);
    });
  });
}

suite('the kernel level as root', () => openKernelRoom(), isRoot);

describe('where the supervisor cannot be placed', { timeout: 60_000 }, () => {
  test.each([
    ['refuse', 126, ''],
    ['observe', 0, 'ran'],
  ] as const)('%s: the person is told, and nothing else happens than was chosen', async (unhooked, code, output) => {
    // A target that runs commands only through something that knows which.
    const kernel = await openKernelRoom({
      config: ["ForceCommand /bin/sh -c 'case $SSH_ORIGINAL_COMMAND in *uname*) exit 1;; esac; printf ran'"],
      settings: { unhooked },
    });
    try {
      const run = await kernel.run('printf ran');
      expect([run.code, run.stdout.toString()]).toEqual([code, output]);
      expect(run.stderr).toContain('second channel');
    } finally {
      await kernel.close();
    }
  });
});

const account = isRoot ? makeAccount() : null;
const unprivileged = new Set([
  'by itself',
  'a script',
  'python os.system',
  'tmux',
  'vim :!',
  'the loader',
  '/proc/self/fd',
]);
suite(
  'the kernel level without privileges',
  () => openKernelRoom(account === null ? {} : { account }),
  isRoot,
  ways.filter(([name]) => unprivileged.has(name)),
);
afterAll(() => account?.remove());
