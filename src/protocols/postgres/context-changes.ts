/**
 * What sessions are changing at this moment: relations that a definition on its way, or in an open transaction, concerns.
 *
 * A statement of another session that names one of them waits at the server for the lock of whoever changes it, and then
 * runs by the new definition: with the trigger that did not exist when it was judged. So it is judged as if nothing were
 * known of what stands behind names (A-PG-18).
 *
 * Honest limits: relations count by their name in any schema; a statement that was sent before the definition was, and
 * reaches its tables after that was committed (it slept, or waited for a row), was judged by what was true then.
 *
 * Deliberately absent: what is known once the change has ended (catalog.ts).
 */
import { type Meaning, sqlOf } from '../../core/command.ts';
import type { Analysis, StatementAnalysis } from '../../language/index.ts';
import type { Conversation } from './conversation.ts';
import * as limits from './limits.ts';

/** The changes of one session. */
export class Changes {
  readonly #conversation: Pick<Conversation, 'status' | 'owed' | 'unsynced' | 'queued' | 'waitingForReview'>;
  /** Null: anything. */
  #names: Set<string> | null = new Set();

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** A definition was submitted. */
  add(meaning: Meaning | null): void {
    if (this.isOver) this.#names = new Set();
    const analysis = sqlOf(meaning);
    if (analysis === null || !analysis.understood) this.#names = null;
    for (const statement of analysis?.statements ?? []) {
      for (const name of namesIn(statement)) this.#names?.add(name);
    }
    if (this.#names !== null && this.#names.size > limits.changingNamesMax) this.#names = null;
  }

  /** Nothing that was added is with the server, or waits to get there. */
  get isOver(): boolean {
    return !this.#isBusy && this.#conversation.queued === 0;
  }

  /** Whether what it changes is among what a text of another session names. */
  concern(analysis: Analysis): boolean {
    const names = this.#names;
    if (!this.#isBusy) return false;
    if (names === null) return true;
    return analysis.statements.some((statement) => {
      for (const name of namesIn(statement)) if (names.has(name)) return true;
      return false;
    });
  }

  /** Something of it is with the server, or about to be: not what only waits for a human, outside a transaction. */
  get #isBusy(): boolean {
    const { status, owed, unsynced, queued, waitingForReview } = this.#conversation;
    return status !== 'I' || owed > 0 || unsynced > 0 || (queued > 0 && waitingForReview === 0);
  }
}

function* namesIn({ relations }: StatementAnalysis): Generator<string> {
  for (const { name, candidates } of relations) {
    yield name;
    for (const candidate of candidates) yield candidate.name;
  }
}
