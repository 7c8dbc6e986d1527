/** The limits of reviews: each with its unit and its reason. */

/** Longest command text that is put to a reviewer, UTF-8 bytes: what nobody can read to its end cannot be approved. Also what one event keeps. */
export const textBytesMax = 256 * 1024;

/** Longest reason that a person gives, UTF-8 bytes: a paragraph or three. */
export const reasonBytesMax = 2048;

/** Undecided reviews of one principal: a person waits for a few; a script that asks for more is a flood (A-REV-05, I6). */
export const pendingPerPrincipalMax = 20;

/** Undecided reviews that one gateway waits for; each holds a session and a timer. */
export const pendingMax = 2000;

/** An approved command is claimed within milliseconds by the session that waits; after this something is wrong. Milliseconds. */
export const claimWithinMs = 30_000;

/** The same where the requester comes back for it: a program that asks again now and then, a person at a page. Milliseconds. */
export const claimOnReturnWithinMs = 300_000;

/** How long a request for access waits for its reviewers: a night and a morning. Milliseconds. */
export const accessRequestWithinMs = 24 * 3_600_000;

/** When an undecided review of a break-glass is raised again: a working day. Milliseconds. */
export const afterReviewWithinMs = 24 * 3_600_000;

/** Longest and shortest grant, milliseconds: a week is no longer just in time; below a minute nobody gets to work. */
export const grantMsMax = 7 * 24 * 3_600_000;
export const grantMsMin = 60_000;

/** Decisions kept with a review. Each is of a person who may decide it, so this is many more than any rule asks for. */
export const decisionsMax = 100;

/** Approvals that a rule may ask for; the policy room has the same idea of it. */
export const approvalsMax = 10;

/** Names or groups in one list of reviewers, as in a guardrail; longer lists should be a group. */
export const reviewersMax = 1000;

/** Relations, functions and conditions shown of one command; the rest is counted. A thousand fill a dozen pages. */
export const meaningEntriesMax = 1000;

/** Columns of a shown line before it is broken: nothing may hide to the right of what a screen shows (A-REV-06). */
export const presentedColumns = 120;

/** A run of spaces longer than this is shown as its count, and so is a run of empty lines (A-REV-06). */
export const presentedSpacesMax = 24;
export const presentedEmptyLinesMax = 3;

/** Combining marks shown on one character; more of them paint over their neighbours. */
export const presentedMarksMax = 2;

/** How far a signed request's time may be from ours, milliseconds: what Slack recommends. */
export const signatureAgeMsMax = 5 * 60_000;

/** Signatures and one-time links remembered at once; each is forgotten when it is too old to be accepted. Full: refuse. */
export const onceOnlyMax = 10_000;

/** Life of a reference in a chat message, milliseconds. It bears no authority, only names what is decided about. */
export const chatLinkMs = 24 * 3_600_000;

/** How long ago a person must have logged in to approve from a chat, milliseconds: a working day (A-REV-02). */
export const chatLoginMs = 12 * 3_600_000;

/** Longest body of a request from a chat, bytes. Slack's hold the message they belong to, some kilobytes. */
export const chatBodyBytesMax = 64 * 1024;

/** Text of the command in a chat message, characters; the whole is behind the link. Slack takes 3,000 in a block. */
export const chatTextMax = 1500;

/** An account that the requester wrote so long before asking, or since, is taken for the requester's: a working day and a night. */
export const ownAccountMs = 24 * 3_600_000;
