/** What was found, as a list of any length. */
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useSyncExternalStore } from 'react';
import { Button } from '../../ui/controls.tsx';
import { List } from '../../ui/list.tsx';
import { hitColumns, phoneColumns, sessionColumns } from './columns.tsx';
import type { Finding, Hit } from './found.ts';
import { replayOf } from './kinds.tsx';
import { viewOf } from './terms.ts';

const desk = matchMedia('(min-width: 48rem)');
const lineHeight = 32;
const phoneHeight = 56;

const keyOf = (hit: Hit): string => hit.id;

export function Results({
  finding,
  looked,
  onLook,
}: {
  readonly finding: Finding;
  readonly looked: Hit | null;
  readonly onLook: (hit: Hit | null) => void;
}): ReactNode {
  const navigate = useNavigate();
  const isDesk = useSyncExternalStore(
    (listener) => {
      desk.addEventListener('change', listener);
      return () => desk.removeEventListener('change', listener);
    },
    () => desk.matches,
  );
  const { marks, rows, problem, hasMore } = finding;
  const view = viewOf(finding.query);
  const columns = useMemo(
    () => (isDesk ? (view === 'sessions' ? sessionColumns(marks) : hitColumns(marks)) : phoneColumns(marks)),
    [isDesk, view, marks],
  );
  const open = useCallback(
    (hit: Hit): void => {
      if (hit.session === null) onLook(hit);
      else {
        const search = hit.command === null || hit.command === 0 ? {} : { command: hit.command };
        void navigate({ to: '/sessions/$id', params: { id: hit.session }, search });
      }
    },
    [navigate, onLook],
  );
  return (
    <>
      <List<Hit>
        label={view === 'sessions' ? 'Sessions' : 'What was found'}
        columns={columns}
        rows={rows}
        keyOf={keyOf}
        hrefOf={replayOf}
        onOpen={open}
        onPeek={(hit) => onLook(hit.id === looked?.id ? null : hit)}
        {...(looked === null ? {} : { onMove: onLook })}
        selected={looked?.id ?? null}
        more={hasMore ? finding.more : null}
        rowHeight={isDesk ? lineHeight : phoneHeight}
        bare={!isDesk}
        place={finding.place}
      />
      {problem === null ? null : (
        <div role="alert" className="flex shrink-0 items-center gap-3 border-t px-4 py-2 text-bad md:px-6">
          {problem.message}
          <Button size="small" onClick={finding.again}>
            Go on
          </Button>
        </div>
      )}
    </>
  );
}
