/**
 * Writes what the console's client needs of the table of routes: method, path and kind of answer of each, without the schemas,
 * which would be most of its first load.
 *
 *     node tools/web-routes.ts [--check]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { routes } from '../src/api/contract/routes.ts';

const file = new URL('../web/src/api/routes.generated.ts', import.meta.url);

const lines = Object.entries(routes).map(
  ([name, { method, path, response }]) => `  ${name}: ['${method}', '${path}', '${response.kind}'],`,
);
const text = `/** Made by tools/web-routes.ts from the table of routes: method, path, kind of answer. */
export const routes = {
${lines.join('\n')}
} as const;
`;

if (!process.argv.includes('--check')) {
  await writeFile(file, text);
} else if ((await readFile(file, 'utf8')) !== text) {
  console.error('web/src/api/routes.generated.ts is not what the table of routes says: node tools/web-routes.ts');
  process.exit(1);
}
