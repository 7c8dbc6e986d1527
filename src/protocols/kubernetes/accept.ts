/**
 * Which form of an answer is asked for, where somebody here has to look into it: JSON, in place of protobuf and CBOR.
 *
 * Invariants: tables, partial metadata and aggregated discovery stay what they are, for they have a JSON form; a client that
 * asked for nothing but other forms gets JSON all the same, which every one of them can read.
 *
 * Source: Kubernetes documentation, "Kubernetes API concepts", section "Alternate representations of resources".
 */
import { type Field, knownCodings, valuesOf } from '../http/index.ts';

/** Request fields by which no part of an answer comes in a form or a coding that a mask cannot follow. */
export function readableFields(fields: readonly Field[], masked: boolean): Field[] {
  const codings: Field = ['Accept-Encoding', knownCodings(valuesOf(fields, 'accept-encoding'))];
  if (!masked) return [...fields.filter(([name]) => name.toLowerCase() !== 'accept-encoding'), codings];
  const changed = new Set(['accept', 'accept-encoding', 'range', 'if-range']);
  const kept = fields.filter(([name]) => !changed.has(name.toLowerCase()));
  return [...kept, ['Accept', readable(valuesOf(fields, 'accept'))], codings];
}

function readable(accepted: readonly string[]): string {
  const forms = accepted
    .join(',')
    .split(',')
    .map((form) => form.trim())
    .filter((form) => form !== '');
  const kept = forms.filter((form) => /^(?:application\/json|text\/)/i.test(form));
  // Logs are text, whatever is asked for; what has a JSON form comes in it.
  const open = forms.length === 0 || forms.some((form) => form.startsWith('*/*') || form.startsWith('application/*'));
  const last = [...(kept.some((form) => /^application\/json\s*(?:;q=|$)/i.test(form)) ? [] : ['application/json'])];
  return [...kept, ...last, ...(open ? ['*/*;q=0.1'] : [])].join(',');
}
