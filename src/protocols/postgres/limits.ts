/** The limits of the PostgreSQL protocol, in one place. */

/** A StartupMessage; the server's own MAX_STARTUP_PACKET_LENGTH (src/include/libpq/pqcomm.h). */
export const startupBytesMax = 10_000;

/** Parameters in a StartupMessage; drivers send fewer than 15 (A-PG-10). */
export const startupParametersMax = 64;

/** SQL text in Query and Parse: 16 MiB, the largest dump statement that still gets judged whole. */
export const sqlMessageBytesMax = 16 * 1024 * 1024;

/** Bind carries parameter values and is held whole until judged: 64 MiB per session and message. */
export const bindMessageBytesMax = 64 * 1024 * 1024;

/** Messages of the client without bulk content: Close, Describe, Execute, CopyFail, password. */
export const smallMessageBytesMax = 64 * 1024;

/** DataRow and CopyData are streamed; the bound is the protocol's own: a signed 32-bit length. */
export const streamedMessageBytesMax = 0x7fff_ffff;

/** A streamable message longer than this is passed on in parts instead of being gathered: one read of the wire. */
export const streamThresholdBytes = 64 * 1024;

/** RowDescription: 1,664 columns, the server's limit, with names of 63 bytes need 135 KiB; twelve times that (A-PG-27). */
export const rowDescriptionBytesMax = 2 * 1024 * 1024;

/** ParameterDescription: 65,535 parameters, the most that its count can say, of 4 bytes each. */
export const parameterDescriptionBytesMax = 4 + 2 + 4 * 65_535;

/** ErrorResponse, NoticeResponse, NotificationResponse: texts may quote a statement (A-PG-27). */
export const textMessageBytesMax = 18 * 1024 * 1024;

/** A cancel key in protocol 3.2 (documentation 54.7, BackendKeyData); in 3.0 it has 4 bytes. */
export const cancelKeyBytesMax = 256;

/** SASL mechanisms that a server may offer; PostgreSQL 18 knows three. */
export const saslMechanismsMax = 16;

/** Fields in one ErrorResponse or NoticeResponse; eighteen are defined (A-PG-27). */
export const errorFieldsMax = 64;

/** How long a client may take from connecting to its StartupMessage, TLS included. Drivers take a second on a bad line. */
export const startupDeadlineMs = 10_000;

/** How long a client may take to authenticate; PostgreSQL's own authentication_timeout allows 60 s, tokens need no thought. */
export const loginDeadlineMs = 30_000;

/** How long a person may take to confirm a step-up: as long as identity lets it wait, and time for its refusal to be told. */
export const stepUpDeadlineMs = 125_000;

/** How long a request for access may take to be decided: as long as the gateway lets a connection wait, and time to be told. */
export const accessDeadlineMs = 605_000;

/** All that a client may send before it has a session: three start-up packets and an authentication, amply. */
export const earlyBytesMax = 64 * 1024;

/** One authentication message: SCRAM messages end at 1 KiB, tokens in clear at some KiB. */
export const authenticationMessageBytesMax = 16 * 1024;

/** How long an upstream may take from the dialled connection to ReadyForQuery. */
export const upstreamDeadlineMs = 30_000;

/** All that an upstream may send before ReadyForQuery; PostgreSQL sends about 500 bytes (A-PG-27). */
export const upstreamStartBytesMax = 1024 * 1024;

/** One message of an upstream before ReadyForQuery; libpq's own bound is 30,000 (A-PG-27). */
export const upstreamStartMessageBytesMax = 64 * 1024;

/** ParameterStatus messages before ReadyForQuery; PostgreSQL 18 sends 15 (A-PG-27). */
export const startParameterStatusMax = 128;

/** NoticeResponse messages before ReadyForQuery that are kept for the client (A-PG-27). */
export const startNoticesMax = 16;

/** How long a CancelRequest to an upstream may take, TLS included. */
export const cancelDeadlineMs = 5_000;

/** The secret of a cancel key in protocol 3.2, in bytes: PostgreSQL's own length (A-PG-25). */
export const cancelSecretBytes = 32;

/** Wrong cancel keys from one address before it is ignored for `cancelWindowMs` (A-PG-25). */
export const cancelMissesMax = 10;
export const cancelWindowMs = 60_000;

/** Addresses whose wrong cancel keys are counted at once; the oldest is forgotten first. */
export const cancelSourcesMax = 4096;

/** Longest name or value from the client shown in a refusal. PostgreSQL's own names end at 63 bytes. */
export const shownNameCharactersMax = 63;

/** Text of one parameter or recorded cell: what a reviewer reads of it. The rest is counted and digested. */
export const parameterTextBytesMax = 4 * 1024;

/** Text of all parameters of one command. */
export const parametersTextBytesMax = 64 * 1024;

/**
 * Characters that the elements of one binary value may take when spelled: so many, and so many more for each byte of the
 * value. A bit takes one character; one numeric takes up to 147,455.
 */
export const valueExpansionBase = 1024 * 1024;
export const valueExpansionMax = 16;

/** Nesting of arrays, records and ranges when a binary value is spelled; PostgreSQL's arrays have six dimensions. */
export const valueDepthMax = 16;

/** How long a refused client may keep its side open after it was told why. */
export const refusalLingerMs = 2_000;

/** Messages of the client that wait for their decision, in bytes; a message longer than this waits alone. Beyond it the client is paused (A-PG-28). */
export const queuedBytesMax = 1024 * 1024;

/** Messages of the client that wait for their decision, in number (A-PG-28). */
export const queuedMessagesMax = 4096;

/** Messages read behind a Bind that fills the queue by itself: its Describe and its Execute. */
export const readBehindBindMax = 2;

/** Commands that wait for a verdict or an answer: below `pendingCommandsMax` of the pipeline, above the 1,638 shortest answers that a server gathers in its 8 KiB before it sends. */
export const openCommandsMax = 3072;

/** Messages that wait for the server's answer, Syncs included (A-PG-28). */
export const openMessagesMax = 16_384;

/** Prepared statements whose text a session keeps; drivers' caches hold a few hundred. */
export const statementsMax = 10_000;

/** Text of prepared statements that a session keeps: four of the longest statements. */
export const statementTextBytesMax = 64 * 1024 * 1024;

/** Portals open at once. */
export const portalsMax = 4096;

/** ParameterStatus between two answers of the server: one for each parameter that servers report, times a hundred (A-PG-27). */
export const parameterChangesMax = 2048;

/** Notices and notifications between two ReadyForQuery: what one long procedure may say (A-PG-27). */
export const noticeBytesMax = 256 * 1024 * 1024;

/** Longest command tag kept; a Query of many statements has one for each. */
export const tagCharactersMax = 1024;

/** How long a server may take to finish what a departed client had begun, before it is cancelled (F-09). */
export const departureDeadlineMs = 5_000;

/** Idle sessions end after this many seconds unless the resource says otherwise: eight hours, a working day. */
export const idleTimeoutSecondsDefault = 28_800;

/** A statement that is not UTF-8: bytes of it shown to the operator. */
export const violationBytesShown = 64;

/** Chunks below this are copied together while a message is gathered, so that each costs no buffer of its own. */
export const smallChunkBytes = 1024;

/** Longest detail of a violation in the journal. */
export const violationDetailCharactersMax = 512;

/**
 * Characters of a statement that mentions a password: it is scanned for it, a few milliseconds of the loop. A longer one
 * could not be recorded whole and is refused.
 */
export const redactedCharactersMax = 128 * 1024;

/** Dollar-quoted bodies within each other that are looked into; nobody writes more than three. Deeper ones are hidden whole. */
export const redactedNestingMax = 8;

/** How long one of the gateway's own questions may take: the catalog of 50,000 relations loads in about 10 s. */
export const inspectionDeadlineMs = 30_000;

/** Rows of one answer to the gateway's own questions; the analysis refuses more than a million columns. */
export const inspectionRowsMax = 1_000_001;

/** Content of one answer to the gateway's own questions; the analysis keeps at most 64 Mi characters of texts. */
export const inspectionAnswerBytesMax = 192 * 1024 * 1024;

/** One row of such an answer: a view definition of 128 Ki characters and its names; of a context, all its texts. */
export const inspectionRowBytesMax = 4 * 1024 * 1024;

/** All that an inspecting connection may receive in its life; then it is replaced. */
export const inspectionBytesMax = 1024 * 1024 * 1024;

/** How often the catalog is compared with what is known of it while sessions are open: changes made elsewhere show within this time. */
export const catalogCheckMs = 5_000;

/** How long facts count that could not be compared: six checks. */
export const catalogTrustMs = 30_000;

/** How long a session's next statement waits for facts or for its own settings; then it goes on without. */
export const contextDeadlineMs = 5_000;

/** Between attempts to reach the catalog after a failure, doubling each time. */
export const catalogRetryMs = 1_000;
export const catalogRetryMsMax = 60_000;

/** Databases whose facts are kept while no session uses them. */
export const catalogsMax = 64;

/** SQL-level prepared statements, cursors and temporary relations of a session that are known by name, each; beyond them names are unknown. */
export const contextNamesMax = 128;

/** Longest text of such a name that is known. */
export const contextTextCharactersMax = 4 * 1024;

/** All that is told of a session's temporary objects: 128 names and two thousand columns. Where there is more, they are unknown. */
export const contextTemporaryCharactersMax = 128 * 1024;

/** How long the question about a held command may take, in all: a reviewer has not begun to read by then. */
export const estimateDeadlineMs = 4_000;

/** How long the server may plan for it, and wait for a lock: others may wait behind it. */
export const estimateStatementMs = 2_000;
export const estimateLockMs = 500;

/** Such a question, its parameters included; longer statements are read without one. */
export const estimateQuestionBytesMax = 128 * 1024;

/** Its answer, and all that comes before it: a plan of some hundred nodes; reading it takes milliseconds of the loop. */
export const estimateAnswerBytesMax = 512 * 1024;

/** Nodes of a plan that are looked at; a plan that long has partitions by the thousand. */
export const estimateNodesMax = 10_000;

/** Such questions at once for one database: each is a connection of the target's. */
export const estimatesAtOnceMax = 2;

/** Names of relations that one session's definitions concern at once; beyond them it may change anything. */
export const changingNamesMax = 4096;

/** Messages of the gateway that wait for a message of the server to end; the first go where more come. */
export const gatewayMessagesMax = 16;

/** Rows of one result that the console is given; a grid of more is an export, which a stock client does better. */
export const workbenchRowsMax = 10_000;

/** Bytes of one value that the console is given. */
export const workbenchCellBytesMax = 64 * 1024;

/** Bytes of rows that are given together. */
export const workbenchBatchBytes = 64 * 1024;

/** Statements that wait for the one that runs. */
export const workbenchRunsWaitingMax = 100;

/** Milliseconds that a goodbye from the console may take. */
export const workbenchGoodbyeMs = 2_000;
