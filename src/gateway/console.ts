/** Listens for the API and the console. */
import { existsSync } from 'node:fs';
import type { Server as HttpsServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import { type ApiPorts, createApi } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Authority } from './authority.ts';
import type { GatewayConfig } from './config.ts';
import { gatewayErrors } from './errors.ts';
import { version } from './version.ts';

export interface Console {
  readonly url: string;
  /** Takes up a renewed certificate. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleParts {
  readonly config: GatewayConfig['console'];
  readonly ports: ApiPorts;
  readonly protocols: readonly Protocol[];
  readonly authority: Authority;
  readonly clock: Clock;
  readonly log: Log;
}

/** Rejects with `gateway.port-in-use` where the port is taken; nothing is left open then. */
export async function openConsole(parts: ConsoleParts): Promise<Console> {
  const { host, port, tls } = parts.config;
  const api = createApi(parts.ports, {
    version,
    clock: parts.clock,
    log: parts.log,
    protocols: parts.protocols,
    tls: tls ? await parts.authority.material() : null,
    publicUrl: parts.config.url ?? null,
    consoleDirectory: consoleDirectory(parts.log),
  });
  try {
    await api.listen({ host, port });
  } catch (cause) {
    await api.close();
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw taken ? gatewayErrors('gateway.port-in-use', { cause, values: { port, host } }) : cause;
  }
  const address = api.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: parts.config.url ?? `${tls ? 'https' : 'http'}://${publicHost(host)}:${bound}`,
    renew: async () => {
      if (tls) (api.server as unknown as HttpsServer).setSecureContext(await parts.authority.material());
    },
    close: () => api.close(),
  };
}

/** How a listener is reached from this machine. */
export function publicHost(host: string): string {
  return host === '0.0.0.0' || host === '::' || host === '127.0.0.1' ? 'localhost' : host;
}

/** Where the built console lies; before it was built, its pages for signing on alone. */
function consoleDirectory(log: Log): string {
  const web = new URL(import.meta.url.endsWith('.ts') ? '../../web/' : '../../../web/', import.meta.url);
  const built = fileURLToPath(new URL('dist/', web));
  if (existsSync(`${built}index.html`)) return built;
  log.warn('the console was not built: make build');
  return fileURLToPath(new URL('public/', web));
}
