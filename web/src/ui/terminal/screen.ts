/**
 * Draws a terminal's screen into an element: rows of spans, nothing else (A-SSH-22). Colours are set through CSSOM, as the policy
 * wants it; there are no links, no titles, and nothing that was sent is acted upon.
 *
 * Invariants: text is set as text; what a program hid (invisible ink) is shown, underlined, since a reader should know of it; rows
 * that did not change are not touched.
 */
import { type Frame, type FrameRow, look, type Run } from './frame.ts';

/** The sixteen colours that have names, readable on the ground below. */
const named = [
  ...['#4e5760', '#ff8078', '#7bd88f', '#e9c46a', '#82b1ff', '#d6a2f5', '#74d4d4', '#d5dadb'],
  ...['#8c979f', '#ff9d96', '#9be8ab', '#f6d98b', '#a5c8ff', '#e5c1fb', '#9be7e7', '#ffffff'],
];
const ink = '#d9dddd';
const ground = '#15181a';
const levels = [0, 95, 135, 175, 215, 255];

function hex(value: number): string {
  return `#${value.toString(16).padStart(6, '0')}`;
}

export function colourOf(code: number): string | null {
  if (code < 0) return null;
  if (code >= 256) return hex(code - 256);
  if (code < 16) return named[code]!;
  if (code >= 232) return hex((8 + (code - 232) * 10) * 0x010101);
  const cube = code - 16;
  return hex((levels[Math.floor(cube / 36)]! << 16) | (levels[Math.floor(cube / 6) % 6]! << 8) | levels[cube % 6]!);
}

export class TerminalScreen {
  readonly #host: HTMLElement;
  readonly #rows: HTMLElement[] = [];
  #keys: string[] = [];
  #cursor: HTMLElement | null = null;

  constructor(host: HTMLElement) {
    this.#host = host;
    host.style.background = ground;
    host.style.color = ink;
  }

  draw(frame: Frame): void {
    const host = this.#host;
    host.style.width = `${frame.columns}ch`;
    while (this.#rows.length > frame.lines.length) this.#rows.pop()!.remove();
    while (this.#rows.length < frame.lines.length) {
      const row = document.createElement('div');
      row.className = 'h-[1.25em] whitespace-pre [direction:ltr] [unicode-bidi:bidi-override]';
      this.#rows.push(row);
      host.append(row);
    }
    this.#keys.length = frame.lines.length;
    for (const [index, line] of frame.lines.entries()) {
      if (this.#keys[index] === line.key) continue;
      this.#keys[index] = line.key;
      drawRow(this.#rows[index]!, line);
    }
    this.#place(frame);
  }

  /** A copy of what stands there. */
  text(): string {
    return this.#rows
      .map((row) => row.textContent ?? '')
      .join('\n')
      .trimEnd();
  }

  #place({ cursor, history }: Frame): void {
    this.#cursor ??= this.#makeCursor();
    this.#cursor.hidden = cursor === null;
    if (cursor === null) return;
    this.#cursor.style.transform = `translate(${cursor.x}ch, ${(history + cursor.y) * rowEm}em)`;
  }

  #makeCursor(): HTMLElement {
    const cursor = document.createElement('div');
    cursor.className =
      'pointer-events-none absolute top-0 left-0 h-[1.25em] w-[1ch] bg-[#d9dddd]/60 mix-blend-difference';
    cursor.setAttribute('aria-hidden', 'true');
    this.#host.append(cursor);
    return cursor;
  }
}

/** Height of a row; the class of rows says the same. */
export const rowEm = 1.25;

function drawRow(element: HTMLElement, { runs }: FrameRow): void {
  element.replaceChildren(...runs.map(spanOf));
  if (runs.length === 0) element.textContent = '\u00a0';
}

function spanOf(run: Run): Node {
  const { text, cells, looks } = run;
  const isPlain = run.ink === -1 && run.ground === -1 && looks === 0;
  const isWide = cells === 2 && [...text].length <= 2 && text.charCodeAt(0) > 0xff;
  if (isPlain && !isWide) return document.createTextNode(text);
  const span = document.createElement('span');
  span.textContent = text;
  const { style } = span;
  const isInverse = (looks & look.inverse) !== 0;
  // Bold text of the first eight colours is drawn in their bright ones, as terminals do.
  const inkCode = (looks & look.bold) !== 0 && run.ink >= 0 && run.ink < 8 ? run.ink + 8 : run.ink;
  const front = colourOf(isInverse ? run.ground : inkCode) ?? (isInverse ? ground : null);
  const back = colourOf(isInverse ? inkCode : run.ground) ?? (isInverse ? ink : null);
  if (front !== null) style.color = front;
  if (back !== null) style.backgroundColor = back;
  if ((looks & look.bold) !== 0) style.fontWeight = '600';
  if ((looks & look.italic) !== 0) style.fontStyle = 'italic';
  if ((looks & look.dim) !== 0) style.opacity = '0.75';
  const isHidden = (looks & look.hidden) !== 0;
  if (isHidden) span.title = 'The program wanted this not to be seen';
  const lines = [
    (looks & look.underline) !== 0 || isHidden ? 'underline' : '',
    (looks & look.strike) !== 0 ? 'line-through' : '',
  ];
  if (lines.some((line) => line !== '')) style.textDecorationLine = lines.join(' ').trim();
  if (isWide) {
    style.display = 'inline-block';
    style.width = `${cells}ch`;
    style.overflow = 'hidden';
    style.verticalAlign = 'bottom';
    style.height = `${rowEm}em`;
  }
  return span;
}
