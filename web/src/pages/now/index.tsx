import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function NowPage(): ReactNode {
  return <Page title="Now">{null}</Page>;
}
