/** Opens the listeners of the settings, all or none. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Doors } from '../core/door.ts';
import type { Protocol } from '../core/protocol.ts';
import { type Authority, listenerTls } from './authority.ts';
import type { GatewayConfig } from './config.ts';
import { gatewayErrors } from './errors.ts';
import { type Listener, listen } from './listener.ts';
import type { Metrics } from './metrics.ts';
import type { Snapshot } from './snapshot.ts';
import type { SshKeys } from './ssh-keys.ts';
import type { VanishedPeers } from './vanished.ts';

export interface ListenersParts {
  readonly protocols: readonly Protocol[];
  readonly authority: Authority;
  readonly sshKeys: SshKeys;
  readonly metrics: Metrics;
  readonly vanished: VanishedPeers;
  readonly snapshot: Snapshot;
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
}

/** Rejects with `gateway.configuration` or `gateway.port-in-use`; nothing listens then. */
export async function openListeners(
  settings: GatewayConfig['listeners'],
  parts: ListenersParts,
): Promise<readonly Listener[]> {
  const { authority, sshKeys, metrics, snapshot, ...shared } = parts;
  const opened: Listener[] = [];
  try {
    for (const { protocol: name, host, port, tlsRequired, domains = [] } of settings) {
      const protocol = parts.protocols.find((one) => one.name === name);
      if (protocol === undefined) {
        throw gatewayErrors('gateway.configuration', { values: { problem: `there is no protocol ${name}` } });
      }
      opened.push(
        await listen({
          ...{ protocol, host, port, tlsRequired, domains },
          ...shared,
          serverTls: () => listenerTls(authority, domains, snapshot.issuers()),
          hostKeys: () => sshKeys.hostKeys,
          onConnection: (outcome) => metrics.connection(name, outcome),
        }),
      );
    }
    return opened;
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()));
    throw error;
  }
}
