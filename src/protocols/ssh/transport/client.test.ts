/** The client end with stock servers: every OpenSSH that is here. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { isGatewayError } from '../../../base/errors.ts';
import { silentLog } from '../../../base/log.ts';
import { SocketWire } from '../../../base/wire.ts';
import {
  type Account,
  everySsh,
  freePort,
  makeAccount,
  makeKey,
  type Sshd,
  startSshd,
  workFolder,
} from '../testing/testing.ts';
import {
  connectSsh,
  generateKeyText,
  privateKeyFromText,
  publicKeyFromText,
  publicKeyToText,
  type SshChannel,
  type SshChannelRequest,
  type SshClientConnection,
  type SshClientHandler,
  type SshClientOpen,
  type SshCredential,
  signCertificate,
} from './index.ts';
import { windowBytes } from './limits.ts';

const keys = (['ed25519', 'ecdsa', 'rsa'] as const).map((type) => privateKeyFromText(generateKeyText(type)));
const ca = privateKeyFromText(generateKeyText('ed25519'));
const rsaCa = privateKeyFromText(generateKeyText('rsa'));

interface Collected {
  out: Buffer;
  err: Buffer;
  requests: SshChannelRequest[];
  ended: boolean;
}

/** Collects everything until the channel closes. */
function collect(channel: SshChannel): Promise<Collected> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const requests: SshChannelRequest[] = [];
  let ended = false;
  return new Promise((resolve) => {
    channel.handle({
      read: (view) => void out.push(view),
      readStderr: (view) => void err.push(view),
      end: () => {
        ended = true;
      },
      drain: () => {},
      request: (request, reply) => {
        requests.push(request);
        reply.accept();
      },
      close: () => resolve({ out: Buffer.concat(out), err: Buffer.concat(err), requests, ended }),
    });
  });
}

describe.each(everySsh)('sshd of $version', (openssh) => {
  let sshd: Sshd;
  const open: SshClientConnection[] = [];

  beforeAll(async () => {
    const folder = workFolder();
    const trusted = [ca, rsaCa].map(({ publicKey }) => publicKeyToText(publicKey)).join('\n');
    sshd = await startSshd({
      openssh,
      authorizedKeys: keys.map(({ publicKey }) => publicKeyToText(publicKey)),
      userCa: trusted,
    });
    folder.remove();
  });
  afterAll(async () => {
    for (const connection of open) connection.destroy();
    await sshd.stop();
  });

  async function connect(
    credentials: readonly SshCredential[] = [{ method: 'publickey', key: keys[0]! }],
    more: Partial<Parameters<typeof connectSsh>[1]> = {},
  ): Promise<SshClientConnection> {
    const wire = await SocketWire.dial('127.0.0.1', sshd.port, AbortSignal.timeout(5000));
    const handler: SshClientHandler = { open: (_open, answer) => answer.reject(1, 'no'), close: () => {} };
    const connection = await connectSsh(wire, {
      user: sshd.user,
      credentials,
      verifyHostKey: () => true,
      handler,
      clock: systemClock,
      log: silentLog,
      ...more,
    });
    open.push(connection);
    return connection;
  }

  async function exec(connection: SshClientConnection, command: string): Promise<Collected> {
    const channel = await connection.open({ kind: 'session' });
    const all = collect(channel);
    expect(await channel.request({ kind: 'exec', command: Buffer.from(command) })).toBe(true);
    return all;
  }

  test.each(keys.map((key) => ({ type: key.publicKey.type, key })))('logs in with $type', async ({ key }) => {
    const connection = await connect([{ method: 'publickey', key }]);
    expect(connection.method).toBe('publickey');
    expect(connection.algorithms.strict).toBe(true);
    const { out, requests, ended } = await exec(connection, 'echo out; echo err >&2; exit 7');
    expect(out.toString()).toBe('out\n');
    expect(ended).toBe(true);
    expect(requests).toContainEqual({ kind: 'exit-status', code: 7 });
  });

  test('standard error comes apart, and a signal is told', async () => {
    const connection = await connect();
    const { err, requests } = await exec(connection, 'echo err >&2; kill -TERM $$');
    expect(err.toString()).toBe('err\n');
    expect(requests.find(({ kind }) => kind === 'exit-signal')).toMatchObject({ signal: 'TERM', coreDumped: false });
  });

  test.each([
    ['Ed25519', keys[0]!, ca],
    ['ECDSA', keys[1]!, ca],
    ['RSA', keys[2]!, rsaCa],
  ] as const)('logs in with a user certificate: %s', async (_name, certified, authority) => {
    const fresh = privateKeyFromText(
      generateKeyText(certified === keys[0] ? 'ed25519' : certified === keys[1] ? 'ecdsa' : 'rsa'),
    );
    const now = Math.floor(Date.now() / 1000);
    const request = {
      key: fresh.publicKey,
      serial: 7n,
      keyId: 'session-1 of engineer',
      principals: [sshd.user],
      validAfter: now - 60,
      validBefore: now + 60,
      extensions: { 'permit-pty': '' },
    };
    const certificate = signCertificate(request, authority);
    const connection = await connect([{ method: 'publickey', key: fresh, certificate }]);
    expect((await exec(connection, 'echo certified')).out.toString()).toBe('certified\n');
    expect(sshd.log()).toContain('session-1 of engineer');
    const expired = signCertificate({ ...request, validBefore: now - 30 }, authority);
    await expect(connect([{ method: 'publickey', key: fresh, certificate: expired }])).rejects.toMatchObject({
      code: 'ssh.login-refused',
    });
  });

  test('a wrong key is refused', async () => {
    const stranger = privateKeyFromText(generateKeyText('ed25519'));
    await expect(connect([{ method: 'publickey', key: stranger }])).rejects.toMatchObject({
      code: 'ssh.login-refused',
    });
  });

  test('host keys: only the pinned type is asked for, a refusal ends the attempt before any login (A-SSH-18)', async () => {
    for (const line of sshd.hostKeys) {
      const pinned = publicKeyFromText(line);
      const connection = await connect(undefined, {
        hostKeyTypes: [pinned.type],
        verifyHostKey: (key) => key.blob.equals(pinned.blob),
      });
      expect(connection.hostKey.fingerprint).toBe(pinned.fingerprint);
    }
    const before = sshd.log().length;
    await expect(connect(undefined, { verifyHostKey: async () => false })).rejects.toMatchObject({
      code: 'ssh.host-key-refused',
    });
    expect(sshd.log().slice(before)).not.toContain('Accepted');
  });

  // A folder with another system in it has no pseudo-terminals of its own.
  test.skipIf(openssh.root !== null)('a terminal with its size and modes', async () => {
    const connection = await connect();
    const channel = await connection.open({ kind: 'session' });
    const all = collect(channel);
    const pty = { kind: 'pty-req', term: 'xterm', columns: 101, rows: 33, widthPixels: 0, heightPixels: 0 } as const;
    expect(await channel.request({ ...pty, modes: new Map([[53, 0]]) })).toBe(true);
    expect(await channel.request({ kind: 'exec', command: Buffer.from('stty size; stty -a; echo $TERM') })).toBe(true);
    const { out } = await all;
    expect(out.toString()).toMatch(/^33 101\r\n/);
    expect(out.toString()).toContain('-echo ');
    expect(out.toString()).toContain('xterm');
  });

  test('environment, input with its end, a subsystem', async () => {
    const connection = await connect();
    const channel = await connection.open({ kind: 'session' });
    const all = collect(channel);
    channel.notify({ kind: 'env', name: 'LC_TEST', value: Buffer.from('ä') });
    expect(await channel.request({ kind: 'exec', command: Buffer.from('echo "$LC_TEST"; cat') })).toBe(true);
    channel.write(Buffer.from('typed'));
    channel.eof();
    expect((await all).out.toString()).toBe('ä\ntyped');
    const sftp = await connection.open({ kind: 'session' });
    const answer = Promise.withResolvers<Buffer>();
    sftp.handle({ read: answer.resolve, end: () => {}, drain: () => {}, close: () => answer.resolve(Buffer.alloc(0)) });
    expect(await sftp.request({ kind: 'subsystem', name: 'sftp' })).toBe(true);
    sftp.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
    expect((await answer.promise).subarray(4, 9)).toEqual(Buffer.from([2, 0, 0, 0, 3]));
    expect(await (await connection.open({ kind: 'session' })).request({ kind: 'subsystem', name: 'none' })).toBe(false);
  });

  test('20 MB in both directions with back-pressure, across key exchanges by bytes', async () => {
    const connection = await connect(undefined, { limits: { rekeyBytes: 4 * 1024 * 1024 } });
    const channel = await connection.open({ kind: 'session' });
    const total = 20 * 1024 * 1024;
    let got = 0;
    let sum = 0;
    let drained: (() => void) | null = null;
    const done = new Promise<void>((resolve) => {
      channel.handle({
        read: (view) => {
          got += view.length;
          sum = (sum + view[0]! + view.at(-1)!) % 65_521;
          // Stops now and then, so that windows close.
          if (got % 7 === 0) {
            channel.pause();
            setImmediate(() => channel.resume());
          }
        },
        end: () => {},
        drain: () => drained?.(),
        close: resolve,
      });
    });
    await channel.request({ kind: 'exec', command: Buffer.from('cat') });
    const chunk = Buffer.alloc(50_000, 7);
    for (let sent = 0; sent < total; sent += chunk.length) {
      if (channel.write(chunk.subarray(0, Math.min(chunk.length, total - sent)))) continue;
      await new Promise<void>((resolve) => {
        drained = resolve;
      });
    }
    channel.eof();
    await done;
    expect(got).toBe(total);
    expect(sum).toBeGreaterThan(0);
    expect((await exec(connection, 'echo still')).out.toString()).toBe('still\n');
  });

  test('a target that floods a channel which is not read: one window, and everything later (A-SSH-17)', async () => {
    const connection = await connect();
    const channel = await connection.open({ kind: 'session' });
    channel.pause();
    const all = collect(channel);
    const total = 12 * 1024 * 1024;
    await channel.request({ kind: 'exec', command: Buffer.from(`head -c ${total} /dev/zero`) });
    let before = -1;
    while (channel.bytesRead !== before) {
      before = channel.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(before).toBeLessThanOrEqual(windowBytes);
    channel.resume();
    expect((await all).out.length).toBe(total);
  });

  test('a key exchange that we ask for, and a ping', async () => {
    const connection = await connect();
    const { sessionId } = connection;
    connection.rekey();
    await connection.ping();
    expect((await exec(connection, 'echo again')).out.toString()).toBe('again\n');
    expect(connection.sessionId.equals(sessionId)).toBe(true);
  });

  test('key exchanges that the server asks for', async () => {
    const other = await startSshd({
      openssh,
      authorizedKeys: [publicKeyToText(keys[0]!.publicKey)],
      config: ['RekeyLimit 256k'],
    });
    try {
      const wire = await SocketWire.dial('127.0.0.1', other.port, AbortSignal.timeout(5000));
      const connection = await connectSsh(wire, {
        user: other.user,
        credentials: [{ method: 'publickey', key: keys[0]! }],
        verifyHostKey: (key) => key.blob.equals(publicKeyFromText(other.hostKeys[0]!).blob),
        hostKeyTypes: ['ssh-ed25519'],
        handler: { open: (_open, answer) => answer.reject(1, 'no'), close: () => {} },
        clock: systemClock,
        log: silentLog,
      });
      const { out } = await exec(connection, 'head -c 5000000 /dev/zero');
      expect(out.length).toBe(5_000_000);
      connection.destroy();
    } finally {
      await other.stop();
    }
  });

  test('a local forward, and a refusal with its reason', async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as { port: number };
    const connection = await connect();
    const origin = { host: '127.0.0.1', port: 1 };
    const channel = await connection.open({ kind: 'direct-tcpip', target: { host: '127.0.0.1', port }, origin });
    const all = collect(channel);
    channel.write(Buffer.from('through'));
    channel.eof();
    expect((await all).out.toString()).toBe('through');
    channel.close();
    echo.close();
    const target = { host: '127.0.0.1', port: await freePort() };
    const refused = await connection.open({ kind: 'direct-tcpip', target, origin }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(isGatewayError(refused) && refused.code).toBe('ssh.open-refused');
    expect(isGatewayError(refused) && refused.cause).toMatchObject({ reason: 2 });
  });

  test('a remote forward comes back as a channel', async () => {
    const opened = Promise.withResolvers<{ open: SshClientOpen; channel: SshChannel }>();
    const connection = await connect(undefined, {
      handler: {
        open: (asked, answer) => opened.resolve({ open: asked, channel: answer.accept() }),
        close: () => {},
      },
    });
    const answer = await connection.globalRequest({ kind: 'tcpip-forward', bind: { host: '127.0.0.1', port: 0 } });
    const port = answer!.readUInt32BE(0);
    const socket = createConnection(port, '127.0.0.1');
    socket.write('from outside');
    const { open: asked, channel } = await opened.promise;
    expect(asked).toMatchObject({ kind: 'forwarded-tcpip', bound: { host: '127.0.0.1', port } });
    const first = await new Promise<Buffer>((resolve) => {
      channel.handle({ read: resolve, end: () => {}, drain: () => {}, close: () => {} });
    });
    expect(first.toString()).toBe('from outside');
    const back = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    channel.write(Buffer.from('and back'));
    expect(await back).toBe('and back');
    socket.destroy();
    const bind = { host: '127.0.0.1', port };
    expect(await connection.globalRequest({ kind: 'cancel-tcpip-forward', bind })).not.toBeNull();
  });

  test('unix sockets in both directions', async () => {
    const opened = Promise.withResolvers<SshChannel>();
    const connection = await connect(undefined, {
      handler: { open: (_asked, answer) => opened.resolve(answer.accept()), close: () => {} },
    });
    const path = sshd.folder.inside('remote.sock');
    expect(await connection.globalRequest({ kind: 'streamlocal-forward@openssh.com', path })).not.toBeNull();
    const local = await connection.open({ kind: 'direct-streamlocal@openssh.com', path });
    local.write(Buffer.from('round'));
    local.eof();
    const channel = await opened.promise;
    const got = await new Promise<Buffer>((resolve) => {
      channel.handle({ read: resolve, end: () => channel.close(), drain: () => {}, close: () => {} });
    });
    expect(got.toString()).toBe('round');
  });

  test('the server goes away', async () => {
    const closed = Promise.withResolvers<unknown>();
    const connection = await connect(undefined, {
      handler: { open: (_asked, answer) => answer.reject(1, 'no'), close: closed.resolve },
    });
    const channel = await connection.open({ kind: 'session' });
    const all = collect(channel);
    await channel.request({ kind: 'exec', command: Buffer.from('kill -9 $PPID; sleep 1') }).catch(() => false);
    await all;
    expect(await closed.promise).toMatchObject({ code: 'ssh.connection-lost' });
    await expect(connection.open({ kind: 'session' })).rejects.toMatchObject({ code: 'ssh.connection-lost' });
  });
});

describe('accounts with passwords', () => {
  let account: Account;
  let sshd: Sshd;
  beforeAll(async () => {
    account = makeAccount();
    sshd = await startSshd({ account, config: ['KbdInteractiveAuthentication yes', 'PasswordAuthentication yes'] });
  });
  afterAll(async () => {
    await sshd.stop();
    account.remove();
  });

  async function method(credentials: readonly SshCredential[]): Promise<string> {
    const wire = await SocketWire.dial('127.0.0.1', sshd.port, AbortSignal.timeout(5000));
    const connection = await connectSsh(wire, {
      user: account.name,
      credentials,
      verifyHostKey: () => true,
      handler: { open: (_asked, answer) => answer.reject(1, 'no'), close: () => {} },
      clock: systemClock,
      log: silentLog,
    });
    connection.destroy();
    return connection.method;
  }

  test('password', async () => {
    expect(await method([{ method: 'password', password: account.password }])).toBe('password');
  });

  test('a wrong one is refused; the next credential is tried', async () => {
    await expect(method([{ method: 'password', password: 'wrong' }])).rejects.toMatchObject({
      code: 'ssh.login-refused',
    });
    const right = { method: 'password', password: account.password } as const;
    expect(await method([{ method: 'password', password: 'wrong' }, right])).toBe('password');
  });
});

test('private keys of ssh-keygen, with and without a passphrase', () => {
  const folder = workFolder();
  try {
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      for (const passphrase of ['', 'a passphrase']) {
        const { path, publicLine } = makeKey(folder, `${type}-${passphrase.length}`, type, passphrase);
        const key = privateKeyFromText(readFileSync(path, 'utf8'), passphrase === '' ? undefined : passphrase);
        expect(publicLine).toContain(publicKeyToText(key.publicKey));
        const printed = execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' });
        expect(printed).toContain(key.publicKey.fingerprint);
        expect(printed.split(' ')[0]).toBe(String(key.publicKey.bits));
        if (passphrase !== '') {
          expect(() => privateKeyFromText(readFileSync(path, 'utf8'), 'wrong')).toThrow(/ssh.key-invalid/);
        }
      }
    }
    const pem = join(folder.path, 'pem');
    execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-f', pem]);
    expect(privateKeyFromText(readFileSync(pem, 'utf8')).publicKey.bits).toBe(2048);
    writeFileSync(pem, 'no key');
    expect(() => privateKeyFromText('no key')).toThrow(/ssh.key-invalid/);
  } finally {
    folder.remove();
  }
});
