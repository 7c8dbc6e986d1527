/**
 * pgx v5's own tests: a Go driver that uses binary formats by default, pipelines, and caches statements.
 *
 * The tests are part of the module as the Go module proxy serves it. Each package is compiled to a test program once.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome, Report } from '../outcome.ts';
import type { Route } from '../stage.ts';
import { cacheDirectory, execute, executeOk, type Suite } from '../suite.ts';

const version = 'v5.7.6';
const home = join(cacheDirectory, 'pgx');
const sources = join(home, version);
const goPath = join(cacheDirectory, '../go');
const go = { GOPATH: goPath, GOFLAGS: '-modcacherw -buildvcs=false', GOTOOLCHAIN: 'local' };

const packages = ['pgconn', 'pgtype', 'pgx', 'pgxpool', 'stdlib'] as const;

/**
 * Left out: stress tests of many seconds (time, not transparency), and a test that fails after it has ended when the
 * server is quick, which ends the whole program.
 */
const left = 'TestConnStress|TestPoolStress|TestConnCopyFromConnectionTerminated';

/** What the suite's own set-up makes. */
const seed = `
  create extension if not exists hstore;
  create extension if not exists ltree;
  create domain uint64 as numeric(20,0);
  do $$ begin
    create user " tricky, ' } "" \\\\ test user " superuser password 'secret';
  exception when duplicate_object then null; end $$;
`;

export const pgx: Suite = {
  name: 'pgx',
  async prepare() {
    if (!existsSync(join(sources, 'go.mod'))) {
      await mkdir(sources, { recursive: true });
      const answer = await executeOk('go', ['mod', 'download', '-json', `github.com/jackc/pgx/v5@${version}`], {
        cwd: home,
        environment: go,
        deadlineMs: 300_000,
      });
      const { Dir } = JSON.parse(answer) as { Dir: string };
      await cp(Dir, sources, { recursive: true });
      // The module cache is read-only, and so would be a copy of it.
      await executeOk('chmod', ['-R', 'u+w', sources]);
    }
    const programs = packages.map((name) => programOf(name));
    if (programs.every((program) => existsSync(program))) return;
    const paths = packages.map((name) => (name === 'pgx' ? '.' : `./${name}`));
    await executeOk('go', ['test', '-c', '-o', `${home}/bin/`, ...paths], {
      cwd: sources,
      environment: go,
      deadlineMs: 500_000,
    });
  },
  async run(route) {
    await executeOk('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1'], { environment: route.environment, input: seed });
    const report = new Map<string, Outcome>();
    for (const name of packages) {
      for (const [test, outcome] of await runPackage(name, route)) report.set(test, outcome);
    }
    return report;
  },
};

function programOf(name: string): string {
  return join(home, 'bin', `${name}.test`);
}

async function runPackage(name: (typeof packages)[number], route: Route): Promise<Report> {
  const url = connectionString(route);
  const { stdout, stderr } = await execute(
    programOf(name),
    ['-test.v', '-test.timeout=150s', '-test.count=1', '-test.parallel=2', `-test.skip=${left}`],
    {
      cwd: name === 'pgx' ? sources : join(sources, name),
      environment: { PGX_TEST_DATABASE: url, PGX_TEST_TCP_CONN_STRING: url, PGX_TEST_TLS_CONN_STRING: url },
      deadlineMs: 170_000,
    },
  );
  const report = readGoTest(name, stdout);
  const panic = /^(?:panic|fatal error|FAIL\s+.*timed out).*/m.exec(`${stdout}\n${stderr}`);
  if (panic !== null) report.set(`${name}/(whole program)`, { status: 'failed', detail: panic[0] });
  return report;
}

/** The keyword form would need quoting; a URL takes any user name. */
function connectionString({ host, port, user, password, database, caPath }: Route): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${host}:${port}/${database}?sslmode=verify-full&sslrootcert=${encodeURIComponent(caPath)}`;
}

/** Reads `go test -v`: results, indented for subtests; lines say which test speaks, for many run at once. */
export function readGoTest(prefix: string, text: string): Map<string, Outcome> {
  const report = new Map<string, Outcome>();
  const said = new Map<string, string[]>();
  const statuses = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' } as const;
  let speaker = '';
  for (const line of text.split('\n')) {
    const turn = /^=== (?:RUN|CONT|NAME)\s+(\S+)/.exec(line);
    if (turn !== null) speaker = turn[1]!;
    const found = /^\s*--- (PASS|FAIL|SKIP): (\S+) \(/.exec(line);
    if (found === null) {
      if (turn === null && !line.startsWith('===')) said.set(speaker, [...(said.get(speaker) ?? []), line]);
      continue;
    }
    const [, result, test] = found as unknown as [string, keyof typeof statuses, string];
    const detail = result === 'FAIL' ? { detail: (said.get(test) ?? []).slice(-12).join('\n') } : {};
    report.set(`${prefix}/${test}`, { status: statuses[result], ...detail });
  }
  return report;
}
