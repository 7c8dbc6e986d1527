/** Cells of a megabyte that are made to cost as much as they can (A-MSK-01): the budget is about five milliseconds each. */
import { cell, valueMask } from '../src/masking/testing.ts';

const cellBytes = (1 << 20) - 2;

const pieces: Readonly<Record<string, string>> = {
  prose: 'the quick brown fox jumps over the lazy dog. ',
  dashes: '-',
  digits: '1',
  groups: '1 ',
  points: '1.',
  colons: 'a:',
  ats: 'a@',
  dotted: 'a.@',
  cards: '4111111111111111 ',
  phones: '+49 30 901820 ',
  tokens: 'eyJaaaaaaaa.',
  assignments: 'password=',
  urls: 'http://a:',
  keys: '-----BEGIN PRIVATE KEY-----',
  mixed: 'AB12CD34',
  ibans: 'DE89 ',
  months: 'born jan 1 ',
  foreign: 'é漢字',
  wide: '４',
  latin: 'Björn ',
  quotes: '\\"',
};

/** The dearest of them, with what each costs in milliseconds on the processor: the least of some tries. */
export function dearest(tries: number): { readonly what: string; readonly ms: number }[] {
  const mask = valueMask({ detect: ['pii', 'secret'] });
  const found: { what: string; ms: number }[] = [];
  for (const type of ['text', 'json', 'bytes'] as const) {
    for (const [name, piece] of Object.entries(pieces)) {
      for (const column of ['note', 'password', 'phone dob ssn']) {
        const value = cellBytesOf(type, piece);
        let least = Number.POSITIVE_INFINITY;
        for (let attempt = 0; attempt < tries; attempt++) {
          const begin = process.cpuUsage();
          mask.apply(value, cell(type, column));
          const { user, system } = process.cpuUsage(begin);
          least = Math.min(least, (user + system) / 1000);
        }
        found.push({ what: `${type} of ${name} in "${column}"`, ms: least });
      }
    }
  }
  return found.sort((a, b) => b.ms - a.ms);
}

function cellBytesOf(type: 'text' | 'json' | 'bytes', piece: string): Buffer {
  const text = piece.repeat(Math.ceil(cellBytes / piece.length));
  if (type === 'json') {
    const room = Math.floor((cellBytes - 2) / (Buffer.byteLength(JSON.stringify(piece)) - 2));
    return Buffer.from(JSON.stringify(piece.repeat(room)));
  }
  const bytes = Buffer.from(text).subarray(0, cellBytes);
  return type === 'text' ? bytes : Buffer.from(`\\x${bytes.toString('hex')}`);
}
