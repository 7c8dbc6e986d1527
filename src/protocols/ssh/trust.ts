/**
 * A target's host keys, asked for so that an administrator can compare and pin them. Nothing is believed by asking: what is
 * pinned is what the administrator then writes down (A-SSH-18).
 *
 * Deliberately absent: logging in. Each attempt ends once the key was seen.
 */
import type { Clock } from '../../base/clock.ts';
import { isGatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Wire } from '../../base/wire.ts';
import { connectSsh, type SshPublicKey } from './transport/index.ts';

/** Types of host keys, the best first; a target has one to three of them. */
const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'] as const;

/** One of each type that the target has. Rejects where it does not answer at all. */
export async function scanHostKeys(dial: () => Promise<Wire>, clock: Clock, log: Log): Promise<SshPublicKey[]> {
  const found: SshPublicKey[] = [];
  for (const type of types) {
    const wire = await dial();
    try {
      const connection = await connectSsh(wire, {
        user: 'sallyport-scan',
        credentials: [],
        hostKeyTypes: [type],
        verifyHostKey: (key) => {
          found.push(key);
          return false;
        },
        handler: { open: (_open, answer) => answer.reject(1, 'not here'), close: () => undefined },
        clock,
        log,
      });
      connection.destroy();
    } catch (error) {
      // Refusing the key is how this ends; a target without a key of this type has no common algorithm.
      if (!isGatewayError(error)) throw error;
    } finally {
      wire.destroy();
    }
  }
  return found;
}
