/** Widgets of many values: names as chips with what exists suggested, choices as switches, labels as pairs. */
import { Plus, X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { Safe, safeText } from '../../../format/safe.tsx';
import { cx, IconButton, Input } from '../../../ui/controls.tsx';
import { titleOf } from '../schema.ts';
import { useForm } from './context.ts';
import { Suggested, type WidgetProps } from './inputs.tsx';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Enter, a comma or leaving adds what was typed; Backspace in the empty field takes the last away. */
export function TextList({ path, schema, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const listId = useId();
  const [text, setText] = useState('');
  const given = listOf(value).map(String);
  const isNumber = schema.items?.type === 'integer';
  const put = (next: readonly string[]): void =>
    form.set(path, next.length === 0 && !given.length ? undefined : next.map((one) => (isNumber ? Number(one) : one)));
  const add = (typed: string): void => {
    const words = (isLong(name) ? [typed] : typed.split(',')).map((word) => word.trim()).filter((word) => word !== '');
    setText('');
    const fresh = words.filter((word) => !given.includes(word));
    if (fresh.length > 0) put([...given, ...fresh]);
  };
  const suggested = form.suggest(path).filter((one) => !given.includes(one));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' || (event.key === ',' && !isLong(name))) {
      event.preventDefault();
      add(text);
    } else if (event.key === 'Backspace' && text === '' && given.length > 0) put(given.slice(0, -1));
  };
  return (
    <div
      className={cx(
        'flex min-h-8 flex-wrap items-center gap-1 rounded-md border border-line-strong/50 bg-sheet p-1 focus-within:outline-2 focus-within:outline-(--focus)',
        ids['aria-invalid'] && 'border-bad',
      )}
    >
      {given.map((one, index) => (
        <Chip
          key={`${one}-${index}`}
          text={one}
          isWide={isLong(name)}
          {...(form.isReadOnly ? {} : { onRemove: () => put(given.filter((_, at) => at !== index)) })}
        />
      ))}
      {form.isReadOnly ? null : (
        <input
          {...ids}
          value={text}
          list={suggested.length === 0 ? undefined : listId}
          autoComplete="off"
          spellCheck={false}
          placeholder={given.length === 0 ? placeholderOf(name) : 'Add…'}
          onChange={(event) => {
            const next = event.target.value;
            // Chosen from the list: nothing else to press.
            if (suggested.includes(next) && !(event.nativeEvent as InputEvent).inputType?.startsWith('insertText'))
              add(next);
            else setText(next);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => add(text)}
          className="h-6 min-w-24 flex-1 bg-transparent px-1.5 outline-none placeholder:text-faint"
        />
      )}
      {suggested.length === 0 ? null : <Suggested id={listId} of={suggested} />}
    </div>
  );
}

/** What may hold commas and is read as a whole. */
function isLong(name: string): boolean {
  return ['sshKeys', 'keys', 'certificates', 'host_keys', 'text', 'patterns', 'routes', 'words', 'scopes'].includes(
    name,
  );
}

function placeholderOf(name: string): string {
  const examples: Readonly<Record<string, string>> = {
    columns: 'public.customers.email',
    relations: 'public.customers',
    paths: '/v1/customers/*',
    detect: 'email, credit_card',
    host_keys: 'ssh-ed25519 AAAA… or SHA256:…',
    sshKeys: 'ssh-ed25519 AAAA… comment',
  };
  return examples[name] ?? 'Add…';
}

function Chip({
  text,
  onRemove,
  isWide,
}: {
  readonly text: string;
  readonly onRemove?: () => void;
  readonly isWide: boolean;
}): ReactNode {
  return (
    <span className="inline-flex h-6 max-w-full items-center gap-0.5 rounded bg-raised pl-2 text-xs">
      <span className={cx('truncate', isWide && 'max-w-96 font-mono', onRemove === undefined && 'pr-2')}>
        <Safe text={text} oneLine />
      </span>
      {onRemove === undefined ? null : (
        <button
          type="button"
          aria-label={`Take ${safeText(text)} away`}
          onClick={onRemove}
          className="grid size-6 place-content-center rounded text-quiet hover:text-ink"
        >
          <X className="size-3" />
        </button>
      )}
    </span>
  );
}

/** Many of a few choices. */
export function EnumList({ path, schema, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const given = listOf(value).map(String);
  const choices = (schema.items?.enum ?? []).map(String);
  const [isAll, setAll] = useState(false);
  const shown =
    isAll || choices.length <= 12 ? choices : choices.filter((choice, index) => index < 10 || given.includes(choice));
  const toggle = (choice: string): void => {
    const next = given.includes(choice) ? given.filter((one) => one !== choice) : [...given, choice];
    form.set(path, next.length === 0 ? undefined : next);
  };
  return (
    <div
      id={ids.id}
      role="group"
      aria-label={titleOf(name)}
      aria-describedby={ids['aria-describedby']}
      className="flex flex-wrap gap-1"
    >
      {shown.map((choice) => {
        const isOn = given.includes(choice);
        return (
          <button
            key={choice}
            type="button"
            aria-pressed={isOn}
            disabled={form.isReadOnly}
            onClick={() => toggle(choice)}
            className={cx(
              'h-6 rounded border px-2 text-xs disabled:cursor-not-allowed',
              isOn ? 'border-transparent bg-accent-soft font-medium text-accent' : 'bg-sheet text-quiet hover:bg-hover',
            )}
          >
            {choice}
          </button>
        );
      })}
      {shown.length === choices.length ? null : (
        <button
          type="button"
          onClick={() => setAll(true)}
          className="h-6 rounded px-2 text-xs text-accent hover:bg-hover"
        >
          {choices.length - shown.length} more…
        </button>
      )}
    </div>
  );
}

/** Names with a text each. The new pair is put in when both are there. */
export function Labels({ path, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const keyList = useId();
  const valueList = useId();
  const [fresh, setFresh] = useState({ key: '', value: '' });
  const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const keys = form.suggest(path);
  const valuesFor = (key: string): readonly string[] => form.suggest([...path, key]);
  const put = (next: { key: string; value: string }): void => {
    if (next.key.trim() === '' || next.value.trim() === '') return;
    form.set([...path, next.key.trim()], next.value.trim());
    setFresh({ key: '', value: '' });
  };
  const title = titleOf(name);
  return (
    <div className="grid gap-1.5">
      {given.map(([key, one]) => (
        <div key={key} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_2rem] items-center gap-1.5">
          <span className="truncate rounded-md bg-raised px-2.5 py-1.5 text-xs" title={safeText(key)}>
            <Safe text={key} oneLine />
          </span>
          <Input
            aria-label={`${title}: ${safeText(key)}`}
            value={typeof one === 'string' ? one : JSON.stringify(one)}
            readOnly={form.isReadOnly}
            onChange={(event) => form.set([...path, key], event.target.value)}
          />
          {form.isReadOnly ? null : (
            <IconButton
              label={`Take ${safeText(key)} away`}
              className="size-7"
              onClick={() => form.set(given.length === 1 ? path : [...path, key], undefined)}
            >
              <X />
            </IconButton>
          )}
        </div>
      ))}
      {form.isReadOnly ? null : (
        <div className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_2rem] items-center gap-1.5">
          <Input
            {...ids}
            value={fresh.key}
            list={keyList}
            placeholder="name"
            autoComplete="off"
            onChange={(event) => setFresh({ ...fresh, key: event.target.value })}
          />
          <Input
            aria-label={`Value of the new one of ${title}`}
            value={fresh.value}
            list={valueList}
            placeholder="value"
            autoComplete="off"
            onChange={(event) => setFresh({ ...fresh, value: event.target.value })}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return;
              event.preventDefault();
              put(fresh);
            }}
            onBlur={() => put(fresh)}
          />
          <IconButton label={`Add to ${title}`} className="size-7" onClick={() => put(fresh)}>
            <Plus />
          </IconButton>
          <Suggested id={keyList} of={keys} />
          <Suggested id={valueList} of={valuesFor(fresh.key.trim())} />
        </div>
      )}
    </div>
  );
}
