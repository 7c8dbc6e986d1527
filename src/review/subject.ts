/**
 * Makes reviews: from a held command, and from a request for access. What is put in here is what a reviewer sees.
 *
 * Invariant: the text that is kept is the recorded one, without passwords (A-REC-05); the digest is the caller's, over
 * what will run (A-REV-03).
 */

import { createHash } from 'node:crypto';
import type { Meaning } from '../core/command.ts';
import { type ConnectionMeaning, showConnection } from '../core/connections.ts';
import { actorOf } from '../core/event.ts';
import { type FileMeaning, fileOperations } from '../core/files.ts';
import type { HttpMeaning } from '../core/http.ts';
import type { HoldTerms } from '../core/judgement.ts';
import { type KubernetesMeaning, showKubernetesResource } from '../core/kubernetes.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { ReviewRequest } from '../core/review.ts';
import type { ShellAnalysis, ShellCommand } from '../core/shell.ts';
import type { Analysis, StatementAnalysis } from '../core/sql.ts';
import { reviewErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { CommandSubject, Directory, MeaningView, Requester, ResourceView, Review } from './review.ts';

interface Asked {
  readonly id: string;
  readonly gateway: string;
  readonly nowMs: number;
  readonly directory: Directory;
}

/** The review that a held command asks for. Throws `review.too-large` where nobody could read it whole. */
export function reviewOfCommand(request: ReviewRequest, asked: Asked): Review {
  const { terms, inTransaction } = request;
  if (Buffer.byteLength(request.draft.recordedText) > limits.textBytesMax) {
    throw reviewErrors('review.too-large', { values: { limit: limits.textBytesMax } });
  }
  // While a transaction waits it holds locks, which others wait for.
  const withinMs = inTransaction ? Math.min(terms.inTransactionMs, terms.withinMs) : terms.withinMs;
  return base(asked, request.principal, terms, withinMs, {
    kind: 'command',
    subject: commandSubject(request),
    digest: request.digest,
    reason: '',
  });
}

export interface AccessAsked extends Asked {
  readonly principal: Principal;
  readonly resource: Resource;
  readonly access: string;
  readonly terms: HoldTerms;
  readonly durationMs: number;
  readonly reason: string;
  /** The grant that is to last longer, or null. */
  readonly extends?: string | null;
}

export function reviewOfAccess(asked: AccessAsked): Review {
  const { principal, resource, access, terms, durationMs, reason } = asked;
  const extended = asked.extends ?? null;
  const bound = [
    ...['sallyport-access-1', asked.id, principal.id, resource.id, resource.name, access, durationMs],
    ...(extended === null ? [] : [extended]),
  ];
  return base(asked, principal, terms, terms.withinMs, {
    kind: 'access',
    subject: {
      type: 'access',
      resource: viewOf(resource),
      access,
      durationMs,
      ...(extended === null ? {} : { extends: extended }),
    },
    digest: createHash('sha256').update(JSON.stringify(bound)).digest('hex'),
    reason,
  });
}

function base(
  { id, gateway, nowMs, directory }: Asked,
  principal: Principal,
  terms: HoldTerms,
  withinMs: number,
  rest: Pick<Review, 'kind' | 'subject' | 'digest' | 'reason'>,
): Review {
  const { escalation } = terms;
  return {
    id,
    ...rest,
    state: 'pending',
    gateway,
    requester: requesterOf(principal, directory),
    terms,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + withinMs,
    escalatesAtMs: escalation === null ? null : nowMs + escalation.afterMs,
    escalatedAtMs: null,
    approvedAtMs: null,
    breakGlass: null,
    decisions: [],
    endedAtMs: null,
    ending: null,
    grant: null,
  };
}

function requesterOf(principal: Principal, directory: Directory): Requester {
  return { ...actorOf(principal), belongsTo: directory.find(principal.id)?.belongsTo ?? null };
}

export function viewOf(resource: Resource): ResourceView {
  const { id, name, labels, protocol, host, port, credential } = resource;
  return { id, name, labels, protocol, host, port, username: credential?.username ?? null };
}

function commandSubject({ session, command, inTransaction, resource, draft }: ReviewRequest): CommandSubject {
  return {
    type: 'command',
    session,
    command,
    inTransaction,
    resource: viewOf(resource),
    kind: draft.kind,
    verb: draft.verb,
    text: draft.recordedText,
    redacted: draft.recordedText !== draft.text,
    parameters: draft.parameters,
    effect: draft.effect,
    context: draft.context,
    meaning: draft.meaning === null ? null : meaningView(draft.meaning),
    ...(draft.estimate === undefined ? {} : { estimate: 'asked' as const }),
  };
}

/** What the analysis says, for people: lists without repeats, cut where they pass a dozen pages, with the rest counted. */
export function meaningView(meaning: Meaning): MeaningView {
  if (meaning.language === 'shell') return shellView(meaning.shell);
  if (meaning.language === 'connection') return connectionView(meaning.connection);
  if (meaning.language === 'http') return httpView(meaning.http);
  if (meaning.language === 'kubernetes') return kubernetesView(meaning.kubernetes, meaning.shell);
  return meaning.language === 'file' ? fileView(meaning.file) : sqlView(meaning.sql);
}

/** Where it ends, and which way. */
function connectionView(connection: ConnectionMeaning): MeaningView {
  return {
    language: 'connection',
    effects: [connection.kind, connection.direction],
    complete: true,
    reasons: [],
    statements: [],
    relations: [{ name: showConnection(connection), access: 'write', via: connection.direction }],
    functions: [],
    more: 0,
    rowEstimate: null,
  };
}

/** What is asked for, and what of it nobody knows; the request itself is shown beside, to the letter. */
function httpView({ method, path, route, contentType, body, graphql, grpc, upgrade }: HttpMeaning): MeaningView {
  const reasons = [
    ...(body.kind === 'unread' ? [`the body was not read: ${body.reason}`] : []),
    ...(graphql === 'unread' ? ['the GraphQL in it is not known'] : []),
    ...(upgrade === null ? [] : ['what passes after the upgrade is not known beforehand']),
  ];
  const operations = [
    ...(graphql === undefined || graphql === 'unread' ? [] : graphql),
    ...((body.kind === 'json' ? body.graphql : null) ?? []),
  ];
  const functions = [
    ...(grpc === null ? [] : [`gRPC ${grpc}`]),
    ...((body.kind === 'json' ? body.rpc : null) ?? []).map((name) => `JSON-RPC ${name}`),
    ...operations.flatMap(({ operation, name, fields }) =>
      fields.map((field) => `${operation}${name === null ? '' : ` ${name}`}: ${field}`),
    ),
  ];
  const files = (body.kind === 'form' ? body.files : undefined) ?? [];
  return {
    language: 'http',
    effects: [
      method,
      ...(body.kind === 'none' || contentType === null ? [] : [contentType]),
      ...(upgrade === null ? [] : [upgrade]),
      ...new Set(operations.map(({ operation }) => operation)),
    ],
    complete: reasons.length === 0,
    reasons,
    statements: [],
    relations: [
      { name: path, access: 'write' as const, via: route ?? method },
      ...files.map(([name, filename]) => ({ name: filename, access: 'write' as const, via: `file ${name}` })),
    ].slice(0, limits.meaningEntriesMax),
    functions: functions.slice(0, limits.meaningEntriesMax),
    more:
      Math.max(0, functions.length - limits.meaningEntriesMax) +
      Math.max(0, files.length + 1 - limits.meaningEntriesMax),
    rowEstimate: null,
  };
}

/** What is asked of which object; what an exec runs is shown as of a shell. */
function kubernetesView(kubernetes: KubernetesMeaning, shell: ShellAnalysis | null): MeaningView {
  const { verb, namespace, name, body, dryRun, patch, serverVerb } = kubernetes;
  const runs = shell === null ? null : shellView(shell);
  const isUnread = body.kind === 'unread';
  const isPart = body.kind === 'read' && body.parts.some(({ known }) => known !== undefined);
  const reasons = [
    ...(isUnread ? [`the body was not read: ${body.reason}`] : []),
    ...(isPart ? ['only a part of the body could be read'] : []),
    ...(dryRun === null ? ['a dry run is asked for, and may not be heeded'] : []),
    ...(verb === 'connect' && shell === null ? ['what passes on the stream is not known beforehand'] : []),
  ];
  const access = ['get', 'list', 'watch'].includes(serverVerb) && verb === serverVerb ? 'read' : 'write';
  const object = [showKubernetesResource(kubernetes), name].filter((part) => part !== '').join(' ');
  return {
    language: 'kubernetes',
    effects: [
      verb,
      ...(patch === null ? [] : [patch]),
      ...(dryRun === true ? ['dry-run'] : []),
      ...(runs?.effects ?? []),
    ],
    complete: reasons.length === 0 && runs?.complete !== false,
    reasons: [...reasons, ...(runs?.reasons ?? [])],
    statements: runs?.statements ?? [],
    relations: [
      { name: object, access, via: namespace === '' ? verb : `namespace ${namespace}` },
      ...(runs?.relations ?? []),
    ],
    functions: runs?.functions ?? [],
    more: runs?.more ?? 0,
    rowEstimate: null,
  };
}

/** Each operation with its path; both paths where there are two. */
function fileView({ operations, complete }: FileMeaning): MeaningView {
  const cut = <T>(list: readonly T[]): readonly T[] => list.slice(0, limits.meaningEntriesMax);
  const uncertain = 'the path may lead somewhere else';
  return {
    language: 'file',
    effects: [...new Set(operations.map(({ operation }) => operation))],
    complete: complete && operations.every(({ canonical }) => canonical),
    reasons: operations.some(({ canonical }) => !canonical) ? [uncertain] : [],
    statements: cut(operations).map(({ operation, canonical }) => ({
      kind: operation,
      effects: [fileOperations[operation].effect],
      complete: canonical,
      reasons: canonical ? [] : [uncertain],
      conditions: [],
    })),
    relations: cut(
      operations.flatMap(({ operation, path, target }) =>
        (target === null ? [path] : [path, target]).map(({ shown }) => ({
          name: shown,
          access: fileOperations[operation].effect,
          via: operation,
        })),
      ),
    ),
    functions: [],
    more: Math.max(0, operations.length - limits.meaningEntriesMax),
    rowEstimate: null,
  };
}

/** Programs and paths only: arguments may be passwords, and the text is shown beside without them (A-REC-05). */
function shellView(shell: ShellAnalysis): MeaningView {
  const { commands, redirects } = shell;
  let more = 0;
  const cut = <T>(list: readonly T[]): readonly T[] => {
    more += Math.max(0, list.length - limits.meaningEntriesMax);
    return list.slice(0, limits.meaningEntriesMax);
  };
  const spelled = ({ program, via, asUser, host }: ShellCommand): string => {
    const how = via.length === 0 ? '' : ` through ${via.join(', ')}`;
    return `${program ?? '(not known)'}${how}${asUser === null ? '' : ` as ${asUser}`}${host === null ? '' : ` on ${host}`}`;
  };
  const paths = [
    ...commands.flatMap((one) => one.paths),
    ...redirects.flatMap(({ path }) => (path === null ? [] : [path])),
  ];
  const used = paths.map(({ path, access }) => ({
    name: path,
    access: access === 'read' ? ('read' as const) : ('write' as const),
    via: access,
  }));
  return {
    language: 'shell',
    effects: shell.effects,
    complete: shell.complete,
    reasons: cut(shell.reasons.map(({ code, about }) => (about === '' ? code : `${code}: ${about}`))),
    statements: cut(commands).map((one) => ({
      kind: one.verbs[0] ?? one.program ?? '(not known)',
      effects: one.effects,
      complete: one.confidence === 'exact',
      reasons: one.unknown,
      conditions: [],
    })),
    relations: cut([...new Map(used.map((one) => [JSON.stringify(one), one])).values()]),
    functions: cut([...new Set(commands.map(spelled))]),
    more,
    rowEstimate: null,
  };
}

function sqlView(sql: Analysis): MeaningView {
  let more = 0;
  const cut = <T>(list: readonly T[]): readonly T[] => {
    more += Math.max(0, list.length - limits.meaningEntriesMax);
    return list.slice(0, limits.meaningEntriesMax);
  };
  const distinct = <T>(list: readonly T[], keyOf: (one: T) => string): readonly T[] => [
    ...new Map(list.map((one) => [keyOf(one), one])).values(),
  ];
  const relations = distinct(
    sql.statements.flatMap((statement) =>
      statement.relations.flatMap(({ name, schema, access, via, candidates }) => {
        const first = candidates[0];
        const full = first === undefined ? [schema, name] : [first.schema, first.name];
        return [{ name: full.filter((part) => part !== null).join('.'), access, via }];
      }),
    ),
    ({ name, access, via }) => JSON.stringify([name, access, via]),
  );
  const functions = distinct(
    sql.statements.flatMap((statement) =>
      statement.functions.map(({ schema, name }) => (schema === null ? name : `${schema}.${name}`)),
    ),
    (name) => name,
  );
  return {
    language: 'sql',
    effects: sql.effects,
    complete: sql.complete,
    reasons: cut(sql.reasons.map(({ code, about }) => (about === '' ? code : `${code}: ${about}`))),
    statements: cut(sql.statements).map(statementView),
    relations: cut(relations),
    functions: cut(functions),
    more,
    rowEstimate: sumOf(sql.statements.map(({ rowEstimate }) => rowEstimate)),
  };
}

/** Of what is known; null where nothing is. */
function sumOf(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

function statementView({ kind, effects, complete, reasons, conditions }: StatementAnalysis) {
  return {
    kind,
    effects,
    complete,
    reasons: reasons
      .slice(0, limits.meaningEntriesMax)
      .map(({ code, about }) => (about === '' ? code : `${code}: ${about}`)),
    conditions: conditions
      .slice(0, limits.meaningEntriesMax)
      .map(({ relation, action, where }) => `${action} of ${relation}: condition ${where}`),
  };
}
