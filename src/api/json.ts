/**
 * JSON at the edge: bounded before it is parsed, and neutral when it is written.
 *
 * Invariants: depth is counted without recursion before any parser runs; `__proto__` and `constructor.prototype` are
 * refused, not dropped (A-API-03); what is written holds no character that a terminal acts on, and parses to the same
 * value (A-API-05).
 */
import { escapeLine } from '../base/escape.ts';
import { contractLimits } from './contract/index.ts';
import { apiErrors } from './errors.ts';

/** Parses a request body. Throws `api.malformed`. */
export function parseBody(text: string): unknown {
  if (depthOf(text) > contractLimits.documentDepthMax) {
    throw apiErrors('api.malformed', {
      values: { reason: `it nests deeper than ${contractLimits.documentDepthMax} levels.` },
    });
  }
  try {
    return JSON.parse(text, refusePrototype);
  } catch (error) {
    if (error instanceof SyntaxError) throw apiErrors('api.malformed', { values: { reason: 'it cannot be parsed.' } });
    throw error;
  }
}

/** The deepest nesting of arrays and objects, by one pass that skips strings. Garbage gets some number; the parser refuses it. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return deepest;
}

function refusePrototype(key: string, value: unknown): unknown {
  const isConstructor =
    key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
  if (key === '__proto__' || isConstructor) {
    throw apiErrors('api.malformed', { values: { reason: `it holds the key ${key}.` } });
  }
  return value;
}

/**
 * JSON on one line, in which everything but plain visible text is written as `\uXXXX`. Outside of strings JSON has no
 * such character, and inside the escape means the same character.
 */
export function safeJson(value: unknown): string {
  // JSON.stringify leaves DEL, C1 controls, bidirectional and invisible characters as they are; escapeLine spells
  // exactly those, and a lone surrogate, as the JSON escape.
  return escapeLine(JSON.stringify(value));
}
