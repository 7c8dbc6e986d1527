/**
 * How much the built-in detectors keep. What was not seen for longest goes first, and is learned anew when it comes again. Chosen so
 * that the state of one detector stays below what the gateway keeps of one (16 million characters) as principals are as a rule.
 */

/** Principals (with the agents that act for them) that one detector remembers: a large organisation, and its pipelines. */
export const principalsMax = 20_000;

/** Principals of whom many things are remembered (tables, what agents do): some 2 KiB each. */
export const familiarPrincipalsMax = 5_000;

/** Principals of whom figures of each day are remembered: some 2 KiB each. */
export const figuredPrincipalsMax = 6_000;

/** Groups that one detector remembers. */
export const groupsMax = 2_000;

/** Pairs of a group and a thing used in it. */
export const groupItemsMax = 30_000;

/** Things remembered of one principal: tables above all. An analyst uses some hundred. */
export const itemsPerPrincipalMax = 400;

/** Members of a group that are counted for what is usual in it; more say nothing more. */
export const membersMax = 64;

/** Members by whose number groups are told apart. */
export const groupSizeMax = 512;

/** Users of one thing in a group that are counted. */
export const usersOfItemMax = 16;

/** Moments kept of a window that counts: thresholds above this are the same as this. */
export const momentsMax = 512;

/** Sources of failed logins that are watched at once: a spray from a botnet has thousands. */
export const sourcesMax = 10_000;

/** Reviews between their request and their end. */
export const reviewsMax = 10_000;

/** Pairs of requester and reviewer. */
export const pairsMax = 20_000;

/** Days of which figures are kept of a principal. */
export const daysMax = 60;

/** Sequences named as evidence of one finding: more than people read. */
export const evidenceMax = 20;

/** Contexts of one principal's model of sequences, and symbols: some 12 KiB a principal. */
export const contextsMax = 400;
export const symbolsMax = 200;

/** Contexts of a group's model. */
export const groupContextsMax = 1_600;

/** Principals with a model of sequences of their own: 12 MiB as a rule. */
export const modelsMax = 1_000;
