import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeGateway, goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { type Ran, World } from './testing/world.ts';

const keyOne = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOKVsSocw0Vv9oah/oWx6/KXQBmo+BCHLXrFPNeawfzZ';
const keyTwo = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGg2H/KhOqkDx+FGnk3noB1111111111111111111111';
const rsaKey = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDQzgEEYy0I9LwNQCe0Sy0E38Hd3eHQ4mZlmmLHOgR5';
const certificate = 'ssh-ed25519-cert-v01@openssh.com AAAAcert engineer';
const expiresAt = '2026-11-21T20:00:00.000Z';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;
let pins: string[];
let offered: readonly { publicKey: string; fingerprint: string; pinned: boolean }[];

beforeAll(async () => {
  gateway = await startFakeGateway({
    getObject: () => ({
      kind: 'Resource',
      metadata: { name: 'web-1' },
      spec: { protocol: 'ssh', address: 'web.internal:22', recording: 'strict', host_keys: pins },
    }),
    scanHostKeys: () => ({ address: 'web.internal:22', keys: offered }),
    apply: ({ body }) => {
      const [document] = (body as { documents: { spec: { host_keys: string[] } }[] }).documents;
      pins = document!.spec.host_keys;
      return { dryRun: false, results: [] };
    },
    listSignOns: () => ({
      signOns: [
        {
          id: 'sgn_1',
          code: 'U8S-X3X',
          source: '10.0.0.4',
          resource: null,
          command: null,
          requestedAt: '2026-11-21T11:59:50Z',
          expiresAt,
        },
        {
          id: 'sgn_2',
          code: 'CPW-6VM',
          source: '10.9.9.9',
          resource: 'web-1',
          command: null,
          requestedAt: '2026-11-21T11:59:55Z',
          expiresAt,
        },
      ],
    }),
    sshKeys: () => ({ hostKeys: [keyOne, rsaKey], userAuthority: `${keyTwo} sallyport` }),
    signSshKey: () => ({ certificate, expiresAt }),
    listResources: () => ({
      resources: [
        {
          name: 'web-1',
          protocol: 'ssh',
          title: 'SSH',
          labels: {},
          listener: { host: 'gateway.example', port: 6022, tls: true },
          origins: [],
          settings: {},
        },
      ],
    }),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken, HOME: world.directory };
  pins = [];
  offered = [{ publicKey: keyOne, fingerprint: 'SHA256:one', pinned: false }];
});
afterEach(() => world[Symbol.asyncDispose]());

const run = (...argv: string[]): Promise<Ran> => world.run(argv, { env });
const asked = (route: string): number => gateway.asked.filter((one) => one.route === route).length;

describe('trust (A-SSH-18)', () => {
  it('shows what the target offers, and pins nothing that nobody agreed to', async () => {
    const { code, stdout, stderr } = await run('trust', 'web-1');
    expect(code).toBe(2);
    expect(stdout).toMatch(/new\s+ssh-ed25519\s+SHA256:one/);
    expect(stderr).toContain('sallyport trust web-1 --yes');
    expect(pins).toEqual([]);
  });

  it('pins with --yes, and says afterwards that it is pinned', async () => {
    expect((await run('trust', 'web-1', '--yes')).code).toBe(0);
    expect(pins).toEqual([keyOne]);
    const again = await run('trust', 'web-1');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('pinned') as string });
    expect(again.stderr).toContain('are pinned already');
  });

  it('adds a key of another kind, and keeps what was pinned and not offered', async () => {
    pins = [keyOne];
    offered = [
      { publicKey: keyOne, fingerprint: 'SHA256:one', pinned: true },
      { publicKey: rsaKey, fingerprint: 'SHA256:rsa', pinned: false },
    ];
    expect((await run('trust', 'web-1', '--yes')).code).toBe(0);
    expect(pins).toEqual([keyOne, rsaKey]);
    offered = offered.slice(0, 1);
    expect((await run('trust', 'web-1', '--yes')).stderr).toContain(`Pinned, and not offered: ${rsaKey}`);
    expect(pins).toEqual([keyOne, rsaKey]);
  });

  it.each([
    ['a key of the same kind', keyTwo],
    ['a fingerprint', 'SHA256:another'],
  ])('never takes a key in place of %s in passing', async (_what, pin) => {
    pins = [pin];
    const { code, stdout, stderr } = await run('trust', 'web-1', '--yes');
    expect(code).toBe(1);
    expect(stdout).toMatch(/CHANGED\s+ssh-ed25519/);
    expect(stderr).toContain('THE HOST KEY OF web-1 HAS CHANGED');
    expect(pins).toEqual([pin]);
    expect((await run('trust', 'web-1', '--yes', '--replace')).code).toBe(0);
    expect(pins).toEqual([keyOne]);
  });

  it('takes a fingerprint as the pin that it is', async () => {
    pins = ['SHA256:one'];
    expect((await run('trust', 'web-1')).code).toBe(0);
    expect(pins).toEqual(['SHA256:one']);
  });

  it('says which is which in JSON, and that nothing is offered', async () => {
    pins = [keyTwo];
    const { stdout } = await run('trust', 'web-1', '--yes', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ keys: [{ state: 'CHANGED' }], unseen: [keyTwo] });
    offered = [];
    expect((await run('trust', 'web-1', '--yes')).code).toBe(1);
  });
});

describe('approve', () => {
  const decisions = (): unknown[] =>
    gateway.asked.filter(({ route }) => route === 'decideSignOn').map(({ params, body }) => [params['id'], body]);

  it('lists what waits, and decides nothing without a code', async () => {
    const before = decisions().length;
    const { code, stdout } = await run('approve');
    expect(code).toBe(0);
    expect(stdout).toContain('U8S-X3X');
    expect(JSON.parse((await run('approve', '-o', 'json')).stdout)).toHaveLength(2);
    expect(decisions()).toHaveLength(before);
  });

  it('approves and refuses by code, whatever its case and its dash', async () => {
    expect((await run('approve', 'u8sx3x')).code).toBe(0);
    expect(decisions().at(-1)).toEqual(['sgn_1', { decision: 'approve' }]);
    const refused = await run('approve', 'CPW-6VM', '--refuse');
    expect(refused.stderr).toContain('Refused');
    expect(decisions().at(-1)).toEqual(['sgn_2', { decision: 'refuse' }]);
  });

  it('says when nothing waits with that code', async () => {
    const before = decisions().length;
    const { code, stderr } = await run('approve', 'AAA-AAA');
    expect(code).toBe(1);
    expect(stderr).toContain('No sign-on of yours waits with the code AAA-AAA');
    expect(decisions()).toHaveLength(before);
  });
});

describe('ssh-certificate', () => {
  it('writes the certificate beside the key, readable by its owner', async () => {
    await writeFile(join(world.directory, 'id.pub'), `${keyOne} me@laptop\n`);
    for (const name of ['id.pub', 'id']) {
      expect((await run('ssh-certificate', '-i', name)).code).toBe(0);
      expect(gateway.asked.at(-1)?.body).toEqual({ publicKey: `${keyOne} me@laptop` });
    }
    const path = join(world.directory, 'id-cert.pub');
    expect(await readFile(path, 'utf8')).toBe(`${certificate}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('takes the usual key, and says where there is none', async () => {
    expect((await run('ssh-certificate')).stderr).toContain('ssh-keygen -t ed25519');
    await mkdir(join(world.directory, '.ssh'));
    await writeFile(join(world.directory, '.ssh/id_ecdsa.pub'), keyOne);
    const { stdout } = await run('ssh-certificate', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      certificate: join(world.directory, '.ssh/id_ecdsa-cert.pub'),
      expiresAt,
    });
  });

  it('sends nothing that is no public key', async () => {
    const before = asked('signSshKey');
    for (const text of [
      '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n',
      `${keyOne}\n${keyTwo}`,
      '',
      'x'.repeat(17_000),
    ]) {
      await writeFile(join(world.directory, 'id.pub'), text);
      expect((await run('ssh-certificate', '-i', 'id.pub')).code).toBe(2);
    }
    expect((await run('ssh-certificate', '-i', 'none.pub')).code).toBe(2);
    expect(asked('signSshKey')).toBe(before);
  });
});

describe('ssh-authority', () => {
  it('prints the key for TrustedUserCAKeys', async () => {
    expect((await run('ssh-authority')).stdout).toBe(`${keyTwo} sallyport\n`);
  });
});

describe('connect to an SSH resource', () => {
  /** Stands in for ssh and the others: says how it was called, keeps the configuration, ends with 7. */
  async function pretend(program: string): Promise<void> {
    const bin = join(world.directory, 'bin');
    await mkdir(bin, { recursive: true });
    const script = [
      '#!/bin/sh',
      `printf '%s\\n' "$@" > "${world.directory}/args"`,
      `for word in "$@"; do config="\${config:-}$(printf '%s' "$word" | grep -o '/[^ ]*/config$' || true)"; done`,
      `cp "$config" "${world.directory}/config"; cp "$(dirname "$config")/known_hosts" "${world.directory}/known_hosts"`,
      `stat -c %a "$(dirname "$config")" "$(dirname "$config")/key" > "${world.directory}/modes"`,
      'exit 7',
    ];
    await writeFile(join(bin, program), `${script.join('\n')}\n`);
    await chmod(join(bin, program), 0o755);
    env = { ...env, PATH: `${bin}:${process.env['PATH']}`, XDG_RUNTIME_DIR: join(world.directory, 'run') };
    await mkdir(join(world.directory, 'run'), { recursive: true, mode: 0o700 });
  }
  const file = (name: string): Promise<string> => readFile(join(world.directory, name), 'utf8');

  it('starts ssh with a key and a certificate that are gone afterwards, and always checks the host key', async () => {
    await pretend('ssh');
    expect((await run('connect', 'web-1', '--', '-L', '8080:localhost:80', 'uptime')).code).toBe(7);
    const [flag, config, ...rest] = (await file('args')).trimEnd().split('\n');
    expect([flag, rest]).toEqual(['-F', ['web-1', '-L', '8080:localhost:80', 'uptime']]);
    expect(config).toContain(join(world.directory, 'run', 'sallyport-connect-'));
    const text = await file('config');
    expect(text).toContain('HostName gateway.example\n  Port 6022\n  User engineer+web-1\n');
    expect(text).toContain('StrictHostKeyChecking yes');
    expect(text).toContain(`Include ${join(world.directory, '.ssh/config')}`);
    expect(await file('known_hosts')).toBe(`sallyport ${keyOne}\nsallyport ${rsaKey}\n`);
    expect(await file('modes')).toBe('700\n600\n');
    expect(await readdir(join(world.directory, 'run'))).toEqual([]);
    expect(`${await file('args')}${text}`).not.toContain(goodToken);
  });

  it.each([
    ['sftp', ['-b', 'batch'], ['-F', 'CONFIG', '-b', 'batch', 'web-1']],
    ['scp', ['a.txt', 'web-1:/tmp/'], ['-F', 'CONFIG', 'a.txt', 'web-1:/tmp/']],
    ['rsync', ['-a', 'web-1:/srv/', 'srv/'], ['-e', 'ssh -F CONFIG', '-a', 'web-1:/srv/', 'srv/']],
  ])('starts %s', async (program, args, expected) => {
    await pretend(program);
    expect((await run('connect', 'web-1', '--program', program, '--', ...args)).code).toBe(7);
    const called = (await file('args')).trimEnd().split('\n');
    expect(called.map((word) => word.replace(/\/\S*\/config$/, 'CONFIG'))).toEqual(expected);
  });

  it('leaves nothing behind where it cannot start', async () => {
    await pretend('ssh');
    expect((await run('connect', 'web-1', '--program', 'scp', '--', 'a', 'b')).code).toBe(2);
    expect((await run('connect', 'web-1', '--program', 'telnet')).stderr).toContain('ssh, sftp, scp, rsync');
    expect((await run('connect', 'web-1', '--local-port')).stderr).toContain('need no local port');
    expect(await readdir(join(world.directory, 'run'))).toEqual([]);
  });

  it('prints a configuration that ssh itself accepts, with a key that is used again', async () => {
    const first = await run('connect', 'web-1', '--config');
    expect(first.code).toBe(0);
    const directory = join(world.directory, 'sallyport/ssh/default');
    expect((await readdir(directory)).sort()).toEqual(['key', 'key-cert.pub', 'key.pub', 'known_hosts']);
    const key = await readFile(join(directory, 'key'), 'utf8');
    const second = await run('connect', 'web-1', '--config');
    expect(second.stdout).toBe(first.stdout);
    expect(await readFile(join(directory, 'key'), 'utf8')).toBe(key);
    expect(first.stdout).not.toContain('PRIVATE');
    await writeFile(join(world.directory, 'printed'), first.stdout);
    const read = execFileSync('ssh', ['-G', '-F', join(world.directory, 'printed'), 'web-1'], { encoding: 'utf8' });
    expect(read).toContain('hostname gateway.example\n');
    expect(read).toContain('user engineer+web-1\n');
    expect(read).toMatch(/stricthostkeychecking (yes|true)\n/);
    expect(read).toContain(`userknownhostsfile ${join(directory, 'known_hosts')}\n`);
  });

  it('prints lines to paste, with the token only where it is asked for', async () => {
    const plain = await run('connect', 'web-1', '--print');
    expect(plain.stdout).toContain('ssh -p 6022 engineer+web-1@gateway.example');
    expect(plain.stdout).toContain(`[gateway.example]:6022 ${keyOne}`);
    expect(plain.stdout).not.toContain(goodToken);
    expect((await run('connect', 'web-1', '--print', '--show-token')).stdout).toContain(`SSHPASS=${goodToken}`);
  });
});
