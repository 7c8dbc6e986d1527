/**
 * What a person at a terminal in a pod is told besides what the pod says: that a line waits, and what others have to say.
 * Clients without a terminal show nothing before their answer.
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
  readonly #byCommand = new Map<number, Listener>();
  readonly #listeners = new Set<Listener>();
  /** Of what is being submitted: it may be held before its number is known. */
  #submitting: Listener | null = null;

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
    const { onHeld } = session;
    session.onHeld = (command, review, waitedMs) => {
      onHeld?.(command, review, waitedMs);
      const listener = this.#byCommand.get(command.ordinal) ?? this.#submitting;
      listener?.(held(review, waitedMs));
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

  /** Submits a command; while it waits, its owner is told. */
  submit(draft: CommandDraft, owner: LineOwner): Command {
    const waiting = (text: string): void => owner.waiting(text);
    this.#submitting = waiting;
    try {
      const command = this.#session.submit(draft, (decided) => {
        this.#byCommand.delete(decided.ordinal);
        owner.decided(decided);
      });
      if (command.state === 'pending') this.#byCommand.set(command.ordinal, waiting);
      return command;
    } finally {
      this.#submitting = null;
    }
  }

  /** The command is over, one way or another. Idempotent. */
  complete(command: Command, result: Parameters<Session['complete']>[1]): void {
    this.#byCommand.delete(command.ordinal);
    this.#session.complete(command, result);
  }
}
