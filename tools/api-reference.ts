/**
 * Writes docs/reference/openapi.json and docs/reference/manifests.schema.json from the contract. With `--check` it writes
 * nothing and fails where they are out of date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestJsonSchema, manifestSchemas, openApiDocument } from '../src/api/contract/index.ts';
import { version } from '../src/gateway/version.ts';
import { createProtocols } from '../src/protocols/registry.ts';

/** The reference documents by file name. */
export function referenceDocuments(): ReadonlyMap<string, string> {
  const schemas = manifestSchemas([...createProtocols().values()]);
  const text = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;
  return new Map([
    ['openapi.json', text(openApiDocument({ version }))],
    ['manifests.schema.json', text(manifestJsonSchema(schemas))],
  ]);
}

if (import.meta.main) {
  const directory = join(import.meta.dirname, '../docs/reference');
  for (const [name, wanted] of referenceDocuments()) {
    const path = join(directory, name);
    const found = await readFile(path, 'utf8').catch(() => '');
    if (found === wanted) continue;
    if (process.argv.includes('--check')) {
      process.stderr.write(`docs/reference/${name} is out of date — run: node tools/api-reference.ts\n`);
      process.exitCode = 1;
    } else {
      await writeFile(path, wanted);
      process.stdout.write(`wrote docs/reference/${name}\n`);
    }
  }
}
