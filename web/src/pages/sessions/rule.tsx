/** The rule that decided, linked to where it stands, as far as it is one that is configured and that one may read. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import type { Hit } from './found.ts';

/** An entry names a rule, and of what kind it is follows from what it decided. */
function kindOf({ type, verdict, judged }: Hit): string | null {
  if (type === 'session' || type === 'refusal' || type === 'grant') return 'Access';
  if (type === 'alert') return 'Detection';
  if (type === 'command' && verdict === 'mask' && (judged === null || judged === 'mask')) return 'Mask';
  if (type === 'command' || type === 'review' || type === 'violation') return 'Guardrail';
  return null;
}

const ruleName = /^[a-z0-9][a-z0-9.-]{0,62}$/;

export function Rule({ hit, name }: { readonly hit: Hit; readonly name: string }): ReactNode {
  const kind = kindOf(hit);
  const may = useMay('objects.read') !== null && kind !== null && ruleName.test(name);
  const asked = useAsk('getObject', { params: { kind: kind as 'Guardrail', name } }, { enabled: may });
  if (!may || asked.data === undefined) return <Safe text={name} oneLine />;
  return (
    <Link to="/objects/$kind/$name" params={{ kind: kind!, name }} className="text-accent hover:underline">
      <Safe text={name} oneLine />
    </Link>
  );
}
