/**
 * Working on a database: tables, statements, results. Everything goes through the same door as psql: judged, held, masked, recorded.
 * Ctrl or Cmd with Enter runs what is selected, or all.
 */
import { useNavigate } from '@tanstack/react-router';
import { Play, Square } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, cx, Kbd } from '../../ui/controls.tsx';
import { type CodeChoices, CodeEditor, type CodeEditorHandle } from '../../ui/editor.tsx';
import { Empty } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Bench, type Run } from './bench.ts';
import { Output } from './output.tsx';
import { quoted, Schema, type SchemaTable, schemaQuery, tablesOf } from './schema.tsx';

export function SqlBench({ resource, first }: { readonly resource: string; readonly first: string }): ReactNode {
  const [attempt, setAttempt] = useState(0);
  return <Opened key={attempt} resource={resource} first={first} onAgain={() => setAttempt(attempt + 1)} />;
}

function Opened(props: { readonly resource: string; readonly first: string; readonly onAgain: () => void }): ReactNode {
  const { resource, first, onAgain } = props;
  const bench = useBench(resource);
  const navigate = useNavigate();
  const state = useSyncExternalStore(bench?.subscribe ?? never, bench?.state ?? none);
  const [text, setText] = useState(first);
  const [chosen, setChosen] = useState<number | null>(null);
  const { tables, problem } = useTables(bench, state?.phase ?? 'opening');
  const editor = useRef<CodeEditorHandle>(null);
  const complete = useCompleter(tables);
  const runs = state?.runs ?? [];
  const shown = runs.find(({ id }) => id === chosen) ?? runs.at(-1);
  const running = runs.find(({ durationMs }) => durationMs === null);
  const run = (): void => {
    if (bench === null || text.trim() === '' || state?.phase !== 'ready') return;
    setChosen(bench.run(text));
    void navigate({ to: '/use/$name', params: { name: resource }, search: { text }, replace: true });
  };
  return (
    <div className="flex min-h-0 flex-1">
      <aside aria-label="Schema" className="hidden w-60 shrink-0 flex-col border-r lg:flex">
        <Schema
          tables={tables}
          problem={problem}
          onInsert={(name) => {
            setText((now) => `${now}${now === '' || /\s$/.test(now) ? '' : ' '}${name}`);
            editor.current?.focus();
          }}
        />
      </aside>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <div className="flex h-[38%] min-h-40 flex-col border-b">
          <CodeEditor
            ref={editor}
            label={`Statements for ${resource}`}
            language="sql"
            value={text}
            onChange={setText}
            onSubmit={run}
            complete={complete}
            placeholder="SELECT …"
            className="min-h-0 flex-1 rounded-none border-0"
          />
          <div className="flex flex-wrap items-center gap-2 border-t px-4 py-2 md:px-6">
            <Button tone="primary" icon={<Play className="size-4" />} disabled={state?.phase !== 'ready'} onClick={run}>
              Run
            </Button>
            <span className="hidden sm:inline">
              <Kbd>Ctrl</Kbd> <Kbd>⏎</Kbd>
            </span>
            <Button
              icon={<Square className="size-3.5" />}
              disabled={running === undefined}
              onClick={() => bench?.cancel()}
            >
              Cancel
            </Button>
            <Standing
              phase={state?.phase ?? 'opening'}
              transaction={state?.transaction ?? 'none'}
              said={state?.said ?? null}
              onAgain={onAgain}
            />
          </div>
        </div>
        {state?.notices.map((notice, index) => (
          <p key={index} role="note" className="border-b bg-warn-soft px-4 py-1.5 text-warn md:px-6">
            <Safe text={notice.text} />
          </p>
        ))}
        {runs.length > 1 ? <History runs={runs} shown={shown?.id ?? null} onChoose={setChosen} /> : null}
        {shown === undefined ? (
          <Empty title="Nothing has run yet">
            Statements run as yours through the gateway: judged by the same rules as in psql, masked, and recorded.
          </Empty>
        ) : (
          <Output key={shown.id} run={shown} resource={resource} />
        )}
      </div>
    </div>
  );
}

const never = (): (() => void) => () => undefined;
const none = (): null => null;

/** Opened once it is in the page, closed when it leaves. */
function useBench(resource: string): Bench | null {
  const [bench, setBench] = useState<Bench | null>(null);
  useEffect(() => {
    const opened = new Bench(resource);
    setBench(opened);
    return () => opened.close();
  }, [resource]);
  return bench;
}

function useTables(
  bench: Bench | null,
  phase: string,
): { tables: readonly SchemaTable[] | null; problem: string | null } {
  const [tables, setTables] = useState<readonly SchemaTable[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (bench === null || phase !== 'ready') return;
    void bench.ask(schemaQuery).then((run) => {
      const error = run.messages.find(({ level }) => level === 'error');
      if (error === undefined) setTables(tablesOf(run));
      else setProblem(`The tables cannot be listed: ${error.text}`);
    });
  }, [bench, phase]);
  return { tables, problem };
}

function useCompleter(tables: readonly SchemaTable[] | null): (text: string, at: number) => CodeChoices | null {
  const names = useMemo(
    () => [
      ...(tables ?? []).map(({ name, schema }) => ({ label: quoted(name), detail: schema, kind: 'type' as const })),
      ...[...new Set((tables ?? []).flatMap(({ columns }) => columns.map((column) => column.name)))].map((name) => ({
        label: quoted(name),
        kind: 'property' as const,
      })),
      ...keywords.map((label) => ({ label, kind: 'keyword' as const })),
    ],
    [tables],
  );
  return useCallback(
    (text, at) => {
      const word = /[\w"]*$/.exec(text.slice(0, at))![0];
      if (word === '') return null;
      const wanted = word.toLowerCase();
      const choices = names.filter(({ label }) => label.toLowerCase().startsWith(wanted)).slice(0, 50);
      return choices.length === 0 ? null : { from: at - word.length, choices };
    },
    [names],
  );
}

const keywords =
  'SELECT FROM WHERE JOIN LEFT INNER ON GROUP BY ORDER LIMIT OFFSET HAVING INSERT INTO VALUES UPDATE SET DELETE RETURNING WITH AS AND OR NOT NULL IS IN EXISTS BETWEEN LIKE DISTINCT COUNT SUM AVG MIN MAX CASE WHEN THEN ELSE END UNION ALL BEGIN COMMIT ROLLBACK EXPLAIN ANALYZE'.split(
    ' ',
  );

function Standing(props: {
  readonly phase: 'opening' | 'ready' | 'over';
  readonly transaction: 'none' | 'open' | 'failed';
  readonly said: string | null;
  readonly onAgain: () => void;
}): ReactNode {
  const { phase, transaction, said, onAgain } = props;
  return (
    <div role="status" className="ml-auto flex min-w-0 items-center gap-2">
      {transaction === 'none' ? null : (
        <Badge tone={transaction === 'open' ? 'info' : 'bad'}>
          {transaction === 'open' ? 'in a transaction' : 'transaction failed: ROLLBACK'}
        </Badge>
      )}
      {phase === 'opening' ? <span className="text-quiet">Opening…</span> : null}
      {phase === 'ready' ? <Badge tone="good">connected</Badge> : null}
      {phase === 'over' ? (
        <>
          <span className="truncate text-bad">
            <Safe text={said ?? 'It is over.'} oneLine />
          </span>
          <Button size="small" onClick={onAgain}>
            Open again
          </Button>
        </>
      ) : null}
    </div>
  );
}

function History(props: {
  readonly runs: readonly Run[];
  readonly shown: number | null;
  readonly onChoose: (id: number) => void;
}): ReactNode {
  return (
    <div role="tablist" aria-label="Runs" className="flex shrink-0 gap-1 overflow-x-auto border-b px-3 py-1 md:px-5">
      {props.runs.toReversed().map((run) => (
        <button
          key={run.id}
          type="button"
          role="tab"
          aria-selected={run.id === props.shown}
          onClick={() => props.onChoose(run.id)}
          className={cx(
            'flex h-7 max-w-64 shrink-0 items-center gap-2 rounded px-2 hover:bg-hover',
            run.id === props.shown && 'bg-hover',
          )}
        >
          <span
            aria-hidden="true"
            className={cx(
              'size-1.5 shrink-0 rounded-full',
              run.durationMs === null
                ? 'animate-pulse bg-warn'
                : run.messages.some(({ level }) => level === 'error')
                  ? 'bg-bad'
                  : 'bg-good',
            )}
          />
          <span className="truncate font-mono text-2xs">
            <Safe text={run.text.slice(0, 80)} oneLine />
          </span>
          <span className="text-2xs text-faint">
            <Ago at={new Date(run.at).toISOString()} />
          </span>
        </button>
      ))}
    </div>
  );
}
