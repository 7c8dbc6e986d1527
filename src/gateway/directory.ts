/**
 * One gateway a data directory: a lock file with the process's id, taken over where that process is gone.
 */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../base/errors.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Makes the data directory where there is none, and takes it; returns what gives it back. */
export async function openDirectory(directory: string): Promise<() => Promise<void>> {
  const inspected = process.execArgv.some((argument) => argument.startsWith('--inspect'));
  // A-GW-05: an inspector gives whoever reaches its port every secret in memory.
  if (inspected || /--inspect/.test(process.env['NODE_OPTIONS'] ?? '')) throw gatewayErrors('gateway.inspector');
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await mkdir(join(directory, 'keys'), { recursive: true, mode: 0o700 });
    await chmod(join(directory, 'keys'), 0o700);
  } catch (cause) {
    throw gatewayErrors('gateway.data-directory', { cause, values: { problem: describeError(cause) } });
  }
  await refuseOpenDirectory(directory);
  return lockDirectory(directory);
}

/** Rejects where everybody may write: whoever can replace files there can replace the evidence and the keys. */
export async function refuseOpenDirectory(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o002) !== 0) {
    throw gatewayErrors('gateway.data-directory', {
      values: { problem: 'everybody may write to it; take that away (chmod o-w), or name another' },
    });
  }
}

/** Takes the directory; returns what gives it back. Rejects with `gateway.data-directory` where another holds it. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'gateway.pid');
  const mine = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  // Written aside and linked, the lock is never seen without its content.
  await writeFile(mine, `${process.pid}\n${await startOf(process.pid)}\n`, { flag: 'wx', mode: 0o644 });
  try {
    if ((await isLinked(mine, path)) || (await takeOver(mine, path))) return () => rm(path, { force: true });
  } finally {
    await rm(mine, { force: true });
  }
  throw held('another gateway starts on it');
}

/** Replaces the lock of a process that is gone. One process at a time looks and replaces; others are told so. */
async function takeOver(mine: string, path: string): Promise<boolean> {
  const turn = `${path}.takeover`;
  if (!(await isLinked(mine, turn))) {
    // Taking over lasts milliseconds: who began long ago died in the midst of it.
    const begunMs = (await stat(turn).catch(() => null))?.mtimeMs ?? 0;
    if (Date.now() - begunMs < limits.takeOverStaleMs) return false;
    await rm(turn, { force: true });
    if (!(await isLinked(mine, turn))) return false;
  }
  try {
    const [pid = '', begun = ''] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
    if (await isHeldBy(Number(pid), begun)) throw held(`process ${Number(pid)} runs a gateway on it`);
    await rm(path, { force: true });
    // Whoever comes meanwhile without finding a lock may be first.
    return await isLinked(mine, path);
  } finally {
    await rm(turn, { force: true });
  }
}

/** Makes `to` another name of `from`, whole or not at all; false where there is one already. */
async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function held(problem: string): Error {
  return gatewayErrors('gateway.data-directory', { values: { problem } });
}

/** When a process began, so that a reused id is told from the same process; empty where the system does not say. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text === '' ? '' : (text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

async function isHeldBy(pid: number, begun: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  // A container restarted on its volume often runs under the id it had: then the time it began tells.
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return begun === '' || (await startOf(pid)) === begun;
}
