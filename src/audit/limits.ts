/** The limits of the index. */

/** Events looked at before the cursor is moved on, even where none of them concerned a session. */
export const batchEventsMax = 500;

/** Rows written in one transaction. */
export const batchChangesMax = 200;

/** How long a change may wait for its batch: what people see in lists is at most this old. */
export const batchDelayMs = 100;

/** The same where nothing was written for that long: who looks sees a session as it opens. */
export const batchDelayIdleMs = 20;

/** Before a failed batch is tried again. */
export const retryDelayMs = 1_000;

/** Entries of history written at once: some 40 ms of the embedded engine, behind which a login may wait. */
export const historyBatchEntries = 400;

/** How long entries gather before they are written: a search finds them at most so much later. */
export const historyDelayMs = 150;

/** From when on it counts as behind, milliseconds, and what part of its rest it takes then: it must catch up, too. */
export const historyLateMs = 30_000;
export const historyLateRest = 0.25;

/** Longest wait before a store that does not answer is asked again. */
export const historyRetryMsMax = 30_000;

/** Reviews under way whose requests are kept in memory; of others the index itself is asked. */
export const historyRequestsMax = 10_000;

/** Openings of sessions that are over, kept for what is said of them a little later. */
export const historyOverMax = 1_000;

/** Parameters of a command that stand in its entry; the others are found in the recording. */
export const parametersMax = 200;

/** Text of one entry of a terminal's screen, characters: a hit leads to its moment, so it must not span too much. */
export const screenTextMax = 16 * 1024;

/** How long one entry of a terminal's screen may span, milliseconds. */
export const screenSpanMs = 30_000;

/** Bytes of terminal output of one session that are decoded for the index; what lies beyond is in the recording only. */
export const screenBytesMax = 32 * 1024 * 1024;
