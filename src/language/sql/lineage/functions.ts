/**
 * What a function or operator does with what it is given: passes it on, or something that was not read.
 *
 * Invariant: only what is certainly built in, or written in C and declared immutable, passes on what its arguments carry
 * and nothing else. Everything else may return, keep or send anything.
 */
import type { SinkKind } from '../../../core/sql.ts';
import { isReachable, type UserFunctionFacts } from '../catalog.ts';
import { functionEffects, harmlessFunctions } from '../functions.ts';
import { holderFunctions } from './holders.ts';
import type { Tracer } from './tracer.ts';
import type { Gap } from './value.ts';

export interface Callee {
  readonly name: string;
  /** Null: the result carries what the arguments carry. */
  readonly gap: Gap | null;
  /** Where the arguments go besides. */
  readonly sink: SinkKind | null;
  /** No such function is known: the name may be a column of its argument. */
  readonly isMissing: boolean;
  /** The result is of a built-in type that is no row, whatever the arguments are. */
  readonly isPlain: boolean;
  /** The result is an array: of the elements of its arguments, or of text. */
  readonly makesArray: 'of-arguments' | 'of-text' | null;
  /** That it was called can be noticed: it does something besides, waits, or may take long. */
  readonly acts: boolean;
  /** Which arguments say how long it takes; null for none, empty for any. */
  readonly sizes: readonly number[] | null;
  /** Columns in FROM: empty for one value without a name of its own; null where not known. */
  readonly outputs: readonly string[] | null;
}

const sinks: Readonly<Record<string, SinkKind>> = {
  set_config: 'setting',
  pg_notify: 'notification',
  pg_logical_emit_message: 'message',
  pg_file_write: 'file',
  lo_export: 'file',
};

/** Built-in functions that return an array of what they are given, which may be rows. */
const polymorphic: ReadonlySet<string> = new Set(
  `array_agg array_append array_cat array_fill array_prepend array_remove array_replace array_reverse array_sample
  array_shuffle array_sort trim_array max min`.split(/\s+/),
);

/** Built-in functions that return an array of text or numbers. */
const arrayMakers: ReadonlySet<string> = new Set(
  `array_positions current_schemas enum_range parse_ident regexp_match regexp_matches regexp_split_to_array
  string_to_array tsvector_to_array`.split(/\s+/),
);

/**
 * Built-in functions whose arguments say how much there is to do, to the places of those that do; none: any. The arguments
 * of generate_series steer the statement, since they say how many rows there are.
 *
 * Honest limit: time can be told from more than these (a regular expression, the size of a value, an index that is used or
 * not); what is here are the ways to make it long at will.
 */
const costly: ReadonlyMap<string, readonly number[]> = new Map([
  ['repeat', [1]],
  ['lpad', [1]],
  ['rpad', [1]],
  ['array_fill', [1]],
  ['factorial', []],
  ['power', [1]],
  ['pow', [1]],
]);

const waiting: ReadonlySet<string> = new Set(['pg_sleep', 'pg_sleep_for', 'pg_sleep_until']);

/** Whether anybody notices that a built-in function was called. */
function isNoticed(name: string, isVolatile: boolean): boolean {
  if (functionEffects.has(name) || waiting.has(name) || costly.has(name) || name === 'generate_series') return true;
  return isVolatile && !harmlessFunctions.has(name);
}

function sinkOf(name: string, isVolatile: boolean): SinkKind | null {
  const named = sinks[name];
  if (named !== undefined) return named;
  const effects = functionEffects.get(name);
  if (effects?.includes('large-object')) return 'large-object';
  return effects !== undefined || isVolatile ? 'function' : null;
}

/** A function by its name. `isSyntax`: the grammar put `pg_catalog` in front, an older server may not. */
export function findFunction(tracer: Tracer, parts: readonly string[], isSyntax = false): Callee {
  const key = `${isSyntax ? 's' : 'f'} ${JSON.stringify(parts)}`;
  const known = tracer.callees.get(key);
  if (known !== undefined) return known;
  const callee = judgeFunction(tracer, parts, isSyntax);
  tracer.callees.set(key, callee);
  return callee;
}

/** What was not read may do anything. */
const unread = {
  sink: 'function',
  isMissing: false,
  isPlain: false,
  makesArray: null,
  acts: true,
  sizes: null,
} as const;

function judgeFunction(tracer: Tracer, parts: readonly string[], isSyntax: boolean): Callee {
  const { catalog, searchPath } = tracer.context;
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  if (catalog === null) {
    const gap = { reason: 'nothing is known of the database', kind: 'names' } as const;
    return { ...unread, name, gap, outputs: null };
  }
  const full = schema === null || schema === 'pg_catalog' ? name : `${schema}.${name}`;
  const builtIn = catalog.builtInFunctions.get(full);
  const users = (catalog.userFunctions.get(name) ?? []).filter(
    (user) =>
      isReachable(user.schema, isSyntax ? null : schema, searchPath) &&
      (user.takesBuiltIn || builtIn === undefined || catalog.hasCastsToUserTypes || tracer.touchesUserTypes),
  );
  const outputs = agree(users, catalog.builtInOutputs.get(full), builtIn !== undefined);
  if (users.some((user) => !isComputing(name, user))) {
    const gap = { reason: `function ${name} was not read`, kind: 'code' } as const;
    return { ...unread, name, gap, outputs };
  }
  const held = holderFunctions.get(name);
  const isVolatile = builtIn === 'volatile';
  if (held !== undefined) {
    const gap = { reason: `${name}: ${held}`, kind: 'names' } as const;
    return { ...unread, name, gap, sink: sinkOf(name, isVolatile), outputs };
  }
  if (builtIn === undefined && users.length === 0) {
    const gap = { reason: `function ${name} is not known`, kind: 'code' } as const;
    return { ...unread, name, gap, isMissing: true, outputs: null };
  }
  const isPlain = users.length === 0 && outputs !== null && outputs.length < 2 && !polymorphic.has(name);
  const isBuiltIn = users.length === 0;
  const ofArguments = polymorphic.has(name) && name !== 'max' && name !== 'min' ? 'of-arguments' : null;
  const makesArray = isBuiltIn && arrayMakers.has(name) ? 'of-text' : isBuiltIn ? ofArguments : null;
  const acts = isNoticed(name, isVolatile);
  const sizes = builtIn === undefined ? null : (costly.get(name) ?? null);
  return { ...unread, name, gap: null, sink: sinkOf(name, isVolatile), isPlain, makesArray, acts, sizes, outputs };
}

/** Installed by a superuser, and declared to depend on nothing but its arguments, or known to. */
const isComputing = (name: string, user: UserFunctionFacts): boolean =>
  user.code === 'computing' || (user.code === 'native' && extensionFunctions.has(name));

/** Functions of the extensions that ship with PostgreSQL which only compute, though they are stable or volatile. */
const extensionFunctions: ReadonlySet<string> = new Set(
  'gen_random_bytes gen_random_uuid gen_salt unaccent uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4'.split(' '),
);

/** The columns on which all that share the name agree. */
function agree(
  users: readonly UserFunctionFacts[],
  builtIn: readonly string[] | null | undefined,
  hasBuiltIn: boolean,
): readonly string[] | null {
  const all = [...users.map((user) => user.outputs), ...(hasBuiltIn ? [builtIn ?? null] : [])];
  const [first = null] = all;
  if (first === null) return null;
  return all.every((one) => one !== null && one.length === first.length && one.every((name, at) => name === first[at]))
    ? first
    : null;
}

/** An operator by its name; the same for the operators that syntax implies. */
export function findOperator(tracer: Tracer, parts: readonly string[]): Callee {
  const key = `o ${JSON.stringify(parts)}`;
  const known = tracer.callees.get(key);
  if (known !== undefined) return known;
  const callee = judgeOperator(tracer, parts);
  tracer.callees.set(key, callee);
  return callee;
}

function judgeOperator(tracer: Tracer, parts: readonly string[]): Callee {
  const { catalog, searchPath } = tracer.context;
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  const pure: Callee = { ...unread, name, gap: null, sink: null, acts: false, outputs: [] };
  if (catalog === null) {
    return { ...unread, name, gap: { reason: 'nothing is known of the database', kind: 'names' }, outputs: [] };
  }
  const builtIn = schema === null || schema === 'pg_catalog' ? catalog.builtInOperators.get(name) : undefined;
  const users = (catalog.userOperators.get(name) ?? []).filter(
    (user) =>
      isReachable(user.schema, schema, searchPath) &&
      (user.takesBuiltIn || builtIn === undefined || catalog.hasCastsToUserTypes || tracer.touchesUserTypes),
  );
  const isRead = builtIn === undefined ? users.length > 0 : builtIn !== 'volatile';
  if (isRead && users.every((user) => user.isComputing)) return pure;
  return { ...unread, name, gap: { reason: `operator ${name} was not read`, kind: 'code' }, outputs: [] };
}
