/**
 * What a suite reports and how two reports are compared.
 *
 * Invariant: a test that ran on one route only is a difference, never nothing.
 */
import type { RouteName } from './stage.ts';

export type Status = 'passed' | 'failed' | 'skipped';

export interface Outcome {
  readonly status: Status;
  /** What must be equal on both routes, where the suite compares more than passing: output, rows, counts. */
  readonly output?: string;
  /** For whoever reads a difference: the end of the failure's text. Not compared. */
  readonly detail?: string;
}

export type Report = ReadonlyMap<string, Outcome>;

export interface Difference {
  readonly test: string;
  readonly direct: Outcome | null;
  readonly gateway: Outcome | null;
  /** Why it is right that they differ; null is a fault. */
  readonly explanation: string | null;
}

export interface Comparison {
  readonly suite: string;
  readonly tests: number;
  readonly passed: Readonly<Record<RouteName, number>>;
  readonly failed: Readonly<Record<RouteName, number>>;
  readonly skipped: number;
  readonly seconds: Readonly<Record<RouteName, number>>;
  readonly differences: readonly Difference[];
}

export function compare(direct: Report, gateway: Report, explain: (test: string) => string | null): Difference[] {
  const names = new Set([...direct.keys(), ...gateway.keys()]);
  return [...names].flatMap((test) => {
    const one = direct.get(test) ?? null;
    const other = gateway.get(test) ?? null;
    if (one?.status === other?.status && one?.output === other?.output) return [];
    return [{ test, direct: one, gateway: other, explanation: explain(test) }];
  });
}

export function count(report: Report, status: Status): number {
  return [...report.values()].filter((outcome) => outcome.status === status).length;
}

/** The table of the README, one line for each suite. */
export function table(comparisons: readonly Comparison[]): string {
  const head = [
    'suite',
    'tests',
    'passed direct',
    'passed gateway',
    'skipped',
    'differences',
    'explained',
    's direct',
    's gateway',
  ];
  const rows = comparisons.map(({ suite, tests, passed, skipped, differences, seconds }) => [
    suite,
    tests,
    passed.direct,
    passed.gateway,
    skipped,
    differences.length,
    differences.filter(({ explanation }) => explanation !== null).length,
    seconds.direct.toFixed(0),
    seconds.gateway.toFixed(0),
  ]);
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** What went apart, for people: both sides of the first line that differs. */
export function describe({ test, direct, gateway, explanation }: Difference): string {
  const lines = [
    `  ${explanation === null ? '✘' : '○'} ${test}: ${direct?.status ?? 'absent'} direct, ${gateway?.status ?? 'absent'} through the gateway`,
  ];
  if (explanation !== null) return `${lines[0]}\n      explained: ${explanation}`;
  if (direct?.output !== gateway?.output) {
    const one = (direct?.output ?? '').split('\n');
    const other = (gateway?.output ?? '').split('\n');
    const at = one.findIndex((text, index) => text !== other[index]);
    const line = at < 0 ? one.length : at;
    lines.push(`      line ${line + 1} direct:  ${JSON.stringify(one[line] ?? null)}`);
    lines.push(`      line ${line + 1} gateway: ${JSON.stringify(other[line] ?? null)}`);
  }
  for (const [side, outcome] of [
    ['direct', direct],
    ['gateway', gateway],
  ] as const) {
    if (outcome?.detail === undefined || outcome.status !== 'failed') continue;
    lines.push(`      ${side}: ${outcome.detail.split('\n').slice(-6).join('\n        ')}`);
  }
  return lines.join('\n');
}
