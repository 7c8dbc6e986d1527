/**
 * The *exec-only* level: a line editor of the gateway's own. Each line is one exec at the target, judged before it runs; the
 * recorded text is byte for byte what runs.
 *
 * Deliberately absent: a shell at the target, and so any state between lines.
 */
import type { RecordingEntry } from '../../core/recording.ts';
import type { Command, Flow } from '../../core/session.ts';
import { LineEditor } from '../../language/index.ts';
import { execDraft } from './command.ts';
import { MaskedStream, maskedCounts, masksOf } from './output.ts';
import { denial } from './say.ts';
import type { Program } from './session-channel.ts';
import type { ShellProgramParts } from './shell.ts';
import { strictDenial, terminalDenial } from './strict.ts';
import type { PtyRequest, SshChannel } from './transport/index.ts';

export class LineShell implements Program {
  readonly #parts: ShellProgramParts;
  readonly #editor: LineEditor;
  readonly #flow: Flow;
  #size: PtyRequest;
  #command: Command | null = null;
  #target: SshChannel | null = null;
  #output: MaskedStream | null = null;
  #exit: string | null = null;
  #bytes = 0;
  #isOver = false;

  constructor(parts: ShellProgramParts) {
    this.#parts = parts;
    this.#size = parts.pty;
    const { conversation, client, shell, pty, accept } = parts;
    this.#flow = conversation.session.openFlow({
      toUpstream: (view) => this.#target?.write(view) ?? true,
      toClient: (view) => client.write(view),
    });
    this.#flow.onDeliverable = () => this.#target?.resume();
    this.#flow.onForwardable = () => client.resume();
    this.#editor = new LineEditor({
      prompt: `${conversation.session.resource.name}> `,
      columns: pty.columns,
      act: (action) => {
        switch (action.do) {
          case 'to-user':
            return this.#deliver(action.bytes);
          case 'run':
            return this.#run(action.text);
          case 'to-target':
            if (this.#command?.state === 'released') this.#flow.forward(action.bytes, this.#command);
            return;
          case 'interrupt':
            return this.#interrupt();
          case 'end':
            return this.#over('completed');
        }
      },
    });
    accept();
    const { columns, rows, term } = pty;
    this.#observe({ type: 'terminal', command: shell.ordinal, columns, rows, term });
    this.#editor.start();
    client.resume();
  }

  read(view: Buffer): void {
    // Keys of the editor are echoed by it, and so are on the screen that is recorded.
    this.#editor.input(view);
  }

  end(): void {
    if (this.#target === null) this.#over('completed');
    else this.#flow.performHousekeeping('eof', () => this.#target?.eof());
  }

  drain(): void {
    this.#flow.clientDrained();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') {
      const { columns, rows } = request;
      this.#size = { ...this.#size, columns, rows };
      this.#editor.resize(columns);
      this.#output?.resize(columns, rows);
      this.#observe({ type: 'terminal', command: this.#parts.shell.ordinal, columns, rows, term: null });
    }
    this.#flow.performHousekeeping(request.kind, () => this.#target?.notify(request));
  }

  clientClosed(): void {
    this.#over('unfinished');
  }

  #run(text: string): void {
    // There is no shell that could be left; whoever types this means the session.
    if (/^\s*(?:exit|logout)\s*$/.test(text)) {
      this.#over('completed');
      return;
    }
    const { conversation, channel, shell } = this.#parts;
    const bytes = Buffer.from(text);
    const draft = { ...execDraft(bytes, conversation.settings, channel.context(), null), of: shell.ordinal };
    this.#command = conversation.submit(draft, {
      decided: (command) => {
        this.#command = command;
        if (this.#isOver) return;
        if (command.state !== 'released') {
          return this.#finished(command.verdict === null ? 'refused' : denial(command.verdict));
        }
        const analysis = draft.meaning?.language === 'shell' ? draft.meaning.shell : null;
        // The level of the resource may be another one: this is what came instead of a gate.
        const obstacle =
          terminalDenial({ ...conversation.settings, shell: 'exec-only' }, analysis) ??
          strictDenial(conversation.settings, command, {
            isBounded: analysis?.complete === true && analysis.bounded,
            flags: analysis?.flags ?? [],
          });
        if (obstacle !== null) return this.#finished(obstacle, 'refused');
        this.#open(command, bytes).catch((error: unknown) => {
          conversation.door.log.error('a line failed', { session: conversation.session.id, detail: String(error) });
          this.#finished('the gateway met an internal error', 'failed');
        });
      },
      waiting: (note) => this.#editor.note(note),
      overdue: (limit) => this.#finished(`${limit.reason} (rule ${limit.rule})`, 'failed'),
    });
  }

  async #open(command: Command, bytes: Buffer): Promise<void> {
    const { channel } = this.#parts;
    const target = await channel.open(command, { kind: 'exec', command: bytes }, this.#size, 'whole');
    if (target === null || this.#isOver || this.#command !== command) return target?.destroy();
    this.#target = target;
    const output = new MaskedStream({
      mask: masksOf(command, this.#size)[0],
      clock: this.#parts.conversation.door.clock,
      deliver: (view) => this.#deliver(view),
      pause: () => target.pause(),
      resume: () => this.#flow.deliverable(),
    });
    this.#output = output;
    this.#exit = null;
    this.#bytes = 0;
    this.#editor.started();
    target.handle({
      read: (view) => output.push(view),
      end: () => undefined,
      drain: () => this.#flow.upstreamDrained(),
      request: (request, reply) => {
        if (request.kind === 'exit-status') this.#exit = `exit ${request.code}`;
        if (request.kind === 'exit-signal') this.#exit = `signal ${request.signal}`;
        reply.reject();
      },
      close: () => this.#flow.afterDelivered(() => this.#finished(null, 'completed')),
    });
  }

  /** The line is through, or was refused: the editor takes the next one. */
  #finished(message: string | null, outcome: 'completed' | 'failed' | 'refused' | 'withdrawn' = 'refused'): void {
    const command = this.#command;
    this.#command = null;
    this.#output?.end();
    const masked = this.#output === null ? undefined : maskedCounts([this.#output]);
    this.#output = null;
    this.#target?.close();
    this.#target = null;
    if (command !== null) {
      this.#parts.conversation.complete(command, {
        // What was released may have run by now, whoever wants it back.
        outcome: outcome === 'withdrawn' && command.state !== 'pending' ? 'unfinished' : outcome,
        tag: this.#exit,
        error: null,
        rows: 0,
        bytes: this.#bytes,
        ...(masked === undefined ? {} : { masked }),
      });
    }
    if (!this.#isOver) this.#editor.finished(message);
  }

  #interrupt(): void {
    if (this.#target === null) this.#finished('withdrawn', 'withdrawn');
    else this.#flow.performHousekeeping('signal', () => this.#target?.notify({ kind: 'signal', name: 'INT' }));
  }

  #deliver(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isOver) return;
    const { conversation, shell } = this.#parts;
    const command = this.#command ?? shell;
    const limit = conversation.session.spend(command, 0, bytes.length);
    if (limit !== null) {
      this.#finished(`${limit.reason} (rule ${limit.rule})`, 'failed');
      return;
    }
    this.#observe({ type: 'screen', command: shell.ordinal, direction: 'out', data: bytes });
    this.#bytes += bytes.length;
    if (!this.#flow.deliver(bytes)) this.#target?.pause();
  }

  #over(outcome: 'completed' | 'unfinished'): void {
    if (this.#isOver) return;
    const { conversation, client, shell } = this.#parts;
    if (this.#command !== null) this.#finished(null, 'withdrawn');
    this.#isOver = true;
    client.notify({ kind: 'exit-status', code: 0 });
    client.eof();
    client.close();
    conversation.complete(shell, { outcome, tag: null, error: null, rows: 0, bytes: 0 });
    conversation.session.closeFlow(this.#flow);
  }

  #observe(entry: RecordingEntry): void {
    this.#parts.conversation.session.observe(entry);
  }
}
