/**
 * Checkpoints that were kept outside the gateway's reach, and what they say of a journal that is being verified.
 *
 * Each is compared with the journal's own tree at its size. `consistent`: the journal holds what the witness saw, and the
 * checkpoint itself. `rolled-back`: it ends before. `forked`: it says something else at that size, or never signed this.
 * Where the journal is forked, the first other event lies behind the largest witness that is consistent, if there is one.
 *
 * Deliberately absent: how checkpoints reach a witness and are fetched from it.
 */
import type { KeyObject } from 'node:crypto';
import { isGatewayError } from '../base/errors.ts';
import { isSignedBy, type ParsedCheckpoint, parseCheckpoint } from './checkpoint.ts';
import type { Digest } from './merkle.ts';
import type { Problem, Problems } from './verify-report.ts';

/** One or more checkpoints as text, one after the other, and the name by which to speak of them. */
export interface Witness {
  readonly name: string;
  readonly text: string;
  /** From a place where those of several journals may lie: those of another are passed over. */
  readonly isShared?: boolean;
}

export type WitnessStanding =
  | 'consistent'
  | 'rolled-back'
  | 'forked'
  /** It is no checkpoint, is of another journal, or is not signed by a key that was given. */
  | 'unusable'
  /** Of another journal, from a place where such may lie. */
  | 'foreign'
  /** The journal breaks off before. */
  | 'unreached';

export interface WitnessReport {
  readonly name: string;
  readonly standing: WitnessStanding;
  /** Events it covers; null where it could not be read. */
  readonly size: number | null;
  readonly atMs: number | null;
  /** Of a forked one: the first event that differs lies from here … */
  readonly divergesFrom: number | null;
  /** … to here. Of one that was rolled back both name the first event that is missing, or the range of those. */
  readonly divergesTo: number | null;
}

interface Held {
  readonly name: string;
  readonly checkpoint: ParsedCheckpoint | null;
  readonly isShared: boolean;
  readonly isSigned: boolean;
  standing: WitnessStanding | null;
  isHeld: boolean;
}

/** The checkpoints of a text in which several may follow each other. */
export function splitCheckpoints(text: string): string[] {
  const pieces = text.split(/(?<=\n)(?=sallyport\.journal\/[0-9a-f]{32}\n\d+\n)/);
  return pieces.filter((piece) => piece.trim() !== '');
}

export class Witnesses {
  readonly #problems: Problems;
  readonly #held: Held[] = [];
  /** Those whose size the tree has not reached, smallest first. */
  readonly #waiting: Held[] = [];
  readonly #byText = new Map<string, Held[]>();

  constructor(witnesses: readonly Witness[], keys: readonly KeyObject[], problems: Problems) {
    this.#problems = problems;
    for (const { name, text, isShared = false } of witnesses) {
      const pieces = splitCheckpoints(text);
      for (const [index, piece] of (pieces.length === 0 ? [text] : pieces).entries()) {
        this.#add(index === 0 ? name : `${name} (${index + 1})`, piece, isShared, keys);
      }
    }
    this.#waiting.sort((a, b) => a.checkpoint!.size - b.checkpoint!.size);
  }

  /** The size at which `reached` wants to be called next; −1 where it does not. */
  get next(): number {
    return this.#waiting[0]?.checkpoint?.size ?? -1;
  }

  /** The tree has the size `next`. */
  reached(origin: string, root: Digest, file: string): void {
    const size = this.next;
    while (this.#waiting[0]?.checkpoint?.size === size) {
      const held = this.#waiting.shift()!;
      const { checkpoint } = held;
      if (!held.isSigned || checkpoint?.root === root || checkpoint?.origin !== origin) continue;
      held.standing = 'forked';
      const text = `The first ${size} events are not those that ${held.name} was made of: the journal was rewritten.`;
      this.#report(held, { code: 'rewritten', sequence: size, file, text });
    }
  }

  /** A checkpoint that the journal holds. */
  holds(text: string): void {
    for (const held of this.#byText.get(text) ?? []) held.isHeld = true;
  }

  /** The journal was read to its end. Where it broke off before, `isWhole` is false and nothing more is said. */
  finish(origin: string | null, size: number, isWhole: boolean): void {
    if (!isWhole) return;
    for (const held of this.#held) {
      const { checkpoint, name } = held;
      if (held.standing !== null || checkpoint === null) continue;
      if (origin !== null && checkpoint.origin !== origin) {
        held.standing = held.isShared ? 'foreign' : 'unusable';
        if (held.isShared) continue;
        this.#report(held, { code: 'checkpoint-given', text: `${capital(name)} is of another journal.` });
      } else if (!held.isSigned) this.#refuseUnsigned(held);
      else if (checkpoint.size > size) {
        held.standing = 'rolled-back';
        const text = `The journal ends with event ${size}; ${name} covers ${checkpoint.size}: ${checkpoint.size - size} events at its end are missing.`;
        this.#report(held, { code: 'missing-tail', sequence: size + 1, text });
      } else if (!held.isHeld) {
        held.standing = 'forked';
        this.#report(held, {
          code: 'rewritten',
          sequence: checkpoint.size,
          text: `The journal does not hold ${name}: it was written anew.`,
        });
      } else held.standing = 'consistent';
    }
    // A journal that was begun anew is another one: nobody who watched the first has seen anything of it.
    const foreign = this.#held.find(({ standing }) => standing === 'foreign');
    const isAlone = this.#held.every(({ standing }) => standing === 'foreign' || standing === 'unusable');
    if (foreign === undefined || !isAlone) return;
    this.#report(foreign, {
      code: 'checkpoint-given',
      text: 'None of the checkpoints kept elsewhere is of this journal.',
    });
  }

  /** What stands of each, once everything was read. `size` is that of the journal. */
  reports(size: number): WitnessReport[] {
    const consistent = this.#held
      .flatMap(({ standing, checkpoint }) => (standing === 'consistent' ? [checkpoint!.size] : []))
      .sort((a, b) => a - b);
    return this.#held.map((held) => {
      const standing = held.standing ?? 'unreached';
      const [divergesFrom, divergesTo] = divergence(held, size, consistent);
      const { checkpoint } = held;
      return {
        name: held.name,
        standing,
        size: checkpoint?.size ?? null,
        atMs: checkpoint?.atMs ?? null,
        divergesFrom,
        divergesTo,
      };
    });
  }

  #add(name: string, text: string, isShared: boolean, keys: readonly KeyObject[]): void {
    const read = readCheckpoint(text);
    const checkpoint = typeof read === 'string' ? null : read;
    const isSigned = checkpoint !== null && isSignedBy(checkpoint, keys);
    const held: Held = { name, checkpoint, isShared, isSigned, standing: null, isHeld: false };
    this.#held.push(held);
    if (typeof read === 'string') {
      held.standing = 'unusable';
      this.#report(held, { code: 'checkpoint-given', text: `${capital(name)} cannot be used: ${read}` });
      return;
    }
    this.#waiting.push(held);
    const same = this.#byText.get(read.text);
    if (same === undefined) this.#byText.set(read.text, [held]);
    else same.push(held);
    // Other journals are signed by other keys: of those that may be of another it shows once this one's name is known.
    if (!isSigned && !isShared) this.#refuseUnsigned(held);
  }

  #refuseUnsigned(held: Held): void {
    held.standing = 'unusable';
    this.#report(held, { code: 'signature', text: `${capital(held.name)} is not signed by the key given.` });
  }

  #report(held: Held, problem: Omit<Problem, 'where'>): void {
    this.#problems.add({ where: 'external', witness: held.name, ...problem });
  }
}

/** Between which events the journal and the witness part; `consistent` are the sizes at which others agree, ascending. */
function divergence(
  { checkpoint, standing }: Held,
  size: number,
  consistent: readonly number[],
): [number | null, number | null] {
  if (checkpoint === null) return [null, null];
  if (standing === 'rolled-back') return [size + 1, checkpoint.size];
  if (standing !== 'forked') return [null, null];
  return [(consistent.findLast((other) => other < checkpoint.size) ?? 0) + 1, checkpoint.size];
}

/** The checkpoint, or why it is none. */
function readCheckpoint(text: string): ParsedCheckpoint | string {
  try {
    return parseCheckpoint(text);
  } catch (error) {
    if (isGatewayError(error)) return error.publicMessage;
    throw error;
  }
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
