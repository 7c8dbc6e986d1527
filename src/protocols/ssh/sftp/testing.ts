/**
 * For tests: a host for the gate that keeps what happened, with rules as a function, and the real sftp-server as a child.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { ownedOf } from '../../../base/regions.ts';
import type { CommandDraft } from '../../../core/command.ts';
import type { CommandResult } from '../../../core/commands.ts';
import type { FileDirection } from '../../../core/files.ts';
import type { OutputLimit } from '../../../core/judgement.ts';
import type { RecordingEntry } from '../../../core/recording.ts';
import type { Command } from '../../../core/session.ts';
import type { Verdict } from '../../../core/verdict.ts';
import { FileGate } from './gate.ts';
import type { FileGateHost } from './host.ts';
import type { ContentFinding, ContentInspector, ContentStop } from './inspect.ts';
import { undecidedBytesMax } from './limits.ts';

export const sftpServer = '/usr/lib/openssh/sftp-server';

export const allow: Verdict = { name: 'allow', rule: 'test', reason: 'Allowed.' };

export function block(rule: string, reason = 'Not here.'): Verdict {
  return { name: 'block', rule, reason };
}

export class TestCommand implements Command {
  readonly ordinal: number;
  readonly draft: CommandDraft;
  state: Command['state'] = 'pending';
  verdict: Verdict | null;
  judgement: Command['judgement'];
  result: CommandResult | null = null;
  decide: (isReleased: boolean) => void = () => {};

  constructor(ordinal: number, draft: CommandDraft, verdict: Verdict, limits: readonly OutputLimit[]) {
    this.ordinal = ordinal;
    this.draft = draft;
    this.verdict = verdict;
    this.judgement = { verdict, output: null, limits, alerts: [], hold: null };
  }
}

/** What a test says of commands. */
export interface TestRules {
  readonly judge?: (draft: CommandDraft) => Verdict;
  readonly limits?: (draft: CommandDraft) => readonly OutputLimit[];
  readonly inspector?: (draft: CommandDraft, direction: FileDirection) => ContentInspector | null;
  /** Releases come in a later turn, as after an intent became durable. */
  readonly later?: boolean;
}

export class TestHost implements FileGateHost {
  readonly commands: TestCommand[] = [];
  readonly entries: RecordingEntry[] = [];
  readonly said: string[] = [];
  readonly violations: string[] = [];
  /** Message types that went to the target, with the command; null for questions. */
  readonly sent: { readonly type: number; readonly command: Command | null; readonly view: Buffer }[] = [];
  rules: TestRules;
  toUpstream: (view: Buffer) => boolean = () => true;
  toClient: (view: Buffer) => boolean = () => true;
  clientPaused = false;
  upstreamPaused = false;
  keepsSent = true;
  onPause: (() => void) | null = null;
  onSay: ((line: string) => void) | null = null;
  onClosed: ((error: Error | null) => void) | null = null;
  closedWith: Error | null | undefined;

  constructor(rules: TestRules) {
    this.rules = rules;
  }

  submit(draft: CommandDraft, decided: (command: Command) => void): Command {
    const verdict = this.rules.judge?.(draft) ?? allow;
    const limits = this.rules.limits?.(draft) ?? [];
    const command = new TestCommand(this.commands.length + 1, draft, verdict, limits);
    this.commands.push(command);
    command.decide = (isReleased) => {
      if (command.state !== 'pending') return;
      command.state = isReleased ? 'released' : 'refused';
      decided(command);
    };
    if (verdict.name === 'hold') return command;
    const isReleased = verdict.name === 'allow' || verdict.name === 'mask';
    if (this.rules.later === true) setImmediate(() => command.decide(isReleased));
    else command.decide(isReleased);
    return command;
  }

  spend(command: Command, rows: number, bytes: number): OutputLimit | null {
    return command.judgement?.limits.find((limit) => limit.spend(rows, bytes)) ?? null;
  }

  complete(command: Command, result: CommandResult): void {
    const run = command as TestCommand;
    if (run.state === 'ended') throw new Error('a command ended twice');
    run.state = 'ended';
    run.result = result;
  }

  observe(entry: RecordingEntry): void {
    this.entries.push(entry);
  }

  inspector(command: Command, direction: FileDirection): ContentInspector | null {
    return this.rules.inspector?.(command.draft, direction) ?? null;
  }

  forward(view: Buffer, command: Command): boolean {
    if (command.state !== 'released') throw new Error(`forward of a command that is ${command.state}`);
    return this.#send(view, command);
  }

  question(view: Buffer): boolean {
    return this.#send(view, null);
  }

  /** Tests keep what they are given, as pipes do. */
  #send(lent: Buffer, command: Command | null): boolean {
    const view = ownedOf(lent);
    if (this.keepsSent) this.sent.push({ type: view[4]!, command, view });
    return this.toUpstream(view);
  }

  deliver(view: Buffer): boolean {
    return this.toClient(ownedOf(view));
  }

  say(line: string): void {
    this.said.push(line);
    this.onSay?.(line);
  }

  pauseClient(paused: boolean): void {
    this.clientPaused = paused;
    this.onPause?.();
  }

  pauseUpstream(paused: boolean): void {
    this.upstreamPaused = paused;
    this.onPause?.();
  }

  violation(side: string, code: string, detail: string): void {
    this.violations.push(`${side} ${code} ${detail}`);
  }

  closed(error: Error | null): void {
    this.closedWith = error;
    this.onClosed?.(error);
  }

  /** `verb path` of every command, with how it ended. */
  get history(): string[] {
    return this.commands.map(({ draft, state, result }) => `${draft.text}: ${result?.outcome ?? state}`);
  }
}

/** A gate before the real sftp-server, whose working directory is `directory`. */
export function gateBefore(directory: string, rules: TestRules, clock: Clock = systemClock) {
  const host = new TestHost(rules);
  const gate = new FileGate(host, clock);
  const child: ChildProcess = spawn(sftpServer, ['-e'], { cwd: directory, stdio: ['pipe', 'pipe', 'ignore'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  host.toUpstream = (view) => stdin.write(view);
  stdin.on('drain', () => gate.upstreamDrained());
  // The server may be gone while the gate still writes.
  stdin.on('error', () => gate.upstreamEnded());
  stdout.on('data', (chunk: Buffer) => gate.fromUpstream(chunk));
  stdout.on('end', () => gate.upstreamEnded());
  host.onClosed = () => stdin.end();
  return { host, gate, child, stdout };
}

/** Looks for one text, however it is cut into pieces. */
export class TextInspector implements ContentInspector {
  readonly #wanted: Buffer;
  readonly #stop: ContentStop;
  #tail: Buffer = Buffer.alloc(0);
  #taken = 0;

  constructor(wanted: string, verdict: ContentStop['verdict'] = 'block') {
    this.#wanted = Buffer.from(wanted);
    this.#stop = { verdict, rule: 'no-secrets', reason: 'The content has a secret.' };
    if (this.#wanted.length > undecidedBytesMax) throw new Error('the text is too long');
  }

  push(piece: Buffer): ContentFinding {
    const all = Buffer.concat([this.#tail, piece]);
    this.#taken += piece.length;
    const stop = all.includes(this.#wanted) ? this.#stop : null;
    this.#tail = Buffer.from(all.subarray(Math.max(0, all.length - this.#wanted.length + 1)));
    return { clearBytes: this.#taken - this.#tail.length, stop };
  }

  end(): ContentFinding {
    return { clearBytes: this.#taken, stop: null };
  }
}
