/**
 * What the settings say of ACME (RFC 8555): which server, for which names, proved how.
 *
 * Invariants: no secret is a value here; a name that the chosen proof cannot stand for is refused at the start, with what to
 * choose instead; names are those of the settings, or origins below them, and nothing that a client asks for.
 *
 * Deliberately absent: certificates for addresses, and more than one server.
 */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { isOriginLabel, originDomains } from './origins.ts';

const challenges = ['tls-alpn-01', 'http-01', 'dns-01'] as const;
export type ChallengeType = (typeof challenges)[number];

export const acmeSchema = z.strictObject({
  directory: z.string(),
  email: z
    .string()
    .regex(/^[^\s@,?]+@[^\s@,?]+$/, 'must be one address')
    .optional(),
  termsAgreed: z.literal(true, 'must be true: read the terms of the server, and agree to them'),
  domains: z.union([z.literal('origins'), z.array(z.string()).min(1).max(limits.acmeNamesMax)], {
    error: 'must be a list of names, or origins',
  }),
  challenge: z.enum(challenges).default('tls-alpn-01'),
  /** Where HTTP-01 is answered; the server asks at port 80. */
  http: z
    .strictObject({ host: z.string().default('0.0.0.0'), port: z.int().min(0).max(65_535).default(80) })
    .optional(),
  /** What puts records into the DNS for DNS-01. */
  hook: z
    .strictObject({
      command: z.array(z.string().min(1)).min(1),
      /** Names of variables that the program gets of the gateway's; it gets no others but PATH, HOME and LANG. */
      environment: z.array(z.string()).default([]),
      deadlineSeconds: z.int().min(1).max(limits.acmeHookSecondsMax).default(limits.acmeHookSeconds),
      /** From the last record until the server is asked to look. */
      waitSeconds: z.int().min(0).max(limits.acmeHookSecondsMax).default(limits.acmeWaitSeconds),
    })
    .optional(),
  externalAccountBinding: z
    .strictObject({ keyId: z.string().min(1), key: z.strictObject({ env: z.string() }) })
    .optional(),
  /** PEM file of who issued the certificate of the ACME server itself, where that is no public authority. */
  ca: z.string().min(1).optional(),
});

export interface HookConfig {
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly deadlineMs: number;
  readonly waitMs: number;
}

export interface AcmeConfig {
  readonly directory: string;
  readonly email: string | null;
  /** Null: the origins of resources, and the domains that they stand below. */
  readonly names: readonly string[] | null;
  /** Domains below which origins get certificates; none where `names` are given. */
  readonly domains: readonly string[];
  readonly challenge: ChallengeType;
  readonly http: { readonly host: string; readonly port: number };
  /** Not null with DNS-01. */
  readonly hook: HookConfig | null;
  /** `variable` holds the HMAC key in base64url. */
  readonly externalAccountBinding: { readonly keyId: string; readonly variable: string } | null;
  /** Absolute path. */
  readonly ca: string | null;
}

/** What the rest of the settings has to do with it. */
export interface AcmeSurroundings {
  readonly names: readonly string[];
  /** Protocols that are listened for. */
  readonly listeners: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Throws `gateway.configuration`, naming the field. */
export function acmeOf(file: z.output<typeof acmeSchema>, around: AcmeSurroundings): AcmeConfig {
  const { challenge, hook, http, externalAccountBinding: binding } = file;
  if (!URL.canParse(file.directory) || new URL(file.directory).protocol !== 'https:') {
    throw fail('directory', 'must be the https URL of the directory of an ACME server');
  }
  if ((challenge === 'dns-01') !== (hook !== undefined)) {
    throw fail('hook', hook === undefined ? 'is missing: dns-01 takes a program' : `is for dns-01, not ${challenge}`);
  }
  if (http !== undefined && challenge !== 'http-01') throw fail('http', `is for http-01, not ${challenge}`);
  const program = hook?.command[0];
  if (program !== undefined && !isAbsolute(program)) throw fail('hook.command', `must begin with an absolute path`);
  if (challenge === 'tls-alpn-01' && !around.listeners.some((name) => tlsFirst.includes(name))) {
    throw fail('challenge', `tls-alpn-01 is answered by a listener of ${tlsFirst.join(' or ')}, and there is none`);
  }
  if (binding !== undefined && (around.environment[binding.key.env] ?? '') === '') {
    throw fail('externalAccountBinding.key', `names the variable ${binding.key.env}, which is not set`);
  }
  const names = file.domains === 'origins' ? null : [...new Set(file.domains.map((name) => nameOf(name, challenge)))];
  const domains = names === null ? originDomains(around.names).filter(isPublic) : [];
  if (names === null && domains.length === 0) {
    throw fail('domains', 'origins stand below the DNS names in names, and there is none');
  }
  return {
    directory: file.directory,
    email: file.email ?? null,
    names,
    domains,
    challenge,
    http: http ?? { host: '0.0.0.0', port: 80 },
    hook:
      hook === undefined
        ? null
        : {
            command: hook.command,
            environment: hook.environment,
            deadlineMs: hook.deadlineSeconds * 1000,
            waitMs: hook.waitSeconds * 1000,
          },
    externalAccountBinding: binding === undefined ? null : { keyId: binding.keyId, variable: binding.key.env },
    ca: file.ca === undefined ? null : resolve(file.ca),
  };
}

/** Listeners whose connections begin with TLS. */
const tlsFirst: readonly string[] = ['http', 'kubernetes'];

/** In lower case. Throws where it is no name that a server could be had for. */
function nameOf(text: string, challenge: ChallengeType): string {
  const name = text.toLowerCase().replace(/\.$/, '');
  const isWildcard = name.startsWith('*.');
  const bare = isWildcard ? name.slice(2) : name;
  if (!isPublic(bare) || bare.length > limits.acmeNameLengthMax) {
    throw fail('domains', `${text} is no full DNS name, as gateway.example.com or *.gateway.example.com`);
  }
  if (isWildcard && challenge !== 'dns-01') {
    throw fail(
      'domains',
      `${text} is a wildcard, which no server gives for ${challenge}: set challenge: dns-01 with a hook, or name each host (or domains: origins)`,
    );
  }
  return name;
}

/** Whether a name is a full DNS name, of two labels at least; `localhost` and what stands below it never is. */
function isPublic(name: string): boolean {
  const labels = name.split('.');
  const last = labels.at(-1)!;
  return labels.length > 1 && labels.every(isOriginLabel) && !/^[0-9]+$/.test(last) && last !== 'localhost';
}

function fail(field: string, problem: string): Error {
  return gatewayErrors('gateway.configuration', { values: { problem: `acme.${field}: ${problem}` } });
}
