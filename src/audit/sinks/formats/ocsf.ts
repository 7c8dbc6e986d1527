/**
 * Open Cybersecurity Schema Framework 1.5: each event as the class that fits it (`event-table.ts` says which), with what no class
 * has a field for in `unmapped`.
 *
 * Invariants: what its class requires is there; no field stands outside `unmapped` that the class does not have. Tests hold every
 * type of event against the published classes.
 */
import type { Activity } from '../../../core/activity.ts';
import type { Severity } from '../../../core/alert.ts';
import { type CommandPart, documentOf, type EventDocument } from './document.ts';
import { eventTable, type OcsfPlace } from './event-table.ts';
import { messageOf } from './message.ts';
import { type OcsfClass, type OcsfClassName, ocsfClasses, ocsfVersion, otherActivity } from './ocsf-classes.ts';
import { requestOf } from './request.ts';
import { splitSource } from './source.ts';

/** A class, the caption of its activity, and what stands in it beside what every class has. */
interface Placed {
  readonly class: OcsfClassName;
  /** One of the class's; any other word is said by activity 99. */
  readonly activity: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const ocsfSeverities: Readonly<Record<Severity, readonly [id: number, caption: string]>> = {
  informational: [1, 'Informational'],
  low: [2, 'Low'],
  medium: [3, 'Medium'],
  high: [4, 'High'],
  critical: [5, 'Critical'],
};

const statuses = { success: [1, 'Success'], failure: [2, 'Failure'], unknown: [0, 'Unknown'] } as const;

export function ocsfOf(activity: Activity, parts: { readonly gateway: string; readonly version: string }): object {
  const document = documentOf(activity, parts.gateway);
  const placed = placeOf(document);
  const { uid, caption, category, activities }: OcsfClass = ocsfClasses[placed.class];
  const activityId = activities[placed.activity] ?? otherActivity;
  const [severityId, severity] = ocsfSeverities[document.severity];
  const { details } = document;
  const code = details['code'] ?? details['error'];
  const detail = details['reason'] ?? document.command?.verdict?.reason;
  return {
    activity_id: activityId,
    activity_name: placed.activity,
    category_uid: category[0],
    category_name: category[1],
    class_uid: uid,
    class_name: caption,
    type_uid: uid * 100 + activityId,
    type_name: `${caption}: ${placed.activity}`,
    time: Date.parse(document.time),
    severity_id: severityId,
    severity,
    message: messageOf(document),
    ...statusOf(document, placed.class),
    ...(typeof code === 'string' ? { status_code: code } : {}),
    ...(typeof detail === 'string' ? { status_detail: detail } : {}),
    ...(typeof details['durationMs'] === 'number' ? { duration: Math.round(details['durationMs']) } : {}),
    metadata: {
      version: ocsfVersion,
      product: { name: 'Sallyport', vendor_name: 'Sallyport', version: parts.version },
      uid: document.id,
      sequence: document.sequence,
      event_code: document.type,
      log_name: 'sallyport.events',
      log_provider: document.gateway,
      original_time: document.time,
      ...(document.session === null ? {} : { correlation_uid: document.session.id }),
    },
    ...placed.fields,
    unmapped: unmappedOf(document),
  };
}

function statusOf({ outcome, type, details }: EventDocument, name: OcsfClassName): object {
  if (name === 'detection_finding') {
    const [id, caption] =
      type === 'alert.raised'
        ? findingStatuses['raise']!
        : (findingStatuses[`${details['action']}`] ?? [2, 'In Progress']);
    return { status_id: id, status: caption };
  }
  const [id, caption] = statuses[outcome];
  return { status_id: id, status: caption };
}

/** What an alert is after somebody did this with it. */
const findingStatuses: Readonly<Record<string, readonly [id: number, caption: string]>> = {
  raise: [1, 'New'],
  reopen: [1, 'New'],
  resolve: [4, 'Resolved'],
  'false-positive': [4, 'Resolved'],
};

function unmappedOf({ schema, connection, principal, resource, session, command, details }: EventDocument): object {
  return {
    schema,
    connection,
    agents: principal?.agents ?? [],
    labels: resource?.labels ?? {},
    session,
    command,
    details,
  };
}

function placeOf(document: EventDocument): Placed {
  const place: OcsfPlace = eventTable[document.type].ocsf;
  switch (place[0]) {
    case 'application_lifecycle':
      return {
        class: 'application_lifecycle',
        activity: place[1] === 'Other' ? document.type : place[1],
        fields: { app: { name: 'Sallyport', vendor_name: 'Sallyport', uid: document.gateway } },
      };
    case 'authentication':
      return authentication(document);
    case 'session':
      return ofSession(document, place[1]);
    case 'command':
      return ofCommand(document);
    case 'detection_finding':
      return finding(document, place[1]);
    case 'entity_management':
      return entity(document, place[1], place[2]);
    case 'user_access':
      return grant(document);
    case 'account_change':
      return factor(document);
  }
}

function authentication(document: EventDocument): Placed {
  const { details, principal } = document;
  const login = details['login'];
  const user =
    principal === null ? { name: typeof login === 'string' && login !== '' ? login : 'unknown' } : userOf(principal);
  const factors = Array.isArray(details['factors']) ? (details['factors'] as unknown[]) : [];
  return {
    class: 'authentication',
    activity: 'Logon',
    fields: {
      user,
      service: { name: 'Sallyport', uid: document.gateway },
      is_remote: true,
      ...(factors.length === 0 ? {} : { is_mfa: factors.includes('mfa') || factors.length > 1 }),
      ...sourceEndpoint(document),
    },
  };
}

/** Sessions are connections to a datastore, to an SSH server, or over the network, by what they speak. */
function ofSession(document: EventDocument, activity: string): Placed {
  const protocol = document.resource?.protocol ?? '';
  const other = activity === 'Other' ? document.type : activity;
  if (protocol === 'postgres' || protocol === 'mysql') {
    return datastore(document, activity === 'Open' ? 'Connect' : document.type);
  }
  const fields = {
    ...endpoints(document),
    ...trafficOf(document),
    ...(protocol === '' ? {} : { app_name: protocol }),
  };
  return { class: protocol === 'ssh' ? 'ssh_activity' : 'network_activity', activity: other, fields };
}

function trafficOf({ details: { bytesIn, bytesOut } }: EventDocument): object {
  if (typeof bytesIn !== 'number' || typeof bytesOut !== 'number') return {};
  return { traffic: { bytes_in: bytesIn, bytes_out: bytesOut, bytes: bytesIn + bytesOut } };
}

function ofCommand(document: EventDocument): Placed {
  const { command } = document;
  switch (command?.kind) {
    case 'sql':
      return datastore(document, ofSql(command));
    case 'shell':
      return {
        class: 'process_activity',
        activity: document.type === 'command.ended' ? 'Terminate' : 'Launch',
        fields: {
          actor: actorOf(document),
          device: device(document),
          process: { uid: commandId(document), cmd_line: command.text, name: programOf(command) },
        },
      };
    case 'http':
      return http(document, command);
    case 'transfer':
      return file(document, command);
    case 'kubernetes':
    case 'tool':
      return api(document, command);
    default:
      return { class: 'network_activity', activity: 'Open', fields: endpoints(document) };
  }
}

/** The strongest effect names the activity. */
function ofSql({ effect, effects, verb }: CommandPart): string {
  if (effect === 'read') return 'Query';
  const has = (...words: readonly string[]): boolean => words.some((word) => effects.includes(word));
  if (has('delete', 'delete-all', 'truncate', 'drop')) return 'Delete';
  if (has('update', 'update-all', 'merge')) return 'Update';
  if (has('create')) return 'Create';
  if (has('insert')) return 'Write';
  return effects.length === 0 ? verb : 'Update';
}

function datastore(document: EventDocument, activity: string): Placed {
  const { command, resource, details } = document;
  const name = resource?.name ?? 'unknown';
  const { bytes } = details;
  const query =
    command === null || command.text === ''
      ? {}
      : {
          query_info: {
            uid: commandId(document),
            query_string: command.text,
            ...(typeof bytes === 'number' ? { bytes } : {}),
          },
        };
  const table = command?.touches.find(({ kind }) => kind === 'table');
  return {
    class: 'datastore_activity',
    activity,
    fields: {
      actor: actorOf(document),
      database: { name, type_id: 1, type: 'Relational' },
      type_id: 1,
      type: 'Database',
      ...(table === undefined ? {} : { table: { name: table.name } }),
      ...query,
      ...endpoints(document),
    },
  };
}

function http(document: EventDocument, command: CommandPart): Placed {
  const { method, path } = requestOf(command.text);
  const word = method === null ? document.type : method.slice(0, 1) + method.slice(1).toLowerCase();
  return {
    class: 'http_activity',
    activity: word,
    fields: {
      http_request: { http_method: method ?? command.verb, url: { path: path ?? '/' } },
      ...endpoints(document),
    },
  };
}

const verbActivities: Readonly<Record<string, string>> = {
  get: 'Read',
  list: 'Read',
  watch: 'Read',
  create: 'Create',
  update: 'Update',
  patch: 'Update',
  delete: 'Delete',
  deletecollection: 'Delete',
};

function api(document: EventDocument, command: CommandPart): Placed {
  const [effect = ''] = command.effects;
  const operation = command.kind === 'kubernetes' ? effect || command.verb : command.verb;
  const touched = command.touches.map(({ name, kind }) => ({ name, type: kind }));
  return {
    class: 'api_activity',
    activity: verbActivities[effect] ?? (command.effect === 'read' ? 'Read' : operation || document.type),
    fields: {
      actor: actorOf(document),
      api: {
        operation: operation === '' ? 'unknown' : operation,
        service: { name: document.resource?.name ?? 'unknown' },
      },
      ...(touched.length === 0 ? {} : { resources: touched }),
      ...endpoints(document),
    },
  };
}

const accessActivities: Readonly<Record<string, string>> = { read: 'Read', write: 'Update', delete: 'Delete' };

function file(document: EventDocument, command: CommandPart): Placed {
  const touched = command.touches.find(({ kind }) => kind === 'path');
  const path = touched?.name ?? '';
  const name = path.split('/').at(-1) ?? '';
  return {
    class: 'file_activity',
    activity: accessActivities[touched?.access ?? ''] ?? command.verb,
    fields: {
      actor: actorOf(document),
      device: device(document),
      file: {
        name: name === '' ? path || 'unknown' : name,
        type_id: 0,
        type: 'Unknown',
        ...(path === '' ? {} : { path }),
      },
    },
  };
}

function finding(document: EventDocument, which: 'Create' | 'Update' | 'by action'): Placed {
  const { details, resource, type } = document;
  const given = details['alert'];
  const alert = typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : null;
  const uid = alert === null ? (typeof given === 'string' ? given : document.id) : String(alert['id']);
  const analytic = alert?.['detection'] ?? details['rule'];
  const isOver = details['action'] === 'resolve' || details['action'] === 'false-positive';
  const at = Date.parse(document.time);
  return {
    class: 'detection_finding',
    activity: which === 'by action' ? (isOver ? 'Close' : 'Update') : which,
    fields: {
      finding_info: {
        uid,
        title: messageOf(document),
        ...(type === 'alert.raised' ? { created_time: at } : { modified_time: at }),
        ...(typeof analytic === 'string' ? { analytic: { name: analytic, type_id: 1, type: 'Rule' } } : {}),
        ...evidenceOf(document.gateway, alert),
      },
      is_alert: type === 'alert.raised',
      ...(type === 'alert.changed' && details['text'] !== '' ? { comment: String(details['text']) } : {}),
      evidences: [{ actor: actorOf(document), data: details }],
      ...(resource === null ? {} : { resources: [{ name: resource.name, type: resource.protocol ?? 'resource' }] }),
    },
  };
}

function evidenceOf(gateway: string, alert: Readonly<Record<string, unknown>> | null): object {
  const sequences = alert?.['evidence'];
  if (!Array.isArray(sequences) || sequences.length === 0) return {};
  return {
    related_events: sequences.map((sequence) => ({ uid: `${gateway}:${String(sequence)}` })),
    related_events_count: sequences.length,
  };
}

const actionActivities: Readonly<Record<string, string>> = { created: 'Create', updated: 'Update', deleted: 'Delete' };

/** The details that name what was managed, the first that there is. */
const entityNames = ['review', 'token', 'sink', 'report', 'key', 'name'] as const;

function entity(document: EventDocument, which: string, type: string): Placed {
  const { details, session, gateway } = document;
  const named =
    type === 'Object'
      ? `${details['kind']}/${details['name']}`
      : entityNames.map((name) => details[name]).find((name) => typeof name === 'string');
  const uid = typeof named === 'string' ? named : (session?.id ?? gateway);
  return {
    class: 'entity_management',
    activity: which === 'by action' ? (actionActivities[`${details['action']}`] ?? document.type) : which,
    fields: {
      actor: actorOf(document),
      entity: { uid, name: uid, type, type_id: 99 },
      ...sourceEndpoint(document),
    },
  };
}

function grant(document: EventDocument): Placed {
  const { details, resource } = document;
  const isGiven = details['action'] === 'granted' || details['action'] === 'extended';
  return {
    class: 'user_access',
    activity: isGiven ? 'Assign Privileges' : 'Revoke Privileges',
    fields: {
      actor: actorOf(document),
      user: { uid: String(details['owner']), name: String(details['owner']) },
      privileges: [String(details['access'])],
      ...(resource === null ? {} : { resources: [{ name: resource.name, type: 'resource' }] }),
    },
  };
}

function factor(document: EventDocument): Placed {
  const { details } = document;
  const { action } = details;
  const activity =
    action === 'enrolled' ? 'MFA Factor Enable' : action === 'recovery-codes' ? document.type : 'MFA Factor Disable';
  const owner = String(details['owner']);
  return { class: 'account_change', activity, fields: { actor: actorOf(document), user: { uid: owner, name: owner } } };
}

/** Who did it; the gateway itself where nobody did. */
function actorOf({ principal, session, gateway }: EventDocument): object {
  const on = session === null ? {} : { session: { uid: session.id } };
  return principal === null ? { app_name: 'Sallyport', app_uid: gateway, ...on } : { user: userOf(principal), ...on };
}

function userOf({ id, name, issuer, groups }: NonNullable<EventDocument['principal']>): object {
  return {
    uid: id,
    name,
    domain: issuer,
    ...(groups.length === 0 ? {} : { groups: groups.map((group) => ({ name: group })) }),
  };
}

function endpoints(document: EventDocument): Readonly<Record<string, unknown>> {
  const { resource, gateway } = document;
  return {
    ...sourceEndpoint(document),
    ...(document.source === null ? { src_endpoint: { name: gateway } } : {}),
    dst_endpoint: { name: resource?.name ?? gateway },
  };
}

function sourceEndpoint({ source }: EventDocument): object {
  if (source === null) return {};
  const { ip, host, port } = splitSource(source);
  return { src_endpoint: { ...(ip === null ? { name: host ?? source } : { ip }), ...(port === null ? {} : { port }) } };
}

/** Where it happened: a server, by the resource's name. */
function device({ resource, gateway }: EventDocument): object {
  return { name: resource?.name ?? gateway, type_id: 1, type: 'Server' };
}

/** Names one command of one session. */
function commandId({ session, command }: EventDocument): string {
  return `${session?.id ?? ''}:${command?.number ?? 0}`;
}

function programOf({ touches, text }: CommandPart): string {
  return touches.find(({ kind }) => kind === 'program')?.name ?? (text.trim().split(/\s/)[0] || 'unknown');
}
