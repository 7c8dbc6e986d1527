/** One field of the form, made by its schema: a label, a widget that fits, a hint, and what is wrong with it. */
import { Code, X } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { Button, cx, IconButton } from '../../../ui/controls.tsx';
import { type Path, valueAt } from '../document.ts';
import { indexOfVariant, isSecretSource, type Schema, titleOf, variantsOf } from '../schema.ts';
import { problemAt, problemBelow, useForm } from './context.ts';
import {
  DurationInput,
  EnumInput,
  FlagInput,
  isDurationField,
  NumberInput,
  TextInput,
  type WidgetIds,
} from './inputs.tsx';
import { EnumList, Labels, TextList } from './lists.tsx';
import { ObjectFields, ObjectList, ObjectMap } from './objects.tsx';
import { SecretInput } from './secret.tsx';

export interface FieldProps {
  readonly name: string;
  readonly path: Path;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** Those that show their parts by themselves, below a title. */
function isSection(schema: Schema, value: unknown): boolean {
  const shape = shapeOf(schema, value);
  if (shape === null) return false;
  if (isSecretSource(shape)) return false;
  if (shape.type === 'object') return shape.properties !== undefined || typeof shape.additionalProperties === 'object';
  return shape.type === 'array' && shape.items?.type === 'object';
}

function shapeOf(schema: Schema, value: unknown): Schema | null {
  const variants = variantsOf(schema);
  return variants === null ? schema : (variants[indexOfVariant(variants, value)] ?? null);
}

export function SchemaField(props: FieldProps): ReactNode {
  const form = useForm();
  const { schema, path, name, isRequired } = props;
  const value = valueAt(form.value, path);
  const id = useId();
  const isNested = isSection(schema, value) && !isLabelMap(schema);
  const problem = isNested ? problemAt(form, path) : problemBelow(form, path);
  const hint = isNested ? schema.description : hintOf(schema);
  const said = problem ?? hint;
  const ids: WidgetIds = {
    id,
    ...(said === undefined ? {} : { 'aria-describedby': `${id}-said` }),
    ...(problem === null ? {} : { 'aria-invalid': true as const }),
  };
  const title = titleOf(name);
  const remove =
    isRequired || value === undefined || form.isReadOnly ? null : (
      <IconButton label={`Take ${title} out`} className="size-6" onClick={() => form.set(path, undefined)}>
        <X />
      </IconButton>
    );
  const message =
    said === undefined ? null : (
      <p id={`${id}-said`} className={cx('text-xs', problem === null ? 'text-faint' : 'text-bad')}>
        {said}
      </p>
    );
  // Boxes within boxes are hard to read: below the first, a line at the side says what belongs together.
  const isDeep = path.length > 2;
  if (isNested) {
    return (
      <fieldset
        className={cx('min-w-0', isDeep ? 'border-l-2' : 'rounded-lg border bg-sheet')}
        aria-describedby={said === undefined ? undefined : `${id}-said`}
      >
        <legend className="sr-only">{title}</legend>
        <div className="flex min-h-8 items-center gap-2 pr-1 pl-3">
          <span aria-hidden="true" className="mr-auto text-xs font-medium">
            {title}
          </span>
          <VariantChoice {...props} value={value} />
          {remove}
        </div>
        <div className={cx('grid gap-3 pl-3', isDeep ? 'pr-0 pb-1' : 'pr-3 pb-3')}>
          {message}
          <Widget {...props} value={value} ids={ids} />
        </div>
      </fieldset>
    );
  }
  return (
    <div className="grid min-w-0 gap-1">
      <div className="flex min-h-6 items-center gap-2">
        <label htmlFor={id} className="mr-auto text-xs font-medium text-quiet">
          {title}
          {isRequired ? null : <span className="sr-only"> (may be left out)</span>}
        </label>
        <VariantChoice {...props} value={value} />
        {remove}
      </div>
      <Widget {...props} value={value} ids={ids} />
      {message}
    </div>
  );
}

function isLabelMap({ type, properties, additionalProperties }: Schema): boolean {
  return (
    type === 'object' &&
    properties === undefined &&
    typeof additionalProperties === 'object' &&
    additionalProperties.type === 'string'
  );
}

function hintOf({ description, default: preset }: Schema): string | undefined {
  if (preset === undefined || typeof preset === 'object' || description?.includes(String(preset))) return description;
  return `${description ?? ''} ${String(preset)} unless given.`.trim();
}

/** Which of several shapes it has, where there is a choice that its own widget does not make. */
function VariantChoice({ schema, path, value, name }: FieldProps & { readonly value: unknown }): ReactNode {
  const form = useForm();
  const variants = variantsOf(schema);
  if (variants === null) return null;
  return (
    <select
      aria-label={`Form of ${titleOf(name)}`}
      disabled={form.isReadOnly}
      value={indexOfVariant(variants, value)}
      onChange={(event) => form.set(path, blankOfVariant(variants[Number(event.target.value)]!))}
      className="h-6 rounded border border-line-strong/50 bg-sheet px-1 text-xs"
    >
      {variants.map((variant, index) => (
        <option key={index} value={index}>
          {variantName(variant)}
        </option>
      ))}
    </select>
  );
}

function blankOfVariant(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.type === 'array') return [];
  if (schema.type === 'boolean') return true;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  if (schema.type !== 'object') return '';
  const entries = Object.entries(schema.properties ?? {});
  const told = entries.filter(([key, one]) => one.const !== undefined || schema.required?.includes(key));
  return Object.fromEntries(told.map(([key, one]) => [key, blankOfVariant(one)]));
}

function variantName(schema: Schema): string {
  if (schema.const !== undefined) return schema.const === true ? 'any' : String(schema.const);
  if (schema.enum !== undefined) return 'one of a list';
  const constant = Object.values(schema.properties ?? {}).find((one) => one.const !== undefined);
  if (constant !== undefined) return String(constant.const);
  const [first] = Object.keys(schema.properties ?? {});
  if (schema.type === 'object') return first ?? 'fields';
  return (
    { array: 'a list', string: 'a text', integer: 'a number', number: 'a number', boolean: 'yes or no' }[
      schema.type ?? ''
    ] ?? 'other'
  );
}

interface WidgetProps extends FieldProps {
  readonly value: unknown;
  readonly ids: WidgetIds;
}

function Widget(props: WidgetProps): ReactNode {
  const { schema, value, path, name, ids } = props;
  const shape = shapeOf(schema, value);
  if (shape === null) return <InYaml {...props} />;
  const common = { name, path, schema: shape, value, ids };
  if (shape.const !== undefined) return <p className="text-quiet">{variantName(shape)}</p>;
  if (shape.enum !== undefined) return <EnumInput {...common} />;
  if (isSecretSource(shape)) return <SecretInput {...common} />;
  if (isLabelMap(shape)) return <Labels {...common} />;
  switch (shape.type) {
    case 'string':
      return isDurationField(shape, name) ? <DurationInput {...common} /> : <TextInput {...common} />;
    case 'boolean':
      return <FlagInput {...common} />;
    case 'integer':
    case 'number':
      return <NumberInput {...common} />;
    case 'array':
      if (shape.items?.enum !== undefined) return <EnumList {...common} />;
      if (shape.items?.type === 'object') return <ObjectList {...common} />;
      if (shape.items?.type === 'string' || shape.items?.type === 'integer') return <TextList {...common} />;
      return <InYaml {...props} />;
    case 'object':
      if (shape.properties !== undefined) return <ObjectFields path={path} schema={shape} value={value} />;
      if (typeof shape.additionalProperties === 'object' && shape.additionalProperties.type === 'object')
        return <ObjectMap {...common} />;
      return <InYaml {...props} />;
    default:
      return <InYaml {...props} />;
  }
}

/** What has no form is written as YAML. */
function InYaml({ path, name, value, ids }: WidgetProps): ReactNode {
  const form = useForm();
  const count = typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
  return (
    <div className="flex items-center gap-2">
      <Button
        id={ids.id}
        size="small"
        icon={<Code className="size-3.5" />}
        onClick={() => {
          if (value === undefined) form.set(path, {});
          form.reveal(path);
        }}
      >
        Write {titleOf(name).toLowerCase()} as YAML
      </Button>
      {count === 0 ? null : <span className="text-xs text-faint">{count} given</span>}
    </div>
  );
}
