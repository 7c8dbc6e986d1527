/**
 * One accepted connection from its first byte to its last: key exchange, login, session, target, channels.
 *
 * Invariants:
 * - The target is dialled only after the session stands in the journal; channels that the client opens before wait.
 * - The end of the session ends both connections, after its reason was said on every channel (I11).
 *
 * Deliberately absent: the SSH protocol itself (transport/), what channels do (session-channel.ts, forwards.ts).
 */
import type { Timer } from '../../base/clock.ts';
import { describeError, type GatewayError, isGatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door, ProtocolServer } from '../../core/protocol.ts';
import type { Session, SessionEnding } from '../../core/session.ts';
import { Conversation } from './conversation.ts';
import { sshRoomErrors } from './errors.ts';
import { Forwards } from './forwards.ts';
import * as limits from './limits.ts';
import { Login } from './login.ts';
import { startProgram } from './programs.ts';
import { goodbye, line } from './say.ts';
import { SessionChannel } from './session-channel.ts';
import { settingsOf } from './settings.ts';
import {
  acceptSsh,
  openFailure,
  privateKeyFromText,
  type SshChannel,
  type SshClientConnection,
  type SshClientOpen,
  type SshGlobalRequest,
  type SshOpenAnswer,
  type SshPrivateKey,
  type SshReply,
  type SshServerConnection,
  type SshServerOpen,
} from './transport/index.ts';
import { openUpstream } from './upstream.ts';

export class SshServer implements ProtocolServer {
  /** Parsed once per set of keys: an RSA key takes a while. */
  #keys: { readonly texts: readonly string[]; readonly parsed: readonly SshPrivateKey[] } | null = null;

  accept(client: Wire, door: Door): Promise<void> {
    const texts = door.hostKeys();
    if (this.#keys?.texts !== texts) this.#keys = { texts, parsed: texts.map((text) => privateKeyFromText(text)) };
    const { parsed } = this.#keys;
    return new Promise((resolve) => {
      new Connection(client, door, parsed, resolve);
    });
  }
}

type Waiting =
  | { readonly open: SshServerOpen; readonly answer: SshOpenAnswer }
  | { readonly request: SshGlobalRequest; readonly reply: SshReply };

class Connection {
  readonly #door: Door;
  readonly #login: Login;
  readonly #onOver: () => void;
  readonly #channels = new Set<SshChannel>();
  #client: SshServerConnection | null = null;
  #target: SshClientConnection | null = null;
  #session: Session | null = null;
  #conversation: Conversation | null = null;
  #forwards: Forwards | null = null;
  #waiting: Waiting[] = [];
  #idleTimer: Timer | null = null;
  /** What the target shows to whoever logs in. */
  #banner: string | null = null;
  #isOver = false;

  constructor(wire: Wire, door: Door, hostKeys: readonly SshPrivateKey[], onOver: () => void) {
    this.#door = door;
    this.#login = new Login(door);
    this.#onOver = onOver;
    acceptSsh(wire, {
      hostKeys,
      clock: door.clock,
      log: door.log,
      software: 'Sallyport',
      handler: {
        authenticate: (request, context) => this.#login.authenticate(request, context),
        ready: (connection) => {
          this.#client = connection;
          this.#begin(connection).catch((error: unknown) => this.#failed(connection, error));
        },
        open: (open, answer) => this.#open(open, answer),
        globalRequest: (request, reply) => this.#globalRequest(request, reply),
        close: (reason) => this.#clientClosed(reason),
      },
    });
  }

  async #begin(client: SshServerConnection): Promise<void> {
    const { principal, resource, how } = this.#login;
    if (principal === null) throw sshRoomErrors('ssh.no-resource');
    if (resource === null) throw sshRoomErrors('ssh.no-resource');
    const { remoteSoftware, algorithms } = client;
    const session = await this.#door.openSession(principal, resource, {
      software: remoteSoftware,
      authentication: how,
      kex: algorithms.kex,
      cipher: algorithms.cipherIn,
    });
    this.#session = session;
    session.onEnding = (ending) => this.#goodbye(ending);
    if (this.#isOver) return session.end({ reason: 'client-closed', message: '', code: null, by: null });
    const target = await openUpstream(
      session,
      {
        open: (open, answer) => this.#incoming(open, answer),
        banner: (text) => {
          this.#banner = text;
        },
        close: (reason) => this.#targetClosed(reason),
      },
      this.#door,
    );
    this.#target = target;
    if (session.ended) return target.destroy();
    session.establish();
    const settings = settingsOf(session.resource);
    this.#conversation = new Conversation({
      session,
      door: this.#door,
      client,
      target,
      settings,
      banner: this.#banner,
    });
    this.#forwards = new Forwards(this.#conversation);
    this.#idleTimer = this.#door.clock.every(Math.min(60_000, Math.max(1_000, settings.idleMs / 4)), () => {
      if (session.idleMs < settings.idleMs) return;
      session.end({
        reason: 'idle',
        message: `Nothing happened for ${Math.round(settings.idleMs / 1000)} seconds, so the session was ended.`,
        code: null,
        by: null,
      });
    });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if ('open' in one) this.#open(one.open, one.answer);
      else this.#globalRequest(one.request, one.reply);
    }
  }

  #open(open: SshServerOpen, answer: SshOpenAnswer): void {
    if (this.#conversation === null || this.#forwards === null) {
      this.#wait({ open, answer }, () => answer.reject(openFailure.resourceShortage, 'too many channels at once'));
      return;
    }
    if (this.#conversation.session.ended) {
      answer.reject(openFailure.connectFailed, 'the session is ending');
      return;
    }
    if (open.kind !== 'session') {
      this.#forwards.open(open, answer);
      return;
    }
    const channel = answer.accept();
    for (const one of this.#channels) if (one.closed) this.#channels.delete(one);
    this.#channels.add(channel);
    const forwards = this.#forwards;
    new SessionChannel(this.#conversation, channel, startProgram, (kind, decided) => forwards.ask(kind, decided));
  }

  #globalRequest(request: SshGlobalRequest, reply: SshReply): void {
    if (this.#forwards === null) this.#wait({ request, reply }, () => reply.reject());
    else this.#forwards.globalRequest(request, reply);
  }

  #incoming(open: SshClientOpen, answer: SshOpenAnswer): void {
    if (this.#forwards === null) answer.reject(openFailure.administrativelyProhibited, 'nobody asked for it');
    else this.#forwards.incoming(open, answer);
  }

  #wait(one: Waiting, refuse: () => void): void {
    if (this.#isOver || this.#waiting.length >= limits.waitingOpensMax) refuse();
    else this.#waiting.push(one);
  }

  /** Opening the session or reaching its target failed: the client is told, whichever it was. */
  #failed(client: SshServerConnection, error: unknown): void {
    const known = isGatewayError(error) && error.kind !== 'assertion' ? error : null;
    if (known === null) this.#door.log.error('opening a session failed', { detail: describeError(error) });
    const message = known?.publicMessage ?? 'The gateway met an internal error.';
    if (this.#session === null) client.disconnect(message);
    else this.#session.end({ reason: 'failed', message, code: known?.code ?? null, by: null });
  }

  /** Says why on every channel, and goes. */
  #goodbye(ending: SessionEnding): void {
    const client = this.#client;
    const text = goodbye(ending);
    for (const channel of this.#channels) {
      if (channel.closed) continue;
      channel.writeStderr(line(text));
      channel.close();
    }
    client?.disconnect(text);
    this.#target?.destroy();
    this.#door.clock.after(limits.goodbyeLingerMs, () => this.#session?.finish());
  }

  #clientClosed(reason: GatewayError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idleTimer?.cancel();
    for (const one of this.#waiting) {
      if ('open' in one) one.answer.reject(openFailure.connectFailed, 'gone');
      else one.reply.reject();
    }
    this.#waiting = [];
    const isViolation = reason !== null && reason.kind === 'protocol';
    if (isViolation) this.#door.violation('client', reason.code, reason.detail ?? '');
    this.#session?.end({
      reason: isViolation ? 'violation' : 'client-closed',
      message: '',
      code: isViolation ? reason.code : null,
      by: null,
    });
    this.#session?.finish();
    this.#target?.destroy();
    this.#onOver();
  }

  #targetClosed(reason: GatewayError | null): void {
    const isViolation = reason !== null && reason.kind === 'protocol';
    if (isViolation) this.#door.violation('upstream', reason.code, reason.detail ?? '');
    this.#session?.end({
      reason: isViolation ? 'upstream-violation' : 'upstream-closed',
      message: 'The target closed the connection.',
      code: reason?.code ?? null,
      by: null,
    });
  }
}
