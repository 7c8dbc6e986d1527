/**
 * Logs in at a target and leaves again, for whoever sets a resource up: its host key and the credential, by the very code that
 * sessions open with. No channel is opened.
 *
 * Deliberately absent: hops. What lies behind one is reached by sessions only.
 */
import type { Probe } from '../../core/protocol.ts';
import { connectTo } from './upstream.ts';

export async function probe({ resource, wire, credential, principal, clock, log, signal }: Probe): Promise<void> {
  const asker = { id: 'connection-test', principal: { name: principal }, credential };
  const connection = await connectTo(
    asker as Parameters<typeof connectTo>[0],
    resource,
    wire,
    { open: (_open, answer) => answer.reject(1, 'not here'), close: () => undefined },
    { clock, log, signal },
  );
  connection.disconnect('The connection test is over.');
}
