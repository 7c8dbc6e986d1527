/** A station of the path from who asks to what comes of it, and the small marks that stand at it. */
import { Link } from '@tanstack/react-router';
import { Check, Minus } from 'lucide-react';
import type { ReactNode } from 'react';
import { Safe, safeText } from '../../format/safe.tsx';
import { cx } from '../../ui/controls.tsx';

export type Turn = 'passed' | 'stopped' | 'changed' | 'waits' | 'none';

const dots: Readonly<Record<Turn, string>> = {
  passed: 'bg-good border-good',
  stopped: 'bg-bad border-bad',
  changed: 'bg-veil border-veil',
  waits: 'bg-warn border-warn',
  none: 'bg-sheet border-line-strong',
};

export function Step({
  title,
  said,
  turn,
  children,
  isLast = false,
}: {
  readonly title: string;
  readonly said: ReactNode;
  readonly turn: Turn;
  readonly children?: ReactNode;
  readonly isLast?: boolean;
}): ReactNode {
  return (
    <li className="relative grid grid-cols-[1.5rem_minmax(0,1fr)]">
      {isLast ? null : (
        <span aria-hidden="true" className="absolute top-5 bottom-0 left-[5px] w-px bg-line-strong/50" />
      )}
      <span aria-hidden="true" className={cx('mt-1 size-3 rounded-full border-2', dots[turn])} />
      <div className={cx('min-w-0', !isLast && 'pb-6')}>
        <h2 className="text-xs font-semibold text-quiet">{title}</h2>
        <div className="mt-0.5">{said}</div>
        {children === undefined ? null : <div className="mt-2">{children}</div>}
      </div>
    </li>
  );
}

/** Holds or not, for eyes and for ears. */
export function Holds({ holds }: { readonly holds: boolean }): ReactNode {
  return (
    <span className={cx('mt-0.5 inline-flex shrink-0', holds ? 'text-good' : 'text-faint')}>
      {holds ? <Check aria-hidden="true" className="size-4" /> : <Minus aria-hidden="true" className="size-4" />}
      <span className="sr-only">{holds ? 'holds' : 'does not hold'}</span>
    </span>
  );
}

/** A rule by its name, linked where one may look at it. The gateway's own rules are no objects. */
export function Rule({
  kind,
  name,
  linked,
}: {
  readonly kind: string;
  readonly name: string;
  readonly linked: boolean;
}): ReactNode {
  if (!linked) {
    return (
      <span className="font-medium">
        <Safe text={name} oneLine />
      </span>
    );
  }
  return (
    <Link to="/objects/$kind/$name" params={{ kind, name }} className="font-medium text-accent hover:underline">
      {safeText(name)}
    </Link>
  );
}
