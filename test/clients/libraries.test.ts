/**
 * paramiko and asyncssh, as their users write them, through the whole gateway to a stock sshd: they sign on, run, type, move
 * files, forward and renegotiate as they do directly, and see refusals as errors of their own kind.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, programIn, python, type Site } from './site.ts';

const awsKey = 'AKIAIOSFODNN7EXAMPLE';

let site: Site;

beforeAll(async () => {
  const review = { reviewers: { names: ['admin'] }, within: '10m' };
  const rule = (name: string, commands: unknown, more: Readonly<Record<string, unknown>>) => ({
    kind: 'Guardrail',
    metadata: { name },
    spec: { match: { resources: { names: ['web-1'] }, commands }, message: `Not so, says ${name}.`, ...more },
  });
  site = await openSite({
    resources: [{ name: 'web-1', spec: { forwards: ['local 127.0.0.1:*'] } }],
    documents: [
      rule(
        'no-recursive-rm',
        { shell: { programs: ['rm'], arguments: ['-r', '--recursive'], uncertain: 'ignore' } },
        { verdict: 'block' },
      ),
      rule('folders-by-two', { shell: { programs: ['mkdir'], uncertain: 'ignore' } }, { verdict: 'hold', review }),
      rule('no-secrets', { files: { paths: ['**/secret/**'] } }, { verdict: 'block' }),
      rule('no-port-2', { connections: { ports: [2] } }, { verdict: 'block' }),
      { kind: 'Mask', metadata: { name: 'keys' }, spec: { match: {}, detect: ['aws_key'] } },
    ],
  });
}, 90_000);

afterAll(() => site?.close());

interface Seen {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

describe.each(['paramiko', 'asyncssh'])('%s', { timeout: 120_000 }, (library) => {
  let folder: string;

  /** What the library saw, one object for each thing that it says. */
  const all = async <T>(what: string): Promise<readonly T[]> => {
    const told = { port: site.port, token: site.token, key: site.key, resource: 'web-1', echo: site.echoPort, folder };
    const { code, stdout, stderr } = await site.run(python, [
      programIn(`with_${library}.py`),
      what,
      JSON.stringify(told),
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.toString().trim().split('\n');
    return lines.map((line) => JSON.parse(line) as T);
  };
  const one = async <T>(what: string): Promise<T> => (await all<T>(what))[0]!;

  beforeAll(() => {
    folder = mkdtempSync(join(site.folder, `${library}-`));
    mkdirSync(join(folder, 'kept'));
    mkdirSync(join(folder, 'secret'));
    writeFileSync(join(folder, 'secret', 'key.pem'), 'private');
    writeFileSync(join(folder, 'credentials'), `id = ${awsKey}\n`);
  });

  test('signs on by token, by registered key and by keyboard-interactive; input, both outputs and the status are its own', async () => {
    const seen = await all<Seen & { auth: string }>('login');
    expect(seen).toEqual(
      ['password', 'publickey', 'interactive'].map((auth) => ({ auth, out: `by ${auth}`, err: 'told\n', code: 7 })),
    );
  });

  test('a wrong token is the failure of a login', async () => {
    expect(['AuthenticationException', 'PermissionDenied']).toContain(
      (await one<{ refused: string }>('wrong')).refused,
    );
  });

  test('a gated terminal: an allowed line runs, a blocked one comes back to the prompt, and it goes on', async () => {
    const { denial, after, code } = await one<{ denial: string; after: string; code: number }>('shell');
    expect(denial).toContain('no-recursive-rm');
    expect(after).toContain('40 120');
    expect(code).toBe(3);
    expect(existsSync(join(folder, 'kept'))).toBe(true);
  });

  test('a blocked exec ends with 126 and the rule on the error stream', async () => {
    const { code, err } = await one<Seen>('blocked');
    expect(code).toBe(126);
    expect(err).toContain('no-recursive-rm');
    expect(existsSync(join(folder, 'kept'))).toBe(true);
  });

  test('SFTP moves files byte for byte; a blocked path is a permission that is missing, an absent one is absent', async () => {
    const seen = await one<{ failures: Record<string, [string, number]> }>('sftp');
    expect(seen).toMatchObject({ size: 1_500_000, same: true, middle: true, names: ['there'], mode: 0o640 });
    const denied = library === 'paramiko' ? ['PermissionError', 13] : ['SFTPPermissionDenied', 3];
    const absent = library === 'paramiko' ? ['FileNotFoundError', 2] : ['SFTPNoSuchFile', 2];
    expect(seen.failures).toEqual({ 'secret/key.pem': denied, absent });
    expect(existsSync(join(folder, 'stolen')) && readFileSync(join(folder, 'stolen'), 'utf8')).not.toBe('private');
  });

  test('a forward carries bytes; one that a rule refuses is prohibited, and the connection goes on', async () => {
    expect(await one('forward')).toEqual({ heard: 'hello ping', refused: 1, still: 'still\n' });
    expect(await site.commands()).toContain(`tcp 127.0.0.1:${site.echoPort}`);
  });

  test('a held exec says so, waits, and runs once it is approved', async () => {
    const running = one<Seen>('held');
    await site.approveNext();
    const { out, err, code } = await running;
    expect({ out, code }).toEqual({ out: 'made\n', code: 0 });
    expect(err).toContain('held until');
    expect(existsSync(join(folder, `held-${library}`))).toBe(true);
  });

  test('what is masked reaches it masked, on both streams', async () => {
    const { out, err } = await one<Seen>('masked');
    const masked = `id = ${'*'.repeat(awsKey.length)}\n`;
    expect({ out, err }).toEqual({ out: masked, err: masked });
  });

  test('it renegotiates keys while bytes pass', async () => {
    // Debian's asyncssh sends data while it changes keys (RFC 4253 section 7.1 forbids it); it is taken, as sshd does.
    expect(await one('rekey')).toEqual({ echoed: 'before after', same: true });
  });
});
