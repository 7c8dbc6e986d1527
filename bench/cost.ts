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

/** Nanoseconds of CPU by the name of a thread, those of one name together; empty where the system does not say. */
export function cpuNanosecondsByThread(pid: number): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
      const used = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
      sums.set(name, (sums.get(name) ?? 0) + used);
    }
  } catch {
    // A thread that ended while it was looked at: what the others used is said.
  }
  return sums;
}

/** Nanoseconds of CPU that the processes begun by one have used, of those that still run; null where the system does not say. */
export function cpuNanosecondsOfChildren(pid: number): number | null {
  try {
    let sum = 0;
    for (const child of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      sum += parentOf(child) === pid ? (cpuNanoseconds(Number(child)) ?? 0) : 0;
    }
    return sum;
  } catch {
    return null;
  }
}

function parentOf(pid: string): number | null {
  try {
    // The name, in parentheses, may hold anything.
    const [, state] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(/\) (?=[^)]*$)/);
    return Number(state?.split(' ')[1]);
  } catch {
    return null;
  }
}
