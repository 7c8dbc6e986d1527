/** The parts of a session's page below its timeline: the list of commands, and what came of them as transcript or terminal. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { cx } from '../../ui/controls.tsx';
import { Commands, type Only, onlyNames, useShownCommands } from './commands.tsx';
import { type SessionKeys, useSessionKeys } from './keys.tsx';
import type { SessionCommand } from './model.ts';
import type { Place } from './place.ts';
import { Player } from './player.tsx';
import type { Reading } from './reading.ts';
import { SearchHits, useFound } from './search-hits.tsx';
import { CannotRead, NothingYet } from './standings.tsx';
import { Transcript } from './transcript.tsx';
import { Views } from './views.tsx';

/** Which part is shown, as the address says it; a session with a terminal begins with that. */
function useView(reading: Reading): { readonly view: string; readonly setView: (view: string) => void } {
  const { view } = useSearch({ from: '/sessions/$id' });
  const navigate = useNavigate({ from: '/sessions/$id' });
  const [first] = reading.model.terminals;
  const setView = useCallback(
    (next: string) => void navigate({ search: (before) => ({ ...before, view: next }), replace: true }),
    [navigate],
  );
  return { view: view ?? (first === undefined ? 'transcript' : String(first.command)), setView };
}

interface PartsProps {
  readonly session: SessionView;
  readonly reading: Reading;
  readonly place: Place;
  readonly onHelp: () => void;
}

interface Filter {
  readonly text: string;
  readonly only: Only;
  readonly put: (changes: { readonly q?: string; readonly only?: Only }) => void;
}

/** What is listed, as the address says it. */
function useFilter(): Filter {
  const search = useSearch({ from: '/sessions/$id' });
  const navigate = useNavigate({ from: '/sessions/$id' });
  const put = useCallback<Filter['put']>(
    (changes) =>
      void navigate({
        search: ({ q, only, ...rest }) => {
          const next = { q, only, ...changes };
          return {
            ...rest,
            ...(next.q ? { q: next.q } : {}),
            ...(next.only && next.only !== 'all' ? { only: next.only } : {}),
          };
        },
        replace: true,
      }),
    [navigate],
  );
  return { text: search.q ?? '', only: onlyNames.find((name) => name === search.only) ?? 'all', put };
}

export function Parts({ session, reading, place, onHelp }: PartsProps): ReactNode {
  const { model, rules, version } = reading;
  const { view, setView } = useView(reading);
  const searchField = useRef<HTMLInputElement>(null);
  const filter = useFilter();
  const commands = useShownCommands(model, rules, version, filter.text, filter.only);
  const { choose, current, playback } = place;
  const terminal = model.terminals.find(({ command }) => String(command) === view) ?? null;
  useFirstMoment(reading, place);
  usePauses(reading, place, terminal?.command ?? null);
  const step = useCallback(
    (by: number) => {
      const at = commands.findIndex(({ ordinal }) => ordinal === current);
      const next = commands[Math.max(0, Math.min(commands.length - 1, at + by))];
      if (next !== undefined) choose(next);
    },
    [commands, current, choose],
  );
  useKeys({ place, isLive: session.live, step, setView, searchField, onHelp });
  if (reading.state === 'failed' && model.entries === 0) {
    return <CannotRead error={reading.error} retry={reading.retry} />;
  }
  const isList = view === 'commands';
  const side = { session, reading, place, commands, filter, view, setView, searchField };
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <Side {...side} />
      <div className={cx('min-h-0 min-w-0 flex-1 flex-col md:flex', isList ? 'hidden' : 'flex')}>
        <Views reading={reading} view={view} onView={setView} />
        {model.entries === 0 ? (
          <NothingYet reading={reading} isLive={session.live} />
        ) : terminal === null ? (
          <Shown session={session} reading={reading} place={place} commands={commands} />
        ) : (
          <Player
            key={terminal.command}
            terminals={reading.terminals}
            terminal={terminal}
            playback={playback}
            isLive={session.live && terminal.endMs === null}
            version={version}
          />
        )}
      </div>
    </div>
  );
}

interface SideProps extends Omit<PartsProps, 'onHelp'> {
  readonly commands: readonly SessionCommand[];
  readonly filter: Filter;
  readonly view: string;
  readonly setView: (view: string) => void;
  readonly searchField: RefObject<HTMLInputElement | null>;
}

const phone = '(max-width: 767px)';

/** The list of commands: beside what came of them, on a phone in its place. */
function Side({ session, reading, place, commands, filter, view, setView, searchField }: SideProps): ReactNode {
  const { model, rules, version, terminals } = reading;
  const { choose, seek, current } = place;
  const { text, only, put } = filter;
  const found = useFound(terminals, text, model.terminals.length > 0, version);
  const onSelect = (command: SessionCommand): void => {
    choose(command);
    if (view === 'commands' && matchMedia(phone).matches) setView(String(model.terminals[0]?.command ?? 'transcript'));
  };
  return (
    <aside
      aria-label="Commands of the session"
      className={cx(
        'min-h-0 flex-col md:flex md:w-80 md:flex-none md:border-r',
        view === 'commands' ? 'flex flex-1' : 'hidden',
      )}
    >
      <div className="md:hidden">
        <Views reading={reading} view={view} onView={setView} />
      </div>
      <Commands
        commands={commands}
        total={model.commands.length}
        rules={rules}
        selected={current}
        isLive={session.live}
        onSelect={onSelect}
        text={text}
        onText={(q) => put({ q })}
        only={only}
        onOnly={(next) => put({ only: next })}
        searchField={searchField}
      >
        <SearchHits
          found={found}
          onGo={(command, ms) => {
            setView(String(command));
            seek(ms + 1);
          }}
        />
      </Commands>
    </aside>
  );
}

function useKeys({
  place,
  isLive,
  step,
  setView,
  searchField,
  onHelp,
}: Pick<SideProps, 'place' | 'setView' | 'searchField'> & {
  readonly isLive: boolean;
  readonly step: (by: number) => void;
  readonly onHelp: () => void;
}): void {
  const { playback, seek, linkTo } = place;
  useSessionKeys(
    useMemo<SessionKeys>(
      () => ({
        toggle: () => playback.toggle(),
        skip: (ms) => seek(playback.get().ms + ms),
        step,
        search: () => {
          if (searchField.current?.offsetParent == null) setView('commands');
          setTimeout(() => searchField.current?.focus(), 0);
        },
        help: onHelp,
        copyLink: () => linkTo(null),
        follow: () => isLive && playback.follow(),
      }),
      [playback, seek, linkTo, step, onHelp, isLive, setView, searchField],
    ),
  );
}

function Shown({
  session,
  reading: { rules, version },
  place,
  commands,
}: Omit<PartsProps, 'onHelp'> & { readonly commands: Parameters<typeof Transcript>[0]['commands'] }): ReactNode {
  const { playback, current, wanted, choose, linkTo } = place;
  const [isFollowing, setFollowing] = useState(playback.get().isFollowing);
  useEffect(() => playback.subscribe(() => setFollowing(playback.get().isFollowing)), [playback]);
  const onFollow = useCallback((next: boolean) => (next ? playback.follow() : playback.unfollow()), [playback]);
  return (
    <Transcript
      session={session.id}
      protocol={session.protocol}
      commands={commands}
      rules={rules}
      version={version}
      selected={current}
      wanted={wanted}
      isFollowing={isFollowing}
      onFollow={onFollow}
      isLive={session.live}
      onSelect={choose}
      onLink={linkTo}
    />
  );
}

/** A terminal that is opened without a place begins where something stands on it. */
function useFirstMoment({ model, version }: Reading, { playback }: Place): void {
  const { command, at } = useSearch({ from: '/sessions/$id' });
  const isDone = useRef(command !== undefined || at !== undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it may come with any version
  useEffect(() => {
    const first = model.terminals[0]?.activity[0];
    if (isDone.current || first === undefined) return;
    isDone.current = true;
    const { isFollowing, ms } = playback.get();
    if (!isFollowing && ms === 0) playback.seek(first + 1_000);
  }, [model, version, playback]);
}

/** Where pauses end: at what is drawn next, or at the next command. */
function usePauses({ model }: Reading, { playback }: Place, terminal: number | null): void {
  useEffect(() => {
    playback.nextActivity = (ms) => {
      const activity = model.terminals.find(({ command }) => command === terminal)?.activity;
      if (activity === undefined) return model.commands[model.indexAt(ms) + 1]?.atMs ?? null;
      let low = 0;
      let high = activity.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (activity[middle]! <= ms) low = middle + 1;
        else high = middle;
      }
      return activity[low] ?? null;
    };
  }, [model, playback, terminal]);
}
