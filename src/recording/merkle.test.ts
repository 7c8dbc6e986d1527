import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestToHex, MerkleTree } from './merkle.ts';

const sha = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 9162 section 2.1.1, as it is written there. */
function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Buffer.of(0), leaves[0]!);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha(Buffer.of(1), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

test('the root is that of RFC 9162 at every size, also after restoring the compact range', () => {
  const leaves: Buffer[] = [];
  let tree = new MerkleTree();
  for (let size = 0; size < 130; size++) {
    expect(digestToHex(tree.root())).toBe(rootOf(leaves).toString('hex'));
    tree = MerkleTree.restore(tree.size, tree.range);
    const leaf = Buffer.from(`event ${size}`);
    leaves.push(leaf);
    tree.push(Buffer.concat([Buffer.of(0), leaf]));
  }
});

test('a range that does not fit the size is refused', () => {
  expect(() => MerkleTree.restore(3, ['x'.repeat(32)])).toThrow(RangeError);
  expect(() => MerkleTree.restore(1, ['x'.repeat(31)])).toThrow(RangeError);
});
