/**
 * Connections carried inside the session: forwards both ways, unix sockets, the agent and X11.
 *
 * Invariants:
 * - What the resource's settings do not let through is refused, whatever its kind, and that is journaled (A-SSH-10).
 * - Each connection is a command of its own, judged by where it ends, before either end exists (A-SSH-11).
 * - A channel that the target opens is taken only where the client asked for it and a rule let it.
 *
 * Deliberately absent: what is said on a connection. It is counted, and recorded within the budget.
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { type ConnectionMeaning, hostOf, showConnection } from '../../core/connections.ts';
import type { Command } from '../../core/session.ts';
import { compileForwards } from './allowed.ts';
import { ChannelRelay } from './channel-relay.ts';
import { connectionDraft } from './command.ts';
import type { Conversation } from './conversation.ts';
import * as limits from './limits.ts';
import { denial } from './say.ts';
import {
  openFailure,
  type SshChannel,
  type SshClientOpen,
  type SshGlobalRequest,
  type SshOpenAnswer,
  type SshReply,
  type SshServerOpen,
  SshWriter,
} from './transport/index.ts';

type Forward = Exclude<SshServerOpen, { kind: 'session' }>;
type Listen = Extract<SshGlobalRequest, { kind: 'tcpip-forward' | 'streamlocal-forward@openssh.com' }>;

export class Forwards {
  readonly #conversation: Conversation;
  readonly #isAllowed: (connection: ConnectionMeaning) => boolean;
  /** What listens at the target for this session, as `listenKey` spells it. */
  readonly #listening = new Set<string>();
  #agent = false;
  #x11 = false;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
    this.#isAllowed = compileForwards(conversation.settings.forwards, conversation.session.resource.host);
  }

  /** The client wants a connection from the target to somewhere. */
  open(open: Forward, answer: SshOpenAnswer): void {
    const connection = outward(open);
    if (!this.#allows(connection)) {
      answer.reject(openFailure.administrativelyProhibited, 'not among the forwards that this resource allows');
      return;
    }
    this.#submit(connection, {
      released: (command) => this.#connect(command, open, answer),
      refused: (why) => answer.reject(openFailure.administrativelyProhibited, why),
    });
  }

  /** The client wants the target to listen, or to stop. */
  globalRequest(request: SshGlobalRequest, reply: SshReply): void {
    switch (request.kind) {
      case 'tcpip-forward':
      case 'streamlocal-forward@openssh.com':
        this.#listen(request, reply);
        return;
      case 'cancel-tcpip-forward':
      case 'cancel-streamlocal-forward@openssh.com':
        this.#unlisten(request, reply);
        return;
      default:
        reply.reject();
        return;
    }
  }

  /** A channel of the client wants its agent, or its display, to be reachable from the target. */
  ask(kind: 'agent' | 'x11', decided: (allowed: boolean) => void): void {
    const connection: ConnectionMeaning = { kind, direction: 'inward', host: null, port: null, path: null };
    if (!this.#allows(connection)) {
      decided(false);
      return;
    }
    this.#submit(connection, {
      released: (command) => {
        if (kind === 'agent') this.#agent = true;
        else this.#x11 = true;
        this.#complete(command, 'completed', 'allowed');
        decided(true);
      },
      refused: () => decided(false),
    });
  }

  /** The target opened a channel towards the client. */
  incoming(open: SshClientOpen, answer: SshOpenAnswer): void {
    const connection = inward(open);
    if (connection === null || !this.#wasAskedFor(open)) {
      this.#conversation.door.violation('upstream', 'ssh.unasked-channel', open.kind);
      answer.reject(openFailure.administrativelyProhibited, 'nobody asked for it');
      return;
    }
    this.#submit(connection, {
      released: (command) => this.#accept(command, open, answer),
      refused: (why) => answer.reject(openFailure.administrativelyProhibited, why),
    });
  }

  #connect(command: Command, open: Forward, answer: SshOpenAnswer): void {
    const { session, target } = this.#conversation;
    session.perform(command, () =>
      this.#attempt(command, async () => {
        const opening = target.open(open, limits.targetStepDeadlineMs);
        const far = await this.#opened(command, opening, answer, 'the target could not connect');
        if (far !== null) this.#join(command, answer.accept(), far);
      }),
    );
  }

  #accept(command: Command, open: SshClientOpen, answer: SshOpenAnswer): void {
    this.#attempt(command, async () => {
      const opening = this.#conversation.client.open(open, limits.targetStepDeadlineMs);
      const near = await this.#opened(command, opening, answer, 'the client refused');
      if (near !== null) this.#join(command, near, answer.accept());
    });
  }

  /** The channel at the other side, or null where there is none, which whoever asked has been told then. */
  async #opened(
    command: Command,
    opening: Promise<SshChannel>,
    answer: SshOpenAnswer,
    refusal: string,
  ): Promise<SshChannel | null> {
    try {
      return await opening;
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      answer.reject(openFailure.connectFailed, refusal);
      this.#complete(command, 'failed', null, error.code);
      return null;
    }
  }

  #join(command: Command, near: SshChannel, far: SshChannel): void {
    const relay = new ChannelRelay({
      hasStatus: false,
      conversation: this.#conversation,
      command,
      client: near,
      target: far,
      recorded: 'data',
      masks: [null, null],
      onOver: () => undefined,
    });
    near.handle({
      borrows: true,
      read: (view) => relay.read(view),
      end: () => relay.end(),
      drain: () => relay.drain(),
      close: () => relay.clientClosed(),
    });
  }

  #listen(request: Listen, reply: SshReply): void {
    const connection: ConnectionMeaning =
      request.kind === 'tcpip-forward'
        ? { kind: 'tcp', direction: 'inward', host: hostOf(request.bind.host), port: request.bind.port, path: null }
        : { kind: 'unix', direction: 'inward', host: null, port: null, path: request.path };
    if (this.#listening.size >= limits.listensMax || !this.#allows(connection)) {
      reply.reject();
      return;
    }
    this.#submit(connection, {
      released: (command) => {
        this.#conversation.session.perform(command, () =>
          this.#attempt(command, () => this.#begin(command, request, reply)),
        );
      },
      refused: () => reply.reject(),
    });
  }

  async #begin(command: Command, request: Listen, reply: SshReply): Promise<void> {
    // The first connection may come right behind the target's answer, so what is asked for counts from now on.
    const asked = listenKey(request, null);
    const isNew = !this.#listening.has(asked);
    this.#listening.add(asked);
    const data = await this.#conversation.target.globalRequest(request, limits.targetStepDeadlineMs);
    const chosen = data !== null && data.length >= 4 ? data.readUInt32BE(0) : null;
    if (isNew && (data === null || chosen !== null)) this.#listening.delete(asked);
    if (data === null) {
      reply.reject();
      this.#complete(command, 'failed', null, 'ssh.open-refused');
      return;
    }
    this.#listening.add(listenKey(request, chosen));
    this.#complete(command, 'completed', chosen === null ? 'listening' : `listening on port ${chosen}`);
    if (chosen === null) reply.accept();
    else reply.accept(new SshWriter(4).uint32(chosen).finish());
  }

  /** To stop listening takes no rule; what it stops was let through by one. */
  #unlisten(
    request: Extract<SshGlobalRequest, { kind: 'cancel-tcpip-forward' | 'cancel-streamlocal-forward@openssh.com' }>,
    reply: SshReply,
  ): void {
    const listen: Listen =
      request.kind === 'cancel-tcpip-forward'
        ? { kind: 'tcpip-forward', bind: request.bind }
        : { kind: 'streamlocal-forward@openssh.com', path: request.path };
    if (!this.#listening.delete(listenKey(listen, null))) {
      reply.reject();
      return;
    }
    this.#conversation.target.globalRequest(request, limits.targetStepDeadlineMs).then(
      (data) => (data === null ? reply.reject() : reply.accept()),
      () => reply.reject(),
    );
  }

  #wasAskedFor(open: SshClientOpen): boolean {
    switch (open.kind) {
      case 'forwarded-tcpip':
        return this.#listening.has(listenKey({ kind: 'tcpip-forward', bind: open.bound }, null));
      case 'forwarded-streamlocal@openssh.com':
        return this.#listening.has(listenKey({ kind: 'streamlocal-forward@openssh.com', path: open.path }, null));
      case 'auth-agent@openssh.com':
        return this.#agent;
      case 'x11':
        return this.#x11;
    }
  }

  /** Journals what the settings do not let through: it never becomes a command. */
  #allows(connection: ConnectionMeaning): boolean {
    if (this.#isAllowed(connection)) return true;
    const { session, door } = this.#conversation;
    session.note({
      type: 'violation',
      connection: door.connection.id,
      session: session.id,
      source: door.connection.source,
      side: 'client',
      code: 'ssh.forward-refused',
      detail: escapeLine(showConnection(connection)),
    });
    return false;
  }

  #submit(
    connection: ConnectionMeaning,
    then: { released: (command: Command) => void; refused: (why: string) => void },
  ): void {
    this.#conversation.submit(connectionDraft(connection, {}), {
      decided: (command) => {
        if (command.state === 'released') then.released(command);
        else then.refused(command.verdict === null ? 'refused' : escapeLine(denial(command.verdict)));
      },
      waiting: (text) => this.#conversation.say(`${showConnection(connection)}: ${text}`),
      overdue: () => undefined,
    });
  }

  #attempt(command: Command, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const { door, session } = this.#conversation;
      door.log.error('a forward failed', { session: session.id, detail: describeError(error) });
      this.#complete(command, 'failed', null, 'ssh.connection-lost');
    });
  }

  #complete(command: Command, outcome: 'completed' | 'failed', tag: string | null, error: string | null = null): void {
    this.#conversation.complete(command, { outcome, tag, error, rows: 0, bytes: 0 });
  }
}

function outward(open: Forward): ConnectionMeaning {
  return open.kind === 'direct-tcpip'
    ? { kind: 'tcp', direction: 'outward', host: hostOf(open.target.host), port: open.target.port, path: null }
    : { kind: 'unix', direction: 'outward', host: null, port: null, path: open.path };
}

function inward(open: SshClientOpen): ConnectionMeaning | null {
  const none = { host: null, port: null, path: null };
  switch (open.kind) {
    case 'forwarded-tcpip':
      return { kind: 'tcp', direction: 'inward', host: hostOf(open.bound.host), port: open.bound.port, path: null };
    case 'forwarded-streamlocal@openssh.com':
      return { ...none, kind: 'unix', direction: 'inward', path: open.path };
    case 'auth-agent@openssh.com':
      return { ...none, kind: 'agent', direction: 'inward' };
    case 'x11':
      return { ...none, kind: 'x11', direction: 'inward' };
    default:
      return null;
  }
}

/** `chosen`: the port that the target chose where the client asked for any. */
function listenKey(listen: Listen, chosen: number | null): string {
  return listen.kind === 'tcpip-forward'
    ? `tcp ${hostOf(listen.bind.host)} ${chosen ?? listen.bind.port}`
    : `unix ${listen.path}`;
}
