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

/** Names in one certificate by ACME, and certificates of origins: as many as public authorities put into one. */
export const acmeNamesMax = 100;

/** Longest name that ACME is asked for: with `_acme-challenge.` before it, it still is a DNS name. */
export const acmeNameLengthMax = 230;

/**
 * A certificate by ACME that expires sooner is warned of, although no order failed: it should have been renewed at a third of
 * the shortest life that authorities give, six days.
 */
export const acmeExpiryWarnMs = 172_800_000;

/** How often it is looked whether a certificate by ACME is due, where nothing tells sooner. */
export const acmeLookMs = 60_000;

/** Part of its life after which a certificate is renewed, and the most that chance adds: gateways and installations spread. */
export const acmeRenewAfter = 2 / 3;
export const acmeRenewSpread = 1 / 30;

/**
 * First pause after an order that failed; doubles with each failure up to `acmeRetryMaxMs`. Public authorities allow five
 * failed proofs of a name in an hour. Chance adds up to `acmeRetrySpread` of it.
 */
export const acmeRetryMinMs = 900_000;
export const acmeRetryMaxMs = 10_800_000;
export const acmeRetrySpread = 1 / 4;

/** Longest pause that a server may ask for (Retry-After): certificates of six days must still be renewed. */
export const acmeRetryAfterMaxMs = 86_400_000;

/** How long one order may take, records in the DNS and all. */
export const acmeOrderDeadlineMs = 1_200_000;

/** How long a gateway may be the one that orders without saying so again: longer than an order, and its end, can take. */
export const acmeLeaseMs = acmeOrderDeadlineMs + 600_000;

/** For other gateways on the store to have heard what they may be asked to prove. */
export const acmeSpreadMs = 1_000;

/** Between looks at what an ACME server has found. */
export const acmePollMs = 1_000;

/** How long a server may take to find a proof right or wrong, or to issue. */
export const acmePollDeadlineMs = 180_000;

/** Longest wait for one answer of an ACME server. */
export const acmeAnswerDeadlineMs = 30_000;

/** Longest answer of an ACME server: a chain of certificates is a hundredth. */
export const acmeAnswerBytesMax = 1_048_576;

/** What a hook for DNS-01 gets for one record, and the most that may be configured. */
export const acmeHookSeconds = 120;
export const acmeHookSecondsMax = 600;

/** How long records in the DNS are given until all servers of a zone have them. */
export const acmeWaitSeconds = 30;

/** What is kept of the output of a hook: its last line is told. */
export const acmeHookOutputBytesMax = 16_384;

/** From the polite signal to the other. */
export const acmeHookKillMs = 5_000;

/** Of the reason for a failure, as it is kept and told. */
export const acmeReasonLengthMax = 500;

/** Connections to the listener of HTTP-01 at a time; a server asks from a few places. */
export const acmeHttpConnectionsMax = 64;

/** How long one of them may take. */
export const acmeHttpDeadlineMs = 10_000;

/** Times a change of what gateways share is tried again where another was faster. */
export const acmeConflictsMax = 20;

/** How long stopping waits for an order that is broken off, and for its records to be taken back. */
export const acmeStopMs = 10_000;

/** How often a principal of a provider is written again, where other gateways write it at the same time. */
export const provisioningAttemptsMax = 5;

/** Groups that an event spells of one change. */
export const spelledGroupsMax = 20;

/** Requests for access of one principal that are looked at for one of the same resource; more wait for nobody. */
export const accessRequestsLookedAtMax = 200;

/** How long connecting asks no more after a denial; a person may ask with a reason at once. */
export const deniedQuietMs = 15 * 60_000;

/** Characters of what a client calls itself, in the reason of a request that it makes. */
export const clientNameShownMax = 60;

/** How often a waiting connection looks whether it may open by now: in memory. */
export const accessLookMs = 250;

/** How often it reads what became of its request, beside being told of changes. */
export const accessReadMs = 5_000;

/** How long a connection waits for its request to be decided; then its person connects again. */
export const accessWaitMs = 10 * 60_000;

/** How long a browser may be at its identity provider before it comes back: somebody looks for a phone. */
export const signOnCarryMs = 15 * 60_000;

/** How long a terminal's code is good, which the browser brings it at once. */
export const terminalCodeMs = 60_000;

/** Values of `amr` that are kept with a token. */
export const factorsKeptMax = 16;

/** How often sign-ons with identity providers are looked through. */
export const refreshSweepMs = 15_000;

/** How often a provider is asked about somebody with a live session: what changed there counts within a minute (G7). */
export const refreshBusyMs = 30_000;

/** … and about somebody without one. */
export const refreshIdleMs = 10 * 60_000;

/** How long what was used once is kept after its time: nothing asks for it any more. */
export const onceKeptMs = 60 * 60_000;

/** RSA of the gateway's SAML key, bits: what providers take everywhere, for longer than a key is used. */
export const samlKeyBits = 3_072;

/** A command as its step-up shows it, characters: enough to know it by, on a phone. */
export const confirmedCommandLengthMax = 300;

/** Objects that are read one by one; of more, all of their kind are read, which a few thousand short queries would not beat. */
export const singleReadsMax = 200;

/** SCIM resources that are read at once. */
export const scimRowsMax = 500;

/** How often a SCIM deletion is tried again where somebody else changed the same meanwhile. */
export const scimAttemptsMax = 5;

/** Before a consumer of the journal tries the store again, or is begun anew. Milliseconds. */
export const followerRetryMs = 1_000;

/** How long changes of recordings gather before they are written together: retention looks in minutes, a storm of sessions is a few writes. Milliseconds. */
export const registerGatherMs = 250;

/** Places that checkpoints may be handed to. */
export const witnessesMax = 10;

/** At most one checkpoint in so many seconds goes to a witness: half a million objects a year, and a minute that a forger has. */
export const witnessEverySeconds = 60;

/** Longest lock of an object that is asked for: a hundred years is a slip of the pen. Days. */
export const objectLockDaysMax = 10_950;

/** A witness that took nothing for so long is an alarm: longer than a restart of whatever it is. Milliseconds. */
export const witnessSilentMs = 15 * 60_000;

/** One delivery to a witness. Milliseconds. */
export const witnessDeadlineMs = 30_000;

/** Recordings that are uploaded at once. */
export const uploadsMax = 2;

/** Pauses before an upload that failed is tried again: they double from the first to the last. Milliseconds. */
export const uploadRetryMsMin = 5_000;
export const uploadRetryMsMax = 10 * 60_000;

/** How often what is due is looked for. Milliseconds. */
export const retentionIntervalMs = 60 * 60_000;

/** Recordings deleted in one pass; the rest waits for the next, a moment later. */
export const retentionBatch = 200;

/** How long a command that a detection holds waits for its reviewers; a guardrail's unless it says otherwise. Milliseconds. */
export const responseHoldMs = 30 * 60_000;

/** The same inside a transaction, since locks are held. Milliseconds. */
export const responseHoldInTransactionMs = 5 * 60_000;

/** Responses in force that are held in memory; of more, the latest of the store are. */
export const responsesInForceMax = 10_000;

/** How often responses are looked through for what is over. Milliseconds. */
export const responseSweepMs = 1_000;

/** How long ago a response that ends sessions may have been applied elsewhere to end those here too. Milliseconds. */
export const responseEndMs = 60_000;

/** How long what detections did by themselves is kept once it is over; the journal has it anyway. Milliseconds. */
export const responsesKeptMs = 400 * 24 * 60 * 60_000;

/** Alerts and findings that wait for the store. Beyond it the journal is read no further until it answers. */
export const alertsWaitingMax = 10_000;

/** Before what waits for the store is written again. Milliseconds. */
export const alertRetryMs = 1_000;

/** How often what detectors remember is kept; events since are seen again after a crash. Milliseconds. */
export const detectorSaveMs = 5_000;

/** How often detectors are told what time it is while nothing happens. Milliseconds. */
export const detectorTickMs = 1_000;

/** How long detectors may keep the event loop before they let others go first. Milliseconds. */
export const detectorSliceMs = 5;

/** How long detectors rest between slices of the past, which nobody waits for. Milliseconds. */
export const detectorRestMs = 10;

/** How long stopping waits for detectors to see the last events, and for alerts to be written. Milliseconds. */
export const detectorStopMs = 2_000;

/** Events of evidence that are shown with an alert. */
export const evidenceShownMax = 50;

/** Alerts by rules and by the gateway itself that are added to for as long as they are quiet; of more, the oldest begin anew. */
export const openGroupsMax = 10_000;

/** How long further alerts of the same rule about the same principal are added to one. Milliseconds. */
export const ruleQuietMs = 60 * 60_000;

/** Events that are looked through for one command's intent. */
export const lookupEventsMax = 200_000;

/** Events of the past that detectors are shown before their first day, so that they know what is usual; none of it is an alert. */
export const warmEventsMax = 1_000_000;

/** How often recordings are looked for that should lie elsewhere, besides whenever one is sealed. Milliseconds. */
export const archiveLookMs = 60_000;

/** Recordings that are due, as shown: the oldest. */
export const retentionShownMax = 100;

/** How often a new checkpoint is looked for. Milliseconds. */
export const witnessLookMs = 2_000;

/** Events that a replay of detections takes before it lets other work in. */
export const detectionReplayBatch = 200;

/** Events after which it says how far it is. */
export const detectionReplayProgress = 20_000;

/** Alerts that one replay of detections tells of: more than anybody reads; the rest is counted. */
export const detectionReplayAlertsMax = 10_000;

/** Events that the index of what happened is handed while it stops: it writes what it has, and the rest at the next start. */
export const historyFlushMs = 2_000;

/** Sinks of one installation: each reads the journal by itself, and is a value of a label in metrics. */
export const sinksMax = 100;

/** How often manifests of sinks are read besides on each change, so that one that could not be opened is tried again. Milliseconds. */
export const sinkSyncIntervalMs = 30_000;

/** How nice the thread of the index is to others that want a core: a third of an ordinary thread's share while they do. */
export const historyPriority = 5;

/** How long it rests after a batch that the embedded engine took, at most, as a share of what that took: while no core is free. */
export const historyRestShareMax = 2;

/** How long the thread of the index may take to finish its batch when it is stopped. Milliseconds. */
export const historyStopMs = 2_000;

/** Output of terminals that goes to the thread of the index at once, bytes. */
export const historyTerminalBytes = 256 * 1024;

/** A connection test as a whole: longer than a target that works ever takes, shorter than a person waits. */
export const connectionTestMs = 15_000;

/** Causes below an error that are looked at for a code; an error of TLS lies two or three deep. */
export const causesLookedAtMax = 5;

/** Pairs of principal and resource that a change of access is worked out for: half a second of one core. */
export const reachPairsMax = 400_000;

/** Pairs before others have their turn. */
export const reachPairsAtOnce = 2_000;

/** Pairs of each kind that are listed; more are counted. */
export const reachChangesShownMax = 100;

/** How often figures of live sessions are told to whoever looks. Milliseconds. */
export const liveFiguresMs = 1_000;

/** What changes within so long is told at once. Milliseconds: nobody sees that it was not sooner. */
export const liveGatherMs = 30;

/** What one line of the stream tells of, sessions: some 100 KiB. */
export const liveSessionsPerEntry = 500;

/** One part of what is known of a session's last minutes, milliseconds, and how many parts there are. */
export const liveBucketMs = 10_000;
export const liveBuckets = 30;

/** How often gateways on one store tell each other figures while somebody looks. Milliseconds. */
export const liveSharedMs = 2_000;

/** How long a gateway goes on telling another one that somebody looks there. Milliseconds. */
export const liveLookingMs = 10_000;

/** All figures are told again so often, milliseconds; after two and a half times that, those of a gateway that is silent are dropped. */
export const liveSharedAnewMs = 30_000;
export const liveSharedKeptMs = 75_000;

/** Sessions whose figures are told to other gateways at once; the rest with the next beat. */
export const liveSharedSessionsMax = 1_000;

/** Sessions of other gateways whose figures are kept: ten gateways with as many as one may have. */
export const liveForeignSessionsMax = 100_000;

/** How long another gateway may take to do something to a session that it runs. Milliseconds: a person waits for it. */
export const liveOrderMs = 3_000;

/** An order to another gateway, as it is written, bytes: a notification of PostgreSQL holds 8,000. */
export const liveOrderBytesMax = 7_000;

/** Owners of sessions that are remembered, to tell people of their own sessions only. */
export const liveOwnersMax = 10_000;

/** Events looked through for the digests of one recording: a day of a busy gateway. What lies beyond, `verify` proves offline. */
export const proofEventsMax = 5_000_000;

/** How long the token of a client of the console is good for: it logs in at once, and its session goes on. */
export const workbenchTokenMs = 12 * 3_600_000;

/** Clients of the console that one principal has open: tabs. */
export const workbenchesPerPrincipalMax = 16;

/** Bytes or so that wait for a browser before the target is not read any more. */
export const workbenchWaitingMax = 256 * 1024;

/** Milliseconds until revoking the token of such a client is tried again; it ends with the browser's session at the latest. */
export const workbenchRevokeRetryMs = 5_000;
