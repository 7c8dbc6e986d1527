/**
 * TLS handshakes that prove who holds a name, and nothing else (RFC 8737, TLS-ALPN-01): a client that offers the protocol
 * `acme-tls/1` and no other is shown the certificate of the challenge, and the connection ends with the handshake.
 *
 * Invariants: what a client offers besides is never answered by a challenge; a name without one is answered as by any server
 * that does not speak the protocol, by an alert. No byte of such a connection reaches who called for TLS.
 */
import type { TLSSocket, TLSSocketOptions } from 'node:tls';
import { GatewayError } from './errors.ts';
import type { ServerIdentity, ServerTlsOptions } from './wire.ts';

const challengeProtocol = 'acme-tls/1';

export class AlpnChallenge {
  readonly #options: ServerTlsOptions;
  #shown: ServerIdentity | null = null;

  constructor(options: ServerTlsOptions) {
    this.#options = options;
  }

  /** How the socket chooses among protocols. `socket` is asked for during the handshake. */
  alpn(socket: () => TLSSocket): Pick<TLSSocketOptions, 'ALPNProtocols' | 'ALPNCallback'> {
    const { challengeFor, alpn } = this.#options;
    // A call into JavaScript for each handshake is paid only while something is to be proved.
    if (alpn === undefined) return {};
    if (challengeFor === undefined) return { ALPNProtocols: [...alpn] };
    return {
      ALPNCallback: ({ servername, protocols }) => {
        if (protocols.length === 1 && protocols[0] === challengeProtocol) {
          this.#shown = challengeFor(servername);
          if (this.#shown === null) return undefined;
          socket().setKeyCert(this.#shown.secureContext);
          return challengeProtocol;
        }
        return alpn.find((known) => protocols.includes(known));
      },
    };
  }

  /** What to present for a name: the challenge, where this handshake is one. OpenSSL asks after it has chosen a protocol. */
  identityFor(): ServerTlsOptions['identityFor'] {
    const { identityFor } = this.#options;
    return identityFor === undefined ? undefined : async (name) => this.#shown ?? (await identityFor(name));
  }

  /** Ends a connection that was a proof. Throws `base.challenge-answered`. */
  end(tls: TLSSocket): void {
    if (this.#shown === null) return;
    tls.end();
    // Nobody reads on, and the end of the other side has to be noticed.
    tls.resume();
    throw new GatewayError('base.challenge-answered', 'protocol', 'The connection proved a name, and is over.');
  }
}
