/**
 * A target whose shell opens, and then never says that the hooks are in place: what the resource's setting says comes instead,
 * and the client's request is answered once, whoever answers. The target is of this process, and so is the clock.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { connectRoom, openRoom, type Room } from './room-testing.ts';
import { publicKeyToText, type SshChannel, type SshClientConnection } from './transport/index.ts';
import { hostKeys, password, startTestServer, type TestServer } from './transport/transport-testing.ts';

const RS = '\x1e';
const US = '\x1f';

let server: TestServer;
let room: Room;
let client: SshClientConnection;
let clock: FakeClock;
/** The shell's channel at the target, once it was asked for. */
let terminal: SshChannel | null;

/** Plays the side script, takes the hook files, and starts a shell that keeps silent. */
function target(command: string, channel: SshChannel): boolean {
  const nonce = /([0-9a-f]{32})\\037ok/.exec(command)?.[1];
  if (nonce === undefined) {
    terminal = channel;
    channel.handle({ read: () => {}, end: () => {}, drain: () => {}, close: () => {} });
    return true;
  }
  let files = '';
  channel.handle({
    read: (view) => {
      files += view.toString('latin1');
      if (files.endsWith('. 0\n')) channel.write(Buffer.from(`${RS}${nonce}${US}up${RS}`));
    },
    end: () => channel.close(),
    drain: () => {},
    close: () => {},
  });
  const fields = [nonce, 'ok', '/tmp/.term.x', '/bin/bash', '0', '0', '/usr/bin/mkfifo'];
  channel.write(Buffer.from(`${RS}${fields.join(US)}${RS}`));
  return true;
}

/** Lets time pass until the gate gives up, and no longer: what comes then has deadlines of its own. */
function waitForHooks(): void {
  const hasGivenUp = (): boolean =>
    room.recordings[0]!.entries.some((entry) => entry.type === 'message' && entry.code === 'unhooked');
  for (let seconds = 0; !hasGivenUp(); seconds++) {
    expect(seconds).toBeLessThan(60);
    clock.advance(1000);
  }
}

interface Seen {
  readonly channel: SshChannel;
  out: string;
  err: string;
  exit: number | null;
  readonly closed: Promise<void>;
  until(pattern: RegExp): Promise<void>;
}

async function openShell(unhooked: string): Promise<Seen> {
  clock = new FakeClock();
  terminal = null;
  server = await startTestServer({ exec: target });
  room = await openRoom({
    target: { port: server.port, hostKeys: [publicKeyToText(hostKeys()[0]!.publicKey)] },
    credential: { username: 'e', password },
    settings: { shell: 'gated', unhooked },
    clock,
  });
  client = await connectRoom(room);
  const channel = await client.open({ kind: 'session' });
  const closed = Promise.withResolvers<void>();
  let wake = (): void => {};
  const seen: Seen = {
    channel,
    out: '',
    err: '',
    exit: null,
    closed: closed.promise,
    until: async (pattern) => {
      while (!pattern.test(seen.out + seen.err)) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
  channel.handle({
    read: (view) => {
      seen.out += view.toString();
      wake();
    },
    readStderr: (view) => {
      seen.err += view.toString();
      wake();
    },
    end: () => {},
    drain: () => {},
    request: (request, reply) => {
      if (request.kind === 'exit-status') seen.exit = request.code;
      reply.reject();
    },
    close: () => closed.resolve(),
  });
  const size = { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 };
  expect(await channel.request({ kind: 'pty-req', term: 'xterm', ...size, modes: new Map() })).toBe(true);
  // Answered as soon as the shell's own channel is there.
  expect(await channel.request({ kind: 'shell' })).toBe(true);
  expect(terminal).not.toBeNull();
  return seen;
}

afterEach(async () => {
  client?.destroy();
  await room?.close();
  await server?.stop();
});

describe('hooks that never come', { timeout: 20_000 }, () => {
  test('refuse: the client hears why, and the shell ends with 126', async () => {
    const seen = await openShell('refuse');
    waitForHooks();
    await seen.closed;
    expect(seen).toMatchObject({ exit: 126, err: expect.stringContaining('could not be gated') });
    expect(room.journal.of('session.ended')).toEqual([]);
  });

  test('observe: the target’s own shell, and the client hears that', async () => {
    const seen = await openShell('observe');
    waitForHooks();
    await seen.until(/a shell\n/);
    expect(seen.err).toContain('commands are not stopped');
    await seen.closed;
    expect(server.requests.map(({ kind }) => kind)).toContain('shell');
  });

  test('exec-only: the gateway’s own prompt', async () => {
    const seen = await openShell('exec-only');
    waitForHooks();
    await seen.until(/web-1> /);
    seen.channel.write(Buffer.from('exit\r'));
    await seen.closed;
    expect(seen.exit).toBe(0);
  });

  test('a terminal that ends before them is the same', async () => {
    const seen = await openShell('refuse');
    terminal!.close();
    await seen.closed;
    expect(seen.exit).toBe(126);
  });
});
