/** What the rules did to one command: verdict with its rule, masks, who was asked and what they said, alerts, limits. */
import { Link } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { duration, plural, timeOfDay } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, Verdict } from '../../ui/controls.tsx';
import { type CommandRules, type Held, objectOf } from './rules.ts';

export function RuleLink({ verdict, rule }: { readonly verdict: string; readonly rule: string }): ReactNode {
  const object = objectOf(verdict, rule);
  const shown = <span className="font-mono text-xs">{safeText(rule)}</span>;
  if (object === null) return shown;
  return (
    <Link
      to="/objects/$kind/$name"
      params={object}
      className="text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent"
    >
      {shown}
    </Link>
  );
}

function Line({ badge, children }: { readonly badge: ReactNode; readonly children: ReactNode }): ReactNode {
  return (
    <div className="flex items-start gap-2">
      <span className="flex w-20 shrink-0">{badge}</span>
      <div className="min-w-0 flex-1 break-words">{children}</div>
    </div>
  );
}

export function hasVerdicts({ verdicts, masked, held, alerts, limited }: CommandRules): boolean {
  return verdicts.length + held.length + alerts.length + limited.length > 0 || masked !== null;
}

export function Verdicts({ rules }: { readonly rules: CommandRules }): ReactNode {
  const { verdicts, masked, held, alerts, limited } = rules;
  if (!hasVerdicts(rules)) return null;
  const told = new Set(verdicts.filter(({ verdict }) => verdict.name === 'mask').map(({ verdict }) => verdict.rule));
  const others = Object.entries(masked ?? {}).filter(([rule]) => !told.has(rule));
  return (
    <div className="grid gap-1.5 border-t px-4 py-2.5">
      {verdicts.map(({ at, verdict }) => (
        <Line key={`${at}-${verdict.rule}`} badge={<Verdict name={verdict.name} />}>
          <RuleLink verdict={verdict.name} rule={verdict.rule} />
          {verdict.name === 'mask' && masked?.[verdict.rule] !== undefined ? (
            <span className="ml-2 font-medium text-veil">{plural(masked[verdict.rule]!, 'value')} masked</span>
          ) : null}
          {verdict.reason === '' ? null : (
            <span className="ml-2 text-quiet">
              <Safe text={verdict.reason} oneLine />
            </span>
          )}
        </Line>
      ))}
      {others.length === 0 ? null : (
        <Line badge={<Badge tone="veil">masked</Badge>}>
          {others.map(([rule, count], index) => (
            <span key={rule}>
              {index === 0 ? '' : ', '}
              {plural(count, 'value')} by <RuleLink verdict="mask" rule={rule} />
            </span>
          ))}
        </Line>
      )}
      {held.map((one) => (
        <HeldLine key={one.asked.review} held={one} />
      ))}
      {limited.map(({ at, rule, verdict }) => (
        <Line key={at} badge={<Badge tone="bad">limited</Badge>}>
          <RuleLink verdict={verdict} rule={rule} />
          <span className="ml-2 text-quiet">What followed was not delivered.</span>
        </Line>
      ))}
      {alerts.map(({ at, rule, reason }) => (
        <Line key={`${at}-${rule}`} badge={<Badge tone="info">alert</Badge>}>
          <RuleLink verdict="alert" rule={rule} />
          <span className="ml-2 text-quiet">
            <Safe text={reason} oneLine />
          </span>
        </Line>
      ))}
    </div>
  );
}

const outcomes: Readonly<Record<string, string>> = {
  executed: 'it was run',
  denied: 'it was not run',
  expired: 'nobody decided in time',
  withdrawn: 'it was withdrawn',
  refused: 'it was refused after all',
};

/** Who was asked, for how long it waited, and who decided what. */
export function HeldLine({ held: { asked, decisions, ended } }: { readonly held: Held }): ReactNode {
  const over = decisions.findLast(({ state }) => state !== 'pending') ?? ended;
  const waitedMs = over === null || over === undefined ? null : Date.parse(over.at) - Date.parse(asked.at);
  return (
    <Line badge={<Badge tone="warn">held</Badge>}>
      <span className="text-quiet">
        {waitedMs === null ? `Waits since ${timeOfDay(asked.at)}` : `Waited ${duration(waitedMs)}`}
        {' for '}
        {asked.approvals === 1 ? 'an approval' : `${asked.approvals} approvals`} ·{' '}
        <Link
          to="/reviews/$id"
          params={{ id: asked.review }}
          className="inline-flex items-center text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent"
        >
          the review
          <ChevronRight className="size-3" aria-hidden="true" />
        </Link>
      </span>
      {decisions.map(({ at, by, decision, how, reason }) => (
        <div key={at} className="mt-0.5">
          <span className={decision === 'approve' ? 'font-medium text-good' : 'font-medium text-bad'}>
            {how.startsWith('break-glass') ? 'Glass broken' : decision === 'approve' ? 'Approved' : 'Denied'}
          </span>{' '}
          by <span className="font-medium">{safeText(by)}</span> <span className="text-quiet">({safeText(how)})</span>
          {reason === '' ? null : (
            <span className="text-quiet">
              : <Safe text={reason} oneLine />
            </span>
          )}
        </div>
      ))}
      {ended === null ? null : (
        <div className="mt-0.5 text-quiet">
          {outcomes[ended.outcome] === undefined ? safeText(ended.outcome) : `In the end ${outcomes[ended.outcome]}.`}
          {ended.reason === null || ended.reason === '' ? null : (
            <>
              {' '}
              <Safe text={ended.reason} oneLine />
            </>
          )}
        </div>
      )}
    </Line>
  );
}
