/** The limits of policy: each with its unit and its reason. */

/** Access objects compiled together. An order of magnitude beyond any installation we know of; compiling so many takes well below 100 ms. */
export const accessObjectsMax = 10_000;

/** Names, groups or labels in one list of an Access; longer lists should be a group. */
export const accessListEntriesMax = 1000;

/** Entries of a list that an explanation spells out; the rest is counted. It is read by people. */
export const explainedEntriesMax = 10;
