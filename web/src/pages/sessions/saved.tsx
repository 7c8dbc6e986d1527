/** Saved searches: run one, save what stands in the box, share it with members; and exports of all that is found. */
import { Menu } from '@base-ui/react/menu';
import { Link, useNavigate } from '@tanstack/react-router';
import { Bookmark, BookmarkPlus, Download, Users } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { download, saveAs } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';
import { attempt, Menu as Choices } from '../../ui/overlays.tsx';
import { SaveDialog } from './saving.tsx';
import { asked } from './terms.ts';

const item =
  'flex cursor-default flex-col rounded px-2 py-1.5 outline-none data-disabled:opacity-50 data-highlighted:bg-hover';

export function Saved({ query }: { readonly query: string }): ReactNode {
  const navigate = useNavigate();
  const [isSaving, setSaving] = useState(false);
  const maySave = useMay('objects.write') !== null;
  const mayManage = useMay('objects.read') !== null;
  const { data } = useAsk('listSearches', {}, { keep: true });
  const searches = data?.searches ?? [];
  return (
    <>
      <Menu.Root>
        <Menu.Trigger
          render={
            <Button icon={<Bookmark className="size-4" />} aria-label="Saved searches" className="h-10! max-md:px-2.5!">
              <span className="max-md:hidden">Saved</span>
            </Button>
          }
        />
        <Menu.Portal>
          <Menu.Positioner sideOffset={4} align="end" className="z-50">
            <Menu.Popup className="max-h-[70dvh] w-[min(26rem,92vw)] overflow-auto rounded-lg border bg-sheet p-1 shadow-pop outline-none">
              {searches.length === 0 ? <p className="px-2 py-2 text-quiet">No search is saved yet.</p> : null}
              {searches.map((one) => (
                <Menu.Item
                  key={one.name}
                  className={item}
                  onClick={() => void navigate({ to: '/sessions', search: { q: one.query } })}
                >
                  <span className="flex items-center gap-2">
                    <span className="font-medium">
                      <Safe text={one.name} oneLine />
                    </span>
                    {one.members ? <Users className="size-3.5 text-faint" aria-label="Members see it too" /> : null}
                    <span className="ml-auto min-w-0 truncate text-xs text-quiet">
                      <Safe text={one.description ?? ''} oneLine />
                    </span>
                  </span>
                  <span className="truncate font-mono text-xs text-quiet">
                    <Safe text={one.query} oneLine />
                  </span>
                </Menu.Item>
              ))}
              {maySave || (mayManage && searches.length > 0) ? <Menu.Separator className="my-1 border-t" /> : null}
              {maySave ? (
                <Menu.Item className={item} disabled={query.trim() === ''} onClick={() => setSaving(true)}>
                  <span className="flex items-center gap-2">
                    <BookmarkPlus className="size-4" />
                    Save this search…
                  </span>
                </Menu.Item>
              ) : null}
              {mayManage && searches.length > 0 ? (
                <Menu.Item className={item} render={<Link to="/objects/$kind" params={{ kind: 'Search' }} />}>
                  Change or delete them
                </Menu.Item>
              ) : null}
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
      {isSaving ? (
        <SaveDialog query={query} known={searches.map(({ name }) => name)} onClose={() => setSaving(false)} />
      ) : null}
    </>
  );
}

type Format = 'csv' | 'ndjson';

export function Export({ query }: { readonly query: string }): ReactNode {
  const [isBusy, setBusy] = useState(false);
  const save = async (format: Format): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const blob = await download('exportSearch', { body: { query: asked(query), format } });
      saveAs(blob, `search-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, '-')}.${format}`);
    }, 'Exported. The export is recorded.');
    setBusy(false);
  };
  return (
    <Choices
      trigger={
        <Button
          icon={<Download className="size-4" />}
          disabled={isBusy}
          aria-label="Export"
          className="h-10! max-md:px-2.5!"
        >
          <span className="max-md:hidden">{isBusy ? 'Exporting…' : 'Export'}</span>
        </Button>
      }
      items={[
        { label: 'Everything found, as CSV', onSelect: () => void save('csv') },
        { label: 'Everything found, as NDJSON', onSelect: () => void save('ndjson') },
      ]}
    />
  );
}
