/** What detections did by themselves: what is in force, and how to end it. */
import { Link, useNavigate } from '@tanstack/react-router';
import { ShieldOff } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useAskPages } from '../../api/pages.ts';
import { useAct } from '../../api/query.ts';
import { useMay, useMe } from '../../app/me.tsx';
import type { AlertsSearch } from '../../app/router.tsx';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, Checkbox, Severity } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/overlays.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { Ago, Until } from '../../ui/time.tsx';
import { type Response, responseWords } from './words.ts';

export function Responses({ search }: { readonly search: AlertsSearch }): ReactNode {
  const navigate = useNavigate();
  const isAll = search.state === 'all';
  const pages = useAskPages(
    'listResponses',
    { query: isAll ? { all: true } : {} },
    ({ responses }) => responses,
    ({ next }) => next,
  );
  return (
    <div className="min-h-0 flex-1 overflow-auto">
      <div className="border-b px-4 py-3 md:px-6">
        <Checkbox
          label="What is over too"
          checked={isAll}
          onChange={(event) =>
            void navigate({
              to: '/alerts',
              search: { tab: 'responses', ...(event.target.checked ? { state: 'all' } : {}) },
            })
          }
        />
      </div>
      <Answered of={pages}>
        {(responses) =>
          responses.length === 0 ? (
            <Empty title="Nothing is in force" icon={<ShieldOff />}>
              What detections do by themselves, like raising the risk or holding commands, stands here while it lasts.
            </Empty>
          ) : (
            <ul aria-label="Responses">
              {responses.map((response) => (
                <ResponseRow key={response.id} response={response} />
              ))}
            </ul>
          )
        }
      </Answered>
      {pages.more === null ? null : (
        <div className="p-4 text-center">
          <Button onClick={pages.more}>Show more</Button>
        </div>
      )}
    </div>
  );
}

function what({ kind, points }: Response): string {
  return kind === 'risk' ? `${responseWords.risk} by ${points}` : responseWords[kind];
}

export function ResponseRow({
  response,
  isShort = false,
}: {
  readonly response: Response;
  readonly isShort?: boolean;
}): ReactNode {
  const { owner, session, since, until, endedAt, endedBy, inForce, detection, severity, alert, message } = response;
  return (
    <li className={`grid gap-1 border-b px-4 py-3 last:border-b-0 ${isShort ? '' : 'md:px-6'}`}>
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{what(response)}</span>
        <span>
          for <Safe text={owner.name} />
          {session === null ? '' : ', in one session'}
        </span>
        <Badge tone={inForce ? 'warn' : 'plain'}>{inForce ? 'in force' : 'over'}</Badge>
        <span className="ml-auto" />
        {inForce ? <EndIt response={response} /> : null}
      </div>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-quiet">
        <span>
          since <Ago at={since} />
        </span>
        {inForce && until !== null ? (
          <span>
            ends <Until at={until} />
          </span>
        ) : null}
        {endedAt === null ? null : (
          <span>
            ended <Ago at={endedAt} />
            {endedBy === null ? '' : ' by '}
            {endedBy === null ? null : <Safe text={endedBy} />}
          </span>
        )}
        {isShort ? null : (
          <>
            <Severity name={severity} />
            <Link to="/alerts/$id" params={{ id: alert }} className="text-accent hover:underline">
              <Safe text={detection} />
            </Link>
          </>
        )}
      </p>
      {message === '' ? null : (
        <p className="text-xs text-quiet">
          <Safe text={message} />
        </p>
      )}
    </li>
  );
}

function EndIt({ response }: { readonly response: Response }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const act = useAct('endResponse', ['listResponses', 'getAlert']);
  const mayHandle = useMay('alerts.handle') !== null;
  const me = useMe();
  if (!mayHandle) return null;
  return (
    <>
      <Button size="small" className="pointer-coarse:h-10 pointer-coarse:px-4" onClick={() => setAsking(true)}>
        End it now
      </Button>
      <Confirm
        open={isAsking}
        onClose={() => setAsking(false)}
        title="End it now?"
        about={
          <>
            {what(response)} for <Safe text={response.owner.name} />: that stops within a second, on every gateway, for
            good.
            {response.owner.id === me.id ? ' It concerns you: somebody else should end it.' : ''}
          </>
        }
        action="End it"
        onConfirm={() => act.mutateAsync({ params: { id: response.id } })}
      />
    </>
  );
}
