/** What comes over a page from its side: a drawer, and on a phone the whole screen. Focus, Escape and labels are Base UI's. */
import { Dialog } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx, IconButton } from './controls.tsx';

export function Sheet({
  open,
  onClose,
  title,
  side,
  actions,
  children,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: ReactNode;
  readonly side: 'left' | 'right';
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Dialog.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup
          className={cx(
            'fixed inset-y-0 z-50 flex flex-col bg-sheet shadow-pop outline-none',
            side === 'left' ? 'left-0 w-[min(20rem,88vw)] border-r' : 'right-0 w-full border-l sm:w-[min(30rem,92vw)]',
          )}
        >
          <div className="flex h-12 shrink-0 items-center gap-2 border-b px-4">
            <Dialog.Title className="mr-auto min-w-0 truncate text-sm font-semibold">{title}</Dialog.Title>
            {actions}
            <Dialog.Close
              render={
                <IconButton label="Close" className="-mr-2">
                  <X />
                </IconButton>
              }
            />
          </div>
          <div className="min-h-0 flex-1 overflow-auto">{children}</div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
