/**
 * The world as the command line sees it: three streams, an environment, a clock and signals. Tests bring their own.
 *
 * Invariant: no other file of this room touches `process`, except `systemIo` here and the child that `connect` starts.
 */
import type { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '../base/clock.ts';

export type InputStream = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
export type InterruptSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface CliIo {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Calls back on each signal until the returned function is called. */
  onSignal(signal: InterruptSignal, callback: () => void): () => void;
}

/** The real world. */
export function systemIo(): CliIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    onSignal(signal, callback) {
      process.on(signal, callback);
      return () => process.off(signal, callback);
    },
  };
}
