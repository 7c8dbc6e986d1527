/**
 * Where in many values at once a detector could find something: the WebAssembly of marks.as over bytes of any length.
 *
 * There is one such memory for the process, and one text in it. Everything here is synchronous: `markBytes` and what is
 * asked of it belong to one turn, with nothing between them that marks something else; `generation` tells.
 *
 * Deliberately absent: what is found (scanner.ts). Compiled from source by tools/build-wasm.ts.
 */
import { byteClasses } from './prefilter.ts';
import { marksWasm } from './wasm/marks.generated.ts';

/** The part of WebAssembly's interface that is used here; the language's own library does not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  input(): number;
  inputBytesMax(): number;
  mark(length: number, wanted: number): void;
  next(from: number): number;
  nextOf(kind: number, from: number): number;
  kinds(from: number, to: number): number;
  words(): number;
  addWord(size: number, group: number): number;
  hints(from: number, to: number): number;
  classTable(): number;
  traits(from: number, to: number): number;
  settings(): number;
  columns(): number;
  columnsLimit(): number;
  nodes(): number;
  nodesLimit(): number;
  output(): number;
  rewrite(from: number, to: number, count: number): number;
  stoppedAt(): number;
}

const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(marksWasm, 'base64')));
const wasm = instance.exports as Exports;
const memory = new Uint8Array(wasm.memory.buffer);
const inputAt = wasm.input();
const settingsAt = wasm.settings();
const nodesAt = wasm.nodes();
const outputAt = wasm.output();
memory.set(byteClasses, wasm.classTable());

/** Bytes that are marked together. */
export const markedBytesMax = wasm.inputBytesMax();

/** How far a mark looks ahead: pieces of longer texts overlap by so much. */
const lookAhead = 16;

let generation = 0;

/** Marks `bytes` from `start` to `end`, at most `markedBytesMax`. Positions that are asked for afterwards are from `start`. */
export function markBytes(bytes: Uint8Array, start: number, end: number, wanted: number): number {
  memory.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), inputAt);
  wasm.mark(end - start, wanted);
  return ++generation;
}

/** Whether what `markBytes` answered so is still what is marked. */
export function isMarked(when: number): boolean {
  return when === generation;
}

/** The first marked position from `from` on; beyond all positions where there is none. */
export const nextMark = wasm.next;

/** The first position from `from` on where the kind whose bit has this number is marked. */
export const nextOf = wasm.nextOf;

/** The kinds that are marked between two positions. */
export const kindsBetween = wasm.kinds;

/** The groups of hints of which a word stands between two positions. */
export const hintsBetween = wasm.hints;

/** The traits (prefilter.ts) of what stands between two positions. */
export const traitsBetween = wasm.traits;

/** Columns that rows may have to be rewritten, and nodes of layouts. */
export const rewrittenColumnsMax = wasm.columnsLimit();
export const layoutNodesMax = wasm.nodesLimit();

/** What `rewriteRows` is told of each column: how, most characters, and a count of what was masked. */
export const rowColumns = new Int32Array(wasm.memory.buffer, wasm.columns(), rewrittenColumnsMax * 3);

/** Masks whole rows of what is marked (marks.as). Answers the size of the output, 0 where nothing changed. */
export const rewriteRows = wasm.rewrite;

/** Where it stopped. */
export const rewrittenTo = wasm.stoppedAt;

/** Copies output of `rewriteRows`. */
export function takeRewritten(into: Uint8Array, at: number, size: number): void {
  into.set(memory.subarray(outputAt, outputAt + size), at);
}

/** How rows are to be rewritten from now on. */
export function setRewriting(settings: Uint8Array, nodes: Uint8Array): void {
  memory.set(settings, settingsAt);
  memory.set(nodes, nodesAt);
}

/** All words that were added, with their groups. */
export const hintWords: { readonly group: number; readonly bytes: Buffer }[] = [];

/** The kinds of a text of any length. */
export function kindsOfBytes(bytes: Uint8Array, wanted: number): number {
  let found = 0;
  for (let from = 0; from < bytes.length; from += markedBytesMax - lookAhead) {
    const to = Math.min(bytes.length, from + markedBytesMax);
    markBytes(bytes, from, to, wanted);
    if (nextMark(0) < to - from) found |= kindsBetween(0, to - from);
  }
  return found & wanted;
}

/** Takes words into the hints as one group, a number below 32. A character is a byte. */
export function addHints(group: number, words: Iterable<string>): void {
  for (const word of words) {
    const bytes = Buffer.from(word, 'latin1');
    memory.set(bytes, wasm.words());
    if (wasm.addWord(bytes.length, group) === 0) throw new RangeError(`no room for the hint ${word}`);
    hintWords.push({ group, bytes });
  }
}
