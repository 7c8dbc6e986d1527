/**
 * The server end: what a client of the gateway talks to.
 *
 * Invariants:
 * - Before the login is over nothing but the login's messages is understood, and anything else ends the connection
 *   (A-SSH-01); messages are short, idle packets few, and everything is over after the grace (A-SSH-06).
 * - `handler.close` is called once, last.
 *
 * Deliberately absent: listeners, start-up limits and penalties (the listener's), anything about a target.
 */
import type { Timer } from '../../../base/clock.ts';
import { ourSoftware, userKeyAlgorithms } from './algorithms.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { Connection } from './connection.ts';
import { sshErrors } from './errors.ts';
import type { SshPrivateKey } from './keys.ts';
import * as limits from './limits.ts';
import { ServerLogin } from './login.ts';
import { encodeBanner, loginService } from './login-messages.ts';
import { disconnectReason, message } from './messages.ts';
import { Transport } from './transport.ts';
import type { SshWire } from './transport-options.ts';
import type {
  SshAlgorithms,
  SshAuthContext,
  SshChannel,
  SshClientOpen,
  SshCloseReason,
  SshServerConnection,
  SshServerOpen,
  SshServerOptions,
} from './types.ts';

/** Speaks SSH as a server on `wire`, from the first byte on. What happens comes to `options.handler`. */
export function acceptSsh(wire: SshWire, options: SshServerOptions): SshServerConnection {
  return new ServerEnd(wire, options);
}

class ServerEnd implements SshServerConnection {
  readonly #options: SshServerOptions;
  readonly #limits: limits.SshLimits;
  readonly #transport: Transport;
  readonly #abort = new AbortController();
  #login: ServerLogin | null = null;
  #connection: Connection | null = null;
  #grace: Timer;
  #isServiceAsked = false;

  constructor(wire: SshWire, options: SshServerOptions) {
    this.#options = options;
    this.#limits = { ...limits.defaultLimits, ...options.limits };
    this.#grace = this.#graceOf(this.#limits.graceMs);
    const hostKeys = hostKeysByAlgorithm(options.hostKeys);
    this.#transport = new Transport({
      role: 'server',
      wire,
      clock: options.clock,
      software: options.software ?? ourSoftware,
      limits: this.#limits,
      hostKeys,
      hostKeyAlgorithms: [...hostKeys.keys()],
      owner: {
        ready: () => this.#onKeys(),
        message: (payload) => this.#onMessage(payload),
        drain: () => this.#connection?.drain(),
        close: (reason) => this.#onClose(reason),
      },
    });
  }

  get user(): string {
    return this.#login?.user ?? '';
  }
  get authenticated(): boolean {
    return this.#connection !== null;
  }
  get remoteSoftware(): string {
    return this.#transport.software;
  }
  get algorithms(): SshAlgorithms {
    return this.#transport.algorithms;
  }
  get sessionId(): Buffer {
    return this.#transport.sessionId;
  }
  get closed(): boolean {
    return this.#transport.closed;
  }
  get channelCount(): number {
    return this.#connection?.channelCount ?? 0;
  }
  get bytesRead(): number {
    return this.#transport.bytesRead;
  }
  get bytesWritten(): number {
    return this.#transport.bytesWritten;
  }

  open(open: SshClientOpen, deadlineMs?: number): Promise<SshChannel> {
    return this.#connection?.open(open, deadlineMs) ?? Promise.reject(sshErrors('ssh.connection-lost'));
  }

  ping(deadlineMs?: number): Promise<void> {
    return this.#connection?.ping(deadlineMs) ?? Promise.reject(sshErrors('ssh.connection-lost'));
  }

  rekey(): void {
    this.#transport.rekey();
  }

  disconnect(text: string): void {
    const reason = sshErrors('ssh.disconnected', { values: { message: text } });
    this.#transport.disconnect(disconnectReason.BY_APPLICATION, text, reason);
  }

  destroy(error?: Error): void {
    this.#transport.destroy(sshErrors('ssh.connection-lost', error === undefined ? {} : { cause: error }));
  }

  // ----- before the login is over -------------------------------------------------------------------------------------

  #graceOf(milliseconds: number): Timer {
    return this.#options.clock.after(milliseconds, () => {
      if (!this.authenticated) this.#transport.fail(sshErrors('ssh.grace-over'));
    });
  }

  #onKeys(): void {
    if (!this.#transport.peerTakesExtensions) return;
    // The first message after the first NEWKEYS, or never (RFC 8308, 2.4).
    this.#transport.send(
      new SshWriter(256)
        .uint8(message.EXT_INFO)
        .uint32(2)
        .string('server-sig-algs')
        .string(userKeyAlgorithms.join(','))
        .string('ping@openssh.com')
        .string('0')
        .finish(),
    );
  }

  #onMessage(payload: Buffer): void {
    if (this.#connection !== null) {
      this.#onLateMessage(this.#connection, payload);
      return;
    }
    if (payload.length > limits.unauthenticatedMessageBytesMax) {
      throw sshErrors('ssh.message-malformed', { detail: 'a long message before the login' });
    }
    switch (payload[0]) {
      case message.EXT_INFO:
        if (this.#isServiceAsked) break;
        return;
      case message.SERVICE_REQUEST:
        this.#onService(new SshReader(payload, 1));
        return;
      case message.USERAUTH_REQUEST:
        if (this.#login === null) break;
        this.#login.request(payload);
        return;
      case message.USERAUTH_INFO_RESPONSE:
        if (this.#login === null) break;
        this.#login.response(payload);
        return;
    }
    throw sshErrors('ssh.message-unexpected', { detail: `message ${payload[0]} before the login` });
  }

  #onService(reader: SshReader): void {
    const service = reader.name(limits.nameBytesMax);
    reader.end();
    if (service !== loginService || this.#isServiceAsked) {
      throw sshErrors('ssh.message-unexpected', { detail: `a request for the service ${service}` });
    }
    this.#isServiceAsked = true;
    const { handler, methods = ['publickey', 'password', 'keyboard-interactive'], banner } = this.#options;
    const transport = this.#transport;
    const context: SshAuthContext = {
      remoteSoftware: transport.software,
      signal: this.#abort.signal,
      extendGrace: (milliseconds) => {
        this.#grace.cancel();
        if (!transport.closed) this.#grace = this.#graceOf(milliseconds);
      },
      banner: (text) => transport.send(encodeBanner(text)),
    };
    this.#login = new ServerLogin({
      handler,
      context,
      methods,
      attemptsMax: this.#limits.attemptsMax,
      sessionId: transport.sessionId,
      send: (payload) => transport.send(payload),
      succeeded: () => this.#onLogin(),
      fail: (error) => transport.fail(error),
    });
    transport.send(new SshWriter(32).uint8(message.SERVICE_ACCEPT).string(service).finish());
    if (banner !== undefined && banner !== '') transport.send(encodeBanner(withEnd(banner)));
  }

  #onLogin(): void {
    this.#grace.cancel();
    const { handler, clock } = this.#options;
    this.#connection = new Connection(
      this.#transport,
      {
        open: (open, answer) => handler.open(open as SshServerOpen, answer),
        globalRequest: (request, reply) => handler.globalRequest(request, reply),
      },
      clock,
      this.#limits,
      'client',
    );
    this.#transport.relax();
    this.#transport.send(Buffer.from([message.USERAUTH_SUCCESS]));
    handler.ready(this);
  }

  // ----- afterwards ---------------------------------------------------------------------------------------------------

  #onLateMessage(connection: Connection, payload: Buffer): void {
    switch (payload[0]) {
      // Requests that were sent before the success was seen are to be ignored (RFC 4252, 5.1).
      case message.USERAUTH_REQUEST:
        return;
      case message.EXT_INFO:
      case message.SERVICE_REQUEST:
      case message.SERVICE_ACCEPT:
      case message.USERAUTH_INFO_RESPONSE:
      case message.USERAUTH_FAILURE:
      case message.USERAUTH_SUCCESS:
      case message.USERAUTH_BANNER:
      case message.USERAUTH_PK_OK:
        throw sshErrors('ssh.message-unexpected', { detail: `message ${payload[0]} after the login` });
    }
    connection.message(payload);
  }

  #onClose(reason: SshCloseReason): void {
    this.#grace.cancel();
    this.#abort.abort(reason ?? sshErrors('ssh.connection-lost'));
    this.#login?.close();
    this.#connection?.close(reason ?? sshErrors('ssh.connection-lost'));
    this.#options.handler.close(reason);
  }
}

/** The first key of each kind serves the algorithms that it can make. */
function hostKeysByAlgorithm(keys: readonly SshPrivateKey[]): ReadonlyMap<string, SshPrivateKey> {
  const out = new Map<string, SshPrivateKey>();
  for (const key of keys) {
    for (const algorithm of key.algorithms) if (!out.has(algorithm)) out.set(algorithm, key);
  }
  if (out.size === 0) throw sshErrors('ssh.key-invalid', { detail: 'there is no host key' });
  return out;
}

function withEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\r\n`;
}
