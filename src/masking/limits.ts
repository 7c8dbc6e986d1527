/** The limits of masking: each with its unit and its reason. */

/** Masks compiled together. More than any installation needs; each is looked at once per session. */
export const masksMax = 1000;

/** Names, groups or labels in one list of a selector; longer lists should be a group. */
export const selectorEntriesMax = 1000;

/** Columns of one Mask. Each is compared with every column of a result once per statement text. */
export const columnsMax = 1000;

/** Characters of one column's spelling: three identifiers of 63 bytes, with quotes. */
export const columnCharactersMax = 400;

/** Operator patterns of one Mask. Each that matches is run over the cell. */
export const patternsMax = 100;

/** Characters of one operator pattern. */
export const patternCharactersMax = 1000;

/** Instructions of one compiled operator pattern: what one character of a cell can cost at worst. */
export const patternInstructionsMax = 500;

/** Words of all dictionaries of one Mask: some megabytes of memory. */
export const dictionaryWordsMax = 50_000;

/** Characters of a dictionary's word: what is compared at each word of a cell at worst. */
export const dictionaryWordCharactersMax = 100;

/** Characters of the name of a pattern or dictionary: it stands in the masked value. */
export const findingNameCharactersMax = 40;

/** Characters that a partial mask may leave at either end: more is no mask. */
export const partialCharactersMax = 32;

/** Bytes of the key for keyed hashes: as strong as HMAC-SHA-256. */
export const hashKeyBytesMin = 32;

/** Entries of a list that an error or an explanation spells out; the rest is counted. */
export const explainedEntriesMax = 10;

/** Sets of masks in force that are kept with their plans; beyond that they are made anew. */
export const maskSetsMax = 1000;

/** Characters of a column's name, with the key of JSON behind it, that are read for context. */
export const columnNameCharactersMax = 256;

/** Names of columns whose context is remembered per scanner. Names repeat; peers choose them. */
export const columnContextsMax = 4096;

/**
 * Work for one cell, in units of about five nanoseconds: a byte looked at closely costs one, a candidate checked costs
 * some, a telephone number some thousands. Beyond that the cell is masked whole, so that no cell holds the loop for more
 * than about five milliseconds (A-MSK-01).
 */
export const cellWorkMax = 700_000;

/** Bytes of one cell that detectors look into; longer values are masked whole or streamed. */
export const detectedBytesMax = 1 << 20;

/**
 * Characters of one cell times instructions of the operator patterns that run over it, all together. A pattern takes up to
 * 6 ns for each where it stays small, and 20 ns where an unlucky one on unlucky text does not; beyond this the cell is
 * masked whole.
 */
export const patternStepsMax = 500_000;

/** The same for finding where a pattern matches, once it is known that it does: 6 to 8 ns each. */
export const patternLocateStepsMax = 500_000;

/** Characters whose format is preserved; longer texts are redacted. It costs some 100 ns a character. */
export const preservedCharactersMax = 16_384;

/** Characters at either end of a long text in which a partial mask looks for what it leaves. */
export const partialSearchCharacters = 2048;

/** Levels of JSON within JSON strings, arrays and objects that are followed; deeper values are masked whole. */
export const jsonDepthMax = 64;

/** Characters before and after a candidate that count as its neighbours. */
export const neighboursBefore = 40;
export const neighboursAfter = 16;

/** Bytes of a streamed value that detectors see at once. */
export const streamWindowBytes = 32_768;

/** Bytes by which windows overlap: the longest finding that may stand across a border. Longer ones mask the rest. */
export const streamOverlapBytes = 8192;
