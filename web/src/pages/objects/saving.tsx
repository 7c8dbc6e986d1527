/**
 * Saving: what changes, what is warned of, who loses access, and whether somebody else changed it meanwhile.
 *
 * Honest limit: the gateway saves what it is given. That somebody else saved is found by asking right before; what is saved in the
 * same moment is not seen.
 */
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { call, Problem } from '../../api/client.ts';
import { forget, useAct, useAsk } from '../../api/query.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';
import { Dialog, say } from '../../ui/overlays.tsx';
import { Loading } from '../../ui/states.tsx';
import { AccessChanges } from './access-changes.tsx';
import { ChangeTable } from './changes.tsx';
import { changesAccess } from './deletion.tsx';
import type { Draft } from './drafting.ts';
import { kinds, type Manifest } from './kinds.ts';

interface SaveProps {
  readonly draft: Draft;
  /** As it was when the editing began; null: new. */
  readonly base: Manifest | null;
  readonly onClose: () => void;
  readonly onTheirs: (theirs: Manifest) => void;
  readonly onSaved: (saved: Manifest) => void;
}

type Meanwhile =
  | { readonly state: 'asking' | 'same' }
  | { readonly state: 'changed'; readonly theirs: Manifest | null };

const same = (a: Manifest | null, b: Manifest | null): boolean => JSON.stringify(a) === JSON.stringify(b);

async function storedNow({ kind, name }: Draft): Promise<Manifest | null> {
  try {
    return await call('getObject', { params: { kind, name } });
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export function SaveDialog({ draft, base, onClose, onTheirs, onSaved }: SaveProps): ReactNode {
  const navigate = useNavigate();
  const apply = useAct('apply', [
    'listObjects',
    'listResources',
    'listSinks',
    'listDetections',
    'listSearches',
    'accessWho',
  ]);
  const [meanwhile, setMeanwhile] = useState<Meanwhile>({ state: 'asking' });
  const [problem, setProblem] = useState<string | null>(null);
  const { kind, name, parsed, checked } = draft;
  const isRenamed = base !== null && base.metadata.name !== name;
  const compared = isRenamed ? null : base;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, as it is opened
  useEffect(() => {
    storedNow(draft).then(
      (now) => setMeanwhile(same(now, compared) ? { state: 'same' } : { state: 'changed', theirs: now }),
      (error: unknown) => setProblem(String(error instanceof Error ? error.message : error)),
    );
  }, []);
  const save = async (): Promise<void> => {
    setProblem(null);
    try {
      const { results } = await apply.mutateAsync({ body: { documents: [parsed.value], dryRun: false } });
      const saved = await call('getObject', { params: { kind, name } });
      forget('getObject');
      onSaved(saved);
      onClose();
      say(`${safeText(name)} was ${results[0]?.action ?? 'saved'}. It counts from now on.`);
      if (base?.metadata.name !== name) {
        await navigate({
          to: '/objects/$kind/$name',
          params: { kind, name },
          replace: base === null,
          ignoreBlocker: true,
        });
      }
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'It was not saved.');
    }
  };
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={base === null ? `Save the new ${kinds[kind].one} ${safeText(name)}` : `Save ${safeText(name)}`}
      about={
        isRenamed
          ? `A name is not changed: this makes a second ${kinds[kind].one}, and ${safeText(base.metadata.name)} stays.`
          : undefined
      }
    >
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {meanwhile.state === 'changed' ? (
          <Conflict meanwhile={meanwhile} isNew={compared === null} name={name} onTheirs={onTheirs} onClose={onClose} />
        ) : null}
        {checked.result === null ? null : <ChangeTable of={checked.result.changes} />}
        {checked.result?.warnings.map((warning) => (
          <p key={warning} className="rounded-md bg-warn-soft px-3 py-2 text-warn">
            <Safe text={warning} />
          </p>
        ))}
        {changesAccess.includes(kind) ? <Reach draft={draft} /> : null}
        {problem === null ? null : (
          <p role="alert" className="text-bad">
            {problem}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Go on editing</Button>
          <Button type="submit" tone="primary" autoFocus disabled={apply.isPending || meanwhile.state === 'asking'}>
            {meanwhile.state === 'changed' ? 'Save over it' : 'Save'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Reach({ draft }: { readonly draft: Draft }): ReactNode {
  const asked = useAsk('tryAccess', { body: { documents: [draft.parsed.value] } });
  if (asked.data !== undefined) return <AccessChanges of={asked.data} />;
  return asked.error === null ? <Loading rows={1} /> : <p className="text-quiet">{asked.error.message}</p>;
}

function Conflict({
  meanwhile,
  isNew,
  name,
  onTheirs,
  onClose,
}: {
  readonly meanwhile: { readonly theirs: Manifest | null };
  readonly isNew: boolean;
  readonly name: string;
  readonly onTheirs: (theirs: Manifest) => void;
  readonly onClose: () => void;
}): ReactNode {
  const { theirs } = meanwhile;
  const words = isNew
    ? `There is a ${safeText(name)} already. Saving replaces what it says.`
    : theirs === null
      ? 'Somebody deleted it since you opened it. Saving makes it again.'
      : 'Somebody else changed it since you opened it. What is listed below is against what they saved, and saving undoes it.';
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 rounded-md bg-bad-soft px-3 py-2 text-bad">
      <span className="mr-auto">{words}</span>
      {isNew || theirs === null ? null : (
        <Button
          size="small"
          onClick={() => {
            onTheirs(theirs);
            onClose();
          }}
        >
          Take theirs
        </Button>
      )}
    </div>
  );
}
