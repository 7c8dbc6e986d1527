/** The limits of object stores. */

/** A piece of a large upload. S3 takes none below 5 MiB but the last; 8 MiB is what its own tools use. Bytes. */
export const partBytesMin = 8 * 1024 * 1024;

/** Pieces of one upload, by S3's rules; larger files have larger pieces. */
export const partsMax = 10_000;

/** The largest object, by S3's rules. Bytes. */
export const objectBytesMax = 5 * 1024 ** 4;

/** Pieces in memory and on their way at once, of one upload. */
export const partsInFlightMax = 2;

/** What `put` takes and `get` gives in one. Bytes. */
export const wholeBytesMax = 64 * 1024 * 1024;

/** Bytes of a key, by S3's rules. */
export const keyBytesMax = 1024;

/** Keys of one page of a list, by S3's rules. */
export const listPageMax = 1000;

/** Until a connection stands. Milliseconds. */
export const connectDeadlineMs = 5_000;

/** One request without content, answer included. Milliseconds. */
export const requestDeadlineMs = 30_000;

/** One request that carries a piece: 8 MiB at 100 kB/s take 84 s. Milliseconds. */
export const transferDeadlineMs = 120_000;

/** Between two pieces of an answer that is read. Milliseconds. */
export const stallDeadlineMs = 30_000;

/** Tries of one request, pauses between them growing from 100 ms: a store that is busy, or one broken connection. */
export const attemptsMax = 3;

/** How long a pair of keys is used before it is read anew: a key that was changed is in use a minute later. Milliseconds. */
export const credentialsMaxAgeMs = 60_000;

/** Connections to one store. */
export const connectionsMax = 8;
