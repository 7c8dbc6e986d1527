/**
 * The draft of an object: its text, what it parses to, what is wrong with it, and what it would change.
 *
 * Deliberately absent: any memory of drafts. What is not saved is asked about before one leaves, and gone afterwards.
 */
import { useMemo, useRef, useState } from 'react';
import type { FieldProblem } from '../../api/client.ts';
import type { CodeProblem } from '../../ui/editor.tsx';
import { type Checked, useChecked } from './checking.ts';
import { type Parsed, type Path, parse, placeOf, spell, withValue } from './document.ts';
import type { Kind, Manifest } from './kinds.ts';
import { emptyOf, templates } from './templates.ts';

export interface Draft {
  readonly kind: Kind;
  readonly text: string;
  readonly parsed: Parsed;
  /** The values to show: of the last text that parsed. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly isReadable: boolean;
  readonly isChanged: boolean;
  readonly checked: Checked;
  /** At fields. */
  readonly problems: readonly FieldProblem[];
  /** At places of the text. */
  readonly marks: readonly CodeProblem[];
  readonly name: string;
  setText(text: string): void;
  set(path: Path, value: unknown): void;
  /** What it is compared with from now on. */
  rebase(stored: Manifest): void;
}

/** What a new object begins with: a template, a copy, or nothing. */
export function beginningOf(kind: Kind, from: string, copied: Manifest | null): string {
  if (copied !== null) {
    const { metadata, spec } = copied;
    return spell({ kind, metadata: { ...metadata, name: `${metadata.name}-copy` }, spec });
  }
  return templates[kind].find(({ id }) => id === from)?.yaml ?? emptyOf(kind);
}

export function useDraft(kind: Kind, beginning: string, mayWrite: boolean): Draft {
  const [base, setBase] = useState(beginning);
  const [text, setText] = useState(beginning);
  const parsed = useMemo(() => parse(text), [text]);
  const lastValue = useRef<Readonly<Record<string, unknown>>>({ kind });
  if (parsed.value !== null) lastValue.current = parsed.value;
  const checked = useChecked(parsed, mayWrite);
  const problems = useMemo(() => [...otherKind(kind, parsed), ...checked.problems], [kind, parsed, checked.problems]);
  const marks = useMemo(
    () => [...parsed.problems, ...problems.map(({ path, on, message }) => ({ ...placeOf(parsed, path, on), message }))],
    [parsed, problems],
  );
  return {
    kind,
    text,
    parsed,
    value: lastValue.current,
    isReadable: parsed.value !== null,
    isChanged: text !== base,
    checked,
    problems,
    marks,
    name: nameOf(lastValue.current),
    setText,
    set: (path, value) => {
      if (parsed.value === null) return;
      setText((before) => withValue(before === parsed.text ? parsed : parse(before), path, value));
    },
    rebase: ({ metadata, spec }) => {
      const fresh = spell({ kind, metadata, spec });
      setBase(fresh);
      setText(fresh);
    },
  };
}

export function nameOf(value: Readonly<Record<string, unknown>>): string {
  const metadata = value['metadata'];
  const name = typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>)['name'] : '';
  return typeof name === 'string' ? name : '';
}

/** A manifest of another kind is valid, and not what this page is about. */
function otherKind(kind: Kind, { value }: Parsed): readonly FieldProblem[] {
  if (value === null || value['kind'] === kind) return [];
  return [{ document: 0, path: ['kind'], on: 'value', message: `must be ${kind} here` }];
}
