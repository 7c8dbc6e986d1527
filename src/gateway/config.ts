/**
 * Process-level settings: one small YAML file, `SALLYPORT_*` variables over it. Everything else is declarative objects.
 *
 * Invariant: an unknown key is an error; a secret is never a value in this file, only a place where to find it.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { namePattern, originProtocols } from '../api/contract/index.ts';
import { sessionsMax, sessionsPerPrincipalMax } from '../core/limits.ts';
import type { Hours } from '../detection/index.ts';
import { createProtocols } from '../protocols/registry.ts';
import { type AcmeConfig, acmeOf, acmeSchema } from './acme-config.ts';
import type { CertificateFiles } from './certificates.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { officeHours, officeHoursSchema } from './office-hours.ts';
import { originDomains } from './origins.ts';
import {
  type ArchiveConfig,
  archiveOf,
  archiveSchema,
  type WitnessConfig,
  witnessesOf,
  witnessesSchema,
} from './storage-config.ts';

/** Offsets from the port base, for installations that only move the base. */
const portOffsets = { console: 0, postgres: 1, ssh: 2, http: 3, kubernetes: 4 } as const;
const portBaseDefault = 15_400;

const port = z.int().min(0).max(65_535);
const fileSchema = z.strictObject({
  data: z.string().optional(),
  names: z.array(z.string()).default([]),
  certificates: z
    .array(z.strictObject({ certificate: z.string().min(1), key: z.string().min(1) }))
    .max(limits.certificatesMax)
    .default([]),
  acme: acmeSchema.optional(),
  store: z.strictObject({ url: z.strictObject({ env: z.string() }) }).optional(),
  key: z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]).optional(),
  console: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: port.optional(),
      tls: z.boolean().default(false),
      /** How people reach it, where that is another name or something that ends TLS: links and sign-ons go there. */
      url: z
        .string()
        .refine(isConsoleUrl, 'must be https://HOST[:PORT], or http on a loopback address, and nothing more')
        .optional(),
    })
    .prefault({}),
  listeners: z
    .record(
      z.string(),
      z.strictObject({
        host: z.string().default('127.0.0.1'),
        port: port.optional(),
        tls: z.enum(['required', 'optional']).default('required'),
      }),
    )
    .optional(),
  recording: z
    .strictObject({
      resultBytesPerCommand: z.int().min(0).optional(),
      resultBytesPerSession: z.int().min(0).optional(),
      /** An object store to which recordings go once their session is over. */
      archive: archiveSchema.optional(),
    })
    .prefault({}),
  /** Places that checkpoints of the journal are handed to, so that a journal that was rolled back is found. */
  witnesses: witnessesSchema,
  /** `handles` costs less CPU on plain connections; it rests on an internal interface of Node and is proved at start. */
  transport: z.enum(['public', 'handles']).default('public'),
  /** `off`: nothing is indexed, and nothing can be searched, until it is on again; the journal is read from where it was. */
  history: z.enum(['on', 'off']).default('on'),
  /** Which hours detections call usual; Monday to Friday, 07:00 to 20:00 UTC where it is left out. */
  officeHours: officeHoursSchema.optional(),
  sessions: z
    .strictObject({
      perPrincipal: z.int().min(1).max(limits.configuredSessionsMax).default(sessionsPerPrincipalMax),
      total: z.int().min(1).max(limits.configuredSessionsMax).default(sessionsMax),
    })
    .prefault({}),
  webhooks: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        /** Where the URL is: for Slack and Teams it is a secret itself. */
        url: z.strictObject({ env: z.string() }),
        format: z.enum(['json', 'slack', 'teams']).default('json'),
        secret: z.strictObject({ env: z.string() }).optional(),
        private: z.boolean().default(false),
      }),
    )
    .max(limits.webhooksMax)
    .default([]),
  /** Decisions that come in from a chat. */
  chat: z
    .strictObject({
      slack: z.strictObject({
        /** Where the signing secret of the Slack application is. */
        signingSecret: z.strictObject({ env: z.string() }),
        /** Chat accounts and the names of the principals they stand for; nothing else of a chat account proves anything. */
        accounts: z
          .record(
            z.string().regex(/^[TE][A-Z0-9]{1,31}\/[UW][A-Z0-9]{1,31}$/, 'must be TEAM/USER, as in T0123/U0456'),
            z.string().regex(namePattern, 'must be the name of a principal'),
          )
          .refine((accounts) => Object.keys(accounts).length > 0, 'must map at least one account')
          .refine(
            (accounts) => Object.keys(accounts).length <= limits.chatAccountsMax,
            `must map at most ${limits.chatAccountsMax} accounts`,
          ),
      }),
    })
    .optional(),
  drainSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(limits.drainMsDefault / 1000),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
      format: z.enum(['json', 'text']).optional(),
    })
    .prefault({}),
});

export interface ListenerConfig {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly tlsRequired: boolean;
  /** Domains below which each resource of this listener has an origin of its own; see `originDomains`. */
  readonly domains?: readonly string[];
}

export interface WebhookConfig {
  readonly name: string;
  readonly url: string;
  readonly format: 'json' | 'slack' | 'teams';
  /** Name of the variable that holds the key of signatures; null where the URL itself is the secret. */
  readonly secretVariable: string | null;
  /** The receiver stands in a private network, on purpose. */
  readonly isPrivate: boolean;
}

export interface ChatConfig {
  readonly slack: {
    /** Name of the variable that holds the signing secret of the Slack application. */
    readonly secretVariable: string;
    /** `TEAM/USER` → name of a principal. */
    readonly accounts: ReadonlyMap<string, string>;
  };
}

export interface GatewayConfig {
  /** Absolute path; journal, recordings, embedded store, keys and certificates live below it. */
  readonly dataDirectory: string;
  /** Further DNS names and addresses for the listener's certificate. */
  readonly names: readonly string[];
  /** Certificates that are presented for the names that they cover, before one of the gateway's own. */
  readonly certificates?: readonly CertificateFiles[];
  /** Certificates that are had by ACME; none of them where it is left out. */
  readonly acme?: AcmeConfig;
  /** URL of a PostgreSQL database for the store; null is the embedded store. */
  readonly storeUrl: string | null;
  readonly key: { readonly file: string } | { readonly env: string };
  readonly console: {
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    /** Where people reach it; where it listens unless given. */
    readonly url?: string;
  };
  readonly listeners: readonly ListenerConfig[];
  readonly recording: {
    readonly resultBytesPerCommand: number | undefined;
    readonly resultBytesPerSession: number | undefined;
  };
  /** Where recordings go once their session is over; they stay here where it is left out. */
  readonly archive?: ArchiveConfig;
  /** Whether this gateway indexes what happens; `on` where it is left out. */
  readonly history?: 'on' | 'off';
  /** Monday to Friday, 07:00 to 20:00 UTC where it is left out. */
  readonly officeHours?: Hours;
  /** Who is handed checkpoints of the journal. */
  readonly witnesses?: readonly WitnessConfig[];
  /** Live sessions of one principal, and of this process. */
  readonly sessions: { readonly perPrincipal: number; readonly total: number };
  /** Who is told of reviews. */
  readonly webhooks: readonly WebhookConfig[];
  /** Null where nothing is decided from a chat. */
  readonly chat: ChatConfig | null;
  readonly transport: 'public' | 'handles';
  readonly drainMs: number;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly format: 'json' | 'text' };
}

export interface ConfigSources {
  readonly file?: string | undefined;
  readonly dataDirectory?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads and checks the settings. Throws `gateway.configuration` naming the field. */
export async function readConfig(sources: ConfigSources): Promise<GatewayConfig> {
  const { environment } = sources;
  const raw = sources.file === undefined ? {} : parseFile(sources.file, await readText(sources.file));
  const parsed = fileSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    // What is wrong with a key stands one level deeper.
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    throw fail(`${sources.file ?? 'defaults'}: ${issue.path.join('.') || 'top level'}: ${message}`);
  }
  const file = parsed.data;
  const dataDirectory = resolve(
    sources.dataDirectory ?? environment['SALLYPORT_DATA'] ?? file.data ?? 'sallyport-data',
  );
  const base = portBase(environment['SALLYPORT_PORT_BASE']);
  const portOf = (name: string, configured: number | undefined): number => {
    if (configured !== undefined) return configured;
    if (name in portOffsets) return base + portOffsets[name as keyof typeof portOffsets];
    throw fail(`listeners.${name}.port is missing`);
  };
  const storeUrl = file.store === undefined ? environment['SALLYPORT_STORE_URL'] : environment[file.store.url.env];
  if (file.store !== undefined && storeUrl === undefined) {
    throw fail(`store.url names the variable ${file.store.url.env}, which is not set`);
  }
  if (!file.console.tls && !isLoopback(file.console.host)) {
    throw fail(
      'console.tls must be true where console.host is not a loopback address: tokens would cross the network in clear',
    );
  }
  const listeners = Object.entries(file.listeners ?? defaultListeners());
  const surroundings = { names: file.names, listeners: listeners.map(([name]) => name), environment };
  return {
    dataDirectory,
    names: file.names,
    certificates: file.certificates.map(({ certificate, key }) => ({
      certificate: resolve(certificate),
      key: resolve(key),
    })),
    ...(file.acme === undefined ? {} : { acme: acmeOf(file.acme, surroundings) }),
    storeUrl: storeUrl ?? null,
    key:
      file.key ??
      (environment['SALLYPORT_KEY'] === undefined
        ? { file: resolve(dataDirectory, 'keys', 'master.key') }
        : { env: 'SALLYPORT_KEY' }),
    console: {
      host: file.console.host,
      port: portOf('console', file.console.port),
      tls: file.console.tls,
      ...(file.console.url === undefined ? {} : { url: file.console.url }),
    },
    listeners: listeners.map(([protocol, listener]) => ({
      protocol,
      host: listener.host,
      port: portOf(protocol, listener.port),
      tlsRequired: listener.tls === 'required',
      domains: originProtocols.includes(protocol) ? originDomains(file.names) : [],
    })),
    recording: {
      resultBytesPerCommand: file.recording.resultBytesPerCommand,
      resultBytesPerSession: file.recording.resultBytesPerSession,
    },
    ...(file.recording.archive === undefined ? {} : { archive: archiveOf(file.recording.archive, environment) }),
    witnesses: witnessesOf(file.witnesses, environment),
    sessions: file.sessions,
    webhooks: file.webhooks.map((webhook) => webhookOf(webhook, environment)),
    chat: file.chat === undefined ? null : chatOf(file.chat, environment),
    transport: transportOf(environment['SALLYPORT_TRANSPORT'], file.transport),
    ...(file.officeHours === undefined ? {} : { officeHours: officeHours(file.officeHours) }),
    history: historyOf(environment['SALLYPORT_HISTORY'], file.history),
    drainMs: number('SALLYPORT_DRAIN_SECONDS', environment, 86_400, file.drainSeconds) * 1000,
    log: {
      level: logLevel(environment['SALLYPORT_LOG_LEVEL'], file.log.level),
      format: file.log.format ?? (process.stderr.isTTY ? 'text' : 'json'),
    },
  };
}

/** Every protocol that the gateway speaks and has a port for. */
function defaultListeners(): Readonly<Record<string, { host: string; port?: number; tls: 'required' }>> {
  const spoken = [...createProtocols().keys()].filter((name) => name in portOffsets);
  return Object.fromEntries(spoken.map((name) => [name, { host: '127.0.0.1', tls: 'required' }]));
}

function transportOf(text: string | undefined, otherwise: GatewayConfig['transport']): GatewayConfig['transport'] {
  if (text === undefined || text === '') return otherwise;
  if (text !== 'public' && text !== 'handles')
    throw fail(`SALLYPORT_TRANSPORT must be public or handles, not "${text}"`);
  return text;
}

function historyOf(text: string | undefined, otherwise: 'on' | 'off'): 'on' | 'off' {
  if (text === undefined || text === '') return otherwise;
  if (text !== 'on' && text !== 'off') throw fail(`SALLYPORT_HISTORY must be on or off, not "${text}"`);
  return text;
}

function webhookOf(
  webhook: z.output<typeof fileSchema>['webhooks'][number],
  environment: ConfigSources['environment'],
): WebhookConfig {
  const { name, format, secret, url: where, private: isPrivate } = webhook;
  const url = environment[where.env];
  if (url === undefined || !URL.canParse(url)) {
    throw fail(`webhooks.${name}.url names the variable ${where.env}, which holds no URL`);
  }
  if (secret !== undefined && environment[secret.env] === undefined) {
    throw fail(`webhooks.${name}.secret names the variable ${secret.env}, which is not set`);
  }
  if (secret === undefined && format === 'json') throw fail(`webhooks.${name}.secret is missing: json is signed`);
  return { name, url, format, secretVariable: secret?.env ?? null, isPrivate };
}

function chatOf(
  { slack }: NonNullable<z.output<typeof fileSchema>['chat']>,
  environment: ConfigSources['environment'],
): ChatConfig {
  const { signingSecret, accounts } = slack;
  if ((environment[signingSecret.env] ?? '') === '') {
    throw fail(`chat.slack.signingSecret names the variable ${signingSecret.env}, which is not set`);
  }
  return { slack: { secretVariable: signingSecret.env, accounts: new Map(Object.entries(accounts)) } };
}

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
type LogLevel = (typeof logLevels)[number];

function logLevel(text: string | undefined, otherwise: LogLevel): LogLevel {
  if (text === undefined || text === '') return otherwise;
  const found = logLevels.find((level) => level === text);
  if (found === undefined) throw fail(`SALLYPORT_LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${text}"`);
  return found;
}

function number(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
  most: number,
  otherwise: number,
): number {
  const text = environment[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > most)
    throw fail(`${name} must be a number from 0 to ${most}, not "${text}"`);
  return value;
}

function portBase(text: string | undefined): number {
  if (text === undefined || text === '') return portBaseDefault;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1024 || value > 65_000) {
    throw fail(`SALLYPORT_PORT_BASE must be a number from 1024 to 65000, not "${text}"`);
  }
  return value;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw gatewayErrors('gateway.configuration', { cause, values: { problem: `${path} cannot be read` } });
  }
}

function parseFile(path: string, text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 }) ?? {};
  } catch (cause) {
    const first = cause instanceof Error ? cause.message.split('\n')[0]! : 'not YAML';
    throw gatewayErrors('gateway.configuration', { cause, values: { problem: `${path}: ${first}` } });
  }
}

function isConsoleUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.origin === text && (url.protocol === 'https:' || isLoopback(url.hostname));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function fail(problem: string): Error {
  return gatewayErrors('gateway.configuration', { values: { problem } });
}
