/**
 * What a function, operator or type name means, by the catalog where there is one, and what follows from that.
 *
 * Invariant: a name that may mean something of the database's own is never taken for the built-in one. Overloads that
 * only accept types of the database's own count only when such a type takes part in the statement, or could be reached by
 * an implicit cast.
 */

import type { Volatility } from '../../core/sql.ts';
import { plainTypes, pureFunctions, pureOperators } from './builtins.ts';
import { isReachable, type UserFunctionFacts } from './catalog.ts';
import { convertingFunctions, dynamicFunctions, functionEffects, harmlessFunctions } from './functions.ts';
import { temporaryType } from './temporary.ts';
import type { Walker } from './walk.ts';

const rank: Readonly<Record<Volatility, number>> = { immutable: 0, stable: 1, volatile: 2 };

/** A function call. `isSyntax`: the grammar put `pg_catalog` in front, an older server may not. */
export function useFunction(walker: Walker, parts: readonly string[], isSyntax = false): void {
  const { out } = walker;
  const { catalog, searchPath } = walker.frame.context;
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  if (walker.frame.mode === 'store') {
    out.function({ name, schema, builtIn: 'perhaps', volatility: null });
    return;
  }
  if (catalog === null) {
    useUncatalogued(walker, name, schema);
    return;
  }
  const builtIn = catalog.builtInFunctions.get(schema === null || schema === 'pg_catalog' ? name : `${schema}.${name}`);
  const users = (catalog.userFunctions.get(name) ?? []).filter((user) =>
    isReachable(user.schema, isSyntax ? null : schema, searchPath),
  );
  // Without a built-in one of that name, any overload may be the one.
  const certain = users.filter((user) => user.takesBuiltIn || builtIn === undefined || catalog.hasCastsToUserTypes);
  const worst = [...certain.map((user) => user.volatility), ...(builtIn === undefined ? [] : [builtIn])].sort(
    (a, b) => rank[b] - rank[a],
  )[0];
  out.function({ name, schema, builtIn: certain.length === 0 && builtIn ? 'yes' : 'no', volatility: worst ?? null });
  if (builtIn !== undefined) useBuiltIn(walker, name, builtIn);
  else useByName(walker, name);
  if (certain.length > 0) callUnread(walker, name, certain);
  else if (builtIn === undefined) out.unknown('function-unresolved', name);
  if (certain.length < users.length) out.ifUserTypes(() => callUnread(walker, name, users));
  const types = (catalog.userTypes.get(name) ?? []).filter((type) => isReachable(type.schema, schema, searchPath));
  // `name(x)` may also be a cast.
  if (types.length > 0) out.obstacle('type', name);
}

/** A function whose body is not read. Planning runs only what is not volatile. */
function callUnread(walker: Walker, name: string, users: readonly UserFunctionFacts[]): void {
  if (walker.frame.mode === 'plan' && users.every((user) => user.volatility === 'volatile')) {
    walker.out.obstacle('function', name);
    return;
  }
  walker.out.unknown('function-unread', name);
}

function useBuiltIn(walker: Walker, name: string, volatility: Volatility): void {
  const { out } = walker;
  const listed = useByName(walker, name);
  if (listed || volatility !== 'volatile') return;
  if (walker.runs && !harmlessFunctions.has(name)) out.unknown('function-unlisted', name);
  else out.obstacle('volatile function', name);
}

/** What the tables know of a function by its name. True when they list it. */
function useByName(walker: Walker, name: string): boolean {
  const { out } = walker;
  const effects = functionEffects.get(name);
  if (effects !== undefined) {
    if (walker.runs) out.effect(...effects);
    out.obstacle('function', name);
  }
  const dynamic = dynamicFunctions.has(name);
  // Planning evaluates functions that are declared stable, and some of these are.
  if (dynamic) out.unknown('dynamic-sql', name);
  if (convertingFunctions.has(name)) {
    out.obstacle('function', name);
    if (walker.frame.context.catalog?.hasDomains) out.unknown('type-unread', name);
  }
  return effects !== undefined || dynamic;
}

function useUncatalogued(walker: Walker, name: string, schema: string | null): void {
  const { out } = walker;
  const plain = schema === null || schema === 'pg_catalog';
  const listed = useByName(walker, name) || pureFunctions.has(name) || harmlessFunctions.has(name);
  out.function({ name, schema, builtIn: plain && listed ? 'perhaps' : 'no', volatility: null });
  out.unknown('no-catalog');
  if (!plain || !listed) out.unknown('function-unresolved', name);
}

export function useOperator(walker: Walker, parts: readonly string[]): void {
  if (walker.frame.mode === 'store') return;
  const { out } = walker;
  const { catalog, searchPath } = walker.frame.context;
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  const plain = schema === null || schema === 'pg_catalog';
  if (catalog === null) {
    out.obstacle('operator', name);
    if (plain && pureOperators.has(name)) return;
    out.operator({ name, schema });
    out.unknown('operator-unread', name);
    return;
  }
  const builtIn = plain ? catalog.builtInOperators.get(name) : undefined;
  const users = (catalog.userOperators.get(name) ?? []).filter((user) => isReachable(user.schema, schema, searchPath));
  const certain = users.filter((user) => user.takesBuiltIn || builtIn === undefined || catalog.hasCastsToUserTypes);
  const use = (found: typeof users): void => {
    out.operator({ name, schema });
    out.unknown(found.every((user) => user.isNative) && found.length > 0 ? 'operator-native' : 'operator-unread', name);
  };
  if (certain.length > 0 || builtIn === undefined) use(certain);
  else if (builtIn === 'volatile') out.unknown('operator-unread', name);
  if (certain.length < users.length) out.ifUserTypes(() => use(users));
}

/** A type that values are converted to. */
export function useType(walker: Walker, parts: readonly string[]): void {
  if (walker.frame.mode === 'store') return;
  const { out } = walker;
  const { catalog, searchPath } = walker.frame.context;
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  const plain = schema === null || schema === 'pg_catalog';
  // A temporary table makes a type of its name, and temporary types come before built-in ones.
  const mayBeTemporary = temporaryType(walker.frame.context, schema, name);
  if (mayBeTemporary === 'perhaps') out.obstacle('type may be temporary', name);
  if (mayBeTemporary === 'certain') {
    out.touchesUserTypes = true;
    out.unknown('type-unread', name);
    return;
  }
  if (catalog === null) {
    // The grammar qualifies the types that it has words for.
    if (schema === 'pg_catalog' && plainTypes.has(name)) return;
    out.unknown('no-catalog');
    if (plain && plainTypes.has(name)) return;
    out.unknown('type-unread', name);
    out.touchesUserTypes = true;
    return;
  }
  const builtIn = plain && catalog.builtInTypes.has(name);
  const users = (catalog.userTypes.get(name) ?? []).filter((type) => isReachable(type.schema, schema, searchPath));
  const isOnlyEnum = users.length > 0 && users.every((type) => type.kind === 'enum');
  if (builtIn && users.length === 0) return;
  if (isOnlyEnum && !builtIn) return;
  out.touchesUserTypes = true;
  // A composite or an array may hold a domain, whose checks are code of the database.
  if (builtIn || users.length === 0 || catalog.hasDomains) out.unknown('type-unread', name);
  else out.obstacle('type', name);
}
