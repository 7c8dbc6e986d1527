/** The limits of identity: each with its unit and its reason. */

/** How long a token lives unless asked otherwise: one working day. */
export const tokenLifetimeDefaultMs = 12 * 60 * 60_000;

/** Longest life of a token: what is stolen is useless within a month. Longer lives are for workload identity. */
export const tokenLifetimeMaxMs = 30 * 24 * 60 * 60_000;

/** Shortest life of a token: below a minute it may be dead before a client uses it. */
export const tokenLifetimeMinMs = 60_000;

/** Live tokens per principal. Each SCRAM exchange tries all of them; must stay below `scramCandidatesMax` (64). */
export const tokensPerOwnerMax = 50;

/** Longest label of a token, in UTF-8 bytes: a line that people read. */
export const tokenLabelBytesMax = 128;

/** Rows of one page of a token list. */
export const tokenPageRowsMax = 200;

/** How far ahead another gateway's clock may have been when it issued a token (A-ID-03, F-15). Expiry has no tolerance. */
export const clockSkewMs = 60_000;

/** Longest secret looked at, in UTF-16 units: a token has 41, and what is longer is not hashed. */
export const secretLengthMax = 1024;

/** PBKDF2 iterations behind a token's SCRAM keys: PostgreSQL's default. A token's 160 random bits need no stretching. */
export const scramIterations = 4096;

/** Bytes of the per-principal SCRAM salt, as PostgreSQL uses. */
export const scramSaltBytes = 16;

/** Longest time from the first to the last message of a SCRAM exchange: listeners give authentication 10 s (G6). */
export const scramExchangeMaxMs = 60_000;

/** Revocations remembered for exchanges under way. Beyond it, all exchanges under way fail. */
export const recentRevocationsMax = 10_000;

/** Shortest password, in characters: a password is the only factor here (NIST SP 800-63B advises 15, demands 8). */
export const passwordLengthMin = 12;

/** Longest password, in UTF-8 bytes: room for any passphrase, and a bound on hashing. */
export const passwordBytesMax = 1024;

/** Argon2id: memory in KiB, passes, lanes (OWASP's first choice: 19 MiB, 2, 1). */
export const argon2MemoryKib = 19_456;
export const argon2Passes = 2;
export const argon2Lanes = 1;
export const argon2SaltBytes = 16;
export const argon2HashBytes = 32;

/** Bounds on what a stored verifier may ask for, so that a damaged one cannot exhaust memory: KiB, passes, lanes. */
export const argon2MemoryKibMax = 262_144;
export const argon2PassesMax = 16;
export const argon2LanesMax = 8;

/** Hashings at once. The thread pool has four threads, and the journal needs some: half may hash. */
export const hashingsAtOnceMax = 2;

/** Sign-ins that may wait to be hashed, about three seconds' worth; more are refused. */
export const hashingsWaitingMax = 64;

/** How long one may wait for its turn. */
export const hashingWaitMs = 5_000;

/** Failures per login and source that cost nothing: people mistype. */
export const freeFailures = 5;

/** Longest wait after failures. Long enough to stop guessing, short enough for a person who has it right at last. */
export const throttleWaitMaxMs = 60_000;

/** After how long without failure a login and source start afresh. */
export const throttleForgetMs = 15 * 60_000;

/** Failures per source before it must wait: an office behind one address, on a bad morning. */
export const sourceFailuresMax = 100;

/** How fast a source may fail for ever: one failure per this many milliseconds. */
export const sourceRefillMs = 2_000;

/** Pairs of login and source remembered; about 200 bytes each. The one unused for longest is forgotten first. */
export const throttlePairsMax = 50_000;

/** Sources remembered. */
export const throttleSourcesMax = 20_000;

/** Sign-ons that wait for an approval elsewhere, of one login and in all: each is a client that stands still. */
export const approvalsPerPrincipalMax = 5;
export const approvalsMax = 1000;

/** Those of one source: nobody takes the places of all others. */
export const approvalsPerSourceMax = 8;

/** How long one waits: long enough to find the phone. */
export const approvalLifetimeMs = 120_000;

/** Random bytes of a hand-over's code and of a visit's secret. */
export const visitSecretBytes = 32;

/** How long a browser has to come back with its code: a redirect, on a slow line. */
export const visitCodeLifetimeMs = 60_000;

/** Codes that wait at a time; each follows a sign-on. */
export const visitCodesMax = 1_000;

/** Longest visit, where the console's sign-on would last longer: one working day. */
export const visitLifetimeMaxMs = 12 * 60 * 60_000;

/** Visits of one principal, and of all: about 500 bytes each. The oldest ends for the newest. */
export const visitsPerPrincipalMax = 64;
export const visitsMax = 20_000;

/** Longest path and query that a browser is sent back to; a longer one becomes `/`. */
export const returnPathLengthMax = 2_048;

/** Longest client certificate, in bytes: TLS itself takes chains of ten times that. */
export const certificateBytesMax = 16 * 1024;
