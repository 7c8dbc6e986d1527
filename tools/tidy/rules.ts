/** All rules, in the order in which they run, and the exemptions applied to what they find. */
import { checkErrors } from './errors.ts';
import { checkLeaks } from './leaks.ts';
import { checkLicences } from './licences.ts';
import type { Problem, Project } from './project.ts';
import { checkRooms } from './rooms.ts';
import { checkStyle } from './style.ts';
import { exemptions } from './tables.ts';
import { checkWalls } from './walls.ts';

export const rules: readonly (readonly [name: string, check: (project: Project) => Problem[]])[] = [
  ['walls', checkWalls],
  ['rooms', checkRooms],
  ['style', checkStyle],
  ['errors', checkErrors],
  ['leaks', checkLeaks],
  ['licences', checkLicences],
];

export function checkAll(project: Project, exempt: typeof exemptions = exemptions): Problem[] {
  const found = rules.flatMap(([, check]) => check(project));
  const used = new Set<number>();
  const kept = found.filter((problem) => {
    const index = exempt.findIndex(([rule, file]) => rule === problem.rule && file === problem.file);
    if (index >= 0) used.add(index);
    return index < 0;
  });
  exempt.forEach(([rule, file], index) => {
    if (used.has(index)) return;
    kept.push({
      file: 'tools/tidy/tables.ts',
      line: 1,
      rule: 'exemption',
      what: `the exemption of ${file} from ${rule} matches nothing`,
      why: 'remove it: exemptions that outlive their reason hide the next finding',
    });
  });
  return kept.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}
