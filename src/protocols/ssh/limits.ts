/** The limits of the SSH room; those of the transport stand in transport/limits.ts. */

/** Seconds without anything passing after which a session ends, unless the resource says otherwise: an hour of thought. */
export const idleTimeoutSecondsDefault = 3600;

/** How long the target may take for each step: a login with a slow directory service behind it. */
export const targetStepDeadlineMs = 20_000;

/**
 * From the moment a person is asked to approve elsewhere to the end of the login grace: the life of what waits, and time
 * for the refusal to be told.
 */
export const approvalDeadlineMs = 125_000;

/** The same for a request for access, which others decide. */
export const accessDeadlineMs = 605_000;

/** Channels that wait for the session to be open: what clients open at once. */
export const waitingOpensMax = 16;

/** Longest exec command, in bytes: what Linux takes as one argument (MAX_ARG_STRLEN). */
export const execBytesMax = 128 * 1024;

/** Longest script on the standard input of a shell that is judged as a text: what people paste; beyond it stays unknown. */
export const stdinScriptBytesMax = 1024 * 1024;

/**
 * How long a script on standard input that stays open is waited for, in milliseconds from its last byte: more than a slow line
 * pauses, less than an editor waits for its first answer.
 */
export const stdinQuietMs = 2_000;

/** Environment variables that are passed on, per channel. */
export const environmentMax = 64;

/** Longest value of an environment variable that is passed on, in bytes: a locale's name is far shorter. */
export const environmentValueBytesMax = 1024;

/** Agent and X11 requests of one channel that wait for their decision: clients ask once for each. */
export const undecidedAsksMax = 4;

/** Connections that listen at the target for one session. */
export const listensMax = 32;

/**
 * How long the end of a program's output waits for its exit status, in milliseconds: a target that sends both does so within
 * a few. A program that closes its output and goes on has it closed so much later.
 */
export const statusLagMs = 1_000;

/** Milliseconds from the first goodbye to the end of the connection, so that its text arrives. */
export const goodbyeLingerMs = 250;

/** Life of the certificate that the gateway signs for a session, in seconds: it is used once, within the login. */
export const certificateSeconds = 120;

/** How far a target's clock may be behind, in seconds. */
export const certificateSkewSeconds = 60;

/** Reasons named in the refusal of a line that cannot be bounded: a line of text. */
export const flagsShownMax = 4;

/** Characters of a line that are repeated to the person when it is held or refused. */
export const shownTextLengthMax = 120;

/** Milliseconds in which a step of opening the console's terminal must be answered; a step-up takes longer, before them. */
export const workbenchStepMs = 30_000;

/** Milliseconds that its shell may take: opening it may wait for a human. */
export const workbenchShellMs = 3_600_000;
