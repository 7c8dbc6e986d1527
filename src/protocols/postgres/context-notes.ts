/**
 * What follows from an analysis for the session it is run in: its effect, and what it puts in doubt. Made once for each
 * analysis, which all sessions of a database share.
 *
 * Invariant: what was not understood puts everything in doubt.
 *
 * Deliberately absent: the context itself (context.ts).
 */
import type { Effect, Meaning } from '../../core/command.ts';
import { type Analysis, isProvenRead, staleAfter } from '../../language/index.ts';

// What a statement puts in doubt, as bits.
/** The search path, the role, and how strings are written. */
export const settings = 1;
/** Whether there are temporary objects. */
export const temporary = 2;
/** What SQL prepared, and cursors. */
export const names = 4;
export const encoding = 8;
/** Objects, by the statement itself or by something that was not understood. */
export const objects = 16;
/** Objects, perhaps, by code that stands in the database. */
export const objectsByCode = 32;
/** A transaction, or a part of one, ends. */
export const transactionEnd = 64;
/** No doubt, but a note: it ran a query, so a transaction has its snapshot. */
export const snapshot = 128;
/** No doubt, but a note: what follows is in another transaction, or in none. */
export const anotherTransaction = 256;

/** What the server can be asked for. */
export const askable = settings | temporary | names;
export const catalogBits = objects | objectsByCode;
export const allDoubts = askable | encoding | catalogBits;
export const everything = settings | temporary | names | encoding | objects | transactionEnd | snapshot;

export interface Notes {
  readonly meaning: Meaning;
  readonly effect: Effect;
  readonly bits: number;
}

const notesOf = new WeakMap<Analysis, Notes>();

export function notesFor(analysis: Analysis): Notes {
  let notes = notesOf.get(analysis);
  if (notes === undefined) {
    const effect = isProvenRead(analysis) ? 'read' : analysis.complete ? 'write' : 'unknown';
    notes = { meaning: { language: 'sql', sql: analysis }, effect, bits: bitsOf(analysis) };
    notesOf.set(analysis, notes);
  }
  return notes;
}

/** Statements that run without a snapshot: before a query of its own a transaction may still choose its isolation. */
const withoutSnapshot: readonly string[] = [
  ...['begin', 'commit', 'rollback', 'savepoint', 'rollback-to', 'prepare-transaction'],
  ...['set', 'reset', 'show', 'constraints', 'lock', 'fetch', 'listen', 'unlisten', 'notify', 'checkpoint'],
];
const endings: readonly string[] = ['commit', 'rollback', 'prepare-transaction'];

function bitsOf(analysis: Analysis): number {
  const { understood, statements } = analysis;
  // What the grammar does not know the server will most likely refuse, too: no reason for others to wait.
  if (analysis.unparsed !== null) return (everything & ~objects) | objectsByCode;
  if (!understood) return everything;
  const stale = staleAfter(analysis);
  let bits = 0;
  if (stale.settings) bits |= settings;
  if (stale.temporary) bits |= temporary;
  if (stale.prepared) bits |= names;
  if (stale.transactionEnd) bits |= transactionEnd;
  if (stale.catalog) bits |= stale.objects ? objects : objectsByCode;
  if (stale.encoding) bits |= encoding;
  if (statements.some(({ kind }) => !withoutSnapshot.includes(kind))) bits |= snapshot;
  if (statements.some(({ kind }) => endings.includes(kind))) bits |= anotherTransaction;
  return bits;
}
