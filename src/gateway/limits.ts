/** The limits of the composition root: listeners, start and stop. */

/** Connections of one listener that have not opened a session yet (A-GW-02, F-13). */
export const unauthenticatedConnectionsMax = 256;

/** The same from one source address; a person's tools open fewer than ten at once. */
export const unauthenticatedPerSourceMax = 32;

/** Connections of one source that wait, unread, for a place: a large pool of one application. */
export const waitingPerSourceMax = 128;

/** The same in all; each costs one socket and no buffer. */
export const waitingMax = 512;

/** How long one waits for a place: as long as a start-up may take. */
export const waitingDeadlineMs = 10_000;

/** Connections of one listener in all; each costs two sockets, and the usual descriptor limit is 65,536. */
export const connectionsMax = 16_384;

/** How long sessions may go on after SIGTERM unless the configuration says otherwise. */
export const drainMsDefault = 30_000;

/** After this the process exits even if something still waits. */
export const stopDeadlineMs = 5_000;

/** Before an index that stopped is begun again. */
export const indexRestartMs = 1_000;

/** How long stopping waits for the index to take in the last events. */
export const indexFlushMs = 2_000;

/** Validity of the listener's certificate; renewed at start and each day once a third is left. */
export const certificateDays = 90;

/** How often reading the configuration is tried again after it failed. */
export const configurationRetryMs = 1_000;

/** How often certificates are looked at. */
export const renewalIntervalMs = 86_400_000;

/** Certificates of origins kept: about 20 KiB each with their TLS context. Others are signed again, in about a millisecond. */
export const originCertificatesMax = 512;

/** Certificates that may be given for the gateway's names; each is asked at a handshake whether it covers the name. */
export const certificatesMax = 20;

/** Of a file of a given certificate or key: a long chain of large keys is a tenth of it. */
export const certificateFileBytesMax = 262_144;

/** How often the files of given certificates are read again. */
export const certificateLookMs = 60_000;

/** A given certificate that expires earlier is warned of; ACME clients renew at thirty days. */
export const certificateExpiryWarnDays = 14;

/** Validity of the gateway's own authority. */
export const authorityDays = 3_650;

/** How often a failed journal is tried again, once the disk has room. */
export const journalReopenMs = 1_000;

/** Samples `doctor` takes of the disk's sync latency. */
export const doctorSyncSamples = 50;

/** A sync slower than this at the median makes every strict command feel slow. */
export const syncMedianWarnMs = 5;

/** How often the kernel is asked about peers that do not acknowledge (F-09); reads a table of some 150 bytes a connection. */
export const vanishedLookMs = 3_000;

/**
 * A peer that answered nothing for so long has vanished: as patient as keepalive, which gives up after ten probes in as
 * many seconds. At worst a peer vanishes, is silent for the 15 s until keepalive begins, and is then sent something: with
 * the time until the kernel counts twice (6 s where a round trip takes two) and a look at each end that is 42 s, below
 * the 45 s of F-09.
 */
export const vanishedAfterMs = 15_000;

/** Fewer unanswered than this are a lost packet or a probe on its way. */
export const vanishedUnansweredMin = 2;

/** A takeover of the lock of a gateway that is gone is itself given up after this. */
export const takeOverStaleMs = 10_000;

/** Receivers of reviews that may be configured. */
export const webhooksMax = 20;

/** Chat accounts that may be mapped to principals: reviewers, not everybody. */
export const chatAccountsMax = 1_000;

/** Tokens of a principal, the newest first, that are looked through for a login of today; behind more, there is none. */
export const tokensLookedAtMax = 200;

/** Of what a requester did before, so many things are shown to a reviewer: one screen. */
export const historyEntriesMax = 20;

/** Commands that a replay of rules judges before it lets others run: about 10 ms. */
export const replayBatch = 200;

/** Beginning of a recorded text that a replay of rules shows. */
export const replayTextCharactersMax = 500;

/** Most sessions that may be configured: sockets of one process end well below twice as many. */
export const configuredSessionsMax = 100_000;

/** How far the clock of a machine may be behind that checks a certificate of ours, in seconds. */
export const sshCertificateSkewSeconds = 60;

/** How long a target may take to be reached when its host keys are asked for. */
export const sshScanDeadlineMs = 10_000;

/** How often what days have used of their limits is written down: so much may be used twice when the process dies. */
export const usageIntervalMs = 5_000;

/** Counters of a day that are written down, the most used: with the longest names they fit one document of the store. */
export const usageKeptMax = 3_000;
