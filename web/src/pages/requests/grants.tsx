/** What was given for a time: how much is left of it, more of it, and giving it back. */
import { Link } from '@tanstack/react-router';
import { Plug } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useAct, useAsk } from '../../api/query.ts';
import { duration, exactTime } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button } from '../../ui/controls.tsx';
import { Confirm, Dialog, say } from '../../ui/overlays.tsx';
import { Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { useNow } from '../../ui/time.tsx';
import { TermsForm } from './terms.tsx';
import { type Grant, type Reach, spelled, type Terms } from './words.ts';

export function Grants({ reach }: { readonly reach: readonly Reach[] }): ReactNode {
  const asked = useAsk('listGrants', { query: { mine: true } }, { keep: true });
  return (
    <Panel title="Given to you" flush>
      <Answered of={asked} rows={2}>
        {({ grants }) =>
          grants.length === 0 ? (
            <p className="p-4 text-quiet">Nothing just now. What is approved stands here while its time runs.</p>
          ) : (
            <ul aria-label="Your grants">
              {grants.map((grant) => (
                <li key={grant.id} className="border-b p-4 last:border-b-0">
                  <GrantRow grant={grant} terms={termsOf(grant, reach)} />
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

/** More is asked for under the Access that it was given by. */
function termsOf({ access, resource }: Grant, reach: readonly Reach[]): Terms | null {
  const found = reach.find((one) => one.how === 'request' && one.access === access && one.resource === resource);
  return found?.asking ?? null;
}

function GrantRow({ grant, terms }: { readonly grant: Grant; readonly terms: Terms | null }): ReactNode {
  const [asking, setAsking] = useState<'extend' | 'return' | null>(null);
  const giveBack = useAct('revokeGrant', ['listGrants', 'accessWhat', 'listResources']);
  const ask = useAct('requestAccess', ['listReviews', 'listGrants']);
  const { id, resource, grantedAt, expiresAt } = grant;
  return (
    <div className="grid gap-2">
      <div className="flex items-baseline gap-2">
        <strong className="mr-auto min-w-0 truncate font-medium">
          <Safe text={resource} />
        </strong>
        <Left from={grantedAt} to={expiresAt} isBar={false} />
      </div>
      <Left from={grantedAt} to={expiresAt} isBar />
      <div className="flex flex-wrap items-center gap-2">
        <Link
          to="/connect"
          search={{ resource }}
          className="mr-auto inline-flex items-center gap-1.5 text-accent hover:underline"
        >
          <Plug className="size-4" />
          Connect
        </Link>
        {terms === null ? null : (
          <Button size="small" className="pointer-coarse:h-10 pointer-coarse:px-4" onClick={() => setAsking('extend')}>
            Extend…
          </Button>
        )}
        <Button size="small" className="pointer-coarse:h-10 pointer-coarse:px-4" onClick={() => setAsking('return')}>
          Return…
        </Button>
      </div>
      <Confirm
        open={asking === 'return'}
        onClose={() => setAsking(null)}
        title={`Return ${resource}?`}
        about="Live sessions that it let in end within a second. To open it again takes a new request."
        action="Return it"
        onConfirm={() => giveBack.mutateAsync({ params: { id } })}
      />
      <Dialog
        open={asking === 'extend'}
        onClose={() => setAsking(null)}
        title={`More time on ${resource}`}
        about="It is decided like the first; sessions go on without a gap."
      >
        {terms === null ? null : (
          <TermsForm
            label="Extend"
            terms={terms}
            action="Ask for more"
            onCancel={() => setAsking(null)}
            onSend={async ({ seconds, reason }) => {
              const body = { resource, duration: spelled(seconds), extends: id, ...(reason === '' ? {} : { reason }) };
              await ask.mutateAsync({ body });
              setAsking(null);
              say(`Asked for more of ${resource}.`);
            }}
          />
        )}
      </Dialog>
    </div>
  );
}

const soonMs = 5 * 60_000;

/** How much is left, in words or as a bar. */
function Left({ from, to, isBar }: { readonly from: string; readonly to: string; readonly isBar: boolean }): ReactNode {
  const now = useNow();
  const end = new Date(to).getTime();
  const left = Math.max(0, end - now);
  const whole = Math.max(1, end - new Date(from).getTime());
  const isSoon = left < soonMs;
  if (!isBar) {
    return (
      <time
        dateTime={to}
        title={`Ends ${exactTime(to)}`}
        className={isSoon ? 'shrink-0 font-medium text-warn' : 'shrink-0 text-quiet'}
      >
        {left === 0 ? 'over' : `${duration(left)} left`}
      </time>
    );
  }
  return (
    <div aria-hidden="true" className="h-1 overflow-hidden rounded-full bg-raised">
      <div
        className={isSoon ? 'h-full bg-warn' : 'h-full bg-accent'}
        style={{ width: `${Math.min(100, (left / whole) * 100)}%` }}
      />
    </div>
  );
}
