/** What a live session is told by: who, where, how much. Figures move by themselves, each where it stands. */
import { Bot, Cog, Pause, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { type LiveFigures, useFigures } from '../../api/live.ts';
import { bytes, compact, number } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, type BadgeTone, cx } from '../../ui/controls.tsx';
import { useNow } from '../../ui/time.tsx';
import { Spark } from './spark.tsx';

/** How long a session counts as one that has just come. */
const newMs = 20_000;

const kinds = { person: null, service: Cog, agent: Bot } as const;

export function Who({ session, isOver }: { readonly session: SessionView; readonly isOver: boolean }): ReactNode {
  const { principal, startedAt, id } = session;
  const Kind = kinds[principal.kind];
  const agents = principal.agents ?? [];
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      {isOver ? null : <Fresh startedAt={startedAt} />}
      {Kind === null ? null : <Kind className="size-3.5 shrink-0 text-quiet" role="img" aria-label={principal.kind} />}
      <span className="truncate font-medium" title={safeText(principal.name)}>
        <Safe text={principal.name} oneLine />
      </span>
      {agents.length === 0 ? null : (
        <Badge tone="info" title={`Acts for ${safeText(principal.name)}: ${safeText(agents.join(', '))}`}>
          <Bot className="size-3" aria-hidden="true" />
          by <Safe text={agents[0]!} oneLine />
          {agents.length > 1 ? ` +${agents.length - 1}` : ''}
        </Badge>
      )}
      {isOver ? <Badge>ended</Badge> : <Paused id={id} />}
    </span>
  );
}

/** A dot before what has just come. */
function Fresh({ startedAt }: { readonly startedAt: string }): ReactNode {
  const isNew = useNow() - Date.parse(startedAt) < newMs;
  return isNew ? (
    <span className="size-1.5 shrink-0 rounded-full bg-accent" role="img" aria-label="New" title="Just opened" />
  ) : null;
}

function Paused({ id }: { readonly id: string }): ReactNode {
  return useFigures(id)?.paused === true ? (
    <Badge tone="warn" title="What its client sends is not read until somebody resumes it">
      <Pause className="size-3" aria-hidden="true" />
      paused
    </Badge>
  ) : null;
}

const protocolNames: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL',
  ssh: 'SSH',
  http: 'HTTP',
  kubernetes: 'Kubernetes',
};

export function protocolName(protocol: string): string {
  return protocolNames[protocol] ?? protocol;
}

export function Target({ session }: { readonly session: SessionView }): ReactNode {
  return (
    <span className="flex min-w-0 items-baseline gap-2">
      <span className="truncate">
        <Safe text={session.resource} oneLine />
      </span>
      <span className="shrink-0 text-2xs text-faint">{protocolName(session.protocol)}</span>
    </span>
  );
}

/** How long it has been open, as a person says it. */
export function Since({ at }: { readonly at: string }): ReactNode {
  const minutes = Math.max(0, Math.floor((useNow() - Date.parse(at)) / 60_000));
  const text =
    minutes < 1
      ? 'just now'
      : minutes < 60
        ? `${minutes} min`
        : minutes < 48 * 60
          ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
          : `${Math.floor(minutes / 1440)} d`;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()} className="whitespace-nowrap text-quiet">
      {text}
    </time>
  );
}

/** One figure of a session: as it was told last, and else as the list has it. */
export function Figure({
  session,
  name,
}: {
  readonly session: SessionView;
  readonly name: 'commands' | 'rows' | 'bytesIn' | 'bytesOut';
}): ReactNode {
  const figures = useFigures(session.id);
  const value = figures?.[name] ?? (name === 'rows' ? 0 : session[name]);
  const text = name === 'bytesIn' || name === 'bytesOut' ? bytes(value) : compact(value);
  return (
    <span className={value === 0 ? 'text-faint' : ''} title={number(value)}>
      {text}
    </span>
  );
}

export function PerMinute({ id, isOver }: { readonly id: string; readonly isOver: boolean }): ReactNode {
  const figures = useFigures(id);
  const perMinute = isOver ? 0 : (figures?.perMinute ?? 0);
  return (
    <span className="flex items-center justify-end gap-2">
      <Spark counts={figures?.recent ?? []} />
      <span className={cx('w-8 text-right tabular-nums', perMinute === 0 && 'text-faint')}>{compact(perMinute)}</span>
    </span>
  );
}

function riskTone(risk: number): BadgeTone {
  return risk >= 70 ? 'bad' : risk >= 30 ? 'warn' : 'info';
}

export function Risk({ id }: { readonly id: string }): ReactNode {
  const risk = useFigures(id)?.risk ?? 0;
  if (risk === 0) return null;
  return (
    <Badge tone={riskTone(risk)} title={`Detections give it ${risk} of 100 points of risk`}>
      {risk >= 70 ? <TriangleAlert className="size-3" aria-hidden="true" /> : null}
      <span className="sr-only">risk </span>
      {risk}
    </Badge>
  );
}

export function RecordingMode({ session }: { readonly session: SessionView }): ReactNode {
  return session.recording === 'strict' ? (
    <span className="text-quiet" title="Nothing passes that is not recorded">
      strict
    </span>
  ) : (
    <span
      className="text-warn"
      title="The recording follows behind: the last moments of it may be missing after a crash"
    >
      best-effort
    </span>
  );
}

export function sumOf(sessions: readonly SessionView[], all: ReadonlyMap<string, LiveFigures>) {
  let perMinute = 0;
  const people = sessions.filter(({ principal }) => principal.kind === 'person');
  for (const { id } of sessions) perMinute += all.get(id)?.perMinute ?? 0;
  return { perMinute, people: new Set(people.map(({ principal }) => principal.id)).size };
}
