/**
 * What a person is told besides what the pod says: that a line or a script waits or takes too long, and what others have to
 * say. Clients whose connection has not turned into streams show nothing before their answer.
 *
 * Deliberately absent: how it is shown (gated-shell.ts).
 */
import type { CommandDraft } from '../../core/command.ts';
import { held } from '../../core/say.ts';
import type { Command, Session } from '../../core/session.ts';
import type { LineOwner } from '../../language/index.ts';

type Listener = (text: string) => void;

const all = new WeakMap<Session, Notices>();

export class Notices {
  readonly #session: Session;
  /** Of commands that wait or run. */
  readonly #owners = new Map<number, LineOwner>();
  readonly #listeners = new Set<Listener>();
  /** Of what is being submitted: it may be held before its number is known. */
  #submitting: LineOwner | null = null;

  static of(session: Session): Notices {
    let notices = all.get(session);
    if (notices === undefined) {
      notices = new Notices(session);
      all.set(session, notices);
    }
    return notices;
  }

  private constructor(session: Session) {
    this.#session = session;
    // Requests of this session that wait have an ear of their own (protocols/http, conversation.ts).
    const { onHeld, onOverdue } = session;
    session.onHeld = (command, review, waitedMs) => {
      onHeld?.(command, review, waitedMs);
      const owner = this.#owners.get(command.ordinal) ?? this.#submitting;
      owner?.waiting(held(review, waitedMs));
    };
    session.onOverdue = (command, limit) => {
      onOverdue?.(command, limit);
      this.#owners.get(command.ordinal)?.overdue(limit);
    };
    session.onMessage = (text) => {
      for (const listener of this.#listeners) listener(text);
    };
  }

  /** Hears what is said to everybody of the session. Answers with what ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Submits a command; its owner is told while it waits, and when it runs longer than a rule allows. */
  submit(draft: CommandDraft, owner: LineOwner): Command {
    this.#submitting = owner;
    try {
      const command = this.#session.submit(draft, (decided) => {
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
    this.#session.complete(command, result);
  }
}
