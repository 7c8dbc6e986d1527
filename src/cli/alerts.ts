/**
 * What the commands about alerts share: finding one, the columns of a list, one on a screen with its evidence as the commands
 * themselves.
 */
import type { AlertSummaryView, AlertView, EvidenceView, ResponseView } from '../api/contract/index.ts';
import { escapeLine } from '../base/escape.ts';
import type { Api } from './api.ts';
import { cliError, usage } from './errors.ts';
import type { Paint, Palette } from './output/colour.ts';
import { type Cell, fieldLines, type TableColumn, tableLines } from './output/table.ts';
import { byteSize, groupDigits, relativeTime } from './output/time.ts';

/** Alerts looked through when the beginning of an id has to be completed. */
const prefixSearchEntries = 200;

/** The contract wants every key of a query named; what is undefined is not sent. */
export const emptyAlertQuery = {
  state: undefined,
  severity: undefined,
  detection: undefined,
  principal: undefined,
  resource: undefined,
  session: undefined,
  assignee: undefined,
  since: undefined,
  until: undefined,
  limit: undefined,
  cursor: undefined,
} as const;

/** The alert that a word names: an id, the beginning or the end of one, or `last`. Throws `cli.no`. */
export async function findAlert(api: Api, word: string): Promise<AlertView> {
  const get = (id: string): Promise<AlertView> => api.client.call('getAlert', { params: { id } });
  const { alerts } = await api.client.call('listAlerts', { query: { ...emptyAlertQuery, limit: prefixSearchEntries } });
  if (word === 'last') {
    const latest = alerts[0];
    if (latest === undefined)
      throw cliError('cli.no', { what: 'There is no alert.', todo: 'See: sallyport alerts ls --all' });
    return await get(latest.id);
  }
  const found = alerts.filter((alert) => alert.id.startsWith(word) || alert.id.endsWith(word));
  if (found.length === 1) return await get(found[0]!.id);
  if (found.length > 1)
    throw usage(`${word} fits ${found.length} alerts.`, 'Write more of the id: sallyport alerts ls --all');
  if (/^[a-z]{2,8}_[0-9a-z]{1,40}$/.test(word)) return await get(word);
  throw cliError('cli.no', { what: `There is no alert ${word}.`, todo: 'List them: sallyport alerts ls --all' });
}

/** From least to most severe. */
export function severityPaint(severity: AlertSummaryView['severity'], palette: Palette): Paint {
  switch (severity) {
    case 'critical':
      return (text) => palette.strong(palette.bad(text));
    case 'high':
      return palette.bad;
    case 'medium':
      return palette.warning;
    case 'low':
      return palette.accent;
    case 'informational':
      return palette.faint;
  }
}

const marks: Readonly<Record<AlertSummaryView['state'], string>> = {
  open: '●',
  acknowledged: '◐',
  resolved: '✔',
  suppressed: '–',
};

export const alertColumns: readonly TableColumn[] = [
  { title: '' },
  { title: 'ALERT' },
  { title: 'SEVERITY' },
  { title: 'STATE', spare: 3 },
  { title: 'DETECTION', widest: 32 },
  { title: 'WHO', widest: 24 },
  { title: 'COUNT', align: 'right', spare: 4 },
  { title: 'FIRST', spare: 5 },
  { title: 'LAST', spare: 2 },
  { title: 'ASSIGNEE', spare: 6 },
  { title: 'WHAT', widest: 80 },
];

export function alertRow(alert: AlertSummaryView, nowMs: number, palette: Palette): readonly Cell[] {
  const paint = severityPaint(alert.severity, palette);
  return [
    { text: marks[alert.state], paint: isActive(alert) ? paint : palette.faint },
    alert.id,
    { text: alert.severity, paint },
    stateText(alert),
    alert.detection,
    { text: alert.principal?.name ?? '–', paint: palette.strong },
    groupDigits(alert.count),
    relativeTime(Date.parse(alert.firstAt), nowMs),
    relativeTime(Date.parse(alert.lastAt), nowMs),
    alert.assignee?.name ?? '–',
    alert.summary,
  ];
}

function isActive({ state }: AlertSummaryView): boolean {
  return state === 'open' || state === 'acknowledged';
}

function stateText({ state, resolution, dryRun }: AlertSummaryView): string {
  if (state === 'suppressed' && dryRun) return 'dry run';
  return state === 'resolved' && resolution === 'false-positive' ? 'false positive' : state;
}

/** Everything about one, with what it rests on, and what can be done. */
export function alertLines(alert: AlertView, nowMs: number, palette: Palette, columns: number | null): string[] {
  const when = (at: string): string => `${at} (${relativeTime(Date.parse(at), nowMs)})`;
  const paint = severityPaint(alert.severity, palette);
  const fields: (readonly [string, Cell])[] = [
    ['Alert', { text: alert.id, paint: palette.strong }],
    ['What', { text: alert.summary, paint }],
    ['Severity', { text: alert.severity, paint }],
    ['State', `${marks[alert.state]} ${stateText(alert)}`],
    [alert.origin === 'detection' ? 'Detection' : 'Raised by', alert.detection],
    ...(alert.suppressed === null ? [] : [['Suppressed', alert.suppressed] as const]),
    ...(alert.principal === null ? [] : [['Who', { text: alert.principal.name, paint: palette.strong }] as const]),
    ...(alert.resource === null ? [] : [['Where', alert.resource] as const]),
    ...(alert.session === null
      ? []
      : [['Session', `${alert.session}${alert.command === null ? '' : `, command ${alert.command}`}`] as const]),
    ['Findings', groupDigits(alert.count)],
    ['First', when(alert.firstAt)],
    ...(alert.lastAt === alert.firstAt ? [] : [['Last', when(alert.lastAt)] as const]),
    ['Assignee', alert.assignee?.name ?? 'nobody'],
    ...Object.entries(alert.facts).map(
      ([key, value]) => [`  ${key}`, typeof value === 'number' ? groupDigits(value) : value] as const,
    ),
  ];
  return [
    ...fieldLines(fields, palette, columns),
    ...evidenceLines(alert, palette),
    ...responseLines(alert.responses, nowMs, palette, columns),
    ...trailLines(alert, nowMs, palette, columns),
    ...nextLines(alert, palette),
  ];
}

function evidenceLines({ evidence, gateway }: AlertView, palette: Palette): string[] {
  if (evidence.length === 0) return [];
  const lines = evidence.flatMap((one) => {
    const head = [
      one.at === null ? '' : one.at.slice(11, 19),
      one.principal ?? '',
      one.resource === null ? '' : `on ${one.resource}`,
      one.outcome ?? '',
      one.rows === null || one.rows === 0 ? '' : `${groupDigits(one.rows)} rows`,
      one.bytes === null || one.bytes === 0 ? '' : byteSize(one.bytes),
    ].filter((word) => word !== '');
    if (one.type === null)
      return [palette.faint(escapeLine(`  event ${one.sequence} of gateway ${gateway} is not to be had here`))];
    const replay = replayHint(one);
    return [
      `  ${palette.faint(escapeLine(head.join('  ')))}`,
      `    ${escapeLine(one.text)}`,
      ...(replay === null ? [] : [`    ${palette.accent(escapeLine(replay))}`]),
    ];
  });
  return ['', palette.heading('EVIDENCE'), ...lines];
}

/** Where to look at it again. */
function replayHint({ session, command }: EvidenceView): string | null {
  if (session === null) return null;
  return `sallyport sessions replay ${session}${command === null ? '' : ` --at ${command}`}`;
}

export const responseColumns: readonly TableColumn[] = [
  { title: '' },
  { title: 'RESPONSE' },
  { title: 'DOES' },
  { title: 'WHO', widest: 24 },
  { title: 'SESSION', widest: 32, spare: 3 },
  { title: 'DETECTION', widest: 32, spare: 2 },
  { title: 'SINCE', spare: 4 },
  { title: 'UNTIL' },
];

export function responseRow(response: ResponseView, nowMs: number, palette: Palette): readonly Cell[] {
  const { inForce, endedAt, endedBy, until, points, kind } = response;
  const end =
    endedAt !== null
      ? `ended by ${endedBy ?? 'time'} ${relativeTime(Date.parse(endedAt), nowMs)}`
      : kind === 'end'
        ? 'done'
        : until === null
          ? 'somebody ends it'
          : relativeTime(Date.parse(until), nowMs);
  return [
    { text: inForce ? '●' : '–', paint: inForce ? palette.warning : palette.faint },
    response.id,
    { text: kind === 'risk' ? `risk +${points}` : kind, paint: inForce ? palette.warning : palette.faint },
    { text: response.owner.name, paint: palette.strong },
    response.session ?? 'all',
    response.detection,
    relativeTime(Date.parse(response.since), nowMs),
    end,
  ];
}

function responseLines(
  responses: readonly ResponseView[],
  nowMs: number,
  palette: Palette,
  columns: number | null,
): string[] {
  if (responses.length === 0) return [];
  const rows = responses.map((response) => responseRow(response, nowMs, palette));
  return ['', palette.heading('WHAT WAS DONE BY ITSELF'), ...tableLines(responseColumns, rows, palette, columns)];
}

function trailLines({ trail }: AlertView, nowMs: number, palette: Palette, columns: number | null): string[] {
  if (trail.length === 0) return [];
  const rows = trail.map(({ at, by, action, to, text }): readonly Cell[] => [
    relativeTime(Date.parse(at), nowMs),
    { text: by.name, paint: palette.strong },
    to === null ? action : `${action} to ${to}`,
    text,
  ]);
  const titles = [{ title: 'WHEN' }, { title: 'BY' }, { title: 'DID' }, { title: 'WORDS', widest: 80 }];
  return ['', palette.heading('TRAIL'), ...tableLines(titles, rows, palette, columns)];
}

/** What the caller can do about it. */
function nextLines({ id, state, you, responses }: AlertView, palette: Palette): string[] {
  if (!you.mayHandle) return [];
  const words = [
    ...(state === 'open' ? [`sallyport alerts ack ${id}`] : []),
    ...(you.mayResolve && state !== 'resolved'
      ? [`sallyport alerts resolve ${id}`, `sallyport alerts false-positive ${id} --text …`]
      : []),
    ...(state === 'resolved' ? [`sallyport alerts reopen ${id}`] : []),
    ...responses.filter(({ inForce }) => inForce).map((response) => `sallyport responses end ${response.id}`),
  ];
  return words.length === 0 ? [] : ['', ...words.map((line) => palette.accent(escapeLine(line)))];
}
