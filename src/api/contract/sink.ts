/**
 * Sink: where events are handed on to (core/sink.ts says what each field means).
 *
 * Invariants: exactly one target; secrets only as where they are found; a format only where the target takes it; patterns of events
 * that match at least something.
 */
import { z } from 'zod';
import { compileName } from '../../base/glob.ts';
import { severities } from '../../core/alert.ts';
import { eventTypes } from '../../core/event-types.ts';
import { sinkFormats, sinkTargets, type TargetName, targetNames } from '../../core/sink.ts';
import { parseAddress } from './address.ts';
import * as limits from './limits.ts';
import { absolutePath, metadata, shortText } from './names.ts';
import { isDistinct } from './rule-parts.ts';
import { secretSource, username } from './secret-source.ts';
import { principals, resources } from './selectors.ts';

const pem = z
  .string()
  .max(limits.certificateLengthMax)
  .refine(
    (text) => /^file:\/[^\0]*$/.test(text) || /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text),
    'must be certificates in PEM or file:/absolute/path',
  );
const ca = pem.optional().describe('Authorities to trust instead of the system’s: PEM, or file:/path on the gateway.');

const tls = z
  .strictObject({
    ca,
    serverName: z
      .string()
      .refine((text) => parseAddress(text)?.port === null, 'must be a host name or an address')
      .optional()
      .describe('The name to verify and to send, where it is not the address’s host.'),
    certificate: pem.optional().describe('What the gateway shows of itself: PEM, or file:/path on the gateway.'),
    key: secretSource.optional().describe('The private key of that certificate, in PEM.'),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    message: 'certificate and key go together',
  });

const address = z
  .string()
  .max(300)
  .refine((text) => parseAddress(text) !== null, 'must be host:port, with IPv6 in brackets');

/** Which of `http:` may be used at all is asked where everything is known: with `private`. */
const url = z
  .string()
  .max(limits.urlLengthMax)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an https URL')
  .refine((text) => !URL.canParse(text) || (new URL(text).username === '' && new URL(text).password === ''), {
    message: 'must not hold a login; give it as a secret',
  });

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'must be the name of a header field')
  .refine(
    (name) => !['content-length', 'host', 'connection', 'transfer-encoding'].includes(name.toLowerCase()),
    'is the gateway’s own',
  );
const headers = z
  .record(
    headerName,
    z.union([
      z
        .string()
        .max(4096)
        .regex(/^[\t\x20-\x7e]*$/, 'must be one line of ASCII'),
      secretSource,
    ]),
  )
  .refine((value) => Object.keys(value).length <= 32, 'must not be more than 32 headers')
  .optional();

const hostName = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be one word of ASCII');
const oneLine = z
  .string()
  .min(1, 'must not be empty')
  .max(512)
  .refine((text) => !/[\0-\x1f\x7f]/.test(text), 'must be one line');

const bucket = {
  endpoint: url.optional().describe('Of the store; Amazon’s own of the region unless given.'),
  region: oneLine,
  bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/, 'must be the name of a bucket'),
  accessKeyId: secretSource.optional(),
  secretAccessKey: secretSource.optional(),
  pathStyle: z.boolean().optional().describe('The bucket stands in the path, not in the host name.'),
  ca,
};

const mail = z
  .string()
  .max(254)
  .regex(/^[^\s@<>"]+@[^\s@<>"]+$/, 'must be a mail address');

export const facilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  'ntp',
  'audit',
  'alert',
  'clock',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
] as const;

const targets = {
  syslog: z
    .strictObject({
      address: address.describe('host:port; 514 unless given, with TLS 6514.'),
      tls: tls.optional().describe('RFC 5425. Without it, events cross the network in clear text.'),
      facility: z.enum(facilities).optional().describe('audit unless given.'),
      hostname: hostName.optional().describe('HOSTNAME of the messages; the gateway’s id unless given.'),
    })
    .describe('RFC 5424 over TCP with octet counting, or over TLS.'),
  webhook: z
    .strictObject({
      url,
      secret: secretSource.optional().describe('Signs each request: Sallyport-Signature.'),
      body: z
        .enum(['array', 'lines'])
        .optional()
        .describe('array unless given: a JSON array; lines: one document a line.'),
      headers,
      ca,
    })
    .describe('A POST for each batch.'),
  splunk: z
    .strictObject({ url, token: secretSource, index: oneLine.optional(), sourcetype: oneLine.optional(), ca })
    .describe('HTTP Event Collector.'),
  elastic: z
    .strictObject({
      url,
      index: oneLine.describe('An index or a data stream; {date} is the event’s day.'),
      apiKey: secretSource.optional(),
      basic: z.strictObject({ username, password: secretSource }).optional(),
      ca,
    })
    .refine(({ apiKey, basic }) => apiKey === undefined || basic === undefined, 'takes apiKey or basic, not both')
    .describe('Bulk API of Elasticsearch and OpenSearch.'),
  kafka: z
    .strictObject({
      brokers: z.array(address).min(1).max(32),
      topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be the name of a topic'),
      tls: tls.optional(),
      sasl: z
        .strictObject({
          mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
          username,
          password: secretSource,
        })
        .optional(),
    })
    .describe('Kafka, and whatever speaks its protocol.'),
  otlp: z
    .strictObject({ url, headers, traces: z.boolean().optional().describe('A trace for each session as well.'), ca })
    .describe('OpenTelemetry: OTLP over HTTP, in JSON.'),
  s3: z
    .strictObject({
      ...bucket,
      prefix: z
        .string()
        .max(512)
        .regex(/^[^\0-\x1f\x7f]*$/, 'must be one line')
        .optional(),
    })
    .refine(
      ({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined),
      'accessKeyId and secretAccessKey go together',
    )
    .describe('Files in a bucket of an object store that speaks S3.'),
  file: z
    .strictObject({ directory: absolutePath.describe('Must exist; a new file each day is made in it.') })
    .describe('Files on the gateway: on another mount, or for a shipper that tails them.'),
  slack: z.strictObject({ url: secretSource.describe('Of the incoming webhook.') }),
  teams: z.strictObject({ url: secretSource.describe('Of the workflow’s webhook.') }),
  pagerduty: z.strictObject({
    routingKey: secretSource.describe('The integration key of Events API v2.'),
    url: url.optional(),
  }),
  email: z.strictObject({
    server: address.describe('host:port of the mail server.'),
    from: mail,
    to: z.array(mail).min(1).max(50),
    tls: z
      .union([z.literal('none'), tls])
      .optional()
      .describe('none: clear text, which takes private: true.'),
    username: username.optional(),
    password: secretSource.optional(),
  }),
} as const satisfies Readonly<Record<TargetName, z.ZodType>>;

const to = z
  .strictObject({
    syslog: targets.syslog.optional(),
    webhook: targets.webhook.optional(),
    splunk: targets.splunk.optional(),
    elastic: targets.elastic.optional(),
    kafka: targets.kafka.optional(),
    otlp: targets.otlp.optional(),
    s3: targets.s3.optional(),
    file: targets.file.optional(),
    slack: targets.slack.optional(),
    teams: targets.teams.optional(),
    pagerduty: targets.pagerduty.optional(),
    email: targets.email.optional(),
  })
  .refine(
    (value) => targetNames.filter((name) => value[name] !== undefined).length === 1,
    `must hold exactly one of: ${targetNames.join(', ')}`,
  )
  .meta({ minProperties: 1, maxProperties: 1 })
  .describe('Where to. Exactly one.');

const eventPattern = z
  .string()
  .max(64)
  .regex(/^[a-z*][a-z.*-]*$/, 'must be a type of event, with * for any run of characters')
  .refine((pattern) => eventTypes.some(compileName(pattern)), 'matches no type of event; see docs/reference/events.md');

const fieldPath = z
  .string()
  .max(256)
  .regex(/^[^\s.]+(?:\.[^\s.]+)*$/, 'must be a path of fields such as command.text, with * for any one name');
const fieldPaths = z
  .array(fieldPath)
  .min(1, 'must not be empty')
  .max(limits.sinkFieldsMax)
  .refine(isDistinct, 'must not name anything twice')
  .optional();

export const sinkSchema = z.strictObject({
  kind: z.literal('Sink'),
  metadata,
  spec: z
    .strictObject({
      description: shortText.optional(),
      enabled: z
        .boolean()
        .optional()
        .describe('true unless given. One that is off keeps its place, and goes on from there.'),
      events: z
        .array(eventPattern)
        .min(1, 'must not be empty')
        .max(100)
        .refine(isDistinct, 'must not name anything twice')
        .optional()
        .describe(
          'Types of events, * for any run of characters. Unless given: everything but recording.chunk; to people (slack, teams, pagerduty, email) alert.raised.',
        ),
      severityMin: z.enum(severities).optional().describe('Of alerts: at least this severe.'),
      match: z
        .strictObject({ principals: principals.optional(), resources: resources.optional() })
        .optional()
        .describe('Events that name nobody, and no resource, are handed on all the same.'),
      format: z
        .enum(sinkFormats)
        .optional()
        .describe('json unless given, to elastic ecs. What has a form of its own (otlp, slack, …) takes none.'),
      to,
      fields: z
        .strictObject({
          omit: fieldPaths,
          redact: fieldPaths.describe('Sent as [redacted].'),
          hash: fieldPaths.describe('Sent as a keyed digest, the same for the same value.'),
        })
        .optional()
        .describe('Fields of the format that leave only changed; of cef, keys of the extension.'),
      from: z.enum(['now', 'beginning']).optional().describe('Where a new sink begins: now unless given.'),
      private: z
        .boolean()
        .optional()
        .describe('The target may lie inside a private network; http and mail in clear text only then.'),
    })
    .superRefine((spec, context) => {
      const target = targetNames.find((name) => spec.to[name] !== undefined);
      if (target === undefined) return;
      const { formats } = sinkTargets[target];
      if (spec.format !== undefined && !formats.includes(spec.format)) {
        const message =
          formats.length === 0
            ? `is not for ${target}, which has a form of its own`
            : `must be one of: ${formats.join(', ')}, for ${target}`;
        context.addIssue({ code: 'custom', path: ['format'], message });
      }
      for (const [path, message] of clearText(target, spec)) {
        context.addIssue({ code: 'custom', path: ['to', target, path], message });
      }
    }),
});

/** What would cross a public network in clear text. */
function clearText(
  target: TargetName,
  spec: { readonly to: z.output<typeof to>; readonly private?: boolean | undefined },
): readonly (readonly [path: string, message: string])[] {
  if (spec.private === true) return [];
  const given = spec.to[target] as Readonly<Record<string, unknown>>;
  const problems: (readonly [string, string])[] = [];
  for (const field of ['url', 'endpoint']) {
    const text = given[field];
    if (typeof text === 'string' && URL.canParse(text) && new URL(text).protocol === 'http:') {
      problems.push([field, 'must be https; http takes private: true']);
    }
  }
  if (target === 'syslog' && given['tls'] === undefined)
    problems.push(['tls', 'is required; clear text takes private: true']);
  if (target === 'kafka' && given['tls'] === undefined)
    problems.push(['tls', 'is required; clear text takes private: true']);
  if (target === 'email' && given['tls'] === 'none') problems.push(['tls', 'none takes private: true']);
  return problems;
}

export type SinkManifest = z.output<typeof sinkSchema>;
