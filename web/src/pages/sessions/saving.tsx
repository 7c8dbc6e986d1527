/** Saves a search under a name, as the manifest that it is. */
import { type FormEvent, type ReactNode, useState } from 'react';
import { Problem } from '../../api/client.ts';
import { useAct } from '../../api/query.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, Checkbox, Field, Input } from '../../ui/controls.tsx';
import { Dialog, say } from '../../ui/overlays.tsx';

const nameMax = 63;
const descriptionMax = 256;

/** A name made of a query: `reads:customers.ssn since:30d` is `reads-customers-ssn`. */
export function nameFor(query: string): string {
  const words = query
    .replace(/\b(?:since|until|on|sort|type|before|after):\S+/g, ' ')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words.slice(0, 40).replace(/-+$/, '');
}

export function SaveDialog({
  query,
  known,
  onClose,
}: {
  readonly query: string;
  readonly known: readonly string[];
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState(() => nameFor(query));
  const [description, setDescription] = useState('');
  const [members, setMembers] = useState(false);
  const apply = useAct('apply', ['listSearches', 'listObjects']);
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const spec = { query, members, ...(description.trim() === '' ? {} : { description: description.trim() }) };
    try {
      await apply.mutateAsync({
        body: { documents: [{ kind: 'Search', metadata: { name }, spec }], dryRun: false },
      });
      say(`Saved as ${name}.`);
      onClose();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  };
  const problemOf = (part: string): string | null =>
    apply.error?.problems.find(({ path }) => path.includes(part))?.message ?? null;
  const isNamed = problemOf('name') !== null || problemOf('description') !== null;
  return (
    <Dialog open onClose={onClose} title="Save this search">
      <form className="grid gap-3" onSubmit={(event) => void save(event)}>
        <p className="rounded-md border bg-ground px-2.5 py-1.5 font-mono text-xs break-words">
          <Safe text={query} />
        </p>
        <Field
          label="Name"
          problem={problemOf('name')}
          hint={
            known.includes(name) ? 'There is one of this name; it is replaced.' : 'Small letters, digits and hyphens.'
          }
        >
          {(ids) => (
            <Input
              {...ids}
              required
              maxLength={nameMax}
              autoFocus
              value={name}
              onChange={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <Field label="What it is for" problem={problemOf('description')}>
          {(ids) => (
            <Input
              {...ids}
              maxLength={descriptionMax}
              value={description}
              onChange={({ currentTarget }) => setDescription(currentTarget.value)}
            />
          )}
        </Field>
        <Checkbox
          label="Members see it too, and find by it what they did themselves"
          checked={members}
          onChange={({ currentTarget }) => setMembers(currentTarget.checked)}
        />
        {apply.error === null || isNamed ? null : (
          <p role="alert" className="text-bad">
            {apply.error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" disabled={apply.isPending}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
