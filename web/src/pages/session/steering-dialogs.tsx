/** The questions before a live session is spoken to, stopped or ended. */
import type { ReactNode } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { call } from '../../api/client.ts';
import { forget } from '../../api/query.ts';
import { Confirm, say } from '../../ui/overlays.tsx';

export interface SteeringDialogProps {
  readonly session: SessionView;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function MessageDialog({ session, open, onClose }: SteeringDialogProps): ReactNode {
  const { id, principal } = session;
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Message ${principal.name}`}
      about="Shown in the session as a message of the gateway, with no name. It is recorded."
      reason="Message"
      action="Send"
      danger={false}
      onConfirm={async (text) => {
        await call('steerSession', { params: { id }, body: { action: 'message', text } });
        say(`${principal.name} was shown your message.`);
      }}
    />
  );
}

export function PauseDialog({
  session,
  open,
  resume,
  onClose,
}: SteeringDialogProps & { readonly resume: boolean }): ReactNode {
  const { id, principal, resource } = session;
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={resume ? 'Resume this session' : 'Pause this session'}
      about={
        resume
          ? `What ${principal.name} sends to ${resource} is read again.`
          : `Nothing that ${principal.name} sends to ${resource} is read until the session is resumed. What runs already runs on.`
      }
      action={resume ? 'Resume' : 'Pause'}
      danger={false}
      onConfirm={async () => {
        await call('steerSession', { params: { id }, body: { action: resume ? 'resume' : 'pause' } });
        say(resume ? 'The session goes on.' : 'The session is paused.');
      }}
    />
  );
}

export function EndDialog({ session, open, onClose }: SteeringDialogProps): ReactNode {
  const { id, principal, resource } = session;
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title="End this session"
      about={`${principal.name} is disconnected from ${resource} within a second, and is told your name and this reason. They may connect again.`}
      reason="Reason"
      action="End session"
      onConfirm={async (reason) => {
        await call('killSession', { params: { id }, body: { reason } });
        say(`The session of ${principal.name} on ${resource} was ended.`);
        forget('listSessions', 'getSession');
      }}
    />
  );
}
