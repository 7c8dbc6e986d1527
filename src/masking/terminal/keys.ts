/**
 * Private keys over several lines: from their header until they end, or until what comes is no key any more, or is longer
 * than any key.
 *
 * A line of a key is one word of base64, or a header of its own (`Proc-Type: …`), or has a run of base64 that no prose has:
 * line numbers, marks and frames around it change nothing.
 */
import { privateKeyEnd } from '../detectors/secrets.ts';
import * as limits from './limits.ts';

const keyWord = /^\s*[A-Za-z0-9+/=\\-]+\s*$/;
const keyHeader = /^\s*[A-Za-z][A-Za-z-]{2,30}: \S/;
const keyRun = new RegExp(`[A-Za-z0-9+/=]{${limits.pemRunCharacters},}`);

/** Where a key ends in a line: behind its footer; −1 where it does not. */
export function keyEndIn(text: string): number {
  privateKeyEnd.lastIndex = 0;
  const match = privateKeyEnd.exec(text);
  privateKeyEnd.lastIndex = 0;
  return match === null ? -1 : match.index + match[0].length;
}

export function isKeyLine(text: string): boolean {
  return keyWord.test(text) || keyRun.test(text) || keyHeader.test(text);
}
