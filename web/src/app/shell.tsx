/**
 * What stands around every page: the way to the others, who one is, whether the page is live. On a phone the way is a drawer, and
 * the four places that one needs there stand at the bottom.
 */
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { Command, LogOut, Menu as MenuIcon, Monitor, Moon, Sun, UserRound, X } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { endSession } from '../api/client.ts';
import { useLiveStatus, useLiveStream } from '../api/live.ts';
import { useAsk } from '../api/query.ts';
import { cx, IconButton, Kbd } from '../ui/controls.tsx';
import { Menu, Words } from '../ui/overlays.tsx';
import { SignedOn, useMay, useMe } from './me.tsx';
import { Palette } from './palette.tsx';
import { type Place, placesFor } from './places.ts';
import { setTheme, type Theme, useTheme } from './theme.ts';
import { ReviewWatch } from './waiting.tsx';

export function Shell(): ReactNode {
  return (
    <SignedOn>
      <Frame />
    </SignedOn>
  );
}

function Frame(): ReactNode {
  useLiveStream();
  const [isOpen, setOpen] = useState(false);
  const [isPalette, setPalette] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when one has gone somewhere
  useEffect(() => setOpen(false), [path]);
  useShortcuts(() => setPalette(true));
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a href="#main" className="absolute -top-20 left-2 z-60 rounded bg-accent px-3 py-2 text-accent-ink focus:top-2">
        To the content
      </a>
      <div className="flex h-12 shrink-0 items-center gap-2 border-b px-2 md:hidden">
        <IconButton label="Open the menu" onClick={() => setOpen(true)}>
          <MenuIcon />
        </IconButton>
        <Mark />
        <span className="ml-auto" />
        <LiveDot />
      </div>
      {isOpen ? (
        <button
          type="button"
          aria-label="Close the menu"
          className="fixed inset-0 z-30 bg-black/40 md:hidden"
          onClick={() => setOpen(false)}
        />
      ) : null}
      <aside
        className={cx(
          'z-40 w-60 shrink-0 flex-col border-r bg-ground md:flex md:w-52',
          isOpen ? 'fixed inset-y-0 left-0 flex' : 'hidden',
        )}
      >
        <div className="flex h-14 items-center gap-2 px-4">
          <Mark />
          <span className="ml-auto hidden md:block">
            <LiveDot />
          </span>
          <IconButton label="Close the menu" className="ml-auto md:hidden" onClick={() => setOpen(false)}>
            <X />
          </IconButton>
        </div>
        <button
          type="button"
          onClick={() => setPalette(true)}
          className="mx-3 mb-2 flex h-8 items-center gap-2 rounded-md border bg-sheet px-2.5 text-quiet hover:bg-hover"
        >
          <Command className="size-3.5" />
          <span className="mr-auto">Go to…</span>
          <Kbd>⌘K</Kbd>
        </button>
        <Navigation />
        <Person />
      </aside>
      <main
        id="main"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a page may have nothing else in it that keys reach
        tabIndex={0}
        className="min-h-0 min-w-0 flex-1 overflow-auto outline-none focus-visible:outline-2 focus-visible:-outline-offset-2"
      >
        <Outlet />
      </main>
      <Thumb />
      <ReviewWatch />
      <Palette open={isPalette} onClose={() => setPalette(false)} />
      <Words />
    </div>
  );
}

function Mark(): ReactNode {
  return (
    <span className="flex items-center gap-2 font-semibold tracking-tight">
      <img src="/logo.svg" alt="" className="size-6" />
      Sallyport
    </span>
  );
}

function LiveDot(): ReactNode {
  const status = useLiveStatus();
  const words = { live: 'Live', connecting: 'Connecting', away: 'Not connected: trying again' }[status];
  return (
    <span
      role="status"
      aria-label={words}
      title={words}
      className={cx('block size-2 rounded-full', status === 'live' ? 'bg-good' : 'animate-pulse bg-warn')}
    />
  );
}

/** How many reviews wait for this person, and how many alerts are open. */
function useWaiting(): Readonly<Record<string, number>> {
  const mayDecide = useMay('reviews.read') !== null;
  const mayHandle = useMay('alerts.read') !== null;
  const reviews = useAsk(
    'listReviews',
    { query: { state: 'pending', mine: false } },
    { enabled: mayDecide, keep: true },
  );
  const alerts = useAsk('listAlerts', { query: { state: 'open' } }, { enabled: mayHandle, keep: true });
  return { '/reviews': reviews.data?.reviews.length ?? 0, '/alerts': alerts.data?.alerts.length ?? 0 };
}

function Navigation(): ReactNode {
  const { permissions } = useMe();
  const waiting = useWaiting();
  return (
    <nav aria-label="Console" className="min-h-0 flex-1 overflow-auto px-3 pb-4">
      {placesFor(permissions).map(({ title, places }) => (
        <div key={title} className="mt-3">
          <h2 className="px-2 pb-1 text-2xs font-medium text-faint">{title}</h2>
          {places.map((place) => (
            <NavLink key={place.to} place={place} count={waiting[place.to] ?? 0} />
          ))}
        </div>
      ))}
    </nav>
  );
}

function NavLink({ place, count }: { readonly place: Place; readonly count: number }): ReactNode {
  return (
    <Link
      to={place.to}
      activeOptions={{ exact: place.to === '/', includeSearch: false }}
      className="flex h-8 items-center gap-2.5 rounded-md px-2 text-quiet hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:font-medium aria-[current=page]:text-ink"
    >
      <place.icon className="size-4 shrink-0" />
      <span className="mr-auto truncate">{place.title}</span>
      {count === 0 ? null : (
        <span className="rounded-full bg-warn-soft px-1.5 text-2xs font-medium text-warn">
          {count}
          <span className="sr-only"> waiting</span>
        </span>
      )}
    </Link>
  );
}

const themes: Readonly<Record<Theme, { readonly title: string; readonly icon: ReactNode }>> = {
  system: { title: 'As this device', icon: <Monitor /> },
  light: { title: 'Light', icon: <Sun /> },
  dark: { title: 'Dark', icon: <Moon /> },
};

function Person(): ReactNode {
  const me = useMe();
  const theme = useTheme();
  return (
    <div className="border-t p-2">
      <Menu
        trigger={
          <button
            type="button"
            className="flex h-10 w-full items-center gap-2 rounded-md px-2 text-left hover:bg-hover"
          >
            <span className="flex size-6 items-center justify-center rounded-full bg-accent-soft text-2xs font-semibold text-accent">
              {me.name.slice(0, 2).toUpperCase()}
            </span>
            <span className="min-w-0">
              <span className="block truncate">{me.name}</span>
              <span className="block truncate text-2xs leading-3 text-faint">{me.roles.join(', ')}</span>
            </span>
          </button>
        }
        items={[
          { label: 'Account', icon: <UserRound />, onSelect: () => location.assign('/account.html') },
          'line',
          ...(Object.keys(themes) as Theme[]).map((name) => ({
            label: `${themes[name].title}${name === theme ? ' ✓' : ''}`,
            icon: themes[name].icon,
            onSelect: () => setTheme(name),
          })),
          'line',
          {
            label: 'Sign off',
            icon: <LogOut />,
            onSelect: () => void endSession().then((next) => location.assign(next)),
          },
        ]}
      />
    </div>
  );
}

/** The bottom of a phone. */
function Thumb(): ReactNode {
  const { permissions } = useMe();
  const waiting = useWaiting();
  const all = placesFor(permissions).flatMap(({ places }) => places);
  const places = ['/reviews', '/now', '/sessions', '/alerts', '/connect', '/requests']
    .map((to) => all.find((place) => place.to === to))
    .filter((place) => place !== undefined)
    .slice(0, 4);
  return (
    <nav
      aria-label="Most used"
      className="grid shrink-0 grid-flow-col border-t bg-ground pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {places.map(({ to, title, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          className="relative grid h-13 place-content-center justify-items-center gap-0.5 text-2xs text-quiet aria-[current=page]:font-medium aria-[current=page]:text-accent"
        >
          <Icon className="size-5" />
          {title}
          {(waiting[to] ?? 0) === 0 ? null : (
            <span className="absolute top-1.5 left-1/2 ml-2 size-2 rounded-full bg-warn">
              <span className="sr-only">{waiting[to]} waiting</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const chordMs = 1_200;

/** ⌘K and / anywhere; g and a letter to go somewhere. Keys that are typed into a field are the field's. */
function useShortcuts(openPalette: () => void): void {
  const navigate = useNavigate();
  const { permissions } = useMe();
  const chordUntil = useRef(0);
  useEffect(() => {
    const places = placesFor(permissions).flatMap(({ places }) => places);
    const onKey = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || target.isContentEditable) return;
      if (['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)) return;
      if (event.key === 'g') {
        chordUntil.current = event.timeStamp + chordMs;
        return;
      }
      if (event.timeStamp < chordUntil.current) {
        chordUntil.current = 0;
        const place = places.find(({ key }) => key === event.key);
        if (place === undefined) return;
        event.preventDefault();
        void navigate({ to: place.to });
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, openPalette, permissions]);
}
