/**
 * The client end: how the gateway talks to a target.
 *
 * Invariants:
 * - Nothing secret is sent before the target's key was found good (A-SSH-18), and the login is over only by a
 *   USERAUTH_SUCCESS that answers a request of ours (A-SSH-01).
 * - Credentials are tried once each, in order. The whole login has a deadline.
 *
 * Deliberately absent: where the wire comes from, what is pinned, known_hosts.
 */
import type { Timer } from '../../../base/clock.ts';
import { ourSoftware, signatureAlgorithms } from './algorithms.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { ClientLogin } from './client-login.ts';
import { Connection } from './connection.ts';
import { sshErrors } from './errors.ts';
import { publicKeyFrom, type SshPublicKey } from './keys.ts';
import * as limits from './limits.ts';
import { loginService } from './login-messages.ts';
import { disconnectReason, message } from './messages.ts';
import { Transport } from './transport.ts';
import type { SshWire } from './transport-options.ts';
import type {
  SshAlgorithms,
  SshChannel,
  SshClientConnection,
  SshClientOpen,
  SshClientOptions,
  SshCloseReason,
  SshGlobalRequest,
  SshServerOpen,
} from './types.ts';

/**
 * Logs in to the target on `wire`. Rejects with the reason; the wire is closed then. `handler.close` is called only for
 * a connection that this resolved with.
 */
export function connectSsh(wire: SshWire, options: SshClientOptions): Promise<SshClientConnection> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted === true) {
      wire.destroy();
      return reject(signal.reason);
    }
    const onAbort = (): void => end.destroy();
    const end: ClientEnd = new ClientEnd(wire, options, (error) => {
      signal?.removeEventListener('abort', onAbort);
      if (error === null) resolve(end);
      else reject(signal?.aborted === true ? signal.reason : error);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

class ClientEnd implements SshClientConnection {
  readonly #options: SshClientOptions;
  readonly #limits: limits.SshLimits;
  readonly #transport: Transport;
  readonly #settled: (error: Error | null) => void;
  readonly #grace: Timer;
  #hostKey: SshPublicKey | null = null;
  #signatureAlgorithms: readonly string[] = [];
  #login: ClientLogin | null = null;
  #connection: Connection | null = null;
  #isServiceGranted = false;
  #bannerBytes = 0;

  constructor(wire: SshWire, options: SshClientOptions, settled: (error: Error | null) => void) {
    this.#options = options;
    this.#settled = settled;
    this.#limits = { ...limits.defaultLimits, ...options.limits };
    this.#grace = options.clock.after(this.#limits.graceMs, () => {
      if (this.#connection === null) this.#transport.fail(sshErrors('ssh.grace-over'));
    });
    this.#transport = new Transport({
      role: 'client',
      wire,
      clock: options.clock,
      software: options.software ?? ourSoftware,
      limits: this.#limits,
      hostKeyAlgorithms: algorithmsFor(options.hostKeyTypes),
      verifyHostKey: (blob) => this.#verifyHostKey(blob),
      owner: {
        ready: () =>
          this.#transport.send(new SshWriter(32).uint8(message.SERVICE_REQUEST).string(loginService).finish()),
        message: (payload) => this.#onMessage(payload),
        drain: () => this.#connection?.drain(),
        close: (reason) => this.#onClose(reason),
      },
    });
  }

  get method(): SshClientConnection['method'] {
    return this.#login?.method ?? 'none';
  }
  get hostKey(): SshPublicKey {
    if (this.#hostKey === null) throw sshErrors('ssh.kex-failed', { detail: 'asked before the key exchange' });
    return this.#hostKey;
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

  open(open: SshServerOpen, deadlineMs?: number): Promise<SshChannel> {
    return this.#connection?.open(open, deadlineMs) ?? Promise.reject(sshErrors('ssh.connection-lost'));
  }

  globalRequest(request: SshGlobalRequest, deadlineMs?: number): Promise<Buffer | null> {
    return this.#connection?.globalRequest(request, deadlineMs) ?? Promise.reject(sshErrors('ssh.connection-lost'));
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

  async #verifyHostKey(blob: Buffer): Promise<boolean> {
    const key = publicKeyFrom(blob);
    const isGood = await this.#options.verifyHostKey(key);
    if (isGood) this.#hostKey = key;
    return isGood;
  }

  #onMessage(payload: Buffer): void {
    const type = payload[0]!;
    switch (type) {
      case message.EXT_INFO:
        this.#onExtensions(new SshReader(payload, 1));
        return;
      case message.SERVICE_ACCEPT:
        this.#onService();
        return;
    }
    if (this.#connection !== null) {
      if (type < message.GLOBAL_REQUEST) {
        throw sshErrors('ssh.message-unexpected', { detail: `message ${type} after the login` });
      }
      this.#connection.message(payload);
      return;
    }
    if (this.#login === null || payload.length > limits.unauthenticatedMessageBytesMax) {
      throw sshErrors('ssh.message-unexpected', { detail: `message ${type} before the login` });
    }
    if (type === message.USERAUTH_BANNER) {
      this.#onBanner(new SshReader(payload, 1));
      return;
    }
    if (this.#login.message(payload)) this.#onLogin();
  }

  #onService(): void {
    if (this.#isServiceGranted)
      throw sshErrors('ssh.message-unexpected', { detail: 'a service that nobody asked for' });
    this.#isServiceGranted = true;
    this.#login = new ClientLogin({
      user: this.#options.user,
      credentials: this.#options.credentials,
      sessionId: this.#transport.sessionId,
      signatureAlgorithms: this.#signatureAlgorithms,
      send: (payload) => this.#transport.send(payload),
    });
    this.#login.start();
  }

  /** Only `server-sig-algs` matters here. After the login a server may send it once more (RFC 8308, 2.4). */
  #onExtensions(reader: SshReader): void {
    const count = reader.uint32();
    if (count > 32) throw sshErrors('ssh.message-malformed', { detail: 'too many extensions' });
    for (let index = 0; index < count; index++) {
      const name = reader.name(limits.nameBytesMax);
      const value = reader.string(limits.packetBytesMax);
      if (name === 'server-sig-algs') this.#signatureAlgorithms = value.toString('latin1').split(',');
    }
  }

  #onBanner(reader: SshReader): void {
    const text = reader.string(limits.packetBytesMax).toString('utf8');
    this.#bannerBytes += text.length;
    if (this.#bannerBytes <= limits.preambleBytesMax) this.#options.handler.banner?.(text);
    else throw sshErrors('ssh.message-unexpected', { detail: 'the banner does not end' });
  }

  #onLogin(): void {
    this.#grace.cancel();
    const { handler, clock } = this.#options;
    this.#connection = new Connection(
      this.#transport,
      {
        open: (open, answer) => handler.open(open as SshClientOpen, answer),
        globalRequest: (request, reply) => {
          if (handler.globalRequest === undefined) reply.reject();
          else handler.globalRequest(request, reply);
        },
      },
      clock,
      this.#limits,
      'server',
    );
    this.#transport.relax();
    this.#settled(null);
  }

  #onClose(reason: SshCloseReason): void {
    this.#grace.cancel();
    const error = reason ?? sshErrors('ssh.connection-lost', { detail: 'the target closed the connection' });
    if (this.#connection === null) {
      this.#settled(error);
      return;
    }
    this.#connection.close(error);
    this.#options.handler.close(reason);
  }
}

/** Host key algorithms for the pinned types, in their order; all where nothing is pinned. */
function algorithmsFor(types: readonly string[] | undefined): readonly string[] {
  if (types === undefined || types.length === 0) return signatureAlgorithms;
  return types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
}
