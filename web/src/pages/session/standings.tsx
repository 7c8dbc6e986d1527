/** What is said where there is no recording to show, or not all of it: each with what happened and what can be done. */
import { Archive, Ban, FileQuestion, Hourglass, KeyRound, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Problem } from '../../api/client.ts';
import { number } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';
import { Empty, Failure, Loading } from '../../ui/states.tsx';
import type { Reading } from './reading.ts';

const known: Readonly<Record<string, { readonly title: string; readonly icon: ReactNode; readonly next: string }>> = {
  'recording.deleted': {
    title: 'This recording was deleted',
    icon: <KeyRound />,
    next: 'Its key is destroyed, so no copy of it can be read either. What the journal says of the session stays: verdicts, reviews, alerts.',
  },
  'recording.elsewhere': {
    title: 'This recording is in an archive',
    icon: <Archive />,
    next: 'The archive does not answer, or this gateway may not read it. Try again later, or ask whoever runs the gateway.',
  },
  'recording.absent': {
    title: 'Nothing was recorded',
    icon: <FileQuestion />,
    next: 'The session ended before anything was asked for in it, or its recording lies with another gateway.',
  },
  'recording.unreadable': {
    title: 'This recording cannot be read',
    icon: <TriangleAlert />,
    next: 'Whoever runs the gateway can say more after checking it: sallyport verify.',
  },
  'api.not-live': {
    title: 'It ended, or lives on another gateway',
    icon: <Hourglass />,
    next: 'Open it again in a moment: what was recorded is shown once it has ended.',
  },
  'console.forbidden': {
    title: 'Not yours to read',
    icon: <Ban />,
    next: 'Ask an auditor, or whoever runs the gateway.',
  },
};

export function CannotRead({
  error = null,
  code = null,
  text = null,
  retry,
}: {
  readonly error?: Error | null;
  readonly code?: string | null;
  readonly text?: string | null;
  readonly retry?: () => void;
}): ReactNode {
  const said = known[code ?? (error instanceof Problem ? error.code : '')];
  if (said === undefined) return <Failure error={error} {...(retry === undefined ? {} : { retry })} />;
  return (
    <Empty
      title={said.title}
      icon={said.icon}
      action={retry === undefined || code !== null ? undefined : <Button onClick={retry}>Try again</Button>}
    >
      <p>{safeText(text ?? error?.message ?? '')}</p>
      <p className="mt-1">{said.next}</p>
    </Empty>
  );
}

export function NothingYet({
  reading: { state },
  isLive,
}: {
  readonly reading: Reading;
  readonly isLive: boolean;
}): ReactNode {
  if (state === 'reading') return <Coming />;
  if (isLive) {
    return (
      <Empty title="Nothing has happened yet" icon={<Hourglass />}>
        What is asked for in this session shows here as it happens.
      </Empty>
    );
  }
  return (
    <Empty title="Nothing was asked for" icon={<FileQuestion />}>
      The session was opened and closed again. There is nothing to replay.
    </Empty>
  );
}

const patienceMs = 3_000;

/** What lies in an archive has to be brought from there first. */
function Coming(): ReactNode {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), patienceMs);
    return () => clearTimeout(timer);
  }, []);
  if (!isLong) return <Loading label="Loading the recording" />;
  return (
    <Empty title="Still fetching the recording" icon={<Archive />}>
      One that was moved to an archive takes a while to come back. It shows here as it arrives.
    </Empty>
  );
}

/** Above what is shown: that it is not all. */
export function Banner({ reading: { state, error, model, retry } }: { readonly reading: Reading }): ReactNode {
  if (state === 'failed' && model.entries > 0) {
    return (
      <div role="alert" className="flex flex-wrap items-center gap-3 border-b bg-bad-soft px-4 py-1.5 text-bad md:px-6">
        <span>
          Reading broke off here: {safeText(error?.message ?? 'it is not known why')} What came before is shown.
        </span>
        <Button size="small" onClick={retry}>
          Read again
        </Button>
      </div>
    );
  }
  if (model.beyond === 0) return null;
  return (
    <p role="status" className="border-b bg-warn-soft px-4 py-1.5 text-warn md:px-6">
      This session is larger than a page holds: {number(model.beyond)} commands behind the first{' '}
      {number(model.commands.length)} are not shown. An export has all of them.
    </p>
  );
}
