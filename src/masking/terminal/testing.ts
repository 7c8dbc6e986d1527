/** What the tests of streams share: masks with detectors by name, and ways to run bytes through them. */
import type { OutputMask, OutputStreams, TerminalMask } from '../../core/masking.ts';
import { Dice } from '../corpus/generate.ts';
import type { DetectPart } from '../detection.ts';
import { type DetectorName, expandDetector } from '../detectors/table.ts';
import { Keyed } from '../keyed.ts';
import { hashKey } from '../testing.ts';
import { createOutputStreams } from './index.ts';

export function partOf(names: readonly string[], rule = 'a'): DetectPart {
  const expanded = names.flatMap((name): readonly DetectorName[] => expandDetector(name) ?? []);
  return { rule, method: 'redact', keyed: new Keyed(hashKey, rule), names: new Set(expanded), custom: [] };
}

export function streamsOf(...names: readonly string[]): OutputStreams {
  return createOutputStreams([partOf(names.length === 0 ? ['secret', 'pii'] : names)])!;
}

export function terminalOf(names: readonly string[] = [], columns = 80, rows = 24): TerminalMask {
  return streamsOf(...names).terminal({ columns, rows });
}

/** Pushes pieces without any time passing, then ends. */
export function run(mask: OutputMask, pieces: readonly (string | Buffer)[]): string {
  return Buffer.concat([
    ...pieces.map((piece) => Buffer.from(mask.push(Buffer.from(piece), 0).bytes)),
    mask.end(),
  ]).toString('latin1');
}

/** Cuts at random, into pieces of one to `most` bytes. */
export function cut(bytes: Buffer, dice: Dice, most: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + dice.below(most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Values that no detector may let through; none of them is anybody's. */
export const canaries = {
  aws: 'AKIAIOSFODNN7EXAMPLE',
  github: 'ghp_abcdEFGH1234ijklMNOP5678qrstUVWX9012',
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
  email: 'alice.smith@example.com',
  card: '4111 1111 1111 1111',
  ssn: '078-05-1120',
} as const;

export const privateKey = [
  '-----BEGIN RSA PRIVATE KEY-----',
  ...Array.from({ length: 12 }, (_, index) =>
    new Dice(index + 1).text('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop0123456789+/', 64),
  ),
  'q2Zp9A==',
  '-----END RSA PRIVATE KEY-----',
];
