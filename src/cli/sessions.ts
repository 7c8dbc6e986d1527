/** What the `sessions` commands share: finding a session by id, `last` or the beginning of an id; its columns. */
import type { SessionEventView, SessionView } from '../api/contract/index.ts';
import type { Api } from './api.ts';
import { cliError, usage } from './errors.ts';
import { sessionEventsMax } from './limits.ts';
import type { Palette } from './output/colour.ts';
import type { Cell, TableColumn } from './output/table.ts';
import { byteSize, duration, groupDigits, relativeTime } from './output/time.ts';

/** Sessions looked through when the beginning of an id has to be completed. */
const prefixSearchEntries = 200;

/** The session that a word names. Throws `cli.no` where there is none. */
export async function findSession(api: Api, word: string): Promise<SessionView> {
  if (word === 'last') {
    const { sessions } = await api.client.call('listSessions', { query: { ...emptySessionQuery, limit: 1 } });
    const latest = sessions[0];
    if (latest === undefined)
      throw cliError('cli.no', { what: 'There is no session yet.', todo: 'Open one: sallyport connect' });
    return latest;
  }
  if (/^[a-z]{2,8}_[0-9a-z]{26}$/.test(word)) return await api.client.call('getSession', { params: { id: word } });
  const { sessions } = await api.client.call('listSessions', {
    query: { ...emptySessionQuery, limit: prefixSearchEntries },
  });
  const found = sessions.filter((session) => session.id.startsWith(word) || session.id.endsWith(word));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw usage(`${word} fits ${found.length} sessions.`, 'Write more of the id: sallyport sessions ls');
  if (/^[a-z]{2,8}_[0-9a-z]{1,40}$/.test(word)) return await api.client.call('getSession', { params: { id: word } });
  throw cliError('cli.no', { what: `There is no session ${word}.`, todo: 'List them: sallyport sessions ls' });
}

/** A session that is open now. `last` is the latest of these. Throws `cli.no` where it has ended. */
export async function findLiveSession(api: Api, word: string): Promise<SessionView> {
  if (word === 'last') {
    const query = { ...emptySessionQuery, live: true, limit: 1 };
    const [latest] = (await api.client.call('listSessions', { query })).sessions;
    if (latest !== undefined) return latest;
    throw cliError('cli.no', { what: 'No session is open now.', todo: 'See: sallyport sessions ls' });
  }
  const session = await findSession(api, word);
  if (session.live) return session;
  throw cliError('cli.no', {
    what: `The session ${session.id} has already ended.`,
    todo: `See: sallyport sessions ls --live, or replay it: sallyport sessions replay ${session.id}`,
  });
}

/** What the rules did in a session, bounded. */
export async function sessionEvents(api: Api, id: string): Promise<readonly SessionEventView[]> {
  const events: SessionEventView[] = [];
  for await (const event of api.client.stream('sessionEvents', { params: { id } })) {
    events.push(event);
    if (events.length >= sessionEventsMax) break;
  }
  return events;
}

/** The contract wants every key of a query named; what is undefined is not sent. */
export const emptySessionQuery = {
  principal: undefined,
  resource: undefined,
  protocol: undefined,
  live: undefined,
  since: undefined,
  until: undefined,
  limit: undefined,
  cursor: undefined,
} as const;

export const sessionColumns: readonly TableColumn[] = [
  { title: '' },
  { title: 'SESSION' },
  { title: 'WHO', widest: 32 },
  { title: 'WHAT', widest: 32 },
  { title: 'FROM', widest: 45, spare: 2 },
  { title: 'STARTED' },
  { title: 'DURATION', align: 'right', spare: 1 },
  { title: 'CMDS', align: 'right', spare: 3 },
  { title: 'BYTES', align: 'right', spare: 4 },
  { title: 'END', widest: 40 },
];

export function sessionRow(session: SessionView, nowMs: number, palette: Palette): readonly Cell[] {
  const started = Date.parse(session.startedAt);
  const ended = session.endedAt === null ? nowMs : Date.parse(session.endedAt);
  return [
    session.live ? { text: '●', paint: palette.good } : { text: '○', paint: palette.faint },
    session.id,
    { text: whoText(session.principal), paint: palette.strong },
    session.resource,
    session.source,
    relativeTime(started, nowMs),
    duration(Math.max(0, ended - started)),
    groupDigits(session.commands),
    byteSize(session.bytesIn + session.bytesOut),
    session.live ? { text: 'live', paint: palette.good } : endCell(session, palette),
  ];
}

/** Whoever it is, and who acts for them. */
export function whoText({
  name,
  agents = [],
}: {
  readonly name: string;
  readonly agents?: readonly string[] | undefined;
}): string {
  return agents.length === 0 ? name : `${name} by ${agents.join(' for ')}`;
}

/** How a session ended, coloured when that deserves a look. */
export function endCell(session: SessionView, palette: Palette): Cell {
  const reason = session.endReason ?? 'unknown';
  const text = session.endedBy === null ? reason : `${reason} by ${session.endedBy}`;
  const usual = ['client-closed', 'upstream-closed', 'idle', 'drained'];
  return { text, paint: usual.includes(reason) ? palette.faint : palette.warning };
}
