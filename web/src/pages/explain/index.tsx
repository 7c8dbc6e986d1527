/**
 * Explain: what would come of a command, or did, and why: from who asks, over Access, guardrails and masks, to the verdict.
 *
 * Nothing is run. What is asked stands in the address, so that an explanation can be sent to somebody, and other pages link to it.
 */
import { getRouteApi } from '@tanstack/react-router';
import { Waypoints } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { AccessOnly, Path } from './path.tsx';
import { Question } from './question.tsx';

const route = getRouteApi('/explain');

export function ExplainPage(): ReactNode {
  const { principal, resource, text } = route.useSearch();
  const me = useMe();
  const who = principal ?? me.name;
  return (
    <Page title="Explain" about="What would come of a command, and which rule says so. Nothing is run.">
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(20rem,1fr)_minmax(0,2fr)]">
        <Question
          key={`${who}\n${resource ?? ''}\n${text ?? ''}`}
          who={who}
          resource={resource ?? ''}
          text={text ?? ''}
        />
        {resource === undefined ? (
          <Empty title="Say who, where and what" icon={<Waypoints aria-hidden="true" />}>
            You see the way that the command takes, from top to bottom, and the rule that decides. Without a command you
            see whether a session may be opened.
          </Empty>
        ) : text === undefined ? (
          <AccessAnswer who={who} resource={resource} />
        ) : (
          <CommandAnswer who={who} resource={resource} text={text} />
        )}
      </div>
    </Page>
  );
}

function AccessAnswer({ who, resource }: { readonly who: string; readonly resource: string }): ReactNode {
  const asked = useAsk('explainAccess', { query: { principal: who, resource } });
  return <Answered of={asked}>{(answer) => <AccessOnly answer={answer} />}</Answered>;
}

function CommandAnswer({
  who,
  resource,
  text,
}: {
  readonly who: string;
  readonly resource: string;
  readonly text: string;
}): ReactNode {
  const asked = useAsk('explainCommand', { body: { principal: who, resource, command: text } });
  const access = useAsk('explainAccess', { query: { principal: who, resource } });
  return <Answered of={asked}>{(answer) => <Path answer={answer} next={access.data?.next ?? []} />}</Answered>;
}
