/** A statement put to the draft: what would come of it, and why, as if the draft were saved. Nothing runs. */
import { Check, Minus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, call } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, cx, Field, Select, TextArea, Verdict } from '../../ui/controls.tsx';
import { selecting } from './facts.ts';
import { at, type Manifest, text, words } from './kinds.ts';
import type { ToolProps } from './tools.tsx';

type Tried = AnswerOf<'tryCommand'>;

const placeholders: Readonly<Record<string, string>> = {
  postgres: 'DROP TABLE orders',
  ssh: 'rm -rf /srv/app',
  http: 'DELETE /v1/customers/7',
  kubernetes: 'delete pods web-0 -n shop',
};

export function Trying({ draft }: ToolProps): ReactNode {
  const me = useMe();
  const principals = useAsk('listObjects', { params: { kind: 'Principal' } }, { keep: true }).data?.objects ?? [];
  const resources = useAsk('listObjects', { params: { kind: 'Resource' } }, { keep: true }).data?.objects ?? [];
  const fitting = fittingOf(resources, draft.value);
  const [who, setWho] = useState<string | null>(null);
  const [where, setWhere] = useState<string | null>(null);
  const [statement, setStatement] = useState(exampleOf(draft.value));
  const [tried, setTried] = useState<{ readonly answer: Tried; readonly of: string } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const resource = where ?? fitting[0]?.metadata.name ?? resources[0]?.metadata.name ?? '';
  const reach = useAsk(
    'accessWho',
    { query: { resource: resource || '-', limit: 50 } },
    { enabled: resource !== '', keep: true },
  );
  const principal =
    who ??
    reach.data?.reach.find(({ how }) => how === 'standing')?.principal ??
    principals.find(({ spec }) => !words(spec['roles']).includes('admin'))?.metadata.name ??
    me.name;
  const protocol = text(resources.find(({ metadata }) => metadata.name === resource)?.spec['protocol']);
  const run = async (): Promise<void> => {
    if (draft.parsed.value === null || statement.trim() === '' || resource === '') return;
    setBusy(true);
    setProblem(null);
    try {
      const body = { documents: [draft.parsed.value], principal, resource, command: statement };
      setTried({ answer: await call('tryCommand', { body }), of: draft.text });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'It could not be tried.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="grid gap-4">
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Who">
            {(ids) => (
              <Select {...ids} value={principal} onChange={(event) => setWho(event.target.value)} className="w-full">
                {[...new Set([principal, ...principals.map(({ metadata }) => metadata.name)])].map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="On">
            {(ids) => (
              <Select {...ids} value={resource} onChange={(event) => setWhere(event.target.value)} className="w-full">
                {resources.map(({ metadata: { name } }) => (
                  <option key={name} value={name}>
                    {name}
                    {fitting.some(({ metadata }) => metadata.name === name) ? '' : ' (not selected by it)'}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
        <Field label="Statement">
          {(ids) => (
            <TextArea
              {...ids}
              rows={2}
              value={statement}
              spellCheck={false}
              placeholder={placeholders[protocol] ?? ''}
              onChange={(event) => setStatement(event.target.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' || !(event.metaKey || event.ctrlKey)) return;
                event.preventDefault();
                void run();
              }}
              className="font-mono text-xs"
            />
          )}
        </Field>
        <div className="flex items-center gap-3">
          <Button type="submit" disabled={isBusy || draft.parsed.value === null}>
            Try it
          </Button>
          <span className="text-xs text-faint">Judged as if this were saved. Nothing runs.</span>
        </div>
      </form>
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {tried === null ? null : (
        <div className={cx('grid gap-3', tried.of !== draft.text && 'opacity-60')}>
          {tried.of === draft.text ? null : <p className="text-xs text-warn">The draft changed since. Try it again.</p>}
          <Outcome of={tried.answer.explanation} own={draft.name} />
        </div>
      )}
    </div>
  );
}

function fittingOf(resources: readonly Manifest[], draft: Readonly<Record<string, unknown>>): readonly Manifest[] {
  const rule = {
    kind: 'Guardrail',
    metadata: { name: 'draft' },
    spec: (draft['spec'] ?? {}) as Manifest['spec'],
  } as Manifest;
  return resources.filter((resource) => selecting(resource, [rule]).length > 0);
}

function exampleOf(draft: Readonly<Record<string, unknown>>): string {
  const examples = at(draft, 'spec', 'examples');
  return Array.isArray(examples) ? text(at(examples[0], 'command')) : '';
}

export function Outcome({ of, own }: { readonly of: Tried['explanation']; readonly own: string }): ReactNode {
  if (!of.granted || of.verdict === null) {
    return (
      <div role="status" className="grid gap-1">
        <p>
          <Badge tone="bad">no session</Badge> <Safe text={of.principal} /> may not open <Safe text={of.resource} />
        </p>
        <p className="text-quiet">No Access lets it in, so no statement gets that far.</p>
      </div>
    );
  }
  const rules = [...of.guardrails].sort(
    (a, b) => Number(b.name === own) - Number(a.name === own) || Number(b.matched) - Number(a.matched),
  );
  return (
    <div className="grid gap-3">
      <div role="status" className="flex flex-wrap items-center gap-2">
        <Verdict name={of.verdict.name} />
        <span>
          by <Safe text={of.verdict.rule} oneLine />
        </span>
        <span className="text-quiet">
          <Safe text={of.verdict.reason} />
        </span>
      </div>
      {of.hold === null ? null : (
        <p className="text-quiet">
          Waits for {plural(of.hold.approvals, 'approval')} by{' '}
          <Safe text={[...of.hold.reviewers.groups, ...of.hold.reviewers.names].join(', ') || 'its own person'} />, up
          to {Math.round(of.hold.withinSeconds / 60)} min.
        </p>
      )}
      <Trace
        title="Guardrails"
        own={own}
        of={rules.map(({ name, matched, conditions }) => ({ name, is: matched, conditions }))}
      />
      <Trace
        title="Masks"
        own={own}
        of={of.masks.map(({ name, applies, conditions }) => ({ name, is: applies, conditions }))}
      />
      {of.columns.length === 0 ? null : (
        <div>
          <h3 className="mb-1 text-xs font-medium text-quiet">Columns that come back</h3>
          <ul className="flex flex-wrap gap-1">
            {of.columns.map(({ name, mask, how, statement }, index) => (
              <li key={`${statement}/${index}`}>
                <Badge
                  tone={mask === null ? 'plain' : 'veil'}
                  title={mask === null ? 'as it is' : `${mask}: ${how ?? ''}`}
                >
                  <Safe text={name} oneLine />
                  {mask === null ? '' : ' masked'}
                </Badge>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

interface Traced {
  readonly name: string;
  readonly is: boolean;
  readonly conditions: readonly { readonly condition: string; readonly holds: boolean; readonly because: string }[];
}

function Trace({
  title,
  of,
  own,
}: {
  readonly title: string;
  readonly of: readonly Traced[];
  readonly own: string;
}): ReactNode {
  if (of.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-xs font-medium text-quiet">{title}</h3>
      <ul className="grid gap-1">
        {of.map(({ name, is, conditions }) => (
          <li key={name} className="rounded-md border bg-sheet">
            <details open={name === own}>
              <summary className="flex cursor-pointer items-center gap-2 px-3 py-1.5">
                {is ? <Check className="size-3.5 text-good" /> : <Minus className="size-3.5 text-faint" />}
                <span className={cx(name === own && 'font-medium')}>
                  <Safe text={name} oneLine />
                </span>
                {name === own ? <Badge tone="accent">this draft</Badge> : null}
                <span className="ml-auto text-xs text-faint">{is ? 'applies' : 'does not'}</span>
              </summary>
              <ul className="grid gap-0.5 border-t px-3 py-1.5">
                {conditions.map(({ condition, holds, because }, index) => (
                  <li key={`${condition}/${index}`} className="flex gap-2 text-xs">
                    <span
                      className={cx('w-3 shrink-0', holds ? 'text-good' : 'text-bad')}
                      title={holds ? 'holds' : 'does not hold'}
                    >
                      {holds ? '✓' : '✗'}
                    </span>
                    <span className="shrink-0 font-mono text-quiet">
                      <Safe text={condition} oneLine />
                    </span>
                    <span className="text-quiet">
                      <Safe text={because} />
                    </span>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </div>
  );
}
