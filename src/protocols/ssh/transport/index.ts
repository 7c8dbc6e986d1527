/**
 * SSH's transport, login and channels, at both ends: the only place that knows ssh2.
 * Start reading at `types.ts`, then `server.ts` and `client.ts`.
 */
export { SshReader, SshWriter } from './bytes.ts';
export {
  type CertificateFault,
  type CertificateRequest,
  certificateFault,
  certificateSuffix,
  readCertificate,
  type SshCertificate,
  signCertificate,
} from './certificate.ts';
export { connectSsh } from './client.ts';
export { sshErrors } from './errors.ts';
export {
  type GeneratedKey,
  generateKeyText,
  privateKeyFrom,
  privateKeyFromText,
  publicKeyFrom,
  publicKeyFromText,
  publicKeyToText,
  type SshKeyType,
  type SshPrivateKey,
  type SshPublicKey,
} from './keys.ts';
export { defaultLimits, type SshLimits } from './limits.ts';
export { nativeCiphers } from './patch.ts';
export { acceptSsh } from './server.ts';
export { echoes, type TerminalModes, terminalMode } from './terminal-modes.ts';
export type { SshWire } from './transport-options.ts';
export * from './types.ts';
