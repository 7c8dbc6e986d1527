/** CodeMirror as `CodeEditor` has it: put together once, in a shadow root. A chunk of its own. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentLess, insertTab } from '@codemirror/commands';
import { sql } from '@codemirror/lang-sql';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { CodeEditorProps, CodeProblem } from './editor.tsx';

export interface CodeView {
  take(given: { readonly value: string; readonly problems: readonly CodeProblem[]; readonly readOnly: boolean }): void;
  reveal(at: number): void;
  focus(): void;
  close(): void;
}

const look = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--sheet)', color: 'var(--ink)', fontSize: '12.5px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--code-font)', lineHeight: '20px', overflow: 'auto' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 12px 0 6px' },
  '.cm-gutters': { backgroundColor: 'var(--sheet)', color: 'var(--faint)', border: 'none', paddingLeft: '4px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--hover) 55%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 24%, transparent)',
  },
  '.cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: 'none' },
  '.cm-placeholder': { color: 'var(--faint)' },
  '.cm-specialChar': { color: 'var(--warn)', backgroundColor: 'var(--warn-soft)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--sheet)',
    color: 'var(--ink)',
    border: '1px solid var(--line)',
    borderRadius: '8px',
    boxShadow: 'var(--shadow)',
    overflow: 'hidden',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--code-font)', maxHeight: '15em' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '20px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)',
    color: 'var(--ink)',
  },
  '.cm-completionDetail': { color: 'var(--faint)', fontStyle: 'normal' },
  '.cm-completionIcon': { display: 'none' },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '320px' },
  '.cm-diagnostic': { padding: '4px 10px', borderLeftWidth: '3px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--warn)' },
  '.cm-lintRange-error': { backgroundImage: 'none', borderBottom: '2px solid var(--bad)' },
  '.cm-lintRange-warning': { backgroundImage: 'none', borderBottom: '2px solid var(--warn)' },
  '.cm-gutter-lint': { width: '14px' },
  '.cm-lint-marker': { width: '8px', height: '8px', content: 'none', borderRadius: '50%', marginTop: '6px' },
  '.cm-lint-marker-error': { content: '""', backgroundColor: 'var(--bad)' },
  '.cm-lint-marker-warning': { content: '""', backgroundColor: 'var(--warn)' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-textfield, .cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--sheet)',
    color: 'var(--ink)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
  },
});

const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
    { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--info)', fontWeight: '500' },
    { tag: [tags.string, tags.special(tags.string)], color: 'var(--ink)' },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--veil)' },
    { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--faint)', fontStyle: 'italic' },
    { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--quiet)' },
    { tag: [tags.typeName, tags.labelName, tags.meta], color: 'var(--warn)' },
    { tag: tags.invalid, color: 'var(--bad)' },
  ]),
);

const languages: Readonly<Record<NonNullable<CodeEditorProps['language']>, () => Extension>> = {
  yaml,
  sql: () => sql(),
  text: () => [],
};

/** `current` gives the props as they are now: handlers are always the latest. */
export function openCode(host: HTMLElement, current: () => CodeEditorProps): CodeView {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  host.style.setProperty(
    '--code-font',
    'ui-monospace, "SF Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  );
  const editable = new Compartment();
  let isTaking = false;
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({ doc: current().value, extensions: extensionsOf(current, editable, () => isTaking) }),
  });
  return {
    take: ({ value, problems, readOnly }) => {
      const before = view.state.doc.toString();
      isTaking = true;
      if (before !== value) view.dispatch({ changes: smallest(before, value) });
      isTaking = false;
      view.dispatch({ effects: editable.reconfigure(editability(readOnly)) });
      view.dispatch(setDiagnostics(view.state, diagnosticsOf(problems, value.length)));
    },
    reveal: (at) => {
      const anchor = Math.min(at, view.state.doc.length);
      view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
      view.focus();
    },
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}

function extensionsOf(current: () => CodeEditorProps, editable: Compartment, isTaking: () => boolean): Extension {
  const { label, language = 'text', lineNumbers: numbered = true, placeholder: hint } = current();
  return [
    numbered ? [lineNumbers(), lintGutter()] : [],
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of('  '),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    autocompletion({
      icons: false,
      override: [
        async ({ state, pos, explicit }) => {
          const found = await current().complete?.(state.doc.toString(), pos);
          if (found == null || found.choices.length === 0) return null;
          if (!explicit && found.from === pos && !/[\s:[,-]$/.test(state.sliceDoc(Math.max(0, pos - 1), pos)))
            return null;
          return {
            from: found.from,
            options: found.choices.map(({ label: text, detail, info, insert, kind }) => ({
              label: text,
              ...(detail === undefined ? {} : { detail }),
              ...(info === undefined ? {} : { info }),
              ...(insert === undefined ? {} : { apply: insert }),
              ...(kind === undefined ? {} : { type: kind }),
            })),
          };
        },
      ],
    }),
    keymap.of([
      {
        key: 'Mod-Enter',
        run: () => {
          const { onSubmit } = current();
          onSubmit?.();
          return onSubmit !== undefined;
        },
      },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      { key: 'Tab', run: insertTab, shift: indentLess },
    ]),
    languages[language](),
    colours,
    look,
    hint === undefined ? [] : placeholder(hint),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && !isTaking()) current().onChange?.(update.state.doc.toString());
    }),
    editable.of(editability(current().readOnly === true)),
  ];
}

function editability(readOnly: boolean): Extension {
  return [EditorState.readOnly.of(readOnly)];
}

/** Only what differs, so that the cursor and what is scrolled to stay. */
function smallest(before: string, after: string): { from: number; to: number; insert: string } {
  let from = 0;
  const shorter = Math.min(before.length, after.length);
  while (from < shorter && before[from] === after[from]) from++;
  let tail = 0;
  while (tail < shorter - from && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { from, to: before.length - tail, insert: after.slice(from, after.length - tail) };
}

function diagnosticsOf(problems: readonly CodeProblem[], length: number): Diagnostic[] {
  return problems
    .map(({ from, to, message, tone = 'error' }) => {
      const start = Math.min(from, length);
      return { from: start, to: Math.max(start, Math.min(to, length)), message, severity: tone };
    })
    .sort((a, b) => a.from - b.from);
}
