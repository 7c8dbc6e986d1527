/**
 * Who asks the embedded engine's one connection next, where several threads ask.
 *
 * Invariants: messages of one asker are handled in order, one at a time in all; while a transaction is open, nobody else's are; else
 * askers take turns, so that nobody waits for more than one statement of each other. An asker that is gone leaves no transaction open.
 */

/** What a statement did, as far as turns go. */
export type Effect = 'begun' | 'ended' | 'none';

export interface Asker<Message> {
  /** Handles one message; rejects where the engine cannot go on. */
  handle(message: Message): Promise<Effect>;
  /** Undoes the transaction that it left open. */
  rollBack(): Promise<void>;
}

interface Queue<Message> {
  readonly asker: Asker<Message>;
  readonly messages: Message[];
  isGone: boolean;
}

export class EmbeddedTurns<Message> {
  readonly #onFailed: (error: unknown) => void;
  #queues: Queue<Message>[] = [];
  /** Whose transaction is open. */
  #holder: Queue<Message> | null = null;
  #isWorking = false;
  #hasFailed = false;

  constructor(onFailed: (error: unknown) => void) {
    this.#onFailed = onFailed;
  }

  /** Answers what takes the asker's messages, and what says that it is gone. */
  add(asker: Asker<Message>): { readonly ask: (message: Message) => void; readonly leave: () => void } {
    const queue: Queue<Message> = { asker, messages: [], isGone: false };
    this.#queues.push(queue);
    return {
      ask: (message) => {
        queue.messages.push(message);
        void this.#work();
      },
      leave: () => {
        queue.isGone = true;
        queue.messages.length = 0;
        void this.#work();
      },
    };
  }

  async #work(): Promise<void> {
    if (this.#isWorking || this.#hasFailed) return;
    this.#isWorking = true;
    try {
      for (;;) {
        const gone = this.#holder?.isGone === true ? this.#holder : null;
        if (gone !== null) {
          await gone.asker.rollBack();
          this.#holder = null;
        }
        const queue = this.#next();
        if (queue === null) break;
        const effect = await queue.asker.handle(queue.messages.shift()!);
        if (effect === 'begun') this.#holder = queue;
        else if (effect === 'ended') this.#holder = null;
        // Behind the others.
        this.#queues = [...this.#queues.filter((one) => one !== queue), queue];
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#onFailed(error);
    } finally {
      this.#isWorking = false;
    }
  }

  #next(): Queue<Message> | null {
    this.#queues = this.#queues.filter(({ isGone }) => !isGone);
    const candidates = this.#holder === null ? this.#queues : [this.#holder];
    return candidates.find(({ messages }) => messages.length > 0) ?? null;
  }
}
