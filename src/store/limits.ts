/** The limits of the store. */

/** Longest wait for one statement. Every statement here is short; beyond this the database is stuck, not slow. */
export const queryDeadlineMs = 30_000;

/** Added on our side to `queryDeadlineMs` before a PostgreSQL connection is given up, so that the server's own cancel comes first. */
export const queryGraceMs = 2_000;

/** Longest wait for a connection (or for the embedded engine's turn). */
export const acquireDeadlineMs = 15_000;

/** Callers that may wait for the embedded engine's one connection; beyond it they are refused at once. */
export const waitersMax = 4096;

/** Longest wait for the embedded engine to create or open its directory. A first start was measured at 3–6 s on two idle cores; a busy machine is slower. */
export const openDeadlineMs = 120_000;

/** Longest wait for the embedded engine to close before its thread is ended. Committed rows are safe either way. */
export const closeDeadlineMs = 10_000;

/** Connections to PostgreSQL per gateway. The control plane is not the data path; ten serve it. */
export const poolConnectionsMax = 10;

/** A connection to PostgreSQL that nobody used for this long is closed. */
export const poolIdleMs = 60_000;

/** How long the first connection to PostgreSQL may take. */
export const connectDeadlineMs = 10_000;

/** How often the listening connection is asked whether it lives: a dead peer must not swallow revocations for long. */
export const listenHeartbeatMs = 2_000;

/** Longest wait for an answer to that. */
export const listenHeartbeatDeadlineMs = 2_000;

/** First pause before a lost listening connection is made again; doubles up to `listenRetryMaxMs`. */
export const listenRetryMinMs = 100;
export const listenRetryMaxMs = 5_000;

/** Longest payload of a notification, UTF-8 bytes. PostgreSQL refuses 8,000; this leaves room for what encloses the ids. */
export const noticeBytesMax = 7_000;

/** Longest name, kind, owner, label or other short text, UTF-8 bytes. Also what keeps a notification below 8,000 bytes. */
export const nameBytesMax = 512;

/** Longest JSON document (an object's spec, a setting), UTF-8 bytes. 1 MiB is far beyond any manifest. */
export const documentBytesMax = 1024 * 1024;

/** Longest document of a review, UTF-8 bytes as JSON: 256 KiB of text, each byte of it escaped at worst, and what it means. */
export const reviewDocumentBytesMax = 4 * 1024 * 1024;

/** Names and groups in the audience of one review: two lists of a thousand each, and those of its escalation. */
export const audienceMax = 4000;

/** Longest sealed value: the secrets room allows 64 KiB of plain text. */
export const sealedBytesMax = 128 * 1024;

/** Rows in one page. */
export const pageRowsMax = 1000;

/** Rows in one `putAll`, `replaceAll` or index batch: a group of ten thousand exchanged for as many others, and what stands beside. */
export const batchRowsMax = 20_100;

/** Rows in one INSERT of a batch: PostgreSQL takes 65,535 parameters in a statement. */
export const insertRowsMax = 1000;

/** Live tokens of one owner that are looked at. */
export const liveTokensMax = 1000;

/** What is kept beside a token, bytes: a chain of agents, and the names of some resources. */
export const tokenAttributesBytesMax = 16 * 1024;

/** A value that is used once, bytes: the state of a sign-on with its challenge and verifier. */
export const onceValueBytesMax = 16 * 1024;

/** What proves a second factor, bytes: a public key of RSA and what is told of its authenticator. */
export const factorDataBytesMax = 16 * 1024;

/** Tokens, reviews or grants deleted by one purge, so that it holds no lock for long. */
export const purgeRowsMax = 5000;

/** How long uses of tokens are gathered before they are written. */
export const touchFlushMs = 2_000;

/** Uses of tokens gathered at most; beyond it the oldest is forgotten, for `lastUsedAtMs` is a hint. */
export const touchesMax = 10_000;

/** Evidence of one alert: sequences of events. Beyond it the first and most telling stay. */
export const alertEvidenceMax = 200;

/** Longest summary of an alert, message of a response or text in a trail, UTF-8 bytes. */
export const alertTextBytesMax = 4096;

/** Entries of one alert's trail; beyond it nothing more is added. */
export const alertTrailMax = 500;

/** What one detector remembers, UTF-8 bytes as JSON: baselines of ten thousand principals. */
export const detectorStateBytesMax = 32 * 1024 * 1024;

/** A signed checkpoint: some 400 bytes; more is none. */
export const checkpointBytesMax = 4096;

/** Longest text of an entry of history, bytes: what lies beyond is found in the recording, and what a command touches all the same. */
export const historyTextBytesMax = 64 * 1024;

/** Longest name of anything in history (a path, a route, a label), bytes: an index of PostgreSQL takes no longer keys. */
export const historyWordBytesMax = 1024;

/** Groups, labels, touches of one entry of history. */
export const historyListMax = 512;

/** Values of a dictionary that stand in a query as numbers; beyond it the query asks the dictionary itself. */
export const historyNumbersMax = 1000;

/** Entries that are counted, and counted by facet: beyond it there are "at least so many". */
export const historyCountMax = 10_000;

/** Values of a facet that are told, the most frequent first. */
export const historyFacetValuesMax = 50;

/** The least span of time that a search begins with, milliseconds; it widens while answers come quickly, and narrows where not. */
export const historySpanMs = 3_600_000;

/** Entries that are expected in the span a search begins with, were they spread evenly. */
export const historySpanEntries = 50_000;

/** What one statement of a search shall take, milliseconds: logins wait behind it where the database has one connection. */
export const historyStatementMs = 120;

/** What one search may take of the database in all, milliseconds. */
export const historySearchMs = 8_000;

/** Searches that wait for their turn; beyond it the store counts as overloaded. */
export const historyWaitersMax = 32;

/** Entries written between two looks of `maintain` at the statistics of an engine that does not look by itself. */
export const historyAnalyseEntries = 20_000;

/** The same as a share of what there is: statistics change little by a few more. */
export const historyAnalyseShare = 0.2;

/** Texts on one sheet of history: more share their runs of letters, fewer are looked through for nothing. */
export const historySheetTexts = 32;

/** Runs of letters from which on a sheet takes no further text: one long text has as many by itself. */
export const historySheetGramsMax = 2_000;

/** Rows of dictionaries that are remembered as written, so that they are not sent again. */
export const historyKnownMax = 50_000;
