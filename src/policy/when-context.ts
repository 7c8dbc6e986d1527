/**
 * What a `when` sees of a command and its circumstances, as typed values of CEL.
 *
 * Invariants:
 * - What is not known is absent, never empty or zero: reading it is an error, which the rule then counts as matching.
 * - A list that is too long is absent too, so that evaluation stays bounded.
 */
import { httpOf, kubernetesOf } from '../core/command.ts';
import type { GraphqlOperation, HttpMeaning } from '../core/http.ts';
import type { KubernetesMeaning } from '../core/kubernetes.ts';
import { agentsOf, type Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Analysis, StatementAnalysis } from '../core/sql.ts';
import type { Facts } from './facts.ts';
import { hiddenIn } from './hidden.ts';
import { hidesContent } from './http-facts.ts';
import * as limits from './limits.ts';

/** The types of all variables, as CEL spells them. */
export const whenTypes = {
  Relation: { schema: 'string', name: 'string', access: 'string', columns: 'list<string>' },
  Function: { schema: 'string', name: 'string', volatility: 'string' },
  Condition: { relation: 'string', action: 'string', where: 'string' },
  Pair: { name: 'string', value: 'string' },
  GraphqlOperation: { operation: 'string', name: 'string', fields: 'list<string>' },
  Http: {
    method: 'string',
    path: 'string',
    route: 'string',
    query: 'list<Pair>',
    headers: 'list<Pair>',
    contentType: 'string',
    body: 'string',
    form: 'list<Pair>',
    graphql: 'list<GraphqlOperation>',
    rpc: 'list<string>',
    grpc: 'string',
    upgrade: 'string',
  },
  Kubernetes: {
    verb: 'string',
    resource: 'string',
    group: 'string',
    subresource: 'string',
    namespace: 'string',
    name: 'string',
    method: 'string',
    path: 'string',
    dryRun: 'bool',
    argv: 'list<string>',
  },
  Command: {
    kind: 'string',
    verb: 'string',
    text: 'string',
    effects: 'list<string>',
    statements: 'list<string>',
    relations: 'list<Relation>',
    functions: 'list<Function>',
    conditions: 'list<Condition>',
    complete: 'bool',
    parameters: 'int',
    rowEstimate: 'int',
    http: 'Http',
    kubernetes: 'Kubernetes',
  },
  Principal: {
    name: 'string',
    kind: 'string',
    groups: 'list<string>',
    roles: 'list<string>',
    agents: 'list<string>',
    risk: 'int',
  },
  Resource: { name: 'string', labels: 'map<string, string>', protocol: 'string' },
  Session: {
    source: 'string',
    client: 'map<string, string>',
    commands: 'int',
    ageSeconds: 'int',
    access: 'string',
    risk: 'int',
  },
  Now: { hour: 'int', minute: 'int', weekday: 'int', iso: 'string' },
} as const;

export type WhenType = keyof typeof whenTypes;

class WhenValue {
  constructor(values: object) {
    Object.assign(this, values);
  }
}

/** One class per type: CEL tells values apart by their class. */
export const whenClasses: Readonly<Record<WhenType, new (values: object) => WhenValue>> = {
  Relation: class extends WhenValue {},
  Function: class extends WhenValue {},
  Condition: class extends WhenValue {},
  Pair: class extends WhenValue {},
  GraphqlOperation: class extends WhenValue {},
  Http: class extends WhenValue {},
  Kubernetes: class extends WhenValue {},
  Command: class extends WhenValue {},
  Principal: class extends WhenValue {},
  Resource: class extends WhenValue {},
  Session: class extends WhenValue {},
  Now: class extends WhenValue {},
};

export interface WhenContext {
  readonly command: WhenValue;
  readonly principal: WhenValue;
  readonly resource: WhenValue;
  readonly session: WhenValue;
  readonly now: WhenValue;
}

/** Fields of `command` that come from the analysis. */
export const structuralFields = ['effects', 'statements', 'relations', 'functions', 'conditions'] as const;

/** Everything that is known. */
export function fullContext(facts: Facts): WhenContext {
  const { request } = facts;
  return {
    command: commandOf(facts, facts.sql === null ? null : structureOf(facts.sql)),
    principal: principalOf(request.principal, request.risk?.principal ?? 0),
    resource: resourceOf(request.resource),
    session: sessionOf(facts),
    now: nowOf(request.nowMs),
  };
}

/** The same without what the analysis may be silent about; null where it hides nothing. */
export function hiddenContext(facts: Facts, full: WhenContext): WhenContext | null {
  if (!facts.isSql || facts.sql === null || facts.sql.complete) return null;
  const certain = certainOf(facts.sql);
  return certain === null ? null : { ...full, command: commandOf(facts, certain) };
}

type Structure = Partial<Record<(typeof structuralFields)[number], readonly (string | WhenValue)[]>>;

const noStructure: Structure = Object.freeze({
  effects: [],
  statements: [],
  relations: [],
  functions: [],
  conditions: [],
});

function commandOf(facts: Facts, structure: Structure | null): WhenValue {
  const { command, sql, rowEstimate } = facts;
  return new whenClasses.Command({
    kind: command.kind,
    verb: command.verb,
    ...(command.text.length > limits.judgedTextMax ? {} : { text: command.text }),
    complete: sql?.complete ?? false,
    parameters: BigInt(command.parameters?.length ?? 0),
    ...(rowEstimate === null ? {} : { rowEstimate: BigInt(Math.ceil(rowEstimate)) }),
    // A command that is none of SQL has no statements; one of SQL without an analysis may have any.
    ...(structure ?? (facts.isSql ? {} : noStructure)),
    ...requestOf(command),
    ...kubernetesRequestOf(command),
  });
}

/** Of a request without a meaning nothing is known; what is no request asks for nothing. */
function requestOf({ kind, meaning }: Facts['command']): { readonly http?: WhenValue } {
  const http = httpOf(meaning);
  if (http !== null) return { http: valueOfHttp(http) };
  return kind === 'http' ? {} : { http: noRequest };
}

/** What was not found in the request is empty; what may be in it unread is absent. */
function valueOfHttp(http: HttpMeaning): WhenValue {
  const { method, path, route, query, fields, contentType, body, graphql, grpc, upgrade } = http;
  const hides = hidesContent(http);
  const operations = [
    ...(graphql === undefined || graphql === 'unread' ? [] : graphql),
    ...((body.kind === 'json' ? body.graphql : null) ?? []),
  ];
  return new whenClasses.Http({
    method,
    path,
    route: route ?? '',
    contentType: contentType ?? '',
    body: body.kind,
    grpc: grpc ?? '',
    upgrade: upgrade ?? '',
    ...bounded({
      query: pairs(query),
      headers: pairs(fields),
      ...(hides ? {} : { form: pairs(body.kind === 'form' ? body.fields : []) }),
      ...(hides ? {} : { rpc: (body.kind === 'json' ? body.rpc : null) ?? [] }),
      ...(hides || graphql === 'unread' ? {} : { graphql: operations.map(valueOfOperation) }),
    }),
  });
}

function valueOfOperation({ operation, name, fields }: GraphqlOperation): WhenValue {
  return new whenClasses.GraphqlOperation({ operation, name: name ?? '', ...bounded({ fields }) });
}

function pairs(list: readonly (readonly [string, string])[]): WhenValue[] {
  return list.map(([name, value]) => new whenClasses.Pair({ name, value }));
}

const noRequest = valueOfHttp({
  method: '',
  path: '',
  route: null,
  query: [],
  fields: [],
  contentType: null,
  upgrade: null,
  body: { kind: 'none' },
  grpc: null,
});

/** The same of a request to an API server. */
function kubernetesRequestOf({ kind, meaning }: Facts['command']): { readonly kubernetes?: WhenValue } {
  const kubernetes = kubernetesOf(meaning);
  if (kubernetes !== null) return { kubernetes: valueOfKubernetes(kubernetes) };
  return kind === 'kubernetes' ? {} : { kubernetes: noKubernetes };
}

function valueOfKubernetes(kubernetes: KubernetesMeaning): WhenValue {
  const { verb, resource, apiGroup, subresource, namespace, name, method, path, dryRun, exec } = kubernetes;
  return new whenClasses.Kubernetes({
    ...{ verb, resource, group: apiGroup, subresource, namespace, name, method, path },
    ...(dryRun === null ? {} : { dryRun }),
    ...bounded({ argv: exec?.command ?? [] }),
  });
}

const noKubernetes = new whenClasses.Kubernetes({
  ...{
    verb: '',
    resource: '',
    group: '',
    subresource: '',
    namespace: '',
    name: '',
    method: '',
    path: '',
    dryRun: false,
  },
  argv: [],
});

const structures = new WeakMap<Analysis, Structure>();

function structureOf(sql: Analysis): Structure {
  let structure = structures.get(sql);
  if (structure === undefined) {
    structure = bounded({
      effects: sql.effects,
      statements: [...new Set(sql.statements.map(({ kind }) => kind))],
      relations: unique(sql.statements.flatMap(relationsOf)),
      functions: unique(sql.statements.flatMap(functionsOf)),
      conditions: unique(
        sql.statements.flatMap(({ conditions }) =>
          conditions.map(({ relation, action, where }) => new whenClasses.Condition({ relation, action, where })),
        ),
      ),
    });
    structures.set(sql, structure);
  }
  return structure;
}

/** What stays of the structure when only what is certain counts; null where all of it is. */
function certainOf(sql: Analysis): Structure | null {
  const hidden = sql.statements.map(hiddenIn);
  const isOpaque = !sql.understood || hidden.some(({ opaque }) => opaque);
  const effects = isOpaque || hidden.some((one) => one.effects);
  const relations = isOpaque || hidden.some((one) => one.relations);
  const functions = isOpaque || hidden.some((one) => one.functions);
  if (!effects && !relations && !functions) return null;
  const structure = { ...structureOf(sql) };
  if (isOpaque) delete structure.statements;
  if (effects) {
    delete structure.effects;
    delete structure.conditions;
  }
  if (relations) delete structure.relations;
  if (functions) delete structure.functions;
  return structure;
}

function relationsOf({ relations }: StatementAnalysis): WhenValue[] {
  return relations.flatMap(({ schema, name, access, columns, candidates }) => {
    const meant = candidates.length > 0 ? candidates : [{ schema: schema ?? '', name }];
    return meant.map(
      (one) =>
        new whenClasses.Relation({
          schema: one.schema,
          name: one.name,
          access,
          ...(columns === null ? {} : { columns }),
        }),
    );
  });
}

function functionsOf({ functions }: StatementAnalysis): WhenValue[] {
  return functions.map(
    ({ schema, name, builtIn, volatility }) =>
      new whenClasses.Function({
        schema: schema ?? (builtIn === 'yes' ? 'pg_catalog' : ''),
        name,
        ...(volatility === null ? {} : { volatility }),
      }),
  );
}

function unique(values: readonly WhenValue[]): WhenValue[] {
  if (values.length < 2) return [...values];
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** Leaves out lists that are too long to walk. */
function bounded<Lists extends Readonly<Record<string, readonly unknown[]>>>(lists: Lists): Partial<Lists> {
  const kept = Object.entries(lists).filter(([, list]) => list.length <= limits.whenListEntriesMax);
  return Object.fromEntries(kept) as Partial<Lists>;
}

const principals = new WeakMap<Principal, WhenValue>();

/** Remembered while there is no risk, which changes by itself. */
function principalOf(principal: Principal, risk: number): WhenValue {
  let value = risk === 0 ? principals.get(principal) : undefined;
  if (value === undefined) {
    const { name, kind, groups, roles } = principal;
    const lists = bounded({ groups, roles, agents: agentsOf(principal) });
    value = new whenClasses.Principal({ name, kind, ...lists, risk: BigInt(risk) });
    if (risk === 0) principals.set(principal, value);
  }
  return value;
}

const resources = new WeakMap<Resource, WhenValue>();

function resourceOf(resource: Resource): WhenValue {
  let value = resources.get(resource);
  if (value === undefined) {
    const { name, labels, protocol } = resource;
    value = new whenClasses.Resource({ name, labels: new Map(Object.entries(labels)), protocol });
    resources.set(resource, value);
  }
  return value;
}

function sessionOf({ request }: Facts): WhenValue {
  const { source, client, commands, startedAtMs, access } = request.session;
  return new whenClasses.Session({
    source,
    client: new Map(Object.entries(client)),
    commands: BigInt(commands),
    ageSeconds: BigInt(Math.max(0, Math.floor((request.nowMs - startedAtMs) / 1000))),
    access,
    risk: BigInt(request.risk?.session ?? 0),
  });
}

/** Universal time: a rule must not change its meaning with the gateway's place or with summer. */
function nowOf(nowMs: number): WhenValue {
  const now = new Date(nowMs);
  return new whenClasses.Now({
    hour: BigInt(now.getUTCHours()),
    minute: BigInt(now.getUTCMinutes()),
    // 1 is Monday, 7 is Sunday (ISO 8601).
    weekday: BigInt(now.getUTCDay() === 0 ? 7 : now.getUTCDay()),
    iso: now.toISOString(),
  });
}
