/** The limits of the pipeline. */

/** Longest command text kept in one event; the rest is counted and its digest kept. 256 KiB: a page that people read ends far earlier. */
export const commandTextBytesMax = 256 * 1024;

/** Longest login, resource or client-supplied name; PostgreSQL's own names end at 63 bytes. */
export const loginBytesMax = 256;

/** Output that waits for its intent to become durable, per session. Beyond it the upstream is paused. */
export const heldOutputBytesMax = 1024 * 1024;

/** How long the native goodbye of an ended session may take before its connections are dropped: kill within a second (I11). */
export const goodbyeDeadlineMs = 400;

/** How long connecting to a resource may take. */
export const dialDeadlineMs = 15_000;

/** Commands that may wait for their verdict or their intent in one session (A-PG-28). */
export const pendingCommandsMax = 4096;

/** Client connections that may join one session of a protocol that spans them: several browsers and a busy program. */
export const connectionsPerSessionMax = 256;

/** How long a new session waits for its first event to become durable; a disk slower than this is down. */
export const journalDeadlineMs = 10_000;

/** Live sessions of one principal: a few connection pools, and not all connections that a target allows. */
export const sessionsPerPrincipalMax = 256;

/** Live sessions of one gateway process: at some 100 KiB each they fit a small machine. */
export const sessionsMax = 10_000;

/** Revoked credentials remembered, to end sessions that are just being opened; older ones fail to authenticate anyway. */
export const revokedCredentialsMax = 10_000;

/** Bytes that a connection beside the session may carry: an SSLRequest and a CancelRequest with the longest key (280). */
export const asideBytesMax = 288;

/** Bytes of the handshake of a connection for inspections: start-up, TLS request, and the proof of a credential. */
export const inspectionHandshakeBytesMax = 16 * 1024;

/** Longest value that is masked whole; a longer one is masked piece by piece without changing its length. */
export const maskedValueBytesMax = 1024 * 1024;

/** How often a person whose command is held hears that it still is: well below the idle limits of balancers and drivers. */
export const heldNoticeIntervalMs = 30_000;

/** Resources that one resource may be reached through: more is a mistake in a manifest. */
export const hopsMax = 4;

/** Content that a scan may hold undecided: more than the longest thing that detectors look for, and a few reads. */
export const contentUndecidedBytesMax = 256 * 1024;

/**
 * How long ago a person may have proven themself (a password given) to confirm a step-up by that sign-on: what the page
 * that confirms signs on for. Older sign-ons give the password again.
 */
export const stepUpProofMaxMs = 5 * 60_000;

/** From a confirmation to the opening of the session that it is for: a client's round trip, or a slow person's terminal. */
export const confirmationLifetimeMs = 120_000;

/** How far ahead another gateway's clock may be, in milliseconds, where a moment of it is compared. */
export const clockSkewMs = 60_000;

/** What one intent says that its command touches: more than a statement over a wide join, and a few KB of the journal. */
export const touchesMax = 64;

/** Characters of a name there: the longest qualified column of PostgreSQL has 191; a longer path says enough by its beginning. */
export const touchNameMax = 256;
