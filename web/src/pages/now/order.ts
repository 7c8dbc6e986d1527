/**
 * Which rows stand where: the newest above. While somebody reads, nothing moves: what is new waits behind a button, and what has
 * ended stays where it was until they look away.
 */
import { useMemo, useRef, useState } from 'react';

export interface Shown<Row> {
  readonly id: string;
  readonly row: Row;
  readonly isOver: boolean;
}

export interface Order<Row> {
  readonly rows: readonly Shown<Row>[];
  /** New, and not shown yet. */
  readonly waiting: readonly Row[];
}

/** `live` is newest first. `mayMove` is false while somebody reads. What has not changed stays the same object. */
export function reorder<Row extends { readonly id: string }>(
  before: Order<Row>,
  live: readonly Row[],
  mayMove: boolean,
): Order<Row> {
  const shown = new Map(before.rows.map((one) => [one.id, one]));
  const same = (row: Row, isOver: boolean): Shown<Row> => {
    const was = shown.get(row.id);
    return was !== undefined && was.row === row && was.isOver === isOver ? was : { id: row.id, row, isOver };
  };
  if (mayMove) return { rows: live.map((row) => same(row, false)), waiting: [] };
  const byId = new Map(live.map((row) => [row.id, row]));
  const rows = before.rows.map(({ id, row }) => {
    const now = byId.get(id);
    byId.delete(id);
    return same(now ?? row, now === undefined);
  });
  return { rows, waiting: [...byId.values()] };
}

/** The order as it stands, and what brings it up to date at once. */
export function useOrder<Row extends { readonly id: string }>(
  live: readonly Row[],
  mayMove: boolean,
): readonly [Order<Row>, () => void] {
  const kept = useRef<Order<Row>>({ rows: [], waiting: [] });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` says that what is kept has changed
  const order = useMemo(() => reorder(kept.current, live, mayMove), [live, mayMove, turn]);
  kept.current = order;
  const catchUp = (): void => {
    kept.current = reorder(kept.current, live, true);
    setTurn(turn + 1);
  };
  return [order, catchUp];
}
