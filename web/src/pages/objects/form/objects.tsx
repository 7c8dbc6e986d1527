/** Widgets that hold fields themselves: an object, a list of objects, objects by name. */
import { Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Safe, safeText } from '../../../format/safe.tsx';
import { Button, IconButton, Input } from '../../../ui/controls.tsx';
import { Menu } from '../../../ui/overlays.tsx';
import type { Path } from '../document.ts';
import { blankOf, type Schema, titleOf } from '../schema.ts';
import { isAlwaysShown, useForm } from './context.ts';
import { SchemaField } from './field.tsx';
import type { WidgetProps } from './inputs.tsx';

/** More than so many fields that could be added stand in a menu. */
const chipsMax = 3;

export function ObjectFields({
  path,
  schema,
  value,
}: {
  readonly path: Path;
  readonly schema: Schema;
  readonly value: unknown;
}): ReactNode {
  const form = useForm();
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const properties = Object.entries(schema.properties ?? {}).filter(
    // What stands for which shape it is has its own choice; what only a provider writes is not written here.
    ([name, one]) =>
      one.const === undefined &&
      !(form.kind === 'Principal' && ['identity', 'provided'].includes(name) && given[name] === undefined),
  );
  const isShown = ([name]: readonly [string, Schema]): boolean =>
    given[name] !== undefined || schema.required?.includes(name) === true || isAlwaysShown(form.kind, path, name);
  const shown = properties.filter(isShown);
  const others = properties.filter((property) => !isShown(property));
  const unknown = Object.keys(given).filter((name) => schema.properties?.[name] === undefined);
  return (
    <>
      {shown.map(([name, one]) => (
        <SchemaField
          key={name}
          name={name}
          path={[...path, name]}
          schema={one}
          isRequired={schema.required?.includes(name) === true}
        />
      ))}
      {unknown.map((name) => (
        <p key={name} className="text-xs text-bad">
          <Safe text={name} oneLine /> is no field here.{' '}
          <button type="button" className="underline" onClick={() => form.reveal([...path, name])}>
            Show it in the YAML
          </button>
        </p>
      ))}
      {others.length === 0 || form.isReadOnly ? null : <Others path={path} of={others} />}
    </>
  );
}

function Others({ path, of }: { readonly path: Path; readonly of: readonly (readonly [string, Schema])[] }): ReactNode {
  const form = useForm();
  const add = (name: string, schema: Schema): void => form.set([...path, name], blankOf(schema));
  const place = titleOf(String(path.at(-1) ?? 'manifest')).toLowerCase();
  if (of.length <= chipsMax) {
    return (
      <div className="flex flex-wrap gap-1">
        {of.map(([name, schema]) => (
          <Button
            key={name}
            size="small"
            tone="ghost"
            title={schema.description}
            icon={<Plus className="size-3" />}
            onClick={() => add(name, schema)}
          >
            {titleOf(name)}
          </Button>
        ))}
      </div>
    );
  }
  return (
    <div>
      <Menu
        trigger={
          <Button size="small" tone="ghost" icon={<Plus className="size-3" />}>
            Add to {place}…
          </Button>
        }
        items={of.map(([name, schema]) => ({ label: titleOf(name), onSelect: () => add(name, schema) }))}
      />
    </div>
  );
}

export function ObjectList({ path, schema, value, name }: WidgetProps): ReactNode {
  const form = useForm();
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const one = titleOf(name).replace(/s$/, '').toLowerCase();
  return (
    <>
      {given.map((item, index) => (
        <div key={index} className="grid gap-3 rounded-md border bg-sheet p-3">
          <div className="flex items-center justify-between">
            <span className="text-2xs font-medium text-faint">
              {one} {index + 1}
            </span>
            {form.isReadOnly ? null : (
              <IconButton
                label={`Take ${one} ${index + 1} away`}
                className="size-6"
                onClick={() => form.set(given.length === 1 ? path : [...path, index], undefined)}
              >
                <Trash2 />
              </IconButton>
            )}
          </div>
          <ObjectFields path={[...path, index]} schema={schema.items!} value={item} />
        </div>
      ))}
      {form.isReadOnly ? null : (
        <div>
          <Button
            size="small"
            icon={<Plus className="size-3" />}
            onClick={() => form.set([...path, given.length], blankOf(schema.items!))}
          >
            Add {/^[aeiou]/.test(one) ? 'an' : 'a'} {one}
          </Button>
        </div>
      )}
    </>
  );
}

/** Objects by names that are given freely: what they hold is written as YAML where it has no fields of its own. */
export function ObjectMap({ path, value, name }: WidgetProps): ReactNode {
  const form = useForm();
  const [fresh, setFresh] = useState('');
  const given = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const add = (): void => {
    if (fresh.trim() === '') return;
    form.set([...path, fresh.trim()], {});
    form.reveal([...path, fresh.trim()]);
    setFresh('');
  };
  return (
    <>
      {given.map(([key, one]) => (
        <div key={key} className="flex items-center gap-2 rounded-md border bg-sheet px-3 py-1.5">
          <span className="font-medium">
            <Safe text={key} oneLine />
          </span>
          <span className="mr-auto truncate font-mono text-2xs text-quiet">
            <Safe text={spelled(one)} oneLine />
          </span>
          <Button size="small" tone="ghost" onClick={() => form.reveal([...path, key])}>
            In the YAML
          </Button>
          {form.isReadOnly ? null : (
            <IconButton
              label={`Take ${safeText(key)} away`}
              className="size-6"
              onClick={() => form.set([...path, key], undefined)}
            >
              <Trash2 />
            </IconButton>
          )}
        </div>
      ))}
      {form.isReadOnly ? null : (
        <div className="flex gap-1.5">
          <Input
            aria-label={`Name of the new one of ${titleOf(name)}`}
            value={fresh}
            placeholder="name"
            onChange={(event) => setFresh(event.target.value)}
            onKeyDown={(event) => event.key === 'Enter' && add()}
          />
          <Button icon={<Plus className="size-3" />} onClick={add}>
            Add
          </Button>
        </div>
      )}
    </>
  );
}

function spelled(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}: ${typeof one === 'object' ? JSON.stringify(one) : String(one)}`)
    .join(', ');
}
