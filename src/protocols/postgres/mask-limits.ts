/** The limits of masking in this protocol. */

/**
 * A row, or a line of COPY, up to which it is gathered and its masked values may change their length. Beyond it values
 * are masked piece by piece in the length that the message announced. Four values of `maskedValueBytesMax`; one such row
 * is in memory per session.
 */
export const maskedRowBytesMax = 4 * 1024 * 1024;

/**
 * Characters that the elements of one binary value may take when they are spelled for a mask: so many, and so many more
 * for each byte. One numeric of eight bytes takes up to 147,455; a value beyond the budget becomes NULL (A-MSK-01).
 */
export const spelledCharactersBase = 1024 * 1024;
export const spelledCharactersPerByte = 16;

/** Nesting of arrays, records and ranges that is followed; PostgreSQL's arrays have six dimensions. Deeper values become NULL. */
export const maskedDepthMax = 16;

/** The arena that rewritten rows go to, at first; a chunk of the wire has 64 KiB. */
export const arenaBytes = 80 * 1024;

/** Longest statement whose COPY options are read: a column list of 1,600 names of 63 bytes, quoted, fits eight times. */
export const copyStatementCharactersMax = 1024 * 1024;
