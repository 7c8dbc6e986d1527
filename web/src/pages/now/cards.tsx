/** Live sessions on a phone: a card each, a thumb's reach. */
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, cx } from '../../ui/controls.tsx';
import { SteeringMenu } from '../session/steering.tsx';
import { Figure, PerMinute, Risk, Since, Target, Who } from './cells.tsx';
import { shortClientOf } from './matching.ts';
import type { Shown } from './order.ts';

/** As many as one scrolls through; more are shown when asked for. */
const step = 50;

export function Cards({
  rows,
  empty,
}: {
  readonly rows: readonly Shown<SessionView>[];
  readonly empty: ReactNode;
}): ReactNode {
  const [count, setCount] = useState(step);
  if (rows.length === 0) return empty;
  return (
    <div className="min-h-0 flex-1 overflow-auto">
      <ul aria-label="Live sessions" className="grid gap-2 p-3">
        {rows.slice(0, count).map((shown) => (
          <Card key={shown.id} {...shown} />
        ))}
      </ul>
      {rows.length <= count ? null : (
        <div className="flex justify-center pb-4">
          <Button onClick={() => setCount(count + step)}>Show more</Button>
        </div>
      )}
    </div>
  );
}

function Card({ id, row: session, isOver }: Shown<SessionView>): ReactNode {
  const client = shortClientOf(session);
  return (
    <li className={cx('relative rounded-lg border bg-sheet', isOver && 'text-quiet [&_*]:text-quiet')}>
      <Link to="/sessions/$id" params={{ id }} search={{}} className="grid gap-1 rounded-lg p-3 pr-12 active:bg-hover">
        <span className="flex min-w-0 items-center gap-2 text-sm">
          <Who session={session} isOver={isOver} />
          <Risk id={id} />
          <span className="ml-auto shrink-0 text-xs">
            <Since at={session.startedAt} />
          </span>
        </span>
        <span className="flex min-w-0 items-baseline gap-1.5">
          <Target session={session} />
          <span className="min-w-0 truncate text-xs text-quiet">
            <span aria-hidden="true">· </span>
            <Safe text={client === '' ? session.source : `${client} · ${session.source}`} oneLine />
          </span>
        </span>
      </Link>
      <dl className="pointer-events-none grid grid-cols-[4.5rem_3.5rem_4.5rem_1fr] gap-x-3 border-t px-3 py-2 text-xs">
        <CardFact name="commands">
          <Figure session={session} name="commands" />
        </CardFact>
        <CardFact name="rows">
          <Figure session={session} name="rows" />
        </CardFact>
        <CardFact name="out">
          <Figure session={session} name="bytesOut" />
        </CardFact>
        <CardFact name="per minute" right>
          <PerMinute id={id} isOver={isOver} />
        </CardFact>
      </dl>
      {isOver ? null : (
        <span className="absolute top-1.5 right-1.5">
          <SteeringMenu session={session} />
        </span>
      )}
    </li>
  );
}

function CardFact({
  name,
  right = false,
  children,
}: {
  readonly name: string;
  readonly right?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={cx('grid', right && 'justify-items-end')}>
      <dt className="text-2xs text-faint">{name}</dt>
      <dd className="tabular-nums">{children}</dd>
    </div>
  );
}
