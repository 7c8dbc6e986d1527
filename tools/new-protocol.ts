/**
 * Begins a protocol: `node tools/new-protocol.ts NAME` copies `_template/`, renames it, and adds it to the registry.
 *
 * Refuses a name that is taken or that is no identifier; changes nothing then.
 */
import { access, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const marker = '  // new-protocol adds here';

/** Copies the template below `root/src/protocols`; returns the files made. */
export async function newProtocol(root: string, name: string): Promise<string[]> {
  if (!/^[a-z][a-z0-9]{1,30}$/.test(name) || ['contract', 'template'].includes(name)) {
    throw new Error(`"${name}" is no name for a protocol: lower-case letters and digits, beginning with a letter.`);
  }
  const protocols = join(root, 'src/protocols');
  const folder = join(protocols, name);
  const taken = await access(folder).then(
    () => true,
    () => false,
  );
  if (taken) throw new Error(`src/protocols/${name} exists already.`);
  const registryPath = join(protocols, 'registry.ts');
  const registry = register(await readFile(registryPath, 'utf8'), name);
  await cp(join(protocols, '_template'), folder, { recursive: true });
  try {
    const files = await rename(folder, name);
    await writeFile(registryPath, registry);
    return [...files.map((file) => `src/protocols/${name}/${file}`), 'src/protocols/registry.ts'];
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function register(registry: string, name: string): string {
  const create = `create${capital(name)}`;
  if (!registry.includes(marker)) throw new Error(`src/protocols/registry.ts has lost its line "${marker.trim()}".`);
  const imports = registry.lastIndexOf('\nimport ');
  const end = registry.indexOf('\n', imports + 1);
  const line = `\nimport { ${create} } from './${name}/index.ts';`;
  return `${registry.slice(0, end)}${line}${registry.slice(end)}`.replace(marker, `  ${create},\n${marker}`);
}

async function rename(folder: string, name: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const made: string[] = [];
  for (const file of files) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const text = await readFile(path, 'utf8');
    const renamed = text
      .replaceAll('protocols/_template', `protocols/${name}`)
      .replaceAll('Template', capital(name))
      .replaceAll('template', name);
    await writeFile(path, renamed);
    made.push(path.slice(folder.length + 1));
  }
  return made.sort();
}

function capital(name: string): string {
  return `${name[0]!.toUpperCase()}${name.slice(1)}`;
}

if (import.meta.main) {
  try {
    const root = dirname(dirname(fileURLToPath(import.meta.url)));
    const name = process.argv[2] ?? '';
    for (const file of await newProtocol(root, name)) console.log(file);
    console.log(`\nNext: read src/protocols/${name}/README.md, then make contract.test.ts speak to a real server.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
