/** What lies above a page: dialogs, menus, and words that say how an act went. Focus, Escape and labels are Base UI's. */
import { Dialog as Base } from '@base-ui/react/dialog';
import { Menu as BaseMenu } from '@base-ui/react/menu';
import { X } from 'lucide-react';
import { type ReactElement, type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { Problem } from '../api/client.ts';
import { Button, cx, IconButton } from './controls.tsx';

export function Dialog({
  open,
  onClose,
  title,
  about,
  children,
  wide = false,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly about?: ReactNode;
  readonly children: ReactNode;
  readonly wide?: boolean;
}): ReactNode {
  return (
    <Base.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Base.Popup
          className={cx(
            'fixed inset-x-0 bottom-0 z-50 max-h-[92dvh] overflow-auto rounded-t-xl border bg-sheet p-5 shadow-pop sm:inset-x-auto sm:top-[12vh] sm:bottom-auto sm:left-1/2 sm:max-h-[80vh] sm:-translate-x-1/2 sm:rounded-xl',
            wide ? 'sm:w-[min(56rem,92vw)]' : 'sm:w-[min(28rem,92vw)]',
          )}
        >
          <div className="mb-3 flex items-start gap-3">
            <div className="mr-auto">
              <Base.Title className="text-sm font-semibold">{title}</Base.Title>
              {about === undefined ? null : (
                <Base.Description className="mt-1 text-quiet" render={<div />}>
                  {about}
                </Base.Description>
              )}
            </div>
            <Base.Close
              render={
                <IconButton label="Close" className="-mt-1.5 -mr-2">
                  <X />
                </IconButton>
              }
            />
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Asks before something that cannot be taken back, for a reason where one is owed. */
export function Confirm({
  open,
  onClose,
  title,
  about,
  action,
  reason,
  danger = true,
  onConfirm,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly about?: ReactNode;
  /** What the button says. */
  readonly action: string;
  /** Label of the reason that must be given; none is asked for where it is left out. */
  readonly reason?: string;
  readonly danger?: boolean;
  readonly onConfirm: (reason: string) => Promise<unknown>;
}): ReactNode {
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (open) setText('');
    setProblem(null);
  }, [open]);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm(text.trim());
      onClose();
    } catch (error) {
      setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onClose={onClose} title={title} {...(about === undefined ? {} : { about })}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        {reason === undefined ? null : (
          <label className="grid gap-1">
            <span className="text-xs font-medium text-quiet">{reason}</span>
            <textarea
              required
              autoFocus
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.metaKey || event.ctrlKey))
                  event.currentTarget.form?.requestSubmit();
              }}
              className="min-h-20 rounded-md border border-line-strong/50 bg-ground px-2.5 py-1.5"
            />
          </label>
        )}
        {problem === null ? null : (
          <p role="alert" className="text-bad">
            {problem}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone={danger ? 'danger' : 'primary'} disabled={isBusy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export interface MenuItem {
  readonly label: string;
  readonly icon?: ReactNode;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly onSelect: () => void;
}

export function Menu({
  trigger,
  items,
}: {
  readonly trigger: ReactElement;
  readonly items: readonly (MenuItem | 'line')[];
}): ReactNode {
  return (
    <BaseMenu.Root>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner sideOffset={4} align="end" className="z-50">
          <BaseMenu.Popup className="min-w-44 rounded-lg border bg-sheet p-1 shadow-pop outline-none">
            {items.map((item, index) =>
              item === 'line' ? (
                <BaseMenu.Separator key={`line-${index}`} className="my-1 border-t" />
              ) : (
                <BaseMenu.Item
                  key={item.label}
                  disabled={item.disabled ?? false}
                  onClick={item.onSelect}
                  className={cx(
                    'flex h-8 cursor-default items-center gap-2 rounded px-2 outline-none data-disabled:opacity-40 data-highlighted:bg-hover [&>svg]:size-4',
                    item.danger === true ? 'text-bad' : 'text-ink',
                  )}
                >
                  {item.icon}
                  {item.label}
                </BaseMenu.Item>
              ),
            )}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

interface Word {
  readonly id: number;
  readonly text: string;
  readonly isProblem: boolean;
}

const shownMs = 6_000;
let words: readonly Word[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function put(next: readonly Word[]): void {
  words = next;
  for (const listener of listeners) listener();
}

/** Says in a corner how something went; a problem stays longer. */
export function say(text: string, isProblem = false): void {
  const id = nextId++;
  put([...words.slice(-2), { id, text, isProblem }]);
  setTimeout(() => put(words.filter((word) => word.id !== id)), isProblem ? shownMs * 2 : shownMs);
}

/** Does something for a press and says why it did not work. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<void> {
  try {
    await work();
    if (done !== undefined) say(done);
  } catch (error) {
    say(error instanceof Error ? error.message : 'That did not work.', true);
  }
}

export function Words(): ReactNode {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => words,
  );
  return (
    <div aria-live="polite" className="pointer-events-none fixed right-4 bottom-4 z-60 grid max-w-sm gap-2">
      {shown.map(({ id, text, isProblem }) => (
        <div
          key={id}
          role={isProblem ? 'alert' : 'status'}
          className={cx(
            'pointer-events-auto flex items-start gap-2 rounded-lg border bg-sheet px-3 py-2 shadow-pop',
            isProblem && 'text-bad',
          )}
        >
          <span className="mr-auto">{text}</span>
          <button
            type="button"
            aria-label="Dismiss"
            className="text-faint hover:text-ink"
            onClick={() => put(words.filter((word) => word.id !== id))}
          >
            <X className="size-4" />
          </button>
        </div>
      ))}
    </div>
  );
}
