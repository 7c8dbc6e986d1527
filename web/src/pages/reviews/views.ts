/** Which reviews a list holds: `state` of the address, what the gateway is asked for it, and what stands in its place when empty. */
import type { InputOf } from '../../api/client.ts';
import type { ReviewRow } from './words.ts';

export interface View {
  readonly title: string;
  readonly query: NonNullable<InputOf<'listReviews'>['query']>;
  readonly empty: readonly [title: string, about: string];
  readonly holds?: (row: ReviewRow) => boolean;
}

const nothing = ['Nothing here', 'No review of this kind is kept.'] as const;

export const views: Readonly<Record<string, View>> = {
  waiting: {
    title: 'For you',
    query: { state: 'pending', mine: false },
    empty: ['Nothing waits for you', 'New reviews appear here by themselves.'],
  },
  pending: {
    title: 'All waiting',
    query: { state: 'pending' },
    empty: ['Nothing waits', 'Nobody’s command or request for access is held just now.'],
  },
  mine: {
    title: 'Asked by you',
    query: { mine: true },
    empty: ['You have asked for nothing', 'What is held of yours, and access you ask for, stands here.'],
  },
  decided: {
    title: 'Over',
    query: {},
    empty: ['Nothing is over yet', 'Reviews stay here once they are decided, expired or withdrawn.'],
    holds: ({ state }) => state !== 'pending',
  },
  executed: { title: 'Approved, ran', query: { state: 'executed' }, empty: nothing },
  approved: { title: 'Approved', query: { state: 'approved' }, empty: nothing },
  denied: { title: 'Denied', query: { state: 'denied' }, empty: nothing },
  expired: { title: 'Expired', query: { state: 'expired' }, empty: nothing },
  withdrawn: { title: 'Withdrawn', query: { state: 'withdrawn' }, empty: nothing },
  refused: { title: 'Refused', query: { state: 'refused' }, empty: nothing },
};

/** Those that stand as buttons; the others are behind `Over`. */
export const mainViews = ['waiting', 'pending', 'mine', 'decided'] as const;
export const endedViews = ['executed', 'approved', 'denied', 'expired', 'withdrawn', 'refused'] as const;

export function viewOf(name: string | undefined): { readonly name: string; readonly view: View } {
  const known = name !== undefined && Object.hasOwn(views, name) ? name : 'waiting';
  return { name: known, view: views[known]! };
}

/** What waits: what ends first stands first. What is over: as the gateway lists it, the latest first. */
export function inOrder(rows: readonly ReviewRow[], { query, holds }: View): readonly ReviewRow[] {
  const held = holds === undefined ? rows : rows.filter(holds);
  if (query.state !== 'pending') return held;
  return [...held].sort((a, b) => a.expiresAt.localeCompare(b.expiresAt) || a.id.localeCompare(b.id));
}
