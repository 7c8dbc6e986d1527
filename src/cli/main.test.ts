import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../test/servers/certificates.ts';
import { type FakeGateway, goodToken, Refusal, session, sessionId, startFakeGateway } from './testing/fake-gateway.ts';
import { World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;

beforeAll(async () => {
  gateway = await startFakeGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

/** The environment of somebody who is logged in. */
const signedOn = (): Record<string, string> => ({ SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken });

describe('usage', () => {
  it('shows help grouped by purpose and exits 0; without words exits 2', async () => {
    const help = await world.run(['--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/Connect:[\s\S]*Look:[\s\S]*Configure:[\s\S]*Prove:[\s\S]*Run:/);
    expect(help.stdout).not.toContain('__complete');
    expect((await world.run([])).code).toBe(2);
    expect((await world.run(['help'])).stdout).toBe(help.stdout);
  });

  it('tells the version and the exit codes', async () => {
    expect(await world.run(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    expect((await world.run(['help', 'exit-codes'])).stdout).toContain('130  Interrupted');
    expect(JSON.parse((await world.run(['help', 'exit-codes', '-o', 'json'])).stdout)[3]).toMatchObject({ code: 3 });
  });

  it.each([
    [['sesions'], /Unknown command 'sesions'.*\n.*Did you mean sessions/],
    [['sessions', 'ls', '--nope'], /Unknown option '--nope'/],
    [['sessions', 'ls', '--limit', '0'], /--limit must be a whole number from 1 to 10000/],
    [['sessions', 'ls', '--limit', '10001'], /--limit must be a whole number/],
    [['sessions', 'ls', '--since', 'yesterday'], /--since must be a moment/],
    [['sessions', 'replay', 'x', '--speed', '0'], /--speed must be a number above zero/],
    [['get', 'Resurce'], /There is no kind Resurce.*\n.*Resource, Access, Guardrail, Mask, Group, Principal/],
    [['completion', 'tcsh'], /bash, zsh, fish/],
    [['apply'], /Apply what/],
    [['explain'], /Explain what/],
    [['reviews', 'deny', 'rev_1'], /required option '--reason <text>' not specified/i],
    [['request', 'orders', '--for', '2 hours'], /--for must be a length of time/],
    [['policy', 'test'], /Test what/],
    [['policy', 'replay', '--since', '30d'], /Replay against what/],
    [['login'], /Which gateway/],
  ])('%j is a usage error in two lines', async (argv, expected) => {
    const ran = await world.run(argv);
    expect(ran.stderr).toMatch(expected);
    expect(ran.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('exit codes', () => {
  it('3 when not logged in, when the token is refused, and when it is not allowed', async () => {
    const out = await world.run(['whoami']);
    expect(out.code).toBe(3);
    expect(out.stderr).toBe('error: You are not logged in.\n       Log in first: sallyport login --server URL\n');
    expect((await world.run(['whoami'], { env: { ...signedOn(), SALLYPORT_TOKEN: 'bad' } })).code).toBe(3);
    const before = gateway.answers.checkpoint;
    gateway.answers.checkpoint = () => new Refusal(403, 'api.forbidden', 'Your roles do not allow this.');
    const denied = await world.run(['checkpoint'], { env: signedOn() });
    gateway.answers.checkpoint = before!;
    expect(denied.code).toBe(3);
    expect(denied.stderr).toContain('Your roles do not allow this.');
  });

  it('4 when nothing listens and when the certificate is not trusted; 0 with --ca', async () => {
    const nobody = await world.run(['whoami'], { env: { ...signedOn(), SALLYPORT_SERVER: 'http://127.0.0.1:9' } });
    expect(nobody.code).toBe(4);
    expect(nobody.stderr).toContain('could not be reached: nothing listens there.');
    const certificates = await makeCertificates();
    await using secure = await startFakeGateway({}, certificates.server);
    const env = { ...signedOn(), SALLYPORT_SERVER: secure.url };
    const untrusted = await world.run(['whoami'], { env });
    expect(untrusted.code).toBe(4);
    expect(untrusted.stderr).toMatch(/certificate of https:.* is not trusted/);
    expect(untrusted.stderr).toContain('--ca FILE');
    await writeFile(join(world.directory, 'ca.pem'), certificates.authority.cert);
    expect((await world.run(['whoami', '--ca', 'ca.pem'], { env })).code).toBe(0);
    await using wrong = await startFakeGateway({}, certificates.wrongName);
    const misnamed = await world.run(['whoami', '--ca', 'ca.pem'], { env: { ...env, SALLYPORT_SERVER: wrong.url } });
    expect(misnamed.stderr).toContain('issued for another name');
    expect(misnamed.code).toBe(4);
  });

  it('5 when the gateway fails or answers nonsense', async () => {
    await using broken = await startFakeGateway({
      whoami: () => new Refusal(500, 'api.internal', 'The gateway could not do this.'),
      status: () => ({ surprise: true }),
    });
    const env = { ...signedOn(), SALLYPORT_SERVER: broken.url };
    const failed = await world.run(['whoami'], { env });
    expect(failed.code).toBe(5);
    expect(failed.stderr).toContain('req_1');
    expect((await world.run(['status'], { env })).code).toBe(5);
  });

  it('1 when the answer is no', async () => {
    expect((await world.run(['explain', '--resource', 'orders'], { env: signedOn() })).code).toBe(0);
    expect((await world.run(['explain', '--resource', 'other'], { env: signedOn() })).code).toBe(1);
    expect((await world.run(['get', 'Group', 'nobody'], { env: signedOn() })).code).toBe(1);
    expect((await world.run(['connect', 'nothing'], { env: signedOn() })).code).toBe(1);
    expect((await world.run(['reviews', 'show', 'rev_none'], { env: signedOn() })).code).toBe(1);
  });

  it('130 when interrupted while it waits, at once at the second signal', async () => {
    await using slow = await startFakeGateway({
      tailSession: async function* () {
        yield {
          type: 'message',
          at: '2026-11-21T11:50:00Z',
          command: null,
          level: 'notice',
          code: null,
          text: 'here',
          fields: {},
        };
        await new Promise(() => {});
      },
      getSession: () => session({ live: true }),
    });
    const ran = await world.run(['sessions', 'tail', sessionId], {
      env: { ...signedOn(), SALLYPORT_SERVER: slow.url },
      onOutput: (text, at) => text.includes('here') && at.signal('SIGINT'),
    });
    expect(ran.code).toBe(130);
    const stuck = await world.run(['verify'], {
      services: {
        verify: () => {
          setImmediate(() => {
            world.signal('SIGINT');
            world.signal('SIGINT');
          });
          return new Promise(() => {});
        },
      },
    });
    expect(stuck.code).toBe(130);
  });

  it('0 and silence when the reader of the output goes away', async () => {
    const ran = await world.run(['sessions', 'replay', sessionId], { env: signedOn(), breakAfter: 50 });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows a stack only when SALLYPORT_DEBUG asks', async () => {
    expect((await world.run(['verify'])).stderr).not.toContain('    at ');
    expect((await world.run(['verify'], { env: { SALLYPORT_DEBUG: '1' } })).stderr).toContain('    at ');
  });
});

describe('profiles', () => {
  const login = (...more: string[]) =>
    world.run(['login', '--server', gateway.url, '--principal', 'engineer', '--password-stdin', ...more], {
      stdin: 'correct horse battery\n',
    });

  it('keeps the token readable by its owner alone, and uses it', async () => {
    expect((await login()).code).toBe(0);
    expect((await stat(world.profilesPath)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(world.profilesPath))).mode & 0o777).toBe(0o700);
    expect(await readFile(world.profilesPath, 'utf8')).not.toContain('correct horse');
    const me = await world.run(['whoami', '-o', 'json']);
    expect(JSON.parse(me.stdout)).toMatchObject({ name: 'engineer', server: gateway.url });
  });

  it('warns when others can read the file', async () => {
    await login();
    await chmod(world.profilesPath, 0o644);
    const ran = await world.run(['whoami']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('chmod 600');
  });

  it('never sends a stored token to another server', async () => {
    await login();
    await using other = await startFakeGateway();
    const ran = await world.run(['whoami', '--server', other.url]);
    expect(ran.code).toBe(3);
    expect(other.asked).toEqual([]);
  });

  it('keeps several profiles; the last login is the current one', async () => {
    await login('--profile', 'one');
    await login('--profile', 'two');
    expect(JSON.parse(await readFile(world.profilesPath, 'utf8'))).toMatchObject({
      current: 'two',
      profiles: { one: {}, two: {} },
    });
    expect((await world.run(['whoami', '--profile', 'three'])).stderr).toContain('There is no profile named three.');
    expect((await world.run(['whoami', '--profile', '__proto__'])).code).toBe(3);
    expect((await login('--profile', '../x')).code).toBe(2);
  });

  it('refuses a wrong password, an empty one, and none without a terminal', async () => {
    const argv = ['login', '--server', gateway.url, '--principal', 'engineer'];
    expect((await world.run([...argv, '--password-stdin'], { stdin: 'wrong' })).code).toBe(3);
    expect((await world.run([...argv, '--password-stdin'], { stdin: '' })).code).toBe(2);
    expect((await world.run(argv)).stderr).toContain('--password-stdin');
  });

  it('logs in with a token, and out again: forgotten here even when the gateway cannot be reached', async () => {
    expect((await world.run(['login', '--server', gateway.url, '--token', goodToken])).stderr).toContain('as engineer');
    const stored = JSON.parse(await readFile(world.profilesPath, 'utf8'));
    stored.profiles.default.server = 'http://127.0.0.1:9';
    await writeFile(world.profilesPath, JSON.stringify(stored));
    const out = await world.run(['logout']);
    expect(out.code).toBe(4);
    expect(out.stderr).toContain('stays valid until it expires');
    expect(await readFile(world.profilesPath, 'utf8')).not.toContain(goodToken);
    expect((await world.run(['logout'])).code).toBe(3);
  });

  it('says when the file is damaged or too large', async () => {
    await mkdir(dirname(world.profilesPath), { recursive: true });
    for (const text of ['{', '[]', '{"version":2}', ' '.repeat(1024 * 1024 + 1)]) {
      await writeFile(world.profilesPath, text);
      const ran = await world.run(['whoami']);
      expect(ran.stderr).toContain('is damaged');
      expect(ran.code).toBe(2);
    }
  });

  it('refuses plain HTTP to another machine before anything is sent', async () => {
    const ran = await world.run(['whoami'], { env: { ...signedOn(), SALLYPORT_SERVER: 'http://gateway.internal' } });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('https://host:port');
  });
});

describe('services', () => {
  it('says so when the gateway part is missing', async () => {
    expect((await world.run(['gateway'])).stderr).toContain('cannot run sallyport gateway');
  });

  it('runs the gateway until a signal, and drains', async () => {
    const seen: string[] = [];
    const ran = await world.run(['gateway', '--data', '/data'], {
      services: {
        startGateway: async (options) => {
          seen.push(String(options.dataDirectory));
          setImmediate(() => world.signal('SIGTERM'));
          return {
            ready: {
              console: 'https://localhost:7443',
              ca: '/data/ca.pem',
              listeners: [{ protocol: 'postgres', host: '::1', port: 6432 }],
              notes: ['note\u001b[2J'],
            },
            closed: new Promise((resolve) => options.signal.addEventListener('abort', () => resolve())),
          };
        },
      },
    });
    expect(seen).toEqual(['/data']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe(
      '✔ Sallyport is ready.\n  Console    https://localhost:7443\n  postgres   [::1]:6432\n  Authority  /data/ca.pem\n  note\\u001b[2J\n',
    );
    expect(ran.stderr).toContain('Stopping');
  });

  it('shows findings of the doctor and what to do', async () => {
    const services = {
      async *doctor() {
        yield { level: 'ok', check: 'Space', message: '5 GiB free', todo: null } as const;
        yield { level: 'fail', check: 'Disk sync', message: '80 ms', todo: 'Use a local disk.' } as const;
      },
    };
    const ran = await world.run(['doctor'], { services });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toBe(
      [
        '✔ ok    Space                     5 GiB free',
        '✘ fail  Disk sync                 80 ms',
        `${' '.repeat(34)}→ Use a local disk.`,
        '',
        '1 failed, 0 to look at.',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await world.run(['doctor', '-o', 'json'], { services })).stdout)).toMatchObject({ ok: false });
  });

  it('reports a verification in plain words: 0, 1, and 2 when it cannot look', async () => {
    const report = {
      ok: true,
      events: 12_345,
      segments: 2,
      checkpoints: 7,
      recordings: 3,
      prunedEvents: 0,
      deletedRecordings: 0,
      witnesses: [],
      bytes: 50 * 1024 * 1024,
      durationMs: 250,
      head: { sequence: 12_345, digest: 'ab12' },
      notes: [],
      problems: [],
    };
    const well = await world.run(['verify', '--data', 'd'], { services: { verify: async () => report } });
    expect(well.code).toBe(0);
    expect(well.stdout).toBe(
      [
        '✔ Nothing was changed, dropped or added.',
        '',
        'Events       12 345',
        'Segments     2',
        'Checkpoints  7',
        'Recordings   3',
        'Read         50.0 MiB in 250 ms, 200.0 MiB/s',
        'Head         event 12 345, ab12',
        '',
      ].join('\n'),
    );
    const problem = {
      code: 'digest-mismatch',
      message: 'A byte was changed.',
      sequence: 17,
      file: 'seg-1',
      offset: 400,
    };
    const bad = await world.run(['verify'], {
      services: { verify: async () => ({ ...report, ok: false, problems: [problem, problem] }) },
    });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain(
      '✘ 2 problems found. The first:\n  A byte was changed.\n  (in seg-1, at byte 400, event 17; digest-mismatch)',
    );
    const cannot = await world.run(['verify'], {
      services: { verify: () => Promise.reject(new Error('no journal here')) },
    });
    expect(cannot).toMatchObject({ code: 2, stdout: '' });
    const missing = await world.run(['verify'], { services: { verify: () => readFile('/no/such/key') as never } });
    expect(missing.stderr).toContain('/no/such/key cannot be read: no such file or folder.');
    expect((await world.run(['verify', '--data', 'a', '--journal', 'b'])).code).toBe(2);
  });
});

describe('the installed command', () => {
  const path = join(import.meta.dirname, '../../bin/sallyport.js');

  it('runs from the sources and passes the exit code on', () => {
    expect(execFileSync(process.execPath, [path, 'help', 'exit-codes'], { encoding: 'utf8' })).toContain('130');
    let status: number | null = 0;
    try {
      execFileSync(process.execPath, [path, 'whoami'], { env: { XDG_CONFIG_HOME: world.directory }, stdio: 'pipe' });
    } catch (error) {
      status = (error as { status: number | null }).status;
    }
    expect(status).toBe(3);
  });
});
