/**
 * What the commands about reviews share: finding one, the columns of a list, and one on a screen.
 *
 * Invariant: everything shown is escaped on its way out, though the gateway has spelled out what hides or reorders
 * already (A-REV-06); letters from right to left are spelled by code point, since a terminal reorders them.
 */
import type { ReviewSummary, ReviewView } from '../api/contract/index.ts';
import { escapeLine } from '../base/escape.ts';
import type { Api } from './api.ts';
import { cliError, usage } from './errors.ts';
import type { Paint, Palette } from './output/colour.ts';
import { type Cell, fieldLines, type TableColumn, tableLines } from './output/table.ts';
import { count, duration, relativeTime } from './output/time.ts';
import { whoText } from './sessions.ts';

/** Reviews looked through when the beginning of an id has to be completed. */
const prefixSearchEntries = 200;

/** The contract wants every key of a query named; what is undefined is not sent. */
export const emptyReviewQuery = { state: undefined, mine: undefined, limit: undefined, cursor: undefined } as const;

/** The review that a word names: an id, the beginning or the end of one, or `last`. Throws `cli.no`. */
export async function findReview(api: Api, word: string): Promise<ReviewView> {
  const get = (id: string): Promise<ReviewView> => api.client.call('getReview', { params: { id } });
  if (/^[a-z]{2,8}_[0-9a-z]{26}$/.test(word)) return await get(word);
  const { reviews } = await api.client.call('listReviews', {
    query: { ...emptyReviewQuery, limit: prefixSearchEntries },
  });
  if (word === 'last') {
    const latest = reviews[0];
    if (latest === undefined)
      throw cliError('cli.no', { what: 'There is no review.', todo: 'See: sallyport reviews ls' });
    return await get(latest.id);
  }
  const found = reviews.filter((review) => review.id.startsWith(word) || review.id.endsWith(word));
  if (found.length === 1) return await get(found[0]!.id);
  if (found.length > 1)
    throw usage(`${word} fits ${found.length} reviews.`, 'Write more of the id: sallyport reviews ls');
  if (/^[a-z]{2,8}_[0-9a-z]{1,40}$/.test(word)) return await get(word);
  throw cliError('cli.no', { what: `There is no review ${word}.`, todo: 'List them: sallyport reviews ls' });
}

export const reviewColumns: readonly TableColumn[] = [
  { title: '' },
  { title: 'REVIEW' },
  { title: 'STATE', spare: 2 },
  { title: 'WHO', widest: 32 },
  { title: 'WHERE', widest: 32 },
  { title: 'RULE', widest: 32, spare: 3 },
  { title: 'APPROVALS', align: 'right', spare: 5 },
  { title: 'ASKED', spare: 4 },
  { title: 'EXPIRES', spare: 1 },
  { title: 'WHAT', widest: 60 },
];

export function reviewRow(review: ReviewSummary, nowMs: number, palette: Palette): readonly Cell[] {
  const mark = stateMark(review, palette);
  return [
    mark,
    review.id,
    { text: review.state, paint: mark.paint },
    { text: whoText(review.requester), paint: palette.strong },
    review.resource,
    review.rule,
    `${review.approvals.given}/${review.approvals.needed}`,
    relativeTime(Date.parse(review.createdAt), nowMs),
    review.state === 'pending' ? relativeTime(Date.parse(review.expiresAt), nowMs) : '–',
    review.summary ?? review.reason ?? 'access',
  ];
}

function stateMark(review: ReviewSummary, palette: Palette): { readonly text: string; readonly paint: Paint } {
  switch (review.state) {
    case 'pending':
      return { text: '●', paint: palette.warning };
    case 'approved':
    case 'executed':
      return { text: '✔', paint: palette.good };
    case 'denied':
    case 'refused':
      return { text: '✘', paint: palette.bad };
    case 'expired':
    case 'withdrawn':
      return { text: '–', paint: palette.faint };
  }
}

const kindTitles: Readonly<Record<ReviewView['kind'], string>> = {
  command: 'a command that waits',
  access: 'a request for access',
  'break-glass': 'a command that was run by breaking the glass',
};

/** Everything that a reviewer needs, on one screen. */
export function reviewLines(review: ReviewView, nowMs: number, palette: Palette, columns: number | null): string[] {
  const { requester, requesterGroups, command } = review;
  const when = (at: string): string => relativeTime(Date.parse(at), nowMs);
  const state = stateMark(review, palette);
  const groups = requesterGroups.length === 0 ? '' : `, in ${requesterGroups.join(', ')}`;
  const fields: (readonly [string, Cell])[] = [
    ['Review', { text: `${review.id}: ${kindTitles[review.kind]}`, paint: palette.strong }],
    ['State', { text: `${state.text} ${review.state}${stateFacts(review)}`, paint: state.paint }],
    ['Who', { text: `${requester.name} (${requester.kind}${groups})`, paint: palette.strong }],
    ...(requester.agents === undefined
      ? []
      : [['Agent', { text: requester.agents.join(', for '), paint: palette.warning }] as const]),
    ...(review.source === null ? [] : [['From', review.source] as const]),
    ...Object.entries(review.client).map(([key, value]) => [`Client ${key}`, value] as const),
    ['Where', { text: review.resource, paint: palette.strong }],
    ['Rule', review.rule],
    ...(review.message === '' ? [] : [['Message', review.message] as const]),
    ...(review.reason === null ? [] : [['Reason', review.reason] as const]),
    ...(review.access === null ? [] : [['For', duration(review.access.durationSeconds * 1000)] as const]),
    ...(review.access?.grant == null ? [] : [['Grant', review.access.grant] as const]),
    ...(review.follows === null ? [] : [['After', `review ${review.follows}`] as const]),
    ['Asked', `${review.createdAt} (${when(review.createdAt)})`],
    ...(review.state === 'pending' ? [['Expires', `${review.expiresAt} (${when(review.expiresAt)})`] as const] : []),
    ['Reviewers', audience(review.reviewers)],
    ...(review.escalation === null
      ? []
      : [['Escalation', `${audience(review.escalation.reviewers)}, ${when(review.escalation.at)}`] as const]),
    ...(review.brokeGlass === null
      ? []
      : [
          [
            'Broke glass',
            { text: `${when(review.brokeGlass.at)}: ${review.brokeGlass.reason}`, paint: palette.bad },
          ] as const,
        ]),
    ...(review.outcome === null ? [] : [['Outcome', review.outcome] as const]),
    ['Digest', { text: review.digest, paint: palette.faint }],
  ];
  return [
    ...fieldLines(fields, palette, columns),
    ...(command === null ? [] : commandLines(command, palette, columns)),
    ...decisionLines(review, when, palette, columns),
    ...historyLines(review, when, palette, columns),
    ...nextLines(review, palette),
  ];
}

function stateFacts({ state, approvals }: ReviewView): string {
  return state === 'pending' ? `, ${approvals.given} of ${approvals.needed} approvals` : '';
}

function audience({
  names,
  groups,
}: {
  readonly names: readonly string[];
  readonly groups: readonly string[];
}): string {
  return [...names, ...groups.map((group) => `members of ${group}`)].join(', ');
}

type Reviewed = NonNullable<ReviewView['command']>;

function commandLines(command: Reviewed, palette: Palette, columns: number | null): string[] {
  const context = Object.entries(command.context).map(([key, value]) => `${key}=${value}`);
  const facts: (readonly [string, Cell])[] = [
    ['Session', `${command.session}, command ${command.ordinal}`],
    ...(context.length === 0 ? [] : [['Context', context.join(', ')] as const]),
    ['Effects', { text: command.effects.join(', ') || 'none', paint: palette.warning }],
    ...(command.conditions.length === 0
      ? []
      : [['Conditions', { text: command.conditions.join('; '), paint: palette.warning }] as const]),
    ['Rows', command.estimate],
    ...(command.functions.length === 0 ? [] : [['Functions', command.functions.join(', ')] as const]),
    ...(command.complete
      ? []
      : [['Unknown', { text: command.unknown.join('; ') || 'something', paint: palette.bad }] as const]),
    ...(command.inTransaction
      ? [['Transaction', { text: 'open: it may hold locks while it waits', paint: palette.warning }] as const]
      : []),
  ];
  const width = String(command.lines.at(-1)?.number ?? 1).length;
  return [
    '',
    `${palette.heading('STATEMENT')} ${palette.faint(escapeLine(`${command.verb}, ${count(command.length, 'character')}`))}`,
    ...command.notes.map((note) => `${palette.bad('!')} ${escapeLine(note)}`),
    ...(command.redacted
      ? [`${palette.bad('!')} Passwords were taken out: what will run is not to the letter what stands here.`]
      : []),
    ...command.lines.map((line) => statementLine(line, width, palette)),
    ...(command.parameters ?? []).map(({ number, type, value, bytes, digest }) => {
      const kind = type === null ? '' : palette.faint(` ${escapeLine(type)}`);
      const cut = digest === undefined ? '' : palette.faint(escapeLine(` (${bytes} bytes, sha256 ${digest})`));
      return `${palette.name(`$${number}`)}${kind} = ${value === null ? 'NULL' : `'${escapeLine(value)}'`}${cut}`;
    }),
    '',
    ...fieldLines(facts, palette, columns),
    ...(command.relations.length === 0
      ? []
      : [
          '',
          ...tableLines(
            [{ title: 'ACCESS' }, { title: 'RELATION' }],
            command.relations.map(({ name, access }) => [
              { text: access, paint: access === 'write' ? palette.bad : palette.faint },
              name,
            ]),
            palette,
            columns,
          ),
        ]),
  ];
}

function statementLine(line: Reviewed['lines'][number], width: number, palette: Palette): string {
  const margin = line.continued ? '…'.padStart(width) : String(line.number).padStart(width);
  const spans = line.spans.map(({ kind, text }) => {
    if (kind === 'rtl') return palette.bad(Array.from(text, spellCharacter).join(''));
    return kind === 'text' ? escapeLine(text) : palette.bad(escapeLine(text));
  });
  return `${palette.faint(`${margin} │`)} ${spans.join('')}`.trimEnd();
}

function spellCharacter(character: string): string {
  return `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`;
}

type When = (at: string) => string;

function decisionLines(review: ReviewView, when: When, palette: Palette, columns: number | null): string[] {
  if (review.decisions.length === 0) return [];
  const rows = review.decisions.map(({ by, decision, reason, how, at }): readonly Cell[] => [
    {
      text: decision === 'approve' ? '✔ approve' : '✘ deny',
      paint: decision === 'approve' ? palette.good : palette.bad,
    },
    by.name,
    when(at),
    how,
    reason,
  ]);
  const titles = ['DECISION', 'BY', 'WHEN', 'HOW'].map((title) => ({ title }));
  return ['', ...tableLines([...titles, { title: 'REASON', widest: 80 }], rows, palette, columns)];
}

function historyLines(review: ReviewView, when: When, palette: Palette, columns: number | null): string[] {
  const who = escapeLine(review.requester.name);
  if (review.history === null) return ['', palette.warning(`What ${who} did before could not be read just now.`)];
  if (review.history.length === 0) return ['', palette.faint(`${who} did nothing before that is known.`)];
  return [
    '',
    palette.faint(`What ${who} did before:`),
    ...tableLines(
      [{ title: 'WHEN' }, { title: 'WHERE', widest: 32 }, { title: 'OUTCOME' }, { title: 'WHAT', widest: 80 }],
      review.history.map(({ at, resource, about, outcome }) => [when(at), resource, outcome, about]),
      palette,
      columns,
    ),
  ];
}

/** What the caller can do about it. */
function nextLines(review: ReviewView, palette: Palette): string[] {
  const { id, you } = review;
  const words = [
    ...(you.mayDecide && review.state === 'pending' ? [`sallyport reviews approve ${id}`] : []),
    ...(you.mayDecide ? [`sallyport reviews deny ${id} --reason …`] : []),
    ...(you.mayBreakGlass ? [`sallyport reviews break-glass ${id} --reason …`] : []),
    ...(you.requester && review.state === 'pending' ? [`sallyport reviews withdraw ${id}`] : []),
  ];
  return words.length === 0 ? [] : ['', ...words.map((line) => palette.accent(escapeLine(line)))];
}
