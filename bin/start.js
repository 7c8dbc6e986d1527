/**
 * Joins the command line with the composition root and the real world, and ends the process with the exit code.
 *
 * The gateway's part is loaded only when a command asks for it, so that every other command starts fast.
 */
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

export async function start() {
  const isBuilt = existsSync(new URL('dist/src/cli/index.js', root));
  const load = (room) => import(new URL(isBuilt ? `dist/src/${room}.js` : `src/${room}.ts`, root).href);
  const { runCli, systemIo } = await load('cli/index');
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const host = { version, services: async () => (await load('gateway/services')).cliServices };
  process.exit(await runCli(process.argv.slice(2), systemIo(), host));
}
