/** What a program without a terminal wrote, as text: sequences that draw are left out, nothing is acted upon (A-SSH-22). */
import { type ReactNode, useMemo, useState } from 'react';
import { TerminalParser } from '../../../../src/base/terminal.ts';
import { bytes } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';

const linesFirst = 20;
const linesMax = 5_000;

function linesOf(text: string): string[] {
  const parser = new TerminalParser();
  let plain = '';
  for (const token of parser.push(text)) {
    if (token.kind === 'text') plain += token.text;
    else if (token.kind === 'control' && (token.control === '\n' || token.control === '\t')) plain += token.control;
  }
  return plain.replace(/\n$/, '').split('\n');
}

export function ScreenText({ text, bytes: size }: { readonly text: string; readonly bytes: number }): ReactNode {
  const [isWhole, setWhole] = useState(false);
  const lines = useMemo(() => linesOf(text), [text]);
  const shown = lines.slice(0, isWhole ? linesMax : linesFirst);
  return (
    <div className="border-t px-4 py-2.5">
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        role="region"
        aria-label="Output"
        className="max-h-96 overflow-auto rounded-md bg-raised p-2.5 font-mono text-xs break-words whitespace-pre-wrap"
      >
        <Safe text={shown.join('\n')} />
      </pre>
      <p className="mt-1 flex items-center gap-2 text-2xs text-quiet">
        {bytes(size)}
        {lines.length > shown.length && !isWhole ? (
          <Button size="small" tone="ghost" onClick={() => setWhole(true)}>
            Show {lines.length - shown.length} more lines
          </Button>
        ) : null}
      </p>
    </div>
  );
}
