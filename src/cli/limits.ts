/** The limits of the command line. */

/** How long one answer of the API may take. Reading a large configuration is fast; a longer silence is a dead peer. */
export const requestDeadlineMs = 30_000;

/** How long a login waits for the browser: to find a phone, and a password, and read what is asked. */
export const browserLoginDeadlineMs = 5 * 60_000;

/** How long completion may ask the API before it gives up: a shell must not hang on the Tab key. */
export const completionDeadlineMs = 1_500;

/** Candidates that completion offers for one word; beyond this a person types on instead of reading. */
export const completionItemsMax = 200;

/** Widest cell of a table or of a replayed result, in terminal columns. Wider ones are cut with an ellipsis. */
export const cellColumnsMax = 48;

/** Widest table when the output is no terminal, in columns. Nothing is cut there, so this bounds only rules and bars. */
export const defaultColumns = 100;

/** Rows of one result that `sessions replay` shows unless told otherwise; a screen or two. */
export const replayRowsDefault = 20;

/** Rows of one replayed result held in memory for alignment. More are counted, never kept. */
export const replayRowsMax = 10_000;

/** Longest pause that a timed replay keeps: a lunch break in a session is no reason to wait for an hour. */
export const replayPauseMsMax = 3_000;

/** How long a played terminal waits at a stretch: a key acts within it. */
export const playerStepMs = 100;

/** Terminals of one session that are told apart. */
export const terminalsMax = 1_000;

/** Entries looked at to find out whether a recording is one of terminals; a login and its first commands are far fewer. */
export const sniffedEntriesMax = 2_000;

/** How often, and with what pause, `sessions tail` looks for how the session ended after its stream did. A kill takes a second. */
export const endLooksMax = 5;
export const endLookIntervalMs = 300;

/** Longest manifest file that `apply` reads: 4 MiB, a thousand times a usual one. */
export const manifestBytesMax = 4 * 1024 * 1024;

/** Files that `apply -f DIR` reads. */
export const manifestFilesMax = 1_000;

/** Longest password or secret read from standard input, in bytes. */
export const secretBytesMax = 64 * 1024;

/** Longest profile file that is read: some thousands of profiles. */
export const profileBytesMax = 1024 * 1024;

/** Connections that a local port serves at once: more than any desktop tool opens. */
export const localConnectionsMax = 64;

/** How long a client of the local port may take to say what it is. */
export const localStartDeadlineMs = 10_000;

/** How long the gateway may take to accept a forwarded connection and to finish its TLS handshake. */
export const localUpstreamDeadlineMs = 10_000;

/** Longest message that the local port reads whole while a connection starts: PostgreSQL's own limit is 10 000 bytes. */
export const localStartBytesMax = 16 * 1024;

/** How often `reviews watch` and `request --wait` ask: a person does not notice two seconds, and a gateway not one question. */
export const reviewsWatchIntervalMs = 2_000;

/** How often `alerts ls --watch` asks: an alarm is wanted at once. */
export const alertsWatchIntervalMs = 1_000;

/** Differences of a policy replay shown one by one; the tables count all of them. */
export const replayedDifferencesMax = 50;

/** Alerts of a detection replay shown one by one; the tables count all of them. */
export const replayedAlertsMax = 50;

/** Commands that a policy replay may be asked to judge; the gateway has the same limit. */
export const replayedCommandsMax = 1_000_000;

/** Longest public key file that is read: an RSA key of 16384 bits has 3 kB. */
export const publicKeyBytesMax = 16 * 1024;

/** What the rules did in a session, as far as a transcript holds it in memory. */
export const sessionEventsMax = 100_000;

/** Characters of one body that are laid out when a recording is replayed; what is longer is shown as it came, and cut. */
export const replayBodyLengthMax = 64 * 1024;

/** Longest answer of a token endpoint, bytes: a token of a cloud, and what stands around it. */
export const tokenAnswerBytesMax = 64 * 1024;

/** Seconds that a token for kubectl is good for: it asks again by itself. */
export const credentialLifetimeSeconds = 900;

/** Milliseconds that such a token must be good for when it is given out. */
export const credentialMarginMs = 120_000;

/** Words and parts of a query that are marked in what is found. */
export const searchMarksMax = 32;

/** How often `index rebuild` asks how far it is. */
export const indexLookIntervalMs = 500;
