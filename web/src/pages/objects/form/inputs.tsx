/** Widgets of single values: text, numbers, choices, spans of time. */
import { type ReactNode, useId } from 'react';
import { safeText } from '../../../format/safe.tsx';
import { Input, Select, TextArea } from '../../../ui/controls.tsx';
import type { Path } from '../document.ts';
import { durationPattern, isDuration, isLongText, type Schema, titleOf } from '../schema.ts';
import { useForm } from './context.ts';

export interface WidgetIds {
  readonly id: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: true;
}

export interface WidgetProps {
  readonly name: string;
  readonly path: Path;
  readonly schema: Schema;
  readonly value: unknown;
  readonly ids: WidgetIds;
}

export const isDurationField = isDuration;

const asText = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'object' ? '' : String(value);

/** What exists already, for an input. */
export function Suggested({ id, of }: { readonly id: string; readonly of: readonly string[] }): ReactNode {
  return (
    <datalist id={id}>
      {of.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}

export function TextInput({ path, schema, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const list = useId();
  const suggested = form.suggest(path);
  const text = asText(value);
  const change = (next: string): void => form.set(path, next === '' && path.at(-1) !== 'name' ? undefined : next);
  if (isLongText(schema) || text.includes('\n')) {
    return (
      <TextArea
        {...ids}
        value={text}
        readOnly={form.isReadOnly}
        rows={Math.min(8, Math.max(2, text.split('\n').length))}
        spellCheck={false}
        onChange={(event) => change(event.target.value)}
        className="font-mono text-xs"
      />
    );
  }
  const isPassword = schema.writeOnly === true;
  return (
    <>
      <Input
        {...ids}
        type={isPassword ? 'password' : 'text'}
        value={text}
        readOnly={form.isReadOnly}
        autoComplete="off"
        spellCheck={false}
        list={suggested.length === 0 ? undefined : list}
        placeholder={placeholderOf(schema, name)}
        onChange={(event) => change(event.target.value)}
        className={isCode(name) ? 'font-mono text-xs' : undefined}
      />
      {suggested.length === 0 ? null : <Suggested id={list} of={suggested} />}
    </>
  );
}

function isCode(name: string): boolean {
  return ['when', 'pattern', 'query', 'command', 'condition', 'address'].includes(name);
}

function placeholderOf({ format, default: preset }: Schema, name: string): string | undefined {
  if (typeof preset === 'string') return preset;
  if (format === 'date-time') return '2027-01-31T12:00:00Z';
  return { address: 'db.internal:5432', name: 'a-z 0-9 . _ -' }[name];
}

export function NumberInput({ path, schema, value, ids }: WidgetProps): ReactNode {
  const form = useForm();
  return (
    <Input
      {...ids}
      type="number"
      inputMode="numeric"
      value={asText(value)}
      readOnly={form.isReadOnly}
      min={schema.minimum}
      max={schema.maximum}
      placeholder={asText(schema.default)}
      onChange={(event) => form.set(path, event.target.value === '' ? undefined : Number(event.target.value))}
      className="max-w-40"
    />
  );
}

export function EnumInput({ path, schema, value, ids }: WidgetProps): ReactNode {
  const form = useForm();
  const choices = schema.enum ?? [];
  const isKnown = value === undefined || choices.includes(value as string);
  return (
    <Select
      {...ids}
      value={asText(value)}
      disabled={form.isReadOnly}
      onChange={(event) => {
        const chosen = choices.find((choice) => String(choice) === event.target.value);
        form.set(path, chosen);
      }}
      className="w-full max-w-72"
    >
      {value === undefined || schema.default !== undefined ? (
        <option value="">
          {schema.default === undefined ? 'Choose…' : `${String(schema.default)} (unless given)`}
        </option>
      ) : null}
      {isKnown ? null : <option value={asText(value)}>{safeText(asText(value))}: unknown</option>}
      {choices.map((choice) => (
        <option key={String(choice)} value={String(choice)}>
          {String(choice)}
        </option>
      ))}
    </Select>
  );
}

export function FlagInput({ path, schema, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const isOn = value === undefined ? schema.default === true : value === true;
  return (
    <label className="inline-flex h-8 items-center gap-2">
      <input
        {...ids}
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        aria-label={titleOf(name)}
        checked={isOn}
        disabled={form.isReadOnly}
        onChange={(event) => form.set(path, event.target.checked)}
        className="size-4 accent-(--accent)"
      />
      <span className="text-quiet">{isOn ? 'yes' : 'no'}</span>
    </label>
  );
}

const units = { s: 'seconds', m: 'minutes', h: 'hours', d: 'days' } as const;

/** `30m` as a number and a unit; what is spelled otherwise stays as it is. */
export function DurationInput(props: WidgetProps): ReactNode {
  const { path, value, ids, name } = props;
  const form = useForm();
  const text = asText(value);
  const match = durationPattern.exec(text === '' ? '0m' : text);
  if (match === null) return <TextInput {...props} schema={{ type: 'string' }} />;
  const [, count, unit] = match;
  const put = (next: string, of: string): void =>
    form.set(path, next === '' || next === '0' ? undefined : `${next}${of}`);
  return (
    <div className="flex gap-2">
      <Input
        {...ids}
        type="number"
        inputMode="numeric"
        min={1}
        value={text === '' ? '' : count}
        readOnly={form.isReadOnly}
        onChange={(event) => put(event.target.value, unit!)}
        className="max-w-28"
      />
      <Select
        aria-label={`Unit of ${titleOf(name)}`}
        className="max-w-32"
        value={unit}
        disabled={form.isReadOnly}
        onChange={(event) => put(text === '' ? '1' : count!, event.target.value)}
      >
        {Object.entries(units).map(([key, word]) => (
          <option key={key} value={key}>
            {word}
          </option>
        ))}
      </Select>
    </div>
  );
}
