/**
 * What operators write of a sink: the body of a Sink manifest, as plain data. `api/contract` checks its form, `audit/sinks` sends.
 *
 * Invariant: secrets stand here as where they are found (`SinkSecret`), never as themselves.
 */
import type { Severity } from './alert.ts';
import type { PrincipalSelector, ResourceSelector } from './rules.ts';

/** Where a secret is found: the same sources as a resource's credential. */
export type SinkSecret = { readonly env: string } | { readonly file: string } | { readonly store: string };

export const sinkFormats = ['json', 'ecs', 'ocsf', 'cef'] as const;
/** `json`: this project's own, as documented. `ecs`: Elastic Common Schema. `ocsf`: Open Cybersecurity Schema Framework. `cef`: ArcSight. */
export type SinkFormat = (typeof sinkFormats)[number];

export interface SinkTls {
  /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
  readonly ca?: string;
  readonly serverName?: string;
  readonly certificate?: string;
  readonly key?: SinkSecret;
}

/** Exactly one is given. */
export interface SinkTarget {
  /** RFC 5424 over TCP (RFC 6587, octet counting) or TLS (RFC 5425). */
  readonly syslog?: {
    readonly address: string;
    readonly tls?: SinkTls;
    readonly facility?: string;
    readonly hostname?: string;
  };
  readonly webhook?: {
    readonly url: string;
    /** Signs each request as messages about reviews are. */
    readonly secret?: SinkSecret;
    /** `array`, unless given: a batch is one JSON array; `lines`: a document (or a line of CEF) a line. */
    readonly body?: 'array' | 'lines';
    /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
    readonly ca?: string;
    readonly headers?: Readonly<Record<string, SinkSecret | string>>;
  };
  readonly splunk?: {
    readonly url: string;
    readonly token: SinkSecret;
    readonly index?: string;
    readonly sourcetype?: string;
    /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
    readonly ca?: string;
  };
  readonly elastic?: {
    readonly url: string;
    /** An index or a data stream; `{date}` is the event's day. */
    readonly index: string;
    readonly apiKey?: SinkSecret;
    readonly basic?: { readonly username: string; readonly password: SinkSecret };
    /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
    readonly ca?: string;
  };
  readonly kafka?: {
    readonly brokers: readonly string[];
    readonly topic: string;
    readonly tls?: SinkTls;
    readonly sasl?: {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: SinkSecret;
    };
  };
  /** OTLP over HTTP (JSON): logs of everything, and a trace for each session with a span for each command. */
  readonly otlp?: {
    readonly url: string;
    readonly headers?: Readonly<Record<string, SinkSecret | string>>;
    readonly traces?: boolean;
    /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
    readonly ca?: string;
  };
  readonly s3?: SinkBucket & { readonly prefix?: string };
  /** On another mount, or for a shipper that tails it; JSON lines, a new file each day. */
  readonly file?: { readonly directory: string };
  readonly slack?: { readonly url: SinkSecret };
  readonly teams?: { readonly url: SinkSecret };
  readonly pagerduty?: { readonly routingKey: SinkSecret; readonly url?: string };
  readonly email?: {
    readonly server: string;
    readonly from: string;
    readonly to: readonly string[];
    readonly tls?: SinkTls | 'none';
    readonly username?: string;
    readonly password?: SinkSecret;
  };
}

export type TargetName = keyof SinkTarget;

/** What is true of a target whatever stands in it. */
export interface TargetFacts {
  /** The formats that it takes, the usual one first; none where it has a form of its own. */
  readonly formats: readonly SinkFormat[];
  /** What it is sent unless the manifest says: everything (`*`), or what people want to be called for. */
  readonly events: readonly string[];
}

const everything: readonly string[] = ['*'];
const forPeople: readonly string[] = ['alert.raised'];
const documents: readonly SinkFormat[] = ['json', 'ecs', 'ocsf'];

export const sinkTargets: Readonly<Record<TargetName, TargetFacts>> = {
  syslog: { formats: sinkFormats, events: everything },
  webhook: { formats: sinkFormats, events: everything },
  splunk: { formats: documents, events: everything },
  elastic: { formats: ['ecs', 'json', 'ocsf'], events: everything },
  kafka: { formats: documents, events: everything },
  otlp: { formats: [], events: everything },
  s3: { formats: documents, events: everything },
  file: { formats: sinkFormats, events: everything },
  slack: { formats: [], events: forPeople },
  teams: { formats: [], events: forPeople },
  pagerduty: { formats: [], events: forPeople },
  email: { formats: [], events: forPeople },
};

export const targetNames = Object.keys(sinkTargets) as readonly TargetName[];

/** The one target that is given; null where none, or more than one, is. */
export function targetOf(to: SinkTarget): TargetName | null {
  const given = targetNames.filter((name) => to[name] !== undefined);
  return given.length === 1 ? given[0]! : null;
}

/** A bucket of an object store that speaks S3. */
export interface SinkBucket {
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId?: SinkSecret;
  readonly secretAccessKey?: SinkSecret;
  readonly pathStyle?: boolean;
  /** PEM, or `file:/path` on the gateway; the system's authorities unless given. */
  readonly ca?: string;
}

/** What leaves only changed: paths of fields in the sink's own format, `*` for any one name. */
export interface SinkFields {
  readonly omit?: readonly string[];
  readonly redact?: readonly string[];
  /** A keyed digest: the same value stays the same, and what it was is not told. */
  readonly hash?: readonly string[];
}

export interface SinkSpec {
  readonly description?: string;
  readonly enabled?: boolean;
  /** Event types, `*` for any run of characters: `command.*`. Everything but pieces of recordings (`recording.chunk`) unless given. */
  readonly events?: readonly string[];
  /** Of alerts: at least this severe. */
  readonly severityMin?: Severity;
  readonly match?: { readonly principals?: PrincipalSelector; readonly resources?: ResourceSelector };
  /** `json` unless given; what has a form of its own (Slack, PagerDuty, OTLP, …) has none. */
  readonly format?: SinkFormat;
  readonly to: SinkTarget;
  readonly fields?: SinkFields;
  /** From where a new sink begins: `now` unless given. */
  readonly from?: 'now' | 'beginning';
  /** The target may lie inside a private network. */
  readonly private?: boolean;
}
