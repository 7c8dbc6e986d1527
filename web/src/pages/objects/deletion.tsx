/** Deleting an object, after what depends on it and who loses access were told. */
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAct, useAsk } from '../../api/query.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Confirm, say } from '../../ui/overlays.tsx';
import { Loading } from '../../ui/states.tsx';
import { AccessChanges } from './access-changes.tsx';
import { type Kind, kinds } from './kinds.ts';

export const changesAccess: readonly Kind[] = ['Resource', 'Access', 'Group', 'Principal', 'IdentityProvider', 'Lock'];

export function DeleteDialog({
  kind,
  name,
  onClose,
  goBack = false,
}: {
  readonly kind: Kind;
  readonly name: string;
  readonly onClose: () => void;
  /** To the list, where the page of the object itself was. */
  readonly goBack?: boolean;
}): ReactNode {
  const navigate = useNavigate();
  const remove = useAct('deleteObject', [
    'listObjects',
    'listResources',
    'listSinks',
    'listDetections',
    'listSearches',
  ]);
  const { one } = kinds[kind];
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete the ${one} ${safeText(name)}?`}
      about={<Consequences kind={kind} name={name} />}
      action="Delete"
      onConfirm={async () => {
        await remove.mutateAsync({ params: { kind, name }, query: {} });
        say(`${safeText(name)} was deleted.`);
        if (goBack) await navigate({ to: '/objects/$kind', params: { kind }, ignoreBlocker: true });
      }}
    />
  );
}

function Consequences({ kind, name }: { readonly kind: Kind; readonly name: string }): ReactNode {
  // A dry run: it says what would be, and changes nothing.
  const { data, error } = useAsk('deleteObject', { params: { kind, name }, query: { dryRun: true } });
  const { data: reach } = useTriedAccess(kind, name);
  if (error !== null) return <p className="text-bad">{error.message}</p>;
  if (data === undefined) return <Loading rows={2} />;
  return (
    <div className="grid gap-3">
      {data.warnings.length === 0 ? (
        <p>Nothing else names it.</p>
      ) : (
        <ul className="grid gap-1">
          {data.warnings.map((warning) => (
            <li key={warning} className="text-warn">
              <Safe text={warning} />
            </li>
          ))}
        </ul>
      )}
      {reach === undefined ? null : <AccessChanges of={reach} />}
    </div>
  );
}

function useTriedAccess(kind: Kind, name: string) {
  return useAsk('tryAccess', { body: { delete: { kind, name } } }, { enabled: changesAccess.includes(kind) });
}
