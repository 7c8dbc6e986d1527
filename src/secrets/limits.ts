/** The limits of the secrets room. */

/** Longest secret, UTF-8 bytes: a chain of certificates with its key fits many times over. */
export const secretBytesMax = 64 * 1024;

/** Longest name of a stored secret, UTF-8 bytes. */
export const secretNameBytesMax = 256;

/** Longest key file: hundreds of keys and comments; it is read whole. */
export const keyFileBytesMax = 64 * 1024;

/** Keys in one ring: the current one, and those that older rows may still need. */
export const keysMax = 64;

/** Names read at a time while listing or rotating. */
export const pageRows = 500;

/** Rows re-wrapped in one transaction. */
export const rotationRowsMax = 5_000;

/** Longest wait for the file system or the store while a secret is revealed: a client waits behind it. */
export const revealDeadlineMs = 10_000;

/** Times a rotation looks again for secrets that were set with the older key while it ran. */
export const rotationPassesMax = 3;
