/**
 * The fields of the document, each with what it means and where other formats have it: what docs/reference/events.md is made from. A
 * test holds it against documents, so that a field that is not here fails.
 */
export interface FieldDescription {
  readonly path: string;
  readonly means: string;
  /** Empty: below `sallyport`. */
  readonly ecs: string;
  /** Empty: in `unmapped`. */
  readonly ocsf: string;
  /** Empty: it has none. */
  readonly cef: string;
}

function field(path: string, means: string, ecs = '', ocsf = '', cef = ''): FieldDescription {
  return { path, means, ecs, ocsf, cef };
}

export const documentFields: readonly FieldDescription[] = [
  field('schema', 'The version of this document.', 'sallyport.schema', 'unmapped.schema'),
  field(
    'id',
    'Names the event: gateway and sequence. What comes twice has the same.',
    'event.id',
    'metadata.uid',
    'externalId',
  ),
  field(
    'gateway',
    'Id of the gateway whose journal it stands in.',
    'observer.name',
    'metadata.log_provider',
    'deviceExternalId',
  ),
  field('sequence', 'Its place in that journal: gap-free, from 1.', 'event.sequence', 'metadata.sequence'),
  field('time', 'When it happened, by the gateway’s clock. Order is by sequence.', '@timestamp', 'time', 'rt'),
  field('type', 'Its type: below.', 'event.action', 'metadata.event_code', 'cat'),
  field(
    'severity',
    '`informational`, `low`, `medium`, `high` or `critical`; an alert’s is its detection’s.',
    'event.severity',
    'severity_id',
    'severity (header)',
  ),
  field('outcome', '`success`, `failure`, or `unknown` where it is not over.', 'event.outcome', 'status_id', 'outcome'),
  field(
    'principal',
    'Who acted: of the event itself where it says so, of its session otherwise.',
    'user',
    'actor.user',
  ),
  field('principal.id', 'Issuer and subject: what identity is.', 'user.id', 'actor.user.uid', 'suid'),
  field('principal.name', 'The login name.', 'user.name', 'actor.user.name', 'suser'),
  field('principal.issuer', 'Who vouches for it.', 'user.domain', 'actor.user.domain'),
  field('principal.kind', '`person`, `service` or `agent`.', 'sallyport.principal.kind'),
  field('principal.groups', 'As of then.', 'user.group.name', 'actor.user.groups'),
  field(
    'principal.credential',
    'Id of the token or fingerprint of the key that was shown.',
    'sallyport.principal.credential',
  ),
  field(
    'principal.agents',
    'Names of the agents that act for it, the one that acts now first.',
    'sallyport.principal.agents',
    'unmapped.agents',
  ),
  field('source', 'Where the client came from.', 'source.address', 'src_endpoint', 'src'),
  field('connection', 'Id of the connection.', 'sallyport.connection', 'unmapped.connection'),
  field('resource', 'What was reached.', 'service.target', 'dst_endpoint'),
  field('resource.name', 'Its name.', 'service.target.name', 'dst_endpoint.name', 'dhost'),
  field('resource.protocol', 'What it speaks.', 'service.target.type', 'app_name', 'app'),
  field('resource.labels', 'Its labels, as of the opening of the session.', 'labels', 'unmapped.labels'),
  field('session', 'The session that it belongs to.', 'sallyport.session', 'unmapped.session'),
  field('session.id', 'Its id.', 'sallyport.session.id', 'metadata.correlation_uid', 'cs1'),
  field('session.startedAt', 'When it was opened.', 'sallyport.session.startedAt'),
  field('session.principal', 'Whose it is.', 'sallyport.session.principal'),
  field('session.access', 'The Access by which it was opened.', 'sallyport.session.access'),
  field('session.recording', '`strict` or `best-effort`.', 'sallyport.session.recording'),
  field('session.client', 'What the client says of itself. Not trusted.', 'sallyport.session.client'),
  field('command', 'The command that it belongs to.', 'sallyport.command', 'unmapped.command'),
  field('command.number', 'Its number in the session.', 'sallyport.command.number', '', 'cn2'),
  field(
    'command.kind',
    '`sql`, `shell`, `http`, `kubernetes`, `transfer`, `tool` or `connection`.',
    'sallyport.command.kind',
  ),
  field('command.verb', 'What is done with the text, in the protocol’s own words.', 'sallyport.command.verb'),
  field(
    'command.text',
    'As the person wrote it, without passwords; whole in `command.intent`, its first 4,096 characters in what follows.',
    'sallyport.command.text, process.command_line',
    'query_info.query_string, process.cmd_line',
    'cs2',
  ),
  field('command.textBytes', 'Bytes of the whole text.', 'sallyport.command.textBytes'),
  field('command.textDigest', 'SHA-256 of the whole text, where the journal cut it.', 'sallyport.command.textDigest'),
  field('command.redacted', 'Passwords were taken out of the text.', 'sallyport.command.redacted'),
  field('command.parameters', 'Bound values as recorded; in `command.intent`.', 'sallyport.command.parameters'),
  field('command.effect', '`read`, `write` or `unknown`.', 'sallyport.command.effect', 'activity_id'),
  field('command.of', 'The command that this one executes, or null.', 'sallyport.command.of'),
  field(
    'command.effects',
    'In the words of the language: `drop`, `delete`, `network`, …',
    'sallyport.command.effects',
    '',
    'cs4',
  ),
  field(
    'command.touches',
    'What it touches: `kind` (table, column, function, path, program, host, object, route, operation), `access` (read, steer, flow, write, delete, use, unknown) and `name`.',
    'sallyport.command.touches',
    'table, file, resources',
    'cs5',
  ),
  field('command.complete', 'False: it may touch more than stands there.', 'sallyport.command.complete'),
  field(
    'command.fingerprint',
    'Commands that differ only in constants share it.',
    'sallyport.command.fingerprint',
    '',
    'cs6',
  ),
  field(
    'command.judged',
    'What the rules said first: `name`, `rule`, `reason`; null: nothing restricts it.',
    'sallyport.command.judged',
  ),
  field('command.verdict', 'What stands now.', 'rule.name, event.reason', 'status_detail', 'act, cs3'),
  field('details', 'What events of this type say beside all that.', 'sallyport.TYPE', 'unmapped.details'),
];
