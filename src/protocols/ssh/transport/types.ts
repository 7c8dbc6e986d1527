/**
 * What the rest of the SSH room sees of a connection: requests and answers as closed unions, channels as streams with
 * back-pressure, and two ends (server towards the client, client towards the target) that speak the same vocabulary.
 *
 * Invariants:
 * - Nothing here comes from or goes to ssh2; this file is the whole contract.
 * - A request is answered exactly once, by `accept` or `reject`, now or later. Answers leave in the order of the requests
 *   whatever the order in which they were given; an `exec` that is held simply waits.
 * - Views handed to a handler belong to the handler; views handed to `write` must not be changed afterwards.
 * - After `close` no other method of a handler is called.
 *
 * Deliberately absent: policy, identity, recording. Who may do what is decided by whoever implements the handlers.
 * Specification: RFC 4251 to 4254, 4256, 8308, 8332; OpenSSH PROTOCOL and PROTOCOL.certkeys.
 */
import type { Clock } from '../../../base/clock.ts';
import type { GatewayError } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { SshCertificate } from './certificate.ts';
import type { SshPrivateKey, SshPublicKey } from './keys.ts';
import type { SshLimits } from './limits.ts';
import type { TerminalModes } from './terminal-modes.ts';

// ----- both ends ------------------------------------------------------------------------------------------------------

export interface SshAlgorithms {
  readonly kex: string;
  readonly hostKey: string;
  readonly cipherIn: string;
  readonly cipherOut: string;
  /** Empty where the cipher authenticates by itself. */
  readonly macIn: string;
  readonly macOut: string;
  /** Strict key exchange against prefix truncation (A-SSH-07). */
  readonly strict: boolean;
}

/** Ends one channel request or global request. Answering twice is a programming error; answers after the end are ignored. */
export interface SshReply {
  /** False: the peer wants no answer; accept and reject then do nothing. */
  readonly wanted: boolean;
  /** `data` is used by global requests only (the port that `tcpip-forward` chose). */
  accept(data?: Buffer): void;
  reject(): void;
}

/** Reason codes of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254, 5.1). */
export const openFailure = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;
export type SshOpenFailure = (typeof openFailure)[keyof typeof openFailure];

/** What openers get when the other side refuses: a value of `OpenRefused`, thrown as the cause of a GatewayError. */
export interface OpenRefused {
  readonly reason: number;
  /** The peer's text; for records and logs, escaped there. */
  readonly message: string;
}

export interface PtySize {
  readonly columns: number;
  readonly rows: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

export interface PtyRequest extends PtySize {
  readonly kind: 'pty-req';
  readonly term: string;
  readonly modes: TerminalModes;
}

/**
 * Every request on a session channel, in both directions. Sizes are clamped when decoded (A-SSH-16), names bounded.
 * `command` is raw bytes: what a shell will be given, never a lossy string.
 */
export type SshChannelRequest =
  | PtyRequest
  | ({ readonly kind: 'window-change' } & PtySize)
  | { readonly kind: 'env'; readonly name: string; readonly value: Buffer }
  | { readonly kind: 'shell' }
  | { readonly kind: 'exec'; readonly command: Buffer }
  | { readonly kind: 'subsystem'; readonly name: string }
  | { readonly kind: 'signal'; readonly name: string }
  | { readonly kind: 'break'; readonly lengthMs: number }
  | {
      readonly kind: 'x11-req';
      readonly singleConnection: boolean;
      readonly protocol: string;
      readonly cookie: string;
      readonly screen: number;
    }
  | { readonly kind: 'auth-agent-req@openssh.com' }
  | { readonly kind: 'eow@openssh.com' }
  | { readonly kind: 'xon-xoff'; readonly clientCanDo: boolean }
  | { readonly kind: 'keepalive@openssh.com' }
  | { readonly kind: 'exit-status'; readonly code: number }
  | ({ readonly kind: 'exit-signal' } & SshExitSignal)
  | { readonly kind: 'unknown'; readonly name: string; readonly data: Buffer };

export interface SshExitSignal {
  /** Without `SIG`: `TERM`, `KILL`. */
  readonly signal: string;
  readonly coreDumped: boolean;
  readonly message: string;
}

export interface SshChannelHandler {
  read(view: Buffer): void;
  /**
   * True: what `read` and `readStderr` are given is the handler's during the call only, and may lie in a region
   * (base/regions.ts). What is kept longer must be copied; what is handed to the `write` of any channel or wire need not be.
   */
  readonly borrows?: boolean;
  /** Extended data of type 1. Absent: it is dropped, and the window given back. */
  readStderr?(view: Buffer): void;
  /** The peer will send no more data; requests and `close` may follow. */
  end(): void;
  /** After `write` answered false: what was held has been sent, and writing may go on. */
  drain(): void;
  /** Absent: every request that wants an answer is refused. `exit-status` and `exit-signal` come here, too. */
  request?(request: SshChannelRequest, reply: SshReply): void;
  /** The channel is gone, by agreement or with its connection. Called once, last. */
  close(): void;
}

/**
 * One channel, at either end. Until `handle` is called nothing is delivered: data waits within the window, so that a peer
 * that is early loses nothing (A-SSH-20) and cannot send more than the window (A-SSH-17).
 */
export interface SshChannel {
  /** Our number of it, unique among the open channels of the connection. */
  readonly id: number;
  /** `session`, `direct-tcpip` … */
  readonly type: string;
  readonly closed: boolean;
  /** True once `eof` or `close` was called here. */
  readonly ended: boolean;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes given to `write` and not sent for want of window. */
  readonly pendingBytes: number;
  handle(handler: SshChannelHandler): void;
  /**
   * Sends data, which the caller must not change afterwards unless it lies in a region. False: wait for `drain` before
   * giving more. Ignored once the channel has ended.
   */
  write(view: Buffer): boolean;
  /** Sends extended data of type 1, in order with `write`. */
  writeStderr(view: Buffer): boolean;
  /**
   * Stops delivering data and giving window. Requests still come (a signal must not wait behind data that nobody takes);
   * the exit status, the end and the close wait for the data before them, so that none is lost.
   */
  pause(): void;
  resume(): void;
  /** Asks the peer. False: refused. Rejects when the channel or the connection ends first, or after `deadlineMs`. */
  request(request: SshChannelRequest, deadlineMs?: number): Promise<boolean>;
  /** Tells the peer without asking for an answer (`exit-status`, `window-change`, `signal`). In order with `write`. */
  notify(request: SshChannelRequest): void;
  /** No more data from us, once what is pending was sent. */
  eof(): void;
  /** Closes once what is pending was sent; the peer's data is dropped from now on. */
  close(): void;
  /** Closes at once and forgets what is pending. */
  destroy(): void;
}

// ----- opening channels -----------------------------------------------------------------------------------------------

export interface TcpEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Every way in which a peer opens a channel. */
export type SshChannelOpen =
  | { readonly kind: 'session' }
  | { readonly kind: 'direct-tcpip'; readonly target: TcpEndpoint; readonly origin: TcpEndpoint }
  | { readonly kind: 'direct-streamlocal@openssh.com'; readonly path: string }
  | { readonly kind: 'forwarded-tcpip'; readonly bound: TcpEndpoint; readonly origin: TcpEndpoint }
  | { readonly kind: 'forwarded-streamlocal@openssh.com'; readonly path: string }
  | { readonly kind: 'x11'; readonly origin: TcpEndpoint }
  | { readonly kind: 'auth-agent@openssh.com' };

/** Opens that a client may send to a server. */
export type SshServerOpen = Extract<
  SshChannelOpen,
  { kind: 'session' | 'direct-tcpip' | 'direct-streamlocal@openssh.com' }
>;
/** Opens that a server may send to a client. */
export type SshClientOpen = Exclude<SshChannelOpen, SshServerOpen>;

export interface SshOpenAnswer {
  accept(): SshChannel;
  reject(reason: SshOpenFailure, message: string): void;
}

// ----- global requests ------------------------------------------------------------------------------------------------

export type SshGlobalRequest =
  | { readonly kind: 'tcpip-forward'; readonly bind: TcpEndpoint }
  | { readonly kind: 'cancel-tcpip-forward'; readonly bind: TcpEndpoint }
  | { readonly kind: 'streamlocal-forward@openssh.com'; readonly path: string }
  | { readonly kind: 'cancel-streamlocal-forward@openssh.com'; readonly path: string }
  | { readonly kind: 'no-more-sessions@openssh.com' }
  | { readonly kind: 'hostkeys-00@openssh.com'; readonly keys: readonly Buffer[] }
  | { readonly kind: 'hostkeys-prove-00@openssh.com'; readonly data: Buffer }
  | { readonly kind: 'unknown'; readonly name: string; readonly data: Buffer };

// ----- the connection -------------------------------------------------------------------------------------------------

export interface SshConnectionBase {
  /** The peer's software, as it named itself: `OpenSSH_9.2p1 Debian-2`. Printable ASCII, bounded. */
  readonly remoteSoftware: string;
  readonly algorithms: SshAlgorithms;
  /** The exchange hash of the first key exchange. */
  readonly sessionId: Buffer;
  readonly closed: boolean;
  readonly channelCount: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Settles when the peer answers. Rejects with `ssh.peer-silent` after `deadlineMs`. */
  ping(deadlineMs?: number): Promise<void>;
  /** Begins a key exchange now. The transport begins them by bytes and time on its own. */
  rekey(): void;
  /** Says why, and closes. */
  disconnect(message: string): void;
  /** Drops the connection now. */
  destroy(error?: Error): void;
}

/** Why a connection ended; null: the peer closed it in order. */
export type SshCloseReason = GatewayError | null;

// ----- server end -----------------------------------------------------------------------------------------------------

export interface SshPrompt {
  readonly prompt: string;
  readonly echo: boolean;
}

export interface KeyboardInteractive {
  /**
   * Shows `prompts` (there may be none) and gives the answers, one for each. May be called again for a further round.
   * Rejects when the client turns to another method, goes away, or the login grace is over.
   */
  prompt(request: {
    readonly name?: string;
    readonly instruction?: string;
    readonly prompts: readonly SshPrompt[];
  }): Promise<readonly string[]>;
}

/**
 * One step of a login. For public keys, an *offer* only asks whether a key would do and proves nothing (A-SSH-02); a
 * *proof* is made only after its signature over this session, user and algorithm was verified here (A-SSH-03, A-SSH-04),
 * and for a certificate also the CA's signature. Whether the CA, the principals and the validity are right is the
 * caller's to decide.
 */
export type SshAuthRequest =
  | { readonly method: 'none'; readonly user: string }
  | { readonly method: 'password'; readonly user: string; readonly password: string }
  | {
      readonly method: 'publickey-offer' | 'publickey-proof';
      readonly user: string;
      /** The key itself; with a certificate, the certified key. */
      readonly key: SshPublicKey;
      readonly certificate: SshCertificate | null;
      /** The signature algorithm, as named on the wire. */
      readonly algorithm: string;
    }
  | {
      readonly method: 'keyboard-interactive';
      readonly user: string;
      readonly submethods: readonly string[];
      readonly interactive: KeyboardInteractive;
    };

export type SshAuthMethod = 'password' | 'publickey' | 'keyboard-interactive';

export type SshAuthOutcome =
  /** Lets the client in; for an offer: says that the key would do. */
  | { readonly kind: 'accept' }
  /** `methods`: what may go on; the configured ones when absent, or those that a partial success named. */
  | { readonly kind: 'reject'; readonly methods?: readonly SshAuthMethod[] }
  /** Right so far; one of these is needed, and no other is asked for any more. Does not count as a failed attempt. */
  | { readonly kind: 'partial'; readonly methods: readonly SshAuthMethod[] };

export interface SshAuthContext {
  readonly remoteSoftware: string;
  readonly signal: AbortSignal;
  /** Moves the end of the login grace to `deadlineMs` from now: while a person approves in a browser. */
  extendGrace(deadlineMs: number): void;
  /** Shows text before the login is over (SSH_MSG_USERAUTH_BANNER). */
  banner(text: string): void;
}

export interface SshServerHandler {
  authenticate(request: SshAuthRequest, context: SshAuthContext): Promise<SshAuthOutcome>;
  /** The login is done. Channels can be opened from now on. */
  ready(connection: SshServerConnection): void;
  open(open: SshServerOpen, answer: SshOpenAnswer): void;
  /** Keepalives are answered by the transport and do not come here. */
  globalRequest(request: SshGlobalRequest, reply: SshReply): void;
  /** A login attempt failed; for counters and penalties of the caller. */
  attemptFailed?(fact: { readonly method: string; readonly user: string; readonly attempts: number }): void;
  close(reason: SshCloseReason): void;
}

export interface SshServerOptions {
  /** At least one; one per type is used. */
  readonly hostKeys: readonly SshPrivateKey[];
  readonly handler: SshServerHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** What we call ourselves after `SSH-2.0-`. */
  readonly software?: string;
  readonly banner?: string;
  /** Login methods named to the client, in order; all three by default. */
  readonly methods?: readonly SshAuthMethod[];
  readonly limits?: Partial<SshLimits>;
}

export interface SshServerConnection extends SshConnectionBase {
  /** The one user name of this connection; empty until one was given (A-SSH-05). */
  readonly user: string;
  readonly authenticated: boolean;
  /** Opens a channel towards the client: forwarded connections, X11, agent. */
  open(open: SshClientOpen, deadlineMs?: number): Promise<SshChannel>;
}

// ----- client end -----------------------------------------------------------------------------------------------------

/** Ways to log in to the target, tried in the order given. */
export type SshCredential =
  | { readonly method: 'password'; readonly password: string }
  /** Answers each prompt that hides what is typed with the password, others with nothing. */
  | { readonly method: 'keyboard-interactive'; readonly password: string }
  | { readonly method: 'publickey'; readonly key: SshPrivateKey; readonly certificate?: Buffer };

export interface SshClientHandler {
  /** The target opened a channel. Only kinds that were asked for should be accepted. */
  open(open: SshClientOpen, answer: SshOpenAnswer): void;
  globalRequest?(request: SshGlobalRequest, reply: SshReply): void;
  /** What the target shows before the login (SSH_MSG_USERAUTH_BANNER); bounded. */
  banner?(text: string): void;
  close(reason: SshCloseReason): void;
}

export interface SshClientOptions {
  readonly user: string;
  readonly credentials: readonly SshCredential[];
  /** Decides about the target's key before anything secret is sent; later key exchanges must show the same (A-SSH-18). */
  readonly verifyHostKey: (key: SshPublicKey) => boolean | Promise<boolean>;
  /** Key types that are pinned, preferred first: only these are asked for. All when absent. */
  readonly hostKeyTypes?: readonly string[];
  readonly handler: SshClientHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly software?: string;
  readonly limits?: Partial<SshLimits>;
  /** Ends the attempt to log in. */
  readonly signal?: AbortSignal;
}

export interface SshClientConnection extends SshConnectionBase {
  /** The method that the target accepted. */
  readonly method: SshCredential['method'] | 'none';
  readonly hostKey: SshPublicKey;
  /** Opens a channel on the target: `session`, `direct-tcpip`, `direct-streamlocal@openssh.com`. */
  open(open: SshServerOpen, deadlineMs?: number): Promise<SshChannel>;
  /** Asks for a forward and the like. Null: refused; otherwise the data of the answer (empty for most). */
  globalRequest(request: SshGlobalRequest, deadlineMs?: number): Promise<Buffer | null>;
}
