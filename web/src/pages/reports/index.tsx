import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function ReportsPage(): ReactNode {
  return <Page title="Reports">{null}</Page>;
}
