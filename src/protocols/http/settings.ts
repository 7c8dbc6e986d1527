/** An HTTP resource's own settings: what a manifest may say, and what it means. */
import type { Resource, SettingDefinition, SettingValue } from '../../core/resource.ts';
import {
  compileRoutes,
  type Routes,
  type RpcSchema,
  routeProblem,
  rpcSchema,
  type TargetOptions,
} from '../../language/index.ts';
import * as limits from './limits.ts';

/** `auto`: by ALPN, HTTP/1.1 without TLS. `2` without TLS: with prior knowledge (RFC 9113, section 3.3). */
export const upstreamVersions = ['auto', '1.1', '2'] as const;
export type UpstreamVersion = (typeof upstreamVersions)[number];

export const settingDefinitions: Readonly<Record<string, SettingDefinition>> = {
  version: {
    type: 'string',
    description: 'Version of HTTP towards the target: auto (what it offers by TLS), 1.1 or 2.',
    choices: upstreamVersions,
    default: 'auto',
  },
  host_header: {
    type: 'string',
    description: 'The Host that the target is asked for; its address unless given.',
    default: '',
  },
  routes: {
    type: 'string-list',
    description: 'Templates of paths that rules can name, most particular first: /v1/customers/{id}.',
    default: [],
    problem: (value) => {
      const problem = routeProblem(value as readonly string[]);
      return problem === null ? null : `cannot be used: ${problem}`;
    },
  },
  encoded_slashes: {
    type: 'boolean',
    description: 'The service takes %2F within a name (GitLab, some registries); otherwise such a path is refused.',
    default: false,
  },
  semicolons: {
    type: 'boolean',
    description: 'The service takes ; in paths and queries; otherwise such a request is refused.',
    default: false,
  },
  identity_headers: {
    type: 'boolean',
    description: 'Tells the target who asks: X-Sallyport-Principal, X-Sallyport-Groups and X-Sallyport-Session.',
    default: false,
  },
  grpc_descriptors: {
    type: 'string',
    description:
      'What gRPC services look like: a descriptor set with its imports, as protoc and buf write it, in base 64 or as file:/path on the gateway. With it rules and Masks reach into messages.',
    default: '',
    charactersMax: limits.descriptorCharactersMax,
    file: true,
    problem: (value) => {
      if (value === '' || /^file:\/[^\0]*$/.test(value as string)) return null;
      const schema = rpcSchema(value as string);
      return typeof schema === 'string' ? schema : null;
    },
  },
  idle_timeout: {
    type: 'integer',
    description: 'Seconds without a request after which a session ends.',
    default: limits.idleTimeoutSecondsDefault,
    minimum: 1,
    maximum: 2_147_483,
  },
  hold_patience: {
    type: 'integer',
    description: 'Seconds that a held request waits with its connection open; then the client is told to come again.',
    default: limits.holdPatienceSecondsDefault,
    minimum: 1,
    maximum: 86_400,
  },
  answer_timeout: {
    type: 'integer',
    description: 'Seconds that the target may take for the head of an answer, and between two pieces of its body.',
    default: limits.answerTimeoutSecondsDefault,
    minimum: 1,
    maximum: 86_400,
  },
};

export interface HttpSettings {
  readonly version: UpstreamVersion;
  /** Of the target, as its Host field says it. */
  readonly authority: string;
  readonly routes: Routes;
  readonly targetOptions: TargetOptions;
  readonly identityHeaders: boolean;
  /** The services that are known; null: messages of gRPC are bytes. */
  readonly grpc: RpcSchema | null;
  readonly idleMs: number;
  readonly answerMs: number;
  /** For a held request, milliseconds. */
  readonly holdMs: number;
}

/** The settings of a resource, which were checked against their definitions. */
export function settingsOf(resource: Resource): HttpSettings {
  const value = (name: string): SettingValue => resource.settings[name] ?? settingDefinitions[name]!.default!;
  const named = value('host_header') as string;
  const descriptors = value('grpc_descriptors') as string;
  const schema = descriptors === '' ? null : rpcSchema(descriptors);
  return {
    version: value('version') as UpstreamVersion,
    authority: named === '' ? authorityOf(resource) : named,
    routes: compileRoutes(value('routes') as readonly string[]),
    targetOptions: {
      encodedSlashes: value('encoded_slashes') === true ? 'keep' : 'refuse',
      semicolons: value('semicolons') === true ? 'keep' : 'refuse',
    },
    grpc: typeof schema === 'string' ? null : schema,
    identityHeaders: value('identity_headers') === true,
    idleMs: Number(value('idle_timeout')) * 1000,
    answerMs: Number(value('answer_timeout')) * 1000,
    holdMs: Number(value('hold_patience')) * 1000,
  };
}

/** The scheme by which the target is spoken to. */
export function schemeOf({ tls }: Resource): 'http' | 'https' {
  return tls.mode === 'disable' ? 'http' : 'https';
}

function authorityOf(resource: Resource): string {
  const { port, tls } = resource;
  const name = tls.serverName ?? resource.host;
  const host = name.includes(':') ? `[${name}]` : name;
  return port === (schemeOf(resource) === 'https' ? 443 : 80) ? host : `${host}:${port}`;
}
