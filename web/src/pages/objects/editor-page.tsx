/**
 * The editor of one object: fields and YAML side by side, and beside them what it would change and how it would act, before it is
 * saved. On a phone one of the three at a time.
 */
import { useNavigate } from '@tanstack/react-router';
import { Copy, MoreHorizontal, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { safeText } from '../../format/safe.tsx';
import { Badge, Button, cx, IconButton } from '../../ui/controls.tsx';
import { CodeEditor, type CodeEditorHandle } from '../../ui/editor.tsx';
import { Menu } from '../../ui/overlays.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { completeYaml } from './completing.ts';
import { DeleteDialog } from './deletion.tsx';
import { type Path, placeOf, spell } from './document.ts';
import { beginningOf, type Draft, useDraft } from './drafting.ts';
import { formContext } from './form/context.ts';
import { ObjectFields } from './form/objects.tsx';
import { type Kind, kinds, type Manifest } from './kinds.ts';
import { suggestFor, useKnown } from './known.ts';
import { LeaveGuard } from './leaving.tsx';
import { SaveDialog } from './saving.tsx';
import { type Schema, schemaOf } from './schema.ts';
import { Tools } from './tools.tsx';

interface EditorProps {
  readonly kind: Kind;
  readonly stored: Manifest | null;
  /** What a new one begins with: the id of a template, or `copy:NAME`. */
  readonly from: string | null;
}

export default function EditorPage(props: EditorProps): ReactNode {
  const { kind, from } = props;
  const copied = from?.startsWith('copy:') === true ? from.slice('copy:'.length) : null;
  const schema = useAsk('manifestSchema', {}, { keep: true });
  const copy = useAsk('getObject', { params: { kind, name: copied ?? '-' } }, { enabled: copied !== null });
  const title = props.stored === null ? `New ${kinds[kind].one}` : safeText(props.stored.metadata.name);
  if (schema.data === undefined || (copied !== null && copy.data === undefined)) {
    return (
      <Page title={title}>
        <Answered of={schema.data === undefined ? schema : copy}>{() => null}</Answered>
      </Page>
    );
  }
  return <Editor {...props} copied={copy.data ?? null} schema={schema.data as Schema} />;
}

type Part = 'form' | 'yaml' | 'try';
const parts: readonly { readonly id: Part; readonly title: string }[] = [
  { id: 'form', title: 'Form' },
  { id: 'yaml', title: 'YAML' },
  { id: 'try', title: 'Before saving' },
];

function Editor({
  kind,
  stored,
  from,
  copied,
  schema,
}: EditorProps & { readonly copied: Manifest | null; readonly schema: Schema }): ReactNode {
  const mayWrite = useMay('objects.write') !== null;
  const draft = useDraft(kind, stored === null ? beginningOf(kind, from ?? '', copied) : spell(stored), mayWrite);
  // What is stored as it was when this began: what somebody else changes meanwhile is told.
  const [base, setBase] = useState(stored);
  const [part, setPart] = useState<Part>('form');
  const [isSaving, setSaving] = useState(false);
  const yaml = useRef<CodeEditorHandle>(null);
  const known = useKnown();
  const own = useMemo(() => schemaOf(schema, kind, draft.value), [schema, kind, draft.value]);
  const suggest = useMemo(() => (path: Path) => suggestFor(known, kind, path), [known, kind]);
  const mayShip = mayWrite && draft.isReadable && draft.checked.result !== null && draft.problems.length === 0;
  const save = (): void => {
    if (mayShip) setSaving(true);
  };
  useSaveKey(save);
  const reveal = (path: Path): void => {
    setPart('yaml');
    setTimeout(() => yaml.current?.reveal(placeOf(draft.parsed, path).from), 0);
  };
  return (
    <formContext.Provider
      value={{
        kind,
        value: draft.value,
        problems: draft.problems,
        isReadOnly: !mayWrite || !draft.isReadable,
        set: draft.set,
        suggest,
        reveal,
      }}
    >
      <Page
        full
        title={stored === null ? `New ${kinds[kind].one}` : safeText(stored.metadata.name)}
        about={kinds[kind].about}
        actions={
          <>
            <State draft={draft} isNew={stored === null} mayWrite={mayWrite} />
            {stored === null || !mayWrite ? null : <More kind={kind} name={stored.metadata.name} />}
            {mayWrite ? (
              <Button
                tone="primary"
                disabled={!mayShip || (stored !== null && draft.checked.result?.action === 'unchanged')}
                onClick={save}
              >
                {stored === null ? 'Save…' : 'Save changes…'}
              </Button>
            ) : null}
          </>
        }
      >
        <PartTabs part={part} onPart={setPart} />
        <div className="grid min-h-0 flex-1 lg:grid-cols-[minmax(22rem,5fr)_minmax(26rem,6fr)]">
          <div className={cx('min-h-0 overflow-auto lg:block lg:border-r', part !== 'form' && 'hidden')}>
            <FormPane draft={draft} schema={own} />
          </div>
          <div
            className={cx(
              'min-h-0 grid-rows-[minmax(10rem,1fr)_minmax(12rem,45%)] lg:grid',
              part === 'form' ? 'hidden' : 'grid',
              part !== 'form' && 'max-lg:grid-rows-1',
            )}
          >
            <div className={cx('min-h-0 flex-col lg:flex', part === 'yaml' ? 'flex' : 'hidden')}>
              <CodeEditor
                ref={yaml}
                label="YAML of the manifest"
                language="yaml"
                value={draft.text}
                onChange={draft.setText}
                problems={draft.marks}
                readOnly={!mayWrite}
                onSubmit={save}
                complete={(text, at) => (own === null ? null : completeYaml(own, text, at, suggest))}
                className="flex-1"
              />
            </div>
            <div className={cx('min-h-0 border-t lg:block', part === 'try' ? 'block' : 'hidden')}>
              <Tools draft={draft} stored={base} mayWrite={mayWrite} onReveal={reveal} />
            </div>
          </div>
        </div>
        <LeaveGuard isChanged={mayWrite && draft.isChanged} />
        {isSaving ? (
          <SaveDialog
            draft={draft}
            base={base}
            onClose={() => setSaving(false)}
            onTheirs={(theirs) => {
              setBase(theirs);
              draft.rebase(theirs);
            }}
            onSaved={(saved) => {
              setBase(saved);
              draft.rebase(saved);
            }}
          />
        ) : null}
      </Page>
    </formContext.Provider>
  );
}

function FormPane({ draft, schema }: { readonly draft: Draft; readonly schema: Schema | null }): ReactNode {
  if (schema === null) return null;
  const general = draft.problems.filter(({ path }) => path.length === 0);
  const { metadata, spec } = schema.properties ?? {};
  const variant = specOf(spec ?? {}, draft.value['spec']);
  return (
    <form
      className="grid gap-4 p-4 md:px-6"
      onSubmit={(event) => event.preventDefault()}
      aria-label="Fields of the manifest"
    >
      {draft.isReadable ? null : (
        <p role="alert" className="rounded-md bg-warn-soft px-3 py-2 text-warn">
          The YAML does not parse. The fields show what it said last, and wait until it does.
        </p>
      )}
      {[
        ...general.map(({ message }) => message),
        ...(draft.checked.failure === null ? [] : [draft.checked.failure]),
      ].map((message) => (
        <p key={message} role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
          {message}
        </p>
      ))}
      <ObjectFields
        path={['metadata']}
        schema={nameFirst(metadata ?? {}, draft.kind)}
        value={draft.value['metadata']}
      />
      <ObjectFields path={['spec']} schema={variant} value={draft.value['spec']} />
    </form>
  );
}

/** Labels select resources only; elsewhere they would lead astray, and stay where they are given. */
function nameFirst(metadata: Schema, kind: Kind): Schema {
  const { name, labels } = metadata.properties ?? {};
  if (kind === 'Resource' || labels === undefined) return metadata;
  return { ...metadata, properties: { ...(name === undefined ? {} : { name }), labels } };
}

function specOf(spec: Schema, value: unknown): Schema {
  const variants = spec.oneOf ?? spec.anyOf;
  if (variants === undefined) return spec;
  const type = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['type'] : undefined;
  return variants.find((one) => one.properties?.['type']?.const === type) ?? variants[0]!;
}

function PartTabs({ part, onPart }: { readonly part: Part; readonly onPart: (part: Part) => void }): ReactNode {
  return (
    <div role="tablist" aria-label="Parts of the editor" className="flex border-b px-2 lg:hidden">
      {parts.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          role="tab"
          aria-selected={part === id}
          onClick={() => onPart(id)}
          className="h-10 border-b-2 border-transparent px-4 text-quiet aria-selected:border-accent aria-selected:font-medium aria-selected:text-ink"
        >
          {title}
        </button>
      ))}
    </div>
  );
}

function State({
  draft,
  isNew,
  mayWrite,
}: {
  readonly draft: Draft;
  readonly isNew: boolean;
  readonly mayWrite: boolean;
}): ReactNode {
  const { checked, parsed, problems } = draft;
  const count = parsed.problems.length + problems.length;
  let badge: ReactNode;
  if (!mayWrite) badge = <Badge>read only</Badge>;
  else if (count > 0) badge = <Badge tone="bad">{count === 1 ? '1 problem' : `${count} problems`}</Badge>;
  else if (checked.failure !== null) badge = <Badge tone="bad">not checked</Badge>;
  else if (checked.isChecking || checked.of !== draft.text) badge = <Badge>checking</Badge>;
  else if (checked.result?.action === 'unchanged') badge = <Badge tone="good">saved</Badge>;
  else badge = <Badge tone={isNew ? 'info' : 'warn'}>{isNew ? 'valid, not saved yet' : 'not saved'}</Badge>;
  return <span role="status">{badge}</span>;
}

function More({ kind, name }: { readonly kind: Kind; readonly name: string }): ReactNode {
  const navigate = useNavigate();
  const [isGoing, setGoing] = useState(false);
  return (
    <>
      <Menu
        trigger={
          <IconButton label="More">
            <MoreHorizontal />
          </IconButton>
        }
        items={[
          {
            label: 'Duplicate',
            icon: <Copy />,
            onSelect: () =>
              void navigate({ to: '/objects/$kind/-/new', params: { kind }, search: { as: `copy:${name}` } }),
          },
          'line',
          { label: 'Delete…', icon: <Trash2 />, danger: true, onSelect: () => setGoing(true) },
        ]}
      />
      {isGoing ? <DeleteDialog kind={kind} name={name} goBack onClose={() => setGoing(false)} /> : null}
    </>
  );
}

/** ⌘S, wherever the focus is. */
function useSaveKey(save: () => void): void {
  const latest = useRef(save);
  latest.current = save;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== 's') return;
      event.preventDefault();
      latest.current();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
