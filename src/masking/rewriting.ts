/**
 * Whole rows masked in WebAssembly (marks.as, `rewrite`), for what is commonest: text in which there are at most e-mail
 * addresses and cards, both redacted. Here is what it must know of the detectors that are on.
 *
 * Invariant: what it decides is what bulk.ts decides value by value (bulk.test.ts compares the two); anything else it
 * leaves to bulk.ts.
 *
 * Deliberately absent: numbers beside cards, other methods than `redact`, columns whose names speak for or against something.
 */
import type { BulkRows, CellContext, ValueSink } from '../core/masking.ts';
import { classes, fileNames, type LayoutNode, sizes } from './detectors/bytes.ts';
import { hintGroups } from './hints.ts';
import * as limits from './limits.ts';
import {
  hintWords,
  layoutNodesMax,
  rewriteRows,
  rewrittenColumnsMax,
  rewrittenTo,
  rowColumns,
  setRewriting,
  takeRewritten,
} from './marks.ts';

/** What is known when the detectors are. */
export interface RewritingOf {
  readonly wanted: number;
  readonly textual: number;
  readonly numeric: number;
  readonly tokenHints: number;
  readonly hasEmail: boolean;
  readonly hasPhone: boolean;
  readonly hasEntropy: boolean;
  readonly layouts: LayoutNode | null;
  /** Longest value that is looked through, bytes. */
  readonly valueBytesMax: number;
  isRedacted(by: 'email' | 'credit_card'): boolean;
}

/** How a column is treated: numbers of marks.as. */
const how = { passes: 0, looks: 1, stops: 2 } as const;

/** Of a node's rules: no more than one of cards, strong or medium, or others. */
const ruled = { nothing: 0, strong: 1, medium: 2, otherwise: 3 } as const;

const settingsBytes = { numbers: 64, triples: 96, classes: 256, endings: 160 } as const;
const nodeBytes = 208;

/** Whose settings are in the memory. */
let inForce: Rewriting | null = null;

export class Rewriting {
  readonly #settings: Uint8Array;
  readonly #nodes: Uint8Array;

  private constructor(settings: Uint8Array, nodes: Uint8Array) {
    this.#settings = settings;
    this.#nodes = nodes;
  }

  /** Null where there is nothing that it could decide. */
  static of(of: RewritingOf): Rewriting | null {
    const nodes = of.layouts === null ? new Uint8Array(nodeBytes) : nodesOf(of.layouts, of.isRedacted('credit_card'));
    if (nodes === null || (!of.hasEmail && of.layouts === null)) return null;
    const numbers = Int32Array.of(
      of.wanted,
      of.textual,
      of.numeric,
      of.tokenHints,
      of.hasEmail ? (of.isRedacted('email') ? 1 : 2) : 0,
      Number(of.hasPhone),
      Number(of.hasEntropy),
      Number(of.layouts !== null),
      // What comes near the budget is left to those who keep it.
      limits.cellWorkMax / 2,
      hintGroups.phone,
      hintGroups.birth,
      of.valueBytesMax,
    );
    const { triples, endings } = settingsBytes;
    const settings = Buffer.concat([
      Buffer.concat([Buffer.from(numbers.buffer)], settingsBytes.numbers),
      Buffer.concat([triplesOf(hintGroups.phone | hintGroups.birth | of.tokenHints)], triples),
      classes,
      Buffer.concat([Buffer.from(Int32Array.from(fileNames).buffer)], endings),
    ]);
    return new Rewriting(settings, nodes);
  }

  force(): void {
    if (inForce === this) return;
    setRewriting(this.#settings, this.#nodes);
    inForce = this;
  }
}

/** The layouts as nodes of one size: Uint16 rules, then Uint16 next for each separator and size. Null where there are too many. */
function nodesOf(root: LayoutNode, isCardRedacted: boolean): Uint8Array | null {
  const nodes: LayoutNode[] = [root];
  const words = new Uint16Array((layoutNodesMax * nodeBytes) / 2);
  for (let index = 0; index < nodes.length; index++) {
    const { next, rules } = nodes[index]!;
    const at = (index * nodeBytes) / 2;
    words[at] = ruledBy(rules, isCardRedacted);
    for (const [key, node] of next.entries()) {
      if (node === undefined) continue;
      if (nodes.length === layoutNodesMax || key >= sizes * 5) return null;
      words[at + 1 + key] = nodes.length;
      nodes.push(node);
    }
  }
  return new Uint8Array(words.buffer, 0, nodes.length * nodeBytes);
}

function ruledBy(rules: LayoutNode['rules'], isCardRedacted: boolean): number {
  if (rules.length === 0) return ruled.nothing;
  const [{ rule, layout }] = rules as [LayoutNode['rules'][number]];
  if (rules.length > 1 || rule.detector !== 'credit_card' || !isCardRedacted) return ruled.otherwise;
  const strength = rule.layouts[layout];
  return strength === 'strong' ? ruled.strong : strength === 'medium' ? ruled.medium : ruled.otherwise;
}

/** For the low and the high nibble of each of the first three bytes of the words: in which of eight sets one has it. */
function triplesOf(groups: number): Uint8Array {
  const words = hintWords
    .filter(({ group }) => ((1 << group) & groups) !== 0)
    .map(({ bytes }) => [0, 1, 2].map((index) => byteOf(bytes, index)))
    .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!);
  const triples = new Uint8Array(settingsBytes.triples);
  for (const [index, word] of words.entries()) {
    const set = 1 << Math.floor((index * 8) / words.length);
    for (const [position, byte] of word.entries()) {
      for (let nibble = 0; nibble < 16; nibble++) {
        const isAny = byte === anyByte;
        if (isAny || (byte & 15) === nibble) triples[position * 32 + nibble]! |= set;
        if (isAny || byte >> 4 === nibble) triples[position * 32 + 16 + nibble]! |= set;
      }
    }
  }
  return triples;
}

const anyByte = -1;

/** A byte of a hint, without regard to case; any where it ends or has a question mark. */
function byteOf(bytes: Buffer, index: number): number {
  const byte = bytes[index];
  return byte === undefined || byte === 0x3f ? anyByte : byte | 0x20;
}

/** The rows of one result. */
export class RewrittenRows implements BulkRows {
  size = 0;
  readonly counts: Int32Array;
  readonly #columns: Int32Array;
  readonly #rewriting: Rewriting;
  /** Marks what is not marked, and answers where the marked bytes begin. */
  readonly #mark: (from: number, end: number) => number;

  /** `looks`: whether a column's values are looked at here. */
  constructor(
    rewriting: Rewriting,
    cells: readonly (CellContext | null)[],
    looks: (cell: CellContext) => boolean,
    mark: (from: number, end: number) => number,
  ) {
    this.#rewriting = rewriting;
    this.#mark = mark;
    this.counts = new Int32Array(cells.length);
    this.#columns = Int32Array.from(
      cells.flatMap((cell) => [
        cell === null ? how.passes : looks(cell) ? how.looks : how.stops,
        cell?.charactersMax ?? -1,
        0,
      ]),
    );
  }

  rewrite(from: number, end: number): number {
    const start = this.#mark(from, end);
    this.#rewriting.force();
    rowColumns.set(this.#columns);
    this.size = rewriteRows(from - start, end - start, this.counts.length);
    if (this.size > 0) {
      for (let index = 0; index < this.counts.length; index++) this.counts[index] = rowColumns[index * 3 + 2]!;
    }
    return start + rewrittenTo();
  }

  take(sink: ValueSink): void {
    sink.reserve(this.size);
    takeRewritten(sink.bytes, sink.length, this.size);
    sink.length += this.size;
  }
}

/** Whether rows of so many columns can be rewritten. */
export function fitsRows(columns: number): boolean {
  return columns <= rewrittenColumnsMax;
}
