/** The limits of SFTP and scp, in one place. */

/** Bytes of one message behind its length: OpenSSH's SFTP_MAX_MSG_LENGTH (sftp-common.h), 256 KiB. */
export const messageBytesMax = 256 * 1024;

/** From this size on a frame is gathered in memory that is used again: content, not names. */
export const lentFrameBytesMin = 8 * 1024;

/** A handle: draft-ietf-secsh-filexfer-02, section 6.1. */
export const handleBytesMax = 256;

/** A path: PATH_MAX of Linux; a longer one names nothing there. */
export const pathBytesMax = 4096;

/** One name in a directory. Linux has 255; others count in other units. */
export const nameBytesMax = 4096;

/** A status text or language tag of the target; ours are sentences. */
export const statusTextBytesMax = 4096;

/** Name and value of an extension in VERSION and INIT; OpenSSH's are shorter than 40. */
export const extensionBytesMax = 256;

/** Pairs in VERSION and INIT; OpenSSH has twelve. */
export const extensionsMax = 64;

/** Extended attributes in one ATTRS; version 3 defines none. */
export const extendedAttributesMax = 16;

/** Ids in one users-groups-by-id: OpenSSH's clients ask for the owners of one directory. */
export const userIdsMax = 4096;

/** Content in one READ: what fits in a message with its header, as OpenSSH answers to limits@openssh.com. */
export const readBytesMax = messageBytesMax - 1024;

/** Files and directories that one channel has open. OpenSSH's server itself takes as many as it has descriptors. */
export const handlesMax = 1024;

/** Requests of a client that have no answer yet: OpenSSH's clients have 64, others up to some hundreds. Then it is not read. */
export const pendingRequestsMax = 512;

/** Content that waits in the gate for a decision, a detector or its pace. Then the client is not read. */
export const pendingBytesMax = 4 * 1024 * 1024;

/** Components of a path after its symbolic links were followed. */
export const componentsMax = 512;

/** Components that are looked at together. */
export const looksMax = 64;

/** Requests on paths that look at them at once: with `looksMax` and `pathBytesMax`, 16 MiB of questions at the very most. */
export const pathRequestsMax = 64;

/** Symbolic links followed on one path: Linux' MAXSYMLINKS. */
export const linksMax = 40;

/** How long the target may take for one of the gateway's own questions. */
export const questionDeadlineMs = 30_000;

/** How long the target may take for a request of the client: a slow disk or a tape, but not for ever. */
export const requestDeadlineMs = 15 * 60_000;

/** How long files in which something was found may take to be dealt with once the client is gone. */
export const cleanupDeadlineMs = 10_000;

/** How often the deadlines are looked at. */
export const deadlineIntervalMs = 5_000;

/** Look-ups (stat, readlink, …) in one command, where they arrive together. */
export const lookupsMax = 128;

/** Contiguous ranges of one transfer that get a digest of their own. Beyond, only bytes are counted. */
export const rangesMax = 64;

/** Content that a detector may leave undecided: the longest thing that it looks for across pieces. */
export const undecidedBytesMax = 256 * 1024;

/** Scanned content of a download that is kept for READs that come again or out of order. */
export const windowBytesMax = 4 * 1024 * 1024;

/** Content before the beginning of a resumed transfer that the gateway reads by itself to scan it. */
export const gapBytesMax = 1024 * 1024 * 1024;

/** READs of the gateway's own on their way at once, and the size of each: 2 MiB fill a line of 100 ms at 20 MB/s. */
export const ownReadsMax = 16;
export const ownReadBytes = 128 * 1024;

/** Longest message to a person in a STATUS. */
export const messageCharactersMax = 1000;

/** One line of scp: a name of NAME_MAX, mode, size; twice a path to be generous. OpenSSH's own buffer has 2 KiB or more. */
export const scpLineBytesMax = 2 * pathBytesMax;

/** Directories inside each other in one scp -r. */
export const scpDepthMax = 256;
