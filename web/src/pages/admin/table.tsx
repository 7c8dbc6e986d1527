/** A small table of a panel, and states with a mark. */
import { CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from '../../ui/controls.tsx';

export interface Head {
  readonly title: string;
  readonly right?: boolean;
}

export function Table({
  label,
  heads,
  rows,
  empty,
}: {
  readonly label: string;
  readonly heads: readonly Head[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
  readonly empty: ReactNode;
}): ReactNode {
  if (rows.length === 0) return <p className="px-4 py-4 text-quiet">{empty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={label}>
      <table className="w-full text-left">
        <thead className="text-2xs text-faint">
          <tr>
            {heads.map(({ title, right }) => (
              <th
                key={title}
                scope="col"
                className={cx('px-4 py-1.5 font-medium whitespace-nowrap', right === true && 'text-right')}
              >
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key} className="border-t align-top">
              {cells.map((cell, index) => (
                <td
                  key={heads[index]!.title}
                  className={cx('px-4 py-2', heads[index]!.right === true && 'text-right tabular-nums')}
                >
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export type State = 'good' | 'warn' | 'bad';

const marks = {
  good: { icon: CircleCheck, look: 'text-good' },
  warn: { icon: TriangleAlert, look: 'text-warn' },
  bad: { icon: CircleAlert, look: 'text-bad' },
} as const;

/** Says how something is by a mark and by words, never by colour alone. */
export function Stand({ state, children }: { readonly state: State; readonly children: ReactNode }): ReactNode {
  const { icon: Icon, look } = marks[state];
  return (
    <span className="inline-flex items-start gap-1.5">
      <Icon aria-hidden="true" className={cx('mt-0.5 size-4 shrink-0', look)} />
      <span>{children}</span>
    </span>
  );
}
