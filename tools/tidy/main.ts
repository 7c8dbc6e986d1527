/**
 * Checks what neither the type checker nor the linter sees: the walls between rooms and the house rules.
 *
 * `node tools/tidy/main.ts [root]` prints one line per problem and ends with 1 when there is any.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { licenceCounts } from './licences.ts';
import { readProject } from './project.ts';
import { checkAll, rules } from './rules.ts';

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('../../', import.meta.url)));
const project = readProject(root);
const problems = checkAll(project);
for (const { file, line, what, why } of problems) console.log(`${file}:${line} ${what} — ${why}`);
const licences = [...licenceCounts(project)].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
console.log(
  `tidy: ${project.sources.length} sources, ${project.texts.length} files, ${rules.length} groups of rules, ` +
    `licences ${licences.join(', ') || 'none'}: ${problems.length === 0 ? 'all well' : `${problems.length} problems`}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
