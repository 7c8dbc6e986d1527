/** What the corpus asks of a text: the analysis of `language/shell`, and two rules on it. */
import { analyseShell } from '../../src/language/shell/index.ts';
import { type Reduce, type Reduction, reductionOf } from '../../src/language/terminal/index.ts';

export const reduce: Reduce = (text, dialect, level) =>
  reductionOf(analyseShell(text, { dialect, isInteractive: level !== 'command', stdin: 'terminal' }));

/** What the corpus denies: the program `danger`, however it is spelt, as far as the analysis sees it. */
export function runsDanger({ keys }: Reduction): boolean {
  return keys.some((key) => {
    const [kind, argv] = JSON.parse(key) as [string, (string | null)[] | null];
    return kind === 'c' && /(?:^|\/)danger$/.test(argv?.[0] ?? '');
  });
}

/** What the strict posture holds besides: whatever the analysis cannot bound. The programs of the corpus are on no list. */
export function isUnbounded({ flags }: Reduction): boolean {
  return flags.some((flag) => flag !== 'unlisted');
}
