/** Reviews: an inbox that is cleared by keyboard or thumb. */
import { useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Inbox } from './inbox.tsx';

export function ReviewsPage(): ReactNode {
  const { state } = useSearch({ from: '/reviews' });
  return <Inbox id={null} view={state} />;
}

export function ReviewPage(): ReactNode {
  const { id } = useParams({ from: '/reviews/$id' });
  const { state } = useSearch({ from: '/reviews/$id' });
  return <Inbox id={id} view={state} />;
}
