/** ⌘K: to any place, to a search of what happened, by typing. */
import { useNavigate } from '@tanstack/react-router';
import { FileSearch } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { cx, Kbd } from '../ui/controls.tsx';
import { Dialog } from '../ui/overlays.tsx';
import { useMe } from './me.tsx';
import { placesFor } from './places.ts';

interface Choice {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly icon: ReactNode;
  readonly go: () => void;
}

export function Palette({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  return (
    <Dialog open={open} onClose={onClose} title="Go to">
      <Choices onClose={onClose} />
    </Dialog>
  );
}

function Choices({ onClose }: { readonly onClose: () => void }): ReactNode {
  const navigate = useNavigate();
  const { permissions } = useMe();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const choices = useMemo<readonly Choice[]>(() => {
    const wanted = text.trim().toLowerCase();
    const places = placesFor(permissions).flatMap(({ title: group, places }) =>
      places
        .filter(({ title }) => `${group} ${title}`.toLowerCase().includes(wanted))
        .map(({ to, title, icon: Icon, key }) => ({
          id: to,
          title,
          about: key === undefined ? group : `g ${key}`,
          icon: <Icon className="size-4" />,
          go: () => void navigate({ to }),
        })),
    );
    if (wanted === '' || permissions['search.run'] === undefined) return places;
    const search = {
      id: 'search',
      title: `Search what happened: ${text.trim()}`,
      about: 'Sessions',
      icon: <FileSearch className="size-4" />,
      go: () => void navigate({ to: '/sessions', search: { q: text.trim() } }),
    };
    return [...places, search];
  }, [text, permissions, navigate]);
  const chosen = Math.min(at, choices.length - 1);
  const take = (choice: Choice | undefined): void => {
    if (choice === undefined) return;
    onClose();
    choice.go();
  };
  return (
    <div>
      <input
        // biome-ignore lint/a11y/noAutofocus: it was opened to type
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-choices"
        aria-activedescendant={chosen >= 0 ? `palette-${chosen}` : undefined}
        aria-label="Where to"
        placeholder="A place, or what happened…"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) {
            event.preventDefault();
            setAt((chosen + step + choices.length) % Math.max(1, choices.length));
          } else if (event.key === 'Enter') {
            event.preventDefault();
            take(choices[chosen]);
          }
        }}
        className="mb-2 h-10 w-full rounded-md border border-line-strong/50 bg-ground px-3 text-sm"
      />
      <div id="palette-choices" role="listbox" aria-label="Places" className="max-h-[50vh] overflow-auto">
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: Enter is the input's
          <div
            key={choice.id}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => take(choice)}
            onMouseMove={() => setAt(index)}
            className={cx('flex h-9 items-center gap-2.5 rounded-md px-2', index === chosen && 'bg-hover')}
          >
            <span className="text-quiet">{choice.icon}</span>
            <span className="mr-auto truncate">{choice.title}</span>
            {choice.about.startsWith('g ') ? (
              <Kbd>{choice.about}</Kbd>
            ) : (
              <span className="text-2xs text-faint">{choice.about}</span>
            )}
          </div>
        ))}
      </div>
    </div>
  );
}
