/** Whether servers that are written in Java can run here. */
import { execFileSync } from 'node:child_process';

export function hasJava(): boolean {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
