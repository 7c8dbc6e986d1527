/** What the parts of one gate share: the way to the client, to the target, and to the rules. */
import type { Clock } from '../../../base/clock.ts';
import { escapeLine } from '../../../base/escape.ts';
import type { CommandDraft } from '../../../core/command.ts';
import type { CommandResult } from '../../../core/commands.ts';
import type { Command } from '../../../core/session.ts';
import { status } from './constants.ts';
import type { Conversation } from './conversation.ts';
import type { Handles } from './handles.ts';
import type { FileGateHost } from './host.ts';
import type { PathLane } from './lane.ts';
import * as limits from './limits.ts';
import { type Reply, writeReply } from './replies.ts';
import type { Resolver } from './resolve.ts';

/** A command on its way through the rules. */
export interface Asked {
  readonly command: Command;
  /** A human decides: this may take minutes. */
  readonly isHeld: boolean;
  /** True once it is released; false where it was refused. */
  readonly released: Promise<boolean>;
}

export interface GateParts {
  readonly host: FileGateHost;
  readonly clock: Clock;
  readonly conversation: Conversation;
  readonly handles: Handles;
  readonly lane: PathLane;
  readonly resolver: Resolver;
  readonly commands: OpenCommands;
  /** Answers one request of the client, with the whole message. */
  answer(view: Buffer): void;
  /** Content came into the gate and waits (positive), or left it (negative). */
  waiting(bytes: number): void;
  /** Something that cannot go on: ends the conversation. */
  fail(error: unknown): void;
}

/** The commands of one gate that have not ended, so that none is left when the client goes. */
export class OpenCommands {
  readonly #host: FileGateHost;
  readonly #open = new Map<Command, () => void>();

  constructor(host: FileGateHost) {
    this.#host = host;
  }

  has(command: Command): boolean {
    return this.#open.has(command);
  }

  submit(draft: CommandDraft): Asked {
    let settle: (isReleased: boolean) => void = () => {};
    const released = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const command = this.#host.submit(draft, (decided) => {
      if (decided.state !== 'released') this.#open.delete(decided);
      settle(decided.state === 'released');
    });
    if (command.state === 'pending' || command.state === 'released') this.#open.set(command, () => settle(false));
    return { command, isHeld: command.state === 'pending' && command.verdict?.name === 'hold', released };
  }

  complete(command: Command, result: Partial<CommandResult>): void {
    if (!this.#open.delete(command)) return;
    this.#host.complete(command, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0, ...result });
  }

  /** What never got its verdict is withdrawn; what runs is left unfinished. */
  abandon(): void {
    for (const [command, refuse] of [...this.#open]) {
      const outcome = command.state === 'pending' ? 'withdrawn' : 'unfinished';
      this.complete(command, { outcome });
      refuse();
    }
  }
}

export function answerStatus(parts: GateParts, id: number, code: number, message = ''): void {
  const text = message === '' ? (statusTexts[code] ?? 'Failure') : cut(message);
  parts.answer(writeReply({ type: 'status', id, code, message: text }));
}

/** Passes an answer on under the client's id. A status text of the target's is made harmless for a terminal. */
export function passOn(parts: GateParts, id: number, reply: Reply): void {
  if (reply.type === 'status') answerStatus(parts, id, reply.code, escapeLine(reply.message));
  else parts.answer(writeReply({ ...reply, id }));
}

/** What the person is told of a refused command: as a status, and as a line, for stock clients show no status texts. */
export function denial({ verdict, draft }: Command): { readonly message: string; readonly line: string } {
  const reason = verdict === null ? 'The command was refused.' : `${verdict.reason} (rule ${verdict.rule})`;
  return { message: reason, line: `sallyport: ${draft.text.slice(0, 400)}: ${reason}` };
}

export function deny(parts: GateParts, id: number, command: Command, isSaid = true): void {
  const { message, line } = denial(command);
  if (isSaid) parts.host.say(cut(escapeLine(line)));
  answerStatus(parts, id, status.SSH_FX_PERMISSION_DENIED, escapeLine(message));
}

export function isOk(reply: Reply): boolean {
  return reply.type !== 'status' || reply.code === status.SSH_FX_OK;
}

/** What a reply says of how a command ended. */
export function resultOf(reply: Reply): Partial<CommandResult> {
  if (reply.type !== 'status' || reply.code === status.SSH_FX_OK) return { outcome: 'completed' };
  return { outcome: 'failed', error: statusNames[reply.code] ?? `SSH_FX_${reply.code}` };
}

export function cut(text: string): string {
  return text.length <= limits.messageCharactersMax ? text : `${text.slice(0, limits.messageCharactersMax)}…`;
}

const statusNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(status).map(([name, code]) => [code, name]),
);

const statusTexts: Readonly<Record<number, string>> = {
  [status.SSH_FX_OK]: 'Success',
  [status.SSH_FX_EOF]: 'End of file',
  [status.SSH_FX_NO_SUCH_FILE]: 'No such file',
  [status.SSH_FX_PERMISSION_DENIED]: 'Permission denied',
  [status.SSH_FX_FAILURE]: 'Failure',
  [status.SSH_FX_BAD_MESSAGE]: 'Bad message',
  [status.SSH_FX_OP_UNSUPPORTED]: 'Operation unsupported',
};
