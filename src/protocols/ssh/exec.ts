/**
 * An exec request: judged as what its text will run, and then run.
 *
 * A shell that reads its commands from standard input (`ssh host bash < script`) is judged with the script: input is
 * collected until it ends, or is too long to be a text that anyone reads; then what it runs stays unknown, and rules decide
 * about that.
 *
 * Deliberately absent: transfers that have gates of their own (transfers.ts).
 */
import { describeError } from '../../base/errors.ts';
import type { Command } from '../../core/session.ts';
import { ChannelRelay } from './channel-relay.ts';
import { execDraft, opaqueTransferDraft } from './command.ts';
import * as limits from './limits.ts';
import { masksOf } from './output.ts';
import type { Program, ProgramParts } from './session-channel.ts';
import { strictDenial } from './strict.ts';

/** How a login shell without a terminal is judged. */
const stdinShell = Buffer.from('sh -s');

export class Exec implements Program {
  readonly #parts: ProgramParts;
  /** Null: the login shell, which reads its commands from standard input. */
  readonly #bytes: Buffer | null;
  #relay: ChannelRelay | null = null;
  #command: Command | null = null;
  /** While a script is collected. */
  #script: Buffer[] | null = null;
  #scriptBytes = 0;
  /** Collected, and owed to the program. */
  #owed: Buffer | null = null;
  #inputEnded = false;
  #isGone = false;
  /** What a transfer program without a gate of its own carries. */
  #transfer: Command | null = null;

  constructor(parts: ProgramParts, bytes: Buffer | null) {
    this.#parts = parts;
    this.#bytes = bytes;
    const { conversation, channel } = parts;
    const draft = execDraft(bytes ?? stdinShell, conversation.settings, channel.context(), null);
    const readsScript =
      bytes === null ||
      (draft.meaning?.language === 'shell' && draft.meaning.shell.flags.includes('opaque:stdin-shell'));
    if (!readsScript || parts.pty !== null) {
      this.#submit(null);
      return;
    }
    this.#script = [];
    parts.client.resume();
  }

  read(view: Buffer): void {
    if (this.#script === null) {
      this.#relay?.read(view);
      return;
    }
    this.#script.push(view);
    this.#scriptBytes += view.length;
    if (this.#scriptBytes > limits.stdinScriptBytesMax) this.#collected(false);
  }

  end(): void {
    this.#inputEnded = true;
    if (this.#script !== null) this.#collected(true);
    else this.#relay?.end();
  }

  drain(): void {
    this.#relay?.drain();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (this.#relay !== null) this.#relay.notify(request);
    // Ctrl-C of a client whose command waits comes as a signal, if at all.
    else if (request.kind === 'signal' && request.name === 'INT') this.clientClosed();
  }

  clientClosed(): void {
    this.#isGone = true;
    if (this.#relay !== null) this.#relay.clientClosed();
    else if (this.#command !== null) {
      const { conversation } = this.#parts;
      conversation.complete(this.#command, { outcome: 'withdrawn', tag: null, error: null, rows: 0, bytes: 0 });
    }
    this.#parts.client.close();
  }

  #collected(isWhole: boolean): void {
    const script = Buffer.concat(this.#script ?? []);
    this.#script = null;
    this.#owed = script;
    this.#parts.client.pause();
    this.#submit(isWhole ? script : null);
  }

  #submit(script: Buffer | null): void {
    const { conversation, channel, asked } = this.#parts;
    const draft = execDraft(this.#bytes ?? stdinShell, conversation.settings, channel.context(), script);
    this.#command = conversation.submit(draft, {
      decided: (command) => {
        if (this.#isGone) return;
        if (command.state === 'released') this.#released(command);
        else channel.denied(command, asked.reply);
      },
      waiting: (text, review) => channel.waiting(text, review),
      overdue: (limit) => this.#relay?.limited(limit),
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
    const transfer = shell?.transfer ?? null;
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
      overdue: (limit) => this.#relay?.limited(limit),
    });
  }

  #failed(error: unknown): void {
    const { conversation, channel } = this.#parts;
    const { door, session } = conversation;
    door.log.error('an exec failed', { session: session.id, detail: describeError(error) });
    channel.refuse('the gateway met an internal error', 255);
  }

  async #run(command: Command): Promise<void> {
    const { conversation, channel, client, pty, asked } = this.#parts;
    const request =
      this.#bytes === null ? ({ kind: 'shell' } as const) : ({ kind: 'exec', command: this.#bytes } as const);
    const target = await channel.open(command, request, pty);
    if (target === null) return asked.reply.accept();
    if (this.#isGone) {
      target.destroy();
      conversation.complete(command, { outcome: 'unfinished', tag: null, error: null, rows: 0, bytes: 0 });
      return;
    }
    asked.reply.accept();
    if (pty !== null) {
      const { columns, rows, term } = pty;
      conversation.session.observe({ type: 'terminal', command: command.ordinal, columns, rows, term });
    }
    this.#relay = new ChannelRelay({
      conversation,
      command,
      client,
      target,
      recorded: pty === null ? 'data' : 'screen',
      // What a transfer program says is no text: rewritten, it would be broken.
      masks: this.#transfer === null ? masksOf(command, pty) : [null, null],
      onOver: () => {
        if (this.#transfer === null) return;
        conversation.complete(this.#transfer, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0 });
      },
    });
    if (this.#owed !== null) this.#relay.read(this.#owed);
    this.#owed = null;
    if (this.#inputEnded) this.#relay.end();
    client.resume();
  }
}
