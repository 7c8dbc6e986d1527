/** The limits of identity: each with its unit and its reason. */

/** How long a token lives unless asked otherwise: one working day. */
export const tokenLifetimeDefaultMs = 12 * 60 * 60_000;

/** Longest life of a token: what is stolen is useless within a month. Longer lives are for workload identity. */
export const tokenLifetimeMaxMs = 30 * 24 * 60 * 60_000;

/** … of a service's: others keep it in their configuration (SCIM at an identity provider), and people change it once a year. */
export const serviceTokenLifetimeMaxMs = 366 * 24 * 60 * 60_000;

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

/** How long one request to an identity provider may take, resolving its name included. */
export const providerDeadlineMs = 10_000;

/** Longest answer of a provider, in bytes: discovery, keys, tokens with all groups, several times over. */
export const providerAnswerBytesMax = 1024 * 1024;

/** Longest head of such an answer, in bytes. */
export const providerHeadBytesMax = 32 * 1024;

/** How far a provider's clock may be off: exp, nbf, iat, auth_time (A-ID-03). */
export const tokenSkewSeconds = 60;

/** How long ago an ID token or a logout token may have been issued, in seconds: both are fetched, or sent, at once. */
export const idTokenAgeSecondsMax = 600;

/** Longest token of a provider that is looked at, in UTF-16 units: one with thousands of groups has less. */
export const foreignTokenLengthMax = 256 * 1024;

/** Longest life of a workload's token, in seconds: clouds give up to a day. One of ten years is a stored secret (A-ID-03). */
export const workloadTokenLifetimeSecondsMax = 24 * 60 * 60;

/** Issuers whose discovery and keys are kept; beyond it the one unused for longest is fetched anew. */
export const issuersMax = 64;

/** After how long a discovery document is fetched anew, and how long the one before serves where that fails. */
export const discoveryFreshMs = 60 * 60_000;
export const discoveryStaleMs = 24 * 60 * 60_000;

/** The same of keys. A key that was withdrawn is believed no longer than an hour. */
export const keysFreshMs = 10 * 60_000;
export const keysStaleMs = 60 * 60_000;

/** Least pause between two looks for a key that is not among those kept: anybody can send a token with any `kid` (F-06). */
export const keysLookPauseMs = 30_000;

/** Keys of one issuer that are looked at. Those of a provider are a handful. */
export const issuerKeysMax = 100;

/** Keys tried for a token that does not say which. */
export const keysTriedMax = 8;

/** First and longest pause after a provider did not answer; each gateway adds up to half by chance (F-06). */
export const providerPauseMs = 1_000;
export const providerPauseMaxMs = 60_000;

/** How long a sign-on may take from its beginning to the way back: a person looks for a second factor. */
export const signOnLifetimeMs = 10 * 60_000;

/** Longest secret by which a browser is bound to its sign-on, in UTF-16 units. */
export const browserSecretLengthMax = 256;

/** Longest address that a provider sends a browser back to. */
export const callbackLengthMax = 16 * 1024;

/** Longest life of a device code, whatever the provider says. */
export const deviceLifetimeMaxMs = 30 * 60_000;

/** Shortest and longest pause between two questions of a device, and what a provider adds by `slow_down` (RFC 8628, 3.5). */
export const devicePauseSecondsDefault = 5;
export const devicePauseSecondsMax = 60;
export const devicePauseStepSeconds = 5;

/** How much earlier than the pause a device may ask: its clock and the line are not exact. Milliseconds. */
export const devicePauseToleranceMs = 1_000;

/** Groups that a provider may say somebody is in, and how deep their lists may stand in one another. */
export const subjectGroupsMax = 2_000;
export const groupDepthMax = 4;

/** Longest value of a claim that is kept: a subject, a group, an address. UTF-16 units. */
export const claimLengthMax = 512;

/** Values of `amr` that are kept. */
export const amrValuesMax = 20;

/** Longest name of a principal, as manifests have it. */
export const providedNameLengthMax = 63;

/** Longest token of a workload that is taken in place of a secret, in UTF-16 units: those of clouds have two thousand. */
export const shownTokenLengthMax = 8 * 1024;

/** Records of such tokens, live, per principal: runs of pipelines within a day. They cost nothing until they are shown. */
export const shownTokensPerOwnerMax = 500;

/** Providers of one issuer and audience that are tried: two, while one takes the place of the other. */
export const providersTriedMax = 4;

/** How long an agent's token for somebody lives unless asked otherwise: one task. */
export const delegationLifetimeDefaultMs = 60 * 60_000;

/** Agents that act one for another: what is longer nobody follows. */
export const actorsMax = 5;

/** Claims that a condition is compared with in one list of a workload's token. */
export const workloadListMax = 2_000;
