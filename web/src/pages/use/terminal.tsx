/**
 * A terminal in the console. Keys go to a field that only takes them; the screen is drawn as recordings are. Shift and Escape leave it.
 */
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, Kbd } from '../../ui/controls.tsx';
import { rowEm, TerminalScreen } from '../../ui/terminal/screen.ts';
import { Bench } from './bench.ts';
import type { LiveEmulator } from './emulator.ts';
import { keyText, pastedText } from './keyboard.ts';

const fontPixels = 13;
const columnsMin = 40;
const rowsMin = 8;

export function TerminalBench({ resource }: { readonly resource: string }): ReactNode {
  const [attempt, setAttempt] = useState(0);
  return <Opened key={attempt} resource={resource} onAgain={() => setAttempt(attempt + 1)} />;
}

const never = (): (() => void) => () => undefined;
const none = (): null => null;

function Opened({ resource, onAgain }: { readonly resource: string; readonly onAgain: () => void }): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const terminal = useTerminal(resource, frame, host);
  const state = useSyncExternalStore(terminal?.bench.subscribe ?? never, terminal?.bench.state ?? none);
  const phase = state?.phase ?? 'opening';
  useEffect(() => {
    if (phase === 'ready') field.current?.focus();
  }, [phase]);
  const type = (text: string): void => terminal?.bench.type(new TextEncoder().encode(text));
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div role="status" className="flex min-h-10 items-center gap-2 border-b px-4 py-1 md:px-6">
        {phase === 'opening' ? <span className="text-quiet">Opening…</span> : null}
        {phase === 'ready' ? <Badge tone="good">connected</Badge> : null}
        {phase === 'over' ? (
          <>
            <span className="text-bad">
              <Safe text={state?.said ?? 'It is over.'} />
            </span>
            <Button size="small" onClick={onAgain}>
              Open again
            </Button>
          </>
        ) : null}
        <span className="ml-auto hidden items-center gap-1 text-quiet md:flex">
          <Kbd>Shift</Kbd> <Kbd>Esc</Kbd> leaves the terminal
        </span>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the field inside takes the keys; a click only leads there */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div
        ref={frame}
        className="relative min-h-0 flex-1 overflow-auto bg-[#15181a] p-2 focus-within:outline-2 focus-within:-outline-offset-2 focus-within:outline-accent"
        onClick={() => {
          if (getSelection()?.isCollapsed !== false) field.current?.focus({ preventScroll: true });
        }}
      >
        <div
          ref={host}
          aria-label={`Screen of ${resource}`}
          role="img"
          className="relative font-mono text-[13px] leading-none"
        />
        <textarea
          ref={field}
          aria-label={`Terminal of ${resource}`}
          autoCapitalize="off"
          autoComplete="off"
          autoCorrect="off"
          spellCheck={false}
          className="absolute bottom-0 left-0 h-px w-px resize-none opacity-0"
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Escape' && event.shiftKey) {
              event.currentTarget.blur();
              return;
            }
            const text = keyText(event, terminal?.emulator()?.isApplication ?? false);
            if (text === null) return;
            event.preventDefault();
            event.stopPropagation();
            type(text);
          }}
          onInput={(event) => {
            const given = event.currentTarget.value;
            if ((event.nativeEvent as InputEvent).isComposing || given === '') return;
            event.currentTarget.value = '';
            type(given);
          }}
          onCompositionEnd={(event) => {
            const given = event.currentTarget.value;
            event.currentTarget.value = '';
            if (given !== '') type(given);
          }}
          onPaste={(event) => {
            event.preventDefault();
            type(pastedText(event.clipboardData.getData('text/plain'), terminal?.emulator()?.isBracketed ?? false));
          }}
        />
      </div>
    </div>
  );
}

interface Opened {
  readonly bench: Bench;
  readonly emulator: () => LiveEmulator | null;
}

/** Opened at the size that the page has room for, and kept at it. */
function useTerminal(
  resource: string,
  frame: { readonly current: HTMLDivElement | null },
  host: { readonly current: HTMLDivElement | null },
): Opened | null {
  const [opened, setOpened] = useState<Opened | null>(null);
  useEffect(() => {
    const around = frame.current!;
    const inside = host.current!;
    let size = sizeOf(around, inside);
    const bench = new Bench(resource, size);
    let emulator: LiveEmulator | null = null;
    let isGone = false;
    let waiting: Uint8Array[] = [];
    const screen = new TerminalScreen(inside);
    let request: number | null = null;
    const draw = (): void => {
      request ??= requestAnimationFrame(() => {
        request = null;
        if (emulator === null) return;
        const isAtEnd = around.scrollHeight - around.scrollTop - around.clientHeight < fontPixels * 3;
        screen.draw(emulator.frame());
        if (isAtEnd) around.scrollTop = around.scrollHeight;
      });
    };
    bench.onOutput = (data) => {
      if (emulator === null) waiting.push(data);
      else emulator.write(data, draw);
    };
    void import('./emulator.ts').then(({ LiveEmulator }) => {
      if (isGone) return;
      emulator = new LiveEmulator(size.columns, size.rows);
      for (const data of waiting) emulator.write(data, draw);
      waiting = [];
    });
    const observer = new ResizeObserver(() => {
      const next = sizeOf(around, inside);
      if (next.columns === size.columns && next.rows === size.rows) return;
      size = next;
      emulator?.resize(size.columns, size.rows);
      bench.resize(size.columns, size.rows);
      draw();
    });
    observer.observe(around);
    setOpened({ bench, emulator: () => emulator });
    return () => {
      isGone = true;
      observer.disconnect();
      if (request !== null) cancelAnimationFrame(request);
      bench.close();
      emulator?.close();
    };
  }, [resource, frame, host]);
  return opened;
}

/** Cells that fit: measured with a row of the font itself. */
function sizeOf(around: HTMLElement, inside: HTMLElement): { readonly columns: number; readonly rows: number } {
  const probe = document.createElement('span');
  probe.textContent = '0'.repeat(100);
  probe.style.visibility = 'hidden';
  inside.append(probe);
  const width = probe.getBoundingClientRect().width / 100;
  probe.remove();
  const style = getComputedStyle(around);
  const room = around.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
  const height = around.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
  return {
    columns: Math.max(columnsMin, Math.min(1000, Math.floor(room / (width || 8)))),
    rows: Math.max(rowsMin, Math.min(1000, Math.floor(height / (fontPixels * rowEm)))),
  };
}
