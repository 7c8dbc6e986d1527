import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';

export function ObjectsPage(): ReactNode {
  return <Page title="Objects">{null}</Page>;
}

export function ObjectPage(): ReactNode {
  return <Page title="Object">{null}</Page>;
}

export function NewObjectPage(): ReactNode {
  return <Page title="New">{null}</Page>;
}
