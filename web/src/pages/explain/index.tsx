import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function ExplainPage(): ReactNode {
  return <Page title="Explain">{null}</Page>;
}
