/** Whether the target of the draft answers, is who it should be, and takes the credential. Before saving. */
import { Check, CircleSlash, PlugZap, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, call } from '../../api/client.ts';
import { duration } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, cx } from '../../ui/controls.tsx';
import type { ToolProps } from './tools.tsx';

type Tested = AnswerOf<'testResource'>;
type Step = Tested['steps'][number];

const titles = { connect: 'Connection', tls: 'TLS', login: 'Login' } as const;

export function ConnectionTest({ draft }: ToolProps): ReactNode {
  const [tested, setTested] = useState<{ readonly answer: Tested; readonly of: string } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const answer = await call('testResource', {
        params: { name: draft.name },
        body: { document: draft.parsed.value },
      });
      setTested({ answer, of: draft.text });
    } catch (error) {
      setTested(null);
      setProblem(error instanceof Error ? error.message : 'It could not be tested.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button
          icon={<PlugZap className="size-4" />}
          disabled={isBusy || draft.parsed.value === null || draft.name === ''}
          onClick={() => void run()}
        >
          {isBusy ? 'Testing…' : 'Test the connection'}
        </Button>
        <span className="text-xs text-faint">From the gateway, as it stands here. Nothing is run on the target.</span>
      </div>
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {tested === null ? null : (
        <ol aria-label="Steps of the test" className={cx('grid gap-1', tested.of !== draft.text && 'opacity-60')}>
          {tested.answer.steps.map((step) => (
            <StepRow key={step.step} of={step} />
          ))}
          {tested.of === draft.text ? null : (
            <li className="text-xs text-warn">The draft changed since. Test it again.</li>
          )}
        </ol>
      )}
    </div>
  );
}

function StepRow({ of }: { readonly of: Step }): ReactNode {
  const icon = {
    done: <Check aria-label="done" className="size-4 text-good" />,
    failed: <X aria-label="failed" className="size-4 text-bad" />,
    skipped: <CircleSlash aria-label="not tried" className="size-4 text-faint" />,
  }[of.outcome];
  return (
    <li className="grid grid-cols-[1rem_5.5rem_minmax(0,1fr)_auto] items-start gap-2 rounded-md border bg-sheet px-3 py-2">
      <span className="pt-0.5">{icon}</span>
      <span className="font-medium">{titles[of.step]}</span>
      <span className={of.outcome === 'failed' ? 'text-bad' : 'text-quiet'}>
        <Safe text={of.says} />
      </span>
      <span className="text-xs text-faint tabular-nums">{of.outcome === 'skipped' ? '' : duration(of.ms)}</span>
    </li>
  );
}
