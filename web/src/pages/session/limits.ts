/** The limits of this page: each with its unit and its reason. */

/** Commands kept of one session: a list of them is some 100 MB. */
export const commandsMax = 200_000;
/** Characters of a command's text that are kept, and of all; beyond, each has its beginning only. */
export const textLengthMax = 64 * 1024;
export const textLengthLeast = 400;
export const textCharsMax = 48 * 1024 * 1024;
/** Rows of one result that are kept, and where all have had their share. More are read again when asked for. */
export const rowsKept = 300;
export const rowsLeast = 5;
/** Characters of all cells and bodies. */
export const cellCharsMax = 64 * 1024 * 1024;
/** Bytes of one body that are kept. */
export const bodyBytesKept = 256 * 1024;
/** Messages of one command: notices of a loop. */
export const messagesMax = 500;
/** Terminals of one session: as many as tabs make sense. */
export const terminalsMax = 64;
/** What is drawn within so long is one moment on the timeline. Milliseconds. */
export const activityStepMs = 200;
/** Rows that "show more" reads of one result. */
export const rowsReadMax = 20_000;
/** What the rules did in one session. */
export const eventsMax = 100_000;

/** Text between two snapshots of a terminal, characters: what a seek parses at most, some 20 ms of work. */
export const keyframeChars = 128 * 1024;
/** Snapshots of one terminal; beyond, every other one is given up and they lie twice as far apart. */
export const keyframesMax = 256;
/** Lines above the screen that are kept, and drawn when one scrolls up. */
export const scrollbackLines = 500;
/** Characters of one terminal that are kept: an hour of a build log. */
export const terminalCharsMax = 192 * 1024 * 1024;
/** Lines and characters of one terminal that can be searched. */
export const searchLinesMax = 400_000;
export const searchCharsMax = 48 * 1024 * 1024;
/** Places found that are listed. */
export const hitsMax = 500;
