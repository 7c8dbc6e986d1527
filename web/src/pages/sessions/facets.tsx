/** What was found, counted: a click puts a value into the query or takes it out, so that the query says all. */
import { Minus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { compact } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Checkbox, cx } from '../../ui/controls.tsx';
import type { Finding } from './found.ts';
import { facetNames } from './found.ts';
import { chosen, termsOf, toggled } from './terms.ts';

type Name = (typeof facetNames)[number];

const titles: Readonly<Record<Name, string>> = {
  who: 'Who',
  resource: 'Resource',
  verdict: 'Verdict',
  effect: 'Effect',
  table: 'Table',
  rule: 'Rule',
  protocol: 'Protocol',
  kind: 'Kind of command',
  type: 'Type',
  day: 'Day (UTC)',
};
/** Of these a single value that everything has tells nothing. */
const oftenPlain: ReadonlySet<Name> = new Set(['rule', 'protocol', 'kind', 'type']);
/** The field of the language that asks for it. */
const fieldOf = (name: Name): string => (name === 'day' ? 'on' : name);
/** Values of one facet that are shown at first. */
const fewMax = 6;

interface Value {
  readonly value: string;
  readonly count: number | null;
}

/** What was counted, and what is asked for without being among it. */
function valuesOf(name: Name, query: string, counted: readonly { value: string; count: number }[]): readonly Value[] {
  const field = fieldOf(name);
  const asked = termsOf(query).filter(
    ({ isInner, values, ...term }) => !isInner && term.field === field && values.length === 1,
  );
  const isOpen = name === 'day';
  const missing = asked
    .map(({ values }) => values[0]!)
    .filter((value) => !(isOpen && !/^\d{4}-\d{2}-\d{2}$/.test(value)))
    .filter((value) => !counted.some((one) => one.value.toLowerCase() === value.toLowerCase()));
  return [...[...new Set(missing)].map((value) => ({ value, count: null })), ...counted];
}

export function Facets({
  finding,
  query,
  onQuery,
}: {
  readonly finding: Finding;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}): ReactNode {
  const { counts } = finding;
  if (counts === null) return finding.problem === null && finding.countsProblem === null ? <Counting /> : null;
  return (
    <div className="pb-6">
      {facetNames.map((name) => {
        const values = valuesOf(name, query, counts.facets[name] ?? []);
        const isPlain = oftenPlain.has(name) && values.length === 1 && values[0]!.count === counts.total;
        if (values.length === 0 || (isPlain && chosen(query, fieldOf(name), values[0]!.value) === null)) return null;
        return <Facet key={name} name={name} values={values} total={counts.total} query={query} onQuery={onQuery} />;
      })}
    </div>
  );
}

function Counting(): ReactNode {
  return (
    <div role="status" aria-label="Counting" className="grid animate-pulse gap-2.5 px-4 py-3">
      {[60, 90, 75, 40, 60, 85, 70].map((width, index) => (
        <div key={index} className="h-3.5 rounded bg-raised" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}

function Facet({
  name,
  values,
  total,
  query,
  onQuery,
}: {
  readonly name: Name;
  readonly values: readonly Value[];
  readonly total: number;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}): ReactNode {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? values : values.slice(0, fewMax);
  return (
    <fieldset className="min-w-0 border-b px-2 py-2.5 last:border-0 md:pl-4">
      <legend className="sr-only">{titles[name]}</legend>
      <p aria-hidden className="px-2 pb-1 text-2xs font-medium text-faint">
        {titles[name]}
      </p>
      {shown.map((value) => (
        <FacetValue
          key={value.value}
          field={fieldOf(name)}
          value={value}
          total={total}
          query={query}
          onQuery={onQuery}
        />
      ))}
      {values.length > fewMax ? (
        <button
          type="button"
          aria-expanded={isAll}
          onClick={() => setAll(!isAll)}
          className="px-2 pt-0.5 text-xs text-quiet hover:text-ink hover:underline"
        >
          {isAll ? 'Fewer' : `${values.length - fewMax} more`}
        </button>
      ) : null}
    </fieldset>
  );
}

function FacetValue({
  field,
  value: { value, count },
  total,
  query,
  onQuery,
}: {
  readonly field: string;
  readonly value: Value;
  readonly total: number;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}): ReactNode {
  const state = chosen(query, field, value);
  const label = (
    <span className="flex min-w-0 flex-1 items-baseline gap-2">
      <span
        className={cx('min-w-0 flex-1 truncate', state === 'out' && 'text-quiet line-through')}
        title={safeText(value)}
      >
        <Safe text={value} oneLine />
      </span>
      <span className="text-xs text-quiet tabular-nums">{count === null ? '' : compact(count)}</span>
    </span>
  );
  const share = total === 0 || count === null ? 0 : Math.min(1, count / total);
  return (
    <div className="group relative flex items-center rounded hover:bg-hover">
      <span
        aria-hidden
        className="absolute bottom-0.5 left-8 h-0.5 rounded-full bg-line-strong/40"
        style={{ width: `calc((100% - 3rem) * ${share.toFixed(3)})` }}
      />
      <div className="min-w-0 flex-1 px-2 py-0.5 [&>label]:flex [&>label]:min-w-0 [&>label>span]:min-w-0 [&>label>span]:flex-1 [&_input]:size-3.5 max-md:py-2">
        <Checkbox
          label={label}
          checked={state === 'in'}
          onChange={() => onQuery(state === 'out' ? toggled(query, field, value, true) : toggled(query, field, value))}
        />
      </div>
      <button
        type="button"
        aria-pressed={state === 'out'}
        aria-label={`Leave out ${safeText(value)}`}
        title="Leave out"
        onClick={() => onQuery(toggled(query, field, value, true))}
        className="mr-1 hidden size-5 shrink-0 items-center justify-center rounded text-quiet group-focus-within:inline-flex group-hover:inline-flex hover:text-ink max-md:inline-flex max-md:size-9"
      >
        <Minus className="size-3.5" />
      </button>
    </div>
  );
}
