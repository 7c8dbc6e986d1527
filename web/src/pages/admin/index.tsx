import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function AdminPage(): ReactNode {
  return <Page title="Administration">{null}</Page>;
}
