/** Connects to resources, and notices when one of them is gone without a word. */
import { SocketWire } from '../base/wire.ts';
import type { Dialler } from '../core/ports.ts';
import type { VanishedPeers } from './vanished.ts';

export function createDialler(vanished: VanishedPeers): Dialler {
  return {
    dial: async (resource, signal) => {
      const wire = await SocketWire.dial(resource.host, resource.port, signal);
      vanished.watch(wire);
      return wire;
    },
  };
}
