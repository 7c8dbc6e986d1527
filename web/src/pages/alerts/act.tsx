/**
 * What may be done with an alert in its state: at the bottom, by button or by key. Who may not is told why.
 *
 * Deliberately absent: whether it may really be done; the gateway decides that.
 */
import { type ReactNode, useState } from 'react';
import type { InputOf } from '../../api/client.ts';
import { useAct } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { safeText } from '../../format/safe.tsx';
import { Button, Kbd } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { attempt } from '../../ui/overlays.tsx';
import { ActDialog } from './act-dialog.tsx';
import type { Alert } from './words.ts';

/** In which states the gateway takes what. */
const possible: Readonly<Record<InputOf<'handleAlert'>['body']['action'], readonly Alert['state'][]>> = {
  acknowledge: ['open'],
  assign: ['open', 'acknowledged', 'suppressed'],
  comment: ['open', 'acknowledged', 'resolved', 'suppressed'],
  resolve: ['open', 'acknowledged', 'suppressed'],
  'false-positive': ['open', 'acknowledged', 'suppressed'],
  reopen: ['resolved', 'suppressed'],
};

export type Asking = 'assign' | 'resolve' | 'false-positive' | 'reopen';

interface Offer {
  readonly key: string;
  readonly title: string;
  readonly isFirst?: boolean;
  readonly act: () => void;
}

export function Actions({ alert }: { readonly alert: Alert }): ReactNode {
  const me = useMe();
  const act = useAct('handleAlert', ['getAlert', 'listAlerts']);
  const [asking, setAsking] = useState<Asking | null>(null);
  const { state, you, assignee } = alert;
  const may = (action: InputOf<'handleAlert'>['body']['action']): boolean => possible[action].includes(state);
  const params = { id: alert.id };
  const offers: readonly (Offer | null)[] = !you.mayHandle
    ? []
    : [
        may('acknowledge')
          ? {
              key: 'a',
              title: 'Acknowledge',
              isFirst: true,
              act: () =>
                void attempt(() => act.mutateAsync({ params, body: { action: 'acknowledge' } }), 'Acknowledged.'),
            }
          : null,
        may('assign') && assignee?.id !== me.id
          ? {
              key: 'm',
              title: 'Take it',
              act: () =>
                void attempt(
                  () => act.mutateAsync({ params, body: { action: 'assign', to: me.name } }),
                  'It is yours.',
                ),
            }
          : null,
        may('assign') ? { key: 't', title: 'Assign…', act: () => setAsking('assign') } : null,
        may('false-positive') && you.mayResolve
          ? { key: 'f', title: 'False positive…', act: () => setAsking('false-positive') }
          : null,
        may('resolve') && you.mayResolve
          ? { key: 'r', title: 'Resolve…', isFirst: state === 'acknowledged', act: () => setAsking('resolve') }
          : null,
        may('reopen') ? { key: 'o', title: 'Reopen…', act: () => setAsking('reopen') } : null,
      ];
  const shown = offers.filter((offer) => offer !== null);
  useKeys({
    ...Object.fromEntries(shown.map((offer) => [offer.key, offer.act])),
    c: () => document.getElementById('alert-comment')?.focus(),
  });
  return (
    <footer className="flex shrink-0 flex-wrap items-center gap-2 border-t bg-ground px-4 py-3 md:px-6">
      <p className="mr-auto text-quiet">{said(alert)}</p>
      {shown.map(({ key, title, isFirst, act: run }) => (
        <Button
          key={key}
          tone={isFirst === true ? 'primary' : 'plain'}
          className="h-11 flex-1 md:h-8 md:flex-none"
          disabled={act.isPending}
          onClick={run}
        >
          {title}
          <span className="hidden md:inline">
            <Kbd>{key}</Kbd>
          </span>
        </Button>
      ))}
      <ActDialog
        alert={alert}
        asking={asking}
        onClose={() => setAsking(null)}
        onAct={(body) => act.mutateAsync({ params, body })}
      />
    </footer>
  );
}

function said({ you, state, assignee }: Alert): string {
  if (!you.mayHandle) return 'You may read alerts, and handle none.';
  if (!you.mayResolve && state !== 'resolved') return 'It is about you: somebody else resolves it.';
  return assignee === null ? '' : `Assigned to ${safeText(assignee.name)}.`;
}
