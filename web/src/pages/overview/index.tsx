/** Overview: who may search everybody's doings sees everybody's; who may not, their own. */
import type { ReactNode } from 'react';
import { useMay } from '../../app/me.tsx';
import { Board } from './board.tsx';
import { Own } from './own.tsx';

export function OverviewPage(): ReactNode {
  return useMay('search.run') === 'all' ? <Board /> : <Own />;
}
