/** What a process costs, by the scheduler's own accounting. Linux only; null elsewhere. */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds of CPU that the process's threads have used, or null where the system does not say. */
export function cpuNanoseconds(pid: number): number | null {
  try {
    let sum = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
    return sum;
  } catch {
    return null;
  }
}

/** Resident memory in bytes, or null. */
export function residentBytes(pid: number): number | null {
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? null : Number(line[1]) * 1024;
  } catch {
    return null;
  }
}
