/**
 * A whole gateway in this process for what has an origin of its own (HTTP, Kubernetes): one listener below `localhost`, by TLS,
 * and principals with their tokens.
 *
 * Deliberately absent: targets and objects; a test brings its own.
 */
import { readFile } from 'node:fs/promises';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Protocol } from '../../src/core/protocol.ts';
import { type Gateway, readConfig, startGateway } from '../../src/gateway/index.ts';
import { type PrincipalSetup, setUp } from './setup.ts';

export interface OriginsOptions {
  readonly dataDirectory: string;
  /** `http` unless given. */
  readonly protocol?: string;
  readonly people: readonly PrincipalSetup[];
  readonly protocols?: readonly Protocol[];
}

export interface Origins {
  readonly gateway: Gateway;
  /** Access tokens by principal, the administrator's among them. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly admin: Client;
  clientOf(principal: string): Client;
}

export async function startOrigins({ dataDirectory, protocol, people, protocols }: OriginsOptions): Promise<Origins> {
  const config = await readConfig({ dataDirectory, environment: {} });
  const listener = { protocol: protocol ?? 'http', host: '127.0.0.1', port: 0, tlsRequired: true };
  const gateway = await startGateway({
    config: {
      ...config,
      console: { host: '127.0.0.1', port: 0, tls: false },
      listeners: [{ ...listener, domains: ['localhost'] }],
      drainMs: 0,
    },
    log: silentLog,
    ...(protocols === undefined ? {} : { protocols }),
  });
  const { consoleUrl, caPath } = gateway;
  const tokens = await setUp({ consoleUrl, caPath, dataDirectory }, [], people);
  const ca = await readFile(caPath, 'utf8');
  const clientOf = (name: string): Client => createClient({ baseUrl: consoleUrl, ca, token: tokens.get(name)! });
  return { gateway, tokens, admin: clientOf('admin'), clientOf };
}

/** Of the demonstration. */
export const engineerAndDba: readonly PrincipalSetup[] = [
  { name: 'dba', groups: ['dba'] },
  { name: 'erin', groups: ['engineering'] },
];
