/** Single commands that incidents are made of: as ordinary ones look. */
import { type Ran, sql } from './commands.ts';
import { change, lookUp } from './tasks.ts';

export const lookUpOf = (table: string): Ran => lookUp(table);
export const changeOf = (table: string): Ran => change(table);
export const aggregateOf = (table: string, other: string): Ran =>
  sql(`select count(*), max(x) from ${table} a join ${other} b using (id) group by 2`, {
    uses: [`read public.${table}`, `read public.${other}`],
    rows: [5, 60],
  });
