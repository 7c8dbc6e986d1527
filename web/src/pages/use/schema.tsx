/** Tables and columns that the person may look at, as the target lists them to this very session; click to write their names. */
import { ChevronRight, Table2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Safe } from '../../format/safe.tsx';
import { cx, Input } from '../../ui/controls.tsx';
import { Loading } from '../../ui/states.tsx';
import type { Run } from './bench.ts';

export interface SchemaTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

export const schemaQuery = `SELECT table_schema, table_name, column_name, data_type
FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1, 2, ordinal_position`;

export function tablesOf(run: Run): readonly SchemaTable[] {
  const tables = new Map<string, { schema: string; name: string; columns: { name: string; type: string }[] }>();
  for (const [schema, name, column, type] of run.results[0]?.rows ?? []) {
    const key = `${schema}.${name}`;
    const table = tables.get(key) ?? { schema: schema ?? '', name: name ?? '', columns: [] };
    tables.set(key, table);
    table.columns.push({ name: column ?? '', type: type ?? '' });
  }
  return [...tables.values()];
}

/** As it must be written where it is no plain word. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

export function Schema({
  tables,
  problem,
  onInsert,
}: {
  readonly tables: readonly SchemaTable[] | null;
  readonly problem: string | null;
  readonly onInsert: (text: string) => void;
}): ReactNode {
  const [wanted, setWanted] = useState('');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  if (problem !== null) return <p className="p-3 text-quiet">{problem}</p>;
  if (tables === null) return <Loading rows={5} label="Loading tables" />;
  const text = wanted.toLowerCase();
  const shown = tables.filter(
    ({ name, columns }) => name.toLowerCase().includes(text) || columns.some((column) => column.name.includes(text)),
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="p-2">
        <Input
          aria-label="Find a table or column"
          placeholder="Find a table…"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      </div>
      <ul className="min-h-0 flex-1 overflow-auto px-1 pb-2" aria-label="Tables">
        {shown.map((table) => {
          const key = `${table.schema}.${table.name}`;
          const isOpen = open.has(key) || (text !== '' && shown.length < 10);
          const name = table.schema === 'public' ? quoted(table.name) : `${quoted(table.schema)}.${quoted(table.name)}`;
          return (
            <li key={key}>
              <div className="flex h-7 items-center rounded hover:bg-hover">
                <button
                  type="button"
                  aria-expanded={isOpen}
                  aria-label={`Columns of ${table.name}`}
                  className="grid size-6 place-items-center text-faint"
                  onClick={() => {
                    const next = new Set(open);
                    if (!next.delete(key)) next.add(key);
                    setOpen(next);
                  }}
                >
                  <ChevronRight className={cx('size-3.5 transition-transform', isOpen && 'rotate-90')} />
                </button>
                <button
                  type="button"
                  className="flex min-w-0 flex-1 items-center gap-1.5 text-left"
                  onClick={() => onInsert(name)}
                >
                  <Table2 className="size-3.5 shrink-0 text-faint" />
                  <span className="truncate">
                    <Safe text={table.schema === 'public' ? table.name : key} oneLine />
                  </span>
                </button>
              </div>
              {isOpen ? (
                <ul className="mb-1 ml-7 border-l pl-2">
                  {table.columns.map((column) => (
                    <li key={column.name}>
                      <button
                        type="button"
                        className="flex h-6 w-full items-center gap-2 rounded px-1 text-left hover:bg-hover"
                        onClick={() => onInsert(quoted(column.name))}
                      >
                        <span className="truncate">
                          <Safe text={column.name} oneLine />
                        </span>
                        <span className="ml-auto truncate text-2xs text-faint">
                          <Safe text={column.type} oneLine />
                        </span>
                      </button>
                    </li>
                  ))}
                </ul>
              ) : null}
            </li>
          );
        })}
        {shown.length === 0 ? <li className="p-3 text-quiet">No table has such a name.</li> : null}
      </ul>
    </div>
  );
}
