/**
 * Verification of what was pruned: the journal says so of every pruned segment, and what it says was pruned is gone.
 * That the digests which are left are the right ones is for the tree's root to say (verify.ts).
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PrunedRange } from './prune.ts';
import { journalNote, pendingDirectory } from './removal.ts';
import { prunedName, segmentName, segmentNamePattern } from './segment.ts';
import { readBeginning } from './tracker.ts';
import type { Problems } from './verify-report.ts';

export class PruningVerifier {
  /** Events of which only the digest is left. */
  events = 0;
  readonly #dir: string;
  readonly #problems: Problems;
  readonly #segments: PrunedRange[] = [];
  readonly #said: PrunedRange[] = [];

  constructor(dir: string, problems: Problems) {
    this.#dir = dir;
    this.#problems = problems;
  }

  /** Whether an event whose type begins with this byte can concern pruning. */
  static mayConcern(initial: number): boolean {
    return initial === 0x6a; // j
  }

  takeSegment(from: number, to: number): void {
    this.#segments.push({ from, to });
  }

  /** Takes an event of the journal. */
  take(leaf: Buffer): void {
    if (readBeginning(leaf)?.type !== 'journal.pruned') return;
    const { from, to } = JSON.parse(leaf.toString('utf8', 1)) as PrunedRange;
    this.#said.push({ from, to });
  }

  finish(): void {
    for (const { from, to } of this.#segments) {
      if (this.#said.some((range) => range.from <= from && to <= range.to)) continue;
      const text = `Events ${from} to ${to} are gone but for their digests, and the journal does not say that they were pruned.`;
      this.#problems.add({ code: 'pruned', where: 'segment', file: prunedName(from), sequence: from, text });
    }
    // The next start finishes what a crash cut off.
    if (existsSync(join(this.#dir, pendingDirectory, journalNote))) return;
    const directory = join(this.#dir, 'journal');
    for (const name of readdirSync(directory)) {
      const [, digits, kind] = segmentNamePattern.exec(name) ?? [];
      if (kind !== 'seg') continue;
      const first = Number(digits);
      const isDoubled = existsSync(join(directory, prunedName(first)));
      if (!isDoubled && !this.#said.some(({ from, to }) => from <= first && first <= to)) continue;
      const text = `The events from ${first} on were pruned, and are still there.`;
      this.#problems.add({ code: 'pruned', where: 'segment', file: segmentName(first), sequence: first, text });
    }
  }
}
