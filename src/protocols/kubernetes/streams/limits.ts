/** The limits of Kubernetes' streams. */

/** Bytes of a control frame of SPDY behind its head. kubectl's are below 200; what it names fits many times. */
export const controlFrameBytesMax = 16 * 1024;

/**
 * Bytes of a header block once it is decompressed. With `controlFrameBytesMax` this bounds the work that a peer causes with
 * few bytes; streams are described with three short headers.
 */
export const headerBlockBytesMax = 16 * 1024;

/** Headers of one stream. Kubernetes has three. */
export const headersMax = 32;

/** What a compressor may refer back to, in bytes: zlib's largest window, which every implementation here uses. */
export const windowBytes = 32 * 1024;

/** Pairs in a SETTINGS frame. SPDY/3.1 defines eight. */
export const settingsMax = 64;

/** Bytes of content in one DATA frame of ours: what Go's io.Copy makes, so that other streams get their turn. */
export const dataFrameBytesMax = 32 * 1024;

/** Streams that one exec or attach has: error, stdin, stdout, stderr, resize. More are refused. */
export const execStreamsMax = 5;

/** Connections to ports that one conversation has open at once: a browser behind it opens dozens, a load test hundreds. */
export const forwardsMax = 512;

/** Ports in the query of a port-forward over channels: two channels each, of the numbers 0 to 254. */
export const forwardPortsMax = 127;

/** Bytes of the number that a client gives a connection to a port. kubectl counts. */
export const requestIdBytesMax = 64;

/** Bytes of one WebSocket frame. It is taken into memory whole; kubectl's have at most 32 KiB and a little. */
export const webSocketFrameBytesMax = 1024 * 1024;

/** Bytes of a WebSocket message that is put together before it is understood: base64 text. */
export const webSocketMessageBytesMax = 1024 * 1024;

/** Bytes of a status or of the text on an error stream. The rest is cut off; a Status has some hundreds. */
export const statusBytesMax = 64 * 1024;

/** Bytes of one terminal size, `{"Width":65535,"Height":65535}` with whatever spaces. */
export const resizeBytesMax = 256;

/** Bytes that are kept for a container before its streams are agreed: what a client may have sent in one go. */
export const earlyBytesMax = 1024 * 1024;

/** Members of an archive that are listed. A container's whole tree may have more; they are counted. */
export const tarEntriesMax = 10_000;

/** Bytes of all names that one listing keeps: with `tarEntriesMax`, what a listing costs in memory at the very most. */
export const tarNamesBytesMax = 1024 * 1024;

/** Bytes of one name or link target that are kept. Linux' PATH_MAX is 4096; whoever reads a listing reads less. */
export const tarNameBytesMax = 1024;

/** Bytes of a long name (GNU) or of extended headers (pax) of one member. Beyond, the archive is not followed. */
export const tarExtensionBytesMax = 64 * 1024;

/** Extended headers and long names in front of one member, in a row. There are at most four: x, g, L, K. */
export const tarExtensionsInRowMax = 16;
