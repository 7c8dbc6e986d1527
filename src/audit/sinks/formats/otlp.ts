/**
 * Events as OpenTelemetry's log records and spans, in OTLP's JSON: pure.
 *
 * Invariants: everything comes of the document whose fields were hidden, nothing of the event behind it; ids of traces and spans
 * are made of the gateway's name, the session's and the command's, so that what is sent again is the same, and log records find
 * their span.
 *
 * A command's span ends with `command.ended` and began its duration before; the trace's root ends with `session.ended`. Of what
 * has not ended there are log records only.
 *
 * OTLP 1.5, JSON Protobuf encoding (64-bit integers as text, ids in hexadecimal); OpenTelemetry logs data model (severity
 * numbers); semantic conventions (`user.*`, `client.*`, `session.id`); W3C Trace Context (ids).
 */
import { createHash } from 'node:crypto';
import type { Severity } from '../../../core/alert.ts';
import type { SinkRecord } from '../transport.ts';
import { severityOf } from './severity.ts';
import { splitSource } from './source.ts';

export interface OtlpOrigin {
  readonly gateway: string;
  readonly version: string;
}

type Fields = Readonly<Record<string, unknown>>;
type AnyValue = Readonly<Record<string, unknown>>;
interface Attribute {
  readonly key: string;
  readonly value: AnyValue;
}

/** INFO, INFO2, WARN, ERROR, FATAL. */
const severityNumbers: Readonly<Record<Severity, number>> = {
  informational: 9,
  low: 10,
  medium: 13,
  high: 17,
  critical: 21,
};

/** What stands in a field of its own, or is the same of every event of one gateway. */
const notAttributes: readonly string[] = ['schema', 'gateway', 'time', 'type'];

export function logsOf(batch: readonly SinkRecord[], origin: OtlpOrigin): object {
  const logRecords = batch.map((record) => logOf(record, origin));
  return { resourceLogs: [{ resource: resourceOf(origin), scopeLogs: [{ scope: scopeOf(origin), logRecords }] }] };
}

/** Null where nothing in the batch ends a command or a session. */
export function spansOf(batch: readonly SinkRecord[], origin: OtlpOrigin): object | null {
  const spans = batch.flatMap((record) => spanOf(record, origin) ?? []);
  if (spans.length === 0) return null;
  return { resourceSpans: [{ resource: resourceOf(origin), scopeSpans: [{ scope: scopeOf(origin), spans }] }] };
}

function resourceOf({ gateway, version }: OtlpOrigin): object {
  return {
    attributes: attributesOf({
      'service.name': 'sallyport',
      'service.version': version,
      'service.instance.id': gateway,
    }),
  };
}

function scopeOf({ version }: OtlpOrigin): object {
  return { name: 'sallyport.events', version };
}

function logOf(record: SinkRecord, origin: OtlpOrigin): object {
  const { activity } = record;
  const document = record.document ?? {};
  const nanos = nanosOf(activity.event.at);
  const severity = severityOf(activity);
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: severityNumbers[severity],
    severityText: severity,
    eventName: `sallyport.${activity.event.type}`,
    body: { stringValue: activity.event.type },
    attributes: attributesOf({ ...conventional(document), ...flattened(document) }),
    ...placeOf(activity.event, origin),
  };
}

/** The span that an event belongs to. Sessions and commands are named by ids, which no field hides. */
function placeOf(event: SinkRecord['activity']['event'], origin: OtlpOrigin): object {
  const session = 'session' in event ? event.session : null;
  if (session === null) return {};
  const command = 'command' in event && typeof event.command === 'number' ? event.command : null;
  return { traceId: traceIdOf(origin, session), spanId: spanIdOf(origin, session, command), flags: 1 };
}

function spanOf(record: SinkRecord, origin: OtlpOrigin): object | null {
  const { event, opened } = record.activity;
  const document = record.document ?? {};
  const isCommand = event.type === 'command.ended';
  if (!isCommand && event.type !== 'session.ended') return null;
  const startMs = !isCommand && opened !== null ? opened.at : event.at - event.durationMs;
  const hasFailed = isCommand ? event.outcome !== 'completed' : event.reason === 'failed';
  const { session } = event;
  return {
    traceId: traceIdOf(origin, session),
    spanId: spanIdOf(origin, session, isCommand ? event.command : null),
    ...(isCommand ? { parentSpanId: spanIdOf(origin, session, null) } : {}),
    name: nameOf(document, isCommand),
    // A session is served to a client; its commands are asked of the resource.
    kind: isCommand ? 3 : 2,
    startTimeUnixNano: nanosOf(Math.min(startMs, event.at)),
    endTimeUnixNano: nanosOf(event.at),
    attributes: attributesOf({ ...conventional(document), ...flattened(document) }),
    status: hasFailed ? { code: 2, message: isCommand ? event.outcome : event.reason } : {},
    flags: 1,
  };
}

/** Few different names, as traces want them: never what was run. */
function nameOf(document: Fields, isCommand: boolean): string {
  const resource = objectAt(document, 'resource');
  const command = objectAt(document, 'command');
  const parts = isCommand ? [command['kind'], command['verb']] : ['session', resource['protocol']];
  const said = parts.filter((part): part is string => typeof part === 'string' && part !== '');
  return said.length === 0 ? 'command' : said.join(' ');
}

/** What OpenTelemetry has names of its own for. */
function conventional(document: Fields): Fields {
  const principal = objectAt(document, 'principal');
  const session = objectAt(document, 'session');
  const source = document['source'];
  const { ip, host, port } = splitSource(typeof source === 'string' ? source : null);
  return {
    'user.id': principal['id'],
    'user.name': principal['name'],
    'client.address': ip ?? host ?? undefined,
    'client.port': port ?? undefined,
    'session.id': session['id'],
  };
}

function objectAt(document: Fields, name: string): Fields {
  const value = document[name];
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** `sallyport.principal.name` and the like: the document by its own paths. What is null is left out. */
function flattened(document: Fields): Fields {
  const found: Record<string, unknown> = {};
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) walk(inner, `${path}.${name}`);
    } else if (value !== null && !(Array.isArray(value) && value.length === 0)) found[path] = value;
  };
  for (const [name, value] of Object.entries(document)) {
    if (!notAttributes.includes(name)) walk(value, `sallyport.${name}`);
  }
  return found;
}

function attributesOf(fields: Fields): Attribute[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    const any = anyValue(value);
    return any === null ? [] : [{ key, value: any }];
  });
}

function anyValue(value: unknown): AnyValue | null {
  switch (typeof value) {
    case 'string':
      return { stringValue: value.toWellFormed() };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    case 'object': {
      if (value === null) return null;
      if (Array.isArray(value)) return { arrayValue: { values: value.map((entry) => anyValue(entry) ?? {}) } };
      return { kvlistValue: { values: attributesOf(value as Fields) } };
    }
    default:
      return null;
  }
}

function nanosOf(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

/** 16 bytes; never all zero, short of a broken digest. */
export function traceIdOf({ gateway }: OtlpOrigin, session: string): string {
  return digest(`trace\0${gateway}\0${session}`).slice(0, 32);
}

/** 8 bytes. Null: the session's own. */
export function spanIdOf({ gateway }: OtlpOrigin, session: string, command: number | null): string {
  return digest(`span\0${gateway}\0${session}\0${command ?? 'session'}`).slice(0, 16);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
