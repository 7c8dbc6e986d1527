/** The limits of understanding shell texts: each with its unit and its reason. Past each, the analysis is incomplete. */

/** Longest text that is judged, in UTF-8 bytes: parsing it takes one turn of the loop. What people type is a hundredth of it; scripts are files. */
export const shellTextBytesMax = 32 * 1024;

/** How deeply commands within commands (`sh -c`, `$()`, wrappers, functions) are followed. Real ones stay below six. */
export const shellDepthMax = 24;

/** Commands and redirects of one text, each. */
export const shellCommandsMax = 4000;

/**
 * Steps of one analysis, a few microseconds each: words and nodes looked at, and a step for every 64 units of text parsed.
 * What a person types takes tens; all of them together stay within what one turn of the event loop may take.
 */
export const shellStepsMax = 6000;

/** Words that one word may become by braces. `{1..9}{1..9}` is 81. */
export const braceWordsMax = 512;

/** Characters looked at while the braces of one word are expanded, beside eight times its length. Words with braces are short. */
export const braceStepsMax = 200_000;

/** Longest word that is followed through expansions, in UTF-16 units; a longer one counts as dynamic. */
export const wordLengthMax = 64 * 1024;

/** Rounds of a `for` over literal words that are followed one by one; more are followed once, with the word unknown. */
export const loopRoundsMax = 32;

/** Reasons kept per flag, and the length of what each is about, in UTF-16 units. */
export const reasonsPerFlagMax = 8;
export const reasonLengthMax = 120;
