/**
 * A session: what happened in it, from its start, or while it happens. One timeline, its commands, and what came of them as a
 * transcript or on the terminal that it was.
 */
import { useParams } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { safeText } from '../../format/safe.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { SessionActions, SessionFacts, whoOf } from './header.tsx';
import { KeysDialog } from './keys.tsx';
import { Parts } from './parts.tsx';
import { usePlace } from './place.ts';
import { useReading } from './reading.ts';
import { Banner, CannotRead } from './standings.tsx';
import { Steering, SteeringMenu } from './steering.tsx';
import { Legend, Timeline } from './timeline.tsx';

export function SessionPage(): ReactNode {
  const { id } = useParams({ from: '/sessions/$id' });
  const session = useAsk('getSession', { params: { id } }, { keep: true });
  const mayRead = useMay('recordings.read') !== null;
  useEffect(() => {
    document.title = `Session ${id} · Sallyport`;
  }, [id]);
  return (
    <Answered of={session}>
      {(found) =>
        mayRead ? (
          <Opened key={found.id} session={found} />
        ) : (
          <Page title="Session">
            <CannotRead
              code="console.forbidden"
              text="You may see that this session was, and not what was recorded of it."
            />
          </Page>
        )
      }
    </Answered>
  );
}

function Opened({ session }: { readonly session: SessionView }): ReactNode {
  const reading = useReading(session);
  const place = usePlace(session, reading);
  const [isHelp, setHelp] = useState(false);
  const { model, rules, version } = reading;
  const { playback, endMs, seek, linkTo } = place;
  return (
    <Page
      full
      title={
        <>
          {whoOf(session)} <span className="font-normal text-quiet">on</span> {safeText(session.resource)}
        </>
      }
      about={<SessionFacts session={session} rules={rules} />}
      actions={
        <>
          <SessionActions
            session={session}
            terminals={model.terminals}
            onCopyLink={() => linkTo(null)}
            onHelp={() => setHelp(true)}
          />
          <div className="hidden flex-wrap gap-2 md:flex [&_svg]:size-4">
            <Steering session={session} />
          </div>
          <div className="md:hidden">
            <SteeringMenu session={session} />
          </div>
        </>
      }
    >
      <div className="grid gap-1 border-b px-4 py-2 md:px-6">
        <Timeline model={model} rules={rules} version={version} playback={playback} endMs={endMs} onSeek={seek} />
        <div className="flex min-h-4 flex-wrap items-center gap-x-4">
          <Legend model={model} rules={rules} />
          <p className="ml-auto text-2xs text-quiet">
            {reading.state === 'reading' ? 'Reading the recording…' : 'That you read this is recorded.'}
          </p>
        </div>
      </div>
      <Banner reading={reading} />
      <Parts session={session} reading={reading} place={place} onHelp={() => setHelp(true)} />
      <KeysDialog open={isHelp} onClose={() => setHelp(false)} />
    </Page>
  );
}
