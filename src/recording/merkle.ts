/**
 * The Merkle tree over all events, as RFC 9162 section 2.1 defines it: leaf = SHA-256(0x00 ‖ payload),
 * node = SHA-256(0x01 ‖ left ‖ right).
 *
 * Only the compact range is kept: one hash per bit that is set in the size, at most 53 of them.
 * Hashes travel as Latin-1 strings of 32 characters: for inputs this small, making a Buffer for each digest costs three
 * times the digest itself.
 * Deliberately absent: inclusion proofs. What is stored suffices to make them later.
 */
import { hash } from 'node:crypto';

/** 32 bytes as a Latin-1 string. */
export type Digest = string;

export const digestBytes = 32;

/** SHA-256 of `view`. */
export function digestOf(view: Uint8Array): Digest {
  return hash('sha256', view, 'binary');
}

export function digestToHex(digest: Digest): string {
  return Buffer.from(digest, 'latin1').toString('hex');
}

export function digestFromHex(text: string): Digest {
  return Buffer.from(text, 'hex').toString('latin1');
}

const pair = Buffer.alloc(1 + 2 * digestBytes);
pair[0] = 1;

function nodeOf(left: Digest, right: Digest): Digest {
  pair.write(left, 1, digestBytes, 'latin1');
  pair.write(right, 1 + digestBytes, digestBytes, 'latin1');
  return hash('sha256', pair, 'binary');
}

export class MerkleTree {
  #size = 0;
  /** Complete subtrees from the largest (left) to the smallest (right). */
  #range: Digest[] = [];

  static restore(size: number, range: readonly Digest[]): MerkleTree {
    const tree = new MerkleTree();
    if (range.length !== onesIn(size) || range.some((digest) => digest.length !== digestBytes)) {
      throw new RangeError('the compact range does not fit the size of the tree');
    }
    tree.#size = size;
    tree.#range = [...range];
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** The compact range, largest subtree first. */
  get range(): readonly Digest[] {
    return this.#range;
  }

  /** Adds the leaf of `view`, which must begin with the zero byte of RFC 9162. */
  push(view: Uint8Array): void {
    this.pushDigest(hash('sha256', view, 'binary'));
  }

  /** Adds the leaf of which only the digest is left. */
  pushDigest(leaf: Digest): void {
    let node = leaf;
    // Each trailing one bit of the size is a complete subtree to the left that this one completes to a larger one.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) node = nodeOf(this.#range.pop()!, node);
    this.#range.push(node);
    this.#size++;
  }

  root(): Digest {
    if (this.#range.length === 0) return digestOf(Buffer.alloc(0));
    let at = this.#range.length - 1;
    let node = this.#range[at]!;
    while (--at >= 0) node = nodeOf(this.#range[at]!, node);
    return node;
  }
}

function onesIn(value: number): number {
  let count = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
