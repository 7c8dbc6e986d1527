import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function AlertsPage(): ReactNode {
  return <Page title="Alerts">{null}</Page>;
}

export function AlertPage(): ReactNode {
  return <Page title="Alerts">{null}</Page>;
}
