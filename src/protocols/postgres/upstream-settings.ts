/**
 * A PostgreSQL Resource's own settings: how the gateway presents itself to the upstream.
 *
 * Deliberately absent: address, TLS and credential, which every Resource has.
 */
import type { Resource, SettingDefinition } from '../../core/resource.ts';

export type AuthenticationMethod = 'scram-sha-256' | 'md5' | 'cleartext';
export type ChannelBinding = 'prefer' | 'require' | 'disable';

export interface UpstreamSettings {
  /** Empty: named like the resource. */
  readonly database: string;
  readonly channelBinding: ChannelBinding;
  readonly allowAuthentication: readonly AuthenticationMethod[];
  readonly minor: 0 | 2;
  /** Where reviewers' estimates come from: the catalog's counts alone, or the planner as well. */
  readonly estimates: 'catalog' | 'explain';
}

const methods: readonly AuthenticationMethod[] = ['scram-sha-256', 'md5', 'cleartext'];

export const upstreamSettingDefinitions = {
  database: {
    type: 'string',
    description: 'The database that sessions are opened in. The name of the resource when left out.',
    default: '',
  },
  channel_binding: {
    type: 'string',
    description: 'Whether SCRAM must prove that nobody sits between gateway and server (needs TLS).',
    choices: ['prefer', 'require', 'disable'],
    default: 'prefer',
  },
  allow_authentication: {
    type: 'string-list',
    description: 'How the server may ask for the password. cleartext is used inside TLS only.',
    choices: [...methods],
    default: ['scram-sha-256', 'md5'],
  },
  protocol_version: {
    type: 'string',
    description: 'The newest protocol version to ask the server for. Set 3.0 for servers and poolers that fail on 3.2.',
    choices: ['3.0', '3.2'],
    default: '3.2',
  },
  estimates: {
    type: 'string',
    description:
      'How many rows a held statement would touch, for its reviewers: explain asks the planner by EXPLAIN, on a read-only connection of its own; catalog knows of whole tables only.',
    choices: ['catalog', 'explain'],
    default: 'explain',
  },
} as const satisfies Record<string, SettingDefinition>;

/** Reads the settings; what is not there or not understood is the stricter choice. */
export function readUpstreamSettings(resource: Resource): UpstreamSettings {
  const { database, channel_binding, allow_authentication, protocol_version, estimates } = resource.settings;
  return {
    database: typeof database === 'string' ? database : '',
    channelBinding:
      channel_binding === 'disable' || channel_binding === 'prefer' || channel_binding === undefined
        ? (channel_binding ?? 'prefer')
        : 'require',
    allowAuthentication: Array.isArray(allow_authentication)
      ? methods.filter((method) => allow_authentication.includes(method))
      : ['scram-sha-256', 'md5'],
    minor: protocol_version === '3.0' ? 0 : 2,
    estimates: estimates === undefined || estimates === 'explain' ? 'explain' : 'catalog',
  };
}
