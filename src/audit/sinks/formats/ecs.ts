/**
 * Elastic Common Schema, as versions 8 and 9 have it: the fields that every dashboard and rule knows, and all that this project
 * says beside them below `sallyport`, where fields of one type stand under that type's own name, so that no index ever sees one
 * name with two types.
 *
 * ECS 8.17: Base, Event, User, Source, Service, Network, Observer, Rule, Process, HTTP, URL, File, Orchestrator, Error, Related.
 */
import type { Activity } from '../../../core/activity.ts';
import type { Severity } from '../../../core/alert.ts';
import { type CommandPart, documentOf, type EventDocument } from './document.ts';
import { type EcsPlace, eventTable } from './event-table.ts';
import { messageOf } from './message.ts';
import { requestOf } from './request.ts';
import { splitSource } from './source.ts';

export const ecsVersion = '8.17.0';

/** `event.severity` is the source's own scale: the numbers that Elastic's detection rules give to severities. */
const ecsSeverities: Readonly<Record<Severity, number>> = {
  informational: 10,
  low: 21,
  medium: 47,
  high: 73,
  critical: 99,
};

export function ecsOf(activity: Activity, parts: { readonly gateway: string; readonly version: string }): object {
  const document = documentOf(activity, parts.gateway);
  const { details, principal, resource, command } = document;
  const [category, type] = placeOf(document);
  const source = splitSource(document.source);
  const { durationMs } = details;
  return {
    '@timestamp': document.time,
    ecs: { version: ecsVersion },
    message: messageOf(document),
    event: filled({
      kind: document.type === 'alert.raised' ? 'alert' : 'event',
      category,
      type,
      action: document.type,
      outcome: document.outcome,
      id: document.id,
      sequence: document.sequence,
      severity: ecsSeverities[document.severity],
      module: 'sallyport',
      dataset: 'sallyport.events',
      provider: 'sallyport',
      code: textOf(details['code']),
      reason: textOf(details['reason']) ?? command?.verdict?.reason,
      duration: typeof durationMs === 'number' ? Math.round(durationMs * 1_000_000) : undefined,
    }),
    observer: {
      vendor: 'Sallyport',
      product: 'Sallyport',
      type: 'gateway',
      name: document.gateway,
      version: parts.version,
    },
    ...(principal === null
      ? {}
      : {
          user: filled({
            id: principal.id,
            name: principal.name,
            domain: principal.issuer,
            group: principal.groups.length === 0 ? undefined : { name: principal.groups },
          }),
        }),
    ...(document.source === null
      ? {}
      : { source: filled({ address: document.source, ip: source.ip, port: source.port }) }),
    ...(resource === null ? {} : { service: { target: filled({ name: resource.name, type: resource.protocol }) } }),
    ...(resource === null || resource.protocol === null ? {} : { network: { protocol: resource.protocol } }),
    ...(resource === null || Object.keys(resource.labels).length === 0 ? {} : { labels: labelsOf(resource.labels) }),
    ...ruleOf(document),
    ...whatOf(command),
    ...(typeof details['error'] === 'string' ? { error: { code: details['error'] } } : {}),
    related: filled({
      user: principal === null ? undefined : [...new Set([principal.name, principal.id])],
      ip: source.ip === null ? undefined : [source.ip],
      hosts: hostsOf(command),
    }),
    sallyport: ownOf(document),
  };
}

/** Where a command of each kind belongs. */
const kindCategories: Readonly<Record<string, string>> = {
  sql: 'database',
  shell: 'process',
  http: 'web',
  kubernetes: 'api',
  transfer: 'file',
  tool: 'api',
  connection: 'network',
};

function placeOf({ type, command, details }: EventDocument): readonly [readonly string[], readonly string[]] {
  const place: EcsPlace = eventTable[type].ecs;
  if (place !== 'command') return place;
  const category = kindCategories[command?.kind ?? ''] ?? 'api';
  if (type === 'command.verdict' || type === 'output.limited') {
    return [
      [category, 'intrusion_detection'],
      ['info', ...allowedOf(details['verdict'])],
    ];
  }
  if (category === 'process') return [[category], [type === 'command.intent' ? 'start' : 'end']];
  if (category === 'network') return [[category], [type === 'command.intent' ? 'start' : 'end']];
  return [[category], [command?.effect === 'read' || category === 'web' ? 'access' : 'change']];
}

function allowedOf(verdict: unknown): readonly string[] {
  const name = typeof verdict === 'object' && verdict !== null && 'name' in verdict ? verdict.name : verdict;
  if (name === 'allow' || name === 'mask') return ['allowed'];
  return name === 'block' || name === 'terminate' ? ['denied'] : [];
}

function ruleOf({ command, details }: EventDocument): object {
  const name = command?.verdict?.rule ?? textOf(details['rule']);
  return name === undefined ? {} : { rule: { name } };
}

/** What the command was, in the fields that ECS has for its kind. */
function whatOf(command: CommandPart | null): object {
  if (command === null) return {};
  if (command.kind === 'shell') return { process: { command_line: command.text } };
  const touched = (kind: string): string | undefined => command.touches.find((touch) => touch.kind === kind)?.name;
  if (command.kind === 'http') {
    const { method, path } = requestOf(command.text);
    return {
      ...(method === null ? {} : { http: { request: { method } } }),
      ...(path === null ? {} : { url: { path } }),
    };
  }
  if (command.kind === 'transfer') {
    const path = touched('path');
    return path === undefined ? {} : { file: { path } };
  }
  if (command.kind === 'kubernetes') {
    const [namespace, type, name] = (touched('object') ?? '').split('/');
    const given = (part: string | undefined): string | undefined => (part === '-' || part === '' ? undefined : part);
    return {
      orchestrator: filled({
        type: 'kubernetes',
        namespace: given(namespace),
        resource: type === undefined ? undefined : filled({ type: given(type), name: given(name) }),
      }),
    };
  }
  return {};
}

function hostsOf(command: CommandPart | null): readonly string[] | undefined {
  const hosts = (command?.touches ?? []).filter(({ kind }) => kind === 'host').map(({ name }) => name);
  return hosts.length === 0 ? undefined : [...new Set(hosts)];
}

/** All that ECS has no field for. `details` of `command.ended` stand in `sallyport.command.ended`. */
function ownOf({ schema, type, connection, principal, resource, session, command, details }: EventDocument): object {
  const own: Record<string, unknown> = {
    schema,
    connection,
    ...(principal === null
      ? {}
      : { principal: { kind: principal.kind, credential: principal.credential, agents: principal.agents } }),
    ...(resource === null ? {} : { resource: { name: resource.name } }),
  };
  const merge = (name: string, value: object): void => {
    own[name] = { ...(own[name] as object | undefined), ...value };
  };
  if (session !== null) {
    const { client, ...rest } = session;
    // Names of a client's facts are its own choice: entries keep them from becoming fields.
    merge('session', { ...rest, client: Object.entries(client).map(([name, value]) => `${name}=${value}`) });
  }
  if (command !== null) merge('command', { ...command, parameters: parametersOf(command) });
  const [group = type, verb = 'details'] = type.split('.');
  if (Object.keys(details).length > 0) merge(group, { [verb]: plain(details) });
  return own;
}

/** A parameter may be null, and its neighbours differ: one text each. */
function parametersOf({ parameters }: CommandPart): readonly string[] | null {
  return parameters === null ? null : parameters.map((parameter) => JSON.stringify(parameter));
}

/** Maps whose keys events choose become lists of `key=value`. */
function plain(details: Readonly<Record<string, unknown>>): object {
  const { masked, alert, ...rest } = details as { masked?: Record<string, unknown>; alert?: unknown };
  const listed = (map: object): string[] => Object.entries(map).map(([name, value]) => `${name}=${String(value)}`);
  const hasFacts = typeof alert === 'object' && alert !== null && 'facts' in alert;
  return {
    ...rest,
    ...(masked === undefined ? {} : { masked: listed(masked) }),
    ...(hasFacts
      ? { alert: { ...alert, facts: listed(alert.facts as object) } }
      : alert === undefined
        ? {}
        : { alert: { id: alert } }),
  };
}

function labelsOf(labels: Readonly<Record<string, string>>): object {
  // A dot in a key would make a field below another.
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key.replaceAll('.', '_'), value]));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Without what is not known. */
function filled(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
