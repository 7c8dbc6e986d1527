/** The figures at the top: what is now, and what was in the span. What is now comes by push. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { compact, plural } from '../../format/format.ts';
import { commandsQuery, deniedQuery, fates, type Overview, totalOf, within } from './asking.ts';
import { Found, Tile } from './parts.tsx';

const severities = ['critical', 'high', 'medium', 'low', 'informational'] as const;
const pageMost = 100;

export function Tiles({ overview }: { readonly overview: Overview }): ReactNode {
  const commands = totalOf(overview, ...fates);
  const denied = totalOf(overview, 'block', 'terminate');
  const held = totalOf(overview, 'hold');
  const found = (query: string): string => within(overview, query);
  return (
    <div className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line sm:grid-cols-3 xl:grid-cols-6">
      <LiveSessions />
      <Tile
        title="Commands"
        value={<Found query={found(commandsQuery())}>{compact(commands)}</Found>}
        about={<Found query={found('type:session')}>in {plural(overview.sessions, 'session')}</Found>}
      />
      <Tile
        title="Denied"
        value={<Found query={found(commandsQuery(deniedQuery))}>{compact(denied)}</Found>}
        about={<Found query={found('type:refusal')}>{plural(overview.refusals, 'other refusal')}</Found>}
      />
      <Waiting held={<Found query={found(commandsQuery('verdict:hold'))}>{plural(held, 'command')} held</Found>} />
      <BreakGlass />
      <OpenAlerts />
    </div>
  );
}

function LiveSessions(): ReactNode {
  const sessions = useAsk('listSessions', { query: { live: true } }, { keep: true }).data;
  const people = new Set(sessions?.sessions.map(({ principal }) => principal.id)).size;
  return (
    <Tile
      title="Live now"
      value={
        <Link to="/now" className="hover:underline">
          {sessions === undefined ? '–' : `${compact(sessions.sessions.length)}${sessions.next === null ? '' : '+'}`}
        </Link>
      }
      about={
        sessions === undefined || people === 0
          ? 'nobody is connected'
          : `of ${people === 1 ? 'one principal' : `${people} principals`}`
      }
    />
  );
}

/** Everything that waits for a decision, of whatever kind. */
function usePending() {
  return useAsk('listReviews', { query: { state: 'pending', limit: pageMost } }, { keep: true }).data;
}

function Waiting({ held }: { readonly held: ReactNode }): ReactNode {
  const pending = usePending();
  const waiting = pending?.reviews.filter(({ kind }) => kind !== 'break-glass').length ?? 0;
  return (
    <Tile
      title="Waiting for a decision"
      tone={waiting > 0 ? 'warn' : undefined}
      value={
        <Link to="/reviews" search={{ state: 'pending' }} className="hover:underline">
          {pending === undefined ? '–' : `${waiting}${pending.next === null ? '' : '+'}`}
        </Link>
      }
      about={held}
    />
  );
}

function BreakGlass(): ReactNode {
  const pending = usePending();
  const broken = pending?.reviews.filter(({ kind }) => kind === 'break-glass').length ?? 0;
  return (
    <Tile
      title="Unreviewed break-glass"
      tone={broken > 0 ? 'bad' : undefined}
      value={
        <Link to="/reviews" search={{ state: 'pending' }} className="hover:underline">
          {pending === undefined ? '–' : broken}
        </Link>
      }
      about={broken === 0 ? 'nothing to look at' : 'ran without approval'}
    />
  );
}

function OpenAlerts(): ReactNode {
  const alerts = useAsk('listAlerts', { query: { state: 'open', limit: pageMost } }, { keep: true }).data;
  const counts = severities
    .map((severity) => [severity, alerts?.alerts.filter((one) => one.severity === severity).length ?? 0] as const)
    .filter(([, count]) => count > 0);
  const isGrave = counts.some(([severity]) => severity === 'critical' || severity === 'high');
  return (
    <Tile
      title="Open alerts"
      tone={isGrave ? 'bad' : counts.length > 0 ? 'warn' : undefined}
      value={
        <Link to="/alerts" search={{ state: 'open' }} className="hover:underline">
          {alerts === undefined ? '–' : `${alerts.alerts.length}${alerts.next === null ? '' : '+'}`}
        </Link>
      }
      about={counts.length === 0 ? 'all handled' : counts.map(([severity, count]) => `${count} ${severity}`).join(', ')}
    />
  );
}
