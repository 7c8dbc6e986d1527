/**
 * What follows what: a Markov model of variable order over symbols (prediction by partial matching, interpolated with the estimate
 * of Witten and Bell, 1991, "The zero-frequency problem"). How surprising a symbol is comes in bits.
 *
 * Invariants:
 * - At most `symbolsMax` symbols and `contextsMax` contexts. When there are more, all counts are halved, and what falls below one is
 *   forgotten: so the model also fades with use.
 * - The model is plain data: `Counts` is all there is.
 *
 * Deliberately absent: time, and any threshold.
 */

/**
 * By context (the numbers of the symbols before, joined; the empty one holds all symbols) what followed how often. Symbols are
 * numbered, since each stands in many contexts.
 */
export interface Counts {
  names: Record<string, number>;
  /** The next number that is free. */
  free: number;
  contexts: Record<string, Context>;
  size: number;
  /** Symbols taught, without fading. */
  taught: number;
}

interface Context {
  /** Of all counts; how many there are. */
  n: number;
  k: number;
  next: Record<number, number>;
}

export interface ModelLimits {
  /** Symbols before that are looked at, at most. */
  readonly order: number;
  readonly symbolsMax: number;
  readonly contextsMax: number;
}

const root = '';

export function newCounts(): Counts {
  return { names: {}, free: 0, contexts: {}, size: 0, taught: 0 };
}

/** Symbols learned in all, after fading. */
export function learnedOf({ contexts }: Counts): number {
  return contexts[root]?.n ?? 0;
}

/** Symbols that it knows. */
export function symbolsOf({ contexts }: Counts): number {
  return contexts[root]?.k ?? 0;
}

/** Bits of surprise at `symbol` after `history` (the last symbol last). */
export function surprise(
  { contexts, names }: Counts,
  history: readonly string[],
  symbol: string,
  { order, symbolsMax }: ModelLimits,
): number {
  const known = contexts[root]?.k ?? 0;
  const number = names[nameOf(symbol)];
  // What was never seen shares one place among those that were.
  let probability = 1 / Math.min(symbolsMax, known + 1);
  let key = root;
  for (let length = 0; length <= Math.min(order, history.length); length += 1) {
    if (length > 0) {
      const before = names[nameOf(history[history.length - length]!)];
      if (before === undefined) break;
      key = joined(key, before);
    }
    const context = contexts[key];
    if (context === undefined) break;
    const count = number === undefined ? 0 : (context.next[number] ?? 0);
    probability = (count + context.k * probability) / (context.n + context.k);
  }
  return -Math.log2(probability);
}

export function learn(counts: Counts, history: readonly string[], symbol: string, limits: ModelLimits): void {
  counts.taught += 1;
  const number = numberOf(counts, symbol);
  let key = root;
  for (let length = 0; length <= Math.min(limits.order, history.length); length += 1) {
    if (length > 0) {
      const before = counts.names[nameOf(history[history.length - length]!)];
      if (before === undefined) break;
      key = joined(key, before);
    }
    let context = counts.contexts[key];
    if (context === undefined) {
      context = { n: 0, k: 0, next: {} };
      counts.contexts[key] = context;
      counts.size += 1;
    }
    const count = context.next[number] ?? 0;
    if (count === 0) context.k += 1;
    context.n += 1;
    context.next[number] = count + 1;
  }
  while (counts.size > limits.contextsMax || symbolsOf(counts) > limits.symbolsMax) {
    if (!halve(counts)) break;
  }
}

/** False where nothing is left to forget. */
function halve(counts: Counts): boolean {
  const before = counts.size;
  let isLess = false;
  for (const [key, context] of Object.entries(counts.contexts)) {
    let total = 0;
    for (const [symbol, count] of Object.entries(context.next)) {
      const half = Math.floor(count / 2);
      if (half === 0) {
        delete context.next[Number(symbol)];
        context.k -= 1;
      } else context.next[Number(symbol)] = half;
      total += half;
      isLess ||= half < count;
    }
    context.n = total;
    if (total === 0 && key !== root) {
      delete counts.contexts[key];
      counts.size -= 1;
    }
  }
  const all = counts.contexts[root]!;
  for (const [name, number] of Object.entries(counts.names))
    if (all.next[number] === undefined) delete counts.names[name];
  return isLess || counts.size < before;
}

function numberOf(counts: Counts, symbol: string): number {
  const name = nameOf(symbol);
  let number = counts.names[name];
  if (number === undefined) {
    number = counts.free;
    counts.names[name] = number;
    counts.free += 1;
  }
  return number;
}

/** The nearer symbol stands first, so that a longer context begins as the shorter one does. */
function joined(key: string, before: number): string {
  return `${key}.${before}`;
}

/** Symbols come from peers: none may be a name that objects have by themselves. */
function nameOf(symbol: string): string {
  return `:${symbol}`;
}
