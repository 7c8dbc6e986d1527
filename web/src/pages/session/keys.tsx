/** The keys of a session's page, and the card that says them. Keys that are typed into a field are the field's. */
import { type ReactNode, useEffect } from 'react';
import { Kbd } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/overlays.tsx';

export interface SessionKeys {
  readonly toggle: () => void;
  readonly skip: (ms: number) => void;
  readonly step: (commands: number) => void;
  readonly search: () => void;
  readonly help: () => void;
  readonly copyLink: () => void;
  readonly follow: () => void;
}

const skipMs = 5_000;

export function useSessionKeys(keys: SessionKeys): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || target.isContentEditable) return;
      if (
        ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) ||
        target.closest('[role=dialog],[role=menu]') !== null
      )
        return;
      // Space and arrows are also a button's and a list's own.
      const isOwn = target.tagName === 'BUTTON' || target.tagName === 'A';
      const acts: Readonly<Record<string, () => void>> = {
        ...(isOwn ? {} : { ' ': keys.toggle }),
        ArrowLeft: () => keys.skip(-skipMs),
        ArrowRight: () => keys.skip(skipMs),
        '[': () => keys.step(-1),
        ']': () => keys.step(1),
        '/': keys.search,
        '?': keys.help,
        c: keys.copyLink,
        f: keys.follow,
      };
      const act = Object.hasOwn(acts, event.key) ? acts[event.key] : undefined;
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [keys]);
}

const said = [
  ['Space', 'play and pause'],
  ['← →', 'five seconds back and on'],
  ['[ ]', 'the command before, and the next'],
  ['/', 'search in commands and output'],
  ['c', 'copy a link to this moment'],
  ['f', 'follow a live session'],
  ['?', 'this card'],
] as const;

export function KeysDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  return (
    <Dialog open={open} onClose={onClose} title="Keys of this page">
      <dl className="grid grid-cols-[max-content_1fr] items-center gap-x-4 gap-y-2">
        {said.map(([key, what]) => (
          <div key={key} className="contents">
            <dt className="flex gap-1">
              {key.split(' ').map((one) => (
                <Kbd key={one}>{one}</Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
