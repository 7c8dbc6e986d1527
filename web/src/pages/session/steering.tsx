/**
 * What one does to a session that lives: say something to its person, stop and go on, end it, lock its principal out. Shown by
 * permission and only while it lives; each is confirmed.
 *
 * `<Steering>` stands as buttons on a session's page, `<SteeringMenu>` as one button in a row of a list.
 */
import { Ban, Lock, MessageSquare, MoreHorizontal, Pause, Play } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { useFigures } from '../../api/live.ts';
import { useMay, useMe } from '../../app/me.tsx';
import { Button, IconButton } from '../../ui/controls.tsx';
import { Menu } from '../../ui/overlays.tsx';
import { EndDialog, MessageDialog, PauseDialog } from './steering-dialogs.tsx';
import { LockDialog } from './steering-lock.tsx';

export type SteeringAct = 'message' | 'pause' | 'resume' | 'end' | 'lock';

interface Choice {
  readonly act: SteeringAct;
  readonly label: string;
  readonly icon: ReactNode;
  readonly danger: boolean;
}

/** What this person may do to this session now; nothing where it is over. */
export function useSteeringActs(session: SessionView): readonly Choice[] {
  const me = useMe();
  const isOwn = session.principal.id === me.id;
  const reaches = (scope: 'own' | 'all' | null): boolean => scope === 'all' || (scope === 'own' && isOwn);
  const maySteer = reaches(useMay('sessions.steer'));
  const mayEnd = reaches(useMay('sessions.kill'));
  const mayLock = useMay('objects.write') !== null && !isOwn;
  const isPaused = useFigures(session.id)?.paused === true;
  if (!session.live) return [];
  return [
    ...(maySteer
      ? [
          { act: 'message', label: 'Message', icon: <MessageSquare />, danger: false } as const,
          isPaused
            ? ({ act: 'resume', label: 'Resume', icon: <Play />, danger: false } as const)
            : ({ act: 'pause', label: 'Pause', icon: <Pause />, danger: false } as const),
        ]
      : []),
    ...(mayEnd ? [{ act: 'end', label: 'End session', icon: <Ban />, danger: true } as const] : []),
    ...(mayLock
      ? [{ act: 'lock', label: `Lock ${session.principal.name}`, icon: <Lock />, danger: true } as const]
      : []),
  ];
}

export function Steering({ session }: { readonly session: SessionView }): ReactNode {
  const acts = useSteeringActs(session);
  const [act, setAct] = useState<SteeringAct | null>(null);
  if (acts.length === 0) return null;
  return (
    <>
      {acts.map(({ act, label, icon, danger }) => (
        <Button key={act} icon={icon} tone={danger ? 'danger' : 'plain'} onClick={() => setAct(act)}>
          {label}
        </Button>
      ))}
      <SteeringDialogs session={session} act={act} onClose={() => setAct(null)} />
    </>
  );
}

export function SteeringMenu({ session }: { readonly session: SessionView }): ReactNode {
  const acts = useSteeringActs(session);
  const [act, setAct] = useState<SteeringAct | null>(null);
  if (acts.length === 0) return null;
  return (
    <>
      <Menu
        trigger={
          <IconButton label={`Steer the session of ${session.principal.name} on ${session.resource}`}>
            <MoreHorizontal />
          </IconButton>
        }
        items={acts.map(({ act, label, icon, danger }) => ({ label, icon, danger, onSelect: () => setAct(act) }))}
      />
      <SteeringDialogs session={session} act={act} onClose={() => setAct(null)} />
    </>
  );
}

function SteeringDialogs({
  session,
  act,
  onClose,
}: {
  readonly session: SessionView;
  readonly act: SteeringAct | null;
  readonly onClose: () => void;
}): ReactNode {
  const wasAsked = useRef(false);
  wasAsked.current ||= act !== null;
  // A list has many of these: none is made before it is asked for.
  if (!wasAsked.current) return null;
  const shared = { session, onClose } as const;
  return (
    <>
      <MessageDialog {...shared} open={act === 'message'} />
      <PauseDialog {...shared} open={act === 'pause' || act === 'resume'} resume={act === 'resume'} />
      <EndDialog {...shared} open={act === 'end'} />
      <LockDialog {...shared} open={act === 'lock'} />
    </>
  );
}
