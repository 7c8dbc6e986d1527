/** The limits of masking bodies and fields of HTTP: each with its unit and its reason. */

/** Patterns in `fields` of one Mask. Each is a place in documents that a person wrote down. */
export const fieldsMax = 1000;

/** Characters of one pattern, and its steps: deeper than documents that people point into. */
export const fieldCharactersMax = 1000;
export const fieldStepsMax = 64;

/** Patterns in `headers` of one Mask, and characters of one. */
export const headersMax = 200;
export const headerCharactersMax = 200;

/** Stars in one such pattern: each may cost a walk over the name. */
export const headerStarsMax = 3;

/** States of the patterns' automaton that are remembered. Peers choose names; beyond that it is built anew as it is used. */
export const statesMax = 2048;

/** Names of objects whose meaning is remembered, a power of two, and bytes of the longest that is. Names repeat. */
export const namesRemembered = 1024;
export const rememberedNameBytesMax = 128;

/** Levels of JSON: more than documents of services have. Deeper ones are refused. */
export const jsonDepthMax = 256;

/**
 * Bytes of one value (a string in JSON, a cell, a field of a form) that are held so that it can be looked at as a whole.
 * A longer string in JSON that a Mask names is redacted whatever the method; where detectors look, it passes through their
 * window and what is found is overwritten. The same as that window, so that both see as much.
 */
export const heldBytesMax = 32_768;

/** Bytes of a number or word in JSON. No program writes numbers that long. */
export const atomBytesMax = 1024;

/** Bytes of one record of CSV, one pair of a form and one event of a stream, which are held. Longer ones are refused. */
export const recordBytesMax = 1 << 20;

/** Bytes by which windows over a long line reach back to what has passed, as context. */
export const contextBytes = 256;

/** Characters of a line that is cut again because its budget was spent, and by which such pieces overlap. */
export const pieceCharacters = 4096;
export const pieceOverlapCharacters = 1024;

/** Bytes of a private key over lines, from its first on: beyond that it is none (the same as on terminals). */
export const keyBytesMax = 16_384;

/** Characters of a boundary (RFC 2046, section 5.1.1), and bytes of blanks behind one. */
export const boundaryCharactersMax = 70;
export const paddingBytesMax = 256;

/** Bytes of the head of one part. */
export const partHeadBytesMax = 16_384;

/** Multipart within multipart. */
export const multipartDepthMax = 4;

/** Bytes at the beginning of a text that tell whether it is JSON: more blanks than anybody puts there. */
export const sniffedBlanksMax = 4096;

/** Levels of protobuf messages within messages: readers stop at a hundred. */
export const messageDepthMax = 100;

/** Fields and elements of one protobuf message, with all that is in it. */
export const messageNodesMax = 500_000;
