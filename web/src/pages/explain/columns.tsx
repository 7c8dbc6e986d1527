/** Each column of the result: what it can carry, by lineage, and the mask that changes it. */
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useMay } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Rule } from './step.tsx';

export function Columns({ of }: { readonly of: AnswerOf<'explainCommand'>['columns'] }): ReactNode {
  const linked = useMay('objects.read') !== null;
  return (
    <div className="overflow-x-auto rounded-md border">
      <table className="w-full text-left">
        <thead className="text-2xs text-faint">
          <tr>
            {['Column', 'Carries', 'Mask'].map((title) => (
              <th key={title} scope="col" className="px-3 py-1.5 font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.map(({ statement, name, origins, unresolved, mask, how }, index) => (
            <tr key={`${statement}.${index}`} className="border-t align-top">
              <th scope="row" className="px-3 py-1.5 font-mono text-xs font-normal">
                <Safe text={name === '' ? '?' : name} oneLine />
              </th>
              <td className="px-3 py-1.5 font-mono text-xs break-all text-quiet">
                <Safe
                  text={
                    [...origins, ...(unresolved === null ? [] : [`anything: ${unresolved}`])].join(', ') ||
                    'nothing of a table'
                  }
                />
              </td>
              <td className="px-3 py-1.5">
                {mask === null ? (
                  <span className="text-faint">none</span>
                ) : (
                  <span className="flex flex-wrap items-center gap-2">
                    <Badge tone="veil">{how ?? 'masked'}</Badge>
                    {mask.split(', ').map((name) => (
                      <Rule key={name} kind="Mask" name={name} linked={linked} />
                    ))}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
