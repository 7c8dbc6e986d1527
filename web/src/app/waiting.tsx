/**
 * What waits for the person, wherever in the console they are: the number in the tab's title, and notifications of the browser where
 * they asked for them.
 *
 * Invariant: a notification says who asks and for which resource; never a statement, a reason or a name out of data.
 *
 * Deliberately absent: asking for the permission, which only a press does (pages/reviews/notify.tsx).
 */
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { useAsk } from '../api/query.ts';
import { safeText } from '../format/safe.tsx';
import { setWaiting } from '../ui/title.ts';
import { useMay } from './me.tsx';

/** Kept in this browser, like the scheme: it is about this browser. */
const key = 'sallyport.notify';

export function mayNotify(): boolean {
  return 'Notification' in window && Notification.permission === 'granted';
}

export function wantsNotify(): boolean {
  return mayNotify() && localStorage.getItem(key) === 'on';
}

export function setNotify(isOn: boolean): void {
  if (isOn) localStorage.setItem(key, 'on');
  else localStorage.removeItem(key);
}

interface Waiting {
  readonly id: string;
  readonly kind: string;
  readonly requester: { readonly name: string };
  readonly resource: string;
}

function notify({ id, kind, requester, resource }: Waiting, open: () => void): void {
  const what = kind === 'access' ? 'asks for access to' : kind === 'break-glass' ? 'broke the glass on' : 'waits on';
  try {
    const shown = new Notification('A review waits for you', {
      body: `${safeText(requester.name)} ${what} ${safeText(resource)}`,
      // Two tabs of one browser say it once.
      tag: id,
      icon: '/logo.svg',
    });
    shown.onclick = () => {
      window.focus();
      shown.close();
      open();
    };
  } catch {
    // Browsers of phones take notifications from service workers only; the number in the title is there all the same.
  }
}

/** Stands in the shell, and shows nothing. */
export function ReviewWatch(): ReactNode {
  const mayDecide = useMay('reviews.decide') !== null;
  const mayRead = useMay('reviews.read') !== null;
  const navigate = useNavigate();
  const known = useRef<ReadonlySet<string> | null>(null);
  const { data } = useAsk(
    'listReviews',
    { query: { state: 'pending', mine: false } },
    { enabled: mayDecide && mayRead, keep: true },
  );
  useEffect(() => {
    if (data === undefined) return;
    setWaiting(data.reviews.length);
    const before = known.current;
    known.current = new Set(data.reviews.map(({ id }) => id));
    if (before === null || !wantsNotify()) return;
    for (const review of data.reviews) {
      if (before.has(review.id)) continue;
      notify(review, () => void navigate({ to: '/reviews/$id', params: { id: review.id } }));
    }
  }, [data, navigate]);
  return null;
}
