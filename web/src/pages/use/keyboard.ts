/**
 * What a key press sends to a terminal, as xterm does.
 * Source: XTerm Control Sequences, "PC-Style Function Keys".
 */

interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
}

const cursor: Readonly<Record<string, string>> = {
  ArrowUp: 'A',
  ArrowDown: 'B',
  ArrowRight: 'C',
  ArrowLeft: 'D',
  Home: 'H',
  End: 'F',
};
const editing: Readonly<Record<string, number>> = {
  Insert: 2,
  Delete: 3,
  PageUp: 5,
  PageDown: 6,
  F5: 15,
  F6: 17,
  F7: 18,
  F8: 19,
  F9: 20,
  F10: 21,
  F11: 23,
  F12: 24,
};
const first: Readonly<Record<string, string>> = { F1: 'P', F2: 'Q', F3: 'R', F4: 'S' };
const plain: Readonly<Record<string, string>> = { Enter: '\r', Tab: '\t', Escape: '\u001b', Backspace: '\u007f' };

/** Null: the key is the page's or the browser's, or comes as text by `input`. `isApplication`: cursor keys as programs asked for. */
export function keyText(press: Press, isApplication: boolean): string | null {
  const { key, ctrlKey, altKey, shiftKey, metaKey } = press;
  if (metaKey) return null;
  const modifier = 1 + (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0);
  const arrow = cursor[key];
  if (arrow !== undefined) {
    if (modifier > 1) return `\u001b[1;${modifier}${arrow}`;
    return isApplication ? `\u001bO${arrow}` : `\u001b[${arrow}`;
  }
  const number = editing[key];
  if (number !== undefined) return modifier > 1 ? `\u001b[${number};${modifier}~` : `\u001b[${number}~`;
  const function4 = first[key];
  if (function4 !== undefined) return modifier > 1 ? `\u001b[1;${modifier}${function4}` : `\u001bO${function4}`;
  const named = plain[key];
  // Shift and Escape leave the terminal.
  if (named !== undefined) {
    if (key === 'Escape' && shiftKey) return null;
    if (key === 'Tab' && shiftKey) return '\u001b[Z';
    return altKey ? `\u001b${named}` : named;
  }
  if (key.length !== 1) return null;
  if (ctrlKey) {
    // Copying and pasting are the browser's.
    if (shiftKey) return null;
    const control = controlOf(key);
    return control === null ? null : altKey ? `\u001b${control}` : control;
  }
  return altKey ? `\u001b${key}` : null;
}

/** Ctrl with a letter, or one of `@ [ \\ ] ^ _ ?` and a space. */
function controlOf(key: string): string | null {
  if (key === ' ') return '\u0000';
  if (key === '?') return '\u007f';
  const code = key.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code - 0x40) : null;
}

/** Line ends as Enter sends them; between marks where the program asked for them, and then no mark of the text's own ends it. */
export function pastedText(text: string, isBracketed: boolean): string {
  const lines = text.replaceAll(/\r?\n/g, '\r');
  return isBracketed ? `\u001b[200~${lines.replaceAll(/\u001b\[20[01]~/g, '')}\u001b[201~` : lines;
}
