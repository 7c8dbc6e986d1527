/**
 * Shows text that comes from elsewhere: as text, with what would hide or reorder spelled out (A-REV-06, A-SSH-22).
 *
 * Invariants: never markup; a run of text that is written from right to left is isolated; controls, characters of no width and
 * characters that reorder stand as their code points.
 */
import type { ReactNode } from 'react';

// Controls but tab and line feed; soft hyphen, Arabic letter mark, Mongolian vowel separator; zero width, directional, invisible
// operators, isolates; fillers; variation selectors; byte order mark; interlinear; tags; lone surrogates.
const hidden =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: it is for single code points, joiners among them
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

const names: Readonly<Record<string, string>> = { '\r': '\\r', '\u001b': 'ESC', '\u0000': 'NUL' };

function spelled(character: string): string {
  return names[character] ?? `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The same as a plain string: for titles and labels. */
export function safeText(text: string): string {
  return text.replace(hidden, (character) => `⟨${spelled(character)}⟩`);
}

export function Safe({ text, oneLine = false }: { readonly text: string; readonly oneLine?: boolean }): ReactNode {
  const shown = oneLine ? text.replace(/\s*\n\s*/g, ' ') : text;
  const parts: ReactNode[] = [];
  let from = 0;
  for (const match of shown.matchAll(hidden)) {
    if (match.index > from) parts.push(shown.slice(from, match.index));
    parts.push(
      <span key={match.index} className="escape" title="A character that does not show, spelled out">
        {spelled(match[0])}
      </span>,
    );
    from = match.index + match[0].length;
  }
  if (parts.length === 0) return <bdi>{shown}</bdi>;
  if (from < shown.length) parts.push(shown.slice(from));
  return <bdi>{parts}</bdi>;
}
