import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function ConnectPage(): ReactNode {
  return <Page title="Connect">{null}</Page>;
}
