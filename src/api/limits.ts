/** The limits of the server. Those that clients share stand in `contract/limits.ts`. */

/** Connections at once. A console holds two, a CLI one; beyond it the gateway's sockets belong to sessions. */
export const connectionsMax = 1024;

/** Streams (recordings, tails, exports) of one principal at once. */
export const streamsPerPrincipalMax = 16;

/** Head of a request. A token and a cookie-less browser's headers need two. */
export const headerBytesMax = 16 * 1024;

/** How long the head of a request may take to arrive (slow loris), and the whole of it. */
export const headDeadlineMs = 10_000;
export const requestDeadlineMs = 30_000;

/** Silence on a connection after which it is dropped; streams send a blank line more often than that. */
export const silenceMs = 45_000;

/** Silence between requests of one connection. */
export const keepAliveMs = 10_000;

/** Requests on one connection, so that no balance or limit is outlived by an endless connection. */
export const requestsPerConnectionMax = 10_000;

/** Longest path parameter; identifiers and names are shorter. */
export const parameterLengthMax = 128;

/** Longest bearer token taken for one. */
export const tokenLengthMax = 4096;

/** How often the right to a stream is looked at again: revocation ends it within a second or so (I11). */
export const streamRecheckMs = 500;

/** How long an administrative act waits for its event to be durable before it is refused. */
export const durableDeadlineMs = 10_000;

/** Longest value shown in a difference; longer ones are cut and named by their digest. */
export const changeTextLengthMax = 200;

/** Rows in one entry of a rendered recording, so that one entry holds neither the event loop nor a reader up. */
export const renderedRowsMax = 500;

/** Commands whose columns are remembered while a recording is rendered; older ones are spelled as text. */
export const renderedCommandsMax = 4096;

/** Largest console that is served: it is held in memory. */
export const consoleBytesMax = 16 * 1024 * 1024;

/** Longest beginning of a statement in a list: a line of a wide terminal. */
export const summaryLengthMax = 200;

/** Sessions whose reading by one policy replay is journaled; a replay that shows more of them is narrowed. */
export const replaySessionsMax = 10_000;

/** How long a browser keeps the secret that binds it to what it began: longer than any of that waits. */
export const browserSecretSeconds = 15 * 60;

/** Entries of one SCIM page, where as many are asked for; providers ask for a hundred. */
export const scimPageMax = 200;
export const scimPageDefault = 100;

/** Members of one SCIM group, and of all groups of one page: a large company's everybody. A page stops before it is more. */
export const membersMax = 10_000;

/** Operations of one SCIM PATCH: providers send some dozens. */
export const operationsMax = 1_000;

/** Addresses of one SCIM user. */
export const emailsMax = 20;

/** Longest text of a SCIM user or group, characters: what identity takes of a claim. */
export const scimTextLengthMax = 512;

/** Longest SCIM filter or path, characters, and how deep its brackets nest: reading one recurses. */
export const filterLengthMax = 2_000;
export const filterDepthMax = 10;

/** How often a SCIM change is tried again where somebody else changed the same meanwhile. */
export const scimAttemptsMax = 5;

/** Entries that an export of a search looks up at a time: a page is held in memory, and the embedded store answers one at a time. */
export const searchPageEntries = 500;

/** How far back names are looked for that are suggested: whoever presses a key does not wait for all of history. Milliseconds. */
export const suggestedMs = 30 * 86_400_000;

/** What is suggested at a place in a query: a list that fits a screen. */
export const suggestionsMax = 40;

/** Entries that one table of a report holds: what is more nobody reads, and is made month by month. */
export const reportEntriesMax = 20_000;

/** Largest downloads that an overview names: what fits beside the rest at a glance. */
export const overviewDownloadsMax = 6;
