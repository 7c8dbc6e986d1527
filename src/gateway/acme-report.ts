/**
 * How certificates by ACME stand, in plain words: for the log, `sallyport status` and `sallyport doctor`, which reads what the
 * gateway last wrote down.
 */
import { existsSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { AcmeConfig } from './acme-config.ts';
import * as limits from './limits.ts';

const dayMs = 86_400_000;

const standing = z.object({
  names: z.array(z.string()),
  notAfterMs: z.number().nullable(),
  failures: z.number(),
  reason: z.string().nullable(),
  nextAttemptMs: z.number(),
});
const report = z.object({ certificates: z.array(standing) });

export interface Standing {
  readonly names: readonly string[];
  /** Null while there is none. */
  readonly notAfterMs: number | null;
  /** Orders that failed since one was filled. */
  readonly failures: number;
  /** Why the last one failed. */
  readonly reason: string | null;
  readonly nextAttemptMs: number;
}

export interface Concern {
  readonly message: string;
  readonly todo: string;
}

/** What is wrong, and what to do; null where nothing is. */
export function concernOf({ names, notAfterMs, reason, nextAttemptMs }: Standing, nowMs: number): Concern | null {
  const who = names.join(', ');
  if (reason === null) {
    if (notAfterMs === null || notAfterMs - nowMs >= limits.acmeExpiryWarnMs) return null;
    return { message: `${who} ${expiry(notAfterMs, nowMs)}`, todo: 'A running gateway renews it: see that one runs.' };
  }
  const what =
    notAfterMs === null
      ? 'has no certificate by ACME yet, and the order failed'
      : `${expiry(notAfterMs, nowMs)} and renewal failed`;
  const again =
    nextAttemptMs > nowMs ? `It is tried again at ${new Date(nextAttemptMs).toISOString()}` : 'It is tried again';
  return {
    message: `${who} ${what}: ${reason}`,
    todo: `Correct what the reason names. ${again}; after a restart, ${limits.acmeRetryMinMs / 60_000} minutes after the last try.`,
  };
}

/** One line for a person. */
export function describeStanding(one: Standing, nowMs: number): string {
  const concern = concernOf(one, nowMs);
  if (concern !== null) return concern.message;
  const { names, notAfterMs } = one;
  return `${names.join(', ')} ${notAfterMs === null ? 'is being ordered' : `until ${dateOf(notAfterMs)}`}`;
}

/** What a gateway wrote down; null where none has. */
export async function readReport(path: string): Promise<readonly Standing[] | null> {
  if (!existsSync(path)) return null;
  const parsed = report.safeParse(JSON.parse(await readFile(path, 'utf8')));
  return parsed.success ? parsed.data.certificates : null;
}

/** What would keep an order from being filled, as far as this machine knows. */
export async function obstaclesOf({ hook, ca }: AcmeConfig): Promise<readonly Concern[]> {
  const found: Concern[] = [];
  const look = async (path: string | undefined | null, mode: number, what: string, todo: string): Promise<void> => {
    if (path == null) return;
    await access(path, mode).catch(() => found.push({ message: `${path} ${what}`, todo }));
  };
  await look(
    hook?.command[0],
    constants.X_OK,
    'cannot be run',
    'Put the hook of acme.hook there, executable for the gateway’s account.',
  );
  await look(
    ca,
    constants.R_OK,
    'cannot be read',
    'Put the authority of acme.ca there, readable for the gateway’s account.',
  );
  return found;
}

function expiry(notAfterMs: number, nowMs: number): string {
  const days = Math.floor(Math.abs(notAfterMs - nowMs) / dayMs);
  const long = `${days} ${days === 1 ? 'day' : 'days'}`;
  return notAfterMs < nowMs ? `expired ${long} ago` : `expires in ${long}`;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
