/** What a page shows while it has nothing to show: loading, empty, refused, failed, too much. Each says what to do next. */
import type { ReactNode } from 'react';
import { Problem } from '../api/client.ts';
import { Button } from './controls.tsx';

/** Grey bars in the place of what comes; nothing for the first moment, so that quick answers do not flicker. */
export function Loading({
  rows = 6,
  label = 'Loading',
}: {
  readonly rows?: number;
  readonly label?: string;
}): ReactNode {
  return (
    <div role="status" aria-label={label} className="grid animate-pulse gap-3 p-4">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="h-4 rounded bg-raised" style={{ width: `${90 - ((index * 17) % 50)}%` }} />
      ))}
    </div>
  );
}

export function Empty({
  title,
  children,
  action,
  icon,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  readonly icon?: ReactNode;
}): ReactNode {
  return (
    <div className="grid justify-items-center gap-2 px-6 py-14 text-center [&>svg]:size-6 [&>svg]:text-faint">
      {icon}
      <p className="text-sm font-medium">{title}</p>
      {children === undefined ? null : <div className="max-w-md text-quiet">{children}</div>}
      {action}
    </div>
  );
}

/** What was refused or did not work, in the gateway's own words. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }): ReactNode {
  const problem = error instanceof Problem ? error : null;
  const text = error instanceof Error ? error.message : 'Something went wrong in this page.';
  const isRefusal = problem !== null && (problem.status === 403 || problem.status === 404);
  return (
    <div role="alert" className="grid justify-items-center gap-2 px-6 py-14 text-center">
      <p className="text-sm font-medium">
        {problem?.status === 403 ? 'Not yours to see' : problem?.status === 404 ? 'Not here' : 'That did not work'}
      </p>
      <p className="max-w-md text-quiet">{text}</p>
      {problem === null ? null : (
        <p className="font-mono text-2xs text-faint">
          {problem.code}
          {problem.requestId === null ? '' : ` · ${problem.requestId}`}
        </p>
      )}
      {retry === undefined || isRefusal ? null : <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

interface Asked<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly refetch: () => unknown;
}

/** One place for the three ways an answer can be: there, coming, or not to be had. */
export function Answered<T>({
  of,
  children,
  rows,
}: {
  readonly of: Asked<T>;
  readonly children: (data: T) => ReactNode;
  readonly rows?: number;
}): ReactNode {
  if (of.data !== undefined) return children(of.data);
  if (of.error !== null) return <Failure error={of.error} retry={() => void of.refetch()} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}
