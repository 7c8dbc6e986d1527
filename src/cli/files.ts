/**
 * Files that commands write: whole or not at all, readable by their owner only, since they hold what sessions held.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { cliError, codeOf, reasonOf } from './errors.ts';

/** Writes all chunks and then puts the file in place; answers its size in bytes. What `chunks` throws is thrown on. */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const next = `${path}.${randomBytes(4).toString('hex')}.part`;
  let bytes = 0;
  try {
    const handle = await open(next, 'wx', 0o600);
    try {
      for await (const chunk of chunks) {
        await handle.writeFile(chunk);
        bytes += chunk.length;
      }
    } finally {
      await handle.close();
    }
    await rename(next, path);
    return bytes;
  } catch (error) {
    await rm(next, { force: true });
    if (error instanceof Error && 'syscall' in error && codeOf(error) !== null) {
      throw cliError('cli.cannot-write', { path, why: reasonOf(error) }, error);
    }
    throw error;
  }
}
