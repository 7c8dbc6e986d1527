/** Who, where and what: asking puts it into the address. */
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { Button, Field, Input, Kbd } from '../../ui/controls.tsx';
import { CodeEditor } from '../../ui/editor.tsx';
import { Panel } from '../../ui/page.tsx';

interface Form {
  /** What is written, by protocol. */
  readonly label: string;
  readonly hint: string;
  readonly example: string;
}

const sqlForm: Form = {
  label: 'SQL',
  hint: 'One statement, or several with semicolons between.',
  example: 'SELECT full_name, email FROM customers LIMIT 10',
};

const forms: Readonly<Record<string, Form>> = {
  postgres: sqlForm,
  mysql: sqlForm,
  ssh: { label: 'Shell line', hint: 'As it is typed at the prompt.', example: 'sudo systemctl restart shop' },
  http: {
    label: 'Request',
    hint: 'Method and path; a body as JSON below an empty line.',
    example: 'DELETE /v1/customers/1',
  },
  kubernetes: {
    label: 'Kubernetes command',
    hint: 'As kubectl takes it, without kubectl.',
    example: 'delete pods web-1 -n shop',
  },
};

const anyForm: Form = { label: 'Command', hint: 'As the resource takes it.', example: '' };

/** Resources by name, with their protocols: all of them where one may see them, otherwise those that one may open. */
function useResources(): ReadonlyMap<string, string> {
  const seesAll = useMay('objects.read') !== null;
  const objects = useAsk('listObjects', { params: { kind: 'Resource' } }, { enabled: seesAll }).data;
  const open = useAsk('listResources', {}, { enabled: !seesAll }).data;
  if (open !== undefined) return new Map(open.resources.map(({ name, protocol }) => [name, protocol]));
  return new Map(
    (objects?.objects ?? []).map(({ metadata, spec }) => [
      metadata.name,
      String((spec as { protocol?: unknown }).protocol),
    ]),
  );
}

function usePrincipals(enabled: boolean): readonly string[] {
  const asked = useAsk('listObjects', { params: { kind: 'Principal' } }, { enabled }).data;
  return asked?.objects.map(({ metadata }) => metadata.name) ?? [];
}

interface Asked {
  readonly who: string;
  readonly resource: string;
  readonly text: string;
}

export function Question(asked: Asked): ReactNode {
  const navigate = useNavigate();
  const mayAskOfAll = useMay('access.explain') === 'all';
  const seesPrincipals = useMay('objects.read') !== null;
  const resources = useResources();
  const principals = usePrincipals(mayAskOfAll && seesPrincipals);
  const [who, setWho] = useState(asked.who);
  const [resource, setResource] = useState(asked.resource);
  const [text, setText] = useState(asked.text);
  const form = forms[resources.get(resource) ?? ''] ?? anyForm;
  const ask = (): void => {
    void navigate({
      to: '/explain',
      search: {
        principal: who.trim(),
        resource: resource.trim(),
        ...(text.trim() === '' ? {} : { text: text.trim() }),
      },
    });
  };
  return (
    <Panel className="xl:sticky xl:top-4">
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Field label="Principal" hint={mayAskOfAll ? undefined : 'What others may do is not yours to ask.'}>
          {(ids) => (
            <Input
              {...ids}
              required
              readOnly={!mayAskOfAll}
              list="explain-principals"
              autoComplete="off"
              value={who}
              onChange={(event) => setWho(event.target.value)}
            />
          )}
        </Field>
        <Names id="explain-principals" names={principals} />
        <Field label="Resource">
          {(ids) => (
            <Input
              {...ids}
              required
              list="explain-resources"
              autoComplete="off"
              value={resource}
              onChange={(event) => setResource(event.target.value)}
            />
          )}
        </Field>
        <Names id="explain-resources" names={[...resources.keys()]} />
        <div className="grid gap-1">
          <span aria-hidden="true" className="text-xs font-medium text-quiet">
            {form.label}
          </span>
          <CodeEditor
            label={form.label}
            value={text}
            onChange={setText}
            onSubmit={ask}
            language={form === sqlForm ? 'sql' : 'text'}
            placeholder={form.example}
            lineNumbers={false}
            className="h-28 overflow-hidden rounded-md border border-line-strong/50 bg-sheet sm:h-44"
          />
          <p className="text-xs text-faint">{form.hint} Left empty: whether a session may be opened.</p>
        </div>
        <div className="flex items-center gap-3">
          <Button type="submit" tone="primary">
            Explain
          </Button>
          <span className="hidden items-center gap-1 text-xs text-faint sm:flex">
            <Kbd>⌘</Kbd>
            <Kbd>Enter</Kbd>
          </span>
        </div>
      </form>
    </Panel>
  );
}

function Names({ id, names }: { readonly id: string; readonly names: readonly string[] }): ReactNode {
  return (
    <datalist id={id}>
      {names.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}
