/** The path of a command: the verdict first, then the stations that led to it, with the deciding one marked. */
import { Link } from '@tanstack/react-router';
import { ArrowRight } from 'lucide-react';
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useMay } from '../../app/me.tsx';
import { duration, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { cx, Verdict } from '../../ui/controls.tsx';
import { Panel } from '../../ui/page.tsx';
import { Columns } from './columns.tsx';
import { MeaningOf } from './meaning.tsx';
import { Guardrails, Masks } from './rules.tsx';
import { Holds, Rule, Step, type Turn } from './step.tsx';

export type Explained = AnswerOf<'explainCommand'>;
type AccessAnswer = AnswerOf<'explainAccess'>;

/** What stands out at a glance. */
function Outcome({
  tone,
  children,
}: {
  readonly tone: 'good' | 'bad' | 'warn' | 'veil';
  readonly children: ReactNode;
}): ReactNode {
  const tones = {
    good: 'bg-good-soft border-good/30',
    bad: 'bg-bad-soft border-bad/30',
    warn: 'bg-warn-soft border-warn/30',
    veil: 'bg-veil-soft border-veil/30',
  };
  return (
    <section aria-label="What comes of it" className={cx('grid gap-1 rounded-lg border px-4 py-3', tones[tone])}>
      {children}
    </section>
  );
}

const outcomeTones = { allow: 'good', mask: 'veil', hold: 'warn', block: 'bad', terminate: 'bad' } as const;
const outcomeTexts = {
  allow: 'It runs.',
  mask: 'It runs, and what comes back is masked.',
  hold: 'It waits for a review.',
  block: 'It is blocked, and the session goes on.',
  terminate: 'It is blocked, and the session ends.',
} as const;

function grantOf(rule: string): string | null {
  return /^grant:(.+)$/.exec(rule)?.[1] ?? null;
}

export function AccessOnly({ answer }: { readonly answer: AccessAnswer }): ReactNode {
  const { granted, stepUp, rule, trace, next, principal, resource } = answer;
  return (
    <div className="grid gap-4">
      <Outcome tone={granted ? 'good' : 'bad'}>
        <p className="text-sm font-semibold">
          {granted ? 'A session may be opened.' : 'No session may be opened.'}
          {stepUp ? ' Opening takes a confirmation at that moment.' : ''}
        </p>
        <p className="text-quiet">
          <Safe text={principal} oneLine /> on <Safe text={resource} oneLine />
        </p>
      </Outcome>
      <Panel>
        <ol>
          <AccessStep granted={granted} stepUp={stepUp} rule={rule} access={trace} isLast={next.length === 0} />
          <Next sentences={next} resource={resource} isRefused={!granted} />
        </ol>
      </Panel>
    </div>
  );
}

export function Path({ answer, next }: { readonly answer: Explained; readonly next: readonly string[] }): ReactNode {
  const { verdict, granted, principal, resource } = answer;
  return (
    <div className="grid gap-4">
      <Outcome tone={verdict === null ? 'bad' : outcomeTones[verdict.name]}>
        <Said answer={answer} />
      </Outcome>
      <Panel>
        <ol>
          <Step
            title="Who"
            turn="passed"
            said={
              <>
                <strong className="font-medium">
                  <Safe text={principal} oneLine />
                </strong>{' '}
                on{' '}
                <strong className="font-medium">
                  <Safe text={resource} oneLine />
                </strong>
                {(answer.risk ?? 0) > 0 ? <span className="text-warn">, at a risk of {answer.risk} of 100</span> : null}
              </>
            }
          />
          <AccessStep {...answer} isLast={!granted && next.length === 0} />
          {verdict === null ? null : <Judged answer={answer} verdict={verdict} isLast={next.length === 0} />}
          <Next sentences={next} resource={resource} isRefused={!granted} />
        </ol>
      </Panel>
    </div>
  );
}

function Said({ answer }: { readonly answer: Explained }): ReactNode {
  const { verdict, guardrails, masks } = answer;
  const linked = useMay('objects.read') !== null;
  if (verdict === null) {
    return <p className="text-sm font-semibold">No session may be opened, so nothing runs.</p>;
  }
  const kind = guardrails.some(({ name }) => name === verdict.rule)
    ? 'Guardrail'
    : masks.some(({ name }) => name === verdict.rule)
      ? 'Mask'
      : null;
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-semibold">
        <Verdict name={verdict.name} /> {outcomeTexts[verdict.name]}
      </p>
      <p>
        Decided by{' '}
        {kind === null ? (
          <span className="font-medium">
            {verdict.rule === 'access' ? 'Access alone' : <Safe text={verdict.rule} />}
          </span>
        ) : (
          <>
            the {kind.toLowerCase()} <Rule kind={kind} name={verdict.rule} linked={linked} />
          </>
        )}
        .
      </p>
      {verdict.reason === '' ? null : (
        <p className="text-quiet">
          <Safe text={verdict.reason} />
        </p>
      )}
    </>
  );
}

function AccessStep({
  granted,
  stepUp,
  rule,
  access,
  isLast,
}: Pick<Explained, 'granted' | 'stepUp' | 'rule' | 'access'> & { readonly isLast: boolean }): ReactNode {
  const linked = useMay('objects.read') !== null;
  const grant = grantOf(rule);
  return (
    <Step
      title="Access"
      turn={granted ? 'passed' : 'stopped'}
      isLast={isLast}
      said={
        !granted ? (
          'No Access grants this.'
        ) : (
          <>
            Granted by {grant === null ? <Rule kind="Access" name={rule} linked={linked} /> : <>a grant, {grant}</>}
            {stepUp ? ', with a confirmation when the session opens' : ''}.
          </>
        )
      }
    >
      {access.length === 0 ? undefined : (
        <ul className="grid gap-1.5">
          {access.map(({ access: name, matched, why }) => (
            <li key={name} className="flex gap-2">
              <Holds holds={matched} />
              <span className="min-w-0">
                <Rule kind="Access" name={name} linked={linked} />
                <span className="block text-xs text-quiet">
                  <Safe text={why} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Step>
  );
}

function Judged({
  answer,
  verdict,
  isLast,
}: {
  readonly answer: Explained;
  readonly verdict: NonNullable<Explained['verdict']>;
  readonly isLast: boolean;
}): ReactNode {
  const { guardrails, masks, columns, hold, limits, alerts, meaning } = answer;
  const matched = guardrails.filter((one) => one.matched);
  const applied = masks.filter(({ applies }) => applies);
  const masked = columns.filter(({ mask }) => mask !== null);
  const stops: Readonly<Record<string, Turn>> = { block: 'stopped', terminate: 'stopped', hold: 'waits' };
  return (
    <>
      <Step
        title="Meaning"
        turn={meaning?.complete === true ? 'passed' : 'waits'}
        said={meaning === null ? 'What the command means could not be told, so it counts as the worst.' : null}
      >
        {meaning === null ? undefined : <MeaningOf meaning={meaning} />}
      </Step>
      <Step
        title="Guardrails"
        turn={stops[verdict.name] ?? 'passed'}
        said={
          matched.length === 0
            ? 'No guardrail restricts it.'
            : `${plural(matched.length, 'guardrail')} of ${guardrails.length} ${matched.length === 1 ? 'matches' : 'match'}.`
        }
      >
        <Guardrails of={guardrails} deciding={verdict.rule} />
        {hold === null ? null : <Hold of={hold} />}
        {[...limits, ...alerts.map((one) => ({ ...one, verdict: 'alert' }))].map(({ rule, reason, verdict: name }) => (
          <p key={`${name} ${rule}`} className="mt-2 flex items-baseline gap-2">
            <Verdict name={name} />
            <span>
              <Safe text={`${rule}: ${reason}`} />
            </span>
          </p>
        ))}
        {(answer.detections ?? []).map(({ response, kind, detection, message }) => (
          <p key={response} className="mt-2 text-warn">
            The detection <Safe text={detection} oneLine /> asks for {kind}: <Safe text={message} />
          </p>
        ))}
      </Step>
      <Step
        title="Masks"
        turn={masked.length > 0 || applied.length > 0 ? 'changed' : 'none'}
        isLast={isLast}
        said={
          masked.length > 0
            ? maskedText(masked)
            : applied.length > 0
              ? `${plural(applied.length, 'mask')} watch what comes back.`
              : 'No mask changes what comes back.'
        }
      >
        {columns.length === 0 ? null : <Columns of={columns} />}
        <Masks of={masks} />
      </Step>
    </>
  );
}

/** Some are changed whole; of others only what a detector finds in them. */
function maskedText(masked: Explained['columns']): string {
  const searched = masked.filter(({ how }) => how === 'detect').length;
  const whole = masked.length - searched;
  return [
    whole === 0 ? '' : `${plural(whole, 'column')} masked.`,
    searched === 0 ? '' : `${plural(searched, 'column')} looked through, and what is found there masked.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function Hold({ of }: { readonly of: NonNullable<Explained['hold']> }): ReactNode {
  const { reviewers, stepUp, approvals, withinSeconds } = of;
  const who = [...reviewers.names, ...reviewers.groups.map((group) => `members of ${group}`)].join(', ');
  return (
    <p className="mt-2 rounded-md bg-warn-soft px-3 py-2 text-warn">
      {stepUp ? 'Whoever runs it confirms it first. ' : ''}
      {who === '' ? null : (
        <>
          {plural(approvals, 'approval')} needed, of <Safe text={who} oneLine />, within{' '}
          {duration(withinSeconds * 1000)}.
        </>
      )}
    </p>
  );
}

function Next({
  sentences,
  resource,
  isRefused,
}: {
  readonly sentences: readonly string[];
  readonly resource: string;
  readonly isRefused: boolean;
}): ReactNode {
  if (sentences.length === 0) return null;
  return (
    <Step title="What to do next" turn="none" isLast said={null}>
      <ul className="grid gap-1.5">
        {sentences.map((sentence) => (
          <li key={sentence} className="flex gap-2">
            <ArrowRight aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-accent" />
            <Safe text={sentence} />
          </li>
        ))}
      </ul>
      {isRefused ? (
        <Link to="/requests" search={{ resource }} className="mt-2 inline-block text-accent underline">
          Ask for access
        </Link>
      ) : null}
    </Step>
  );
}
