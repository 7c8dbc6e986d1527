/**
 * Where one is in a session, and its address: a command (`?command`), or a moment (`?at`). The address says it, so that it can be sent
 * to somebody; back and forward work.
 *
 * Invariant: what one chose stays chosen as long as one is at its moment, though others share it.
 */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { say } from '../../ui/overlays.tsx';
import { useNow } from '../../ui/time.tsx';
import type { SessionCommand, SessionModel } from './model.ts';
import { Playback } from './playback.ts';
import type { Reading } from './reading.ts';

const addressMs = 300;

export interface Place {
  readonly playback: Playback;
  readonly endMs: number;
  /** The command where one is; null before the first. */
  readonly current: number | null;
  /** Counts up when it was gone to on purpose. */
  readonly wanted: number;
  readonly choose: (command: SessionCommand) => void;
  readonly seek: (ms: number) => void;
  readonly linkTo: (command: SessionCommand | null) => void;
}

export function usePlace(session: SessionView, reading: Reading): Place {
  const { model, version } = reading;
  const search = useSearch({ from: '/sessions/$id' });
  const navigate = useNavigate({ from: '/sessions/$id' });
  const isAtPlace = search.command !== undefined || search.at !== undefined;
  const [playback] = useState(() => new Playback(search.at ?? 0, session.live && !isAtPlace));
  const [wanted, setWanted] = useState(0);
  const chosen = useRef<{ ordinal: number; ms: number } | null>(null);
  const applied = useRef('');
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const endMs = useEnd(session, model);
  useEffect(() => playback.extend(endMs), [playback, endMs]);
  useEffect(() => () => playback.close(), [playback]);

  // From the address: at first, and by back and forward.
  const key = `${search.command ?? ''}|${search.at ?? ''}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a command may come later than the address that names it
  useEffect(() => {
    if (applied.current === key || key === '|') return;
    const command = search.command === undefined ? null : model.command(search.command);
    if (search.command !== undefined && command === null) return;
    applied.current = key;
    if (command !== null) chosen.current = { ordinal: command.ordinal, ms: Math.min(command.atMs, endMs) };
    playback.endMs = Math.max(playback.endMs, endMs);
    playback.seek(command === null ? (search.at ?? 0) : command.atMs);
    setWanted((before) => before + 1);
  }, [key, model, version, endMs]);

  const write = useCallback(
    (place: { readonly command?: number; readonly at?: number }, replace: boolean) => {
      applied.current = `${place.command ?? ''}|${place.at ?? ''}`;
      const { command, at } = place;
      void navigate({
        search: ({ command: _, at: __, ...rest }) => ({
          ...rest,
          ...(command === undefined ? {} : { command }),
          ...(at === undefined ? {} : { at }),
        }),
        replace,
      });
    },
    [navigate],
  );
  const choose = useCallback(
    (command: SessionCommand) => {
      if (timer.current !== null) clearTimeout(timer.current);
      playback.endMs = Math.max(playback.endMs, command.atMs);
      chosen.current = { ordinal: command.ordinal, ms: command.atMs };
      playback.seek(command.atMs);
      setWanted((before) => before + 1);
      write({ command: command.ordinal }, false);
    },
    [playback, write],
  );
  const seek = useCallback(
    (ms: number) => {
      chosen.current = null;
      playback.seek(ms);
      setWanted((before) => before + 1);
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = setTimeout(() => write({ at: Math.round(playback.get().ms) }, true), addressMs);
    },
    [playback, write],
  );
  useEffect(() => () => void (timer.current !== null && clearTimeout(timer.current)), []);
  const current = useCurrent(playback, model, chosen);
  const linkTo = useLink(playback, chosen);
  return useMemo(
    () => ({ playback, endMs, current, wanted, choose, seek, linkTo }),
    [playback, endMs, current, wanted, choose, seek, linkTo],
  );
}

/** How long the session is; of one that lives, by now. */
function useEnd({ live, startedAt, endedAt }: SessionView, model: SessionModel): number {
  const now = useNow();
  const startMs = Date.parse(startedAt);
  const knownMs = live ? now - startMs : endedAt === null ? 0 : Date.parse(endedAt) - startMs;
  return Math.max(0, knownMs, model.lastMs);
}

type Chosen = { readonly current: { readonly ordinal: number; readonly ms: number } | null };

function useCurrent(playback: Playback, model: SessionModel, chosen: Chosen): number | null {
  const get = (): number | null => {
    const { ms } = playback.get();
    if (chosen.current !== null && Math.abs(chosen.current.ms - ms) < 1) return chosen.current.ordinal;
    return model.commands[model.indexAt(ms)]?.ordinal ?? null;
  };
  return useSyncExternalStore(playback.subscribe, get);
}

function useLink(playback: Playback, chosen: Chosen): Place['linkTo'] {
  return useCallback(
    (command) => {
      const { ms } = playback.get();
      const url = new URL(location.href);
      const ordinal =
        command?.ordinal ??
        (chosen.current !== null && Math.abs(chosen.current.ms - ms) < 1 ? chosen.current.ordinal : null);
      url.searchParams.delete('at');
      url.searchParams.delete('command');
      if (ordinal === null) url.searchParams.set('at', String(Math.round(ms)));
      else url.searchParams.set('command', String(ordinal));
      navigator.clipboard.writeText(url.href).then(
        () => say(ordinal === null ? 'A link to this moment was copied.' : `A link to command ${ordinal} was copied.`),
        () => say('The browser does not let this page copy.', true),
      );
    },
    [playback, chosen],
  );
}
