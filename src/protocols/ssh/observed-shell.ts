/**
 * A terminal's shell that is only observed: the target's own shell, recorded whole; what is typed and run is read off the
 * screen, for search and alerts.
 *
 * Honest limit: a command is known once it runs, as far as the screen shows it. Rules that would hold or block raise alerts.
 *
 * Deliberately absent: reading the screen (language/terminal).
 */
import { describeError } from '../../base/errors.ts';
import type { Command } from '../../core/session.ts';
import { type InputRecord, inputEntry, Observer, observedDraft } from '../../language/index.ts';
import { ChannelRelay } from './channel-relay.ts';
import { masksOf } from './output.ts';
import type { Program } from './session-channel.ts';
import type { ShellProgramParts } from './shell.ts';

export class ObservedShell implements Program {
  readonly #parts: ShellProgramParts;
  readonly #observer: Observer;
  #relay: ChannelRelay | null = null;
  #inputEnded = false;
  #isGone = false;

  constructor(parts: ShellProgramParts) {
    this.#parts = parts;
    const { pty, conversation, shell } = parts;
    this.#observer = new Observer({
      columns: pty.columns,
      rows: pty.rows,
      clock: conversation.door.clock,
      act: (action) => {
        if (action.do === 'line') this.#seen(action.text);
        else this.#recordInput(action.record);
      },
    });
    this.#open(shell).catch((error: unknown) => {
      conversation.door.log.error('a shell failed', { session: conversation.session.id, detail: describeError(error) });
      parts.channel.refuse('the gateway met an internal error', 255);
    });
  }

  read(view: Buffer): void {
    this.#observer.input(view);
    this.#relay?.read(view);
  }

  end(): void {
    this.#inputEnded = true;
    this.#relay?.end();
  }

  drain(): void {
    this.#relay?.drain();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') this.#observer.resize(request.columns, request.rows);
    this.#relay?.notify(request);
  }

  clientClosed(): void {
    this.#isGone = true;
    this.#observer.close();
    this.#relay?.clientClosed();
  }

  async #open(shell: Command): Promise<void> {
    const { conversation, channel, client, pty, accept } = this.#parts;
    const target = await channel.open(shell, { kind: 'shell' }, pty);
    accept();
    if (target === null) return;
    if (this.#isGone) {
      target.destroy();
      conversation.complete(shell, { outcome: 'unfinished', tag: null, error: null, rows: 0, bytes: 0 });
      return;
    }
    const { columns, rows, term } = pty;
    conversation.session.observe({ type: 'terminal', command: shell.ordinal, columns, rows, term });
    this.#relay = new ChannelRelay({
      conversation,
      command: shell,
      client,
      target,
      recorded: 'screen',
      // The observer says what may be recorded of the input, once it was seen whether the screen shows it.
      recordable: () => Buffer.alloc(0),
      onOutput: (view) => this.#observer.output(view),
      masks: masksOf(shell, pty),
      onOver: () => this.#observer.close(),
    });
    if (this.#inputEnded) this.#relay.end();
    client.resume();
  }

  #recordInput(record: InputRecord): void {
    const { conversation, shell } = this.#parts;
    conversation.session.observe(inputEntry(shell.ordinal, record));
  }

  /** A line that was submitted, as far as the screen showed it. */
  #seen(text: string): void {
    const { conversation, channel, shell } = this.#parts;
    const draft = observedDraft(text, conversation.settings.loginShell, shell.ordinal, channel.context());
    conversation.submit(draft, {
      decided: (command) => {
        if (command.state !== 'released') return;
        conversation.complete(command, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0 });
      },
      waiting: () => undefined,
      overdue: () => undefined,
    });
  }
}
