/**
 * One session channel of the client: what it asks for before a program runs, which program, and then the program.
 *
 * Invariants:
 * - One program per channel; it is a command, and the target hears of the channel only once that is released.
 * - Environment and terminal reach the target with the program, filtered; agent and X11 are commands of their own.
 * - Input that comes before the decision waits in the channel's window.
 * - A program is submitted only once agent and X11 are decided: what it is judged and approved with is what it gets.
 *
 * Deliberately absent: what programs are judged by (command.ts, the gates), forwards (forwards.ts).
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command } from '../../core/session.ts';
import { compileNames, keepsEncoding } from './allowed.ts';
import type { Conversation } from './conversation.ts';
import { sshRoomErrors } from './errors.ts';
import * as limits from './limits.ts';
import { denial, line } from './say.ts';
import type { PtyRequest, PtySize, SshChannel, SshChannelRequest, SshReply } from './transport/index.ts';

/** What a program's request says, and how it is answered. */
export interface ProgramRequest {
  readonly request: Extract<SshChannelRequest, { kind: 'shell' | 'exec' | 'subsystem' }>;
  readonly reply: SshReply;
}

/** What runs in a channel once it was asked for. */
export interface Program {
  read(view: Buffer): void;
  /** True: `read` keeps nothing that it is given, as of a handler that borrows. */
  readonly borrows?: boolean;
  end(): void;
  drain(): void;
  notify(request: Extract<SshChannelRequest, { kind: 'window-change' | 'signal' | 'break' | 'eow@openssh.com' }>): void;
  clientClosed(): void;
  /** Tells the person something where the program has a terminal of its own; absent: on the error stream. */
  say?(text: string): void;
}

/** What a program gets of its channel. */
export interface ProgramParts {
  readonly conversation: Conversation;
  readonly channel: SessionChannel;
  readonly client: SshChannel;
  readonly pty: PtyRequest | null;
  readonly asked: ProgramRequest;
}

export type StartProgram = (parts: ProgramParts) => Program;

export class SessionChannel {
  readonly #conversation: Conversation;
  readonly #client: SshChannel;
  readonly #start: StartProgram;
  readonly #connect: (kind: 'agent' | 'x11', decided: (allowed: boolean) => void) => void;
  readonly #isAllowedName: (name: string) => boolean;
  readonly #environment: { readonly name: string; readonly value: Buffer }[] = [];
  #pty: PtyRequest | null = null;
  #agent = false;
  #x11: Extract<SshChannelRequest, { kind: 'x11-req' }> | null = null;
  /** Agent and X11 that were asked for and are not decided yet. */
  #undecided = 0;
  /** What waits for them. */
  #asked: ProgramRequest | null = null;
  #program: Program | null = null;

  constructor(
    conversation: Conversation,
    client: SshChannel,
    start: StartProgram,
    connect: (kind: 'agent' | 'x11', decided: (allowed: boolean) => void) => void,
  ) {
    this.#conversation = conversation;
    this.#client = client;
    this.#start = start;
    this.#connect = connect;
    this.#isAllowedName = compileNames(conversation.settings.environment);
    const forgetMessages = conversation.onMessage((text) => {
      if (client.closed || this.#program === null) return;
      if (this.#program.say === undefined) client.writeStderr(line(text));
      else this.#program.say(text);
    });
    // Nothing is read before a program wants it.
    client.pause();
    const channel = this;
    client.handle({
      get borrows() {
        return channel.#program?.borrows === true;
      },
      read: (view) => this.#program?.read(view),
      end: () => this.#program?.end(),
      drain: () => this.#program?.drain(),
      request: (request, reply) => this.#guard(() => this.#request(request, reply)),
      close: () => {
        forgetMessages();
        this.#program?.clientClosed();
      },
    });
  }

  get environment(): readonly { readonly name: string; readonly value: Buffer }[] {
    return this.#environment;
  }

  /** For the record and for what a reviewer approves. */
  context(): Readonly<Record<string, string>> {
    const user = this.#conversation.session.resource.credential?.username ?? '';
    const environment = this.#environment.map(({ name, value }) => `${name}=${value.toString('latin1')}`).join('\n');
    return {
      user,
      terminal: this.#pty === null ? 'no' : 'yes',
      ...(environment === '' ? {} : { environment }),
      ...(this.#agent ? { agent: 'forwarded' } : {}),
    };
  }

  /**
   * Opens a channel at the target for a released command and asks for the program there; null where the target refused,
   * which the client has been told then.
   */
  async open(
    command: Command,
    request: Extract<SshChannelRequest, { kind: 'shell' | 'exec' | 'subsystem' }>,
    pty: PtyRequest | null,
    /** `hidden`: for the gateway's own use: without the client's environment, agent and display, and refused silently. */
    how: 'whole' | 'hidden' = 'whole',
  ): Promise<SshChannel | null> {
    const { session, target } = this.#conversation;
    try {
      return await session.perform(command, () => this.#openAt(target, request, pty, how));
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      if (how === 'hidden') return null;
      this.refuse(error.publicMessage, 255);
      this.#conversation.complete(command, { outcome: 'failed', tag: null, error: error.code, rows: 0, bytes: 0 });
      return null;
    }
  }

  /** Says why nothing runs, and ends the channel as a program would that failed with `exitCode`. */
  refuse(text: string, exitCode: number): void {
    const client = this.#client;
    client.writeStderr(line(text));
    client.notify({ kind: 'exit-status', code: exitCode });
    client.eof();
    client.close();
  }

  /** A command was refused by a rule. */
  denied(command: Command, reply: SshReply): void {
    reply.accept();
    this.refuse(command.verdict === null ? 'refused' : denial(command.verdict), 126);
  }

  /** The person hears on the error stream that it waits. */
  waiting(text: string, _review: PendingReview): void {
    this.#client.writeStderr(line(text));
  }

  async #openAt(
    target: Conversation['target'],
    request: Extract<SshChannelRequest, { kind: 'shell' | 'exec' | 'subsystem' }>,
    pty: PtyRequest | null,
    how: 'whole' | 'hidden',
  ): Promise<SshChannel> {
    const deadlineMs = limits.targetStepDeadlineMs;
    const channel = await target.open({ kind: 'session' }, deadlineMs);
    try {
      if (this.#agent && how === 'whole') await channel.request({ kind: 'auth-agent-req@openssh.com' }, deadlineMs);
      if (this.#x11 !== null && how === 'whole') await channel.request(this.#x11, deadlineMs);
      if (pty !== null) await channel.request(pty, deadlineMs);
      for (const { name, value } of how === 'whole' ? this.#environment : [])
        channel.notify({ kind: 'env', name, value });
      if (!(await channel.request(request, deadlineMs))) {
        throw sshRoomErrors('ssh.program-refused', { values: { what: request.kind } });
      }
      return channel;
    } catch (error) {
      channel.destroy();
      throw error;
    }
  }

  #request(request: SshChannelRequest, reply: SshReply): void {
    switch (request.kind) {
      case 'pty-req':
        if (this.#hasProgram || this.#pty !== null) {
          reply.reject();
          return;
        }
        this.#pty = request;
        reply.accept();
        return;
      case 'env':
        this.#setEnvironment(request.name, request.value, reply);
        return;
      case 'shell':
      case 'exec':
      case 'subsystem':
        this.#run({ request, reply });
        return;
      case 'window-change':
        if (this.#program === null) this.#resize(request);
        else this.#program.notify(request);
        reply.accept();
        return;
      case 'signal':
      case 'break':
      case 'eow@openssh.com':
        if (this.#program === null) {
          reply.reject();
          return;
        }
        this.#program.notify(request);
        reply.accept();
        return;
      case 'auth-agent-req@openssh.com':
        this.#ask('agent', reply, (allowed) => {
          this.#agent = allowed;
        });
        return;
      case 'x11-req':
        this.#ask('x11', reply, (allowed) => {
          this.#x11 = allowed ? request : null;
        });
        return;
      default:
        reply.reject();
        return;
    }
  }

  #ask(kind: 'agent' | 'x11', reply: SshReply, take: (allowed: boolean) => void): void {
    if (this.#hasProgram || this.#undecided >= limits.undecidedAsksMax) {
      reply.reject();
      return;
    }
    this.#undecided += 1;
    this.#connect(kind, (allowed) => {
      this.#undecided -= 1;
      take(allowed);
      if (allowed) reply.accept();
      else reply.reject();
      const asked = this.#asked;
      if (this.#undecided > 0 || asked === null || this.#client.closed) return;
      this.#asked = null;
      this.#guard(() => this.#run(asked));
    });
  }

  /** One was asked for, whether or not it runs yet. */
  get #hasProgram(): boolean {
    return this.#program !== null || this.#asked !== null;
  }

  #run(asked: ProgramRequest): void {
    if (this.#hasProgram) {
      asked.reply.reject();
      return;
    }
    if (this.#undecided > 0) {
      this.#asked = asked;
      return;
    }
    if (asked.request.kind === 'exec' && asked.request.command.length > limits.execBytesMax) {
      asked.reply.accept();
      this.refuse(`the command is longer than ${limits.execBytesMax} bytes`, 126);
      return;
    }
    this.#program = this.#start({
      conversation: this.#conversation,
      channel: this,
      client: this.#client,
      pty: this.#pty,
      asked,
    });
  }

  #resize({ columns, rows, widthPixels, heightPixels }: PtySize): void {
    if (this.#pty !== null) this.#pty = { ...this.#pty, columns, rows, widthPixels, heightPixels };
  }

  #setEnvironment(name: string, value: Buffer, reply: SshReply): void {
    const fits = this.#environment.length < limits.environmentMax && value.length <= limits.environmentValueBytesMax;
    const isAllowed = this.#isAllowedName(name) && keepsEncoding(name, value.toString('latin1'));
    if (this.#hasProgram || !fits || value.includes(0) || !isAllowed) {
      reply.reject();
      return;
    }
    this.#environment.push({ name, value });
    reply.accept();
  }

  /** What a program's own code throws must not leave its channel half open. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { door, session } = this.#conversation;
      if (!isGatewayError(error))
        door.log.error('a channel failed', { session: session.id, detail: describeError(error) });
      this.refuse(isGatewayError(error) ? error.publicMessage : 'the gateway met an internal error', 255);
    }
  }
}
