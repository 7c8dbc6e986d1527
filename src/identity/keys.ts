/**
 * Proof by public key or certificate: whose key it is, and which authority may vouch for whom.
 *
 * Invariants:
 * - The protocol verified the signatures; here is decided only what they are worth (I4).
 * - A key stands for the principal it is registered with, under that principal's login name only.
 * - A certificate must name the principal, be valid now, come from where its `source-address` says, and be signed by an
 *   authority that may vouch for the principal. One that restricts what may be run (`force-command`) is refused, since
 *   nothing here would keep to it; so is every critical option that is not known.
 * - A certificate that the gateway signed itself lives and dies with the token that it was asked for with.
 *
 * Source: OpenSSH PROTOCOL.certkeys; ssh-keygen(1), CERTIFICATES.
 */
import type { Clock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import { networkOf } from '../base/network.ts';
import type { PublicKey, UserCertificate } from '../core/ports.ts';
import * as limits from './limits.ts';
import type { PrincipalDirectory, PrincipalEntry } from './records.ts';

/** What the gateway writes into the key id of a certificate of its own, to find the token again. */
export function ownKeyId(principal: string, tokenId: string): string {
  return `sallyport ${principal} ${tokenId}`;
}

/** How a proof was accepted: by whom it is revoked, and the token behind it where there is one. */
export type KeyProof =
  | { readonly entry: PrincipalEntry; readonly credentialId: string; readonly tokenId: null }
  | { readonly entry: PrincipalEntry; readonly credentialId: string; readonly tokenId: string };

export class Keys {
  readonly #directory: PrincipalDirectory;
  readonly #clock: Clock;
  /** The gateway's own authority; null where it has none. */
  readonly #own: PublicKey | null;

  constructor(directory: PrincipalDirectory, clock: Clock, own: PublicKey | null) {
    this.#directory = directory;
    this.#clock = clock;
    this.#own = own;
  }

  /** Why it does not do, for the log; or what it proves. */
  byKey(name: string, key: PublicKey): KeyProof | string {
    const entry = this.#directory.find(name);
    if (entry === null || entry.disabled) return 'unknown or disabled principal';
    if (!(entry.keys ?? []).some((registered) => registered.equals(key.blob))) return 'the key is not registered';
    return { entry, credentialId: fingerprintOf(key.blob), tokenId: null };
  }

  byCertificate(name: string, certificate: UserCertificate, source: string): KeyProof | string {
    const entry = this.#directory.find(name);
    if (entry === null || entry.disabled) return 'unknown or disabled principal';
    const { authority, principals, validAfterMs, validBeforeMs, criticalOptions } = certificate;
    if (!principals.includes(name)) return 'the certificate does not name the principal';
    const nowMs = this.#clock.now();
    if (nowMs < validAfterMs - limits.clockSkewMs || nowMs >= validBeforeMs) return 'the certificate is not valid now';
    for (const [option, value] of criticalOptions) {
      if (option !== 'source-address') return `the certificate has the critical option ${option}`;
      if (!value.split(',').some((network) => networkOf(network.trim())?.has(source) === true)) {
        return 'the certificate does not hold for this address';
      }
    }
    const tokenId = this.#ownToken(name, certificate);
    if (tokenId !== null) return { entry, credentialId: tokenId, tokenId };
    const vouches = (this.#directory.authorities?.() ?? []).some(
      ({ keys, mayVouchFor }) => keys.some((key) => key.equals(authority.blob)) && mayVouchFor(entry),
    );
    if (!vouches) return 'no authority that may vouch for the principal signed it';
    return { entry, credentialId: `${fingerprintOf(certificate.authority.blob)}/${certificate.serial}`, tokenId: null };
  }

  /** The token that a certificate of the gateway's own stands for; null for others. */
  #ownToken(name: string, { authority, keyId }: UserCertificate): string | null {
    if (this.#own?.blob.equals(authority.blob) !== true) return null;
    const [, principal, token] = /^sallyport (\S+) (\S+)$/.exec(keyId) ?? [];
    return principal === name && token !== undefined ? token : null;
  }
}
