/** The limits of the template protocol. */

/** A line with its line feed: what a person types, amply. Judged whole, so held whole. */
export const lineBytesMax = 4096;

/** The bytes behind a PUT or an OK: 1 GiB; they are streamed and never held. */
export const bodyBytesMax = 1024 * 1024 * 1024;

/** How long a client may take to log in. */
export const loginDeadlineMs = 10_000;

/** How long the upstream may take to answer the login. */
export const upstreamDeadlineMs = 10_000;

/** Lines that wait for an answer. */
export const openLinesMax = 1024;

/** How long a refused client may keep its side open after it was told why. */
export const refusalLingerMs = 1_000;
