/** The limits of interactive terminals: each with its unit and its reason. */

/** Longest text of one line or command, in bytes of UTF-8. Longer ones are denied: nobody reads 64 KiB before approving. */
export const textBytesMax = 64 * 1024;

/** Longest reply text (messages, rewrites), in UTF-16 units: it is shown at a prompt. */
export const replyTextMax = 2000;

/** Where a shell says that it stands, in bytes of UTF-8: a line of a review, and more than a person reads. Longer ones are cut. */
export const directoryBytesMax = 1024;

/** What a request adds around its text, in bytes: level, token, separators. */
export const requestOverheadBytes = 96;

/** Noise that a person's non-interactive start-up files may print before the side channel's greeting, in bytes. */
export const noiseBytesMax = 64 * 1024;

/** Tokens remembered to refuse their second use. Beyond it the oldest are forgotten: one is good for one open ask anyway. */
export const tokensRemembered = 8192;

/** Asks that are open at once: subshells and background jobs of one terminal. More look like a fork bomb. */
export const openAsksMax = 64;

/** Input kept while a verdict is pending, in bytes: a page of type-ahead or a long paste. */
export const queuedInputBytesMax = 1024 * 1024;

/** Milliseconds until the first sign of life of the hooks. */
export const helloMs = 3000;

/** Milliseconds until the person's own start-up files are through. Version managers and cold disks take several seconds. */
export const readyMs = 20_000;

/** Milliseconds until the side channel stands: one exec, a directory, two FIFOs, a dozen kilobytes. */
export const sideMs = 10_000;

/** Milliseconds after Enter until it is looked at whether the cursor is still on the line: then it was no submission. */
export const submitLookMs = 1000;

/** Milliseconds after Enter within which the hooks must ask, or the shell must prompt. Two round trips and a loaded host. */
export const submitMs = 8000;

/** Quiet milliseconds after which the screen counts as settled, where a line is read from it. */
export const settleQuietMs = 40;

/** Longest wait for the screen to settle, in milliseconds; what is not on it by then is not executed. */
export const settleMs = 600;

/** Milliseconds in which a typed character must appear on the screen to be recorded as text. */
export const echoMs = 2000;

/** Typed characters that wait for their echo, in UTF-16 units; beyond it they are recorded by number only. */
export const echoPendingMax = 64 * 1024;

/** A running program gets type-ahead in a shell without hooks after this many milliseconds without a prompt. */
export const typeAheadMs = 150;

/** Columns and rows of a terminal, at least and at most (A-SSH-16). 1000 × 1000 cells are 12 MB. */
export const columnsMin = 2;
export const columnsMax = 1000;
export const rowsMin = 1;
export const rowsMax = 500;

/** Rows of scrollback: the longest line that can be read back is this many screen rows. */
export const scrollbackRows = 400;

/** Rows in which one submitted line may stand; a line that is longer is not read from the screen. */
export const lineRowsMax = 380;

/** Longest partial mark held back from the person, in bytes: nonce, letter, status, and a directory with a byte to tell that it is cut. */
export const markBytesMax = 160 + directoryBytesMax;

/** History entries of the gateway's own line editor. */
export const historyEntriesMax = 500;

/** How often one sequence may repeat what it does: far more than a screen has rows or columns, and no work. */
export const repeatsMax = 4096;
