/**
 * Real clients (OpenSSH's sftp and scp, PuTTY's psftp) through the gate to the real sftp-server: byte-exact, with rules
 * that hold whatever way a path is written.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const shim = new URL('./fixtures/shim.ts', import.meta.url).pathname;
const top = mkdtempSync(join(tmpdir(), 'sallyport-sftp-'));
let server = '';
let client = '';
let count = 0;

interface Log {
  readonly history: readonly string[];
  readonly tags: readonly string[];
  readonly said: readonly string[];
  readonly violations: readonly string[];
  readonly error: string | null;
}

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly log: Log;
}

beforeEach(() => {
  const directory = join(top, String(++count));
  server = join(directory, 'server');
  client = join(directory, 'client');
  mkdirSync(server, { recursive: true });
  mkdirSync(client);
});

afterAll(() => rmSync(top, { recursive: true, force: true }));

/** Runs a program whose server is the shim, with its working directory as the server's. */
function run(program: string, args: readonly string[], rules: object, input = ''): Promise<Run> {
  const log = join(client, '.log.json');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: server,
      env: { ...process.env, SHIM_RULES: JSON.stringify(rules), SHIM_LOG: log },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const written = existsSync(log) ? (JSON.parse(readFileSync(log, 'utf8')) as Log) : null;
      if (written === null) reject(new Error(`no log; the client said: ${output}`));
      else resolve({ code, output, log: written });
    });
    child.stdin.end(input);
  });
}

const direct = `${process.execPath} ${shim}`;

function sftp(commands: readonly string[], rules: object = {}, options: readonly string[] = []): Promise<Run> {
  return run('sftp', [...options, '-b', '-', '-D', direct], rules, `${commands.join('\n')}\n`);
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Bytes that tell where they come from. */
function content(bytes: number): Buffer {
  return randomBytes(bytes);
}

describe('sftp', () => {
  it('gets and puts 20 MB byte by byte, as one command each with its digest', async () => {
    writeFileSync(join(server, 'big'), content(20_000_000));
    const { code, log } = await sftp([`get big ${client}/got`, `put ${client}/got back`]);
    expect(code).toBe(0);
    expect(digest(join(client, 'got'))).toBe(digest(join(server, 'big')));
    expect(digest(join(server, 'back'))).toBe(digest(join(server, 'big')));
    const sha256 = digest(join(server, 'big'));
    expect(log.tags).toEqual([
      `download 20000000 bytes, whole, sha256 ${sha256}`,
      `upload 20000000 bytes, whole, sha256 ${sha256}`,
    ]);
    expect(log.violations).toEqual([]);
  });

  it('gets and puts with many large requests on their way at once', async () => {
    writeFileSync(join(server, 'big'), content(20_000_003));
    for (const options of [
      ['-R', '512', '-B', '261120'],
      ['-R', '1', '-B', '261120'],
      ['-R', '256', '-B', '4000'],
    ]) {
      const { code } = await sftp([`get big ${client}/got`, `put ${client}/got back`], {}, options);
      expect(code).toBe(0);
      expect(digest(join(client, 'got'))).toBe(digest(join(server, 'big')));
      expect(digest(join(server, 'back'))).toBe(digest(join(server, 'big')));
    }
  });

  it('resumes, and counts what was resumed', async () => {
    writeFileSync(join(server, 'big'), content(3_000_000));
    writeFileSync(join(client, 'part'), readFileSync(join(server, 'big')).subarray(0, 1_000_001));
    const got = await sftp([`reget big ${client}/part`]);
    expect(got.code).toBe(0);
    expect(digest(join(client, 'part'))).toBe(digest(join(server, 'big')));
    expect(got.log.tags[0]).toMatch(/^download 1999999 bytes, of 3000000 bytes, sha256 [0-9a-f]{64}$/);
    writeFileSync(join(server, 'up'), readFileSync(join(server, 'big')).subarray(0, 7));
    const put = await sftp([`reput ${client}/part up`]);
    expect(put.code).toBe(0);
    expect(digest(join(server, 'up'))).toBe(digest(join(server, 'big')));
    expect(put.log.tags[0]).toMatch(/^upload 2999993 bytes, of 3000000 bytes, sha256/);
  });

  it('does all that a person does, as with the server itself', async () => {
    writeFileSync(join(server, 'a b'), 'hello');
    writeFileSync(join(client, 'x'), 'x');
    const { code, output, log } = await sftp([
      'pwd',
      'ls -la',
      'mkdir d',
      `put -p ${client}/x d/x`,
      'chmod 600 d/x',
      'rename d/x d/y',
      'ln -s y d/link',
      'ln d/y d/hard',
      'ls -l d',
      'df',
      'cd d',
      'copy y copied',
      'ls -l',
      'rm link',
      'rm hard',
      'rm copied',
      'rm y',
      'cd ..',
      'rmdir d',
      `get "a b" ${client}/a`,
    ]);
    expect(code, output).toBe(0);
    expect(readFileSync(join(client, 'a'), 'utf8')).toBe('hello');
    expect(readdirSync(server)).toEqual(['a b']);
    expect(log.history.filter((line) => !/: (completed|failed)$/.test(line))).toEqual([]);
    for (const expected of [
      `mkdir ${server}/d (mode 0777): completed`,
      `rename ${server}/d/x ${server}/d/y: completed`,
      `symlink ${server}/d/link ${server}/d/y: completed`,
      `hardlink ${server}/d/y ${server}/d/hard: completed`,
      `copy ${server}/d/y ${server}/d/copied: completed`,
      `download "${server}/a b" (5 bytes): completed`,
    ]) {
      expect(log.history).toContain(expected);
    }
  });

  it('lists ten thousand names', async () => {
    for (let index = 0; index < 10_000; index++) writeFileSync(join(server, `file-${index}`), '');
    const { code, output, log } = await sftp(['ls -1']);
    expect(code).toBe(0);
    expect(output.match(/file-\d+/g)?.length).toBe(10_000);
    expect(log.history.filter((line) => line.startsWith('list'))).toEqual([`list ${server}: completed`]);
  });

  it('A-SSH-14: blocks a path however it is written: plain, through links, through ..', async () => {
    mkdirSync(join(server, 'secret/deep'), { recursive: true });
    writeFileSync(join(server, 'secret/key.pem'), 'k');
    writeFileSync(join(server, 'secret/deep/key.pem'), 'k');
    symlinkSync('secret/key.pem', join(server, 'innocent'));
    symlinkSync('secret', join(server, 'folder'));
    symlinkSync('folder/deep', join(server, 'twice'));
    mkdirSync(join(server, 'other'));
    const rules = { block: [`${server}/secret*`] };
    const ways = [
      'secret/key.pem',
      './secret/./key.pem',
      `${server}/other/../secret/key.pem`,
      'innocent',
      'folder/key.pem',
      'other/../folder/key.pem',
      'twice/key.pem',
      'twice/../key.pem',
      `//${server}//secret///key.pem`,
    ];
    for (const way of ways) {
      const { code, log } = await sftp([`get ${way} ${client}/got`], rules);
      expect(code, way).toBe(1);
      expect(existsSync(join(client, 'got')), way).toBe(false);
      expect(
        log.history.some((line) => line.startsWith('download') && line.endsWith('completed')),
        way,
      ).toBe(false);
    }
    for (const way of [
      'rename folder/key.pem k',
      'ln folder/key.pem k',
      'ln -s secret/key.pem k',
      'rename secret s',
      'rm innocent/../secret/key.pem',
      'chmod 777 innocent',
      'copy innocent k',
    ]) {
      const { code } = await sftp([way], rules);
      expect(code, way).toBe(1);
      expect(existsSync(join(server, 'k')), way).toBe(false);
    }
    expect(readFileSync(join(server, 'secret/key.pem'), 'utf8')).toBe('k');
    const { output } = await sftp(['-ls twice/', '-ls secret', '-cd secret'], rules);
    expect(output).not.toContain('key.pem');
  });

  it('writes where a link leads only if that is allowed, and makes what a dangling link points at', async () => {
    mkdirSync(join(server, 'locked'));
    symlinkSync('locked/new', join(server, 'dangling'));
    symlinkSync('open', join(server, 'fine'));
    writeFileSync(join(client, 'x'), 'x');
    const rules = { block: [`${server}/locked/*`] };
    expect((await sftp([`put ${client}/x dangling`], rules)).code).toBe(1);
    expect(existsSync(join(server, 'locked/new'))).toBe(false);
    expect((await sftp([`put ${client}/x fine`], rules)).code).toBe(0);
    expect(readFileSync(join(server, 'open'), 'utf8')).toBe('x');
  });

  it('overwrites a longer file, and keeps nothing of it', async () => {
    writeFileSync(join(server, 'f'), 'a much longer content');
    writeFileSync(join(client, 'x'), 'short');
    const { code, log } = await sftp([`put ${client}/x f`]);
    expect(code).toBe(0);
    expect(readFileSync(join(server, 'f'), 'utf8')).toBe('short');
    expect(log.history).toContain(`upload ${server}/f (truncate): completed`);
  });

  it('cuts a transfer that passes a limit, either way', async () => {
    writeFileSync(join(server, 'big'), content(1_000_000));
    const got = await sftp([`get big ${client}/got`], { limit: 300_000 });
    expect(got.code).toBe(1);
    expect(statSync(join(client, 'got')).size).toBeLessThanOrEqual(300_000);
    expect(got.log.said).toEqual([`sallyport: ${server}/big: This is more than may be transferred. (rule volume)`]);
    const put = await sftp([`put ${server}/big up`], { limit: 300_000 });
    expect(put.code).toBe(1);
    expect(statSync(join(server, 'up')).size).toBeLessThanOrEqual(300_000);
  });
});

describe('content that is inspected', () => {
  const secret = 'AKIA-THE-SECRET';

  it('passes clean files byte by byte, large, pipelined and resumed', async () => {
    writeFileSync(join(server, 'big'), content(9_000_001));
    for (const options of [[], ['-R', '512', '-B', '261120'], ['-R', '1', '-B', '777']]) {
      const { code, output } = await sftp([`get big ${client}/got`, `put ${client}/got back`], { secret }, options);
      expect(code, output).toBe(0);
      expect(digest(join(client, 'got'))).toBe(digest(join(server, 'big')));
      expect(digest(join(server, 'back'))).toBe(digest(join(server, 'big')));
    }
    truncateSync(join(client, 'got'), 5_000_000);
    truncateSync(join(server, 'back'), 4_000_000);
    expect((await sftp([`reget big ${client}/got`], { secret })).code).toBe(0);
    expect(digest(join(client, 'got'))).toBe(digest(join(server, 'big')));
    expect((await sftp([`reput ${client}/got back`], { secret })).code).toBe(0);
    expect(digest(join(server, 'back'))).toBe(digest(join(server, 'big')));
  });

  it('stops a download before any of what was found leaves, also across READs', async () => {
    for (const at of [0, 5, 32_768 - 7, 131_072 - 3, 2_000_000, 2_999_985]) {
      const bytes = Buffer.alloc(3_000_000, 'x');
      bytes.write(secret, at);
      writeFileSync(join(server, 'f'), bytes);
      const { code, log } = await sftp([`get f ${client}/got`], { secret }, ['-B', '32768']);
      expect(code).toBe(1);
      const got = existsSync(join(client, 'got')) ? readFileSync(join(client, 'got')) : Buffer.alloc(0);
      expect(got.includes('AKIA')).toBe(false);
      expect(log.said[0]).toContain('The content has a secret.');
    }
  });

  it('does not give in two halves what it does not give whole', async () => {
    const bytes = Buffer.alloc(1_000_000, 'x');
    bytes.write(secret, 500_000);
    writeFileSync(join(server, 'f'), bytes);
    writeFileSync(join(client, 'got'), bytes.subarray(0, 500_007));
    const { code } = await sftp([`reget f ${client}/got`], { secret });
    expect(code).toBe(1);
    expect(statSync(join(client, 'got')).size).toBe(500_007);
  });

  it('stops an upload and removes what it made', async () => {
    for (const at of [0, 32_768 - 7, 999_985]) {
      const bytes = Buffer.alloc(1_000_000, 'x');
      bytes.write(secret, at);
      writeFileSync(join(client, 'f'), bytes);
      const { code, log } = await sftp([`put ${client}/f up`], { secret });
      expect(code).toBe(1);
      expect(readdirSync(server)).toEqual([]);
      expect(log.said.at(-1)).toContain('The file was removed from the target.');
    }
  });

  it('leaves a file that was there before, and says so', async () => {
    writeFileSync(join(server, 'up'), 'before');
    writeFileSync(join(client, 'f'), `yyyy${secret}zzzz`);
    const { code, log } = await sftp([`put ${client}/f up`], { secret });
    expect(code).toBe(1);
    expect(readFileSync(join(server, 'up'), 'utf8')).not.toContain('AKIA-THE');
    expect(log.said.at(-1)).toContain('which was there before');
  });

  it('finds what is put together from two uploads', async () => {
    writeFileSync(join(server, 'up'), 'xxxxxAKIA-THE');
    writeFileSync(join(client, 'f'), 'xxxxxAKIA-THE-SECRETxxx');
    expect((await sftp([`reput ${client}/f up`], { secret })).code).toBe(1);
    expect(readFileSync(join(server, 'up'), 'utf8')).toBe('xxxxxAKIA-THE');
  });

  it('puts an upload in quarantine, whole, with a mode that lets nobody open it', async () => {
    const bytes = Buffer.alloc(1_000_000, 'x');
    bytes.write(secret, 500_000);
    writeFileSync(join(client, 'f'), bytes);
    const { code, log } = await sftp([`put ${client}/f up`], { secret, quarantine: true });
    expect(code).toBe(1);
    const [name] = readdirSync(server);
    expect(name).toMatch(/^\.sallyport-quarantine-[0-9a-f]{12}-up$/);
    expect(statSync(join(server, name!)).mode & 0o777).toBe(0);
    expect(digest(join(server, name!))).toBe(digest(join(client, 'f')));
    expect(log.said.at(-1)).toContain('in quarantine');
  });
});

describe('scp over SFTP', () => {
  const scp = (args: readonly string[], rules: object = {}): Promise<Run> =>
    run('scp', ['-s', '-D', shimProgram(), ...args], rules);

  /** scp takes one program without arguments. */
  function shimProgram(): string {
    const program = join(client, 'shim');
    writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${shim}\n`, { mode: 0o755 });
    return program;
  }

  it('copies files and directories byte by byte', async () => {
    mkdirSync(join(server, 'tree/deep'), { recursive: true });
    writeFileSync(join(server, 'tree/a'), content(300_000));
    writeFileSync(join(server, 'tree/deep/b'), content(5));
    const got = await scp(['-rp', 'host:tree', client]);
    expect(got.code, got.output).toBe(0);
    expect(execFileSync('diff', ['-r', join(server, 'tree'), join(client, 'tree')]).length).toBe(0);
    const put = await scp(['-rp', join(client, 'tree'), 'host:again']);
    expect(put.code, put.output).toBe(0);
    expect(execFileSync('diff', ['-r', join(server, 'tree'), join(server, 'again')]).length).toBe(0);
  });

  it('is held to the same rules', async () => {
    mkdirSync(join(server, 'tree'));
    writeFileSync(join(server, 'tree/a.pem'), 'a');
    writeFileSync(join(server, 'tree/b'), 'b');
    const { code, log } = await scp(['-r', 'host:tree', client], { block: ['*.pem'] });
    expect(code).toBe(1);
    expect(existsSync(join(client, 'tree/a.pem'))).toBe(false);
    expect(log.said.some((line) => line.includes('(rule no-such-path)'))).toBe(true);
  });
});
