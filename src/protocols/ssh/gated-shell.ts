/**
 * A terminal's shell under the gate: carries bytes between the person, the shell and the gate's side channel, and puts what
 * the gate asks to the session.
 *
 * Invariants:
 * - Each line, and each simple command that no line covered, is a command of the session; the shell runs it only after the
 *   gate was told that it was released (I1).
 * - The verdict goes out under the very command that it releases, so that in strict nothing of its output is delivered
 *   before its intent is durable.
 * - A gate that froze, or could not be set up, ends the shell; what then happens is the resource's setting, said to the person.
 *
 * Deliberately absent: what is judged and when (language/terminal), who may (policy).
 */

import { shellOf } from '../../core/command.ts';
import type { RecordingEntry } from '../../core/recording.ts';
import type { Command, Flow, Session } from '../../core/session.ts';
import { Gate, type GateAction, type GateAsk, GatedLines } from '../../language/index.ts';
import * as limits from './limits.ts';
import { MaskedStream, maskedCounts, masksOf } from './output.ts';
import { line as lineOf } from './say.ts';
import type { Program } from './session-channel.ts';
import type { SshSettings } from './settings.ts';
import type { ShellProgramParts } from './shell.ts';
import { sftpDenial, startsSftp, strictDenial } from './strict.ts';
import { supervisedHelloMs } from './supervisor/index.ts';
import type { PtyRequest, SshChannel } from './transport/index.ts';

export interface GatedShellParts extends ShellProgramParts {
  /** The gate could not be set up: what comes instead, as the setting says. */
  readonly instead: (choice: 'observe' | 'exec-only', why: string) => void;
  /** What judges programs below the gate, where something does: it opens the terminal's channel. */
  readonly beneath?: {
    open(command: string, size: PtyRequest): Promise<SshChannel | null>;
    /** The shell stands. */
    ready(): void;
    over(): void;
  };
}

export class GatedShell implements Program {
  readonly #parts: GatedShellParts;
  readonly #gate: Gate;
  readonly #lines: GatedLines;
  readonly #output: MaskedStream;
  readonly #flow: Flow;
  readonly #sideFlow: Flow;
  #side: SshChannel | null = null;
  #pty: SshChannel | null = null;
  #size: PtyRequest;
  #bytesOut = 0;
  #exit: number | null = null;
  #isOver = false;

  constructor(parts: GatedShellParts) {
    this.#parts = parts;
    this.#size = parts.pty;
    const { conversation, channel, client, shell, pty } = parts;
    this.#output = new MaskedStream({
      mask: masksOf(shell, pty)[0],
      clock: conversation.door.clock,
      deliver: (bytes) => this.#deliver(bytes),
      pause: () => this.#pty?.pause(),
      resume: () => this.#flow.deliverable(),
    });
    this.#flow = conversation.session.openFlow({
      toUpstream: (view) => this.#pty?.write(view) ?? true,
      toClient: (view) => client.write(view),
    });
    this.#flow.onDeliverable = () => this.#pty?.resume();
    this.#flow.onForwardable = () => client.resume();
    this.#sideFlow = conversation.session.openFlow({
      toUpstream: (view) => this.#side?.write(view) ?? true,
      toClient: () => true,
    });
    this.#lines = new GatedLines({
      session: conversation.session,
      log: conversation.door.log,
      shell,
      gate: () => this.#gate,
      context: () => channel.context(),
      submit: (draft, owner) => conversation.submit(draft, owner),
      complete: (command, result) => conversation.complete(command, result),
      obstacle: (ask, decided) => obstacleTo(ask, decided, conversation.settings),
      shownTextLengthMax: limits.shownTextLengthMax,
    });
    this.#gate = new Gate({
      clock: conversation.door.clock,
      act: (action) => this.#act(action),
      reduce: this.#lines.reduce,
      columns: pty.columns,
      rows: pty.rows,
      unhooked: conversation.settings.unhooked,
      // Each program of a start-up file is asked about.
      ...(parts.beneath === undefined ? {} : { helloMs: supervisedHelloMs }),
    });
    this.#gate.start();
  }

  read(view: Buffer): void {
    this.#gate.input(view);
  }

  /** The client sends no more: the shell sees the end of its terminal. */
  end(): void {
    this.#flow.performHousekeeping('eof', () => this.#pty?.eof());
  }

  drain(): void {
    this.#flow.clientDrained();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') {
      const { columns, rows } = request;
      this.#size = { ...this.#size, columns, rows };
      this.#gate.resize(columns, rows);
      this.#output.resize(columns, rows);
      this.#observe({ type: 'terminal', command: this.#parts.shell.ordinal, columns, rows, term: null });
    }
    this.#flow.performHousekeeping(request.kind, () => this.#pty?.notify(request));
  }

  /** Shows the person a line between two rows of the screen. */
  say(text: string): void {
    this.#gate.say(text);
  }

  /** Lines and commands that run or wait now. */
  get running(): readonly Command[] {
    return this.#lines.running;
  }

  clientClosed(): void {
    this.#gate.close();
    this.#over('client');
  }

  #act(action: GateAction): void {
    if (this.#isOver) return;
    const { client, shell } = this.#parts;
    switch (action.do) {
      case 'open-side':
        this.#openSide(action.command);
        return;
      case 'open-pty':
        this.#openPty(action.command);
        return;
      case 'to-user':
        this.#output.push(action.bytes);
        return;
      case 'to-target':
        if (!this.#flow.forward(action.bytes, shell)) client.pause();
        return;
      case 'to-side':
        this.#sideFlow.forward(action.bytes, this.#lines.deciding ?? shell);
        return;
      case 'ready':
        this.#lines.stands(action.shell);
        this.#parts.beneath?.ready();
        client.resume();
        return;
      case 'unhooked':
        this.#unhooked(action);
        return;
      default:
        this.#lines.act(action);
    }
  }

  // ------------------------------------------------------------------ the two channels at the target

  #openSide(command: string): void {
    const { channel, shell } = this.#parts;
    this.#attempt(
      channel.open(shell, { kind: 'exec', command: Buffer.from(command) }, null, 'hidden').then((side) => {
        if (side === null) return this.#gate.sideEnded();
        if (this.#isOver) return side.destroy();
        this.#side = side;
        side.handle({
          read: (view) => this.#gate.side(view),
          end: () => this.#gate.sideEnded(),
          drain: () => this.#sideFlow.upstreamDrained(),
          close: () => this.#gate.sideEnded(),
        });
      }),
    );
  }

  #openPty(command: string): void {
    const { channel, shell, accept, beneath } = this.#parts;
    const opening =
      beneath?.open(command, this.#size) ??
      channel.open(shell, { kind: 'exec', command: Buffer.from(command) }, this.#size, 'whole');
    this.#attempt(
      opening.then((pty) => {
        if (pty === null) {
          // The client has been told, and its channel is closed: nothing can come instead.
          this.#gate.close();
          return this.#over('client');
        }
        if (this.#isOver) return pty.destroy();
        this.#pty = pty;
        const { columns, rows, term } = this.#size;
        this.#observe({ type: 'terminal', command: shell.ordinal, columns, rows, term });
        accept();
        pty.handle({
          read: (view) => this.#gate.output(view),
          end: () => undefined,
          drain: () => this.#flow.upstreamDrained(),
          request: (request, reply) => {
            if (request.kind === 'exit-status') this.#exit = request.code;
            reply.reject();
          },
          close: () => {
            this.#gate.outputEnded();
            this.#flow.afterDelivered(() => this.#over('target'));
          },
        });
      }),
    );
  }

  // ------------------------------------------------------------------ towards the person

  #deliver(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isOver) return;
    const { conversation, shell } = this.#parts;
    const limit = conversation.session.spend(shell, 0, bytes.length);
    if (limit !== null) {
      this.#parts.client.write(lineOf(`${limit.reason} (rule ${limit.rule})`));
      this.#over('limit');
      return;
    }
    this.#observe({ type: 'screen', command: shell.ordinal, direction: 'out', data: bytes });
    this.#bytesOut += bytes.length;
    if (!this.#flow.deliver(bytes)) this.#pty?.pause();
  }

  #unhooked({ choice, message }: Extract<GateAction, { do: 'unhooked' }>): void {
    const { channel, accept } = this.#parts;
    this.#lines.note('unhooked', message);
    this.#closeTarget();
    if (choice === 'refuse') {
      accept();
      channel.refuse(message, 126);
      this.#over('unhooked');
      return;
    }
    this.#isOver = true;
    this.#parts.conversation.session.closeFlow(this.#flow);
    this.#parts.conversation.session.closeFlow(this.#sideFlow);
    this.#parts.instead(choice, message);
  }

  #closeTarget(): void {
    this.#pty?.close();
    this.#side?.close();
    this.#parts.beneath?.over();
  }

  #over(why: 'client' | 'target' | 'limit' | 'unhooked'): void {
    if (this.#isOver) return;
    const { conversation, client, shell } = this.#parts;
    if (why === 'target') this.#output.end();
    this.#isOver = true;
    this.#output.drop();
    this.#closeTarget();
    this.#lines.end();
    if (why === 'target' || why === 'limit') {
      client.notify({ kind: 'exit-status', code: this.#exit ?? (why === 'limit' ? 124 : 255) });
      client.eof();
      client.close();
    }
    const masked = maskedCounts([this.#output]);
    conversation.complete(shell, {
      outcome: why === 'target' ? 'completed' : why === 'client' ? 'unfinished' : 'failed',
      tag: this.#exit === null ? null : `exit ${this.#exit}`,
      error: null,
      rows: 0,
      bytes: this.#bytesOut,
      ...(masked === undefined ? {} : { masked }),
    });
    conversation.session.closeFlow(this.#flow);
    conversation.session.closeFlow(this.#sideFlow);
  }

  get #session(): Session {
    return this.#parts.conversation.session;
  }

  #observe(entry: RecordingEntry): void {
    this.#session.observe(entry);
  }

  #attempt(work: Promise<void>): void {
    work.catch((error: unknown) => {
      const { door } = this.#parts.conversation;
      door.log.error('a gated shell failed', { session: this.#session.id, detail: String(error) });
      this.#parts.channel.refuse('the shell could not be started', 255);
      this.#over('limit');
    });
  }
}

/** Why a line that was released must not run: what strict cannot bound, or files that would be served unseen. */
function obstacleTo(
  { reduction: { complete, flags } }: GateAsk,
  decided: Command,
  settings: SshSettings,
): { message: string; code: string } | null {
  const unbounded = strictDenial(settings, decided, { isBounded: complete && flags.length === 0, flags });
  const shell = shellOf(decided.draft.meaning);
  if (shell !== null && startsSftp(shell)) {
    return { message: sftpDenial, code: unbounded === null ? 'ssh.not-judged' : 'ssh.unbounded' };
  }
  return unbounded === null ? null : { message: unbounded, code: 'ssh.unbounded' };
}
