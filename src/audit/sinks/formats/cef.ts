/**
 * ArcSight's Common Event Format, version 0: `CEF:0|vendor|product|version|class|name|severity|extension`.
 *
 * Invariants (A-REC-02): a header field holds no unescaped `|` or `\` and no line break; an extension value no unescaped `=` or `\`,
 * and a line break only as `\n` or `\r`; whatever else could move a cursor or end a line is spelled `\\uXXXX`.
 *
 * Common Event Format, "Header information", "Character encoding", "Extension dictionary" (revision 25).
 */
import type { Activity } from '../../../core/activity.ts';
import type { Severity } from '../../../core/alert.ts';
import { documentOf, type EventDocument } from './document.ts';
import { eventTable } from './event-table.ts';
import { messageOf } from './message.ts';
import { splitSource } from './source.ts';

export interface CefHeader {
  readonly version: string;
  readonly classId: string;
  readonly name: string;
  readonly severity: number;
}

export interface CefParts {
  readonly header: CefHeader;
  /** Keys of the extension with their values, in order. */
  readonly extension: Readonly<Record<string, unknown>>;
}

/** 0 to 10: "low" ends at 3, "medium" at 6, "high" at 8. */
const cefSeverities: Readonly<Record<Severity, number>> = {
  informational: 1,
  low: 3,
  medium: 5,
  high: 8,
  critical: 10,
};

/** Lengths of the dictionary: of `msg`, and of custom strings. Characters. */
const messageMax = 1023;
const stringMax = 4000;

export function cefParts(activity: Activity, parts: { readonly gateway: string; readonly version: string }): CefParts {
  const document = documentOf(activity, parts.gateway);
  return {
    header: {
      version: parts.version,
      classId: document.type,
      name: eventTable[document.type].says.replace(/\.$/, ''),
      severity: cefSeverities[document.severity],
    },
    extension: extensionOf(document),
  };
}

function extensionOf(document: EventDocument): Record<string, unknown> {
  const { details, principal, resource, session, command } = document;
  const { ip, host, port } = splitSource(document.source);
  const verdict = command?.verdict ?? null;
  const extension: Record<string, unknown> = {
    rt: Date.parse(document.time),
    externalId: document.id,
    deviceExternalId: document.gateway,
    cat: document.type,
    outcome: document.outcome,
    msg: messageOf(document).slice(0, messageMax),
    act: details['action'] ?? details['decision'] ?? verdict?.name,
    reason: details['code'] ?? details['error'] ?? details['reason'],
    suser: principal?.name,
    suid: principal?.id,
    src: ip,
    shost: host,
    spt: port,
    dhost: resource?.name,
    app: resource?.protocol,
    in: details['bytesIn'],
    out: details['bytesOut'] ?? details['bytes'],
    cs1: session?.id,
    cs2: command?.text.slice(0, stringMax),
    cs3: verdict?.rule ?? details['rule'],
    cs4: command?.effects.join(' '),
    cs5: command?.touches
      .map(({ kind, access, name }) => `${kind}:${access}:${name}`)
      .join(' ')
      .slice(0, stringMax),
    cs6: command?.fingerprint,
    cn1: details['rows'] ?? details['commands'],
    cn2: command?.number,
    cn3: details['durationMs'],
  };
  const filled = Object.entries(extension).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return Object.fromEntries(
    filled.flatMap(([key, value]) => {
      const label = labels[key];
      return label === undefined
        ? [[key, value]]
        : ([
            [key, value],
            [`${key}Label`, label],
          ] as [string, unknown][]);
    }),
  );
}

const labels: Readonly<Record<string, string>> = {
  cs1: 'session',
  cs2: 'command',
  cs3: 'rule',
  cs4: 'effects',
  cs5: 'touches',
  cs6: 'fingerprint',
  cn1: 'rows',
  cn2: 'commandNumber',
  cn3: 'durationMs',
};

export function spellCef(
  { version, classId, name, severity }: CefHeader,
  extension: Readonly<Record<string, unknown>>,
): string {
  const header = ['Sallyport', 'Sallyport', version, classId, name, String(severity)].map(headerField).join('|');
  const spelled = Object.entries(extension).map(([key, value]) => `${key}=${extensionValue(String(value))}`);
  return `CEF:0|${header}|${spelled.join(' ')}`;
}

// Controls, DEL, C1, what reorders or hides text, and lone surrogates; line breaks are escaped by themselves.
const unsafe =
  /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function spellUnsafe(text: string): string {
  return text.replace(unsafe, (one) => `\\\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function headerField(text: string): string {
  return spellUnsafe(text.replace(/[\\|]/g, '\\$&').replace(/[\r\n]+/g, ' '));
}

function extensionValue(text: string): string {
  return spellUnsafe(text.replace(/[\\=]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r'));
}
