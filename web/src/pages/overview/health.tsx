/** The gateway's health in one line. */
import { Link } from '@tanstack/react-router';
import { CircleAlert, CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { bytes, number } from '../../format/format.ts';

const everyMs = 60_000;

export function Health(): ReactNode {
  const status = useAsk('status', {}, { keep: true, everyMs }).data;
  const index = useAsk('indexStatus', {}, { keep: true, everyMs }).data;
  if (status === undefined) return null;
  const { journal, recording, space, draining, diskSync } = status;
  const problems = [
    journal.working ? null : 'The journal cannot be written: nothing runs.',
    recording.working ? null : 'Recordings cannot be written.',
    space.level === 'ample' || space.level === 'warn' ? null : 'The disk is full: no new session opens.',
    draining ? 'The gateway is about to stop.' : null,
    index === undefined || index.working ? null : 'Searching does not work just now.',
  ].filter((one) => one !== null);
  const facts = [
    `journal at ${number(journal.durableSequence)}`,
    index === undefined ? null : index.lag < 100 ? 'index up to date' : `index ${number(index.lag)} events behind`,
    space.freeBytes === null
      ? null
      : `${bytes(space.freeBytes)} of disk free${space.level === 'warn' ? ', which is little' : ''}`,
    diskSync === null ? null : `writes durable in ${diskSync.p99Ms.toFixed(1)} ms`,
    `version ${status.version}`,
  ].filter((one) => one !== null);
  const isWell = problems.length === 0;
  return (
    <Link
      to="/admin/$part"
      params={{ part: 'health' }}
      className="flex items-start gap-2 rounded-lg border bg-sheet px-4 py-2.5 hover:bg-hover"
    >
      {isWell ? (
        <CircleCheck aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-good" />
      ) : (
        <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-bad" />
      )}
      <span>
        <span className={isWell ? '' : 'text-bad'}>{isWell ? 'The gateway is well.' : problems.join(' ')}</span>{' '}
        <span className="text-quiet">{facts.join(' · ')}</span>
      </span>
    </Link>
  );
}
