/**
 * Marks, in many values at once, where a detector could find something: one pass of SIMD over the bytes, a bit for each
 * byte and kind. AssemblyScript; `tools/build-wasm.ts` makes `marks.generated.ts` of it.
 *
 * Invariants:
 * - Each kind is a necessary condition: where a detector that a kind stands for finds something in ASCII text, a bit of
 *   that kind is set at a byte of what it found, whatever stands around it (marks.test.ts).
 * - Values are framed: where a byte beside one could be taken for a part of it, a NUL stands at most four bytes before the
 *   value, or two behind it.
 * - Nothing is read beyond `inputMax` + `slack` bytes of input; what follows the input is zeros.
 *
 * Bytes are looked at in windows of 64, of which the first 48 are decided: no kind looks further ahead than 16.
 *
 * Memory: | hints 6 KiB | words 8 KiB | input | one bitmap for each kind | the bitmap of wanted kinds |
 */

/** Bytes of input at most; `slack` zeros behind them. */
const inputMax: i32 = 73728;
const slack: i32 = 128;
const stride: i32 = 48;
const decided: u64 = 0x0000ffffffffffff;

const hintTable: usize = 1024;
/** A bit for each three characters that a hint begins with, five bits of each. */
const hintBits: usize = hintTable + 2048;
const wordsAt: usize = hintBits + 4096;
const wordsMax: i32 = 8192;
const inputAt: usize = wordsAt + wordsMax;
const mapsAt: usize = inputAt + inputMax + slack;
const mapBytes: usize = inputMax / 8 + 64;
const kindsMax: i32 = 14;
const wantedAt: usize = mapsAt + mapBytes * kindsMax;

/** As in kinds.ts. */
const kForeign: i32 = 0;
const kAt: i32 = 1;
const kNumber: i32 = 2;
const kMixed: i32 = 3;
const kLettered: i32 = 4;
const kIban: i32 = 5;
const kPhone: i32 = 6;
const kAddress: i32 = 7;
const kDate: i32 = 8;
const kToken: i32 = 9;
const kPem: i32 = 10;
const kAssigned: i32 = 11;
const kScheme: i32 = 12;
const kLatin: i32 = 13;

/** Class of each byte for `traits`: as in prefilter.ts. */
const classesAt: usize = memory.data(256);

let marked: i32 = 0;
let wordsUsed: i32 = 0;

export function input(): i32 { return <i32>inputAt; }
export function inputBytesMax(): i32 { return inputMax; }
export function words(): i32 { return <i32>wordsAt + wordsUsed; }

@inline function bits(a: v128, b: v128, c: v128, d: v128): u64 {
  return <u64>i8x16.bitmask(a) | (<u64>i8x16.bitmask(b) << 16) | (<u64>i8x16.bitmask(c) << 32) | (<u64>i8x16.bitmask(d) << 48);
}
@inline function equal(a: v128, b: v128, c: v128, d: v128, byte: i8): u64 {
  const k = i8x16.splat(byte);
  return bits(i8x16.eq(a, k), i8x16.eq(b, k), i8x16.eq(c, k), i8x16.eq(d, k));
}
@inline function classes(v: v128, low: v128, high: v128): v128 {
  return v128.and(
    i8x16.swizzle(low, v128.and(v, i8x16.splat(15))),
    i8x16.swizzle(high, v128.and(i16x8.shr_u(v, 4), i8x16.splat(15))),
  );
}
@inline function put(kind: i32, at: usize, mask: u64): void {
  store<u64>(mapsAt + mapBytes * <usize>kind + at, mask & decided);
}

/** Marks the first `length` bytes of the input. `wanted`: a bit for each kind that makes a byte worth a look. */
export function mark(length: i32, wanted: i32): void {
  marked = length;
  memory.fill(inputAt + <usize>length, 0, slack);
  // Nibbles of: digits 1, letters 2 and 4, + - . / 8, : = 16, _ 32, ~ 64: the characters of keys and tokens, each in one class.
  const low = i8x16(5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 22, 10, 2, 26, 74, 42);
  const high = i8x16(0, 0, 8, 17, 2, 36, 2, 68, 0, 0, 0, 0, 0, 0, 0, 0);
  const one = i8x16.splat(1);
  const six = i8x16.splat(6);
  const zero = i8x16.splat(0);
  const wantsAssigned = (wanted & (1 << kAssigned)) != 0;
  const wantsPem = (wanted & ((1 << kPem) | (1 << kScheme))) != 0;
  const wantsMixed = (wanted & (1 << kMixed)) != 0;
  const wantsToken = (wanted & (1 << kToken)) != 0;
  // Where the input begins, it may have cut off what frames a value.
  // Of the window before: whether its last byte is a letter or digit, borders near its last NULs, and marks that reach over its end.
  let lastWord: u64 = 0, lastNear: u64 = 31, lastLead: u64 = 0, carried: u64 = 0;
  for (let i = 0; i < length; i += stride) {
    const p = inputAt + <usize>i;
    const at = <usize>(i >> 3);
    const a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32), d = v128.load(p, 48);
    const ca = classes(a, low, high), cb = classes(b, low, high), cc = classes(c, low, high), cd = classes(d, low, high);
    const D = bits(i8x16.eq(ca, one), i8x16.eq(cb, one), i8x16.eq(cc, one), i8x16.eq(cd, one));
    const L = ~bits(
      i8x16.eq(v128.and(ca, six), zero), i8x16.eq(v128.and(cb, six), zero),
      i8x16.eq(v128.and(cc, six), zero), i8x16.eq(v128.and(cd, six), zero));
    const beyond = bits(a, b, c, d);
    let foreign: u64 = 0, latin: u64 = 0;
    if (beyond | lastLead) {
      // Letters of U+00C0 to U+00FF, 0xC3 and another: nothing is folded out of them.
      const lead = equal(a, b, c, d, -61);
      const low = i8x16.splat(-64);
      const rest = bits(i8x16.lt_s(a, low), i8x16.lt_s(b, low), i8x16.lt_s(c, low), i8x16.lt_s(d, low));
      latin = (lead & (rest >> 1)) | (rest & ((lead << 1) | lastLead));
      foreign = beyond & ~latin;
      lastLead = (lead >> 47) & 1;
    }
    const AT = equal(a, b, c, d, 0x40);
    const C = equal(a, b, c, d, 0x3a);
    const A = D | L;
    const N = equal(a, b, c, d, 0);
    // Near a NUL a value begins or ends: there may be a border.
    const near = (N << 2) | (N << 3) | (N << 4);
    const border = ~((A << 1) | lastWord) | near | lastNear;
    lastWord = (A >> 47) & 1;
    lastNear = (((N & decided) << 2) | ((N & decided) << 3) | ((N & decided) << 4)) >> 48;
    let token: u64 = 0, number: u64 = 0, mixed: u64 = 0, lettered: u64 = 0, iban: u64 = 0;
    let phone: u64 = 0, address: u64 = 0, date: u64 = 0, pem: u64 = 0, carry: u64 = 0, scheme: u64 = 0, assigned: u64 = 0;
    if (wantsToken) {
      // Sixteen in a row of what tokens are made of; a letter among them, but for what only looks random.
      let T = ~bits(i8x16.eq(ca, zero), i8x16.eq(cb, zero), i8x16.eq(cc, zero), i8x16.eq(cd, zero));
      T &= T >> 1; T &= T >> 2; T &= T >> 4; T &= T >> 8;
      if (T) { let some = L | (L >> 1); some |= some >> 2; some |= some >> 4; some |= some >> 8; token = wantsAssigned ? T : T & some; }
    }
    if (C) {
      // Two colons side by side, or four with at most four characters between.
      let chain = C & ((C >> 2) | (C >> 3) | (C >> 4) | (C >> 5));
      chain = C & ((chain >> 2) | (chain >> 3) | (chain >> 4) | (chain >> 5));
      chain = C & ((chain >> 2) | (chain >> 3) | (chain >> 4) | (chain >> 5));
      address = (C & (C >> 1)) | chain;
      assigned = C;
    }
    if (D) {
      const S = equal(a, b, c, d, 0x20), H = equal(a, b, c, d, 0x2d), P = equal(a, b, c, d, 0x2e), Q = equal(a, b, c, d, 0x2f);
      const plus = equal(a, b, c, d, 0x2b), open = equal(a, b, c, d, 0x28), close = equal(a, b, c, d, 0x29);
      const Z = S | H | P;
      // Six digits with at most two separators between any two of them.
      const G = Z | Q | plus | open | close;
      const G1 = G >> 1, G2 = G1 & (G >> 2);
      let R = D;
      R = D & ((R >> 1) | (G1 & (R >> 2)) | (G2 & (R >> 3)));
      R = D & ((R >> 1) | (G1 & (R >> 2)) | (G2 & (R >> 3)));
      R = D & ((R >> 1) | (G1 & (R >> 2)) | (G2 & (R >> 3)));
      R = D & ((R >> 1) | (G1 & (R >> 2)) | (G2 & (R >> 3)));
      number = D & ((R >> 1) | (G1 & (R >> 2)) | (G2 & (R >> 3)));
      const R2 = D & (D >> 1), R3 = R2 & (D >> 2), R4 = R3 & (D >> 3);
      if (wantsMixed) {
        let run = A & (A >> 1); run &= run >> 2; run &= run >> 4;
        let change = (L & (D >> 1)) | (D & (L >> 1)); change |= change >> 1; change |= change >> 2; change |= change >> 3;
        mixed = run & change;
      }
      iban = border & L & (L >> 1) & (R2 >> 2);
      const end1 = ~(A >> 1) | (N >> 2), L1 = L >> 1, L2 = L >> 2;
      const after = L1 & (D >> 2) | L1 & (S >> 2) & (D >> 3) | (S >> 1) & L2 & (D >> 3) | (S >> 1) & L2 & (S >> 3) & (D >> 4);
      const last = L & end1;
      // Marked at the letter, since the head of the next row may stand where it would.
      const tail = ((D & (last >> 1)) << 1) | ((D & (Z >> 1) & (last >> 2)) << 2);
      lettered = (border & L & L1 & ((D >> 2) | ((Z >> 2) & (D >> 3)))) | (D & after) | (R3 & (R3 >> 3) & (L >> 6)) | tail;
      carry = tail >> 48;
      const NA = (Z | close) & (R3 >> 1) & (Z >> 4) & (R4 >> 5);
      const zero0 = equal(a, b, c, d, 0x30);
      phone = NA | (plus & ((D >> 1) | ((S | open) >> 1) & (D >> 2))) | (border & zero0 & (zero0 >> 1) & (D >> 2));
      address |= P & (D >> 1) & ((P >> 2) | (P >> 3) | (P >> 4));
      const E = H | P | Q;
      date =
        (S & (R4 >> 1)) | (R4 & (E >> 4)) | (border & R4 & (R4 >> 4) & (~(D >> 8) | (N >> 9))) |
        (D & (E >> 1) & (D >> 2) & ((E >> 3) | ((D >> 3) & (E >> 4))));
    }
    lettered |= carried;
    carried = carry;
    if (wantsPem) {
      const H = equal(a, b, c, d, 0x2d);
      pem = H & (H >> 1) & (H >> 2) & (H >> 3) & (H >> 4);
      if (C) { const Q = equal(a, b, c, d, 0x2f); scheme = C & (Q >> 1) & (Q >> 2); }
    }
    if (wantsAssigned) assigned |= equal(a, b, c, d, 0x3d);
    let any: u64 = 0;
    if (wanted & (1 << kForeign)) any |= foreign;
    if (wanted & (1 << kAt)) any |= AT;
    if (wanted & (1 << kNumber)) any |= number;
    if (wanted & (1 << kMixed)) any |= mixed;
    if (wanted & (1 << kLettered)) any |= lettered;
    if (wanted & (1 << kIban)) any |= iban;
    if (wanted & (1 << kPhone)) any |= phone;
    if (wanted & (1 << kAddress)) any |= address;
    if (wanted & (1 << kDate)) any |= date;
    if (wanted & (1 << kToken)) any |= token;
    if (wanted & (1 << kPem)) any |= pem;
    if (wanted & (1 << kAssigned)) any |= assigned;
    if (wanted & (1 << kScheme)) any |= scheme;
    any &= decided;
    store<u64>(wantedAt + at, any);
    put(kForeign, at, foreign); put(kLatin, at, latin);
    // These two matter beside others, which may be in the next window.
    if (any | lettered | phone) {
      put(kAt, at, AT); put(kNumber, at, number); put(kMixed, at, mixed); put(kLettered, at, lettered);
      put(kIban, at, iban); put(kPhone, at, phone); put(kAddress, at, address); put(kDate, at, date);
      put(kToken, at, token); put(kPem, at, pem); put(kAssigned, at, assigned); put(kScheme, at, scheme);
    } else {
      for (let kind = 1; kind < kLatin; kind++) put(kind, at, 0);
    }
  }
}

/** The first byte from `from` on that is worth a look; `inputMax` where there is none. */
export function next(from: i32): i32 {
  let at = from >> 3;
  const last = (marked + 7) >> 3;
  let word = load<u64>(wantedAt + <usize>at) >> (from & 7) << (from & 7);
  while (word == 0) {
    at += 8;
    if (at >= last) return inputMax;
    word = load<u64>(wantedAt + <usize>at);
  }
  const found = (at << 3) + <i32>ctz(word);
  return found < marked ? found : inputMax;
}

/** The first byte from `from` on that is marked with this kind; `inputMax` where there is none. */
export function nextOf(kind: i32, from: i32): i32 {
  const map = mapsAt + mapBytes * <usize>kind;
  let at = from >> 3;
  const last = (marked + 7) >> 3;
  let word = load<u64>(map + <usize>at) >> (from & 7) << (from & 7);
  while (word == 0) {
    at += 8;
    if (at >= last) return inputMax;
    word = load<u64>(map + <usize>at);
  }
  return (at << 3) + <i32>ctz(word);
}

/** The kinds that are marked from `from` to `to`, a bit each. */
export function kinds(from: i32, to: i32): i32 {
  let found = 0;
  for (let at = from; at < to; ) {
    const shift = at & 7;
    const size = min(to - at, 64 - shift);
    let mask: u64 = size == 64 ? ~(<u64>0) : (<u64>1 << size) - 1;
    mask <<= shift;
    const word = <usize>(at >> 3);
    let map = mapsAt + word;
    for (let kind = 1; kind < 1 << kindsMax; kind <<= 1) {
      if (load<u64>(map) & mask) found |= kind;
      map += mapBytes;
    }
    at += size;
  }
  return found;
}

/**
 * Takes a word into the hints: `size` bytes that were written to `words()`, in `group`. Words are compared without regard
 * to case, and a little more loosely than that. False: there is no more room.
 *
 * A word in memory: Uint16 next with the same two first bytes (0: none), Uint8 size, Uint8 group, its bytes.
 */
export function addWord(size: i32, group: i32): bool {
  const bytes = wordsAt + <usize>wordsUsed;
  if (size < 2 || wordsUsed + size + 8 > wordsMax) return false;
  memory.copy(bytes + 4, bytes, size);
  for (let k = 0; k < size; k++) store<u8>(bytes + 4 + <usize>k, load<u8>(bytes + 4 + <usize>k) | 0x20);
  const slot = hintTable + (<usize>((<i32>load<u8>(bytes, 4) & 31) << 5 | (<i32>load<u8>(bytes, 5) & 31)) << 1);
  store<u16>(bytes, load<u16>(slot));
  store<u8>(bytes, <u8>size, 2);
  store<u8>(bytes, <u8>group, 3);
  store<u16>(slot, <u16>(wordsUsed + 1));
  const pair = (<i32>load<u8>(bytes, 4) & 31) << 10 | (<i32>load<u8>(bytes, 5) & 31) << 5;
  const third: i32 = size > 2 && load<u8>(bytes, 6) != 0x3f ? load<u8>(bytes, 6) & 31 : -1;
  for (let k = 0; k < 32; k++) {
    if (third >= 0 && k != third) continue;
    const at = hintBits + <usize>((pair | k) >> 3);
    store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(k & 7)));
  }
  wordsUsed += size + 4;
  return true;
}

/** A question mark stands for any character. */
@inline function matches(hint: u8, byte: u8): bool {
  return hint == (byte | 0x20) || hint == 0x3f;
}

/** The groups of the hints of which a word stands between `from` and `to` of the input. */
export function hints(from: i32, to: i32): i32 {
  let found = 0;
  let p = inputAt + <usize>from;
  const end = inputAt + <usize>to;
  // What follows the end may be looked at, but is not counted.
  let three: i32 = (<i32>load<u8>(p) & 31) << 5 | (<i32>load<u8>(p, 1) & 31);
  for (; p + 1 < end; p++) {
    three = (three << 5 | (<i32>load<u8>(p, 2) & 31)) & 0x7fff;
    if ((load<u8>(hintBits + <usize>(three >> 3)) >> (three & 7) & 1) == 0) continue;
    let entry: i32 = load<u16>(hintTable + (<usize>(three >> 5) << 1));
    while (entry != 0) {
      const word = wordsAt + <usize>(entry - 1);
      const size: usize = load<u8>(word, 2);
      const group = 1 << load<u8>(word, 3);
      if ((found & group) == 0 && p + size <= end) {
        let k: usize = 0;
        while (k < size && matches(load<u8>(word + 4 + k), load<u8>(p + k))) k++;
        if (k == size) found |= group;
      }
      entry = load<u16>(word);
    }
  }
  return found;
}

/** Fills the classes that `traits` reads: 256 bytes. */
export function classTable(): i32 { return <i32>classesAt; }

/** What prefilter.ts's `traitsOf` says of the input between two positions. */
export function traits(from: i32, to: i32): i32 {
  let found = 0, digits = 0, number = 0, gap = 0, wordLetters = 0, wordDigits = 0, token = 0, points = 0, colons = 0, dashes = 0;
  const end = inputAt + <usize>to;
  for (let p = inputAt + <usize>from; p < end; p++) {
    const byte: i32 = load<u8>(p);
    const kind: i32 = load<u8>(classesAt + <usize>byte);
    if (kind == 2) {
      wordLetters++;
      token++;
      number = 0;
      dashes = 0;
      continue;
    }
    if (kind == 1) {
      digits++;
      wordDigits++;
      token++;
      number++;
      gap = 0;
      dashes = 0;
      if (number >= 6) found |= 2;
      continue;
    }
    if (wordDigits > 0) {
      if (wordLetters > 0 && wordLetters + wordDigits >= 8) found |= 32;
      wordDigits = 0;
    }
    wordLetters = 0;
    if (kind & 8) token++;
    else {
      if (token >= 16) found |= 64;
      token = 0;
    }
    if (kind & 4) {
      if (++gap > 2) number = 0;
    } else number = 0;
    if (byte == 0x2e) points++;
    else if (byte == 0x3d) found |= 512;
    else if (byte == 0x3a) colons++;
    else if (byte == 0x40) found |= 4;
    else if (kind == 16) found |= 256;
    if (byte == 0x2d) {
      if (++dashes == 5) found |= 128;
    } else dashes = 0;
  }
  if (wordLetters > 0 && wordDigits > 0 && wordLetters + wordDigits >= 8) found |= 32;
  if (token >= 16) found |= 64;
  if (digits >= 4) found |= 1;
  if (points >= 3) found |= 8;
  if (colons > 0) found |= 512;
  if (colons >= 2) found |= 16;
  return found;
}
