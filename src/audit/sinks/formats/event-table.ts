/**
 * Every type of event: what it tells, what its details mean, and where other formats put it. The one table from which selection,
 * ECS, OCSF, CEF and docs/reference/events.md are made.
 *
 * Invariant: complete by type: an event type or a field of one that is not here does not compile.
 */
import type { Event, EventType } from '../../../core/event.ts';

type Common = 'type' | 'seq' | 'at' | 'session' | 'command' | 'principal' | 'resource' | 'source' | 'connection';
type OfOpening = Common | 'labels' | 'protocol' | 'recording' | 'access' | 'client';

/** The fields that stand in a document's `details`. */
export type DetailsOf<Type extends EventType> = Type extends 'command.intent'
  ? never
  : Exclude<keyof Extract<Event, { readonly type: Type }>, Type extends 'session.opened' ? OfOpening : Common>;

/** ECS `event.category` and `event.type`; `command`: by the kind of the command, and what it does. */
export type EcsPlace = readonly [categories: readonly string[], types: readonly string[]] | 'command';

/**
 * OCSF class and activity. `session`: of the session's protocol (Datastore, SSH or Network Activity); `command`: of the command's
 * kind (Datastore, Process, HTTP, API, File System or Network Activity).
 */
export type OcsfPlace =
  | readonly ['application_lifecycle', 'Start' | 'Stop' | 'Other']
  | readonly ['authentication', 'Logon']
  | readonly ['session', 'Open' | 'Close' | 'Refuse' | 'Fail' | 'Other']
  | readonly ['command']
  | readonly ['detection_finding', 'Create' | 'Update' | 'by action']
  | readonly ['entity_management', 'Create' | 'Read' | 'Update' | 'Delete' | 'Move' | 'by action', string]
  | readonly ['user_access', 'by action']
  | readonly ['account_change', 'by action'];

export interface EventDescription<Type extends EventType> {
  /** One sentence; also the name in CEF's header, without its full stop. */
  readonly says: string;
  readonly details: Readonly<Record<DetailsOf<Type>, string>>;
  readonly ecs: EcsPlace;
  readonly ocsf: OcsfPlace;
}

export type EventTable = { readonly [Type in EventType]: EventDescription<Type> };

const ms = 'Wall clock, milliseconds since 1970.';
const digest = 'SHA-256, hexadecimal.';

export const eventTable: EventTable = {
  'gateway.started': {
    says: 'The gateway started.',
    details: { version: 'Of the gateway.' },
    ecs: [['process'], ['start']],
    ocsf: ['application_lifecycle', 'Start'],
  },
  'gateway.stopped': {
    says: 'The gateway stopped.',
    details: { reason: 'Why.' },
    ecs: [['process'], ['end']],
    ocsf: ['application_lifecycle', 'Stop'],
  },
  'journal.recovered': {
    says: 'The journal was opened after it had not been closed in order.',
    details: {
      cutBytes: 'Bytes cut from the torn end: never acknowledged to anybody.',
      interrupted: 'Sessions that were open when the gateway stopped.',
    },
    ecs: [['process'], ['change']],
    ocsf: ['application_lifecycle', 'Other'],
  },
  'space.changed': {
    says: 'The room left for the journal reached another level.',
    details: {
      level: '`ample`, `warn`, `refuse` (new sessions) or `end` (live ones).',
      freeBytes: 'Bytes free.',
      totalBytes: 'Bytes of the file system.',
    },
    ecs: [['host'], ['change']],
    ocsf: ['application_lifecycle', 'Other'],
  },
  'identity.refused': {
    says: 'Somebody did not prove who they are.',
    details: { login: 'What was given as the login.', code: 'The error code: docs/reference/errors.md.' },
    ecs: [['authentication'], ['start', 'denied']],
    ocsf: ['authentication', 'Logon'],
  },
  'identity.signed-on': {
    says: 'Somebody signed on.',
    details: {
      method: 'How: `password`, `oidc`, `saml`, `passkey`, `workload`, …',
      factors: 'With what, as RFC 8176 names it. Absent where it is not known.',
      workload: 'Of a workload: its provider and what the provider calls it.',
    },
    ecs: [['authentication'], ['start']],
    ocsf: ['authentication', 'Logon'],
  },
  'session.refused': {
    says: 'A session was refused.',
    details: { code: 'The error code.', rule: 'What decided: an Access, a Lock, or the gateway itself.' },
    ecs: [['session', 'network'], ['denied']],
    ocsf: ['session', 'Refuse'],
  },
  'session.opened': {
    says: 'A session was opened.',
    details: { stepUp: 'How the person confirmed the opening, and when. Absent where nothing asked for it.' },
    ecs: [['session', 'network'], ['start']],
    ocsf: ['session', 'Open'],
  },
  'session.ended': {
    says: 'A session ended.',
    details: {
      reason:
        '`client-closed`, `upstream-closed`, `killed`, `locked`, `token-revoked`, `idle`, `drained`, `violation`, `verdict`, `recording-failed`, `space`, `upstream-violation`, `interrupted` or `failed`.',
      code: 'The error code behind it, or null.',
      by: 'Who ended it, where a person did.',
      commands: 'Commands submitted.',
      bytesIn: 'Bytes from the client.',
      bytesOut: 'Bytes to the client.',
      durationMs: 'Milliseconds.',
    },
    ecs: [['session', 'network'], ['end']],
    ocsf: ['session', 'Close'],
  },
  'session.steered': {
    says: 'Somebody acted on a live session from outside.',
    details: { action: '`message`, `pause` or `resume`.', text: 'The message; empty otherwise.' },
    ecs: [['session'], ['info']],
    ocsf: ['session', 'Other'],
  },
  'session.kill': {
    says: 'Somebody ended a live session.',
    details: { reason: 'As given.' },
    ecs: [['session'], ['info']],
    ocsf: ['session', 'Other'],
  },
  'command.intent': {
    says: 'A command is about to be done: all of it stands in `command`.',
    details: {},
    ecs: 'command',
    ocsf: ['command'],
  },
  'command.verdict': {
    says: 'The rules restricted a command, or what stands of that changed.',
    details: { verdict: '`name`, `rule` and `reason`; the same stands in `command.verdict`.' },
    ecs: 'command',
    ocsf: ['command'],
  },
  'command.ended': {
    says: 'A command ended.',
    details: {
      outcome: '`completed`, `failed`, `refused`, `withdrawn` or `unfinished`.',
      tag: 'The server’s own word for what happened, such as `SELECT 3`.',
      error: 'The protocol’s error code, such as a SQLSTATE.',
      rows: 'Rows delivered or changed.',
      bytes: 'Bytes of output delivered.',
      durationMs: 'Milliseconds.',
      masked: 'How many values each Mask changed, by its name. Absent where none did.',
    },
    ecs: 'command',
    ocsf: ['command'],
  },
  'command.cancel': {
    says: 'A client asked to cancel what runs.',
    details: {},
    ecs: [['session'], ['info']],
    ocsf: ['session', 'Other'],
  },
  'output.limited': {
    says: 'A limit on output was passed; what follows was not delivered.',
    details: { rule: 'The guardrail.', verdict: '`block` or `terminate`.' },
    ecs: 'command',
    ocsf: ['command'],
  },
  violation: {
    says: 'A peer broke its protocol.',
    details: { side: '`client` or `upstream`.', code: 'The error code.', detail: 'What was wrong.' },
    ecs: [
      ['intrusion_detection', 'network'],
      ['info', 'denied'],
    ],
    ocsf: ['session', 'Fail'],
  },
  'alert.raised': {
    says: 'A detection, a guardrail or the gateway asks for attention.',
    details: {
      rule: 'What raised it: a detection, a guardrail, or `gateway:…`.',
      reason: 'One sentence: what happened.',
      alert:
        'Of a detection: `id`, `detection`, `severity`, `evidence` (sequences of events), `facts`, and where nobody is told `isDry` (it only looks) or `suppressed` (why). Absent where a guardrail or the gateway itself asks.',
    },
    ecs: [['intrusion_detection'], ['info']],
    ocsf: ['detection_finding', 'Create'],
  },
  'alert.changed': {
    says: 'Somebody handled an alert.',
    details: {
      alert: 'Its id.',
      action: '`acknowledge`, `assign`, `comment`, `resolve`, `false-positive` or `reopen`.',
      to: 'To whom it is assigned; null otherwise.',
      text: 'What they wrote.',
    },
    ecs: [['intrusion_detection'], ['info']],
    ocsf: ['detection_finding', 'by action'],
  },
  'response.changed': {
    says: 'A detection acted by itself, or that ended.',
    details: {
      response: 'Its id.',
      alert: 'The id of the alert behind it.',
      action: '`applied` or `ended`.',
      kind: '`risk`, `step-up`, `hold`, `mask`, `end` or `lock`.',
      severity: 'Of the alert.',
      owner: 'The id of the principal whom it concerns.',
      untilMs: `${ms} Null: until somebody ends it.`,
    },
    ecs: [['intrusion_detection'], ['info']],
    ocsf: ['detection_finding', 'Update'],
  },
  'review.requested': {
    says: 'A review was asked for.',
    details: {
      review: 'Its id.',
      kind: '`command`, `access` or `break-glass`.',
      rule: 'What asks for it.',
      digest: 'What an approval is bound to.',
      approvals: 'How many it takes.',
      expiresAtMs: ms,
      reason: 'As given, or null.',
    },
    ecs: [['iam'], ['info']],
    ocsf: ['entity_management', 'Create', 'Review'],
  },
  'review.decided': {
    says: 'A reviewer decided.',
    details: {
      review: 'Its id.',
      decision: '`approve` or `deny`.',
      reason: 'As given.',
      state: 'Of the review after it: `pending`, `approved` or `denied`.',
      how: '`api`, `slack`, `teams`, …',
    },
    ecs: [['iam'], ['admin', 'change']],
    ocsf: ['entity_management', 'Update', 'Review'],
  },
  'review.ended': {
    says: 'A review came to its end.',
    details: {
      review: 'Its id.',
      outcome: '`executed`, `expired`, `withdrawn` or `refused`.',
      reason: 'Why an approved command was not run after all, or null.',
    },
    ecs: [['iam'], ['info']],
    ocsf: ['entity_management', 'Update', 'Review'],
  },
  'grant.changed': {
    says: 'A grant was given or taken back.',
    details: {
      grant: 'Its id.',
      action: '`granted`, `extended`, `revoked` or `expired`.',
      owner: 'The id of the principal who has it.',
      access: 'The Access that it was asked under.',
      expiresAtMs: ms,
    },
    ecs: [['iam'], ['admin', 'change']],
    ocsf: ['user_access', 'by action'],
  },
  'token.issued': {
    says: 'A token was issued.',
    details: {
      token: 'Its id, never its secret.',
      owner: 'The id of the principal whose it is.',
      expiresAtMs: ms,
      resources: 'The only resources that it is good for. Absent for all.',
      agents: 'Names of the agents that act by it, the last first. Absent where none do.',
      replaces: 'The token in whose place it is, and when that ends. Absent where there is none.',
    },
    ecs: [['iam'], ['creation']],
    ocsf: ['entity_management', 'Create', 'Token'],
  },
  'token.revoked': {
    says: 'A token was revoked.',
    details: { token: 'Its id.', owner: 'The id of the principal whose it was.' },
    ecs: [['iam'], ['deletion']],
    ocsf: ['entity_management', 'Delete', 'Token'],
  },
  'factor.changed': {
    says: 'A second factor was enrolled or removed.',
    details: {
      owner: 'The id of the principal whose it is.',
      action: '`enrolled`, `removed`, `reset` (by an administrator) or `recovery-codes`.',
      kind: '`passkey`, `totp` or `recovery`.',
      factor: 'Its id, or null.',
      label: 'As its owner called it.',
    },
    ecs: [['iam'], ['user', 'change']],
    ocsf: ['account_change', 'by action'],
  },
  'configuration.changed': {
    says: 'The configuration was changed.',
    details: {
      action: '`created`, `updated` or `deleted`.',
      kind: 'The kind of the object.',
      name: 'Its name.',
      changes: 'The changed fields as `path: before → after`, secrets as `(secret)`.',
    },
    ecs: [['configuration'], ['change']],
    ocsf: ['entity_management', 'by action', 'Object'],
  },
  'key.rotated': {
    says: 'A key of the gateway was rotated.',
    details: { key: 'Its name.' },
    ecs: [['configuration'], ['change']],
    ocsf: ['entity_management', 'Update', 'Key'],
  },
  'search.run': {
    says: 'Somebody searched what happened.',
    details: {
      query: 'As written.',
      hits: 'How many were found.',
      export: 'The format, where the hits were taken away as a file.',
    },
    ecs: [['configuration'], ['access']],
    ocsf: ['entity_management', 'Read', 'Index'],
  },
  'report.made': {
    says: 'Somebody made a report.',
    details: { report: 'Its kind.', sinceMs: ms, untilMs: ms, digest: `Of the document: ${digest}` },
    ecs: [['configuration'], ['access']],
    ocsf: ['entity_management', 'Read', 'Report'],
  },
  'index.rebuilt': {
    says: 'The index of what happened was built anew from the journal.',
    details: { fromSequence: 'From which event on.' },
    ecs: [['configuration'], ['change']],
    ocsf: ['entity_management', 'Update', 'Index'],
  },
  'recording.chunk': {
    says: 'A piece of a recording was bound into the journal. Sent only where `recording.chunk` is named.',
    details: {
      chunk: 'Its number.',
      offset: 'Where it begins in the recording’s file.',
      bytes: 'Its length.',
      digest: `As it lies in the file: ${digest}`,
      key: `Of the first chunk of an enciphered recording, over the file with its wrapped key: ${digest} Absent otherwise.`,
    },
    ecs: [['file'], ['change']],
    ocsf: ['entity_management', 'Update', 'Recording'],
  },
  'recording.sealed': {
    says: 'A recording is complete.',
    details: { chunks: 'How many pieces.', bytes: 'Bytes of the file.' },
    ecs: [['file'], ['creation']],
    ocsf: ['entity_management', 'Create', 'Recording'],
  },
  'recording.read': {
    says: 'Somebody watched or exported a recording.',
    details: { how: '`replay`, `export`, `tail`, …' },
    ecs: [['file'], ['access']],
    ocsf: ['entity_management', 'Read', 'Recording'],
  },
  'recording.stored': {
    says: 'A recording lies in an object store, compared there with what was written here.',
    details: {
      store: 'The store’s name in the configuration.',
      key: 'Of the object.',
      bytes: 'Bytes of the file.',
      digest: `Over the whole file: ${digest}`,
      lockedUntilMs: `${ms} Until when the store itself refuses to delete it; null where it has no object lock.`,
    },
    ecs: [['file'], ['creation']],
    ocsf: ['entity_management', 'Move', 'Recording'],
  },
  'recording.released': {
    says: 'The file of a recording was removed here, because a verified copy lies in the store.',
    details: { store: 'The store’s name in the configuration.' },
    ecs: [['file'], ['change']],
    ocsf: ['entity_management', 'Move', 'Recording'],
  },
  'recording.deleted': {
    says: 'The content of a recording is gone for good; its digests stay.',
    details: {
      rule: 'The retention rule by which the gateway did it; null where a person did.',
      reason: 'As given.',
      bytes: 'Bytes of the file.',
    },
    ecs: [['file'], ['deletion']],
    ocsf: ['entity_management', 'Delete', 'Recording'],
  },
  'journal.pruned': {
    says: 'What older events said is gone; their digests, and so every proof, stay.',
    details: {
      rule: 'The retention rule by which the gateway did it; null where a person did.',
      from: 'The first sequence.',
      to: 'The last sequence.',
    },
    ecs: [['file'], ['deletion']],
    ocsf: ['entity_management', 'Delete', 'Journal'],
  },
  'sink.changed': {
    says: 'A sink fails, works again, or gave something up; or somebody tested it.',
    details: {
      sink: 'Its name.',
      standing: '`failing`, `working`, `dead-lettered`, `resent`, `discarded` or `tested`.',
      sequences: 'Events concerned where they are few; the first and the last otherwise.',
      problem: 'What is wrong; empty where nothing is.',
    },
    ecs: [['configuration'], ['info']],
    ocsf: ['entity_management', 'Update', 'Sink'],
  },
};
