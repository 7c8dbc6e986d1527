/** Live sessions where there is room: one row each, dense, figures that move by themselves. */
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { cx } from '../../ui/controls.tsx';
import { type Column, List } from '../../ui/list.tsx';
import { SteeringMenu } from '../session/steering.tsx';
import { Figure, PerMinute, RecordingMode, Risk, Since, Target, Who } from './cells.tsx';
import { clientOf, shortClientOf } from './matching.ts';
import type { Shown } from './order.ts';

type Row = Shown<SessionView>;

/** A session that is over is quieter, and stands where it stood. */
const cell = (of: (session: SessionView, row: Row) => ReactNode) => (row: Row) => (
  <span className={cx('block min-w-0 truncate', row.isOver && 'text-quiet [&_*]:text-quiet')}>{of(row.row, row)}</span>
);

function Quiet({ text, full = text }: { readonly text: string; readonly full?: string }): ReactNode {
  return (
    <span className="text-quiet" title={safeText(full)}>
      <Safe text={text} oneLine />
    </span>
  );
}

const columns: readonly Column<Row>[] = [
  {
    id: 'who',
    title: 'Who',
    width: 'minmax(9rem, 1.4fr)',
    cell: cell((session, { isOver }) => <Who session={session} isOver={isOver} />),
  },
  {
    id: 'resource',
    title: 'Resource',
    width: 'minmax(9rem, 1.2fr)',
    cell: cell((session) => <Target session={session} />),
  },
  {
    id: 'from',
    title: 'From',
    width: 'minmax(6rem, 0.7fr)',
    from: 1000,
    cell: cell(({ source }) => <Quiet text={source} />),
  },
  {
    id: 'client',
    title: 'Client',
    width: 'minmax(6rem, 1fr)',
    from: 1120,
    cell: cell((session) => <Quiet text={shortClientOf(session)} full={clientOf(session)} />),
  },
  { id: 'since', title: 'Open for', width: '5rem', cell: cell(({ startedAt }) => <Since at={startedAt} />) },
  {
    id: 'commands',
    title: 'Commands',
    width: '4.5rem',
    align: 'right',
    cell: cell((session) => <Figure session={session} name="commands" />),
  },
  {
    id: 'pace',
    title: 'Per minute',
    width: '7rem',
    align: 'right',
    cell: cell(({ id }, { isOver }) => <PerMinute id={id} isOver={isOver} />),
  },
  {
    id: 'rows',
    title: 'Rows',
    width: '4rem',
    align: 'right',
    cell: cell((session) => <Figure session={session} name="rows" />),
  },
  {
    id: 'out',
    title: 'Bytes out',
    width: '4.5rem',
    align: 'right',
    cell: cell((session) => <Figure session={session} name="bytesOut" />),
  },
  { id: 'risk', title: 'Risk', width: '3rem', cell: cell(({ id }) => <Risk id={id} />) },
  {
    id: 'recording',
    title: 'Recording',
    width: '5rem',
    from: 900,
    cell: cell((session) => <RecordingMode session={session} />),
  },
  {
    id: 'steer',
    title: '',
    width: '2rem',
    cell: ({ row, isOver }) => (isOver ? null : <SteeringMenu session={row} />),
  },
];

export function Table({ rows, empty }: { readonly rows: readonly Row[]; readonly empty: ReactNode }): ReactNode {
  const navigate = useNavigate();
  return (
    <List
      label="Live sessions"
      columns={columns}
      rows={rows}
      keyOf={({ id }) => id}
      hrefOf={({ id }) => `/sessions/${encodeURIComponent(id)}`}
      onOpen={({ id }) => void navigate({ to: '/sessions/$id', params: { id } })}
      empty={empty}
    />
  );
}
