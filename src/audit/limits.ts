/** The limits of the index. */

/** Events looked at before the cursor is moved on, even where none of them concerned a session. */
export const batchEventsMax = 500;

/** Rows written in one transaction. */
export const batchChangesMax = 200;

/** How long a change may wait for its batch: what people see in lists is at most this old. */
export const batchDelayMs = 100;

/** Before a failed batch is tried again. */
export const retryDelayMs = 1_000;
