/**
 * Where a secret is: given here and sealed on arrival, stored, in a variable or in a file of the gateway.
 *
 * Invariant: what is typed goes into the manifest that is applied and nowhere else; what is stored is never shown.
 */
import { type ReactNode, useId } from 'react';
import { Input, Select, TextArea } from '../../../ui/controls.tsx';
import { titleOf } from '../schema.ts';
import { useForm } from './context.ts';
import { Suggested, type WidgetProps } from './inputs.tsx';

const places = {
  value: 'typed in here, then sealed',
  store: 'a stored secret',
  env: 'a variable of the gateway',
  file: 'a file on the gateway',
} as const;
type Where = keyof typeof places;

export function SecretInput({ path, value, ids, name }: WidgetProps): ReactNode {
  const form = useForm();
  const list = useId();
  const source = typeof value === 'object' && value !== null ? (value as Partial<Record<Where, string>>) : {};
  const where = (Object.keys(places) as Where[]).find((one) => source[one] !== undefined) ?? 'value';
  const text = source[where] ?? '';
  const put = (place: Where, next: string): void =>
    form.set(path, next === '' && place === 'value' ? undefined : { [place]: next });
  const title = titleOf(name);
  // Keys are of many lines, which an input of one would join.
  const isLong = where === 'value' && /key|certificate/i.test(name);
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] gap-2">
      {isLong ? (
        <TextArea
          {...ids}
          autoComplete="off"
          spellCheck={false}
          readOnly={form.isReadOnly}
          value={text}
          placeholder="-----BEGIN …"
          onChange={(event) => put(where, event.target.value)}
          className="font-mono text-xs"
        />
      ) : (
        <Input
          {...ids}
          type={where === 'value' ? 'password' : 'text'}
          autoComplete="new-password"
          spellCheck={false}
          readOnly={form.isReadOnly}
          value={text}
          list={where === 'store' ? list : undefined}
          placeholder={
            { value: 'the secret itself', store: 'its name', env: 'DB_PASSWORD', file: '/run/secrets/db' }[where]
          }
          onChange={(event) => put(where, event.target.value)}
        />
      )}
      <Select
        aria-label={`Where ${title} is`}
        disabled={form.isReadOnly}
        value={where}
        onChange={(event) => form.set(path, { [event.target.value]: '' })}
        className="max-w-44"
      >
        {(Object.keys(places) as Where[]).map((one) => (
          <option key={one} value={one}>
            {places[one]}
          </option>
        ))}
      </Select>
      {where === 'store' ? <Suggested id={list} of={form.suggest([...path, 'store'])} /> : null}
    </div>
  );
}
