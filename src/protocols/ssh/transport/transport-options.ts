/**
 * What the transport is given: a wire, an owner, limits, keys.
 *
 * Deliberately absent: behaviour (transport.ts).
 */
import type { Clock } from '../../../base/clock.ts';
import type { Wire } from '../../../base/wire.ts';
import type { SshPrivateKey } from './keys.ts';
import type { SshLimits } from './limits.ts';
import type { SshCloseReason } from './types.ts';

/** What the transport needs of a wire. */
export type SshWire = Pick<Wire, 'handle' | 'write' | 'pause' | 'resume' | 'end' | 'destroy' | 'pendingBytes'>;

export interface TransportOwner {
  /** The first key exchange is done. */
  ready(): void;
  /**
   * A message that is not the transport's own. Throwing ends the connection. Data of a channel may lie in a region, and
   * then is the owner's during the call only (base/regions.ts).
   */
  message(payload: Buffer): void;
  /** `canWrite` may have become true. */
  drain(): void;
  close(reason: SshCloseReason): void;
}

export interface TransportOptions {
  readonly role: 'client' | 'server';
  readonly wire: SshWire;
  readonly owner: TransportOwner;
  readonly clock: Clock;
  readonly software: string;
  readonly limits: SshLimits;
  /** Names of host key algorithms: those of our keys, or those that we want. */
  readonly hostKeyAlgorithms: readonly string[];
  readonly hostKeys?: ReadonlyMap<string, SshPrivateKey>;
  readonly verifyHostKey?: (blob: Buffer) => Promise<boolean>;
}
