/**
 * `match.commands.http`: what a request asks for, put to its meaning.
 *
 * Invariants:
 * - All that is given must hold of one request; within a list, one entry is enough. Of GraphQL, kind and field must hold of
 *   one and the same operation.
 * - Everything compares without regard to case: some services do, and a rule restricts.
 * - What was not read is never a certain `no`: of an unread body, of text (a service may take it for JSON), and of what passes
 *   after an upgrade, anything may be true that a rule asks about bodies, GraphQL or JSON-RPC.
 * - A request that asks for another method by the side (`X-HTTP-Method-Override`, `_method`) may be of that method.
 * - A request without a meaning is `opaque`.
 *
 * Deliberately absent: canonicalisation (`language/http`: a path that could be read in two ways is no command), answers.
 */
import { httpOf } from '../core/command.ts';
import type { GraphqlOperation, HttpSelector } from '../core/http.ts';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, quote, shownSelector } from './fields.ts';
import { both, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import { compileName, type NameTest } from './glob.ts';
import { compileBody } from './http-body.ts';
import { type HttpPart, hidesContent, spellHttpDoubt } from './http-facts.ts';
import { compilePaths, compileRouteNames } from './http-paths.ts';
import * as limits from './limits.ts';

const selectorFields = [
  'methods',
  'paths',
  'routes',
  'query',
  'headers',
  'contentTypes',
  'body',
  'graphql',
  'rpc',
  'grpc',
  'upgrades',
  'uncertain',
] as const satisfies readonly (keyof HttpSelector)[];
const operationNames = [
  'query',
  'mutation',
  'subscription',
] as const satisfies readonly GraphqlOperation['operation'][];

export function compileHttp(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, selectorFields);
  let steps = 0;
  const list = (field: (typeof selectorFields)[number], cost = limits.wildcardSteps): readonly string[] | null => {
    const entries = fields.list(`${path}.${field}`, given[field]);
    steps += (entries?.length ?? 0) * cost;
    return entries;
  };
  const parts: HttpPart[] = [];
  const methods = list('methods', 0);
  if (methods !== null) parts.push(methodsPart(methods));
  const paths = list('paths');
  if (paths !== null) parts.push(compilePaths(fields, `${path}.paths`, paths));
  const routes = list('routes');
  if (routes !== null) parts.push(compileRouteNames(fields, `${path}.routes`, routes));
  const query = list('query');
  if (query !== null) parts.push(queryPart(query));
  const headers = list('headers');
  if (headers !== null) parts.push(headersPart(headers));
  const types = list('contentTypes')?.map(compileName);
  if (types !== undefined) parts.push(typesPart(types));
  const body = list('body', limits.bodyPatternSteps);
  if (body !== null) parts.push(compileBody(fields, `${path}.body`, body));
  if (given.graphql !== undefined) {
    const { part, patterns } = graphqlPart(fields, `${path}.graphql`, given.graphql);
    steps += patterns * limits.wildcardSteps;
    parts.push(part);
  }
  const rpc = list('rpc')?.map(compileName);
  if (rpc !== undefined) parts.push(rpcPart(rpc));
  const grpc = list('grpc');
  if (grpc !== null) parts.push(grpcPart(grpc));
  const upgrades = fields.choices(`${path}.upgrades`, given.upgrades, ['websocket']);
  if (upgrades !== null) parts.push(({ upgrade }) => (upgrade !== null && upgrades.includes(upgrade) ? yes : no));
  if (parts.length === 0) throw fields.fault(path, 'this selects nothing in particular; name methods, paths, …');
  const ignores = fields.ignoresUncertain(path, given.uncertain);
  return {
    name: path,
    isVolatile: false,
    needsStructure: false,
    needsHttp: true,
    steps,
    test: (facts) => {
      const found = test(parts, facts);
      return ignores ? found & ~perhaps : found;
    },
    because: (facts) => `${spell(facts)}; it asks for ${shownSelector(value)}`,
  };
}

function test(parts: readonly HttpPart[], { command }: Facts): Finding {
  if (command.kind !== 'http') return no;
  const http = httpOf(command.meaning);
  if (http === null) return opaque;
  let found: Finding = yes;
  for (const part of parts) {
    found = both(found, part(http));
    if (found === no) break;
  }
  return found;
}

const any = (tests: readonly NameTest[], text: string): boolean => {
  const lower = text.toLowerCase();
  return tests.some((is) => is(lower));
};

/** Fields by which frameworks let a client name another method than the request's own. */
const overrides: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override']);

function methodsPart(methods: readonly string[]): HttpPart {
  const wanted = new Set(methods.map((method) => method.toUpperCase()));
  const names = (text: string): boolean => wanted.has(text.trim().toUpperCase());
  return ({ method, fields, query, body, contentType }) => {
    if (names(method)) return yes;
    if (fields.some(([name, value]) => overrides.has(plainName(name)) && names(value))) return perhaps;
    const form = body.kind === 'form' ? body.fields : [];
    if ([...query, ...form].some(([name, value]) => name.toLowerCase() === '_method' && names(value))) return perhaps;
    // Of a form that was not read, `_method` may be one of the fields.
    const isForm = contentType === 'application/x-www-form-urlencoded' || contentType === 'multipart/form-data';
    return body.kind === 'unread' && isForm ? perhaps : no;
  };
}

/** Services that see head fields as variables (CGI and its kin) take both spellings for one. */
function plainName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

interface Pair {
  readonly name: NameTest;
  /** Null: any. */
  readonly value: NameTest | null;
}

function pairOf(pattern: string, spelled: (name: string) => string): Pair {
  const at = pattern.indexOf('=');
  const name = compileName(spelled(at < 0 ? pattern : pattern.slice(0, at)));
  return { name, value: at < 0 ? null : compileName(pattern.slice(at + 1)) };
}

function queryPart(patterns: readonly string[]): HttpPart {
  const pairs = patterns.map((pattern) => pairOf(pattern, (name) => name.toLowerCase()));
  return ({ query }) =>
    query.some(([name, value]) => {
      const [lowerName, lowerValue] = [name.toLowerCase(), value.toLowerCase()];
      return pairs.some((pair) => pair.name(lowerName) && (pair.value === null || pair.value(lowerValue)));
    })
      ? yes
      : no;
}

/** A value counts as a whole, and each element of a list (RFC 9110, section 5.6.1) by itself. */
function headersPart(patterns: readonly string[]): HttpPart {
  const pairs = patterns.map((pattern) => pairOf(pattern, plainName));
  return ({ fields }) =>
    fields.some(([name, value]) => {
      const named = pairs.filter((pair) => pair.name(plainName(name)));
      if (named.length === 0) return false;
      const lower = value.trim().toLowerCase();
      const values = [lower, ...(lower.includes(',') ? lower.split(',').map((one) => one.trim()) : [])];
      return named.some(({ value: is }) => is === null || values.some(is));
    })
      ? yes
      : no;
}

function typesPart(tests: readonly NameTest[]): HttpPart {
  return ({ contentType, body }) => {
    if (contentType !== null) return any(tests, contentType) ? yes : no;
    // Without a type, the service takes the body for what it likes.
    return body.kind === 'none' ? no : perhaps;
  };
}

function graphqlPart(
  fields: Fields,
  path: string,
  value: unknown,
): { readonly part: HttpPart; readonly patterns: number } {
  const given = fields.object(path, value, ['operations', 'fields']);
  const operations = fields.choices(`${path}.operations`, given.operations, operationNames);
  const tests = fields.list(`${path}.fields`, given.fields)?.map(compileName) ?? null;
  if (operations === null && tests === null) {
    throw fields.fault(path, 'this selects nothing in particular; name operations or fields');
  }
  const isMeant = (one: GraphqlOperation): boolean =>
    (operations === null || operations.includes(one.operation)) &&
    (tests === null || one.fields.some((field) => any(tests, field)));
  return {
    patterns: tests?.length ?? 0,
    part: (http) => {
      const { body, graphql = [] } = http;
      const known = [...(graphql === 'unread' ? [] : graphql), ...((body.kind === 'json' ? body.graphql : null) ?? [])];
      if (known.some(isMeant)) return yes;
      return graphql === 'unread' || hidesContent(http) ? perhaps : no;
    },
  };
}

function rpcPart(tests: readonly NameTest[]): HttpPart {
  return (http) => {
    if (http.body.kind === 'json' && http.body.rpc?.some((method) => any(tests, method))) return yes;
    return hidesContent(http) ? perhaps : no;
  };
}

function grpcPart(patterns: readonly string[]): HttpPart {
  const tests = patterns.map(compileName);
  // A pattern of stars alone asks whether it is gRPC, not at which path.
  const named = patterns.filter((pattern) => /[^*/]/.test(pattern)).map(compileName);
  return ({ grpc, path }) => {
    if (grpc !== null) return any(tests, grpc) ? yes : no;
    // Many services of gRPC speak other protocols (Connect, JSON) at the same path.
    return any(named, path.split('/').slice(-2).join('/')) ? perhaps : no;
  };
}

function spell({ command }: Facts): string {
  const http = httpOf(command.meaning);
  if (http === null) {
    return command.kind === 'http'
      ? 'what the request asks for is not known'
      : `the command is of kind ${command.kind}`;
  }
  const { method, path, route, contentType } = http;
  const doubt = spellHttpDoubt(http);
  return [
    `the request is ${quote(`${method} ${path}`)}`,
    ...(route === null ? [] : [`of the route ${quote(route)}`]),
    ...(contentType === null ? [] : [`with a body of type ${quote(contentType)}`]),
    ...(doubt === '' ? [] : [`(${doubt})`]),
  ].join(' ');
}
