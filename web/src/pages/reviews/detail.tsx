/**
 * Everything of one review on one screen: what is asked, what it would do, who asks, why it waits, who decided; and the decision at
 * the bottom, in reach of a thumb.
 */
import { Link, type LinkProps } from '@tanstack/react-router';
import { ArrowLeft, Radio, SquareTerminal } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Badge, Verdict } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { AskedAccess, What } from './command.tsx';
import { Countdown } from './countdown.tsx';
import { DecisionBar } from './decide.tsx';
import type { Deciding } from './inbox.tsx';
import { Decisions, Requester, Why } from './people.tsx';
import { type Review, shownState, wish } from './words.ts';

export interface DetailProps {
  readonly id: string;
  readonly deciding: Deciding;
  readonly setDeciding: (next: Deciding) => void;
  /** To the next one, after a decision. */
  readonly goOn: () => void;
  readonly others: number;
  readonly back: Pick<LinkProps, 'to' | 'search'>;
}

export function Detail(props: DetailProps): ReactNode {
  const asked = useAsk('getReview', { params: { id: props.id } });
  return (
    <>
      {asked.data === undefined ? (
        <div className="flex h-12 items-center border-b px-2 lg:hidden">
          <Back to={props.back} />
        </div>
      ) : null}
      <Answered of={asked} rows={10}>
        {(review) => <Shown review={review} {...props} />}
      </Answered>
    </>
  );
}

function Back({ to }: { readonly to: DetailProps['back'] }): ReactNode {
  return (
    <Link
      {...to}
      aria-label="Back to the list"
      className="inline-flex size-10 shrink-0 items-center justify-center rounded-md text-quiet hover:bg-hover lg:hidden"
    >
      <ArrowLeft className="size-5" />
    </Link>
  );
}

function Shown({ review, back, ...rest }: DetailProps & { readonly review: Review }): ReactNode {
  // What ended while it was looked at is told apart from what was over before.
  const wasPending = useRef(review.state === 'pending');
  useEffect(() => {
    if (review.state === 'pending') wasPending.current = true;
  }, [review.state]);
  return (
    <article aria-label="Review" className="flex min-h-0 flex-1 flex-col">
      <Heading review={review} back={back} />
      <section
        aria-label="What it is about"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, so it must be reachable by keyboard
        tabIndex={0}
        className="@container min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2"
      >
        <div className="grid max-w-6xl gap-4 p-4 lg:p-6">
          {review.command === null ? (
            <AskedAccess review={review} />
          ) : (
            <What review={review} command={review.command} />
          )}
          <div className="grid items-start gap-4 @3xl:grid-cols-2">
            <Why review={review} />
            <Requester review={review} />
          </div>
          <Decisions review={review} />
        </div>
      </section>
      <DecisionBar review={review} wasPending={wasPending.current} {...rest} />
    </article>
  );
}

function Heading({ review, back }: { readonly review: Review; readonly back: DetailProps['back'] }): ReactNode {
  const { requester, state, approvals } = review;
  return (
    <header className="flex items-start gap-2 border-b bg-ground py-2.5 pr-4 pl-2 lg:pl-6">
      <Back to={back} />
      <div className="mr-auto min-w-0 py-1">
        <h2 className="text-sm leading-5">
          <strong className="font-semibold">
            <Safe text={requester.name} />
          </strong>
          {requester.kind === 'person' ? null : ` (${requester.kind})`}
          {requester.agents === undefined ? null : (
            <>
              {' by '}
              <Safe text={requester.agents.join(', for ')} />
            </>
          )}{' '}
          <Safe text={wish(review)} />
        </h2>
        <p className="mt-0.5 flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-quiet">
          <span>
            asked <Ago at={review.createdAt} />
          </span>
          {approvals.needed > 1 ? (
            <Badge tone={approvals.given > 0 ? 'info' : 'plain'}>
              {approvals.given} of {approvals.needed} approvals
            </Badge>
          ) : null}
          {review.brokeGlass === null ? null : <Badge tone="bad">broke the glass</Badge>}
          <SessionLink review={review} />
        </p>
      </div>
      <div className="grid shrink-0 justify-items-end gap-0.5 py-1 text-xs">
        <Verdict name={shownState(review)} />
        {state === 'pending' ? <Countdown row={review} /> : null}
      </div>
    </header>
  );
}

/** To the session that it waits in, or was run in. */
function SessionLink({ review: { command, state } }: { readonly review: Review }): ReactNode {
  const mayRead = useMay('sessions.read') === 'all';
  const link = useRef<HTMLAnchorElement>(null);
  useKeys({ o: () => link.current?.click() });
  if (command === null || !mayRead) return null;
  const isLive = state === 'pending';
  return (
    <Link
      ref={link}
      to="/sessions/$id"
      params={{ id: command.session }}
      search={{ command: command.ordinal }}
      className="inline-flex items-center gap-1 text-accent hover:underline"
    >
      {isLive ? <Radio className="size-3.5" /> : <SquareTerminal className="size-3.5" />}
      {isLive ? 'Watch its session' : 'Replay its session'}
    </Link>
  );
}
