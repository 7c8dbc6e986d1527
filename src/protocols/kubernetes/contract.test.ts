/**
 * The contract of protocols/contract for a protocol whose streams begin as requests. Its suite drives plain streams and looks for
 * markers in the bytes of both wires; here they stand in frames of WebSocket and SPDY, so its cases are made again by clients of
 * this process, a server that really starts programs, and core's own doors and sessions.
 *
 * | case of the suite | where |
 * |---|---|
 * | block, hold: never reaches the server, the session goes on | requests.test.ts, conversations.test.ts |
 * | an effect only after its intent is durable; no output before it | here: request, exec, forward, gated line |
 * | best-effort does not wait | here |
 * | journal or recording fails; a judge that throws; terminate | here |
 * | the same bytes as directly; 1 and 7 bytes at a time | here; test/kubernetes/gateway.test.ts |
 * | a client that does not read stops the server; a server that does not read stops the client (A-K8S-09) | here |
 * | all departures, kill | conversations.test.ts; here |
 * | wrong token, no access, other protocol, garbage | here; protocols/http |
 * | each command ends once; no credential anywhere | here, after each case |
 * | longest command and one more | here; protocols/http (heads), language/kubernetes (bodies) |
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import { eventually, type RoomOptions, upstreamSecret } from '../http/room-testing.ts';
import { askSwitch, ExecClient, ForwardClient, transports } from './client-testing.ts';
import { type KubernetesRoom, openKubernetes } from './room-testing.ts';
import { startTestTarget, type TestTarget } from './target-testing.ts';

interface Opened extends KubernetesRoom {
  readonly target: TestTarget;
}

const opened: Opened[] = [];

/** What holds of each case, whatever it was about. */
afterEach(async () => {
  for (const room of opened.splice(0)) {
    await room.close();
    await room.target.stop();
    const intents = room.journal.of('command.intent').map(({ session, command }) => `${session} ${command}`);
    const ended = room.journal.of('command.ended').map(({ session, command }) => `${session} ${command}`);
    if (room.journal.failure === null) expect(ended.sort()).toEqual(intents.sort());
    expect(JSON.stringify(room.journal.events)).not.toContain(upstreamSecret);
    for (const recording of room.recordings) expect(recording.content().includes(upstreamSecret)).toBe(false);
  }
});

async function open(options: Omit<RoomOptions, 'target'> = {}): Promise<Opened> {
  const target = await startTestTarget();
  const room = await openKubernetes({ settings: { shell: 'observed' }, ...options, target });
  const made = Object.assign(room, { target });
  opened.push(made);
  return made;
}

const pods = '/api/v1/namespaces/shop/pods';

describe('durability', () => {
  test.each(transports)('strict: neither answer nor output before the intent is durable, by %s', async (transport) => {
    const room = await open();
    // The session stands; what follows waits for the disk.
    expect((await room.curl(pods)).status).toBe(200);
    room.journal.hold();
    const command = ['sh', '-c', 'echo effect; : >> /dev/null'];
    const opening = ExecClient.open(room, transport, { command });
    await sleep(200);
    expect(room.target.switches).toEqual([]);
    room.journal.release();
    const exec = await (await opening).finished();
    expect(exec.stdout).toBe('effect\n');
  });

  test('strict: what is proven to be a read may run while its record is written, and says nothing before', async () => {
    const room = await open();
    expect((await room.curl(pods)).status).toBe(200);
    room.journal.hold();
    const exec = await ExecClient.open(room, 'websocket', { command: ['echo', 'read'] });
    await sleep(200);
    expect([exec.stdout, exec.status]).toEqual(['', null]);
    room.journal.release();
    await exec.finished();
    expect([exec.stdout, exec.status?.exitCode]).toEqual(['read\n', 0]);
  });

  test('best-effort does not wait', async () => {
    const room = await open({ recording: 'best-effort' });
    expect((await room.curl(pods)).status).toBe(200);
    room.journal.hold();
    const exec = await (await ExecClient.open(room, 'websocket', { command: ['echo', 'now'] })).finished();
    expect(exec.stdout).toBe('now\n');
    room.journal.release();
  });

  test.each(transports)('a journal that fails ends the session: nothing more runs, by %s', async (transport) => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, { command: ['cat'], stdin: true });
    room.journal.fail(new Error('the disk is gone'));
    await expect(ExecClient.open(room, transport, { command: ['id'] })).rejects.toThrow();
    await exec.finished();
    expect(room.target.switches.length).toBe(1);
  });

  test.each(transports)('a recording that fails ends what it records, by %s', async (transport) => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, { command: ['cat'], stdin: true });
    exec.type('before\n');
    await exec.until(() => exec.stdout.includes('before'), 'the echo');
    room.recordings[0]!.fail(new Error('the disk is gone'));
    exec.type('after\n');
    await exec.finished();
    expect(exec.stdout).not.toContain('after');
    await exec.until(() => room.target.open.size === 0, 'the target gone');
  });
});

describe('judging', () => {
  test('a judge that throws lets nothing pass', async () => {
    const room = await open({
      judge: () => {
        throw new Error('no rules today');
      },
    });
    await expect(ExecClient.open(room, 'websocket', { command: ['id'] })).rejects.toThrow();
    expect(room.target.switches).toEqual([]);
  });

  test('terminate ends the session, its other conversations as well', async () => {
    const judge = ({ text }: CommandDraft) =>
      text.includes('doom') ? ({ name: 'terminate', rule: 'doom', reason: 'That was it.' } as const) : null;
    const room = await open({ judge });
    const other = await ExecClient.open(room, 'spdy', { command: ['cat'], stdin: true });
    await expect(ExecClient.open(room, 'websocket', { command: ['doom'] })).rejects.toThrow();
    await other.finished();
    await eventually(
      () => room.journal.of('session.ended').length === 1,
      () => 'the end of the session',
    );
  });

  test('no access, and no proof: a Status, and no session', async () => {
    const room = await open({ grants: () => false });
    expect((await askSwitch(room, `${pods}/web-1/exec?command=id`, 'spdy', 'v4.channel.k8s.io')).status).toBe(403);
    const { status } = await room.curl(pods, '--oauth2-bearer', 'wrong');
    expect(status).toBe(401);
    expect(room.journal.of('command.intent')).toEqual([]);
  });

  test('arguments as long as a path may be, and one more', async () => {
    const room = await open();
    const fits = await (await ExecClient.open(room, 'websocket', { command: ['echo', 'x'.repeat(15_000)] })).finished();
    expect(fits.stdout.length).toBe(15_001);
    const path = `${pods}/web-1/exec?command=echo&stdout=1&command=${'x'.repeat(16_500)}`;
    expect((await askSwitch(room, path, 'websocket', 'v5.channel.k8s.io')).status).toBe(414);
  });
});

describe('bytes', () => {
  const made = { command: ['sh', '-c', 'cat; echo done >&2; exit 9'], stdin: true } as const;

  test.each(transports.flatMap((one) => [1, 7].map((cut) => [one, cut] as const)))(
    'by %s, %d at a time: the same as whole',
    async (transport, cutBytes) => {
      const room = await open({ cutBytes });
      const exec = await ExecClient.open(room, transport, made);
      exec.type('some input\n'.repeat(40));
      exec.end();
      await exec.finished();
      expect([exec.stdout, exec.stderr, exec.status?.exitCode]).toEqual(['some input\n'.repeat(40), 'done\n', 9]);
    },
  );

  test.each(transports)(
    'A-K8S-09: output of 512 MiB by %s in memory that stays flat',
    async (transport) => {
      const room = await open({ recording: 'best-effort' });
      const used = (): number => process.memoryUsage().external + process.memoryUsage().heapUsed;
      const before = used();
      let most = 0;
      const sampling = setInterval(() => {
        most = Math.max(most, used() - before);
      }, 20);
      const bytes = 512 * 1024 * 1024;
      const exec = await ExecClient.open(room, transport, {
        command: ['sh', '-c', `head -c ${bytes} /dev/zero`],
        digest: true,
      });
      try {
        await exec.over(120_000);
      } finally {
        clearInterval(sampling);
      }
      const zeros = createHash('sha256');
      for (let at = 0; at < bytes; at += 1024 * 1024) zeros.update(Buffer.alloc(1024 * 1024));
      expect(exec.digest).toBe(zeros.digest('hex'));
      expect(most).toBeLessThan(256 * 1024 * 1024);
    },
    150_000,
  );

  test.each(transports)('A-K8S-09: a client by %s that does not read stops the program', async (transport) => {
    const room = await open({ recording: 'best-effort' });
    const exec = await ExecClient.open(room, transport, { command: ['sh', '-c', 'yes | head -c 200000000'] });
    exec.socket.pause();
    // What is on its way fills windows and buffers; then nothing moves.
    let before = -1;
    await eventually(
      () => {
        const now = room.upstreamTaps.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
        const stands = now === before && now > 0;
        before = now;
        return stands;
      },
      () => 'the program to stand still',
    );
    expect(before).toBeLessThan(40_000_000);
    exec.destroy();
  });

  test('a server that does not read stops the client', async () => {
    const room = await open({ recording: 'best-effort' });
    const exec = await ExecClient.open(room, 'websocket', { command: ['sleep', '60'], stdin: true });
    const piece = Buffer.alloc(64 * 1024);
    for (let at = 0; at < 800; at++) exec.type(piece);
    await sleep(500);
    expect(exec.socket.writableLength).toBeGreaterThan(10_000_000);
    exec.destroy();
  });

  test('what is no WebSocket and no SPDY ends its own conversation only', async () => {
    const room = await open();
    const other = await ExecClient.open(room, 'spdy', { command: ['cat'], stdin: true });
    for (const transport of transports) {
      const exec = await ExecClient.open(room, transport, { command: ['cat'], stdin: true });
      exec.socket.write(Buffer.alloc(64, 0xff));
      await exec.until(() => exec.socket.destroyed || exec.isOver, 'the end');
    }
    other.type('still here\n');
    await other.until(() => other.stdout === 'still here\n', 'the other one');
    other.destroy();
    expect(room.journal.of('violation').length).toBe(2);
  });

  test('forwards that nobody ends are ended with their conversation', async () => {
    const room = await open();
    const forwards = await ForwardClient.open(room, 'spdy');
    forwards.leg.end.open(room.target.port, '0');
    await eventually(
      () => room.journal.of('command.intent').length === 2,
      () => 'the connection',
    );
    forwards.leg.destroy();
    await eventually(
      () => room.journal.of('command.ended').length === 2,
      () => 'their ends',
    );
  });
});
