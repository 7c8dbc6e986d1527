/**
 * asyncpg's own tests: a Python driver that uses binary formats throughout.
 *
 * The tests come from the source distribution and run against the wheel of the same version.
 * `test_connect` and `test_adversity` classes that start servers of their own skip themselves when `PGHOST` is set.
 */

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Suite } from '../suite.ts';
import { cacheDirectory, execute, executeOk } from '../suite.ts';
import { readJunit } from './junit.ts';
import { pythonWith } from './python.ts';

const version = '0.30.0';
const home = join(cacheDirectory, 'asyncpg');
const sources = join(home, `asyncpg-${version}`);

/** They check certificates, pg_hba, and servers that they start themselves; or parse connection strings only. */
const left: readonly string[] = ['tests/test_connect.py', 'tests/test__environment.py', 'tests/test__sourcecode.py'];

let python = '';

export const asyncpg: Suite = {
  name: 'asyncpg',
  async prepare() {
    python = await pythonWith('asyncpg', [`asyncpg==${version}`, 'pytest==8.3.5']);
    if (existsSync(join(sources, 'tests'))) return;
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', 'asyncpg', `asyncpg==${version}`];
    await executeOk(python, [...pip, '--dest', home], { deadlineMs: 300_000 });
    await executeOk('tar', ['-xzf', join(home, `asyncpg-${version}.tar.gz`), '-C', home]);
    // The sources lie beside the tests and would hide the compiled package.
    await rm(join(sources, 'asyncpg'), { recursive: true });
  },
  async run(route) {
    const results = join(home, `${route.name}.xml`);
    await rm(results, { force: true });
    await execute(
      python,
      [
        ...['-m', 'pytest', '-q', '-x', '--maxfail=10000', '-p', 'no:cacheprovider', `--junitxml=${results}`],
        ...left.map((path) => `--ignore=${path}`),
        'tests',
      ],
      { cwd: sources, environment: { ...route.environment, PGSSLMODE: 'require' }, deadlineMs: 240_000 },
    );
    return readJunit(await readFile(results, 'utf8'));
  },
};
