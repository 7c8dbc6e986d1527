/**
 * From a text to parse trees, with everything that must hold before the parser may be believed.
 *
 * The parser assumes UTF-8 and `standard_conforming_strings=on`, ends at a zero byte, and neither bounds its stack nor the
 * size of its dump. Each of these is checked here first (A-PG-12, A-PG-13, A-PG-14, A-PG-16).
 */

import type { UnknownReason } from '../../core/sql-effects.ts';
import { sqlTextBytesMax } from '../limits.ts';
import { type ParseOutcome, parseSqlText } from './parser.ts';
import { measureShape } from './shape.ts';

export type TextOutcome =
  | ParseOutcome
  /** The text was not given to the parser. */
  | { readonly status: 'withheld'; readonly reason: UnknownReason };

const encoder = new TextEncoder();

/** Length in UTF-8 bytes, without encoding what is plain. */
export function bytesOf(text: string): number {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return encoder.encode(text).length;
  return text.length;
}

export function parseText(text: string, standardConformingStrings: boolean, clientEncoding = 'UTF8'): TextOutcome {
  // A UTF-16 unit is at most three bytes; so long a text is too large, whatever it has.
  if (text.length > sqlTextBytesMax) return { status: 'withheld', reason: 'too-large' };
  const bytes = bytesOf(text);
  if (bytes > sqlTextBytesMax) return { status: 'withheld', reason: 'too-large' };
  // In SQL_ASCII nothing is converted, and only plain text is the same in every encoding.
  const isUtf8 = /^(utf-?8|unicode)$/i.test(clientEncoding);
  if (!isUtf8 && bytes !== text.length) return { status: 'withheld', reason: 'client-encoding' };
  if (!isUtf8 && !/^sql_ascii$/i.test(clientEncoding)) return { status: 'withheld', reason: 'client-encoding' };
  if (text.includes('\0') || !text.isWellFormed()) return { status: 'withheld', reason: 'invalid-text' };
  if (!standardConformingStrings && text.includes('\\')) return { status: 'withheld', reason: 'backslash-strings' };
  const shape = measureShape(text);
  if (shape !== 'ordinary') return { status: 'withheld', reason: shape };
  return parseSqlText(text, bytes);
}
