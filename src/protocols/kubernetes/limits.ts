/** The limits of the Kubernetes room. */

/** Longest body that is read before it is judged, in bytes: the API server itself takes no longer one (its default, 3 MiB). */
export const bodyBytesMax = 3 * 1024 * 1024;

/** Seconds without an exchange after which a session ends, unless the resource says otherwise: kubectl comes and goes. */
export const idleTimeoutSecondsDefault = 900;

/** Characters of a principal's or a group's name that a cluster is told. */
export const nameLengthMax = 256;

/** Groups that a cluster is told of: each is a field of every request. */
export const groupsMax = 64;

/** Milliseconds in which a client that was refused by WebSocket may hear the same by SPDY: kubectl asks again at once. */
export const repeatedRefusalMs = 5_000;

/** Bytes of one forwarded connection that wait while it is judged: what a client says first. */
export const undecidedBytesMax = 256 * 1024;

/** Members of an archive that become commands of their own; the others are counted. */
export const archiveCommandsMax = 1_000;

/** Milliseconds that a connection to the target lives on after its last words. */
export const lingerMs = 1_000;

/** Characters of a command that stand in a line for a person. */
export const shownTextLengthMax = 200;

/** Milliseconds in which a client opens all its channels: a round trip each. */
export const readyDeadlineMs = 15_000;

/** Milliseconds for which a client may keep a connection on which all is said. */
export const goodbyeMs = 10_000;

/** Longest script on the standard input of a shell that is judged as a text, in bytes: as over SSH. */
export const stdinScriptBytesMax = 1024 * 1024;

/** Milliseconds from its last byte for which an input that stays open is waited for, before it is judged by what came: as over SSH. */
export const stdinQuietMs = 2_000;
