/** The limits of masking streams: each with its unit and its reason. */

/** Milliseconds that the beginning of what may become a finding waits: two packets of one write arrive within that. */
export const weakHoldMs = 12;

/** Milliseconds that a beginning waits which hardly anything but a secret has; then it is masked, never shown. */
export const strongHoldMs = 250;

/** Characters, and characters beyond the prefix of the provider, from which a beginning is strong. */
export const strongCharactersMin = 8;
export const strongCharactersBeyondPrefix = 6;

/**
 * Characters of one line that detectors see at once. The scanner looks at up to 2048 in one go, so that what it finds does
 * not depend on where its own windows begin.
 */
export const lineCharactersMax = 2048;

/** Characters of a long line that stay in sight when the rest is given back: the longest finding with its name but keys. */
export const lineCharactersKept = 768;

/** Characters at the end of a line that are looked at for beginnings of findings. */
export const tailCharacters = 640;

/** Characters of the tail that an operator's pattern holds back, whose beginnings are not known. */
export const customTailCharacters = 256;

/** Characters behind a finding that may still speak for or against it, with one for its end: see `neighboursAfter`. */
export const horizonCharacters = 17;

/** Bytes of one private key from its header on: an RSA key of 16384 bits has less. Beyond it masking by header ends. */
export const pemBytesMax = 16_384;

/** Characters of base64 in a row that no line of prose has: within a key such a line is masked whatever stands around it. */
export const pemRunCharacters = 16;

/** Bytes of one escape sequence that are collected to be looked at. Longer titles and clipboards are dropped. */
export const sequenceBytesMax = 8192;

/** The largest number in a sequence that the shadow gets: more than the rows and columns of any terminal. */
export const sequenceNumberMax = 9999;

/** Columns and rows of the shadow. Beyond that the client gets a screen of this size. Memory: 12 bytes a cell, twice. */
export const columnsMax = 1000;
export const rowsMax = 500;

/** Milliseconds between two looks at the screen: 120 frames a second. */
export const frameMs = 8;

/** Milliseconds between two frames while they are repainted, so that a flood costs no more than ten screens a second. */
export const floodFrameMs = 100;

/** Bytes that the shadow takes in one go: one to three milliseconds, so that the loop stays free (20 ms). */
export const shadowBytesPerTurn = 32_768;

/** Bytes of the primary screen's past from which its shadow is made: what fills the largest usual screen. */
export const pastBytesMax = 65_536;

/** Lines that end without any move of the cursor between rows after which the primary screen is a stream again. */
export const calmLines = 2;

/** Bytes of content that detectors see at once, and by which these windows overlap. */
export const contentWindowBytes = 32_768;
export const contentOverlapBytes = 8192;

/** Bytes of a window that is cut again because its budget was spent, with the overlap of such pieces. */
export const contentPieceBytes = 4096;
export const contentPieceOverlapBytes = 1024;

/** Milliseconds that the primary screen stays a screen at least: making its shadow costs some. */
export const screenMsMin = 1000;

/** Milliseconds that one call looks for findings: with the one that it is in, some five more (`cellWorkMax`). */
export const turnMs = 5;
