/**
 * JSON as it leaves: one line, in which nothing can move a cursor, colour, reorder or end the line early, and which reads back as
 * exactly what it was (A-REC-02): what is unsafe to show is spelled `\uXXXX`, lone surrogates among it.
 */

// C1 controls, DEL, bidirectional and invisible characters, line separators. C0 and lone surrogates are JSON.stringify's own.
const unsafe = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function spellJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
