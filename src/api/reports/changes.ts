/** Every change of the configuration: who, when, what before and what after. */
import type { SearchHit } from '../../core/search.ts';
import type { ApiPorts } from '../ports.ts';
import { Evidence, type ReportBody, type ReportCell, when } from './document.ts';
import { all, anyOf, cutNote, hitsOf, type Span } from './look-up.ts';
import { whoOf } from './privileged.ts';

/** Kinds by which people are let in, restricted, watched or recorded: everything else is told as well, below. */
const ruleKinds = ['Access', 'Guardrail', 'Mask', 'Detection', 'Sink', 'Retention', 'LegalHold', 'Lock'];

export async function changesReport(
  ports: Pick<ApiPorts, 'search'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReportBody> {
  const where = all(anyOf('type', 'change'), anyOf('verb', 'created', 'updated', 'deleted'));
  const { found, isCut } = await hitsOf(ports, where, span, signal);
  const evidence = new Evidence();
  const changes = found.flatMap((hit) => {
    const read = readChange(hit);
    if (read !== null) evidence.add(hit);
    return read ?? [];
  });
  const ofRules = changes.filter(({ kind }) => ruleKinds.includes(kind));
  const columns = [
    { key: 'at', title: 'When (UTC)', look: 'time' },
    { key: 'who', title: 'Who' },
    { key: 'kind', title: 'Kind' },
    { key: 'name', title: 'Name' },
    { key: 'action', title: 'Action' },
    { key: 'field', title: 'Field', look: 'code' },
    { key: 'before', title: 'Before', look: 'code' },
    { key: 'after', title: 'After', look: 'code' },
    { key: 'evidence', title: 'Sequence', look: 'id' },
  ] as const;
  return {
    title: 'Changes of rules and configuration',
    question:
      'Who changed what is allowed, restricted, masked, detected and kept; what stood there before, and what after?',
    figures: [
      { label: 'Changes', value: changes.length },
      { label: 'Of rules', value: ofRules.length },
      { label: 'Deleted', value: changes.filter(({ action }) => action === 'deleted').length },
      { label: 'By how many', value: new Set(changes.map(({ who }) => who)).size },
    ],
    tables: [
      {
        key: 'rules',
        title: 'Rules',
        note: `Access, Guardrails, Masks, Detections, Sinks, Retention, LegalHolds and Locks. Secrets show as (secret).`,
        empty: 'No rule was changed in this time.',
        columns,
        rows: ofRules.flatMap(rowsOf),
      },
      {
        key: 'others',
        title: 'Resources, principals and the rest',
        note: 'Whatever else of the configuration was changed.',
        empty: 'Nothing else was changed in this time.',
        columns,
        rows: changes.filter((change) => !ofRules.includes(change)).flatMap(rowsOf),
      },
    ],
    notes: isCut ? [cutNote('changes')] : [],
    evidence,
  };
}

interface Change {
  readonly at: string;
  readonly who: string;
  readonly kind: string;
  readonly name: string;
  readonly action: string;
  readonly fields: readonly (readonly [field: string, before: string, after: string])[];
  readonly id: string;
}

/** The entry's text is `Kind/name action`, then one line for each field: `path: before → after`. */
function readChange(hit: SearchHit): Change | null {
  const [first = '', ...lines] = hit.text.split('\n');
  const head = /^([A-Za-z]+)\/(\S+) (\S+)$/.exec(first);
  if (head === null) return null;
  const fields: (readonly [string, string, string])[] = [];
  for (const line of lines) {
    const parts = /^([^:\s]+): (.*?) → (.*)$/.exec(line);
    const before = fields.at(-1);
    if (parts !== null) fields.push([parts[1]!, parts[2]!, parts[3]!]);
    // A value of several lines goes on.
    else if (before !== undefined) fields[fields.length - 1] = [before[0], before[1], `${before[2]}\n${line}`];
    else fields.push(['', '', line]);
  }
  const [, kind = '', name = '', action = ''] = head;
  return { at: when(hit.atMs), who: whoOf(hit), kind, name, action, fields, id: hit.id };
}

function rowsOf({ at, who, kind, name, action, fields, id }: Change): ReportCell[][] {
  const shown = fields.length === 0 ? [['', '', ''] as const] : fields;
  return shown.map(([field, before, after]) => [at, who, kind, name, action, field, before, after, id]);
}
