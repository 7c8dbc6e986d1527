/**
 * A small file system of its own that a test can fill to the last byte: a tmpfs, which needs root on Linux.
 *
 * Deliberately absent: a read-only remount. The journal keeps its segment open for writing, and the kernel refuses to
 * remount then; what EROFS, EIO and a failed fsync do is tested below the writer, in src/recording (F-02, F-03).
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly directory: string;
  freeBytes(): number;
  /** Takes room until only `bytes` are free. */
  fillTo(bytes: number): void;
  /** Gives back what `fillTo` took. */
  clear(): void;
  close(): void;
}

const mebibyte = Buffer.alloc(1024 * 1024);
const pageBytes = 4096;

export function mountSmallDisk(mebibytes: number): SmallDisk {
  const mount = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0755`, 'sallyport-test', mount]);
  const unmount = (): void => {
    execFileSync('umount', ['--lazy', mount]);
    rmdirSync(mount);
  };
  process.once('exit', unmount);
  const ballast: string[] = [];
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(mount);
    return bavail * bsize;
  };
  return {
    directory: join(mount, 'data'),
    freeBytes,
    fillTo(bytes) {
      const path = join(mount, `ballast-${ballast.length}`);
      ballast.push(path);
      const fd = openSync(path, 'w');
      try {
        for (;;) {
          const excess = Math.floor(freeBytes() - bytes);
          if (excess < pageBytes) return;
          writeSync(fd, mebibyte, 0, Math.min(mebibyte.length, excess));
        }
      } catch (error) {
        // Someone else took the last page meanwhile: as full as it was to be.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(fd);
      }
    },
    clear() {
      for (const path of ballast.splice(0)) rmSync(path, { force: true });
    },
    close() {
      process.removeListener('exit', unmount);
      unmount();
    },
  };
}
