/**
 * What a command means, as `sallyport explain` tells it: the analysis of its language in the API's words, shortened to what
 * a person checks a rule by.
 *
 * Invariant: of a request only the names of its query are told, and nothing of its body but what kind it is of.
 *
 * Deliberately absent: file transfers and forwarded connections, which nobody can write down as a command to explain.
 */
import type { CommandExplanation } from '../api/contract/index.ts';
import type { Meaning } from '../core/command.ts';
import type { GraphqlOperation, HttpMeaning } from '../core/http.ts';
import { type KubernetesMeaning, showKubernetesResource } from '../core/kubernetes.ts';
import type { ShellAnalysis } from '../core/shell.ts';
import type { Analysis } from '../core/sql.ts';

type Explained = NonNullable<CommandExplanation['meaning']>;
type ExplainedOf<Language extends Explained['language']> = Extract<Explained, { language: Language }>;

/** Null for what cannot be told. */
export function explainedMeaning(meaning: Meaning | null): Explained | null {
  switch (meaning?.language) {
    case 'sql':
      return sqlMeaning(meaning.sql);
    case 'shell':
      return shellMeaning(meaning.shell);
    case 'http':
      return httpMeaning(meaning.http);
    case 'kubernetes':
      return kubernetesMeaning(meaning.kubernetes, meaning.shell);
    default:
      return null;
  }
}

function sqlMeaning(sql: Analysis): ExplainedOf<'sql'> {
  return {
    language: 'sql',
    statements: sql.statements.map(({ kind, effects, relations, functions }) => ({
      kind,
      effects: [...effects],
      relations: relations.map(({ name, schema, access, candidates }) => ({
        name:
          candidates[0] === undefined
            ? schema === null
              ? name
              : `${schema}.${name}`
            : `${candidates[0].schema}.${candidates[0].name}`,
        access,
      })),
      functions: functions.map(({ name, schema }) => (schema === null ? name : `${schema}.${name}`)),
    })),
    complete: sql.complete,
    unknown: sql.reasons.map(reasonText),
    catalog: !sql.reasons.some(({ code }) => code === 'no-catalog'),
  };
}

function shellMeaning({ commands, reasons, complete }: ShellAnalysis): ExplainedOf<'shell'> {
  return {
    language: 'shell',
    commands: commands.map(({ argv, via, effects, asUser, host }) => ({
      command: argv.map((word) => word ?? '…').join(' '),
      via: [...via],
      effects: [...effects],
      asUser,
      host,
    })),
    complete,
    unknown: reasons.map(reasonText),
  };
}

function httpMeaning(http: HttpMeaning): ExplainedOf<'http'> {
  const { body, graphql = [] } = http;
  const inBody = body.kind === 'json' ? (body.graphql ?? []) : [];
  const unknown = [
    ...(body.kind === 'unread' ? [`the body: ${body.reason}`] : []),
    ...(graphql === 'unread' ? ['its operations of GraphQL'] : []),
  ];
  return {
    language: 'http',
    method: http.method,
    path: http.path,
    route: http.route,
    query: http.query.map(([name]) => name),
    contentType: http.contentType,
    body: body.kind,
    rpc: body.kind === 'json' ? [...(body.rpc ?? [])] : [],
    graphql: [...inBody, ...(graphql === 'unread' ? [] : graphql)].map(operationOf),
    grpc: http.grpc,
    upgrade: http.upgrade,
    complete: unknown.length === 0,
    unknown,
  };
}

function operationOf({ operation, name, fields }: GraphqlOperation): ExplainedOf<'http'>['graphql'][number] {
  return { operation, name, fields: [...fields] };
}

function kubernetesMeaning(request: KubernetesMeaning, shell: ShellAnalysis | null): ExplainedOf<'kubernetes'> {
  const { isResourceRequest, subresource, namespace, name, body, dryRun } = request;
  const unknown = body.kind === 'unread' ? [`the body: ${body.reason}`] : [];
  return {
    language: 'kubernetes',
    verb: request.verb,
    path: request.path,
    resource: isResourceRequest ? showKubernetesResource({ ...request, subresource: '' }) : null,
    subresource: subresource === '' ? null : subresource,
    namespace: namespace === '' ? null : namespace,
    name: name === '' ? null : name,
    dryRun,
    shell: shell === null ? null : shellMeaning(shell),
    complete: unknown.length === 0,
    unknown,
  };
}

function reasonText({ code, about }: { readonly code: string; readonly about: string }): string {
  return about === '' ? code : `${code}: ${about}`;
}
