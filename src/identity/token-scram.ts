/**
 * SCRAM-SHA-256 with an access token as the password.
 *
 * Invariants: the principal is that of the token whose proof succeeded (I4); a message that breaks the exchange counts as a
 * failed proof, as a wrong one does.
 *
 * Deliberately absent: the mechanism (base/scram.ts), which tokens are tried (identity.ts).
 */
import { assert } from '../base/assert.ts';
import type { ScramMechanism, ScramServer } from '../base/scram.ts';
import type { ScramIdentification } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';

export interface TokenScramParts {
  readonly server: ScramServer;
  /** The principal of the token that matched, or null where it may no longer be used. */
  readonly accept: (tokenId: string) => Principal | null;
  readonly succeeded: () => void;
  readonly failed: () => void;
}

/** A SCRAM exchange that ends in the principal of the token whose proof succeeded. */
export class TokenScram implements ScramIdentification {
  readonly exchange = {
    first: (clientFirst: string, channelBinding: Buffer | null, mechanism?: ScramMechanism): string =>
      this.#counted(() => this.#parts.server.first(clientFirst, channelBinding, mechanism)),
    final: (clientFinal: string): string | null => this.#final(clientFinal),
  };
  readonly #parts: TokenScramParts;
  #principal: Principal | null = null;

  constructor(parts: TokenScramParts) {
    this.#parts = parts;
  }

  principal(): Principal {
    assert(this.#principal !== null, 'the principal of a SCRAM exchange that did not succeed');
    return this.#principal;
  }

  #final(clientFinal: string): string | null {
    const { server, accept, succeeded, failed } = this.#parts;
    const answer = this.#counted(() => server.final(clientFinal));
    const principal = answer === null || server.matched === null ? null : accept(server.matched);
    if (principal === null) {
      failed();
      return null;
    }
    succeeded();
    this.#principal = principal;
    return answer;
  }

  /** A message that breaks the exchange counts as a failed proof. */
  #counted<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.#parts.failed();
      throw error;
    }
  }
}
