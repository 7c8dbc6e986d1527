/**
 * Compiles the WebAssembly of masking from its source: `node tools/build-wasm.ts` writes `*.generated.ts`, which is kept
 * with the sources, so that nobody needs the compiler to run or build the program. A test compiles again and compares.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = new URL('../src/masking/wasm/', import.meta.url);

/** The modules: `<name>.as` becomes `<name>.generated.ts`. */
export const wasmModules: readonly string[] = ['marks'];

export async function compileWasm(name: string): Promise<Uint8Array> {
  const source = await readFile(new URL(`${name}.as`, folder), 'utf8');
  let binary: Uint8Array | null = null;
  const { error, stderr } = await asc.main(
    [
      'module.ts',
      ...['--outFile', 'module.wasm', '--runtime', 'stub', '--noAssert', '--optimizeLevel', '3', '--converge'],
      ...['--enable', 'simd', '--initialMemory', '8', '--maximumMemory', '8', '--memoryBase', '512'],
    ],
    {
      readFile: (file) => (file === 'module.ts' ? source : null),
      writeFile: (file, contents) => {
        if (file === 'module.wasm') binary = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === null) throw new Error(`${name}.as: ${stderr.toString()}`, { cause: error });
  return binary;
}

export function renderWasm(name: string, binary: Uint8Array): string {
  const lines = (
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,110}/g) ?? []
  ).map((line) => `  '${line}'`);
  const head = `/** Made by tools/build-wasm.ts of ${name}.as: not to be changed by hand. */`;
  return `${head}\nexport const ${name}Wasm: string =\n${lines.join(' +\n')};\n`;
}

if (import.meta.main) {
  for (const name of wasmModules) {
    const file = fileURLToPath(new URL(`${name}.generated.ts`, folder));
    await writeFile(file, renderWasm(name, await compileWasm(name)));
    console.log(file);
  }
}
