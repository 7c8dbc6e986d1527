/**
 * One message of syslog, framed: RFC 5424, section 6, with the octet count of RFC 6587, section 3.4.1 (and RFC 5425, 4.3).
 *
 * | part | is |
 * |---|---|
 * | PRI | facility × 8 + severity |
 * | VERSION | 1 |
 * | TIMESTAMP | when the event happened, UTC, milliseconds |
 * | HOSTNAME | the gateway's id unless configured |
 * | APP-NAME, PROCID | `sallyport`, `-` |
 * | MSGID | the event's type |
 * | STRUCTURED-DATA | `origin`, `meta` as registered; `sallyport@32473` for what receivers select by |
 * | MSG | the document, or the line of CEF; with the byte order mark where it is not ASCII |
 *
 * Invariant (A-REC-02): whatever stands in an event, a message is one frame, its header ASCII without spaces, its structured data
 * parseable.
 */
import { escapeLine } from '../../../base/escape.ts';
import type { Severity } from '../../../core/alert.ts';
import * as limits from '../limits.ts';
import type { SinkRecord } from '../transport.ts';
import { severityOf } from './severity.ts';

/** RFC 5424, table 1, under the names that syslog.conf has for them. */
export const syslogFacilities: Readonly<Record<string, number>> = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  ntp: 12,
  audit: 13,
  alert: 14,
  clock: 15,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
};

/** RFC 5424, table 2. */
const syslogSeverities: Readonly<Record<Severity, number>> = {
  informational: 6,
  low: 5,
  medium: 4,
  high: 3,
  critical: 2,
};

/** RFC 5424, section 7.3.1: 1 to 2^31 - 1, then from 1 again. */
const sequenceIdMax = 2_147_483_647;

/**
 * RFC 5612's number for documentation: this project has none of its own registered, and a name without one would be reserved to
 * IANA.
 */
const structuredName = 'sallyport@32473';

export interface SyslogOrigin {
  readonly facility: string;
  readonly hostname: string;
  readonly version: string;
  readonly gateway: string;
}

/** The frame of one record. */
export function syslogMessage({ sequence, activity, text }: SinkRecord, origin: SyslogOrigin): Buffer {
  const { event } = activity;
  // Ids only: what the sink hides of a document must not stand beside it.
  const session = 'session' in event ? event.session : null;
  const pri = (syslogFacilities[origin.facility] ?? 13) * 8 + syslogSeverities[severityOf(activity)];
  const header = [
    `<${pri}>1`,
    new Date(event.at).toISOString(),
    printable(origin.hostname, limits.syslogHostMax),
    'sallyport',
    '-',
    printable(event.type, limits.syslogMessageIdMax),
  ].join(' ');
  const data =
    element('origin', { software: 'sallyport', swVersion: origin.version }) +
    element('meta', { sequenceId: String(((sequence - 1) % sequenceIdMax) + 1) }) +
    element(structuredName, {
      gateway: origin.gateway,
      sequence: String(sequence),
      ...(session === null ? {} : { session }),
    });
  // Section 6.4: UTF-8 is announced by the mark; plain ASCII needs none.
  const mark = /[^\u0000-\u007f]/.test(text) ? '\ufeff' : '';
  const message = Buffer.from(`${header} ${data} ${mark}${text}`);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** PRINTUSASCII without spaces, or the nil value. */
function printable(text: string, longest: number): string {
  const ascii = text.replace(/[^\u0021-\u007e]/g, '_').slice(0, longest);
  return ascii === '' ? '-' : ascii;
}

function element(id: string, parameters: Readonly<Record<string, string>>): string {
  const spelled = Object.entries(parameters).map(([name, value]) => ` ${name}="${parameterValue(value)}"`);
  return `[${id}${spelled.join('')}]`;
}

/** Section 6.3.3: a quote, a backslash and a closing bracket are escaped; controls are spelled out before. */
function parameterValue(value: string): string {
  const short = [...value].slice(0, limits.syslogParameterMax).join('');
  return escapeLine(short).replace(/["\\\]]/g, '\\$&');
}
