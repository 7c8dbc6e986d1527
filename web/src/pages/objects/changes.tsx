/** What a change changes, field by field. */
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { Safe } from '../../format/safe.tsx';

type Change = AnswerOf<'apply'>['results'][number]['changes'][number];

export function ChangeTable({ of }: { readonly of: readonly Change[] }): ReactNode {
  if (of.length === 0) return <p className="text-quiet">Nothing changes.</p>;
  return (
    <div className="overflow-x-auto rounded-md border">
      <table className="w-full text-left">
        <caption className="sr-only">What changes</caption>
        <thead>
          <tr className="border-b bg-ground text-2xs text-faint">
            <th className="px-3 py-1.5 font-medium">Field</th>
            <th className="px-3 py-1.5 font-medium">Now</th>
            <th className="px-3 py-1.5 font-medium">After</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ path, before, after }) => (
            <tr key={path} className="border-b align-top last:border-0">
              <th scope="row" className="px-3 py-1.5 font-mono text-xs font-normal text-quiet">
                <Safe text={path} oneLine />
              </th>
              <td className="max-w-64 px-3 py-1.5 break-words">{side(before, 'bg-bad-soft text-bad')}</td>
              <td className="max-w-64 px-3 py-1.5 break-words">{side(after, 'bg-good-soft text-good')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function side(text: string | null, look: string): ReactNode {
  if (text === null) return <span className="text-faint">–</span>;
  return (
    <span className={`rounded px-1 font-mono text-xs ${look}`}>
      <Safe text={text} oneLine />
    </span>
  );
}
