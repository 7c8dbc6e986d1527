/** One marked event to a sink, and what came of it; and how the sink stands. */
import { Check, Send, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, call } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { compact } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button } from '../../ui/controls.tsx';
import { Facts } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import type { ToolProps } from './tools.tsx';

export function SinkTest({ draft, stored, mayWrite }: ToolProps): ReactNode {
  if (stored === null)
    return <p className="text-quiet">Save it first: what is tested is the sink as the gateway has it.</p>;
  return <Test name={stored.metadata.name} isChanged={draft.isChanged} mayWrite={mayWrite} />;
}

function Test({
  name,
  isChanged,
  mayWrite,
}: {
  readonly name: string;
  readonly isChanged: boolean;
  readonly mayWrite: boolean;
}): ReactNode {
  const sink = useAsk('getSink', { params: { name } }, { keep: true, everyMs: 5_000 });
  const [tested, setTested] = useState<AnswerOf<'testSink'> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (): Promise<void> => {
    setProblem(null);
    setTested(null);
    try {
      setTested(await call('testSink', { params: { name } }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'It could not be tested.');
    }
  };
  return (
    <div className="grid gap-4">
      {mayWrite ? (
        <div className="flex flex-wrap items-center gap-3">
          <Button icon={<Send className="size-4" />} onClick={() => void run()}>
            Send a test event
          </Button>
          {isChanged ? (
            <span className="text-xs text-warn">The sink as it is saved, without what you changed here.</span>
          ) : null}
        </div>
      ) : null}
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {tested === null ? null : (
        <p role="status" className="flex items-start gap-2">
          {tested.taken ? <Check className="size-4 text-good" /> : <X className="size-4 text-bad" />}
          {tested.taken ? 'The target took it.' : <Safe text={tested.problem} />}
        </p>
      )}
      {sink.data?.gateways.map(({ gateway, standing, lagEvents, sent, deadLetters, lastSentAt, problem: why }) => (
        <div key={gateway} className="rounded-md border bg-sheet p-3">
          <Facts
            of={[
              [
                'Gateway',
                <code key="g" className="font-mono text-xs">
                  {gateway}
                </code>,
              ],
              [
                'Standing',
                <Badge key="s" tone={standing === 'working' ? 'good' : standing === 'off' ? 'plain' : 'bad'}>
                  {standing}
                </Badge>,
              ],
              ['Behind', lagEvents === 0 ? 'nothing waits' : `${compact(lagEvents)} events`],
              ['Sent', compact(sent)],
              ['Refused for good', deadLetters],
              ['Last', lastSentAt === null ? 'never' : <Ago key="l" at={lastSentAt} />],
              ...(why === '' ? [] : [['Problem', <Safe key="p" text={why} />] as const]),
            ]}
          />
        </div>
      ))}
    </div>
  );
}
