/** The suites, in the order in which they run. */
import type { Suite } from '../suite.ts';
import { asyncpg } from './asyncpg.ts';
import { node } from './node.ts';
import { pgbench } from './pgbench.ts';
import { pgx } from './pgx.ts';
import { psql } from './psql.ts';

export const suites: readonly Suite[] = [psql, pgbench, node, asyncpg, pgx];
