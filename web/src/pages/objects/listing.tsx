/** All objects of a kind: what matters of each in a row, filtered by words in the address. */
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Copy, MoreHorizontal, Pencil, Plus, Search, Trash2 } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { safeText } from '../../format/safe.tsx';
import { Button, IconButton, Input } from '../../ui/controls.tsx';
import { type Column, List } from '../../ui/list.tsx';
import { Menu } from '../../ui/overlays.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { columnsOf } from './columns.tsx';
import { DeleteDialog } from './deletion.tsx';
import { useFacts } from './facts.ts';
import { type Kind, kinds, type Manifest } from './kinds.ts';

export function ObjectList({ kind }: { readonly kind: Kind }): ReactNode {
  const asked = useAsk('listObjects', { params: { kind } }, { keep: true });
  const mayWrite = useMay('objects.write') !== null;
  const { q = '' } = useSearch({ strict: false });
  const { many, about } = kinds[kind];
  const count = asked.data?.objects.length;
  return (
    <Page
      full
      title={many}
      about={about}
      actions={
        <>
          <Filter kind={kind} q={q} />
          {mayWrite ? <NewButton kind={kind} /> : null}
        </>
      }
    >
      <Answered of={asked}>
        {({ objects }) =>
          objects.length === 0 ? <None kind={kind} mayWrite={mayWrite} /> : <Rows kind={kind} objects={objects} q={q} />
        }
      </Answered>
      {count === undefined || count === 0 ? null : (
        <p className="border-t px-4 py-1.5 text-2xs text-faint md:px-6">
          {count} {count === 1 ? kinds[kind].one : many.toLowerCase()}
        </p>
      )}
    </Page>
  );
}

function NewButton({ kind }: { readonly kind: Kind }): ReactNode {
  const navigate = useNavigate();
  return (
    <Button
      tone="primary"
      icon={<Plus className="size-4" />}
      onClick={() => void navigate({ to: '/objects/$kind/-/new', params: { kind } })}
    >
      New {kinds[kind].one}
    </Button>
  );
}

function Filter({ kind, q }: { readonly kind: Kind; readonly q: string }): ReactNode {
  const navigate = useNavigate();
  return (
    <div className="relative">
      <Search aria-hidden="true" className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint" />
      <Input
        type="search"
        aria-label={`Filter ${kinds[kind].many.toLowerCase()}`}
        placeholder="Filter…"
        defaultValue={q}
        onChange={(event) => {
          const text = event.target.value.trim();
          void navigate({
            to: '/objects/$kind',
            params: { kind },
            search: text === '' ? {} : { q: text },
            replace: true,
          });
        }}
        className="w-48 pl-8 md:w-64"
      />
    </div>
  );
}

function None({ kind, mayWrite }: { readonly kind: Kind; readonly mayWrite: boolean }): ReactNode {
  const { many, about } = kinds[kind];
  return (
    <Empty title={`No ${many.toLowerCase()} yet`} action={mayWrite ? <NewButton kind={kind} /> : undefined}>
      {about}
    </Empty>
  );
}

/** All words must be somewhere in it: in its name, its labels, or anything it says. */
function isMeant(manifest: Manifest, wanted: readonly string[]): boolean {
  const { name, labels = {} } = manifest.metadata;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value} ${key}:${value}`);
  const hay = `${name} ${pairs.join(' ')} ${JSON.stringify(manifest.spec)}`.toLowerCase();
  return wanted.every((word) => hay.includes(word));
}

function Rows({
  kind,
  objects,
  q,
}: {
  readonly kind: Kind;
  readonly objects: readonly Manifest[];
  readonly q: string;
}): ReactNode {
  const navigate = useNavigate();
  const mayWrite = useMay('objects.write') !== null;
  const facts = useFacts(kind, objects);
  const [going, setGoing] = useState<string | null>(null);
  const rows = useMemo(() => {
    const wanted = q
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    return objects.filter((manifest) => isMeant(manifest, wanted));
  }, [objects, q]);
  const columns = useMemo(() => {
    const own: Column<Manifest>[] = [...columnsOf(kind, facts)];
    own.push({
      id: 'more',
      title: '…',
      width: '2rem',
      cell: (row) => (
        <RowMenu
          kind={kind}
          name={row.metadata.name}
          mayWrite={mayWrite}
          onDelete={() => setGoing(row.metadata.name)}
        />
      ),
    });
    return own;
  }, [kind, facts, mayWrite]);
  const open = (row: Manifest): void =>
    void navigate({ to: '/objects/$kind/$name', params: { kind, name: row.metadata.name } });
  return (
    <>
      <List
        label={kinds[kind].many}
        columns={columns}
        rows={rows}
        keyOf={(row) => row.metadata.name}
        hrefOf={(row) => `/objects/${kind}/${encodeURIComponent(row.metadata.name)}`}
        onOpen={open}
        rowHeight={40}
        empty={
          <Empty title="Nothing fits the filter">
            <Link to="/objects/$kind" params={{ kind }} search={{}} className="text-accent underline">
              Show all
            </Link>
          </Empty>
        }
      />
      {going === null ? null : <DeleteDialog kind={kind} name={going} onClose={() => setGoing(null)} />}
    </>
  );
}

function RowMenu({
  kind,
  name,
  mayWrite,
  onDelete,
}: {
  readonly kind: Kind;
  readonly name: string;
  readonly mayWrite: boolean;
  readonly onDelete: () => void;
}): ReactNode {
  const navigate = useNavigate();
  const edit = {
    label: mayWrite ? 'Edit' : 'Show',
    icon: <Pencil />,
    onSelect: () => void navigate({ to: '/objects/$kind/$name', params: { kind, name } }),
  };
  const others = [
    {
      label: 'Duplicate',
      icon: <Copy />,
      onSelect: () => void navigate({ to: '/objects/$kind/-/new', params: { kind }, search: { as: `copy:${name}` } }),
    },
    'line' as const,
    { label: 'Delete…', icon: <Trash2 />, danger: true, onSelect: onDelete },
  ];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the row is a link, and the menu in it is not
    <span
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <Menu
        trigger={
          <IconButton label={`More for ${safeText(name)}`} className="size-7">
            <MoreHorizontal />
          </IconButton>
        }
        items={mayWrite ? [edit, ...others] : [edit]}
      />
    </span>
  );
}
