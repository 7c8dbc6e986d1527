/** Who asks and what they did before, which rule asked and whom, and what people said to it. */
import { Link } from '@tanstack/react-router';
import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useMay } from '../../app/me.tsx';
import { exactTime } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Ago, Until, useNow } from '../../ui/time.tsx';
import { Pairs } from './command.tsx';
import { type Review, reviewersWords, ruleHref } from './words.ts';

export function Why({ review }: { readonly review: Review }): ReactNode {
  const { message, reviewers, approvals, escalation, breakGlassGroups, digest, state, follows } = review;
  const facts: (readonly [string, ReactNode])[] = [
    ['Rule', <Rule key="rule" review={review} />],
    ...(message === '' ? [] : [['It says', <Safe key="message" text={message} />] as const]),
    ['Decides', reviewersWords(reviewers)],
    ['Approvals', `${approvals.given} of ${approvals.needed}`],
    ...(escalation === null
      ? []
      : [
          [
            'Escalation',
            <span key="escalation">
              <Escalates at={escalation.at} isPending={state === 'pending'} /> {reviewersWords(escalation.reviewers)}
            </span>,
          ] as const,
        ]),
    ...(breakGlassGroups.length === 0
      ? []
      : [
          [
            'Break-glass',
            `open to whoever asked, as ${reviewersWords({ names: [], groups: breakGlassGroups })}`,
          ] as const,
        ]),
    ...(follows === null
      ? []
      : [
          [
            'After',
            <Link key="follows" to="/reviews/$id" params={{ id: follows }} className="text-accent hover:underline">
              the review of the command that was run
            </Link>,
          ] as const,
        ]),
    [
      'Digest',
      <code
        key="digest"
        title="SHA-256 of what an approval is bound to"
        className="font-mono text-2xs break-all text-quiet"
      >
        {digest}
      </code>,
    ],
  ];
  return (
    <Panel title="Why it waits">
      <Facts of={facts} />
    </Panel>
  );
}

/** When more people are asked, or that they were. */
function Escalates({ at, isPending }: { readonly at: string; readonly isPending: boolean }): ReactNode {
  const isPast = new Date(at).getTime() <= useNow();
  if (isPending && !isPast) {
    return (
      <>
        <Until at={at} /> also
      </>
    );
  }
  return <span title={exactTime(at)}>{isPending ? 'asked by now: also' : 'would also have asked'}</span>;
}

function Rule({ review }: { readonly review: Review }): ReactNode {
  const mayRead = useMay('objects.read') !== null;
  const href = ruleHref(review);
  if (href === null || !mayRead) return <Safe text={review.rule} />;
  const [, , kind, name] = href.split('/');
  return (
    <Link
      to="/objects/$kind/$name"
      params={{ kind: kind!, name: decodeURIComponent(name!) }}
      className="text-accent hover:underline"
    >
      <Safe text={review.rule} />
    </Link>
  );
}

export function Requester({ review }: { readonly review: Review }): ReactNode {
  const { requester, requesterGroups, source, client, reason, brokeGlass, history } = review;
  const facts: (readonly [string, ReactNode])[] = [
    [
      'Who',
      <span key="who">
        <Safe text={requester.name} /> <span className="text-quiet">({requester.kind})</span>
      </span>,
    ],
    ['Groups', requesterGroups.length === 0 ? 'none' : <Groups key="groups" of={requesterGroups} />],
    ...(reason === null ? [] : [['Reason', <Said key="reason" text={reason} />] as const]),
    ...(brokeGlass === null
      ? []
      : [
          [
            'Broke the glass',
            <span key="glass">
              <Said text={brokeGlass.reason} /> <Ago at={brokeGlass.at} />
            </span>,
          ] as const,
        ]),
    ...(source === null ? [] : [['From', <Safe key="source" text={source} />] as const]),
    ...(Object.keys(client).length === 0
      ? []
      : [
          [
            'Client says',
            <span key="client" title="What the client says of itself. It is not trusted.">
              <Pairs of={client} />
            </span>,
          ] as const,
        ]),
  ];
  return (
    <Panel title="Who asks">
      <Facts of={facts} />
      <h3 className="mt-4 mb-1 text-2xs font-medium text-faint">Before</h3>
      <History of={history} />
    </Panel>
  );
}

function Groups({ of }: { readonly of: readonly string[] }): ReactNode {
  return (
    <span className="flex flex-wrap gap-1">
      {of.map((group) => (
        <Badge key={group}>
          <Safe text={group} />
        </Badge>
      ))}
    </span>
  );
}

function Said({ text }: { readonly text: string }): ReactNode {
  return (
    <span className="whitespace-pre-wrap">
      “<Safe text={text} />”
    </span>
  );
}

function History({ of }: { readonly of: Review['history'] }): ReactNode {
  if (of === null) return <p className="text-quiet">It could not be had just now.</p>;
  if (of.length === 0) return <p className="text-quiet">Nothing so far: the first time here.</p>;
  return (
    <ul className="grid gap-1 text-xs">
      {of.map(({ at, resource, about, outcome }, index) => (
        <li key={index} className="grid grid-cols-[5.5rem_minmax(0,1fr)_max-content] items-baseline gap-2">
          <span className="text-quiet">
            <Ago at={at} />
          </span>
          <span className="truncate">
            <Safe text={resource} /> · <Safe oneLine text={about} />
          </span>
          <span className="text-quiet">
            <Safe text={outcome} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function Decisions({ review: { decisions, outcome } }: { readonly review: Review }): ReactNode {
  if (decisions.length === 0 && outcome === null) return null;
  return (
    <Panel title="What was decided">
      <ul className="grid gap-2">
        {decisions.map(({ by, decision, reason, how, at }) => (
          <li key={`${by.id} ${at}`} className="flex items-start gap-2">
            {decision === 'approve' ? (
              <Check className="mt-0.5 size-4 shrink-0 text-good" />
            ) : (
              <X className="mt-0.5 size-4 shrink-0 text-bad" />
            )}
            <span className="min-w-0">
              <strong className="font-medium">
                <Safe text={by.name} />
              </strong>{' '}
              {decision === 'approve' ? 'approved' : 'denied'} {reason === '' ? null : <Said text={reason} />}
              <span className="block text-xs text-quiet">
                <Ago at={at} /> · by {how === 'api' ? 'console or command line' : how}
              </span>
            </span>
          </li>
        ))}
        {outcome === null ? null : (
          <li className="text-quiet">
            <Safe text={outcome} />
          </li>
        )}
      </ul>
    </Panel>
  );
}
