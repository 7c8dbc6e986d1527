/**
 * SQL in colours: cut into spans by the parser of the editor, loaded when it is first needed. The same classes for all of them;
 * no text is changed.
 */
import { useEffect, useState } from 'react';

export interface Span {
  readonly text: string;
  readonly look: string;
}
export type Highlighter = (text: string) => readonly Span[];

/** Longer statements are shown without colours: nobody reads so many. */
const lengthMax = 40_000;

const looks: Readonly<Record<string, string>> = {
  'tok-keyword': 'text-info',
  'tok-string': 'text-good',
  'tok-string2': 'text-good',
  'tok-number': 'text-warn',
  'tok-bool': 'text-warn',
  'tok-comment': 'text-faint italic',
  'tok-typeName': 'text-veil',
  'tok-operator': 'text-quiet',
  'tok-punctuation': 'text-quiet',
};

const loaded = new Map<string, Promise<Highlighter>>();

async function load(protocol: string): Promise<Highlighter> {
  const [{ PostgreSQL, MySQL }, { highlightCode, classHighlighter }] = await Promise.all([
    import('@codemirror/lang-sql'),
    import('@lezer/highlight'),
  ]);
  const { parser } = (protocol === 'mysql' ? MySQL : PostgreSQL).language;
  return (text) => {
    if (text.length > lengthMax) return [{ text, look: '' }];
    const spans: Span[] = [];
    highlightCode(
      text,
      parser.parse(text),
      classHighlighter,
      (piece, classes) => {
        const look = classes.split(' ').map((name) => looks[name] ?? '');
        spans.push({ text: piece, look: look.join(' ').trim() });
      },
      () => spans.push({ text: '\n', look: '' }),
    );
    return spans;
  };
}

/** Null until it is there. */
export function useSql(protocol: string, isWanted: boolean): Highlighter | null {
  const [highlighter, setHighlighter] = useState<Highlighter | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    let isHere = true;
    const loading = loaded.get(protocol) ?? load(protocol);
    loaded.set(protocol, loading);
    void loading.then((made) => isHere && setHighlighter(() => made));
    return () => {
      isHere = false;
    };
  }, [protocol, isWanted]);
  return highlighter;
}
