/** Where a new object begins: good beginnings of its kind, or nothing at all. */
import { Link } from '@tanstack/react-router';
import { FilePlus2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useMay } from '../../app/me.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/states.tsx';
import { type Kind, kinds } from './kinds.ts';
import { templates } from './templates.ts';

export function Gallery({ kind }: { readonly kind: Kind }): ReactNode {
  const mayWrite = useMay('objects.write') !== null;
  const { one, about } = kinds[kind];
  const title = `New ${one}`;
  if (!mayWrite) {
    return (
      <Page title={title}>
        <Empty title="Only administrators write objects">
          Ask one of them for the change, or export the YAML of what is there.
        </Empty>
      </Page>
    );
  }
  const look =
    'flex min-h-24 flex-col gap-1 rounded-lg border bg-sheet p-4 transition-colors hover:border-line-strong hover:bg-hover';
  return (
    <Page title={title} about={about}>
      <h2 className="mb-2 text-xs font-medium text-quiet">Begin with</h2>
      <div className="grid max-w-5xl gap-3 sm:grid-cols-2 xl:grid-cols-3">
        {templates[kind].map(({ id, title: name, about: what }) => (
          <Link key={id} to="/objects/$kind/-/new" params={{ kind }} search={{ as: id }} className={look}>
            <span className="text-sm font-medium">{name}</span>
            <span className="text-quiet">{what}</span>
          </Link>
        ))}
        <Link to="/objects/$kind/-/new" params={{ kind }} search={{ as: 'empty' }} className={look}>
          <span className="flex items-center gap-2 text-sm font-medium">
            <FilePlus2 className="size-4 text-quiet" />
            Empty
          </span>
          <span className="text-quiet">Fields and completion show what may stand there.</span>
        </Link>
      </div>
    </Page>
  );
}
