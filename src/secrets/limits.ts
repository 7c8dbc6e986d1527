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

/** Certificates in one chain: its own, and a few that lead to its authority. */
export const certificatesMax = 10;

/** Longest wait for a token endpoint, in milliseconds: a request waits behind it. */
export const tokenDeadlineMs = 10_000;

/** Longest answer of a token endpoint and longest head of it, in bytes: tokens have a few thousand. */
export const tokenAnswerBytesMax = 64 * 1024;
export const tokenHeadBytesMax = 16 * 1024;

/** Longest token, in characters: what head fields of most servers hold. */
export const tokenLengthMax = 16 * 1024;

/** Milliseconds before its end from which a token is no longer given out: clocks differ, and requests take their time. */
export const tokenMarginMs = 30_000;

/** How long a token is kept whose server does not say how long it holds, in milliseconds. */
export const tokenLifetimeDefaultMs = 5 * 60_000;

/** Longest that any token is kept, in milliseconds. */
export const tokenLifetimeMaxMs = 24 * 60 * 60_000;

/** Milliseconds for which a refusal of a token endpoint counts for all that ask meanwhile. */
export const tokenFailurePauseMs = 2_000;

/** Milliseconds within which a token that was just had is not exchanged for another, though a target refuses it. */
export const tokenRenewalPauseMs = 5_000;

/** Credentials whose tokens are kept; the one unused for longest goes. */
export const tokensMax = 1_000;
