/** Secrets: sealed at rest, revealed by reference, never shown. See README.md. */
export { createCredentials } from './credentials.ts';
export { type EncryptionKey, unwrapKey, wrapKey } from './envelope.ts';
export { secretErrors } from './errors.ts';
export { makeKey } from './keyfile.ts';
export { type KeyRing, type KeySource, openKeyRing } from './keyring.ts';
export { secretBytesMax, secretNameBytesMax } from './limits.ts';
export type { SecretProvider } from './providers.ts';
export { Secret } from './secret.ts';
export {
  createSecrets,
  type Rotation,
  type SealedRow,
  type SealedStore,
  type SecretSummary,
  type Secrets,
  type SecretsOptions,
} from './secrets.ts';
