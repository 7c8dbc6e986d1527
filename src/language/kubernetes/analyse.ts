/**
 * One request to an API server, put together: from what the wire's own parser gave to the meaning that rules judge, the text
 * that reviewers read, and what the command may do.
 *
 * Invariants:
 * - Never throws. What is ambiguous in the head is a fault and never becomes a command (A-K8S-05); what is not understood of
 *   the body is unread (A-K8S-04).
 * - Exec, attach and port-forward are `connect` by their subresource, whatever the method and the transport (A-K8S-06, and the
 *   server's own lapse, kubernetes/kubernetes#78741); a proxy is `proxy` (A-K8S-03).
 *
 * Deliberately absent: credentials and impersonation (A-K8S-01, -07, the protocol's), what passes on streams, verdicts.
 */

import type { Effect, Meaning } from '../../core/command.ts';
import {
  effectOfKubernetes,
  type KubernetesBody,
  type KubernetesExec,
  type KubernetesMeaning,
  type KubernetesRequestInfo,
} from '../../core/kubernetes.ts';
import { kubernetesResourceType } from '../../core/kubernetes-resources.ts';
import { effectOfShell, type ShellAnalysis } from '../../core/shell.ts';
import { mediaTypeOf } from '../http/media-type.ts';
import type { RequestBody } from '../http/request.ts';
import { type CanonicalTarget, canonicalTarget, type HttpFault, isHttpFault } from '../http/target.ts';
import { analyseShell } from '../shell/index.ts';
import { kubernetesBody, noKubernetesBody, patchOf } from './body.ts';
import { infoOf, isSet } from './request-info.ts';
import { bodyText, holdsSecrets, lineOf } from './text.ts';

export interface KubernetesRequest {
  readonly method: string;
  /** As it stood in the request line, or in `:path`. */
  readonly target: string;
  /** As sent; null where there is none. */
  readonly contentType: string | null;
  readonly upgrade?: 'websocket' | 'spdy' | null;
  readonly body: RequestBody;
}

export interface KubernetesReading {
  readonly kubernetes: KubernetesMeaning;
  /** What an exec runs, by its arguments; null where there is none. */
  readonly shell: ShellAnalysis | null;
  /** Both, as a command carries them. */
  readonly meaning: Meaning;
  readonly effect: Effect;
  /** What is sent on in place of the target that came. */
  readonly target: string;
  readonly text: string;
  /** The text without what Secrets hold; the very text where the body holds none. Where it is another, so must be a recorded body. */
  readonly recordedText: string;
}

export function analyseKubernetes(request: KubernetesRequest): KubernetesReading | HttpFault {
  const target = canonicalTarget(request.target);
  if (isHttpFault(target)) return target;
  const info = infoOf(request.method, target);
  if (isHttpFault(info)) return info;
  const kubernetes = meaningOf(request, target, info);
  const shell = shellOfExec(kubernetes.exec);
  const line = lineOf(kubernetes, info.parts.slice(info.subresource === '' ? 2 : 3).join('/'));
  const bytes = request.body.kind === 'whole' ? request.body.bytes : null;
  const textOf = (isRecorded: boolean): string => {
    const body = request.body.kind === 'none' ? null : bodyText(kubernetes, bytes, isRecorded);
    return body === null ? line : `${line}\n\n${body}`;
  };
  const text = textOf(false);
  return {
    kubernetes,
    shell,
    meaning: { language: 'kubernetes', kubernetes, shell },
    effect: shell === null ? effectOfKubernetes(kubernetes) : effectOfShell(shell),
    target: target.target,
    text,
    recordedText: holdsSecrets(kubernetes) ? textOf(true) : text,
  };
}

function meaningOf(
  request: KubernetesRequest,
  target: CanonicalTarget,
  info: KubernetesRequestInfo,
): KubernetesMeaning {
  const { method, upgrade = null } = request;
  const { parts: _, verb: serverVerb, ...rest } = info;
  const verb = verbOf(info, upgrade !== null);
  const type = request.contentType === null ? null : (mediaTypeOf(request.contentType)?.type ?? null);
  const sent = bodyOf(request, verb);
  return {
    ...rest,
    verb,
    serverVerb,
    method,
    query: target.fields,
    contentType: type,
    upgrade,
    dryRun: dryRunOf(info, target.fields, sent),
    exec: execOf(info, target.fields),
    patch: verb === 'patch' ? patchOf(type) : null,
    body: withOptions(sent, info, target.fields),
  };
}

/** Subresources that open a stream to a process or a port. */
const streams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'console', 'vnc']);

function verbOf({ isResourceRequest, verb, subresource }: KubernetesRequestInfo, isUpgrade: boolean): string {
  if (!isResourceRequest) return verb;
  if (verb === 'proxy' || subresource === 'proxy') return 'proxy';
  if (streams.has(subresource)) return 'connect';
  // Lists are watched, and logs followed, by WebSocket too.
  const isStreamed = verb === 'watch' || (verb === 'get' && subresource === 'log');
  return isUpgrade && !isStreamed ? 'connect' : verb;
}

type Query = CanonicalTarget['fields'];

const first = (query: Query, name: string): string | null => query.find(([one]) => one === name)?.[1] ?? null;

function bodyOf({ body, contentType }: KubernetesRequest, verb: string): KubernetesBody {
  if (body.kind === 'none') return noKubernetesBody;
  if (verb === 'proxy') return { kind: 'unread', reason: 'it is for what is behind the proxy' };
  if (body.kind === 'unread') return { kind: 'unread', reason: body.reason };
  return kubernetesBody(contentType, body.bytes, verb === 'patch');
}

const deleteOptions: ReadonlySet<string> = new Set(['propagationPolicy', 'gracePeriodSeconds', 'orphanDependents']);

const isDeletion = ({ verb }: KubernetesRequestInfo): boolean => verb === 'delete' || verb === 'deletecollection';

/** Without a body, options of a deletion come in the query. */
function withOptions(sent: KubernetesBody, info: KubernetesRequestInfo, query: Query): KubernetesBody {
  if (sent.kind !== 'none' || !isDeletion(info)) return sent;
  const options = query.filter(([name]) => deleteOptions.has(name));
  if (options.length === 0) return sent;
  return { kind: 'read', parts: [{ at: [], value: Object.fromEntries(options) }], patch: null };
}

/** Where nothing but the object itself, its status or its scale is stored, the server's own storage heeds it. */
const storing: ReadonlySet<string> = new Set(['', 'status', 'scale', 'ephemeralcontainers', 'resize']);
const changing: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Whether nothing is stored; null where that is asked for and not certain. */
function dryRunOf(info: KubernetesRequestInfo, query: Query, sent: KubernetesBody): boolean | null {
  if (!info.isResourceRequest || !changing.has(info.verb)) return false;
  const inBody = isDeletion(info) && sent.kind !== 'none';
  if (inBody && sent.kind === 'unread') return null;
  const asked = inBody ? optionsIn(sent) : query.filter(([name]) => name === 'dryRun').map(([, value]) => value);
  if (asked.length === 0) return false;
  if (!asked.every((value) => value === 'All')) return null;
  // Aggregated servers do as they like.
  return storing.has(info.subresource) && kubernetesResourceType(info.resource, info.apiGroup) !== null ? true : null;
}

/** Where options of a deletion come in a body, only that counts. */
function optionsIn(sent: KubernetesBody): readonly unknown[] {
  const value = sent.kind === 'read' ? sent.parts[0]?.value : null;
  const { dryRun = [] } = (value ?? {}) as { readonly dryRun?: unknown };
  return Array.isArray(dryRun) ? (dryRun as unknown[]) : [null];
}

function execOf({ subresource }: KubernetesRequestInfo, query: Query): KubernetesExec | null {
  if (subresource !== 'exec' && subresource !== 'attach') return null;
  const has = (name: string): boolean => isSet(first(query, name));
  const container = first(query, 'container');
  return {
    kind: subresource,
    command: subresource === 'exec' ? query.filter(([name]) => name === 'command').map(([, value]) => value) : [],
    container: container === null || container === '' ? null : container,
    stdin: has('stdin'),
    stdout: has('stdout'),
    stderr: has('stderr'),
    tty: has('tty'),
  };
}

/** No shell stands between: each word is quoted, so that it is the very one that runs. */
function shellOfExec(exec: KubernetesExec | null): ShellAnalysis | null {
  if (exec === null || exec.command.length === 0) return null;
  const stdin = exec.tty && exec.stdin ? 'terminal' : exec.stdin ? 'unknown' : { text: '' };
  return analyseShell(exec.command.map(quoted).join(' '), { dialect: 'sh', stdin });
}

function quoted(text: string): string {
  // A name in quotes is no keyword, alias or assignment.
  return `'${text.replaceAll("'", "'\\''")}'`;
}
