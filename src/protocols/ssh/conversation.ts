/**
 * What the channels of one connection share: the session, both SSH connections, and how a person hears of what waits.
 *
 * Invariant: every command goes through `submit`, so that whoever waits is told, and an overdue one is stopped.
 */
import type { CommandDraft } from '../../core/command.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { Door } from '../../core/protocol.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command, Session } from '../../core/session.ts';
import { held } from './say.ts';
import type { SshSettings } from './settings.ts';
import type { SshClientConnection, SshServerConnection } from './transport/index.ts';

/** How a command's channel hears of it. */
export interface CommandOwner {
  /** Released or refused: see `Session.submit`. */
  decided(command: Command): void;
  /** It waits; the text is for the person. */
  waiting(text: string, review: PendingReview): void;
  /** It ran longer than a rule allows. */
  overdue(limit: OutputLimit): void;
}

export class Conversation {
  readonly session: Session;
  readonly door: Door;
  readonly client: SshServerConnection;
  readonly target: SshClientConnection;
  readonly settings: SshSettings;
  /** What the target shows to whoever logs in, as it came. */
  readonly banner: string | null;
  readonly #owners = new Map<number, CommandOwner>();
  readonly #listeners = new Set<(text: string) => void>();

  constructor(parts: {
    session: Session;
    door: Door;
    client: SshServerConnection;
    target: SshClientConnection;
    settings: SshSettings;
    banner: string | null;
  }) {
    this.session = parts.session;
    this.door = parts.door;
    this.client = parts.client;
    this.target = parts.target;
    this.settings = parts.settings;
    this.banner = parts.banner;
    parts.session.onHeld = (command, review, waitedMs) => {
      // A command may be held before `submit` returned its number: then its owner is the one that is submitting.
      const owner = this.#owners.get(command.ordinal) ?? this.#submitting;
      owner?.waiting(held(review, waitedMs), review);
    };
    parts.session.onMessage = (text) => this.say(text);
    parts.session.onOverdue = (command, limit) => this.#owners.get(command.ordinal)?.overdue(limit);
  }

  #submitting: CommandOwner | null = null;

  /** Shows the person a line, on every channel that can. */
  say(text: string): void {
    for (const listener of this.#listeners) listener(text);
  }

  /** A channel shows the person what is said to them. Answers with what ends that. */
  onMessage(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts a command through the pipeline. Throws as `Session.submit` does. */
  submit(draft: CommandDraft, owner: CommandOwner): Command {
    this.#submitting = owner;
    try {
      const command = this.session.submit(draft, (decided) => {
        if (decided.state !== 'released') this.#owners.delete(decided.ordinal);
        owner.decided(decided);
      });
      if (command.state === 'pending' || command.state === 'released') this.#owners.set(command.ordinal, owner);
      return command;
    } finally {
      this.#submitting = null;
    }
  }

  /** The command is over, one way or another. Idempotent. */
  complete(command: Command, result: Parameters<Session['complete']>[1]): void {
    this.#owners.delete(command.ordinal);
    this.session.complete(command, result);
  }
}
