/** scp's old protocol: its lines, hostile ends, and the real `scp -O` through the gate. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../base/clock.ts';
import { allow, block, TestCommand, TestHost, type TestRules, TextInspector } from '../sftp/testing.ts';
import { readScpCommand, ScpGate } from './index.ts';
import type { Located } from './paths.ts';
import { readRecord } from './records.ts';

describe('the command', () => {
  it.each([
    ['scp -t /tmp/x', { direction: 'upload', recursive: false, directory: false, paths: ['/tmp/x'] }],
    ['/usr/bin/scp -v -r -d -p -t -- -odd', { direction: 'upload', recursive: true, directory: true, paths: ['-odd'] }],
    ['scp -rpf a b', { direction: 'download', recursive: true, directory: false, paths: ['a', 'b'] }],
  ])('reads %s', (text, expected) => expect(readScpCommand(text.split(' '))).toEqual(expected));

  it.each([
    'scp a b',
    'scp -t',
    'scp -tf x',
    'scp -t a b',
    'scp -S evil -t x',
    'rsync -t x',
    'scp -t a\0b',
    'scp --unknown -t x',
  ])('takes %j for none that it can follow', (text) => expect(readScpCommand(text.split(' '))).toBeNull());
});

describe('the lines', () => {
  it('reads those of the protocol', () => {
    const of = (text: string) => readRecord(text.charCodeAt(0), Buffer.from(text.slice(1), 'latin1'));
    expect(of('C0644 5 a b\xff')).toEqual({ type: 'file', mode: 0o644, size: 5, name: 'a b\xff' });
    expect(of('D04755 0 d')).toEqual({ type: 'directory', mode: 0o4755, size: 0, name: 'd' });
    expect(of('C0644 4294967297 f')).toMatchObject({ size: 4_294_967_297 });
    expect(of('C0644 9007199254740991 f')).toMatchObject({ size: Number.MAX_SAFE_INTEGER });
    expect(of('E')).toEqual({ type: 'end' });
    expect(of('T1 0 2 0')).toEqual({ type: 'times' });
  });

  it.each(['..', '.', '', 'a/b', '/etc/passwd', '../x', 'a\0b'])('A-SSH-14: refuses the name %j', (name) => {
    expect(() => readRecord(0x43, Buffer.from(`0644 1 ${name}`))).toThrow('scp.name');
  });

  it.each([
    'C0644 9007199254740992 f',
    'C0644 -1 f',
    'C0644 1',
    'C9999 1 f',
    'C0644 1e3 f',
    'E ',
    'T1',
    'X',
    'C 0644 1 f',
  ])('refuses %j', (line) =>
    expect(() => readRecord(line.charCodeAt(0), Buffer.from(line.slice(1)))).toThrow('scp.malformed'),
  );
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function setup(words: string, rules: TestRules = {}, locate?: (path: string) => Promise<Located>) {
  const host = new TestHost(rules);
  const sent = { client: '', upstream: '' };
  host.toClient = (view) => {
    sent.client += view.toString('latin1');
    return true;
  };
  host.toUpstream = (view) => {
    sent.upstream += view.toString('latin1');
    return true;
  };
  const parent = new TestCommand(0, { ...({} as TestCommand['draft']), text: words }, allow, []);
  parent.state = 'released';
  const gate = new ScpGate(host, new FakeClock(), readScpCommand(words.split(' '))!, parent, locate);
  const client = async (text: string) => {
    gate.fromClient(Buffer.from(text, 'latin1'));
    await turns();
  };
  const upstream = async (text: string) => {
    gate.fromUpstream(Buffer.from(text, 'latin1'));
    await turns();
  };
  return { host, gate, sent, client, upstream };
}

describe('the gate, uploading', () => {
  it('passes a file once it is allowed and the target wants it', async () => {
    const { host, sent, client, upstream } = setup('scp -t /d');
    await upstream('\0');
    expect(sent.client).toBe('\0');
    await client('T1 0 2 0\n');
    expect(sent).toEqual({ client: '\0\0', upstream: '' });
    await client('C0640 5 f\n');
    expect(sent.upstream).toBe('T1 0 2 0\n');
    await upstream('\0');
    expect(sent.upstream).toBe('T1 0 2 0\nC0640 5 f\n');
    expect(sent.client).toBe('\0\0');
    await upstream('\0');
    await client('hello\0');
    await upstream('\0');
    expect(sent).toEqual({ client: '\0\0\0\0', upstream: 'T1 0 2 0\nC0640 5 f\nhello\0' });
    expect(host.commands[0]?.draft.text).toBe('upload /d /d/f (5 bytes, mode 0640)');
    expect(host.commands[0]?.result?.tag).toMatch(/^upload 5 bytes, whole, sha256 2cf24dba/);
  });

  it('leaves out what is denied and goes on; nothing of it reaches the target', async () => {
    const judge: NonNullable<TestRules['judge']> = ({ text }) => (text.includes('.pem') ? block('no-keys') : allow);
    const { host, sent, client, upstream } = setup('scp -t /d', { judge });
    await upstream('\0');
    await client('C0644 1 a.pem\n');
    expect(sent.client).toMatch(/^\0\x01sallyport: upload .*no-keys\)\n$/);
    await client('C0644 1 b\n');
    expect(sent.upstream).toBe('C0644 1 b\n');
    expect(host.violations).toEqual([]);
  });

  it('sends no content before the target wants it, and none beyond its size', async () => {
    const { sent, client, upstream } = setup('scp -t /d');
    await upstream('\0');
    await client('C0644 2 f\nxxC0644 3 g\n');
    expect(sent.upstream).toBe('C0644 2 f\n');
    await upstream('\0');
    // Behind the content stands a status, not the next file.
    expect(sent.upstream).toBe('C0644 2 f\nxx');
  });

  it.each([
    'C0644 1 ../../etc/cron.d/x\n',
    'C0644 4294967296000000000 f\n',
    'D0755 0 d\n',
    'E\n',
    'Z\n',
    `C0644 1 ${'x'.repeat(9000)}\n`,
  ])('A-SSH-14: ends on %.40j', async (line) => {
    const { host, sent, client, upstream } = setup('scp -t /d');
    await upstream('\0');
    await client(line);
    expect(sent.upstream).toBe('');
    expect(host.violations.length).toBe(1);
  });

  it('stops content that must not pass before any of it is there', async () => {
    const { host, sent, client, upstream } = setup('scp -t /d', { inspector: () => new TextInspector('NEEDLE') });
    await upstream('\0');
    await client('C0644 20 f\n');
    await upstream('\0');
    await client('xxxxxxxNEE');
    await client('DLExxxxxxx\0');
    expect(sent.upstream).not.toContain('N');
    expect(host.said[0]).toContain('The content has a secret.');
    expect(host.closedWith).toBeNull();
    expect(host.commands[0]?.result?.outcome).toBe('failed');
  });

  it('does the same however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 10 }), async (sizes) => {
        const { host, sent, gate } = setup('scp -rt /d');
        const [client, upstream] = ['T1 0 2 0\nD0755 0 d\nC0644 5 f\nhello\0C0600 0 g\n\0E\n', '\0'.repeat(9)];
        for (let at = 0, turn = 0; at < Math.max(client.length, upstream.length); turn++) {
          const end = at + sizes[turn % sizes.length]!;
          gate.fromClient(Buffer.from(client.slice(at, end)));
          gate.fromUpstream(Buffer.from(upstream.slice(at, end)));
          at = end;
        }
        await turns();
        await turns();
        expect(sent.upstream).toBe(client);
        expect(host.commands.map(({ result }) => result?.outcome)).toEqual(['completed', 'completed', 'completed']);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the gate, downloading', () => {
  it('a status in advance accepts nothing that is denied', async () => {
    const { sent, client, upstream } = setup('scp -f /s', { judge: () => block('no') });
    await client('\0\0\0\0');
    expect(sent.upstream).toBe('\0');
    await upstream('C0600 4 s\n');
    expect(sent.upstream).toBe('\0\x01denied by the gateway\n');
    expect(sent.client).toMatch(/^\x01sallyport: download \/s/);
    expect(sent.client).not.toContain('C0600');
  });

  it('A-SSH-14: a target that gives a directory, or a name that leads elsewhere, is ended', async () => {
    for (const line of ['D0755 0 .ssh\n', 'C0644 1 ../.bashrc\n', 'C0644 1 a/b\n']) {
      const { host, sent, client, upstream } = setup('scp -f /s');
      await client('\0');
      await upstream(line);
      expect(sent.client).toBe('');
      expect(host.violations.length).toBe(1);
    }
  });
});

describe('the real scp -O', () => {
  const shim = new URL('./fixtures/shim.ts', import.meta.url).pathname;
  const top = mkdtempSync(join(tmpdir(), 'sallyport-scp-'));
  let [server, client, count] = ['', '', 0];
  beforeEach(() => {
    server = join(top, String(++count), 'server');
    client = join(top, String(count), 'client');
    mkdirSync(server, { recursive: true });
    mkdirSync(client);
  });
  afterAll(() => rmSync(top, { recursive: true, force: true }));

  interface Log {
    readonly history: readonly string[];
    readonly tags: readonly string[];
    readonly said: readonly string[];
  }

  function scp(
    args: readonly string[],
    rules: object = {},
  ): Promise<{ code: number | null; output: string; log: Log }> {
    const program = join(client, '.shim');
    writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${shim} "$@"\n`, { mode: 0o755 });
    const log = join(client, '.log');
    const env = { ...process.env, SHIM_RULES: JSON.stringify(rules), SHIM_LOG: log, SHIM_LOCATE: '1' };
    return new Promise((resolve, reject) => {
      const child = spawn('scp', ['-O', '-S', program, ...args], {
        cwd: server,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      child.stderr.on('data', (chunk) => (output += chunk));
      child.on('error', reject);
      child.on('close', (code) => {
        if (!existsSync(log)) reject(new Error(`no log: ${output}`));
        else resolve({ code, output, log: JSON.parse(readFileSync(log, 'utf8')) as Log });
      });
    });
  }

  it('copies 20 MB and whole directories byte by byte, with modes and times', async () => {
    mkdirSync(join(server, 'tree/deep'), { recursive: true });
    writeFileSync(join(server, 'tree/big'), randomBytes(20_000_000), { mode: 0o640 });
    writeFileSync(join(server, 'tree/deep/empty'), '');
    utimesSync(join(server, 'tree/big'), 1_000_000, 1_000_000);
    const got = await scp(['-rp', 'host:tree', client]);
    expect(got.code, got.output).toBe(0);
    expect(execFileSync('diff', ['-r', join(server, 'tree'), join(client, 'tree')]).length).toBe(0);
    expect(statSync(join(client, 'tree/big')).mtimeMs).toBe(1_000_000_000);
    expect(got.log.history).toContain(`download ${server}/tree/big (20000000 bytes): completed`);
    const put = await scp(['-rp', join(client, 'tree'), 'host:again']);
    expect(put.code, put.output).toBe(0);
    expect(execFileSync('diff', ['-r', join(server, 'tree'), join(server, 'again')]).length).toBe(0);
    expect(put.log.history).toContain(`upload ${server}/again/big (20000000 bytes, mode 0640): completed`);
    expect(statSync(join(server, 'again/big')).mode & 0o777).toBe(0o640);
  });

  it('A-SSH-13: is held to rules on the paths that it really reaches', async () => {
    mkdirSync(join(server, 'locked'));
    writeFileSync(join(server, 'locked/key'), 'k');
    symlinkSync('locked', join(server, 'link'));
    symlinkSync('locked/key', join(server, 'file'));
    const rules = { block: [`${server}/locked*`] };
    for (const from of ['locked/key', 'link/key', 'file', 'link/../locked/key']) {
      const { code, output } = await scp([`host:${from}`, join(client, 'got')], rules);
      expect(code, from).toBe(1);
      expect(output).toContain('Not here. (rule no-such-path)');
      expect(existsSync(join(client, 'got'))).toBe(false);
    }
    writeFileSync(join(client, 'x'), 'x');
    for (const to of ['locked', 'link', 'locked/new', 'link/new', 'file']) {
      const { code, output } = await scp([join(client, 'x'), `host:${to}`], rules);
      expect(code, to).toBe(1);
      expect(output).toContain('(rule no-such-path)');
    }
    expect(execFileSync('ls', [join(server, 'locked')]).toString()).toBe('key\n');
  });

  it('goes on behind a file that is denied', async () => {
    mkdirSync(join(server, 'd'));
    for (const name of ['a', 'b.pem', 'c']) writeFileSync(join(server, 'd', name), name);
    const { code } = await scp(['-r', 'host:d', client], { block: ['*.pem'] });
    expect(code).toBe(1);
    expect(execFileSync('ls', [join(client, 'd')]).toString()).toBe('a\nc\n');
    const put = await scp(['-r', join(server, 'd'), 'host:e'], { block: ['*.pem'] });
    expect(put.code).toBe(1);
    expect(execFileSync('ls', [join(server, 'e')]).toString()).toBe('a\nc\n');
  });

  it('stops what is found in content, either way', async () => {
    const bytes = Buffer.alloc(1_000_000, 'x');
    bytes.write('AKIA-SECRET', 65_530);
    writeFileSync(join(server, 'f'), bytes);
    const got = await scp(['host:f', join(client, 'f')], { secret: 'AKIA-SECRET' });
    expect(got.code).not.toBe(0);
    expect(readFileSync(join(client, 'f')).includes('AKIA')).toBe(false);
    writeFileSync(join(client, 'f'), bytes);
    const put = await scp([join(client, 'f'), 'host:up'], { secret: 'AKIA-SECRET' });
    expect(put.code).not.toBe(0);
    expect(readFileSync(join(server, 'up')).includes('AKIA')).toBe(false);
    expect(put.log.said[0]).toContain('What was sent until then is at the target.');
  });
});
