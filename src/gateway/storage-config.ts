/**
 * What the settings say of where recordings go, and of who witnesses the journal.
 *
 * Invariants: no secret is a value here; these are process-level on purpose, since whoever may edit objects over the API must not be
 * able to have evidence end somewhere else.
 */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { durationMs } from '../base/duration.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

const variable = z.strictObject({ env: z.string().min(1) });
const named = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 of a-z 0-9 . _ -');

const bucket = {
  endpoint: z.string().min(1).optional(),
  region: z.string().min(1),
  bucket: z.string().min(3).max(63),
  prefix: z
    .string()
    .max(200)
    .regex(/^(?:[A-Za-z0-9!_.*'()-]+\/)*$/, 'must be empty or end with a slash, as in recordings/')
    .default(''),
  accessKeyId: variable.optional(),
  secretAccessKey: variable.optional(),
  pathStyle: z.boolean().default(false),
  private: z.boolean().default(false),
  /** PEM file of authorities for its certificate, in place of the system's. */
  ca: z.string().min(1).optional(),
  lock: z
    .strictObject({
      mode: z.enum(['governance', 'compliance']).default('compliance'),
      days: z.int().min(1).max(limits.objectLockDaysMax),
    })
    .optional(),
};

export const archiveSchema = z.strictObject({
  name: named.default('archive'),
  ...bucket,
  /** How long the file stays here once a copy was compared. */
  keepLocal: z
    .string()
    .refine((text) => text === '0' || durationMs(text) !== null, 'must be 0, or a length of time such as 12h or 7d')
    .default('7d'),
});

export const witnessesSchema = z
  .array(
    z
      .strictObject({
        name: named,
        /** At most one checkpoint in so many seconds; what is signed between is covered by the next. */
        everySeconds: z.int().min(1).max(86_400).default(limits.witnessEverySeconds),
        /** A directory on another mount. */
        file: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
        s3: z.strictObject(bucket).optional(),
        webhook: z.strictObject({ url: variable, secret: variable, private: z.boolean().default(false) }).optional(),
        /** Another gateway: its console's URL, and a token that may witness there. */
        gateway: z
          .strictObject({
            url: z.string().min(1),
            token: variable,
            private: z.boolean().default(false),
            ca: z.string().min(1).optional(),
          })
          .optional(),
      })
      .refine(
        ({ file, s3, webhook, gateway }) =>
          [file, s3, webhook, gateway].filter((one) => one !== undefined).length === 1,
        'must hold exactly one of file, s3, webhook and gateway',
      ),
  )
  .max(limits.witnessesMax)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'must not use a name twice')
  .default([]);

export interface BucketConfig {
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Names of variables; null: as AWS's tools find them. */
  readonly keys: { readonly id: string; readonly secret: string } | null;
  readonly pathStyle: boolean;
  readonly isPrivate: boolean;
  readonly ca: string | null;
  readonly lock: { readonly mode: 'governance' | 'compliance'; readonly days: number } | null;
}

export interface ArchiveConfig extends BucketConfig {
  readonly name: string;
  readonly keepLocalMs: number;
}

export interface WitnessConfig {
  readonly name: string;
  readonly everyMs: number;
  readonly to:
    | { readonly kind: 'file'; readonly directory: string }
    | { readonly kind: 's3'; readonly bucket: BucketConfig }
    | { readonly kind: 'webhook'; readonly url: string; readonly secretVariable: string; readonly isPrivate: boolean }
    | {
        readonly kind: 'gateway';
        readonly url: string;
        readonly tokenVariable: string;
        readonly isPrivate: boolean;
        readonly ca: string | null;
      };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `gateway.configuration`, naming the field. */
export function archiveOf(file: z.output<typeof archiveSchema>, environment: Environment): ArchiveConfig {
  return {
    name: file.name,
    ...bucketOf('recording.archive', file, environment),
    keepLocalMs: file.keepLocal === '0' ? 0 : (durationMs(file.keepLocal) ?? 0),
  };
}

/** Throws `gateway.configuration`, naming the field. */
export function witnessesOf(file: z.output<typeof witnessesSchema>, environment: Environment): WitnessConfig[] {
  return file.map((witness) => {
    const { name, everySeconds } = witness;
    const path = `witnesses.${name}`;
    return { name, everyMs: everySeconds * 1000, to: targetOf(path, witness, environment) };
  });
}

function targetOf(
  path: string,
  { file, s3, webhook, gateway }: z.output<typeof witnessesSchema>[number],
  environment: Environment,
): WitnessConfig['to'] {
  if (file !== undefined) return { kind: 'file', directory: file };
  if (s3 !== undefined) return { kind: 's3', bucket: bucketOf(`${path}.s3`, s3, environment) };
  if (webhook !== undefined) {
    const url = variableOf(`${path}.webhook.url`, webhook.url.env, environment);
    assertUrl(`${path}.webhook.url`, url, webhook.private);
    variableOf(`${path}.webhook.secret`, webhook.secret.env, environment);
    return { kind: 'webhook', url, secretVariable: webhook.secret.env, isPrivate: webhook.private };
  }
  // The schema asks for exactly one.
  const { url, token, ca, private: isPrivate } = gateway!;
  assertUrl(`${path}.gateway.url`, url, isPrivate);
  variableOf(`${path}.gateway.token`, token.env, environment);
  return { kind: 'gateway', url: url.replace(/\/+$/, ''), tokenVariable: token.env, isPrivate, ca: ca ?? null };
}

interface BucketFile {
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly accessKeyId?: { readonly env: string } | undefined;
  readonly secretAccessKey?: { readonly env: string } | undefined;
  readonly pathStyle: boolean;
  readonly private: boolean;
  readonly ca?: string | undefined;
  readonly lock?: { readonly mode: 'governance' | 'compliance'; readonly days: number } | undefined;
}

function bucketOf(path: string, file: BucketFile, environment: Environment): BucketConfig {
  const { accessKeyId: id, secretAccessKey: secret, endpoint } = file;
  if ((id === undefined) !== (secret === undefined)) {
    throw fail(path, 'needs both of accessKeyId and secretAccessKey, or neither');
  }
  if (endpoint !== undefined) assertUrl(`${path}.endpoint`, endpoint, file.private);
  if (id !== undefined) variableOf(`${path}.accessKeyId`, id.env, environment);
  if (secret !== undefined) variableOf(`${path}.secretAccessKey`, secret.env, environment);
  return {
    endpoint: endpoint ?? null,
    region: file.region,
    bucket: file.bucket,
    prefix: file.prefix,
    keys: id === undefined || secret === undefined ? null : { id: id.env, secret: secret.env },
    pathStyle: file.pathStyle,
    isPrivate: file.private,
    ca: file.ca ?? null,
    lock: file.lock ?? null,
  };
}

function assertUrl(path: string, text: string, isPrivate: boolean): void {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPrivate))) {
    throw fail(path, isPrivate ? 'must be a URL' : 'must be an https URL; http takes private: true');
  }
  if (url.username !== '' || url.password !== '') throw fail(path, 'must hold no login');
}

function variableOf(path: string, name: string, environment: Environment): string {
  const value = environment[name];
  if (value === undefined || value === '') throw fail(path, `names the variable ${name}, which is not set`);
  return value;
}

function fail(path: string, problem: string): Error {
  return gatewayErrors('gateway.configuration', { values: { problem: `${path}: ${problem}` } });
}
