/** The limits of detections: each with its unit and its reason. */

/** Detections compiled together. Each that selects an activity is asked for it: five hundred cost some 50 µs. */
export const detectionsMax = 500;

/** Selections of one detection. */
export const selectionsMax = 32;

/** Fields of one selection. */
export const selectionFieldsMax = 32;

/** Texts in one list; longer lists should be a group, a label or a wildcard. */
export const listEntriesMax = 1000;

/** Characters of one text to compare with. */
export const patternCharactersMax = 500;

/** Texts with a star that one detection may try on each activity: a star is looked for in the whole text. */
export const wildcardsMax = 200;

/** Characters of an activity's text (a statement, a command line) that stars run over; what follows is not looked at. */
export const searchedCharactersMax = 64 * 1024;

/** Characters of a condition, and names, words and brackets in it: what people still read. */
export const conditionCharactersMax = 1000;
export const conditionNodesMax = 200;

/** Brackets within brackets of a condition. */
export const conditionDepthMax = 20;

/** Steps of a sequence. */
export const sequenceStepsMax = 16;

/** Fields that a detection counts by. */
export const groupFieldsMax = 4;

/** Groups that one activity counts for, where a field has several values (the tables of a join); the first ones count. */
export const groupsPerActivityMax = 32;

/** Groups whose state one detection keeps; the one not seen for longest goes first. */
export const groupsMax = 10_000;

/** Characters of one value as it stands in a group, a set of distinct values, or a message. */
export const valueCharactersMax = 200;

/** Activities of one group that are kept one by one. Beyond it neighbours are joined: the window's edge blurs by 1/256. */
export const windowEntriesMax = 512;

/** Entries that one detection keeps of all its groups; beyond it the groups not seen for longest are dropped. */
export const windowEntriesTotalMax = 200_000;

/** Different values of one group that are told apart. Beyond it the count is `at least` so many. */
export const distinctMax = 10_000;

/** Different values of all groups of one detection; beyond it the groups not seen for longest are dropped. */
export const distinctTotalMax = 200_000;

/** Milliseconds of the shortest and the longest window: a second, 31 days. */
export const windowMsMin = 1000;
export const windowMsMax = 31 * 24 * 3600 * 1000;

/** Milliseconds of the longest time that a baseline looks back: 90 days. */
export const baselineMsMax = 90 * 24 * 3600 * 1000;

/** Windows of one group that its baseline remembers: those in which something happened, the latest. */
export const baselineWindowsMax = 200;

/** Windows of all members of one group of principals together. */
export const peerWindowsMax = 1000;

/** Groups of principals whose members' windows are remembered. */
export const peerGroupsMax = 1000;

/** Windows in which something happened before anything counts as unusual, unless the detection says so. */
export const baselineLeast = 5;

/** Other principals that must share a group before peers say anything. */
export const peersLeast = 3;

/** Events named as evidence of one alert: the first ten, and the latest ten. */
export const evidenceMax = 20;

/** Alerts that are added to for as long as their detection is quiet; beyond it the oldest begins a new one. */
export const quietAlertsMax = 10_000;

/** Milliseconds that an alert takes in further findings of its group, unless the detection says so. */
export const quietMs = 3600 * 1000;

/** Milliseconds of the longest quiet time: a week. */
export const quietMsMax = 7 * 24 * 3600 * 1000;

/** Milliseconds of event time between two ticks. Additions to an alert are told at ticks: ten seconds at most after. */
export const tickMs = 10_000;

/**
 * Milliseconds by which an event may seem to be before those it follows: ten minutes. More is a clock that was set back: what was
 * counted by the other time is forgotten, or windows would not move until that time comes.
 */
export const clockBackMs = 10 * 60_000;

/** Ticks made up for after a gap; a longer gap is crossed in so many longer steps. */
export const ticksPerGapMax = 1000;

/** Characters of a message as written, and of a summary as filled in. */
export const messageCharactersMax = 500;
export const summaryCharactersMax = 1000;

/** Examples of one detection, activities in one, and activities that `times` may make of one. They run at each save. */
export const examplesMax = 50;
export const exampleActivitiesMax = 200;
export const exampleTimesMax = 10_000;

/** Activities of all examples of one detection, as many as `times` makes of them. */
export const exampleObservationsMax = 50_000;

/** Suppressions of one detection. */
export const suppressionsMax = 100;

/** Responses of one detection: one of each kind. */
export const responsesMax = 6;

/** Entries of tuning, and texts in one of its lists. */
export const tuningListMax = 1000;
