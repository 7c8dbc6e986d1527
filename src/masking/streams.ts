/**
 * Masks of values that are too long to be held: all of it is overwritten, byte by byte.
 *
 * Invariants: what comes out is as long as what came in, whatever the pieces; it is valid text of the type where the type
 * has such a text at that length. A value of this length is text, JSON, bytes or a number; of the other types none is.
 */
import type { CellContext, MaskStream } from '../core/masking.ts';

const star = 0x2a;
const zero = 0x30;
const quote = 0x22;

/** Overwrites everything with what suits the type. */
export function fillStream(cell: CellContext): MaskStream {
  switch (cell.type) {
    case 'json':
      return jsonFill();
    case 'bytes':
      return bytesFill();
    case 'integer':
    case 'decimal':
    case 'float':
      return numberFill();
    default:
      return plainFill();
  }
}

/** The streams own their pieces, so they are overwritten in place. */
function plainFill(): MaskStream {
  return { push: (piece) => piece.fill(star) };
}

/** A sign and a point stay; all digits become zeros. PostgreSQL reads leading zeros. */
function numberFill(): MaskStream {
  let offset = 0;
  let pointed = false;
  return {
    push: (piece) => {
      for (let index = 0; index < piece.length; index++, offset++) {
        const byte = piece[index]!;
        if (byte === 0x2e && !pointed) pointed = true;
        else if (byte !== 0x2d || offset > 0) piece[index] = zero;
      }
      return piece;
    },
  };
}

/** A string of stars: the last byte is held back until it is known to be the last. */
function jsonFill(): MaskStream {
  let given = 0;
  let taken = 0;
  return {
    push: (piece, last) => {
      taken += piece.length;
      const out = Buffer.alloc((last ? taken : Math.max(taken - 1, given)) - given, star);
      if (given === 0 && out.length > 0) out[0] = quote;
      given += out.length;
      if (last && out.length > 0) out[out.length - 1] = taken === 1 ? zero : quote;
      return out;
    },
  };
}

/** `\x` and zeros; a value in the older escape format becomes stars. Two bytes tell which it is. */
function bytesFill(): MaskStream {
  let head: Buffer | null = Buffer.alloc(0);
  let byte = star;
  return {
    push: (piece, last) => {
      if (head === null) return piece.fill(byte);
      const all = Buffer.concat([head, piece]);
      if (all.length < 2 && !last) {
        head = all;
        return Buffer.alloc(0);
      }
      head = null;
      const hex = all.length >= 2 && all[0] === 0x5c && all[1] === 0x78;
      byte = hex ? zero : star;
      return all.fill(byte, hex ? 2 : 0);
    },
  };
}
