/** Asks before what was typed and not saved is left behind. */
import { useBlocker } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Button } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/overlays.tsx';

export function LeaveGuard({ isChanged }: { readonly isChanged: boolean }): ReactNode {
  const { status, proceed, reset } = useBlocker({
    // Search of the same page is no leaving of it.
    shouldBlockFn: ({ current, next }) => isChanged && current.pathname !== next.pathname,
    enableBeforeUnload: () => isChanged,
    withResolver: true,
  });
  if (status !== 'blocked') return null;
  return (
    <Dialog
      open
      onClose={() => reset?.()}
      title="Leave without saving?"
      about="What you changed here is not saved, and would be gone."
    >
      <div className="flex justify-end gap-2">
        <Button onClick={() => reset?.()}>Stay</Button>
        <Button tone="danger" onClick={() => proceed?.()}>
          Leave
        </Button>
      </div>
    </Dialog>
  );
}
