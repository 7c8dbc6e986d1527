/** Guardrails and masks of an explanation: the one that decides, those that match, those that came close, the rest folded away. */
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useMay } from '../../app/me.tsx';
import { plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, cx, Verdict } from '../../ui/controls.tsx';
import { Holds, Rule } from './step.tsx';

type Explained = AnswerOf<'explainCommand'>;
type Condition = Explained['guardrails'][number]['conditions'][number];

interface Tried {
  readonly kind: 'Guardrail' | 'Mask';
  readonly name: string;
  readonly holds: boolean;
  readonly verdict: string;
  readonly conditions: readonly Condition[];
}

/** It speaks of this resource and this kind of command, and of others only where it does not. */
function concerns({ conditions }: Tried): boolean {
  return !conditions.some(({ condition, holds }) => !holds && /^match\.(resources|principals)/.test(condition));
}

export function Guardrails({
  of,
  deciding,
}: {
  readonly of: Explained['guardrails'];
  readonly deciding: string;
}): ReactNode {
  const tried = of.map(
    ({ name, matched, verdict, conditions }): Tried => ({
      kind: 'Guardrail',
      name,
      holds: matched,
      verdict,
      conditions,
    }),
  );
  return <Tries of={tried} deciding={deciding} what="guardrail" />;
}

export function Masks({ of }: { readonly of: Explained['masks'] }): ReactNode {
  const tried = of.map(
    ({ name, applies, conditions }): Tried => ({ kind: 'Mask', name, holds: applies, verdict: 'mask', conditions }),
  );
  return <Tries of={tried} deciding="" what="mask" />;
}

function Tries({
  of,
  deciding,
  what,
}: {
  readonly of: readonly Tried[];
  readonly deciding: string;
  readonly what: string;
}): ReactNode {
  const first = (one: Tried): number => (one.name === deciding ? 0 : one.holds ? 1 : 2);
  const near = of.filter((one) => one.holds || concerns(one)).toSorted((a, b) => first(a) - first(b));
  const others = of.filter((one) => !near.includes(one));
  return (
    <div className="mt-2 grid gap-2">
      {near.map((one) => (
        <Try key={one.name} of={one} isDeciding={one.name === deciding} />
      ))}
      {others.length === 0 ? null : (
        <details className="group">
          <summary className="cursor-pointer text-xs text-quiet hover:text-ink">
            {plural(others.length, what)} for others or elsewhere
          </summary>
          <div className="mt-2 grid gap-2">
            {others.map((one) => (
              <Try key={one.name} of={one} isDeciding={false} />
            ))}
          </div>
        </details>
      )}
    </div>
  );
}

function Try({ of, isDeciding }: { readonly of: Tried; readonly isDeciding: boolean }): ReactNode {
  const { kind, name, holds, verdict, conditions } = of;
  const linked = useMay('objects.read') !== null;
  return (
    <details
      open={isDeciding}
      className={cx('rounded-md border', isDeciding && 'border-accent', !holds && 'text-quiet')}
    >
      <summary className="flex min-h-9 cursor-pointer items-center gap-2 px-3 py-1.5 hover:bg-hover">
        <Holds holds={holds} />
        <span className="min-w-0 truncate font-medium">
          <Safe text={name} oneLine />
        </span>
        <span className="ml-auto flex items-center gap-2">
          {isDeciding ? <Badge tone="accent">decides</Badge> : null}
          <Verdict name={verdict} />
        </span>
      </summary>
      {conditions.length === 0 ? (
        <p className="border-t px-3 py-2">It has no condition: it holds always.</p>
      ) : (
        <ul className="grid gap-1.5 border-t px-3 py-2">
          {conditions.map(({ condition, holds: does, because }) => (
            <li key={condition} className="flex gap-2">
              <Holds holds={does} />
              <span className="min-w-0">
                <code className="font-mono text-xs">
                  <Safe text={condition} oneLine />
                </code>
                <span className="block text-xs break-words text-quiet">
                  <Safe text={because} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {linked ? (
        <p className="border-t px-3 py-1.5 text-xs">
          Open <Rule kind={kind} name={name} linked />
        </p>
      ) : null}
    </details>
  );
}
