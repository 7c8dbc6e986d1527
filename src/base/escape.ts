/**
 * Making text from elsewhere safe to show: on a terminal, in a log line, in a page, in a cell of CSV (I13, A-REC-02, A-API-05).
 */

// C0 and C1 controls, DEL, lone surrogates, and the characters that reorder or hide text (Trojan Source, A-REV-06).
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const unsafeKeepingLines =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const names: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function spell(character: string): string {
  return names[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One line of text that cannot move a cursor, colour, retitle, reorder or break a line. */
export function escapeLine(text: string): string {
  return text.replace(unsafe, spell);
}

/** As `escapeLine`, keeping line feeds and tabs: for showing statements on several lines. */
export function escapeText(text: string): string {
  return text.replace(unsafeKeepingLines, spell);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text of HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => entities[one] ?? one);
}

/** Slack's three control characters (Slack: Formatting text for app surfaces). */
export function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A CSV cell by RFC 4180, with a leading apostrophe where a spreadsheet would read a formula. */
export function escapeCsv(text: string): string {
  const neutral = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(neutral) ? `"${neutral.replaceAll('"', '""')}"` : neutral;
}
