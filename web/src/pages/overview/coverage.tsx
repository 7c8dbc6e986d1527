/** Where nothing watches, masks or is recorded for certain, and rules that had nothing to do. */
import { Link } from '@tanstack/react-router';
import { CircleAlert, CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import { plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import type { Overview } from './asking.ts';

interface Gap {
  readonly title: string;
  readonly good: string;
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
  /** Worth a look, and not by itself a fault. */
  readonly isMild?: boolean;
}

const shownMost = 8;

export function Coverage({ of }: { readonly of: Overview['coverage'] }): ReactNode {
  const resources = (names: readonly string[]) => names.map((name) => ({ kind: 'Resource', name }));
  const gaps: readonly Gap[] = [
    {
      title: 'without a guardrail',
      good: 'Every resource has a guardrail.',
      objects: resources(of.unguarded),
    },
    { title: 'without a mask', good: 'Every resource has a mask.', objects: resources(of.unmasked), isMild: true },
    {
      title: 'recorded at best effort',
      good: 'Nothing runs unrecorded: every resource is recorded strictly.',
      objects: resources(of.bestEffort),
    },
    { title: 'quiet in this time', good: 'Every rule had something to do.', objects: of.quiet, isMild: true },
  ];
  return (
    <ul className="divide-y">
      {gaps.map((gap, index) => (
        <li key={gap.title} className="flex gap-3 px-4 py-2.5">
          <GapOf gap={gap} what={index === 3 ? 'rule' : 'resource'} />
        </li>
      ))}
    </ul>
  );
}

function GapOf({ gap, what }: { readonly gap: Gap; readonly what: string }): ReactNode {
  if (gap.objects.length === 0) {
    return (
      <>
        <CircleCheck aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-good" />
        <span>{gap.good}</span>
      </>
    );
  }
  return (
    <>
      <CircleAlert
        aria-hidden="true"
        className={`mt-0.5 size-4 shrink-0 ${gap.isMild === true ? 'text-faint' : 'text-warn'}`}
      />
      <div className="min-w-0">
        <p>
          {plural(gap.objects.length, what)} {gap.title}
        </p>
        <p className="mt-0.5 flex flex-wrap gap-x-2 text-xs text-quiet">
          {gap.objects.slice(0, shownMost).map(({ kind, name }) => (
            <Link
              key={`${kind}/${name}`}
              to="/objects/$kind/$name"
              params={{ kind, name }}
              title={kind}
              className="hover:underline"
            >
              <Safe text={name} oneLine />
            </Link>
          ))}
          {gap.objects.length > shownMost ? <span>and {gap.objects.length - shownMost} more</span> : null}
        </p>
      </div>
    </>
  );
}
