import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function ReviewsPage(): ReactNode {
  return <Page title="Reviews">{null}</Page>;
}

export function ReviewPage(): ReactNode {
  return <Page title="Reviews">{null}</Page>;
}
