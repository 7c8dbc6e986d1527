/** Objects: lists of each kind, and the editor. The editor is a chunk of its own, loaded when an object is opened. */
import { useParams, useSearch } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import { useAsk } from '../../api/query.ts';
import { safeText } from '../../format/safe.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty, Loading } from '../../ui/states.tsx';
import { Gallery } from './gallery.tsx';
import { type Kind, kindOf } from './kinds.ts';
import { ObjectList } from './listing.tsx';

const Editor = lazy(() => import('./editor-page.tsx'));

export function ObjectsPage(): ReactNode {
  const kind = useKind();
  return kind === null ? <NoKind /> : <ObjectList key={kind} kind={kind} />;
}

export function ObjectPage(): ReactNode {
  const kind = useKind();
  const name = useParams({ strict: false }).name ?? '';
  return kind === null ? <NoKind /> : <Stored key={`${kind}/${name}`} kind={kind} name={name} />;
}

export function NewObjectPage(): ReactNode {
  const kind = useKind();
  const from = useSearch({ strict: false }).as;
  if (kind === null) return <NoKind />;
  if (from === undefined) return <Gallery kind={kind} />;
  return (
    <Suspense fallback={<Loading />}>
      <Editor key={`${kind}/-/${from}`} kind={kind} stored={null} from={from} />
    </Suspense>
  );
}

function Stored({ kind, name }: { readonly kind: Kind; readonly name: string }): ReactNode {
  const asked = useAsk('getObject', { params: { kind, name } });
  if (asked.data === undefined) {
    return (
      <Page title={safeText(name)}>
        <Answered of={asked}>{() => null}</Answered>
      </Page>
    );
  }
  return (
    <Suspense fallback={<Loading />}>
      <Editor kind={kind} stored={asked.data} from={null} />
    </Suspense>
  );
}

function useKind(): Kind | null {
  return kindOf(useParams({ strict: false }).kind ?? '');
}

function NoKind(): ReactNode {
  return (
    <Page title="Objects">
      <Empty title="There is no such kind of object">The places on the left lead to all there are.</Empty>
    </Page>
  );
}
