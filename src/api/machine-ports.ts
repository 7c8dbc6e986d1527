/** What the API needs for what runs without a person at it; see ports.ts. */
import type { Principal } from '../core/principal.ts';
import type { TokenRecord } from './ports.ts';

/** A token that was given, with whom it stands for as it will: scope and agents included. */
export interface MachineOutcome {
  readonly principal: Principal;
  readonly secret: string;
  readonly token: TokenRecord;
  /** Who came with a token of its own: as its issuer calls it. */
  readonly workload: { readonly provider: string; readonly subject: string } | null;
}

export interface MachinesPort {
  /** Takes a workload's own token, throttled. Rejects with a denial that is the same for whatever is wrong with the proof. */
  exchange(
    order: {
      readonly token: string;
      /** The principal to be; whoever the rules say where null. */
      readonly principal: string | null;
      readonly resources: readonly string[] | null;
      readonly lifetimeSeconds: number | null;
    },
    source: string,
  ): Promise<MachineOutcome>;
  /** Has an agent act for a principal, resting on what that was proven by. Rejects with a denial that may be shown. */
  delegate(order: {
    readonly principal: Principal;
    /** As it proved itself, or by name. */
    readonly agent: Principal | string;
    readonly resources: readonly string[] | null;
    readonly lifetimeSeconds: number | null;
    readonly description: string;
  }): Promise<MachineOutcome>;
  /** A new token in place of one, which ends at once or after a while. Rejects with a denial that may be shown. */
  rotate(
    id: string,
    overlapSeconds: number,
    by: string,
  ): Promise<{ readonly secret: string; readonly token: TokenRecord }>;
}
