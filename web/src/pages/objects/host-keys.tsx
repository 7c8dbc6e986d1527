/** The host keys that the target shows now, to be compared and pinned. Asking believes nothing. */
import { KeyRound } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, call } from '../../api/client.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button } from '../../ui/controls.tsx';
import { valueAt } from './document.ts';
import { words } from './kinds.ts';
import type { ToolProps } from './tools.tsx';

const path = ['spec', 'host_keys'] as const;

export function HostKeys({ draft, stored }: ToolProps): ReactNode {
  const [found, setFound] = useState<AnswerOf<'scanHostKeys'> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const pinned = words(valueAt(draft.value, path));
  if (stored === null)
    return (
      <p className="text-quiet">Save it first. Then the host can be asked for its keys here, and they can be pinned.</p>
    );
  const ask = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      setFound(await call('scanHostKeys', { params: { name: stored.metadata.name } }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'The host could not be asked.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button icon={<KeyRound className="size-4" />} disabled={isBusy} onClick={() => void ask()}>
          {isBusy ? 'Asking…' : 'Ask the host for its keys'}
        </Button>
        <span className="text-xs text-faint">
          At the address that is saved. Compare them with what the host itself says before you pin one.
        </span>
      </div>
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      <ul className="grid gap-1">
        {found?.keys.map(({ publicKey, fingerprint }) => {
          const isPinned = pinned.some((pin) => pin.trim() === fingerprint || pin.startsWith(publicKey));
          return (
            <li key={fingerprint} className="flex flex-wrap items-center gap-2 rounded-md border bg-sheet px-3 py-1.5">
              <Badge>{publicKey.split(' ')[0]}</Badge>
              <code className="min-w-0 flex-1 font-mono text-xs break-all">
                <Safe text={fingerprint} oneLine />
              </code>
              {isPinned ? (
                <Badge tone="good">pinned</Badge>
              ) : (
                <Button size="small" onClick={() => draft.set(path, [...pinned, publicKey])}>
                  Pin
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
