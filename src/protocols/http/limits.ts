/** The limits of the HTTP room. */

/** Longest head of a request, in bytes, over both versions: what nginx and Apache take, and some large cookies. */
export const headBytesMax = 32 * 1024;

/** Most fields in a head or behind a body: browsers send some thirty. */
export const fieldsMax = 200;

/** Digits of the size of a chunk: more than any body has, and still exact as a number. */
export const chunkSizeDigitsMax = 12;

/** Extensions of all chunks of one body, in bytes: nobody uses them, and they are read past. */
export const chunkExtensionBytesMax = 4 * 1024;

/** Spellings of names of fields that are remembered, and their longest, in characters. */
export const rememberedNamesMax = 1_024;
export const rememberedNameLengthMax = 64;

/** Longest path and query, in bytes: the limit of most servers. */
export const targetBytesMax = 16 * 1024;

/** Longest body that is read whole before it is judged: what a person or a rule looks through. */
export const analysedBodyBytesMax = 1024 * 1024;

/** Bodies that one connection may have in memory to be judged, in bytes: a dozen of the longest. */
export const analysedBytesPerConnectionMax = 12 * 1024 * 1024;

/** Milliseconds that the TLS handshake and the first byte may take. */
export const handshakeDeadlineMs = 10_000;

/** Milliseconds from the first byte of a head to its last (A-HTTP-11). */
export const headDeadlineMs = 15_000;

/** Milliseconds that a connection may be open without a request: longer than what balancers in front of it use. */
export const keepAliveMs = 75_000;

/** Milliseconds that a body to be judged may take as a whole: 1 MiB over a line of 300 kbit/s. */
export const bodyDeadlineMs = 30_000;

/** Milliseconds without a byte of a body that is passed on, from either side that owes one. */
export const bodyStallMs = 60_000;

/** Milliseconds for which a client may take nothing of an answer. */
export const clientStallMs = 120_000;

/** Requests of one connection of HTTP/1.1 that wait for those before them: programs that pipeline send a few. */
export const pipelinedMax = 16;

/** Streams of one connection of HTTP/2 at a time: what browsers expect. */
export const streamsMax = 100;

/** Streams that a client may reset in a burst, and per second after it, before the connection ends (CVE-2023-44487). */
export const resetsBurst = 200;
export const resetsPerSecond = 20;

/** PING and SETTINGS frames of one connection within `floodWindowMs`: programs send one now and then (A-HTTP-03). */
export const controlFramesMax = 100;
export const floodWindowMs = 10_000;

/** SETTINGS of one frame. */
export const settingsPerFrameMax = 32;

/** Memory of one connection of HTTP/2, in megabytes as Node counts them: its streams' windows and heads. */
export const connectionMemoryMegabytes = 16;

/** Window of a stream of HTTP/2, in bytes: a round trip of 20 ms at 400 Mbit/s. */
export const streamWindowBytes = 1024 * 1024;

/** Window of a whole connection of HTTP/2, in bytes. */
export const connectionWindowBytes = 4 * 1024 * 1024;

/** Connections to the target of one session; requests beyond wait for one. */
export const upstreamConnectionsMax = 64;

/** Milliseconds for which a connection to the target is kept while nothing uses it: less than servers keep it themselves. */
export const upstreamIdleMs = 4_000;

/** Milliseconds for the TLS handshake with the target. */
export const upstreamTlsDeadlineMs = 10_000;

/** Longest head of an answer, in bytes. */
export const answerHeadBytesMax = 64 * 1024;

/** Most fields in the head of an answer: what Node's client took. */
export const answerFieldsMax = 2_000;

/** Answers of the kind 1xx before the one that counts: servers send a few hints. */
export const hintsMax = 16;

/** Milliseconds that a client who expects 100 (Continue) waits for the target's word before its body is asked for. */
export const continueDeadlineMs = 1_000;

/** Seconds without an exchange after which a session ends, unless the resource says otherwise. */
export const idleTimeoutSecondsDefault = 900;

/**
 * Seconds for which a held request waits with its connection open, unless the resource says otherwise: less than browsers and
 * Node wait for a head (300). Behind a balancer that cuts after 60 a resource says less.
 */
export const holdPatienceSecondsDefault = 240;

/** Seconds after which a client that did not wait is asked to come again. */
export const comeAgainSeconds = 5;

/** Milliseconds for which an approval, or what was decided instead, waits for the client that comes again. */
export const comeAgainWithinMs = 300_000;

/** Held requests of one session that nobody waits for: as many as one principal may have undecided. */
export const leftMax = 20;

/** Milliseconds for which the head of an answer under a Mask waits for its first bytes: a refusal of them is a status then. */
export const maskedHeadDelayMs = 100;

/** Seconds that the target may take for the head of an answer, and between two pieces of it, unless the resource says so. */
export const answerTimeoutSecondsDefault = 300;

/** Milliseconds for which a proof is believed on a connection before it is asked about again. */
export const proofLifetimeMs = 30_000;

/** Proofs remembered per connection: a balancer in front of many clients has more, and pays for asking again. */
export const proofsMax = 64;

/** Longest credential, in bytes. */
export const credentialBytesMax = 8 * 1024;

/** Bytes out for each byte in when a coding is undone, and what may come of the first few in any case (A-HTTP-11). */
export const codingRatioMax = 100;
export const codingAllowanceBytes = 1024 * 1024;

/** Codings upon codings that are undone. */
export const codingsMax = 2;

/** Bytes of a body that a mask gets at a time: what its budgets are made for, and no more work in one turn. */
export const maskedBytesMax = 64 * 1024;

/** Shortest secret that is looked for in what comes back: shorter ones stand in every text. */
export const secretBytesMin = 6;

/** Longest WebSocket frame that is taken into memory, and longest message of text that is put together, in bytes (A-HTTP-13). */
export const webSocketFrameBytesMax = 16 * 1024 * 1024;
export const webSocketMessageBytesMax = 1024 * 1024;

/** Fragments of one message. */
export const webSocketFragmentsMax = 1_024;

/** Milliseconds from the goodbye of a session to the end of its connections, so that its last answers arrive. */
export const goodbyeLingerMs = 50;

/** Writes of one turn that leave together, in bytes. */
export const gatherBytesMax = 64 * 1024;

/** Characters of a value that parameters show to a reviewer. */
export const parameterLengthMax = 1_024;

/** Of the body with which a target says why it does not switch, in bytes. */
export const refusalBytesMax = 64 * 1024;

/** Characters of a descriptor set in a manifest, in base 64: what fits into one. A longer one is a file. */
export const descriptorCharactersMax = 768 * 1024;

/** Longest gRPC message that is looked into, in bytes, as it came and as it unfolds: what most receivers take (4 MiB). */
export const grpcMessageBytesMax = 4 * 1024 * 1024;

/** Messages of one call that wait to be judged. The client waits then. */
export const grpcPendingMax = 16;
