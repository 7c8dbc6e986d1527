/**
 * A terminal's shell: a command that stands for all of it, and then the resource's level of assurance decides what judges
 * what is typed.
 *
 * Invariant: the person sees the level before the first prompt; nothing falls from one level to a weaker one but by the
 * resource's own setting, and then the person sees that too.
 *
 * Deliberately absent: what the levels do (gated-shell.ts, observed-shell.ts, line-shell.ts).
 */
import type { Command } from '../../core/session.ts';
import { shellDraft } from './command.ts';
import { GatedShell, type GatedShellParts } from './gated-shell.ts';
import { KernelShell } from './kernel-shell.ts';
import { LineShell } from './line-shell.ts';
import { ObservedShell } from './observed-shell.ts';
import { foreign, line } from './say.ts';
import type { Program, ProgramParts } from './session-channel.ts';
import type { ShellLevel } from './settings.ts';
import type { PtyRequest } from './transport/index.ts';

export interface ShellProgramParts extends ProgramParts {
  readonly pty: PtyRequest;
  /** The released command that stands for the shell as a whole. */
  readonly shell: Command;
  /**
   * Answers the client that its shell is there. One program may come instead of another that has answered already, so that
   * only the first call does anything; nothing else may answer.
   */
  readonly accept: () => void;
}

const banners: Readonly<Record<ShellLevel, string>> = {
  observed: 'this terminal is recorded; commands are not stopped',
  gated: 'this terminal is recorded, and each command is judged before it runs',
  strict: 'this terminal is recorded, each command is judged before it runs, and what cannot be bounded needs a review',
  kernel: 'this terminal is recorded, and each program is judged before it starts',
  'exec-only': 'each line is one command, judged before it runs; there is no shell in between',
};

export class Shell implements Program {
  readonly #parts: ProgramParts & { readonly pty: PtyRequest };
  #pty: PtyRequest;
  #program: Program | null = null;
  #command: Command | null = null;
  #inputEnded = false;
  #isAccepted = false;
  #isGone = false;

  constructor(parts: ProgramParts & { readonly pty: PtyRequest }) {
    this.#parts = parts;
    this.#pty = parts.pty;
    const { conversation, channel, asked } = parts;
    const level = conversation.settings.shell;
    this.#command = conversation.submit(shellDraft(level, channel.context()), {
      decided: (command) => {
        if (this.#isGone) return;
        if (command.state !== 'released') return channel.denied(command, asked.reply);
        if (conversation.banner !== null) parts.client.writeStderr(foreign(conversation.banner));
        parts.client.writeStderr(line(banners[level]));
        this.#begin(command, level);
      },
      waiting: (text, review) => channel.waiting(text, review),
      overdue: (limit) => {
        channel.refuse(`${limit.reason} (rule ${limit.rule})`, 124);
        this.#program?.clientClosed();
      },
    });
  }

  read(view: Buffer): void {
    this.#program?.read(view);
  }

  end(): void {
    this.#inputEnded = true;
    this.#program?.end();
  }

  drain(): void {
    this.#program?.drain();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') this.#pty = { ...this.#pty, ...request, kind: 'pty-req' };
    this.#program?.notify(request);
  }

  say(text: string): void {
    if (this.#program?.say === undefined) this.#parts.client.writeStderr(line(text));
    else this.#program.say(text);
  }

  clientClosed(): void {
    this.#isGone = true;
    if (this.#program !== null) this.#program.clientClosed();
    else if (this.#command !== null) {
      const { conversation } = this.#parts;
      conversation.complete(this.#command, { outcome: 'withdrawn', tag: null, error: null, rows: 0, bytes: 0 });
    }
    this.#parts.client.close();
  }

  #accept(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.#parts.asked.reply.accept();
  }

  #begin(command: Command, level: ShellLevel): void {
    const parts: ShellProgramParts = { ...this.#parts, pty: this.#pty, shell: command, accept: () => this.#accept() };
    switch (level) {
      case 'observed':
        this.#program = new ObservedShell(parts);
        break;
      case 'exec-only':
        this.#program = new LineShell(parts);
        break;
      default: {
        const gated: GatedShellParts = {
          ...parts,
          instead: (choice, why) => {
            this.#parts.client.writeStderr(line(why));
            const instead = choice === 'observe' ? 'observed' : 'exec-only';
            this.#parts.client.writeStderr(line(banners[instead]));
            this.#begin(command, instead);
          },
        };
        this.#program = level === 'kernel' ? new KernelShell(gated) : new GatedShell(gated);
      }
    }
    if (this.#inputEnded) this.#program.end();
  }
}
