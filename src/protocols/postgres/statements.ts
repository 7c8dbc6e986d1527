/**
 * Which SQL an Execute runs: the prepared statements and portals of one session, as the server has them.
 *
 * Every Execute is judged with the text of its Parse (A-PG-17), so this table must never be talked into a text that the
 * server does not run. A Parse fails where the name is taken, and is skipped after an error: hence a Parse only proposes
 * a text, ParseComplete makes it current, and an error takes it back. An Execute that is read while the outcome of a
 * Parse of an earlier segment is open is judged with every text that could be meant.
 *
 * SQL has the same names: DEALLOCATE and PREPARE, CLOSE and DECLARE, ROLLBACK TO can give a name another meaning behind
 * the protocol's back. Once one of them was read, a statement is judged as what SQL may have prepared under its name as
 * well, until the server has told; a portal is forgotten, and an Execute of it is judged as the FETCH that it equals.
 *
 * Invariants: bounded in number and in bytes of text; beyond, Parse is refused rather than forgotten.
 *
 * Deliberately absent: statements that SQL makes (PREPARE, DECLARE CURSOR): their text was judged when it passed, and an
 * Execute of one is judged as the EXECUTE or FETCH that it equals.
 * Source: PostgreSQL documentation, chapter 54.2.3 "Extended Query".
 */
import type { Parameter } from '../../core/command.ts';
import type { Column } from '../../core/recording.ts';
import type { AnalysisContext } from '../../language/index.ts';
import * as limits from './limits.ts';
import type { Field } from './messages.ts';

export class Statement {
  readonly name: string;
  readonly text: string;
  /** From Parse, replaced by what ParameterDescription says. */
  parameterTypes: readonly number[];
  /** Counts the Syncs and Queries before it. */
  readonly segment: number;
  /** `standard_conforming_strings` as of its Parse, by which the server split it. */
  readonly strings: boolean;
  /** Ordinal of the Parse. */
  ordinal = 0;
  /** Counts the times that SQL may have changed what names mean, before it. */
  readonly epoch: number;
  /** From RowDescription of a Describe of the statement; formats are not known there. */
  columns: readonly Column[] | null = null;
  /** The same as it came, for masks. */
  fields: readonly Field[] | null = null;

  constructor(
    name: string,
    text: string,
    parameterTypes: readonly number[],
    at: { readonly segment: number; readonly epoch: number },
    strings: boolean,
  ) {
    this.name = name;
    this.text = text;
    this.parameterTypes = parameterTypes;
    this.segment = at.segment;
    this.epoch = at.epoch;
    this.strings = strings;
  }
}

export interface Portal {
  readonly statement: Statement | null;
  /** What an Execute of it runs, as it is judged. */
  readonly text: string;
  /** How the server split the text; null where it will be split when it runs. */
  readonly strings: boolean | null;
  /** The context that its names were resolved in. */
  readonly context: AnalysisContext | null;
  readonly parameters: readonly Parameter[] | null;
  readonly resultFormats: readonly number[];
  /** Counts the Syncs and Queries before its Bind. */
  readonly segment: number;
  /** BindComplete came: the server has it. */
  isBound: boolean;
  /** From RowDescription of a Describe of the portal. */
  columns: readonly Column[] | null;
  /** The same as it came, for masks. */
  fields?: readonly Field[] | null;
}

interface Slot {
  current: Statement | null;
  /** Parsed by the client, not yet answered by the server; oldest first. */
  proposed: Statement[];
}

export class Statements {
  readonly #slots = new Map<string, Slot>();
  readonly #portals = new Map<string, Portal>();
  #textBytes = 0;
  #segment = 0;
  /** Counts the times that SQL may have changed what names mean, and up to which of them the server has told. */
  #epoch = 0;
  #settledEpoch = 0;

  get textBytes(): number {
    return this.#textBytes;
  }

  /** A Sync or Query was read: what follows no longer depends on what came before having succeeded. */
  nextSegment(): void {
    this.#segment++;
  }

  /** The server may have a statement of this name. */
  has(name: string): boolean {
    return this.#slots.has(name);
  }

  /** A Parse was read. Null when the session has too many statements. */
  propose(name: string, text: string, parameterTypes: readonly number[], strings = true): Statement | null {
    let slot = this.#slots.get(name);
    const full = this.#slots.size >= limits.statementsMax && slot === undefined;
    if (full || this.#textBytes + text.length > limits.statementTextBytesMax) return null;
    if (slot === undefined) {
      slot = { current: null, proposed: [] };
      this.#slots.set(name, slot);
    }
    const statement = new Statement(
      name,
      text,
      parameterTypes,
      { segment: this.#segment, epoch: this.#epoch },
      strings,
    );
    slot.proposed.push(statement);
    this.#textBytes += text.length;
    return statement;
  }

  /** ParseComplete: the proposal is what the server has. */
  accept(statement: Statement): void {
    const slot = this.#slots.get(statement.name);
    if (slot === undefined) return;
    this.#remove(slot, statement);
    if (slot.current !== null) this.#textBytes -= slot.current.text.length;
    slot.current = statement;
  }

  /** The Parse failed, was skipped, or was refused: what the server had, it still has. */
  discard(statement: Statement): void {
    const slot = this.#slots.get(statement.name);
    if (slot === undefined || !this.#remove(slot, statement)) return;
    this.#textBytes -= statement.text.length;
    this.#prune(statement.name, slot);
  }

  /** CloseComplete, or a DEALLOCATE of exactly this name. */
  close(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined || slot.current === null) return;
    this.#textBytes -= slot.current.text.length;
    slot.current = null;
    this.#prune(name, slot);
  }

  /** DEALLOCATE ALL, DISCARD ALL. */
  closeAll(): void {
    for (const name of [...this.#slots.keys()]) this.close(name);
  }

  /** The statement that a Describe or Bind read now is about, if there is exactly one that it can be. */
  find(name: string): Statement | null {
    const slot = this.#slots.get(name);
    if (slot === undefined) return null;
    return slot.proposed[slot.proposed.length - 1] ?? slot.current;
  }

  /** A Bind was read. */
  bind(
    portal: string,
    statementName: string,
    parameters: readonly Parameter[] | null,
    formats: readonly number[],
    context: AnalysisContext | null = null,
  ): Portal | null {
    if (this.#portals.size >= limits.portalsMax && !this.#portals.has(portal)) return null;
    const texts = this.#textsOf(statementName);
    // What SQL prepared runs as EXECUTE does; the name is quoted as SQL would have it.
    const bySql = texts.length === 0 || this.#isDoubtful(statementName, texts);
    const made: Portal = {
      statement: this.find(statementName),
      text: joined([...texts.map(({ text }) => text), ...(bySql ? [`EXECUTE ${quoteIdentifier(statementName)}`] : [])]),
      strings: texts.length === 0 ? null : texts.every(({ strings }) => strings),
      context,
      parameters,
      resultFormats: formats,
      segment: this.#segment,
      isBound: false,
      columns: null,
    };
    // A named portal is not replaced: where the server has it, this Bind fails. Which of the two it has is not certain.
    if (portal !== '' && this.#portals.has(portal)) this.#portals.delete(portal);
    else this.#portals.set(portal, made);
    return made;
  }

  /** The portal that an Execute read now runs; null where Bind made none of this name, or it is not certain. */
  portal(name: string): Portal | null {
    const portal = this.#portals.get(name);
    if (portal === undefined) return null;
    // In one segment an Execute runs only if the Bind before it succeeded. The unnamed portal is SQL's in no case: it is
    // this one, or what a ROLLBACK TO left of an earlier one, which is another doubt.
    return name === '' || portal.isBound || portal.segment === this.#segment ? portal : null;
  }

  /** The Bind failed, or was skipped. */
  unbind(portal: Portal): void {
    for (const [name, one] of this.#portals) if (one === portal) this.#portals.delete(name);
  }

  /** SQL that may give names of prepared statements to others was read. */
  doubtNames(): void {
    this.#epoch++;
  }

  /** SQL that may end portals was read. They are forgotten but `running`, which cannot end itself; whether there were any. */
  forgetPortals(running: Portal | null): boolean {
    let some = false;
    for (const [name, portal] of this.#portals) {
      if (portal === running) continue;
      this.#portals.delete(name);
      if (name !== '') some = true;
    }
    return some;
  }

  /** The server has told which names SQL has: those that are still here are the protocol's. */
  namesTold(): void {
    this.#settledEpoch = this.#epoch;
  }

  closePortal(name: string): void {
    this.#portals.delete(name);
  }

  /** No transaction is open and nothing is on its way: the server has no portals left that Bind made. */
  closePortals(): void {
    if (this.#portals.size > 0) this.#portals.clear();
  }

  /** Every statement that an Execute read now could run; none where the protocol prepared nothing of that name. */
  #textsOf(name: string): readonly Statement[] {
    const slot = this.#slots.get(name);
    if (slot === undefined) return [];
    const current = slot.current === null ? [] : [slot.current];
    const latest = slot.proposed[slot.proposed.length - 1];
    if (latest === undefined) return current;
    // In one segment an Execute runs only if the Parse before it succeeded.
    if (latest.segment === this.#segment) return [latest];
    return [...current, ...slot.proposed];
  }

  /** SQL may have given this name to a statement of its own since it was parsed. */
  #isDoubtful(name: string, texts: readonly Statement[]): boolean {
    if (name === '' || this.#settledEpoch === this.#epoch) return false;
    return texts.some(({ epoch }) => epoch < this.#epoch);
  }

  #remove(slot: Slot, statement: Statement): boolean {
    if (slot.proposed[0] === statement) {
      slot.proposed.shift();
      return true;
    }
    const index = slot.proposed.indexOf(statement);
    if (index < 0) return false;
    slot.proposed.splice(index, 1);
    return true;
  }

  #prune(name: string, slot: Slot): void {
    if (slot.current === null && slot.proposed.length === 0) this.#slots.delete(name);
  }
}

function joined(texts: readonly string[]): string {
  if (texts.length === 1) return texts[0]!;
  return [...new Set(texts)].join(';\n');
}

/** An identifier as SQL writes it. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
