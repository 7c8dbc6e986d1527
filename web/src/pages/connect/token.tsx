/**
 * A token for one resource: short-lived, shown once, gone from here with the page.
 *
 * Invariant: it is kept in the memory of this page and nowhere else.
 */
import { KeyRound } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useAct } from '../../api/query.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, Select } from '../../ui/controls.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Until } from '../../ui/time.tsx';

const lifetimes = [
  { seconds: 3_600, title: '1 hour' },
  { seconds: 8 * 3_600, title: '8 hours' },
  { seconds: 24 * 3_600, title: '1 day' },
] as const;

export function TokenPanel({
  resource,
  token,
  onToken,
}: {
  readonly resource: string;
  readonly token: string | null;
  readonly onToken: (token: string | null) => void;
}): ReactNode {
  const create = useAct('createToken', ['listTokens']);
  const [seconds, setSeconds] = useState<number>(lifetimes[0].seconds);
  const issued = create.data;
  const get = (): void => {
    create.mutate(
      { body: { description: `For ${resource}, from the console`, lifetimeSeconds: seconds, resources: [resource] } },
      { onSuccess: (answer) => onToken(answer.token) },
    );
  };
  return (
    <section aria-label="Token" className="grid content-start gap-2 rounded-lg border bg-sheet p-4">
      <h3 className="text-xs font-semibold text-quiet">Token</h3>
      {token === null || issued === undefined ? (
        <>
          <p className="text-quiet">
            Your password for clients. It is good for <Safe text={resource} oneLine /> only.
          </p>
          <div className="flex flex-wrap items-center gap-2">
            <Button tone="primary" icon={<KeyRound className="size-4" />} disabled={create.isPending} onClick={get}>
              Get a token
            </Button>
            <Select
              aria-label="How long it is good"
              className="max-w-32"
              value={seconds}
              onChange={(event) => setSeconds(Number(event.target.value))}
            >
              {lifetimes.map(({ seconds: count, title }) => (
                <option key={count} value={count}>
                  for {title}
                </option>
              ))}
            </Select>
          </div>
        </>
      ) : (
        <>
          <div className="flex items-center gap-1 rounded-md bg-raised pr-1 pl-3">
            <code data-token className="mr-auto min-w-0 truncate font-mono text-xs select-all">
              {token}
            </code>
            <CopyButton text={token} label="Copy the token" />
          </div>
          <p className="text-quiet">
            Shown only now, and written into the lines below. It ends <Until at={issued.expiresAt} />.{' '}
            <button type="button" className="text-accent underline" onClick={() => onToken(null)}>
              Hide it
            </button>
          </p>
        </>
      )}
      {create.error === null ? null : (
        <p role="alert" className="text-bad">
          {create.error.message}
        </p>
      )}
    </section>
  );
}
