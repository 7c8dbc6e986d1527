/** Text to be copied: shown as it is, with a button that copies it and says that it did. */
import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Safe } from '../format/safe.tsx';
import { cx, IconButton } from './controls.tsx';

const saidMs = 1_500;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), saidMs);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (): void => {
    // Not there where the page came without TLS from another machine.
    const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => setState('copied'),
      () => setState('failed'),
    );
  };
  return (
    <>
      <IconButton
        label={state === 'failed' ? 'Select it and copy it by hand' : label}
        className="size-7"
        onClick={copy}
      >
        {state === 'copied' ? <Check className="text-good" /> : <Copy />}
      </IconButton>
      <span role="status" className="sr-only">
        {state === 'copied' ? 'Copied' : state === 'failed' ? 'It could not be copied' : ''}
      </span>
    </>
  );
}

/** Lines for a terminal or a file. */
export function CopyBlock({
  title,
  text,
  note,
  className,
}: {
  readonly title: string;
  readonly text: string;
  readonly note?: ReactNode;
  readonly className?: string;
}): ReactNode {
  return (
    <section aria-label={title} className={cx('min-w-0 overflow-hidden rounded-lg border bg-sheet', className)}>
      <div className="flex min-h-9 items-center gap-2 border-b pr-1 pl-3">
        <h3 className="mr-auto text-xs font-medium text-quiet">{title}</h3>
        <CopyButton text={text} label={`Copy ${title}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line scrolls, and must be reached by keys to do so */}
      <pre tabIndex={0} className="overflow-x-auto p-3 font-mono text-xs leading-5 whitespace-pre">
        <Safe text={text} />
      </pre>
      {note === undefined ? null : <p className="border-t bg-ground px-3 py-2 text-xs text-quiet">{note}</p>}
    </section>
  );
}

/** One value or command, with its button beside it. */
export function Copyable({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }): ReactNode {
  return (
    <span className="flex min-w-0 items-start gap-1 rounded-md border bg-ground pl-2.5">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line scrolls, and must be reached by keys to do so */}
      <code tabIndex={0} className="min-w-0 flex-1 overflow-x-auto py-1 font-mono text-xs leading-5 whitespace-pre">
        <Safe text={text} />
      </code>
      <CopyButton text={text} label={label} />
    </span>
  );
}
