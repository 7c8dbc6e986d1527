/** The limits of the SSH transport, in one place. `SshLimits` are those that an owner of a connection may change. */

/** An identification line, CR LF included (RFC 4253, 4.2). */
export const identBytesMax = 255;

/** What a server may say before its identification: OpenSSH's bound is 1,024 lines of 8 KiB; 64 KiB serve (A-SSH-08). */
export const preambleBytesMax = 64 * 1024;

/** The length field of a packet; RFC 4253, 6.1 asks for 35,000 at least. Asserted to be ssh2's own bound. */
export const packetBytesMax = 35_000;

/** From this size on a packet lies in memory that is used again, and its payload is its taker's during the call only. */
export const lentBytesMin = 4 * 1024;

/** Messages before the login: a certificate with a long list of principals has some KiB. */
export const unauthenticatedMessageBytesMax = 32 * 1024;

/** Data in one packet that we send or accept (RFC 4253, 6.1). */
export const dataBytesMax = 32 * 1024;

/** The window of the first channels, OpenSSH's own: 64 packets of 32 KiB. */
export const windowBytes = 2 * 1024 * 1024;

/** Channels with a whole window; more channels get less, so that a connection holds 30 MiB at most (A-SSH-17). */
export const wideChannelsMax = 8;
export const narrowWindowBytes = 256 * 1024;

/** Bytes held for want of the peer's window before whoever goes on writing in spite of `false` ends the connection. */
export const heldBytesMax = 16 * 1024 * 1024;

/** Above this many bytes not yet taken by the kernel, `write` answers false. */
export const wireHighWaterBytes = 256 * 1024;

/** Above this many, nothing more is read: only a peer that asks and does not read the answers gets here. */
export const wireStopBytes = 4 * 1024 * 1024;

/** Requests of one channel that wait for an answer: a held exec and what a client sends after it. */
export const requestsWaitingMax = 64;

/** Environment requests per channel; OpenSSH's server takes 1,000, clients send a dozen (A-SSH-15). */
export const environmentRequestsMax = 128;

/** Names of users, signals, subsystems, terminals, environment variables, hosts. */
export const nameBytesMax = 256;

/** A user name: `principal+resource`, with room for long addresses. */
export const userBytesMax = 1024;

/** Text of a person or towards one: passwords, prompts, banners, messages of refusal. */
export const textBytesMax = 8 * 1024;

/** A unix socket's path (sun_path has 108 bytes; remote systems may differ). */
export const pathBytesMax = 4096;

/** Columns and rows of a terminal; larger ones help nobody and cost memory (A-SSH-16). */
export const ptyCellsMax = 1000;
export const ptyPixelsMax = 65_535;

/** What a client says that it has no size: 0 columns and rows, as with `ssh -tt </dev/null`. */
export const ptyColumnsDefault = 80;
export const ptyRowsDefault = 24;

/** Global requests of one peer that wait for an answer. */
export const globalRequestsWaitingMax = 16;

/** Prompts in one round of keyboard-interactive, and rounds. */
export const promptsMax = 16;
export const promptRoundsMax = 20;

/** Login requests sent before the answer to the first; clients wait, libraries may send two. */
export const loginRequestsWaitingMax = 4;

/** Requests of the `none`, offer and proof kinds all in all: an agent with many keys, and no more (A-SSH-06). */
export const loginRequestsMax = 64;

/** The shortest RSA modulus (NIST SP 800-131A). */
export const rsaBitsMin = 2048;
export const rsaBitsMax = 16_384;

/** Parts of a certificate. */
export const certificatePrincipalsMax = 256;
export const certificateOptionsMax = 64;

/** Key exchanges begun by the peer: a burst, and then one a second. `RekeyLimit 16` of OpenSSH's tests needs hundreds. */
export const kexBurstMax = 240;
export const kexPerSecond = 1;

/** Packets that ask for nothing (ignore, debug, unimplemented, empty) between two that do, before login (A-SSH-06). */
export const idlePacketsMax = 64;

/** Messages kept back until a key exchange is over: answers to a peer that goes on asking. Each costs some memory besides. */
export const keptBytesMax = 4 * 1024 * 1024;
export const keptPacketBytes = 128;

/** How long our KEXINIT waits for the peer's, to learn whether it knows strict key exchange. Most send theirs at once. */
export const kexInitWaitMs = 300;

/** From our last message to the end of the connection, for the peer to read it. */
export const lingerMs = 5_000;

export interface SshLimits {
  /** From the connection to the end of the login (A-SSH-06). */
  readonly graceMs: number;
  /** A key exchange, once both sides have begun it (A-SSH-09). */
  readonly kexMs: number;
  /** For the peer to take up a key exchange that we began; long, since a suspended client cannot. */
  readonly kexAnswerMs: number;
  /** Failed attempts per connection (A-SSH-06). */
  readonly attemptsMax: number;
  /** Open channels per connection, those being opened included (A-SSH-17). */
  readonly channelsMax: number;
  /** Bytes in one direction after which keys are changed (RFC 4253, 9). */
  readonly rekeyBytes: number;
  readonly rekeyMs: number;
  /** Any answer that a peer owes: channel opens, requests, pings. */
  readonly answerMs: number;
}

export const defaultLimits: SshLimits = {
  graceMs: 20_000,
  kexMs: 20_000,
  kexAnswerMs: 600_000,
  attemptsMax: 6,
  channelsMax: 64,
  rekeyBytes: 1024 * 1024 * 1024,
  rekeyMs: 3_600_000,
  answerMs: 30_000,
};
