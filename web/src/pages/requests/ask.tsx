/** What may be asked for, and asking for it. */
import { Link, useNavigate } from '@tanstack/react-router';
import { KeyRound } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { useAct, useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Badge, Select } from '../../ui/controls.tsx';
import { say } from '../../ui/overlays.tsx';
import { Panel } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { TermsForm } from './terms.tsx';
import { lengthWords, type Reach, spelled } from './words.ts';

export function Ask({
  reach,
  resource,
}: {
  readonly reach: readonly Reach[];
  readonly resource: string | undefined;
}): ReactNode {
  const navigate = useNavigate();
  const id = useId();
  // Several Access may give one resource: the gateway takes the one that fits; the widest says what may be asked.
  const ways = new Map<string, Reach>();
  for (const one of reach) {
    if (one.how !== 'request' || one.asking === undefined) continue;
    const before = ways.get(one.resource)?.asking?.maxSeconds ?? 0;
    if (one.asking.maxSeconds > before) ways.set(one.resource, one);
  }
  const names = [...ways.keys()].sort();
  const chosen = resource ?? names[0];
  const way = chosen === undefined ? undefined : ways.get(chosen);
  return (
    <Panel title="Ask for access">
      {names.length === 0 && resource === undefined ? (
        <Empty title="There is nothing to ask for" icon={<KeyRound />}>
          No Access lets you ask for a resource. What you may open already stands beside. For anything else ask an
          administrator.
        </Empty>
      ) : (
        <div className="grid gap-4">
          <div className="grid gap-1">
            <label htmlFor={id} className="text-xs font-medium text-quiet">
              Resource
            </label>
            <Select
              id={id}
              className="h-9 w-full max-w-sm pointer-coarse:h-11"
              value={chosen ?? ''}
              onChange={(event) =>
                void navigate({ to: '/requests', search: { resource: event.target.value }, replace: true })
              }
            >
              {chosen === undefined || way !== undefined ? null : <option value={chosen}>{chosen}</option>}
              {names.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </Select>
          </div>
          {way === undefined ? (
            <NotToAsk resource={chosen ?? ''} />
          ) : (
            <AskFor
              key={way.resource}
              way={way}
              isOpen={reach.some((one) => one.resource === way.resource && one.how !== 'request' && one.counts)}
            />
          )}
        </div>
      )}
    </Panel>
  );
}

/** Why it cannot be asked for, and what to do instead: in the gateway's own words. */
function NotToAsk({ resource }: { readonly resource: string }): ReactNode {
  const me = useMe();
  const asked = useAsk('explainAccess', { query: { principal: me.name, resource } });
  return (
    <Answered of={asked} rows={2}>
      {({ granted, next }) => (
        <div className="grid gap-2">
          <p className={granted ? 'text-good' : ''}>
            {granted ? 'You may open it already.' : 'It is not to be asked for, as things are.'}
          </p>
          {next.map((line) => (
            <p key={line} className="text-quiet">
              <Safe text={line} />
            </p>
          ))}
          {granted ? (
            <Link to="/connect" search={{ resource }} className="text-accent hover:underline">
              How to connect
            </Link>
          ) : null}
        </div>
      )}
    </Answered>
  );
}

function AskFor({ way, isOpen }: { readonly way: Reach; readonly isOpen: boolean }): ReactNode {
  const act = useAct('requestAccess', ['listReviews', 'accessWhat']);
  const terms = way.asking!;
  const { resource } = way;
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-quiet">
        <span>Up to {lengthWords(terms.maxSeconds)}, from the approval.</span>
        {terms.waits ? <span>Connecting asks too, and waits.</span> : null}
        {way.stepUp ? <Badge tone="info">takes a confirmation to open</Badge> : null}
        {way.windows === null ? null : (
          <span>
            Open <Safe text={way.windows} />.
          </span>
        )}
        {way.locked === null ? null : (
          <Badge tone="bad">
            locked by <Safe text={way.locked} />
          </Badge>
        )}
        {isOpen ? <Badge tone="good">you may open it now</Badge> : null}
      </p>
      <TermsForm
        label="Ask for access"
        terms={terms}
        action={`Ask for ${resource}`}
        onSend={async ({ seconds, reason }) => {
          const body = { resource, duration: spelled(seconds), ...(reason === '' ? {} : { reason }) };
          await act.mutateAsync({ body });
          say(`Asked for ${resource}. What comes of it stands below.`);
        }}
      />
    </>
  );
}
