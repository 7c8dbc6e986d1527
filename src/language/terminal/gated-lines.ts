/**
 * The commands of a gated terminal: what the gate asks is put to the session, what is decided goes back to the gate, what it
 * tells goes into the record. The same whoever carries the terminal.
 *
 *     gate ─ask─► draft ─► session ─► decided ─► gate ─► shell
 *
 * Invariants:
 * - Each line, and each simple command that no line covered, is a command of the session; the gate hears `allow` only of one
 *   that was released (I1).
 * - What goes out while the gate is told of a verdict belongs to that command (`deciding`), so that in strict nothing of its
 *   output is delivered before its intent is durable.
 *
 * Deliberately absent: channels and their ends (protocols), what is judged and when (gate.ts), who may (policy).
 */
import { escapeLine } from '../../base/escape.ts';
import type { Log } from '../../base/log.ts';
import type { CommandDraft } from '../../core/command.ts';
import { actorOf } from '../../core/event.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { RecordingEntry } from '../../core/recording.ts';
import { denial } from '../../core/say.ts';
import type { Command, Session } from '../../core/session.ts';
import { LineAnalyses, lineDraft, quoted } from './drafts.ts';
import type { Gate } from './gate.ts';
import { inputEntry } from './input-entry.ts';
import { reductionOf } from './reduction.ts';
import type { GateAction, GateAsk, Reduce, ShellFacts } from './types.ts';

/** Hears what becomes of one command. */
export interface LineOwner {
  decided(command: Command): void;
  /** It is held; the text says for whom. Again now and then. */
  waiting(text: string): void;
  overdue(limit: OutputLimit): void;
}

export interface GatedLinesParts {
  readonly session: Session;
  readonly log: Log;
  /** The command that the shell itself is. */
  readonly shell: Command;
  readonly gate: () => Gate;
  /** What lines are sent with: part of what a reviewer approves. */
  readonly context: () => Readonly<Record<string, string>>;
  readonly submit: (draft: CommandDraft, owner: LineOwner) => Command;
  /** The command is over, one way or another. */
  readonly complete: (command: Command, result: Parameters<Session['complete']>[1]) => void;
  /** Why a line that was released must not run all the same. */
  readonly obstacle?: (ask: GateAsk, command: Command) => { readonly message: string; readonly code: string } | null;
  /** Characters of a line that stand in what a person is told of it. */
  readonly shownTextLengthMax: number;
}

/** What needs no channel. */
type Told = Extract<
  GateAction,
  { do: 'ask' | 'covered' | 'withdraw' | 'ended' | 'record-input' | 'nested' | 'alert' | 'freeze' }
>;

export class GatedLines {
  readonly #parts: GatedLinesParts;
  readonly #analyses = new LineAnalyses();
  readonly #commands = new Map<number, Command>();
  #deciding: Command | null = null;
  /** Where the shell last said that it is. */
  #directory: string | null = null;

  constructor(parts: GatedLinesParts) {
    this.#parts = parts;
  }

  /** For the gate. */
  readonly reduce: Reduce = (text, dialect, level) => reductionOf(this.#analyses.analyse({ text, dialect, level }));

  /** What is sent to the side channel now belongs to this command. */
  get deciding(): Command | null {
    return this.#deciding;
  }

  /** Lines and commands that run or wait now. */
  get running(): readonly Command[] {
    return [...this.#commands.values()];
  }

  /** The hooks are in place. */
  stands({ shell, version, assurance }: ShellFacts): void {
    this.note('gated', `${shell} ${version}, judged by ${assurance}`);
  }

  act(action: Told): void {
    const { session, shell, log } = this.#parts;
    switch (action.do) {
      case 'nested':
        this.note('nested', `${action.shell.shell} ${action.shell.version}`);
        return;
      case 'ask':
        this.#ask(action.ask);
        return;
      case 'covered':
        this.note('ran', action.text, this.#commands.get(action.line)?.ordinal);
        return;
      case 'withdraw':
        this.#complete(action.id, action.by === 'person' ? 'withdrawn' : 'unfinished', null);
        return;
      case 'ended':
        this.#complete(action.id, 'completed', action.status === null ? null : `exit ${action.status}`);
        return;
      case 'record-input':
        this.#observe(inputEntry(shell.ordinal, action.record));
        return;
      case 'alert':
        session.note({
          type: 'alert.raised',
          rule: `gateway:shell-${action.reason}`,
          reason: action.text,
          session: session.id,
          command: shell.ordinal,
          principal: actorOf(session.principal),
          resource: session.resource.name,
        });
        return;
      case 'freeze':
        log.warn('a gated shell was frozen', { session: session.id, reason: action.reason });
        session.end({ reason: 'violation', message: action.message, code: `gateway:shell-${action.reason}`, by: null });
        return;
    }
  }

  /** The terminal is gone: so is what ran there. */
  end(): void {
    for (const id of [...this.#commands.keys()]) this.#complete(id, 'unfinished', null);
  }

  /** Into the recording, beside what is on the screen. */
  note(code: string, text: string, command: number = this.#parts.shell.ordinal): void {
    this.#observe({ type: 'message', command, level: 'gateway', code, text, fields: {} });
  }

  #ask(ask: GateAsk): void {
    const gate = this.#parts.gate();
    const line = ask.line === null ? undefined : this.#commands.get(ask.line);
    // What the screen shows of a line that was released is that line, or one of its own.
    if (ask.level === 'shown' && line?.state === 'released' && line.draft.text === ask.text) {
      this.#decide(ask.id, line, { verdict: 'allow' });
      return;
    }
    const draft = lineDraft(ask, this.#analyses.analyse(ask), line?.ordinal ?? null, this.#parts.context());
    const command = this.#parts.submit(draft, {
      decided: (decided) => this.#decided(ask, decided),
      waiting: (text) => gate.note(ask.id, this.#about(ask.text, text)),
      overdue: (limit) => gate.say(`${limit.reason} (rule ${limit.rule})`),
    });
    if (command.state === 'pending') this.#commands.set(ask.id, command);
    if (ask.directory === null || ask.directory === this.#directory) return;
    this.#directory = ask.directory;
    this.note('directory', `the shell says that it is in ${quoted(ask.directory)}`, command.ordinal);
  }

  #decided(ask: GateAsk, decided: Command): void {
    const isReleased = decided.state === 'released';
    if (isReleased) this.#commands.set(ask.id, decided);
    else this.#commands.delete(ask.id);
    if (ask.denied !== null) this.#complete(ask.id, 'refused', null, ask.denied.code);
    else if (isReleased) this.#released(ask, decided);
    else {
      const message = this.#about(ask.text, decided.verdict === null ? 'refused' : denial(decided.verdict));
      this.#decide(ask.id, decided, { verdict: 'deny', message });
    }
  }

  #released(ask: GateAsk, command: Command): void {
    const obstacle = this.#parts.obstacle?.(ask, command) ?? null;
    if (obstacle === null) {
      this.#decide(ask.id, command, { verdict: 'allow' });
      return;
    }
    this.#decide(ask.id, command, { verdict: 'deny', message: this.#about(ask.text, obstacle.message) });
    this.#complete(ask.id, 'refused', null, obstacle.code);
  }

  #decide(id: number, command: Command, decision: Parameters<Gate['decide']>[1]): void {
    this.#deciding = command.state === 'released' ? command : null;
    try {
      this.#parts.gate().decide(id, decision);
    } finally {
      this.#deciding = null;
    }
  }

  #complete(
    id: number,
    outcome: 'completed' | 'refused' | 'withdrawn' | 'unfinished',
    tag: string | null,
    error: string | null = null,
  ): void {
    const command = this.#commands.get(id);
    this.#commands.delete(id);
    if (command === undefined) return;
    this.#parts.complete(command, { outcome, tag, error, rows: 0, bytes: 0 });
  }

  /** The line that it is about stands with what is said, since a line editor takes it off the screen. */
  #about(text: string, said: string): string {
    const shown = escapeLine(text);
    const { shownTextLengthMax: most } = this.#parts;
    return `${shown.length > most ? `${shown.slice(0, most)}…` : shown}: ${said}`;
  }

  #observe(entry: RecordingEntry): void {
    this.#parts.session.observe(entry);
  }
}
