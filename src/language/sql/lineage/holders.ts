/**
 * Where the server itself keeps values of any table: columns of its catalogs and statistics, and functions. Whatever reads
 * one of these counts as carrying anything.
 *
 * Invariant: a column of `pg_catalog` or `information_schema` that is not here holds names, numbers and definitions, never
 * values of rows; it is an ordinary base column.
 */
import { dynamicFunctions, functionEffects } from '../functions.ts';

const statistics = 'statistics hold values of any table';
const texts = 'texts of statements may quote any value';

const columns: readonly (readonly [relation: string, columns: string, reason: string])[] = [
  ['pg_statistic', 'stavalues1 stavalues2 stavalues3 stavalues4 stavalues5', statistics],
  ['pg_statistic', 'stanumbers1 stanumbers2 stanumbers3 stanumbers4 stanumbers5', statistics],
  ['pg_stats', 'most_common_vals histogram_bounds most_common_elems range_bounds_histogram', statistics],
  ['pg_stats', 'range_length_histogram elem_count_histogram', statistics],
  ['pg_statistic_ext_data', 'stxdmcv stxdexpr', statistics],
  ['pg_stats_ext', 'most_common_vals', statistics],
  ['pg_stats_ext_exprs', 'most_common_vals histogram_bounds most_common_elems', statistics],
  ['pg_attribute', 'attmissingval', 'defaults of added columns are values of rows'],
  ['pg_stat_activity', 'query', texts],
  ['pg_stat_statements', 'query', texts],
  ['pg_prepared_statements', 'statement', texts],
  ['pg_cursors', 'statement', texts],
  ['pg_backend_memory_contexts', 'ident', texts],
  ['pg_largeobject', 'data', 'large objects hold anything'],
];

const functions: readonly (readonly [names: string, reason: string])[] = [
  ['pg_stat_get_activity pg_stat_get_backend_activity pg_stat_statements pg_prepared_statement pg_cursor', texts],
  ['pg_get_backend_memory_contexts', texts],
  ['pg_mcv_list_items', statistics],
];

/** `relation.column` of `pg_catalog` to the reason. */
export const holderColumns: ReadonlyMap<string, string> = new Map(
  columns.flatMap(([relation, names, reason]) => names.split(' ').map((name) => [`${relation}.${name}`, reason])),
);

/** Effects of functions whose result comes from elsewhere than their arguments. */
const elsewhere: Readonly<Record<string, string>> = {
  'file-access': 'files hold anything',
  'large-object': 'large objects hold anything',
  'foreign-access': 'another server answers',
  replication: 'a slot gives the changes of any table',
};

/** Functions by bare name to the reason why their result may carry anything. */
export const holderFunctions: ReadonlyMap<string, string> = (() => {
  const out = new Map<string, string>();
  for (const name of dynamicFunctions) out.set(name, 'it runs or reads what its arguments name');
  for (const [name, effects] of functionEffects) {
    for (const effect of effects) if (elsewhere[effect] !== undefined) out.set(name, elsewhere[effect]);
  }
  for (const [names, reason] of functions) for (const name of names.split(' ')) out.set(name, reason);
  return out;
})();
