/** The server end with stock clients: every OpenSSH that is here. Other programs: `programs.test.ts`. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentSsh, everySsh, freePort, makeKey, runSsh, startSsh, workFolder } from '../testing/testing.ts';
import { certificateAlgorithms, cipherAlgorithms, kexAlgorithms, macAlgorithms } from './algorithms.ts';
import { certificateFault, publicKeyFromText, type SshAuthRequest, type SshChannel } from './index.ts';
import { byAnything, flood, password, startTestServer, type TestServer } from './transport-testing.ts';

const folder = workFolder();
const keys = {
  ed25519: makeKey(folder, 'ed25519', 'ed25519'),
  ecdsa: makeKey(folder, 'ecdsa', 'ecdsa'),
  rsa: makeKey(folder, 'rsa', 'rsa'),
};
const ca = makeKey(folder, 'ca');
afterAll(() => folder.remove());

async function withServer(
  options: Parameters<typeof startTestServer>[0],
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startTestServer(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

describe.each(everySsh)('login with ssh of $version', (openssh) => {
  test('password, command, output, status', () =>
    withServer({}, async (server) => {
      const base = { port: server.port, user: 'engineer+web-1', password, openssh };
      expect(await runSsh({ ...base, command: 'echo hello there' })).toMatchObject({ code: 0, stderr: '' });
      const failed = await runSsh({ ...base, command: 'fail 42' });
      expect(failed).toMatchObject({ code: 42, stderr: 'failed\n' });
      expect(server.connections[0]!.user).toBe('engineer+web-1');
      expect(server.connections[0]!.algorithms.strict).toBe(true);
      expect(server.connections[0]!.remoteSoftware).toContain(openssh.version);
      const wrong = await runSsh({ ...base, password: 'wrong', command: 'echo no' });
      expect(wrong.code).toBe(255);
      expect(await server.closed(0)).toBeNull();
    }));

  test.each(Object.keys(keys) as (keyof typeof keys)[])('a key: %s, first offered, then proved (A-SSH-02)', (type) => {
    const known = publicKeyFromText(keys[type].publicLine);
    const authenticate = async (request: SshAuthRequest) =>
      request.method.startsWith('publickey') && 'key' in request && request.key.blob.equals(known.blob)
        ? ({ kind: 'accept' } as const)
        : ({ kind: 'reject' } as const);
    return withServer({ authenticate }, async (server) => {
      const run = await runSsh({ port: server.port, user: 'e', key: keys[type].path, openssh, command: 'echo in' });
      expect(run.stderr).toBe('');
      expect(run.stdout.toString()).toBe('in\n');
      const methods = server.auths.map(({ method }) => method);
      expect(methods).toEqual(['none', 'publickey-offer', 'publickey-proof']);
      expect(server.auths[2]).toMatchObject({ certificate: null, key: { fingerprint: known.fingerprint } });
      if (type === 'rsa') expect(server.auths[2]).toMatchObject({ algorithm: 'rsa-sha2-512' });
    });
  });

  test('RSA with SHA-1 is refused (A-SSH-04)', () =>
    withServer({ authenticate: byPublicKey }, async (server) => {
      const options = ['PubkeyAcceptedAlgorithms=ssh-rsa', 'PreferredAuthentications=publickey'];
      const run = await runSsh({ port: server.port, user: 'e', key: keys.rsa.path, openssh, options, command: 'echo' });
      expect(run.code).toBe(255);
      expect(server.auths.map(({ method }) => method)).toEqual(['none']);
    }));

  test.each(Object.keys(keys) as (keyof typeof keys)[])('a user certificate for %s, all of its fields', (type) => {
    execFileSync('ssh-keygen', [
      ...['-q', '-s', ca.path, '-I', 'engineer of the month', '-n', 'engineer,web-1', '-z', '99', '-V', '-1m:+10m'],
      ...['-O', 'force-command=echo forced', '-O', 'source-address=127.0.0.0/8', '-O', 'no-port-forwarding'],
      `${keys[type].path}.pub`,
    ]);
    return withServer({ authenticate: byPublicKey }, async (server) => {
      const certificate = `${keys[type].path}-cert.pub`;
      const run = await runSsh({
        port: server.port,
        user: 'e',
        key: keys[type].path,
        certificate,
        openssh,
        command: 'echo in',
      });
      expect(run.stderr).toBe('');
      const proof = server.auths.at(-1)!;
      if (!('certificate' in proof) || proof.certificate === null) throw new Error('no certificate came');
      expect(certificateAlgorithms).toContain(proof.algorithm);
      expect(proof.method).toBe('publickey-proof');
      expect(proof.key.fingerprint).toBe(publicKeyFromText(keys[type].publicLine).fingerprint);
      expect(proof.certificate).toMatchObject({
        kind: 'user',
        serial: 99n,
        keyId: 'engineer of the month',
        principals: ['engineer', 'web-1'],
      });
      expect(Object.fromEntries(proof.certificate.criticalOptions)).toEqual({
        'force-command': 'echo forced',
        'source-address': '127.0.0.0/8',
      });
      expect([...proof.certificate.extensions.keys()]).toContain('permit-pty');
      expect([...proof.certificate.extensions.keys()]).not.toContain('permit-port-forwarding');
      expect(proof.certificate.signedBy.fingerprint).toBe(publicKeyFromText(ca.publicLine).fingerprint);
      expect(certificateFault(proof.certificate, Date.now())).toBeNull();
      expect(certificateFault(proof.certificate, Date.now() + 3_600_000)).toBe('expired');
      expect(certificateFault(proof.certificate, Date.now() - 3_600_000)).toBe('not-yet-valid');
    });
  });

  test('keyboard-interactive: a link that is shown and waited for, over two rounds', () => {
    const authenticate = async (request: SshAuthRequest) => {
      if (request.method !== 'keyboard-interactive') return { kind: 'reject' } as const;
      await request.interactive.prompt({ instruction: 'Open https://gateway/approve/1', prompts: [] });
      await new Promise((resolve) => setTimeout(resolve, 50));
      const [answer] = await request.interactive.prompt({ prompts: [{ prompt: 'Code: ', echo: false }] });
      return answer === password ? ({ kind: 'accept' } as const) : ({ kind: 'reject' } as const);
    };
    return withServer({ authenticate }, async (server) => {
      const options = ['PreferredAuthentications=keyboard-interactive'];
      const base = { port: server.port, user: 'e', openssh, options, command: 'echo in' };
      expect((await runSsh({ ...base, password })).stdout.toString()).toBe('in\n');
      expect((await runSsh({ ...base, password: 'wrong' })).code).toBe(255);
    });
  });

  test('one method after the other: partial success does not count as a failure', () => {
    const authenticate = async (request: SshAuthRequest) => {
      if (request.method === 'publickey-offer') return { kind: 'accept' } as const;
      if (request.method === 'publickey-proof') return { kind: 'partial', methods: ['password'] } as const;
      return request.method === 'password'
        ? ({ kind: 'accept' } as const)
        : ({ kind: 'reject', methods: ['publickey'] } as const);
    };
    return withServer({ authenticate, limits: { attemptsMax: 1 } }, async (server) => {
      const run = await runSsh({
        port: server.port,
        user: 'e',
        key: keys.ed25519.path,
        password,
        openssh,
        command: 'echo in',
      });
      expect(run.stdout.toString()).toBe('in\n');
      expect(server.failures).toEqual([]);
    });
  });

  test('the banner is shown', () =>
    withServer({ authenticate: byAnything, banner: 'Everything here is recorded.' }, async (server) => {
      const options = ['LogLevel=INFO'];
      const run = await runSsh({ port: server.port, user: 'e', openssh, options, command: 'echo' });
      expect(run.stderr).toContain('Everything here is recorded.');
    }));

  test('attempts are bounded and told (A-SSH-06)', () =>
    withServer({ limits: { attemptsMax: 3 } }, async (server) => {
      const port = server.port;
      const options = ['PreferredAuthentications=password', 'NumberOfPasswordPrompts=9'];
      const run = await runSsh({ port, user: 'e', password: 'wrong', openssh, options, command: 'echo' });
      expect(run.code).toBe(255);
      expect(server.failures.map(({ attempts }) => attempts)).toEqual([1, 2, 3]);
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-many-attempts' });
    }));
});

describe.each(everySsh)('algorithms with ssh of $version', (openssh) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ authenticate: byAnything });
  });
  afterAll(() => server.stop());

  async function negotiated(...options: string[]) {
    const run = await runSsh({ port: server.port, user: 'e', openssh, options, command: 'echo in' });
    expect(run.stdout.toString()).toBe('in\n');
    expect(run.stderr).toBe('');
    return server.connections.at(-1)!.algorithms;
  }

  const knowsKem = openssh.root !== null;
  test.each(kexAlgorithms.filter((kex) => knowsKem || !kex.startsWith('mlkem')))('key exchange %s', async (kex) => {
    expect(await negotiated(`KexAlgorithms=${kex}`)).toMatchObject({ kex, strict: true });
  });
  test.each(cipherAlgorithms)('cipher %s', async (cipher) => {
    expect(await negotiated(`Ciphers=${cipher}`)).toMatchObject({ cipherIn: cipher, cipherOut: cipher });
  });
  test.each(macAlgorithms)('MAC %s', async (mac) => {
    expect(await negotiated('Ciphers=aes256-ctr', `MACs=${mac}`)).toMatchObject({ macIn: mac, macOut: mac });
  });
  test.each(['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'])('host key %s', async (hostKey) => {
    expect(await negotiated(`HostKeyAlgorithms=${hostKey}`)).toMatchObject({ hostKey });
  });
  test('the post-quantum key exchange is what a current client takes by itself', async () => {
    expect((await negotiated()).kex).toBe(knowsKem ? 'mlkem768x25519-sha256' : 'curve25519-sha256');
  });
  test.each(['KexAlgorithms=diffie-hellman-group14-sha1', 'MACs=hmac-sha1', 'HostKeyAlgorithms=ssh-rsa'])(
    'nothing old: %s',
    async (option) => {
      const options = [option, 'Ciphers=aes128-ctr'];
      const run = await runSsh({ port: server.port, user: 'e', openssh, options, command: 'echo in' });
      expect(run.code).toBe(255);
      expect(await server.closed(server.connections.length - 1)).toMatchObject({ code: 'ssh.no-common-algorithm' });
    },
  );
  test('compression is not on offer', async () => {
    await negotiated('Compression=yes');
  });
});

describe.each(everySsh)('channels with ssh of $version', (openssh) => {
  const base = { user: 'e', openssh } as const;

  test('environment, terminal, terminal modes; a size of nothing is given one (A-SSH-16)', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const at = { ...base, port: server.port };
      const env = await runSsh({ ...at, options: ['SetEnv=LC_X=ä'], command: 'env LC_X' });
      expect(env.stdout.toString()).toBe('ä');
      const size = await runSsh({ ...at, args: ['-tt'], command: 'size' });
      expect(size.stdout.toString()).toBe('80x24');
      expect(server.requests.map(({ kind }) => kind)).toEqual(['env', 'exec', 'pty-req', 'exec']);
    }));

  test('a command that is held runs when it is let go; keepalives are answered meanwhile', () => {
    const held = Promise.withResolvers<() => void>();
    return withServer(
      {
        authenticate: byAnything,
        request: (request, reply, channel) => {
          if (request.kind !== 'exec') return false;
          held.resolve(() => {
            reply.accept();
            channel.write(Buffer.from('approved\n'));
            channel.notify({ kind: 'exit-status', code: 0 });
            channel.close();
          });
          return true;
        },
      },
      async (server) => {
        const options = ['ServerAliveInterval=1', 'ServerAliveCountMax=1'];
        const run = runSsh({ ...base, port: server.port, options, command: 'systemctl restart' });
        const release = await held.promise;
        await new Promise((resolve) => setTimeout(resolve, 3500));
        release();
        expect(await run).toMatchObject({ code: 0, stdout: Buffer.from('approved\n') });
      },
    );
  });

  test('an exit by signal', () =>
    withServer(
      {
        authenticate: byAnything,
        exec: (_command, channel) => {
          channel.notify({ kind: 'exit-signal', signal: 'TERM', coreDumped: false, message: '' });
          channel.close();
          return true;
        },
      },
      async (server) => {
        const run = await runSsh({ ...base, port: server.port, command: 'x', options: ['LogLevel=INFO'] });
        expect(run.code).toBe(255);
      },
    ));

  test.each(['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr'])(
    '16 MB there and back with %s, keys changed by both sides',
    (cipher) =>
      withServer({ authenticate: byAnything, limits: { rekeyBytes: 3 * 1024 * 1024 } }, async (server) => {
        const input = Buffer.alloc(16 * 1024 * 1024);
        for (let at = 0; at < input.length; at += 4) input.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
        const options = [`Ciphers=${cipher}`, 'RekeyLimit=5M'];
        const run = await runSsh({ ...base, port: server.port, options, command: 'cat', input, deadlineMs: 60_000 });
        expect(run.code).toBe(0);
        expect(digest(run.stdout)).toBe(digest(input));
      }),
  );

  test('RekeyLimit 16, as in the regression tests of OpenSSH (A-SSH-09)', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const input = Buffer.alloc(300 * 1024, 'abc');
      const run = await runSsh({ ...base, port: server.port, options: ['RekeyLimit=16'], command: 'cat', input });
      expect(run.code).toBe(0);
      expect(run.stdout.equals(input)).toBe(true);
    }));

  test('a client that stops reading stops the server, and gets everything later (A-SSH-17)', () => {
    const total = 24 * 1024 * 1024;
    let source: SshChannel | null = null;
    return withServer(
      {
        authenticate: byAnything,
        exec: (_command, channel) => {
          source = channel;
          let resume: (() => void) | null = null;
          channel.handle({ read: () => {}, end: () => {}, drain: () => resume?.(), close: () => {} });
          flood(channel, total, (go) => {
            resume = go;
          });
          return true;
        },
      },
      async (server) => {
        const run = startSsh({ ...base, port: server.port, command: 'flood', deadlineMs: 60_000 });
        run.child.stdin?.end();
        await run.until(/\0/);
        run.child.stdout?.pause();
        let before = -1;
        while (source!.bytesWritten !== before) {
          before = source!.bytesWritten;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        expect(before).toBeLessThan(total);
        expect(source!.pendingBytes).toBeLessThan(1024 * 1024);
        run.child.stdout?.resume();
        expect((await run.finished).stdout.length).toBe(total);
      },
    );
  });

  test('local forwards: each open is asked for, refused with a reason, or joined', () =>
    withServer(
      {
        authenticate: byAnything,
        open: (open, answer) => {
          if (open.kind === 'session') return void answer.accept();
          if (open.kind !== 'direct-tcpip' || open.target.port !== 7) return answer.reject(1, 'not to there');
          const channel = answer.accept();
          channel.handle({
            read: (view) => void channel.write(Buffer.from(view.toString('latin1').toUpperCase())),
            end: () => channel.close(),
            drain: () => {},
            close: () => {},
          });
        },
      },
      async (server) => {
        const through = await runSsh({ ...base, port: server.port, args: ['-W', 'inner.example:7'], input: 'shout' });
        expect(through.stdout.toString()).toBe('SHOUT');
        const refused = await runSsh({
          ...base,
          port: server.port,
          args: ['-W', 'inner.example:8'],
          options: ['LogLevel=INFO'],
        });
        expect(refused.code).toBe(255);
        expect(refused.stderr).toContain('not to there');
        // OpenSSH 9.2 accepts a path for -W and then does nothing with it.
        if (openssh.root === null) return;
        const unix = await runSsh({
          ...base,
          port: server.port,
          args: ['-W', '/run/x.sock'],
          options: ['LogLevel=INFO'],
        });
        expect(unix.stderr).toContain('not to there');
      },
    ));

  test('a remote forward: asked for, granted with a port, used from here', () =>
    withServer(
      {
        authenticate: byAnything,
        globalRequest: (request, reply) => {
          if (request.kind !== 'tcpip-forward') return reply.reject();
          expect(request.bind).toEqual({ host: 'localhost', port: 0 });
          const port = Buffer.alloc(4);
          port.writeUInt32BE(4711);
          reply.accept(port);
        },
      },
      async (server) => {
        const target = createServer((socket) => socket.pipe(socket));
        await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
        const { port } = target.address() as { port: number };
        const run = startSsh({
          ...base,
          port: server.port,
          args: ['-N', '-R', `0:127.0.0.1:${port}`],
          options: ['LogLevel=INFO'],
        });
        await run.until(/Allocated port 4711/);
        const channel = await server.connections[0]!.open({
          kind: 'forwarded-tcpip',
          bound: { host: 'localhost', port: 4711 },
          origin: { host: '127.0.0.1', port: 9 },
        });
        const got = new Promise<Buffer>((resolve) => {
          channel.handle({ read: resolve, end: () => {}, drain: () => {}, close: () => {} });
        });
        channel.write(Buffer.from('inwards'));
        expect((await got).toString()).toBe('inwards');
        const wrong = server.connections[0]!.open({
          kind: 'forwarded-tcpip',
          bound: { host: 'localhost', port: 1 },
          origin: { host: '127.0.0.1', port: 9 },
        });
        await expect(wrong).rejects.toMatchObject({ code: 'ssh.open-refused' });
        run.child.kill();
        target.close();
      },
    ));

  test('a dynamic forward', () =>
    withServer(
      {
        authenticate: byAnything,
        open: (open, answer) => {
          if (open.kind !== 'direct-tcpip') return void answer.accept();
          const channel = answer.accept();
          channel.handle({ read: () => {}, end: () => {}, drain: () => {}, close: () => {} });
          channel.write(Buffer.from(`${open.target.host}:${open.target.port}`));
          channel.close();
        },
      },
      async (server) => {
        const port = await freePort();
        const run = startSsh({ ...base, port: server.port, args: ['-N', '-D', `127.0.0.1:${port}`] });
        const text = await socks(port, 'db.example', 5432);
        expect(text).toBe('db.example:5432');
        run.child.kill();
      },
    ));

  test('a multiplexed connection: several sessions, one login', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const control = workFolder(openssh);
      try {
        const options = ['ControlMaster=auto', `ControlPath=${control.inside('c')}`, 'ControlPersist=30'];
        const at = { ...base, port: server.port, options };
        // The master goes to the background and keeps what it inherited, so it is started apart.
        const master = startSsh({ ...at, args: ['-N', '-M'] });
        const path = join(control.path, 'c');
        for (let attempt = 0; attempt < 100; attempt++) {
          if ((await runSsh({ ...at, args: ['-O', 'check'] })).code === 0) break;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const runs = await Promise.all([1, 2, 3].map((n) => runSsh({ ...at, command: `echo ${n}` })));
        expect(runs.map(({ stdout }) => stdout.toString())).toEqual(['1\n', '2\n', '3\n']);
        expect(server.connections.length).toBe(1);
        expect(path).toBeTruthy();
        master.child.kill();
        await master.finished;
      } finally {
        control.remove();
      }
    }));
});

async function byPublicKey(request: SshAuthRequest) {
  return { kind: request.method.startsWith('publickey') ? 'accept' : 'reject' } as const;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Asks a SOCKS 5 proxy for a connection by name and gives what comes through it. */
async function socks(port: number, host: string, to: number): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise<string>((resolve, reject) => {
        const socket = createConnection(port, '127.0.0.1', () => socket.write(Buffer.from([5, 1, 0])));
        let got = Buffer.alloc(0);
        socket.once('error', reject);
        socket.once('data', () => {
          const name = Buffer.from(host);
          socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([to >> 8, to & 255])]));
          socket.on('data', (data) => {
            got = Buffer.concat([got, data]);
          });
        });
        socket.once('close', () => resolve(got.subarray(10).toString()));
      });
    } catch (error) {
      if (attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test.runIf(currentSsh === null)('OpenSSH 10 was not tried: tools/openssh10.sh makes it', () => {
  expect(everySsh).toHaveLength(1);
});

test('keys of ssh-keygen are read as they are', () => {
  for (const { path, publicLine } of Object.values(keys)) {
    expect(publicLine).toContain(publicKeyFromText(publicLine).blob.toString('base64'));
    expect(readFileSync(path, 'utf8')).toContain('PRIVATE KEY');
  }
});
