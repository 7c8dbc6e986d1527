/**
 * What an apply changed or would change, field by field, as people read it.
 *
 * Invariant: values come from manifests, which other people write: all of it is escaped, on one line each (I13).
 */
import type { ObjectResult } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { Palette } from './colour.ts';
import { cutToWidth, displayWidth, padTo } from './width.ts';

/** Widest value shown; a certificate bundle is recognised by its beginning. */
const valueColumnsMax = 60;
/** Widest column of paths; longer ones push their value to the right. */
const pathColumnsMax = 44;

/** The lines of one object. Unchanged objects are one faint line. */
export function diffLines(result: ObjectResult, palette: Palette): string[] {
  const title = escapeLine(`${result.kind}/${result.name}`);
  const lines = [titleLine(result.action, title, palette)];
  const paths = result.changes.map((change) => escapeLine(change.path));
  const width = Math.min(
    pathColumnsMax,
    paths.reduce((widest, path) => Math.max(widest, displayWidth(path)), 0),
  );
  for (const [index, { before, after }] of result.changes.entries()) {
    const path = padTo(paths[index]!, width);
    if (before === null) lines.push(palette.good(`    + ${path}  ${shown(after)}`));
    else if (after === null) lines.push(palette.bad(`    - ${path}  ${shown(before)}`));
    else
      lines.push(`    ${palette.warning('~')} ${path}  ${palette.bad(shown(before))} → ${palette.good(shown(after))}`);
  }
  for (const warning of result.warnings) lines.push(`    ${palette.warning('!')} ${escapeLine(warning)}`);
  return lines;
}

function titleLine(action: ObjectResult['action'], title: string, palette: Palette): string {
  switch (action) {
    case 'created':
      return `${palette.good('+')} ${palette.strong(title)} ${palette.faint('created')}`;
    case 'updated':
      return `${palette.warning('~')} ${palette.strong(title)} ${palette.faint('updated')}`;
    case 'deleted':
      return `${palette.bad('-')} ${palette.strong(title)} ${palette.faint('deleted')}`;
    case 'unchanged':
      return palette.faint(`= ${title} unchanged`);
  }
}

/** `1 created, 2 updated, 5 unchanged`. */
export function summaryOf(results: readonly ObjectResult[]): string {
  const actions = ['created', 'updated', 'deleted', 'unchanged'] as const;
  const counts = actions.map(
    (action) => [results.filter((result) => result.action === action).length, action] as const,
  );
  return counts
    .filter(([amount]) => amount > 0)
    .map(([amount, action]) => `${amount} ${action}`)
    .join(', ');
}

function shown(value: string | null): string {
  return cutToWidth(escapeLine(value ?? ''), valueColumnsMax);
}
