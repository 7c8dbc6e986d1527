/**
 * A text editor for code: YAML, SQL, or plain. CodeMirror, loaded when it is first shown.
 *
 * Invariants: it lives in a shadow root, where its styles are adopted sheets and the policy needs no exception; colours are the
 * page's variables, so light and dark come by themselves; Tab indents, and after Escape moves on as everywhere.
 *
 * Deliberately absent: what a text means. Problems and completions are the caller's.
 */
import { type ReactNode, type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react';
import type { CodeView } from './code-mirror.ts';
import { cx } from './controls.tsx';

export interface CodeProblem {
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly tone?: 'error' | 'warning';
}

export interface CodeChoice {
  readonly label: string;
  readonly detail?: string;
  readonly info?: string;
  /** In place of the label. */
  readonly insert?: string;
  readonly kind?: 'property' | 'enum' | 'text' | 'keyword' | 'type' | 'function' | 'namespace';
}

export interface CodeChoices {
  /** From where on the text is replaced. */
  readonly from: number;
  readonly choices: readonly CodeChoice[];
}

export type Completer = (text: string, at: number) => CodeChoices | null | Promise<CodeChoices | null>;

export interface CodeEditorHandle {
  /** Puts the cursor there and shows it. */
  reveal(at: number): void;
  focus(): void;
}

export interface CodeEditorProps {
  readonly label: string;
  readonly value: string;
  readonly onChange?: (text: string) => void;
  readonly language?: 'yaml' | 'sql' | 'text';
  readonly problems?: readonly CodeProblem[];
  readonly complete?: Completer;
  readonly onSubmit?: () => void;
  readonly placeholder?: string;
  readonly readOnly?: boolean;
  readonly lineNumbers?: boolean;
  readonly className?: string;
  readonly ref?: Ref<CodeEditorHandle>;
}

export function CodeEditor(props: CodeEditorProps): ReactNode {
  const { value, problems, readOnly = false } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<CodeView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const wanted = useRef<number | null>(null);
  const [isReady, setReady] = useState(false);
  useImperativeHandle(props.ref, () => ({
    reveal: (at) => {
      if (view.current === null) wanted.current = at;
      else view.current.reveal(at);
    },
    focus: () => view.current?.focus(),
  }));
  useEffect(() => {
    let isGone = false;
    void import('./code-mirror.ts').then(({ openCode }) => {
      if (isGone || host.current === null) return;
      view.current = openCode(host.current, () => latest.current);
      if (wanted.current !== null) view.current.reveal(wanted.current);
      setReady(true);
    });
    return () => {
      isGone = true;
      view.current?.close();
      view.current = null;
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once it is there, it is given what came meanwhile
  useEffect(
    () => view.current?.take({ value, problems: problems ?? [], readOnly }),
    [value, problems, readOnly, isReady],
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only keeps what is typed in it from the keys of the page
    <div
      className={cx('relative min-h-0 min-w-0 overflow-hidden bg-sheet', props.className)}
      onKeyDown={(event) => {
        if (!event.metaKey && !event.ctrlKey) event.stopPropagation();
      }}
    >
      <div ref={host} className="absolute inset-0" />
      {isReady ? null : (
        <pre aria-hidden="true" className="h-full overflow-hidden p-3 font-mono text-xs leading-5 text-quiet">
          {value}
        </pre>
      )}
    </div>
  );
}
