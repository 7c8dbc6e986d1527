/** k9s at a terminal through the gateway to a real cluster: opens, lists, describes, shows logs, opens a shell in a pod. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { principal } from '../../src/protocols/http/room-testing.ts';
import { type KubernetesRoom, openKubernetes } from '../../src/protocols/kubernetes/room-testing.ts';
import { freePort } from '../servers/postgres.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { kubectl, missingKubectl } from './kubectl.ts';
import { clusterPrograms, missing, program } from './programs.ts';
import { podManifest } from './streams-suite.ts';
import { startOnTerminal, type TerminalProcess } from './terminal.ts';

const { Terminal } = xterm;
const escapeKey = '\u001b';
/** k9s looks again every two seconds. */
const deadlineMs = 60_000;

/** What a person sees, where programs draw only what changed. */
class Shown {
  readonly process: TerminalProcess;
  readonly #terminal = new Terminal({ cols: 140, rows: 40, allowProposedApi: true });

  constructor(process: TerminalProcess) {
    this.process = process;
    process.output.on('data', (chunk: Buffer) => this.#terminal.write(chunk));
  }

  type(keys: string): void {
    this.process.input.write(keys);
  }

  get text(): string {
    const { active } = this.#terminal.buffer;
    const lines = Array.from({ length: 40 }, (_, row) =>
      active.getLine(active.viewportY + row)?.translateToString(true),
    );
    return lines.join('\n').trimEnd();
  }

  async shows(pattern: RegExp): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!pattern.test(this.text)) {
      if (performance.now() > end) throw new Error(`${pattern} was not shown, but:\n${this.text}`);
      await sleep(20);
    }
  }
}

const reason = missingKubectl(['new']) ?? missing([...clusterPrograms, 'k9s']);
if (reason !== null) console.log(`k9s is not tried: ${reason}`);

describe.skipIf(reason !== null)('k9s', () => {
  let cluster: Cluster;
  let room: KubernetesRoom;
  let home: string;

  beforeAll(async () => {
    cluster = await startCluster();
    const group = 'rbac.authorization.k8s.io';
    const binding = {
      metadata: { name: 'engineer' },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', apiGroup: group, name: principal.name }],
    };
    expect((await cluster.api('POST', `/apis/${group}/v1/clusterrolebindings`, { body: binding })).status).toBe(201);
    await cluster.api('POST', '/api/v1/namespaces', { body: { metadata: { name: 'shop' } } });
    const body = podManifest('web-1', await freePort());
    expect((await cluster.api('POST', '/api/v1/namespaces/shop/pods', { body })).status).toBe(201);
    await kubectl('new', await cluster.kubeconfig(), ['wait', '-n', 'shop', '--for=condition=Ready', 'pod/web-1']);
    home = await mkdtemp(join(tmpdir(), 'sallyport-k9s-'));
    room = await openKubernetes({
      target: cluster,
      tls: { mode: 'verify-full', ca: cluster.ca, serverName: 'localhost' },
      credential: { token: cluster.impersonatorToken },
      settings: { shell: 'gated' },
      judge: ({ text }) =>
        /^danger\b/.test(text) ? { name: 'block', rule: 'no-danger', reason: 'Too dangerous. Ask dora.' } : null,
    });
  }, 120_000);
  afterAll(async () => {
    await room?.close();
    await cluster?.stop();
    if (home !== undefined) await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }, 60_000);

  test('lists, describes, shows logs and opens a shell whose lines are judged', async () => {
    const env = {
      // k9s runs kubectl for a shell.
      PATH: `${join(program('kubectl-new'), '..')}:${home}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      XDG_CONFIG_HOME: join(home, 'config'),
      KUBECONFIG: room.kubeconfig,
      TERM: 'xterm-256color',
    };
    const argv = [program('k9s'), '-n', 'shop', '-c', 'pods', '--logoless', '--splashless'];
    const screen = new Shown(startOnTerminal(argv, { cwd: home, env, rows: 40, columns: 140 }));
    try {
      await screen.shows(/web-1 .*3\/3/);
      screen.type('d');
      await screen.shows(/Start Time: /);
      screen.type(escapeKey);
      await screen.shows(/web-1 .*3\/3/);
      // Its containers, of which the first is `main`.
      screen.type('\r');
      await screen.shows(/main .*busybox/);
      screen.type('l');
      await screen.shows(/tick \d+/);
      screen.type(escapeKey);
      await screen.shows(/main .*busybox/);
      screen.type('s');
      await screen.shows(/each command is judged before it runs[\s\S]*[$#] *$/);
      screen.type('danger zone\r');
      await screen.shows(/Too dangerous\. Ask dora\. \(rule no-danger\)[\s\S]*[$#] *$/);
      screen.type('echo al"low"ed\r');
      await screen.shows(/^allowed/m);
      screen.type('exit\r');
      await screen.shows(/main .*busybox/);
      screen.type('\u0003');
      expect(await screen.process.ended).toBe(0);
    } finally {
      screen.process.child.kill('SIGKILL');
      await screen.process.ended;
    }
    const lines = room.journal.of('command.intent').flatMap(({ verb, text }) => (verb === 'line' ? [text] : []));
    expect(lines).toEqual(['danger zone', 'echo al"low"ed', 'exit']);
  }, 180_000);
});
