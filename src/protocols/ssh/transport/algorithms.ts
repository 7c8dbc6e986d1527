/**
 * Which algorithms are spoken, in which order, and why.
 *
 * Invariants: no SHA-1, no CBC, no DSA, no compression, anywhere. `chacha20-poly1305` and the `-etm` MACs are spoken only
 * under strict key exchange: without it a man in the middle can drop packets at the start of the stream (A-SSH-07).
 *
 * Every OpenSSH since 7.3 finds a common set (curve25519 or ECDH, AES-GCM or AES-CTR with HMAC-SHA-2, Ed25519 or
 * rsa-sha2). `sntrup761x25519` is not available: nothing in Node computes it; OpenSSH from 9.9 on knows ML-KEM.
 */

export const kexAlgorithms = [
  // Post-quantum with X25519: what OpenSSH 10 prefers, and warns about when it is missing.
  'mlkem768x25519-sha256',
  'curve25519-sha256',
  // The same under its name before RFC 8731: libssh and OpenSSH up to 7.3.
  'curve25519-sha256@libssh.org',
  // For peers bound to FIPS 140.
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  // For peers without elliptic curves. Expensive to compute, so last.
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group14-sha256',
] as const;

/** Host key algorithms, and signature algorithms of keys of users. */
export const signatureAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** FIDO keys of users; their holders sign with them, the gateway never does. */
export const tokenAlgorithms = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const;

export const certificateAlgorithms = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
  'sk-ssh-ed25519-cert-v01@openssh.com',
  'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
] as const;

/** What `server-sig-algs` names (RFC 8308, 3.1), and what a login by public key may use. */
export const userKeyAlgorithms: readonly string[] = [
  ...signatureAlgorithms,
  ...tokenAlgorithms,
  ...certificateAlgorithms,
];

/** AES-GCM first: hardware does it, and it needs no strict key exchange. */
export const cipherAlgorithms = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
] as const;

/** For the CTR ciphers only. */
export const macAlgorithms = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
] as const;

/** True for what must not be spoken without strict key exchange (A-SSH-07). */
export function needsStrictKex(algorithm: string): boolean {
  return algorithm.startsWith('chacha20-') || algorithm.includes('-etm@');
}

/** Pseudo-algorithms in the list of key exchanges. */
export const strictKexOf = { client: 'kex-strict-c-v00@openssh.com', server: 'kex-strict-s-v00@openssh.com' } as const;
export const extensionInfoOf = { client: 'ext-info-c', server: 'ext-info-s' } as const;

/** What we call ourselves after `SSH-2.0-`. */
export const ourSoftware = 'Sallyport';

/** Software that is known to speak strict key exchange, so that nobody has to wait for its KEXINIT to find out. */
export function knowsStrictKex(software: string): boolean {
  // Two gateways would wait for each other.
  if (software === ourSoftware) return true;
  const version = /^OpenSSH_(\d+)\.(\d+)/.exec(software);
  if (version === null) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > 9 || (major === 9 && minor >= 6);
}
