/** The limits of the query language. */

/** Characters of a query. A search box holds a line or two; a saved search no more. */
export const queryLengthMax = 4_000;

/** Brackets within brackets. Deeper is no query that a person wrote. */
export const depthMax = 20;

/** Terms of one query, each value of a list among them: what one question may cost the store. */
export const termsMax = 100;

/** Candidates that are told with an error or a suggestion. */
export const candidatesMax = 40;
