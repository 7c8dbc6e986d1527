/** The values that were bound to a statement, as recorded: fetched when asked for, since reading a recording is itself recorded. */
import { type ReactNode, useEffect, useState } from 'react';
import { type EntryOf, Problem, stream } from '../../api/client.ts';
import { Safe } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';

type Parameters = NonNullable<Extract<EntryOf<'readRecording'>, { type: 'command' }>['parameters']>;

async function read(session: string, command: number, signal: AbortSignal): Promise<Parameters> {
  for await (const entry of stream('readRecording', { params: { id: session } }, { signal })) {
    if (entry.type === 'command' && entry.command === command) return entry.parameters ?? [];
  }
  return [];
}

export function BoundValues({ session, command }: { readonly session: string; readonly command: number }): ReactNode {
  const [isAsked, setAsked] = useState(false);
  const [values, setValues] = useState<Parameters | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (!isAsked) return;
    const leaving = new AbortController();
    read(session, command, leaving.signal).then(setValues, (error: unknown) => {
      if (!leaving.signal.aborted) setProblem(error instanceof Problem ? error.message : 'They could not be read.');
    });
    return () => leaving.abort();
  }, [isAsked, session, command]);
  if (problem !== null) {
    return (
      <p role="alert" className="text-bad">
        {problem}
      </p>
    );
  }
  if (!isAsked) {
    return (
      <Button size="small" title="Reading a recording is itself recorded" onClick={() => setAsked(true)}>
        Show parameters
      </Button>
    );
  }
  if (values === null) return <p className="text-quiet">Reading the recording…</p>;
  if (values.length === 0) return <p className="text-quiet">Nothing was bound to it.</p>;
  return (
    <ol className="grid gap-1">
      {values.map(({ type, value, bytes }, index) => (
        <li key={index} className="flex gap-2 font-mono text-xs">
          <span className="shrink-0 text-faint">${index + 1}</span>
          <span className="min-w-0 break-all">
            {value === null ? (
              <span className="text-quiet">{bytes > 0 ? `${bytes} bytes` : 'NULL'}</span>
            ) : (
              <Safe text={value} />
            )}
          </span>
          {type === null ? null : <span className="ml-auto shrink-0 text-faint">{type}</span>}
        </li>
      ))}
    </ol>
  );
}
