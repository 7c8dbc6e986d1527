/**
 * One gateway a data directory: a lock file with the process's id, taken over where that process is gone.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gatewayErrors } from './errors.ts';

/** Takes the directory; returns what gives it back. Rejects with `gateway.data-directory` where another holds it. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'gateway.pid');
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, 'wx', 0o644);
      await file.writeFile(`${process.pid}\n${await startOf(process.pid)}\n`);
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const [pid = '', begun = ''] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
      if (await isHeldBy(Number(pid), begun)) {
        throw gatewayErrors('gateway.data-directory', {
          values: { problem: `process ${Number(pid)} runs a gateway on it` },
        });
      }
      await rm(path, { force: true });
    }
  }
  throw gatewayErrors('gateway.data-directory', { values: { problem: 'another gateway starts on it' } });
}

/** When a process began, so that a reused id is told from the same process; empty where the system does not say. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text === '' ? '' : (text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

async function isHeldBy(pid: number, begun: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return begun === '' || (await startOf(pid)) === begun;
}
