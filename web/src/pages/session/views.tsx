/** The ways to see a session: each of its terminals, the transcript; on a phone the list of commands too. */
import type { ReactNode } from 'react';
import { cx } from '../../ui/controls.tsx';
import type { Reading } from './reading.ts';

export function Views({
  reading: { model },
  view,
  onView,
}: {
  readonly reading: Reading;
  readonly view: string;
  readonly onView: (view: string) => void;
}): ReactNode {
  const { terminals } = model;
  const all = [
    { id: 'commands', title: 'Commands', isPhone: true },
    ...terminals.map(({ command }) => ({
      id: String(command),
      title: terminals.length === 1 ? 'Terminal' : `Terminal #${command}`,
      isPhone: false,
    })),
    { id: 'transcript', title: 'Transcript', isPhone: false },
  ];
  return (
    <div
      role="group"
      aria-label="View"
      className={cx('flex shrink-0 gap-1 overflow-x-auto border-b px-3 py-1', terminals.length === 0 && 'md:hidden')}
    >
      {all.map(({ id, title, isPhone }) => (
        <button
          key={id}
          type="button"
          aria-pressed={view === id}
          onClick={() => onView(id)}
          className={cx(
            'h-7 shrink-0 rounded px-2.5 text-quiet hover:bg-hover aria-pressed:bg-hover aria-pressed:font-medium aria-pressed:text-ink',
            isPhone && 'md:hidden',
          )}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
