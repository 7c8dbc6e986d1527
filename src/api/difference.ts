/**
 * The difference between two manifests, field by field, as people and the journal read it.
 *
 * Secrets never come here: manifests were stripped before, and what was sealed or hashed is added as `(secret)`.
 */
import { createHash } from 'node:crypto';
import { escapeLine } from '../base/escape.ts';
import type { FieldChange, Manifest } from './contract/index.ts';
import { changeTextLengthMax } from './limits.ts';

/** Stands for any value that is not shown. */
export const secretText = '(secret)';

/** The changed fields, in the order of their paths. Null stands for an object that does not exist. */
export function differenceOf(before: Manifest | null, after: Manifest | null): FieldChange[] {
  const was = flatten(before);
  const is = flatten(after);
  const changes: FieldChange[] = [];
  for (const path of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    const old = was.get(path) ?? null;
    const now = is.get(path) ?? null;
    if (old !== now)
      changes.push({ path, before: old === null ? null : shown(old), after: now === null ? null : shown(now) });
  }
  return changes;
}

/** `spec.address: db:5432 → db:5433`, as `configuration.changed` carries it. */
export function describeChange(change: FieldChange): string {
  return `${change.path}: ${change.before ?? '(none)'} → ${change.after ?? '(none)'}`;
}

/** Leaves by path. Lists are one leaf: what matters is who is in it. */
function flatten(manifest: Manifest | null): Map<string, string> {
  const leaves = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    } else if (value !== undefined) {
      leaves.set(path, Array.isArray(value) ? `[${value.map(spell).join(', ')}]` : String(value));
    }
  };
  if (manifest !== null) {
    visit(manifest.metadata.labels ?? {}, 'metadata.labels');
    visit(manifest.spec, 'spec');
  }
  return leaves;
}

/** An entry of a list: a name as it is, an example or a pattern as what it holds. */
function spell(entry: unknown): string {
  return typeof entry === 'object' && entry !== null ? JSON.stringify(entry) : String(entry);
}

function shown(text: string): string {
  const line = escapeLine(text);
  if (line.length <= changeTextLengthMax) return line;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${line.slice(0, changeTextLengthMax)}… (sha256 ${digest})`;
}
