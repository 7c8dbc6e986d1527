/**
 * Hands signed checkpoints of the journal to places outside the gateway's reach, so that a journal that was rolled back or forked
 * can be told from what they hold: a directory on another mount, a bucket with object lock, a webhook, another gateway.
 *
 * Invariants: each witness gets the newest checkpoint there is, at most one in its interval; what it could not take is tried with the
 * next, and nothing waits for it; what stands at a witness is never replaced; a witness that is silent for long, and one that knows
 * more of this journal than the journal itself, are alarms in the journal.
 *
 * Deliberately absent: checking what witnesses hold against the journal (that is `verify`, which needs no gateway).
 *
 * C2SP tlog-witness is what other logs use for the same; these need no key of the witness's, and say no more than that it saw it.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore } from '../audit/objects/index.ts';
import { isObjectProblem } from '../audit/objects/index.ts';
import type { Clock } from '../base/clock.ts';
import { pause, withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { signatureHeader } from '../base/signed.ts';
import type { EventBody } from '../core/event.ts';
import { parseCheckpoint } from '../recording/index.ts';
import * as limits from './limits.ts';
import type { WitnessConfig } from './storage-config.ts';

/** A request to somewhere else, which goes only where it may (A-API-04). */
export type WitnessFetch = (
  url: string,
  request: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; readonly body: string }>;

export interface WitnessParts {
  readonly config: WitnessConfig;
  /** Null but for a witness of kind `s3`. */
  readonly objects: ObjectStore | null;
  readonly fetch: WitnessFetch;
  readonly secret: (variable: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly append: (event: EventBody) => void;
}

/** How a witness stands, for status and metrics. */
export interface WitnessStanding {
  readonly name: string;
  readonly kind: WitnessConfig['to']['kind'];
  /** Events covered by the last checkpoint that it took; null where it took none since the start. */
  readonly size: number | null;
  readonly atMs: number | null;
  /** Why the last delivery failed; null where it did not. */
  readonly problem: string | null;
}

export interface Witness {
  readonly standing: WitnessStanding;
  /** A new checkpoint. */
  offer(text: string): void;
  /** Asks whether it knows more of the journal than stands in it: the sizes that it knows beyond `size`. */
  beyond(journal: string, size: number): Promise<number | null>;
  close(): Promise<void>;
}

/** A place that takes checkpoints. */
interface Place {
  put(checkpoint: Seen, signal: AbortSignal): Promise<void>;
  /** The largest size beyond `size` that it holds of the journal; null: none, or it cannot say. */
  largestBeyond(journal: string, size: number, signal: AbortSignal): Promise<number | null>;
}

interface Seen {
  readonly journal: string;
  readonly size: number;
  readonly text: string;
}

export function openWitness(parts: WitnessParts): Witness {
  return new WitnessLane(parts, placeOf(parts));
}

class WitnessLane implements Witness {
  readonly #parts: WitnessParts;
  readonly #place: Place;
  readonly #abort = new AbortController();
  #next: string | null = null;
  #running: Promise<void> | null = null;
  #taken: { readonly size: number; readonly atMs: number } | null = null;
  #problem: string | null = null;
  /** Monotonic; since when nothing was taken though something was there. */
  #failingSinceMs: number | null = null;
  #isAlarmed = false;

  constructor(parts: WitnessParts, place: Place) {
    this.#parts = parts;
    this.#place = place;
  }

  get standing(): WitnessStanding {
    const { name, to } = this.#parts.config;
    return {
      name,
      kind: to.kind,
      size: this.#taken?.size ?? null,
      atMs: this.#taken?.atMs ?? null,
      problem: this.#problem,
    };
  }

  offer(text: string): void {
    this.#next = text;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async beyond(journal: string, size: number): Promise<number | null> {
    const { clock, config } = this.#parts;
    const { signal } = this.#abort;
    const asked = this.#place.largestBeyond(journal, size, signal);
    return withDeadline(asked, limits.witnessDeadlineMs, `witness ${config.name}`, clock, signal);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, config } = this.#parts;
    while (this.#next !== null && !this.#abort.signal.aborted) {
      const text = this.#next;
      this.#next = null;
      await this.#deliver(text);
      // What could not be taken is tried again, unless a newer one came meanwhile.
      if (this.#problem !== null) this.#next ??= text;
      await pause(clock, config.everyMs, this.#abort.signal);
    }
  }

  async #deliver(text: string): Promise<void> {
    const { clock, config, log } = this.#parts;
    const stop = new AbortController();
    try {
      const { origin, size } = parseCheckpoint(text);
      const seen = { journal: origin.slice(origin.lastIndexOf('/') + 1), size, text };
      const signal = AbortSignal.any([stop.signal, this.#abort.signal]);
      const put = this.#place.put(seen, signal);
      await withDeadline(put, limits.witnessDeadlineMs, `witness ${config.name}`, clock, this.#abort.signal);
      if (this.#problem !== null) log.info('a witness takes checkpoints again', { witness: config.name });
      this.#taken = { size, atMs: clock.now() };
      this.#problem = null;
      this.#failingSinceMs = null;
      this.#isAlarmed = false;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed(describeError(error));
    } finally {
      stop.abort();
    }
  }

  #failed(problem: string): void {
    const { clock, config, log, append } = this.#parts;
    if (this.#problem === null) log.warn('a witness takes no checkpoint', { witness: config.name, detail: problem });
    this.#problem = problem;
    this.#failingSinceMs ??= clock.monotonic();
    if (this.#isAlarmed || clock.monotonic() - this.#failingSinceMs < limits.witnessSilentMs) return;
    this.#isAlarmed = true;
    append(alarm(`The witness ${config.name} has taken no checkpoint for a quarter of an hour.`));
  }
}

/** What people are told of witnesses: an alarm of the gateway's own. */
export function alarm(reason: string): EventBody {
  const nobody = { session: null, command: null, principal: null, resource: null } as const;
  return { type: 'alert.raised', rule: 'gateway:witness', reason, ...nobody };
}

function placeOf({ config, objects, fetch, secret, clock }: WitnessParts): Place {
  const { to } = config;
  switch (to.kind) {
    case 'file':
      return filePlace(to.directory);
    case 's3': {
      if (objects === null) throw new TypeError('a witness in a bucket comes with its store');
      const { prefix, lock } = to.bucket;
      return bucketPlace(objects, prefix, () =>
        lock === null ? undefined : { mode: lock.mode, untilMs: clock.now() + lock.days * 86_400_000 },
      );
    }
    case 'webhook':
      return webhookPlace(fetch, to.url, () => secret(to.secretVariable), clock);
    case 'gateway':
      return gatewayPlace(fetch, to.url, () => secret(to.tokenVariable));
  }
}

const sizeDigits = 16;

/** `<journal id>/<size>.checkpoint`: sorts by size. */
function fileName(size: number): string {
  return `${String(size).padStart(sizeDigits, '0')}.checkpoint`;
}

function sizeOf(name: string): number | null {
  const match = /(\d{16})\.checkpoint$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** A directory on another mount; each checkpoint is a file of its own, written once. */
function filePlace(directory: string): Place {
  return {
    async put({ journal, size, text }) {
      const folder = join(directory, journal);
      // Not the directory itself: where nothing is mounted there, that is a failure, and not a folder on this disk.
      await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      const path = join(folder, fileName(size));
      // A-REC-03: never through a link, never over what stands there.
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      try {
        const file = await open(path, flags, 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if ((await readFile(path, 'utf8')) !== text) throw new Error(`another checkpoint of size ${size} stands there`);
      }
    },
    async largestBeyond(journal, size) {
      const names = await readdir(join(directory, journal)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return largest(names.map(sizeOf), size);
    },
  };
}

function bucketPlace(
  objects: ObjectStore,
  prefix: string,
  lock: () => { readonly mode: 'governance' | 'compliance'; readonly untilMs: number } | undefined,
): Place {
  const keyOf = (journal: string, size: number): string => `${prefix}${journal}/${fileName(size)}`;
  return {
    async put({ journal, size, text }, signal) {
      const until = lock();
      const key = keyOf(journal, size);
      const options = { onlyNew: true, contentType: 'text/plain; charset=utf-8', signal };
      try {
        await objects.put(key, Buffer.from(text), until === undefined ? options : { ...options, lock: until });
      } catch (error) {
        if (!isObjectProblem(error, 'audit.object-exists')) throw error;
        const sha256 = createHash('sha256').update(text).digest('hex');
        await objects.verify(key, { bytes: Buffer.byteLength(text), sha256 }, signal);
      }
    },
    async largestBeyond(journal, size, signal) {
      const sizes: (number | null)[] = [];
      // Keys sort by size, so that nothing at or below what the journal has is listed.
      for await (const { key } of objects.list(`${prefix}${journal}/`, keyOf(journal, size), signal)) {
        sizes.push(sizeOf(key));
      }
      return largest(sizes, size);
    },
  };
}

function webhookPlace(fetch: WitnessFetch, url: string, secret: () => string, clock: Clock): Place {
  return {
    async put({ journal, size, text }, signal) {
      const body = JSON.stringify({ type: 'journal.checkpoint', journal, size, checkpoint: text });
      const headers = {
        'content-type': 'application/json',
        'sallyport-signature': signatureHeader(secret(), body, clock.now()),
      };
      const { status } = await fetch(url, { method: 'POST', headers, body, signal });
      if (status < 200 || status > 299) throw new Error(`it answered ${status}`);
    },
    largestBeyond: async () => null,
  };
}

/** Another gateway, over its API. */
function gatewayPlace(fetch: WitnessFetch, url: string, token: () => string): Place {
  const path = `${url}/api/v1/witness/checkpoints`;
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${token()}`,
    'content-type': 'application/json',
    accept: 'application/json',
  });
  return {
    async put({ text }, signal) {
      const body = JSON.stringify({ checkpoint: text });
      const answer = await fetch(path, { method: 'POST', headers: headers(), body, signal });
      if (answer.status < 200 || answer.status > 299) throw new Error(`it answered ${answer.status}`);
      const { outcome } = JSON.parse(answer.body) as { readonly outcome?: string };
      if (outcome === 'forked') throw new Error('it holds another checkpoint of the same size');
    },
    async largestBeyond(journal, size, signal) {
      const answer = await fetch(`${path}?journal=${journal}`, { method: 'GET', headers: headers(), signal });
      if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
      const { checkpoints } = JSON.parse(answer.body) as {
        readonly checkpoints?: readonly { readonly size: number }[];
      };
      return largest(
        (checkpoints ?? []).map((one) => one.size),
        size,
      );
    },
  };
}

function largest(sizes: readonly (number | null)[], beyond: number): number | null {
  const beyondThat = sizes.filter((size): size is number => size !== null && size > beyond);
  return beyondThat.length === 0 ? null : Math.max(...beyondThat);
}
