/** Seeded randomness, so that a failure can be run again: SALLYPORT_TEST_SEED sets the seed that the failing run printed. */

export const seed = Number(process.env['SALLYPORT_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** mulberry32: small, and good enough to choose instants. */
export function createRandom(from = seed): (below: number) => number {
  let state = from >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
