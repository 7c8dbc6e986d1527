/**
 * What a session's statements mean: analyses in the session's context, and the context kept true.
 *
 * A statement that may change what later ones mean puts its part of the context in doubt as soon as it is submitted;
 * whatever is read while there is doubt is analysed without that part, so that less is proven. Doubts are lifted when the
 * server is quiet, before the next message is read: the server is asked for its settings and names (`inspection.ts`), and
 * facts of the catalog that were put in doubt are waited for.
 *
 * Invariants:
 * - What is not certain is left out of the context. A doubt ends only by an answer that the server gave after everything
 *   that raised it had ended.
 * - In a transaction nothing is asked before it has run a query, since a question takes the snapshot; facts of the catalog
 *   that it put in doubt stay away until it ends, since only it could see them.
 * - Each wait ends by `contextDeadlineMs`; the session then goes on in doubt.
 * - The same text in the same context costs a look-up.
 *
 * Deliberately absent: what an analysis means for anybody (policy, masking).
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { type Effect, type Meaning, sqlOf } from '../../core/command.ts';
import type { RowEstimate } from '../../core/review.ts';
import type { Command } from '../../core/session.ts';
import {
  type Analysis,
  type AnalysisContext,
  type ColumnOrigin,
  type CursorText,
  createContext,
  isProvenRead,
  type PreparedText,
  resolvedBefore,
} from '../../language/index.ts';
import type { CatalogMember } from './catalog.ts';
import { Changes } from './context-changes.ts';
import {
  allDoubts,
  anotherTransaction,
  askable,
  catalogBits,
  encoding,
  everything,
  names,
  notesFor,
  objects,
  settings,
  snapshot,
  temporary,
  transactionEnd,
} from './context-notes.ts';
import type { Conversation } from './conversation.ts';
import { type EstimateValues, estimateObstacle, explainPrefix } from './estimate.ts';
import { inspectionName, type NamedText, type ServerContext } from './inspection.ts';
import * as limits from './limits.ts';
import type { Portal, Statement } from './statements.ts';

/** What is known of a text, as a draft takes it. */
export interface Understood {
  readonly effect: Effect;
  readonly meaning: Meaning | null;
  readonly context: Readonly<Record<string, string>>;
  /** The same by newer facts, as `CommandDraft.meaningNow`. */
  readonly meaningNow?: () => Promise<Meaning | null>;
  /** What its names were resolved in. */
  readonly within?: AnalysisContext;
}

/** Of what nothing is known. */
export const notUnderstood: Understood = Object.freeze({ effect: 'unknown', meaning: null, context: {} });

export interface ContextParts {
  readonly clock: Clock;
  readonly catalog: CatalogMember;
  /** What the server said at the start; null where it would not, and then it is not asked again. */
  readonly known: ServerContext | null;
  /** No message of the server is half read: what it sends next can be told apart. */
  readonly mayAsk: () => boolean;
  /** Sends the question about the session; `answered` follows. */
  readonly ask: () => void;
  /** The question was not answered in time. */
  readonly overdue: () => void;
  /** Reading may go on. */
  readonly resume: () => void;
}

export class SessionContext {
  readonly #parts: ContextParts;
  readonly #conversation: Conversation;
  #known: ServerContext | null;
  readonly #changes: Changes;
  readonly #prepared = new Map<string, PreparedText>();
  readonly #cursors = new Map<string, CursorText>();
  /** By statement of the protocol, the key of the context in which its names were resolved. */
  readonly #parsedIn = new WeakMap<Statement, string>();
  /** Bits of what cannot be relied on. */
  #doubt = 0;
  /** Bits of everything since the transaction began: in doubt again when it ends. */
  #sinceBegin = 0;
  /** Bits of what has ended on the server and was not passed on to the catalog yet. */
  #ended = 0;
  /** Kind of the only statement that put names in doubt, or null. */
  #namedBy: string | null = null;
  /** Something has to be looked at before the next message: false on the hot path. */
  #unsettled = true;
  #waiting = false;
  #asking = false;
  #gaveUp = false;
  #timer: Timer | null = null;
  /** Approved statements that wait for facts. */
  readonly #waiters: (() => void)[] = [];
  #hasLeft = false;
  #current: AnalysisContext | null = null;
  #record: Readonly<Record<string, string>> = {};

  constructor(conversation: Conversation, parts: ContextParts) {
    this.#conversation = conversation;
    this.#parts = parts;
    this.#known = parts.known;
    if (parts.known === null) this.#doubt = askable;
    parts.catalog.onChange = () => this.#catalogChanged();
    this.#changes = new Changes(conversation);
    parts.catalog.ownChanges = this.#changes;
  }

  /** Reading waits for what `waits` began. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** The question is on its way: what the server sends next is its answer. */
  get asking(): boolean {
    return this.#asking;
  }

  /** The context in which a statement that is read now will run. */
  get now(): AnalysisContext {
    this.#current ??= this.#build();
    return this.#current;
  }

  /** Counts changes of objects by other sessions, as they are sent. */
  get changes(): number {
    return this.#parts.catalog.changes;
  }

  /** The setting by which texts that are read now are split into words. */
  get standardConformingStrings(): boolean {
    return (this.#doubt & settings) === 0 && this.#conversation.standardConformingStrings;
  }

  // --- Understanding ------------------------------------------------------------------------------------------------

  /**
   * Analyses a text. `parameterTypes`: as Parse declared them. `within`: the context that its names were resolved in;
   * `strings`: the setting by which the server split it, where that is not the present one.
   */
  understand(
    text: string,
    parameterTypes: readonly number[] = [],
    within: AnalysisContext = this.now,
    strings: boolean = within.standardConformingStrings,
  ): Understood {
    const context =
      strings === within.standardConformingStrings
        ? within
        : createContext({ ...within, standardConformingStrings: strings });
    const analysis = this.#analyse(text, context);
    const { meaning, effect } = notesFor(analysis);
    const declared = parameterTypes.length > 0 && effect === 'read' && !isProvenRead(analysis, parameterTypes);
    return {
      meaning,
      effect: declared ? 'unknown' : effect,
      context: this.#described(),
      meaningNow: () => this.#meaningNow(text, context),
      within: context,
    };
  }

  /** As `CommandDraft.estimate`, for a command whose names were resolved in `within`. */
  async estimate(command: Command, within: AnalysisContext, values: EstimateValues): Promise<RowEstimate> {
    const { text, recordedText } = command.draft;
    const analysis = sqlOf(command.draft.meaning);
    const { catalog } = this.#parts;
    const { searchPath: path, standardConformingStrings, clientEncoding } = within;
    if (analysis === null || path === null || !standardConformingStrings || clientEncoding !== 'UTF8') {
      return { rows: null, why: 'its session is not known' };
    }
    if (text !== recordedText) return { rows: null, why: 'its text holds a password' };
    const obstacle = estimateObstacle(analysis, catalog.cache.analyse(explainPrefix + text, within));
    return obstacle === null ? catalog.estimate(command, path, values) : { rows: null, why: obstacle };
  }

  /** Without facts where others are changing what it names (context-changes.ts). */
  #analyse(text: string, context: AnalysisContext): Analysis {
    const { catalog } = this.#parts;
    const analysis = catalog.cache.analyse(text, context);
    if (context.catalog === null || !catalog.isChanging(analysis)) return analysis;
    return catalog.cache.analyse(text, createContext({ ...context, catalog: null }));
  }

  /** A-REV-03: what the text means in `before` by what the catalog has now. */
  async #meaningNow(text: string, before: AnalysisContext): Promise<Meaning | null> {
    const { catalog, clock } = this.#parts;
    // Without facts it proved nothing then, and needs none now.
    if (before.catalog === null) return notesFor(catalog.cache.analyse(text, before)).meaning;
    catalog.doubt(false);
    let isLate = false;
    const timer = clock.after(limits.contextDeadlineMs, () => {
      isLate = true;
      this.#tellWaiters();
    });
    while (catalog.facts === null && catalog.isPending && !isLate && !this.#hasLeft) {
      await new Promise<void>((resolve) => void this.#waiters.push(resolve));
    }
    timer.cancel();
    const context = createContext({ ...before, catalog: catalog.facts });
    return notesFor(this.#analyse(text, context)).meaning;
  }

  #described(): Readonly<Record<string, string>> {
    this.#current ??= this.#build();
    return this.#record;
  }

  /** A Parse was read: its names are resolved as of now, once, for every Execute of it. */
  parsed(statement: Statement): void {
    this.#parsedIn.set(statement, this.now.key);
  }

  /**
   * The context for running a prepared statement: where anything has changed since its Parse, its names may mean what they
   * meant then or what they mean now (A-PG-17).
   */
  asPrepared(statement: Statement | null, within: AnalysisContext): AnalysisContext {
    const isSame = statement !== null && this.#parsedIn.get(statement) === within.key;
    return isSame ? within : resolvedBefore(within);
  }

  /** For an Execute of a portal that was bound in another context: what both of them leave certain. */
  between(bound: AnalysisContext): AnalysisContext {
    const now = this.now;
    if (bound === now || bound.key === now.key) return now;
    return createContext({
      ...now,
      catalog: bound.catalog === now.catalog ? now.catalog : null,
      searchPath: null,
      temporary: 'unknown',
    });
  }

  /** The column that a RowDescription points at, by the facts; null where they do not have it. */
  originOf(tableOid: number, attribute: number): ColumnOrigin | null {
    // Facts that are in doubt still name what they named: one look too many masks more, not less.
    const relation = this.#parts.catalog.lastFacts?.relations.get(tableOid);
    const column = relation?.columns.find(({ attnum }) => attnum === attribute);
    if (relation === undefined || column === undefined) return null;
    return { schema: relation.schema, relation: relation.name, column: column.name };
  }

  // --- Doubts -------------------------------------------------------------------------------------------------------

  /** A command that runs this text was submitted: what is read from here on can no longer rely on what it changes. */
  submitted(meaning: Meaning | null, running: Portal | null = null): void {
    const sql = sqlOf(meaning);
    let bits = sql === null ? everything : notesFor(sql).bits;
    if (bits === 0) return;
    // A-PG-17: what is behind a name of the protocol's may be another thing from here on; portals that a part of a
    // transaction leaves behind are the server's to tell.
    if ((bits & (names | transactionEnd)) !== 0) {
      // A transaction's end changes no prepared statement: SQL's PREPARE and DEALLOCATE are not taken back.
      if ((bits & names) !== 0) this.#conversation.statements.doubtNames();
      const some = this.#conversation.statements.forgetPortals(running);
      if (some && (bits & anotherTransaction) === 0) bits |= names;
    }
    this.#sinceBegin |= bits;
    if ((bits & anotherTransaction) !== 0) this.#sinceBegin &= ~snapshot;
    let doubt = bits & allDoubts;
    if ((bits & transactionEnd) !== 0) {
      doubt |= this.#sinceBegin & allDoubts;
      if (this.#cursors.size > 0) doubt |= names;
    }
    if ((doubt & objects) !== 0) {
      this.#parts.catalog.changing();
      if ((bits & objects) !== 0) this.#changes.add(meaning);
    }
    if (doubt === 0) return;
    if ((doubt & names) !== 0) {
      const only = (this.#doubt & names) === 0 && sql?.statements.length === 1;
      this.#namedBy = only ? sql.statements[0]!.kind : null;
    }
    this.#raise(doubt);
  }

  /** The protocol takes or frees a name: what SQL had under it is not certain any more. */
  nameTaken(target: 'statement' | 'portal', name: string): void {
    const had = target === 'statement' ? this.#prepared.delete(name) : this.#cursors.delete(name);
    if (had) this.#current = null;
  }

  /** The command of this text has ended on the server. One statement that `failed` has changed nothing. */
  commandEnded(meaning: Meaning | null, failed: boolean): void {
    const sql = sqlOf(meaning);
    if (failed && sql !== null && sql.statements.length < 2) return;
    this.#ended |= (sql === null ? everything : notesFor(sql).bits) & catalogBits;
  }

  /** ReadyForQuery: what has ended outside a transaction is there for everyone to see. */
  ready(): void {
    const { status, owed, queued } = this.#conversation;
    if (status !== 'I') return;
    const changed = this.#ended;
    this.#ended = 0;
    if (owed === 0 && queued === 0) this.#sinceBegin = 0;
    if ((changed & catalogBits) === 0) return;
    this.#unsettled = true;
    this.#parts.catalog.doubt((changed & objects) !== 0);
  }

  /** ParameterStatus. */
  parameterChanged(name: string): void {
    // Reported from PostgreSQL 18 on, and by some before: the role as far as it shows.
    if (name === 'search_path' || name === 'session_authorization' || name === 'is_superuser') this.#raise(settings);
    if (name === 'standard_conforming_strings' || name === 'client_encoding') this.#current = null;
  }

  #raise(doubt: number): void {
    this.#unsettled = true;
    if ((this.#doubt & doubt) === doubt) return;
    this.#doubt |= doubt;
    this.#current = null;
  }

  // --- Waiting ------------------------------------------------------------------------------------------------------

  /**
   * To be asked before a message is read: whether it has to wait until the context is known again. Then `resume` follows.
   * Where the server is busy nothing is waited for, since it may be busy with what only that message can end.
   */
  waits(): boolean {
    if (!this.#unsettled || this.#waiting) return this.#waiting;
    const conversation = this.#conversation;
    if (conversation.owed > 0 || conversation.queued > 0 || conversation.unsynced > 0) return false;
    if (conversation.status === 'E' || conversation.copyIn !== null || conversation.skipping) return false;
    const isIdle = conversation.status === 'I';
    // The server has said by ParameterStatus what it uses now.
    if ((this.#doubt & encoding) !== 0) this.#lift(encoding);
    // A question within a transaction that has no snapshot yet would take it.
    const hasSnapshot = isIdle || (this.#sinceBegin & snapshot) !== 0;
    if ((this.#doubt & askable) !== 0 && this.#known !== null && hasSnapshot && this.#parts.mayAsk()) {
      this.#asking = true;
      this.#wait();
      this.#parts.ask();
      return true;
    }
    if (isIdle) {
      this.#sinceBegin = 0;
      if ((this.#doubt & catalogBits) !== 0) this.#lift(catalogBits);
    } else if ((this.#doubt & catalogBits) !== 0) return false;
    const { facts, isPending } = this.#parts.catalog;
    if (facts === null && isPending && !this.#gaveUp) {
      this.#wait();
      return true;
    }
    this.#unsettled = this.#doubt !== 0;
    return false;
  }

  /** The server has answered; null where it would not, and then it is not asked again. */
  answered(known: ServerContext | null): void {
    this.#asking = false;
    this.#known = known;
    if (known !== null) {
      this.#learn(known);
      this.#lift(askable);
    }
    this.#go();
  }

  /** The session is over. What it changed and nobody knows of yet is made known. */
  leave(): void {
    this.#timer?.cancel();
    this.#hasLeft = true;
    this.#tellWaiters();
    if (((this.#ended | this.#sinceBegin) & catalogBits) !== 0) {
      this.#parts.catalog.doubt(((this.#ended | this.#sinceBegin) & objects) !== 0);
    }
    this.#parts.catalog.onChange = () => undefined;
    this.#parts.catalog.leave();
  }

  #wait(): void {
    this.#waiting = true;
    // An answer that is owed must come: nothing may be sent as if it had. Facts are merely missed.
    const deadlineMs = this.#asking ? limits.inspectionDeadlineMs : limits.contextDeadlineMs;
    this.#timer = this.#parts.clock.after(deadlineMs, () => {
      this.#timer = null;
      if (this.#asking) return this.#parts.overdue();
      this.#gaveUp = true;
      this.#go();
    });
  }

  #go(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#parts.resume();
  }

  #tellWaiters(): void {
    for (const tell of this.#waiters.splice(0)) tell();
  }

  #catalogChanged(): void {
    this.#tellWaiters();
    this.#current = null;
    this.#unsettled = true;
    const { facts, isPending } = this.#parts.catalog;
    if (facts !== null) this.#gaveUp = false;
    if (this.#waiting && !this.#asking && (facts !== null || !isPending)) this.#go();
  }

  #lift(doubt: number): void {
    this.#doubt &= ~doubt;
    this.#current = null;
  }

  // --- The context --------------------------------------------------------------------------------------------------

  #build(): AnalysisContext {
    const doubt = this.#doubt;
    const known = this.#known;
    const certain = (doubt & settings) === 0 ? known : null;
    this.#record = Object.freeze({
      ...(known === null ? {} : { database: known.database }),
      ...(certain === null ? {} : recordOf(certain)),
    });
    return createContext({
      catalog: (doubt & catalogBits) === 0 ? this.#parts.catalog.facts : null,
      searchPath: certain?.searchPath ?? null,
      temporary: (doubt & temporary) === 0 && known !== null ? known.temporary : 'unknown',
      standardConformingStrings: this.standardConformingStrings,
      clientEncoding: (doubt & encoding) === 0 ? 'UTF8' : 'unknown',
      prepared: (doubt & names) === 0 ? this.#prepared : new Map(),
      cursors: (doubt & names) === 0 ? this.#cursors : new Map(),
    });
  }

  /** Takes over the names that SQL made. */
  #learn(known: ServerContext): void {
    if ((this.#doubt & names) === 0) return;
    // Where not all of the names are known, any statement may have gone.
    if (known.prepared !== null) this.#conversation.statements.namesTold();
    this.#prepared.clear();
    for (const { name, text, parameterTypes } of known.prepared ?? []) {
      // SQL took a name that the protocol had: what the protocol prepared under it is gone.
      this.#conversation.statements.close(name);
      if (text !== null) this.#prepared.set(name, this.#textOf({ text, parameterTypes }));
    }
    const before = new Map(this.#cursors);
    this.#cursors.clear();
    for (const cursor of known.cursors ?? []) {
      const { name, text } = cursor;
      if (text === null || name === inspectionName) continue;
      const old = before.get(name);
      if (old !== undefined && old.text === text && this.#namedBy === 'declare-cursor') {
        this.#cursors.set(name, old);
        continue;
      }
      this.#cursors.set(name, {
        ...this.#textOf(cursor as { text: string } & NamedText),
        context: this.#declared(known),
      });
    }
  }

  /** The context that a new cursor was declared in: the present one where nothing but its DECLARE came between. */
  #declared(known: ServerContext): AnalysisContext {
    const certain = this.#namedBy === 'declare-cursor' && (this.#doubt & settings) === 0;
    return createContext({
      catalog: (this.#doubt & catalogBits) === 0 ? this.#parts.catalog.facts : null,
      searchPath: certain ? known.searchPath : null,
      temporary: certain ? known.temporary : 'unknown',
      standardConformingStrings: this.standardConformingStrings,
    });
  }

  #textOf({ text, parameterTypes }: { text: string; parameterTypes: readonly number[] }): PreparedText {
    return { text, parameterTypes, standardConformingStrings: this.standardConformingStrings };
  }
}

function recordOf(known: ServerContext): Record<string, string> {
  return {
    role: known.role,
    session_user: known.sessionUser,
    search_path: known.searchPath.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(', '),
  };
}
