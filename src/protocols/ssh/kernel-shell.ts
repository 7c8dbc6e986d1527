/**
 * A terminal's shell at the kernel level: the gated shell, run under the supervisor. The gate judges lines, builtins and
 * redirections; the supervisor judges every start of a program, whoever starts it.
 *
 * Invariant: where either cannot be set up, what happens is the resource's setting, and the person is told.
 *
 * Deliberately absent: what is asked and how (kernel.ts, gated-shell.ts).
 */
import { describeError } from '../../base/errors.ts';
import { GatedShell, type GatedShellParts } from './gated-shell.ts';
import { Supervision } from './kernel.ts';
import { line } from './say.ts';
import type { Program } from './session-channel.ts';
import type { PtyRequest } from './transport/index.ts';

export class KernelShell implements Program {
  readonly #parts: GatedShellParts;
  readonly #supervision: Supervision;
  #gated: GatedShell | null = null;
  #size: PtyRequest;
  #inputEnded = false;
  #isGone = false;

  constructor(parts: GatedShellParts) {
    this.#parts = parts;
    this.#size = parts.pty;
    const { conversation, channel, shell, client } = parts;
    this.#supervision = new Supervision({
      conversation,
      channel,
      command: shell,
      say: (text) => {
        if (this.#gated === null) client.writeStderr(line(text));
        else this.#gated.say(text);
      },
      running: () => this.#gated?.running ?? [],
    });
    this.#supervision.place().then(
      (why) => this.#placed(why),
      (error: unknown) => {
        conversation.door.log.error('a supervised shell failed', {
          session: conversation.session.id,
          detail: describeError(error),
        });
        this.#placed('The shell could not be started.');
      },
    );
  }

  // Nothing is read from the client before the gate stands.
  read(view: Buffer): void {
    this.#gated?.read(view);
  }

  end(): void {
    this.#inputEnded = true;
    this.#gated?.end();
  }

  drain(): void {
    this.#gated?.drain();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind === 'window-change') this.#size = { ...this.#size, ...request, kind: 'pty-req' };
    this.#gated?.notify(request);
  }

  say(text: string): void {
    if (this.#gated === null) this.#parts.client.writeStderr(line(text));
    else this.#gated.say(text);
  }

  clientClosed(): void {
    this.#isGone = true;
    if (this.#gated !== null) {
      this.#gated.clientClosed();
      return;
    }
    const { conversation, shell } = this.#parts;
    this.#supervision.close();
    conversation.complete(shell, { outcome: 'withdrawn', tag: null, error: null, rows: 0, bytes: 0 });
  }

  #placed(why: string | null): void {
    if (this.#isGone) return;
    const { conversation, channel, accept, shell } = this.#parts;
    if (why === null) {
      const supervision = this.#supervision;
      this.#gated = new GatedShell({
        ...this.#parts,
        pty: this.#size,
        beneath: {
          open: (command, size) => supervision.open(Buffer.from(command), size, true),
          ready: () => supervision.begun(),
          over: () => supervision.close(),
        },
      });
      if (this.#inputEnded) this.#gated.end();
      return;
    }
    const { unhooked } = conversation.settings;
    const { session } = conversation;
    session.observe({
      type: 'message',
      command: shell.ordinal,
      level: 'gateway',
      code: 'unhooked',
      text: why,
      fields: {},
    });
    if (unhooked !== 'refuse') {
      this.#parts.instead(unhooked, why);
      return;
    }
    accept();
    channel.refuse(why, 126);
    conversation.complete(shell, { outcome: 'failed', tag: null, error: 'ssh.unsupervised', rows: 0, bytes: 0 });
  }
}
