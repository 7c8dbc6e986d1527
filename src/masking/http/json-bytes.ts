/**
 * What bytes are to a reader of JSON (RFC 8259, sections 2, 6 and 7), as tables: it looks at each byte once.
 */

/** 1 blanks, 2 quote, 3 begins a number or word, 4 opens, 5 closes, 6 colon, 7 comma, 0 all else. */
export const classOf = new Uint8Array(256);
/** 1 for what stands for itself in a string: all but quote, backslash and controls. */
export const ordinary = new Uint8Array(256);
/** 1 for what numbers and words consist of, and what only seems to belong to one: letters, digits, signs, point. */
export const atomByte = new Uint8Array(256);

for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (' \t\n\r'.includes(character)) classOf[byte] = 1;
  else if (character === '"') classOf[byte] = 2;
  else if (/[-0-9tfn]/.test(character)) classOf[byte] = 3;
  else if ('{['.includes(character)) classOf[byte] = 4;
  else if ('}]'.includes(character)) classOf[byte] = 5;
  else if (character === ':') classOf[byte] = 6;
  else if (character === ',') classOf[byte] = 7;
  ordinary[byte] = byte >= 0x20 && character !== '"' && character !== '\\' ? 1 : 0;
  atomByte[byte] = /[A-Za-z0-9+.-]/.test(character) ? 1 : 0;
}

const words: readonly Buffer[] = ['true', 'false', 'null'].map((word) => Buffer.from(word));

function digitsFrom(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at;
}

/** Whether these bytes are a number, `true`, `false` or `null`. */
export function isAtom(bytes: Buffer, from: number, to: number): boolean {
  if (bytes[from]! >= 0x61) {
    return words.some((word) => word.length === to - from && word.compare(bytes, from, to) === 0);
  }
  let at = bytes[from] === 0x2d ? from + 1 : from;
  const whole = digitsFrom(bytes, at, to);
  if (whole === at || (bytes[at] === 0x30 && whole > at + 1)) return false;
  at = whole;
  if (at < to && bytes[at] === 0x2e) {
    const fraction = digitsFrom(bytes, at + 1, to);
    if (fraction === at + 1) return false;
    at = fraction;
  }
  if (at < to && (bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1] === 0x2b || bytes[at + 1] === 0x2d ? at + 2 : at + 1;
    const exponent = digitsFrom(bytes, sign, to);
    if (exponent === sign) return false;
    at = exponent;
  }
  return at === to;
}
