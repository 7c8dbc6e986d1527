/** Seeded randomness for the population: the same seed gives the same weeks on every machine. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761) >>> 0;
    for (let warm = 0; warm < 8; warm += 1) this.next();
  }

  /** A generator of its own for a part, so that a change in one part does not shift all others. */
  fork(name: string): Random {
    let hash = 2_166_136_261 ^ this.#state;
    for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 16_777_619);
    return new Random(hash >>> 0);
  }

  /** 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Whole numbers, both ends included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** Between two figures, evenly in their logarithms: small ones are common, large ones are not rare. */
  skewed(from: number, to: number): number {
    return Math.round(Math.exp(this.between(Math.log(Math.max(1, from)), Math.log(Math.max(1, to)))));
  }

  normal(mean: number, deviation: number): number {
    const [a, b] = [1 - this.next(), this.next()];
    return mean + deviation * Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
  }

  /** Waiting time with this mean. */
  wait(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  pick<Value>(from: readonly Value[]): Value {
    return from[Math.floor(this.next() * from.length)]!;
  }

  /** The first ones far more often than the last. */
  favourite<Value>(from: readonly Value[]): Value {
    return from[Math.floor(this.next() ** 2 * from.length)]!;
  }

  some<Value>(from: readonly Value[], count: number): Value[] {
    const rest = [...from];
    const taken: Value[] = [];
    while (taken.length < count && rest.length > 0)
      taken.push(...rest.splice(Math.floor(this.next() * rest.length), 1));
    return taken;
  }
}
