/**
 * The README's tour, as an outsider takes it: `make run`, stock psql, stock ssh, stock curl, stock
 * kubectl, the command line, `kill -9`, `verify`, Ctrl-C.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingKubectl } from '../kubernetes/kubectl.ts';
import { programPath } from '../kubernetes/programs.ts';

interface Facts {
  console: string;
  ca: string;
  listeners: { postgres: { host: string; port: number }; ssh: { host: string; port: number } };
  principals: Record<string, { token: string; password: string | null; groups: string[] }>;
  resources: {
    orders: { protocol: string; database: string };
    'web-1': { protocol: string; user: string; folder: string };
    'shop-api': { protocol: string; origin: string };
    'shop-cluster': { protocol: string; namespace: string; pod: string; isReal: boolean };
  };
  gateway: { pid: number; data: string };
}

const root = join(import.meta.dirname, '../..');
let directory = '';
let demo: ChildProcess;
let output = '';
let facts: Facts;

/** A base with room for the demonstration's ports, from below the ephemeral range. */
async function freePortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 16_000 + Math.floor((process.pid * 7919 + attempt * 104_729) % 14_000);
    const free = await Promise.all(
      [0, 1, 2, 3, 4, 20, 21, 22].map((offset) => base + offset).map((port) => isFree(port)),
    );
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function until<T>(what: string, look: () => Promise<T | null> | T | null, deadlineMs = 60_000): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) throw new Error(`${what} did not happen; output:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function environment(principal: string): Record<string, string | undefined> {
  return {
    ...process.env,
    PGHOST: facts.listeners.postgres.host,
    PGPORT: String(facts.listeners.postgres.port),
    PGUSER: `${principal}+orders`,
    PGPASSWORD: facts.principals[principal]!.token,
    PGDATABASE: facts.resources.orders.database,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: facts.ca,
    PGOPTIONS: undefined,
  };
}

function psql(principal: string, ...parameters: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync('psql', ['-X', '-A', '-t', ...parameters], {
    env: environment(principal),
    encoding: 'utf8',
    timeout: 30_000,
    cwd: directory,
  });
  return { code: status, out: stdout, err: stderr };
}

function sallyport(
  principal: string | null,
  ...parameters: string[]
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/sallyport.js'), ...parameters], {
    env: {
      ...process.env,
      XDG_CONFIG_HOME: join(directory, 'config'),
      SALLYPORT_SERVER: facts.console,
      SALLYPORT_CA: facts.ca,
      ...(principal === null ? {} : { SALLYPORT_TOKEN: facts.principals[principal]!.token }),
    },
    encoding: 'utf8',
    timeout: 60_000,
    cwd: directory,
  });
  return { code: status, out: stdout, err: stderr };
}

async function sessions(
  principal = 'admin',
): Promise<{ id: string; live: boolean; endReason: string | null; protocol: string; principal: { name: string } }[]> {
  const { out } = sallyport(principal, 'sessions', 'ls', '-o', 'json');
  const parsed = JSON.parse(out) as unknown;
  return (Array.isArray(parsed) ? parsed : (parsed as { sessions: unknown[] }).sessions) as never;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-demo-'));
  const base = await freePortBase();
  demo = spawn(process.execPath, [join(root, 'demo/main.ts')], {
    env: { ...process.env, SALLYPORT_DATA: directory, SALLYPORT_PORT_BASE: String(base), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  demo.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  demo.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until('the demonstration', () => {
    if (demo.exitCode !== null) throw new Error(`the demonstration ended:\n${output}`);
    return output.includes('Sallyport is ready') ? true : null;
  });
  facts = JSON.parse(await readFile(join(directory, 'demo.json'), 'utf8')) as Facts;
}, 120_000);

afterAll(async () => {
  if (demo.exitCode === null && demo.signalCode === null) {
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    demo.kill('SIGINT');
    await ended;
  }
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('the tour', () => {
  it('writes the facts for scripts, readable by their owner only', async () => {
    expect(Object.keys(facts.principals).sort()).toEqual(['admin', 'dba', 'engineer']);
    expect(facts.principals['engineer']!.groups).not.toEqual(facts.principals['dba']!.groups);
    expect(facts.resources.orders).toEqual({ protocol: 'postgres', database: 'orders' });
    expect(existsSync(facts.ca)).toBe(true);
  });

  it('lets stock psql in: meta-commands, a join, some ten thousand rows', () => {
    expect(psql('engineer', '-c', '\\d').out).toContain('customers');
    expect(psql('engineer', '-c', '\\d customers').out).toContain('email');
    const join = psql(
      'dba',
      '-c',
      'SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN payments p ON p.order_id = o.id',
    );
    expect(join.code).toBe(0);
    expect(Number(join.out.trim())).toBeGreaterThan(3000);
    const rows = psql(
      'engineer',
      '-c',
      'SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM payments)',
    );
    expect(Number(rows.out.trim())).toBeGreaterThan(10_000);
  });

  it('shows the target the gateway’s credential, never the principal’s', () => {
    expect(psql('engineer', '-c', 'SELECT current_user').out.trim()).toBe('app');
  });

  it('copies out to a file and in again', async () => {
    const out = psql(
      'engineer',
      '-c',
      "\\copy (SELECT * FROM orders ORDER BY id LIMIT 100) TO 'orders.csv' CSV HEADER",
    );
    expect(out.err).toBe('');
    const lines = (await readFile(join(directory, 'orders.csv'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(101);
    const back = psql(
      'engineer',
      '-c',
      'CREATE TEMP TABLE copy_in (LIKE orders)',
      '-c',
      "\\copy copy_in FROM 'orders.csv' CSV HEADER",
      '-c',
      'SELECT count(*) FROM copy_in',
    );
    expect(back.out.trim().split('\n').at(-1)).toBe('100');
  });

  it('cancels a long query with Ctrl-C, and the session lives on', async () => {
    const child = spawn('psql', ['-X', '-A', '-t', '-c', 'SELECT pg_sleep(60)', '-c', 'SELECT 42'], {
      env: environment('engineer') as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await until('the query', async () =>
      psql(
        'dba',
        '-c',
        "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'",
      ).out.trim() === '1'
        ? true
        : null,
    );
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGINT');
    await ended;
    expect(err).toContain('canceling statement due to user request');
  });

  it('refuses a wrong token, an unknown resource and a resource without Access alike in kind', () => {
    const wrong = spawnSync('psql', ['-X', '-c', 'SELECT 1'], {
      env: { ...environment('engineer'), PGPASSWORD: 'sp_wrong' } as NodeJS.ProcessEnv,
      encoding: 'utf8',
    });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('Authentication failed');
    const unknown = spawnSync('psql', ['-X', '-c', 'SELECT 1'], {
      env: { ...environment('engineer'), PGUSER: 'engineer+nothing' } as NodeJS.ProcessEnv,
      encoding: 'utf8',
    });
    expect(unknown.stderr).toMatch(/does not exist, or no Access/);
    expect(psql('admin', '-c', 'SELECT 1').err).toMatch(/does not exist, or no Access/);
    const plain = spawnSync('psql', ['-X', '-c', 'SELECT 1'], {
      env: { ...environment('engineer'), PGSSLMODE: 'disable' } as NodeJS.ProcessEnv,
      encoding: 'utf8',
    });
    expect(plain.stderr).toMatch(/TLS|SSL/);
  });

  it('masks what engineers see of customers, whatever it is called, and not what the DBA sees', () => {
    const masked = psql('engineer', '-c', 'SELECT email, lower(reverse(ssn)) AS x FROM customers LIMIT 50');
    expect(new Set(masked.out.trim().split('\n'))).toEqual(new Set(['[redacted]|[redacted]']));
    expect(psql('engineer', '-c', 'SELECT c FROM customers c LIMIT 1').out).not.toContain('@');
    expect(psql('engineer', '-c', "\\copy customers TO 'masked.csv' CSV").code).toBe(0);
    expect(psql('engineer', '-c', 'SELECT card_number FROM payments LIMIT 1').out.trim()).toMatch(/^\*+\d{4}$/);
    expect(psql('dba', '-c', 'SELECT email FROM customers LIMIT 1').out).toContain('@');
    const guess = psql('engineer', '-c', "SELECT id FROM customers WHERE email LIKE 'a%'");
    expect(guess.code).toBe(1);
    expect(guess.err).toMatch(/customers\.email is masked/);
  });

  it('keeps what was masked masked in COPY', async () => {
    const text = await readFile(join(directory, 'masked.csv'), 'utf8');
    expect(text.trim().split('\n').length).toBeGreaterThan(1000);
    expect(text).not.toContain('@');
  });

  it('refuses DROP to the engineer, with the rule and what to do next', () => {
    const refused = psql('engineer', '-v', 'VERBOSITY=verbose', '-c', 'DROP TABLE payments');
    expect(refused.err).toContain('42501');
    expect(refused.err).toContain('no-destructive-sql');
    expect(refused.err).toContain('HINT');
    expect(psql('dba', '-c', 'SELECT count(*) > 0 FROM payments').out.trim()).toBe('t');
  });

  it('holds an UPDATE without WHERE until the DBA approves it in another terminal', async () => {
    const child = spawn('psql', ['-X', '-A', '-t', '-c', "UPDATE orders SET status = 'paid'"], {
      env: environment('engineer') as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const review = await until('the notice', () => /review (rev_\w+)/.exec(err)?.[1] ?? null);
    expect(err).toMatch(/NOTICE: {2}The statement waits for approval by a member of dba/);
    expect(out).toBe('');
    expect(sallyport('dba', 'reviews', 'show', review).out).toContain("UPDATE orders SET status = 'paid'");
    expect(sallyport('engineer', 'reviews', 'approve', review, '--reason', 'me').err).toMatch(/Nobody decides/);
    expect(sallyport('dba', 'reviews', 'approve', review, '--reason', 'ticket 4711').code).toBe(0);
    expect(await ended).toBe(0);
    expect(out).toMatch(/^UPDATE \d{4}/);
    expect(sallyport('dba', 'reviews', 'approve', review, '--reason', 'again').code).not.toBe(0);
  });

  it('raises an alert when one statement reads more than 500 customers', async () => {
    psql('dba', '-c', 'SELECT full_name FROM customers');
    await until('the alert', async () => {
      for (const { id } of (await sessions()).slice(0, 3)) {
        if (sallyport('admin', 'sessions', 'replay', id).out.includes('many-customers-at-once')) return true;
      }
      return null;
    });
  });

  it('tries rules out: their examples, one command, what was recorded', () => {
    const rules = join(root, 'demo/policies');
    const tested = sallyport('admin', 'policy', 'test', '-f', rules);
    expect(tested.out + tested.err).toMatch(/no-write-without-where/);
    expect(tested.code).toBe(0);
    const explained = sallyport('admin', 'explain', 'orders', '--as', 'engineer', 'DELETE FROM orders');
    expect(explained.out).toMatch(/hold by no-write-without-where/);
    const replayed = sallyport('admin', 'policy', 'replay', '--since', '1d', '-f', rules);
    expect(replayed.err).toBe('');
    expect(replayed.code).toBe(0);
  });

  it('runs commands by stock ssh, with a certificate or with the token, and keeps exit status and output', () => {
    const ran = sallyport('engineer', 'connect', 'web-1', '--', 'echo out; echo err >&2; exit 7');
    expect(ran).toMatchObject({ code: 7, out: 'out\n', err: expect.stringContaining('err\n') as string });
    const { host, port } = facts.listeners.ssh;
    const options = [
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'PreferredAuthentications=password',
    ];
    const args = ['-e', 'ssh', '-F', 'none', '-p', String(port), ...options, `engineer+web-1@${host}`, 'id -un'];
    const env = { ...process.env, SSHPASS: facts.principals['engineer']!.token };
    const stock = spawnSync('sshpass', args, { env, encoding: 'utf8', timeout: 30_000 });
    expect(stock).toMatchObject({ status: 0, stdout: `${facts.resources['web-1'].user}\n` });
  });

  it('refuses what removes whole directories, and says which rule', () => {
    const { folder } = facts.resources['web-1'];
    const refused = sallyport('engineer', 'connect', 'web-1', '--', `cd ${folder} && rm -rf releases`);
    expect(refused.code).toBe(126);
    expect(refused.err).toContain('no-recursive-rm');
    expect(existsSync(join(folder, 'releases'))).toBe(true);
  });

  it('masks keys on the screen, and keeps back files that hold some, for the engineer and not for the DBA', async () => {
    const { folder } = facts.resources['web-1'];
    const seen = sallyport('engineer', 'connect', 'web-1', '--', `cat ${folder}/config/credentials.env`);
    expect(seen.out).toContain('AWS_ACCESS_KEY_ID=*');
    expect(seen.out).not.toContain('AKIAIOSFODNN7EXAMPLE');
    expect(sallyport('dba', 'connect', 'web-1', '--', `cat ${folder}/config/credentials.env`).out).toContain('AKIA');
    const get = (principal: string, name: string): { code: number | null; err: string } =>
      sallyport(principal, 'connect', 'web-1', '--program', 'scp', '--', `web-1:${folder}/${name}`, `${principal}-got`);
    expect(get('engineer', 'README.txt').code).toBe(0);
    await rm(join(directory, 'engineer-got'));
    const refused = get('engineer', 'config/deploy_key');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('server-keys');
    expect(await readFile(join(directory, 'engineer-got'), 'utf8').catch(() => '')).toBe('');
    expect(get('dba', 'config/deploy_key').code).toBe(0);
  });

  it('holds a restart until the DBA approves it in another terminal', async () => {
    const args = ['connect', 'web-1', '--', 'systemctl restart shop; echo went on'];
    const child = spawn(process.execPath, [join(root, 'bin/sallyport.js'), ...args], {
      env: {
        ...process.env,
        XDG_CONFIG_HOME: join(directory, 'config'),
        SALLYPORT_SERVER: facts.console,
        SALLYPORT_TOKEN: facts.principals['engineer']!.token,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const review = await until('the hold', () => /rev_[0-9a-z]{26}/.exec(said)?.[0] ?? null);
    expect(said).toContain('held until a member of dba approves it');
    expect(said).not.toContain('went on');
    expect(sallyport('dba', 'reviews', 'approve', review, '--reason', 'ticket 4712').code).toBe(0);
    await until('the command', () => (said.includes('went on') ? true : null));
  });

  it('exports a terminal as asciicast, and replays it as text', async () => {
    const tty = ['connect', 'web-1', '--', '-tt', 'echo on a terminal'];
    expect(sallyport('engineer', ...tty).out).toContain('on a terminal');
    const [last] = await sessions();
    const lines = sallyport('admin', 'sessions', 'export', last!.id, '--format', 'asciicast').out.trim().split('\n');
    expect(JSON.parse(lines[0]!)).toMatchObject({ version: 3, term: { cols: expect.any(Number) as number } });
    expect(lines.slice(1).map((line) => (JSON.parse(line) as unknown[])[1])).toContain('o');
    expect(sallyport('admin', 'sessions', 'replay', last!.id).out).toContain('on a terminal');
  });

  const curl = (principal: string, ...args: string[]) =>
    sallyport(principal, 'connect', 'shop-api', '--', ...args, '-sS');

  it('asks an HTTP service with its own key, which nobody sees, and masks what comes back', () => {
    const { out } = curl('engineer', '/v1/customers?limit=2');
    const { customers } = JSON.parse(out) as { customers: Record<string, unknown>[] };
    expect(customers).toHaveLength(2);
    expect(customers[0]).toMatchObject({ id: 1, name: 'Ada Lovelace', balance: 120.5 });
    expect(out).not.toMatch(/@|078-05-1120|4111/);
    expect(curl('dba', '/v1/customers?limit=1').out).toContain('ada.lovelace@customers.example');
    const echo = curl('engineer', '/v1/echo', '-H', 'X-Api-Key: mine', '-H', 'X-Forwarded-For: 10.0.0.1');
    expect(echo.out).toContain('"method":"GET"');
    // The key is injected in place of the client's own, and does not come back; no token of ours gets there.
    expect(echo.out).not.toMatch(/"mine"|shop_[A-Za-z0-9_-]{20}|sp_[a-z0-9]{38}|10\.0\.0\.1/);
    const direct = spawnSync('curl', ['-sS', `${facts.resources['shop-api'].origin}/`, '--cacert', facts.ca], {
      encoding: 'utf8',
    });
    expect(direct.stdout).toContain('"status":401');
  });

  it('refuses a DELETE with the rule’s name, as problem details', () => {
    const { out } = curl('engineer', '-X', 'DELETE', '/v1/customers/1', '-i');
    expect(out).toMatch(/^HTTP\/\S+ 403/);
    expect(out).toMatch(/application\/problem\+json/i);
    expect(out).toContain('customers-stay');
    expect(curl('dba', '/v1/customers/1').out).toContain('Ada Lovelace');
  });

  it('holds a refund until the DBA approves it in another terminal', async () => {
    const args = ['connect', 'shop-api', '--', '/v1/refunds', '-sS', '-d', 'order=1001&amount=20.00'];
    const child = spawn(process.execPath, [join(root, 'bin/sallyport.js'), ...args], {
      env: {
        ...process.env,
        XDG_CONFIG_HOME: join(directory, 'config'),
        SALLYPORT_SERVER: facts.console,
        SALLYPORT_CA: facts.ca,
        SALLYPORT_TOKEN: facts.principals['engineer']!.token,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const review = await until('the hold', () => {
      const { out: listed } = sallyport('dba', 'reviews', 'ls', '-o', 'json');
      // One that was decided a moment ago may be among them.
      const found = JSON.parse(listed) as { id: string; resource: string }[];
      return found.find(({ resource }) => resource === 'shop-api')?.id ?? null;
    });
    expect(out).toBe('');
    expect(sallyport('dba', 'reviews', 'show', review).out).toMatch(
      /POST \/v1\/refunds[\s\S]*order=1001&amount=20\.00/,
    );
    expect(sallyport('dba', 'reviews', 'approve', review, '--reason', 'ticket 4713').code).toBe(0);
    expect(await ended).toBe(0);
    expect(out).toContain('order=1001');
  });

  it('masks a feed of events as it comes', () => {
    const { out } = curl('engineer', '/v1/events', '-N', '--max-time', '3');
    expect(out).toMatch(/^event: order\ndata: \{"order":1000,"email":"[^@"]+"\}/);
  });

  it('replays requests with their answers', async () => {
    const replay = await until('the requests in a replay', async () => {
      for (const { id } of (await sessions()).slice(0, 8)) {
        const { out } = sallyport('admin', 'sessions', 'replay', id);
        if (out.includes('GET /v1/customers?limit=2')) return out;
      }
      return null;
    });
    expect(replay).toMatch(/ {2}200\n/);
    expect(replay).toContain('"name": "Ada Lovelace"');
    expect(replay).not.toMatch(/ada\.lovelace@|shop_[A-Za-z0-9_-]{20}/);
  });

  it('hands a browser over to the console, which signs on with the password that was printed', async () => {
    const { origin } = facts.resources['shop-api'];
    const args = ['-sS', '-i', '--cacert', facts.ca, '-H', 'Accept: text/html', `${origin}/`];
    const { stdout } = spawnSync('curl', args, { encoding: 'utf8' });
    expect(stdout).toMatch(/^HTTP\/\S+ 303/);
    expect(stdout).toMatch(/set-cookie: __Host-sallyport-nonce=[^;]+;.*HttpOnly/i);
    expect(stdout).toContain(`${facts.console}/visit.html#resource=shop-api`);
    const { password } = facts.principals['engineer']!;
    const body = JSON.stringify({ principal: 'engineer', password });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${facts.console}/api/v1/login`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
  });

  const noKubectl = missingKubectl(['new']);
  /** As the printed lines have it: `bin` on PATH, for the plugin that the kubeconfig names, and kubectl. */
  const shell = (principal: string): Record<string, string | undefined> => ({
    ...process.env,
    PATH: `${join(directory, 'kubectl')}:${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: directory,
    XDG_CONFIG_HOME: join(directory, 'config', principal),
    SALLYPORT_SERVER: facts.console,
    SALLYPORT_CA: facts.ca,
    SALLYPORT_TOKEN: facts.principals[principal]!.token,
    KUBECONFIG: join(directory, 'shop-cluster.kubeconfig'),
  });
  const kubectl = (principal: string, ...args: string[]): { code: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(join(directory, 'kubectl/kubectl'), args, {
      env: shell(principal),
      encoding: 'utf8',
      timeout: 30_000,
      cwd: directory,
    });
    return { code: status, out: stdout, err: stderr };
  };

  describe.skipIf(noKubectl !== null)('with a Kubernetes cluster', () => {
    beforeAll(async () => {
      await mkdir(join(directory, 'kubectl'));
      await symlink(programPath('kubectl-new'), join(directory, 'kubectl/kubectl'));
      const { stdout } = spawnSync(
        process.execPath,
        [join(root, 'bin/sallyport.js'), 'connect', 'shop-cluster', '--config'],
        { env: shell('engineer'), encoding: 'utf8' },
      );
      await writeFile(join(directory, 'shop-cluster.kubeconfig'), stdout);
    });

    it('says whether it is Kubernetes itself', () => {
      const { isReal } = facts.resources['shop-cluster'];
      expect(output).toContain(isReal ? 'the cluster is Kubernetes itself' : 'what answers stands in for a cluster');
    });

    it('masks Secrets, and copies files', async () => {
      const masked = kubectl('engineer', '-n', 'payments', 'get', 'secrets', '-o', 'yaml');
      expect(masked.out).toContain(`password: ${Buffer.from('[redacted]').toString('base64')}`);
      const seen = kubectl('dba', '-n', 'payments', 'get', 'secrets', '-o', 'yaml');
      expect(seen.out).toContain(Buffer.from('correct horse battery staple').toString('base64'));
      expect(kubectl('engineer', '-n', 'payments', 'cp', 'shop-0:config/shop.yaml', 'shop.yaml').code).toBe(0);
      expect(await readFile(join(directory, 'shop.yaml'), 'utf8')).toBe('currency: EUR\n');
    });

    it('refuses rm -r in a pod, with the rule’s name', () => {
      const refused = kubectl('engineer', '-n', 'payments', 'exec', 'shop-0', '--', 'rm', '-rf', 'releases');
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('no-recursive-rm-in-pods');
      expect(kubectl('engineer', '-n', 'payments', 'exec', 'shop-0', '--', 'ls', 'releases').out).toContain('42');
    });

    it('holds the deletion of the namespace until the DBA approves it in another terminal', async () => {
      const child = spawn(join(directory, 'kubectl/kubectl'), ['delete', 'namespace', 'payments'], {
        env: shell('engineer') as NodeJS.ProcessEnv,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      const ended = new Promise((resolve) => child.once('close', resolve));
      const review = await until('the hold', () => {
        const { out: listed } = sallyport('dba', 'reviews', 'ls', '-o', 'json');
        const found = JSON.parse(listed) as { id: string; resource: string }[];
        return found.find(({ resource }) => resource === 'shop-cluster')?.id ?? null;
      });
      expect(out).toBe('');
      expect(sallyport('dba', 'reviews', 'approve', review, '--reason', 'ticket 4714').code).toBe(0);
      expect(await ended).toBe(0);
      expect(out).toContain('namespace "payments" deleted');
    });

    it('replays it', async () => {
      const replay = await until('the requests in a replay', async () => {
        for (const { id } of (await sessions()).slice(0, 8)) {
          const { out } = sallyport('admin', 'sessions', 'replay', id);
          if (out.includes('delete namespaces payments')) return out;
        }
        return null;
      });
      expect(replay).toContain('approved by dba (api): ticket 4714');
    });
  });

  it('pins host keys only when told so', () => {
    const asked = sallyport('admin', 'trust', 'web-1');
    expect(asked).toMatchObject({ code: 0, out: expect.stringMatching(/pinned\s+ssh-ed25519\s+SHA256:/) as string });
    expect(sallyport('engineer', 'trust', 'web-1', '--yes').code).toBe(3);
  });

  it('lists and replays what happened', async () => {
    psql('engineer', '-c', "SELECT 'find me' AS needle, 7 AS number");
    const session = await until('the session in the list', async () => {
      const found = (await sessions()).find(({ live, principal }) => !live && principal.name === 'engineer');
      return found ?? null;
    });
    const replay = await until('the statement in a replay', async () => {
      for (const { id } of (await sessions()).slice(0, 5)) {
        const { out } = sallyport('admin', 'sessions', 'replay', id);
        if (out.includes('find me')) return out;
      }
      return null;
    });
    expect(replay).toContain('needle');
    expect(session.endReason).toBe('client-closed');
    expect(sallyport('engineer', 'sessions', 'ls').code).toBe(0);
    expect(replay).not.toContain(facts.principals['engineer']!.token);
  });

  it('kills a live session, which is told why', async () => {
    const child = spawn('psql', ['-X', '-c', 'SELECT pg_sleep(30)'], {
      env: environment('dba') as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const session = await until(
      'the live session',
      async () =>
        (await sessions()).find(
          ({ live, principal, protocol }) => live && principal.name === 'dba' && protocol === 'postgres',
        ) ?? null,
    );
    const ended = new Promise((resolve) => child.once('close', resolve));
    expect(sallyport('admin', 'sessions', 'kill', session.id, '--reason', 'lunch').code).toBe(0);
    await ended;
    expect(err).toMatch(/lunch/);
  });

  it('ends the sessions of a revoked token', async () => {
    const created = JSON.parse(sallyport('dba', 'token', 'create', '-o', 'json').out) as { id: string; token: string };
    const child = spawn('psql', ['-X', '-c', 'SELECT pg_sleep(30)'], {
      env: { ...environment('dba'), PGPASSWORD: created.token } as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await until(
      'the live session',
      async () =>
        (await sessions()).find(
          ({ live, principal, protocol }) => live && principal.name === 'dba' && protocol === 'postgres',
        ) ?? null,
    );
    const ended = new Promise((resolve) => child.once('close', resolve));
    expect(sallyport('dba', 'token', 'revoke', created.id).code).toBe(0);
    expect(await ended).not.toBe(0);
  });

  it('survives kill -9: interrupted sessions are closed, and verify holds before and after', async () => {
    const verify = (): { code: number | null; out: string; err: string } =>
      sallyport(null, 'verify', '--data', facts.gateway.data);
    const child = spawn(
      'psql',
      [
        '-X',
        '-c',
        'CREATE TABLE IF NOT EXISTS crash (n int)',
        '-c',
        'INSERT INTO crash SELECT generate_series(1, 10)',
        '-c',
        'SELECT pg_sleep(30)',
      ],
      {
        env: environment('engineer') as NodeJS.ProcessEnv,
        stdio: 'ignore',
      },
    );
    await until(
      'the live session',
      async () => (await sessions()).find(({ live, principal }) => live && principal.name === 'engineer') ?? null,
    );
    const asleep = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'";
    await until('the statements', () => (psql('dba', '-c', asleep).out.trim() === '1' ? true : null));
    // Intents are durable at once; what a recording holds beside them may be lost for a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const ended = new Promise((resolve) => child.once('close', resolve));
    process.kill(facts.gateway.pid, 'SIGKILL');
    await ended;
    await until('the restart', () => (output.includes('the gateway is back') ? true : null));
    facts = JSON.parse(await readFile(join(directory, 'demo.json'), 'utf8')) as Facts;
    const interrupted = await until(
      'the interrupted session',
      async () => (await sessions()).find(({ endReason }) => endReason === 'interrupted') ?? null,
    );
    expect(sallyport('admin', 'sessions', 'replay', interrupted.id).out).toContain('crash');
    const report = verify();
    expect(report.out + report.err).toMatch(/✔|ok|verified/i);
    expect(report.code).toBe(0);
    expect(psql('engineer', '-c', 'SELECT 1').out.trim()).toBe('1');
  });

  it('tells one bit that was flipped', async () => {
    const { readdir, open } = await import('node:fs/promises');
    const journal = join(facts.gateway.data, 'journal');
    const segment = (await readdir(journal))
      .filter((name) => name.endsWith('.seg') || name.includes('segment'))
      .sort()[0]!;
    const file = await open(join(journal, segment), 'r+');
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, Math.floor(size / 2));
    const flip = async (): Promise<void> => {
      byte[0] = byte[0]! ^ 1;
      await file.write(byte, 0, 1, Math.floor(size / 2));
    };
    await flip();
    const broken = sallyport(null, 'verify', '--data', facts.gateway.data);
    await flip();
    await file.close();
    expect(broken.code).toBe(1);
    expect(sallyport(null, 'verify', '--data', facts.gateway.data).code).toBe(0);
  });

  it('stops all of it at Ctrl-C', async () => {
    const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve));
    demo.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(await isFree(facts.listeners.postgres.port)).toBe(true);
    expect(existsSync(join(facts.gateway.data, 'gateway.pid'))).toBe(false);
  });
});
