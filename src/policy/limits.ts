/** The limits of policy: each with its unit and its reason. */

/** Access objects compiled together. An order of magnitude beyond any installation we know of; compiling so many takes well below 100 ms. */
export const accessObjectsMax = 10_000;

/** Names, groups or labels in one list of an Access; longer lists should be a group. */
export const accessListEntriesMax = 1000;

/** Windows of one Access: a timetable of a few shifts in a few zones. */
export const accessWindowsMax = 16;

/** Locks in force together; an installation with more has been shut instead. */
export const locksMax = 10_000;

/** Entries of a list that an explanation spells out; the rest is counted. It is read by people. */
export const explainedEntriesMax = 10;

/** UTF-16 units of a selector that an explanation spells out. */
export const explainedTextMax = 400;

/** Guardrails compiled together. Each that selects a session is asked for each new statement: a thousand cost about a millisecond. */
export const guardrailsMax = 2000;

/** Entries in one list of a Guardrail; longer lists should be a group, a label or a wildcard. */
export const guardrailListEntriesMax = 1000;

/** Examples of one Guardrail: they run each time anything is applied. */
export const examplesMax = 100;

/** Characters of a message to a person; it has to fit into a native error. */
export const messageCharactersMax = 1000;

/** Characters of an expression (`when`) or a pattern. Longer ones are several rules in disguise. */
export const expressionCharactersMax = 2000;

/** Nodes and nesting of a `when`, as parsed. */
export const whenNodesMax = 500;
export const whenDepthMax = 24;

/** Steps that a `when` may take at worst, about 50 ns each: some ten milliseconds, below what may hold the event loop. */
export const whenCostMax = 200_000;

/** Entries of a list (relations, functions, groups, …) that a `when` sees. A longer list counts as unknown. */
export const whenListEntriesMax = 200;

/** Steps that one operation on text counts for: text may be long. */
export const whenTextCost = 50;

/** UTF-16 units of the longest text that `command.text` gives to a `when`, and that a pattern runs over. A longer one counts as matching. */
export const judgedTextMax = 64 * 1024;

/** Instructions of a compiled pattern. Time is at worst their number times the length of the text. */
export const patternInstructionsMax = 200;

/** Steps of 50 ns that one instruction of a pattern counts for: its share of the longest text. Measured. */
export const patternInstructionSteps = 2000;

/** The same for one entry of `text`, which is looked for in a text of up to a megabyte. */
export const textSteps = 2000;

/** The same for a name with stars, which is tried on each relation of a statement; a partitioned table has thousands. */
export const wildcardSteps = 5000;

/** The same for a pointer into a body, which may have to look at each of its 50,000 names and values. */
export const bodyPatternSteps = 20_000;

/** Steps of one pointer into an object, deeper than any custom resource. */
export const objectFieldStepsMax = 64;

/** Steps that all Guardrails together may take for one command: 0.2 s, for a text made to be slow. Plain ones take microseconds. */
export const stepsMax = 4_000_000;

/** Milliseconds of the longest time a rule may name: 21 days, below what a timer can count (2^31 ms). */
export const durationMsMax = 21 * 24 * 3600 * 1000;

/** Approvals that a hold may ask for. More distinct people than that are not waiting. */
export const approvalsMax = 10;

/** Milliseconds a review waits unless the rule says otherwise. */
export const holdWithinMs = 30 * 60 * 1000;

/** The same inside a transaction, where others may wait for its locks. */
export const holdInTransactionMs = 5 * 60 * 1000;

/** Counters of rows and bytes in use: sessions and days, per rule. Beyond it a new counter counts as passed. */
export const usageEntriesMax = 200_000;
