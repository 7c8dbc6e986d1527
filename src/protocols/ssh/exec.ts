/**
 * An exec request: judged as what its text will run, and then run.
 *
 * A shell that reads its commands from standard input (`ssh host bash < script`) is judged with the script: input is
 * collected until it ends. Where it is too long to be a text that anyone reads, or stays open without anything coming (editors
 * send their script and keep the shell), it is judged with what came, and that more may follow; rules decide about that.
 *
 * Deliberately absent: transfers that have gates of their own (files.ts).
 */
import type { Timer } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { Command } from '../../core/session.ts';
import { inputEntry, Observer, readsPassword, type StdinScript } from '../../language/index.ts';
import { ChannelRelay, type ChannelRelayParts } from './channel-relay.ts';
import { execDraft, opaqueTransferDraft, opaqueTransferOf } from './command.ts';
import { Supervision } from './kernel.ts';
import * as limits from './limits.ts';
import { masksOf } from './output.ts';
import { line } from './say.ts';
import type { Program, ProgramParts } from './session-channel.ts';
import { strictDenial } from './strict.ts';
import type { PtyRequest, SshChannel } from './transport/index.ts';

/** How a login shell without a terminal is judged. */
const stdinShell = Buffer.from('sh -s');

const none = Buffer.alloc(0);

export class Exec implements Program {
  readonly #parts: ProgramParts;
  /** Null: the login shell, which reads its commands from standard input. */
  readonly #bytes: Buffer | null;
  #relay: ChannelRelay | null = null;
  /** At the kernel level: what judges each program that the command starts. */
  #supervision: Supervision | null = null;
  #command: Command | null = null;
  /** While a script is collected. */
  #script: Buffer[] | null = null;
  #scriptBytes = 0;
  /** While a script is collected: when nothing more of it is waited for. */
  #quiet: Timer | null = null;
  /** Collected, and owed to the program. */
  #owed: Buffer | null = null;
  #inputEnded = false;
  #isGone = false;
  /** What a transfer program without a gate of its own carries. */
  #transfer: Command | null = null;
  /** Says what may be recorded of what is typed at a terminal. */
  #observer: Observer | null = null;

  /** `draft`: the command without a script; null for the login shell. */
  constructor(parts: ProgramParts, bytes: Buffer | null, draft: CommandDraft | null) {
    this.#parts = parts;
    this.#bytes = bytes;
    const readsScript = draft === null || shellOf(draft.meaning)?.flags.includes('opaque:stdin-shell') === true;
    if (!readsScript || parts.pty !== null) {
      this.#submit(draft ?? this.#draftWith(null));
      return;
    }
    this.#script = [];
    parts.client.resume();
    this.#awaitMore();
  }

  /** A script on standard input is kept; what follows passes. */
  get borrows(): boolean {
    return this.#script === null;
  }

  read(view: Buffer): void {
    if (this.#script === null) {
      this.#relay?.read(view);
      return;
    }
    this.#script.push(view);
    this.#scriptBytes += view.length;
    if (this.#scriptBytes > limits.stdinScriptBytesMax) this.#collected('open');
    else this.#awaitMore();
  }

  end(): void {
    this.#inputEnded = true;
    if (this.#script !== null) this.#collected('ended');
    else this.#relay?.end();
  }

  drain(): void {
    this.#relay?.drain();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') this.#observer?.resize(request.columns, request.rows);
    if (this.#relay !== null) this.#relay.notify(request);
    // Ctrl-C of a client whose command waits comes as a signal, if at all.
    else if (request.kind === 'signal' && request.name === 'INT') this.clientClosed();
  }

  clientClosed(): void {
    this.#isGone = true;
    this.#quiet?.cancel();
    if (this.#relay !== null) this.#relay.clientClosed();
    else this.#giveUp('withdrawn');
    this.#parts.client.close();
  }

  /** Nobody wants it any more, before it ran. What the target was asked for already may run: `#run` says how that ended. */
  #giveUp(outcome: 'withdrawn' | 'failed'): void {
    const isAsked = this.#command?.state === 'released' && this.#transfer?.state !== 'pending';
    for (const command of [this.#transfer, this.#command]) {
      if (command === null || (isAsked && outcome === 'withdrawn')) continue;
      this.#parts.conversation.complete(command, { outcome, tag: null, error: null, rows: 0, bytes: 0 });
    }
  }

  /** It takes longer than a rule allows, be it that it has not even begun. */
  #overdue(limit: OutputLimit): void {
    if (this.#relay !== null) {
      this.#relay.limited(limit);
      return;
    }
    this.#isGone = true;
    this.#parts.asked.reply.accept();
    this.#parts.channel.refuse(`${limit.reason} (rule ${limit.rule})`, 124);
    this.#giveUp('failed');
  }

  /** A client that keeps its end open may be one that waits for an answer. */
  #awaitMore(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#parts.conversation.door.clock.after(limits.stdinQuietMs, () => this.#collected('open'));
  }

  #collected(input: 'ended' | 'open'): void {
    this.#quiet?.cancel();
    const script = Buffer.concat(this.#script ?? []);
    this.#script = null;
    this.#owed = script;
    this.#parts.client.pause();
    this.#submit(this.#draftWith({ bytes: script, isOpen: input === 'open' }));
  }

  #draftWith(script: StdinScript | null): CommandDraft {
    const { conversation, channel } = this.#parts;
    return execDraft(this.#bytes ?? stdinShell, conversation.settings, channel.context(), script);
  }

  #submit(draft: CommandDraft): void {
    if (this.#isGone) return;
    const { conversation, channel, asked } = this.#parts;
    this.#command = conversation.submit(draft, {
      decided: (command) => {
        if (this.#isGone) return;
        if (command.state === 'released') this.#released(command);
        else channel.denied(command, asked.reply);
      },
      waiting: (text, review) => channel.waiting(text, review),
      overdue: (limit) => this.#overdue(limit),
    });
  }

  /** What it transfers, where it is a program without a gate of its own, is judged as such before it starts. */
  #released(command: Command): void {
    const { conversation, channel, asked } = this.#parts;
    const { meaning } = command.draft;
    const shell = meaning?.language === 'shell' ? meaning.shell : null;
    const found = { isBounded: shell?.complete === true && shell.bounded, flags: shell?.flags ?? [] };
    const unbounded = strictDenial(conversation.settings, command, found);
    if (unbounded !== null) {
      asked.reply.accept();
      channel.refuse(unbounded, 126);
      conversation.complete(command, { outcome: 'refused', tag: null, error: 'ssh.unbounded', rows: 0, bytes: 0 });
      return;
    }
    const transfer = opaqueTransferOf(shell);
    if (transfer === null) {
      this.#run(command).catch((error: unknown) => this.#failed(error));
      return;
    }
    const draft = opaqueTransferDraft(transfer, command.ordinal, channel.context());
    this.#transfer = conversation.submit(draft, {
      decided: (decided) => {
        this.#transfer = decided;
        if (this.#isGone) return;
        if (decided.state === 'released') {
          this.#run(command).catch((error: unknown) => this.#failed(error));
          return;
        }
        channel.denied(decided, asked.reply);
        conversation.complete(command, { outcome: 'refused', tag: null, error: null, rows: 0, bytes: 0 });
      },
      waiting: (text, review) => channel.waiting(text, review),
      overdue: (limit) => this.#overdue(limit),
    });
  }

  #failed(error: unknown): void {
    const { conversation, channel } = this.#parts;
    const { door, session } = conversation;
    door.log.error('an exec failed', { session: session.id, detail: describeError(error) });
    channel.refuse('the gateway met an internal error', 255);
  }

  /** The channel at the target; null where there is none, of which the client has been told. */
  async #open(command: Command): Promise<SshChannel | null> {
    const { conversation, channel, client, pty } = this.#parts;
    const { shell: level, unhooked } = conversation.settings;
    if (level === 'kernel') {
      this.#supervision = new Supervision({
        conversation,
        channel,
        command,
        say: (text) => client.writeStderr(line(text)),
        running: () => [command],
      });
      const why = await this.#supervision.place();
      if (why === null) return this.#supervision.open(this.#bytes, pty, false);
      this.#supervision = null;
      if (unhooked === 'refuse') {
        channel.refuse(why, 126);
        conversation.complete(command, { outcome: 'failed', tag: null, error: 'ssh.unsupervised', rows: 0, bytes: 0 });
        return null;
      }
      // The command as a whole was judged; what it starts is not.
      client.writeStderr(line(why));
    }
    const request =
      this.#bytes === null ? ({ kind: 'shell' } as const) : ({ kind: 'exec', command: this.#bytes } as const);
    return channel.open(command, request, pty);
  }

  async #run(command: Command): Promise<void> {
    const { conversation, client, pty, asked } = this.#parts;
    const target = await this.#open(command);
    if (target === null || this.#isGone) {
      if (!this.#isGone) asked.reply.accept();
      target?.destroy();
      this.#supervision?.close();
      for (const one of [this.#transfer, command]) {
        if (one === null) continue;
        conversation.complete(one, { outcome: 'unfinished', tag: null, error: null, rows: 0, bytes: 0 });
      }
      return;
    }
    asked.reply.accept();
    if (pty !== null) {
      const { columns, rows, term } = pty;
      conversation.session.observe({ type: 'terminal', command: command.ordinal, columns, rows, term });
    }
    const isTransfer = (shellOf(command.draft.meaning)?.transfer ?? null) !== null;
    this.#relay = new ChannelRelay({
      conversation,
      command,
      client,
      target,
      recorded: pty === null ? 'data' : 'screen',
      // What a transfer program says is no text: rewritten, it would be broken.
      masks: isTransfer && pty === null ? [null, null] : masksOf(command, pty),
      ...this.#recorded(command, pty),
      onOver: () => {
        this.#observer?.close();
        this.#supervision?.close();
        if (this.#transfer === null) return;
        conversation.complete(this.#transfer, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0 });
      },
    });
    if (this.#owed !== null) this.#relay.read(this.#owed);
    this.#owed = null;
    if (this.#inputEnded) this.#relay.end();
    client.resume();
  }

  /** Passwords are not for the record (A-REC-05): what a terminal did not show, and what is given to those that ask for one. */
  #recorded(command: Command, pty: PtyRequest | null): Partial<Pick<ChannelRelayParts, 'recordable' | 'onOutput'>> {
    const { session, door } = this.#parts.conversation;
    const { ordinal } = command;
    if (pty === null) return readsPassword(shellOf(command.draft.meaning)) ? { recordable: () => none } : {};
    const observer = new Observer({
      columns: pty.columns,
      rows: pty.rows,
      clock: door.clock,
      act: (action) => {
        if (action.do === 'record-input') session.observe(inputEntry(ordinal, action.record));
      },
    });
    this.#observer = observer;
    return {
      recordable: (input) => {
        observer.input(input);
        return none;
      },
      onOutput: (view) => observer.output(view),
    };
  }
}
