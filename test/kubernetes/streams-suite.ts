/**
 * What kubectl must be able to do with a pod, whoever answers: the real cluster (cluster.test.ts), the stand-in
 * (stand-in.test.ts), and either of them through a gateway. One list for all, so that a stand-in cannot be kinder than
 * what it stands in for.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type KubectlVersion, kubectl, kubectlOnTerminal, startKubectl } from './kubectl.ts';

/** A shell's, with what its line editor sends behind it or not. */
export const prompt = /[$#] /;

export interface PodPlace {
  /** A kubeconfig of whoever may do all of this. */
  readonly kubeconfig: string;
  /** `-n NAMESPACE POD -c CONTAINER`; the container has a POSIX shell and tar, and says `tick N` to its log. */
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** A container with `stdin` and `tty` whose process is a shell. */
  readonly terminalContainer: string;
  /** A port at which the pod answers HTTP with `hello`. */
  readonly port: number;
}

/** A pod for that: its containers, by what they are told apart by. */
export function podManifest(name: string, port: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'web' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'n=0; while :; do n=$((n+1)); echo tick $n; sleep 1; done'],
        },
        { name: 'shell', image: 'busybox', command: ['sh'], stdin: true, tty: true },
        {
          name: 'web',
          image: 'busybox',
          command: [
            'sh',
            '-c',
            `mkdir -p www; echo hello > www/index.html; exec busybox httpd -f -p 127.0.0.1:${port} -h www`,
          ],
        },
      ],
    },
  };
}

export function streamsSuite(version: KubectlVersion, place: () => PodPlace): void {
  const on = (verb: string, ...more: string[]): string[] => {
    const { namespace, pod, container } = place();
    return [verb, '-n', namespace, pod, '-c', container, ...more];
  };
  const run = (args: readonly string[], input?: string | Uint8Array): ReturnType<typeof kubectl> =>
    kubectl(version, place().kubeconfig, args, input === undefined ? {} : { input });

  test(`${version}: exec has output, errors, input with its end, and the exit code`, async () => {
    const plain = await run(on('exec', '--', 'echo', 'one  two', "it's"));
    expect(plain).toMatchObject({ code: 0, stdout: "one  two it's\n" });
    const script = 'cat; echo bad >&2; exit 5';
    const piped = await run([...on('exec'), '-i', '--', 'sh', '-c', script], 'some input\n');
    expect(piped).toMatchObject({ code: 5, stdout: 'some input\n' });
    expect(piped.stderr).toContain('bad\n');
    expect(piped.stderr).toContain('command terminated with exit code 5');
    const absent = await run(on('exec', '--', 'no-such-program'));
    expect(absent.code).not.toBe(0);
    expect(absent.stderr).toContain('executable file not found');
  });

  test(`${version}: exec -it is a terminal that can be typed at and resized`, async () => {
    const args = [...on('exec'), '-it', '--', 'sh'];
    const screen = kubectlOnTerminal(version, place().kubeconfig, args, { rows: 31, columns: 97 });
    let at = await screen.shows(prompt);
    // The size arrives on a stream of its own, a little later.
    await sleep(300);
    screen.type('stty size\r');
    at = await screen.shows(/31 97/, at);
    screen.process.resize(22, 66);
    await sleep(300);
    screen.type('stty size\r');
    at = await screen.shows(/22 66/, at);
    screen.type('exit 3\r');
    expect(await screen.process.ended).toBe(3);
  });

  test(`${version}: cp carries a file both ways`, async () => {
    const { namespace, pod, container } = place();
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-copy-'));
    try {
      const bytes = randomBytes(1_500_000);
      const from = join(folder, 'from');
      const back = join(folder, 'back');
      await writeFile(from, bytes);
      const there = `${namespace}/${pod}:copied-${version}`;
      expect(await run(['cp', from, there, '-c', container])).toMatchObject({ code: 0 });
      const sum = await run(on('exec', '--', 'sha256sum', `copied-${version}`));
      expect(sum.stdout).toContain(createHash('sha256').update(bytes).digest('hex'));
      expect(await run(['cp', there, back, '-c', container])).toMatchObject({ code: 0 });
      expect((await readFile(back)).equals(bytes)).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test(`${version}: logs, to the end and followed`, async () => {
    const { namespace, pod, container, kubeconfig } = place();
    const last = await run(['logs', '-n', namespace, pod, '-c', container, '--tail=1']);
    expect(last).toMatchObject({ code: 0, stdout: expect.stringMatching(/^tick \d+\n$/) });
    const following = startKubectl(version, kubeconfig, [
      'logs',
      '-f',
      '-n',
      namespace,
      pod,
      '-c',
      container,
      '--tail=1',
    ]);
    const seen: string[] = [];
    for await (const chunk of following.stdout) {
      seen.push(String(chunk));
      if (seen.join('').split('\n').length > 3) break;
    }
    following.kill();
    expect(seen.join('')).toMatch(/^tick \d+\ntick \d+\ntick \d+\n/);
  });

  test(`${version}: port-forward carries connections`, async () => {
    const { namespace, pod, port, kubeconfig } = place();
    const forwarding = startKubectl(version, kubeconfig, ['port-forward', '-n', namespace, `pod/${pod}`, `:${port}`]);
    try {
      const local = await new Promise<number>((resolve, reject) => {
        let said = '';
        forwarding.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          const found = /127\.0\.0\.1:(\d+) ->/.exec(said);
          if (found !== null) resolve(Number(found[1]));
        });
        forwarding.stderr.on('data', (chunk: Buffer) => reject(new Error(chunk.toString())));
      });
      const answers = await Promise.all([1, 2, 3].map(() => fetchText(local)));
      expect(answers).toEqual(['hello\n', 'hello\n', 'hello\n']);
    } finally {
      forwarding.kill();
    }
  });

  test(`${version}: attach joins the container's own process`, async () => {
    const { namespace, pod, terminalContainer, kubeconfig } = place();
    const args = ['attach', '-n', namespace, pod, '-c', terminalContainer, '-it'];
    const screen = kubectlOnTerminal(version, kubeconfig, args);
    const start = await screen.shows(/prompt, try pressing enter/);
    screen.type('\r');
    const at = await screen.shows(prompt, start);
    screen.type('echo $((6*7))\r');
    await screen.shows(/\n42\r?\n/, at);
    screen.process.child.kill('SIGTERM');
    await screen.process.ended;
  });
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
