/**
 * What gateways on one store tell each other for those who look: that somebody looks, and figures of their live sessions.
 *
 * Invariants: nothing is told where nobody looks; figures are a picture (what is lost comes with the next beat, and everything is
 * told anew now and then); what another gateway says is checked like anything from outside.
 *
 * A slower beat than a gateway's own: figures of sessions elsewhere are up to `liveSharedMs` older.
 */
import { z } from 'zod';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveNotices } from '../store/index.ts';
import { inBackground } from './background.ts';
import * as limits from './limits.ts';
import type { Figured, FigureTable } from './live-figures.ts';

/** Bytes of one text: see `noticeBytesMax` of the store; as JSON in JSON it grows. */
const textBytesMax = 5_000;

const count = z.number().nonnegative();
const row = z.tuple([
  z.string(),
  z.string(),
  count,
  count,
  count,
  count,
  count,
  z.boolean(),
  z.array(count).max(limits.liveBuckets),
]);
const said = z.union([
  z.strictObject({ looking: z.string() }),
  z.strictObject({ of: z.string(), figures: z.array(row) }),
]);

export interface SharingParts {
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: LiveNotices;
  readonly table: FigureTable;
  readonly isLookedAt: () => boolean;
}

/** The other gateways. */
export class LiveSharing {
  readonly #parts: SharingParts;
  /** Until when somebody looks elsewhere, monotonic milliseconds. */
  #wantedUntilMs = 0;
  #version = 0;
  #anewMs = 0;
  #timer: Timer | null = null;
  #isSaying = false;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** Somebody began to look here. */
  look(): void {
    this.#begin();
    this.#say([JSON.stringify({ looking: this.#parts.gateway })]);
  }

  /** What another gateway said. */
  hear(text: string): void {
    const { clock, table } = this.#parts;
    const heard = said.safeParse(parse(text));
    if (!heard.success) return;
    if ('looking' in heard.data) {
      // Whoever has just begun to look knows nothing yet.
      if (clock.monotonic() >= this.#wantedUntilMs) this.#anewMs = 0;
      this.#wantedUntilMs = clock.monotonic() + limits.liveLookingMs;
      this.#begin();
      return;
    }
    for (const [id, owner, commands, perMinute, rows, bytesIn, bytesOut, paused, recent] of heard.data.figures) {
      table.putForeign(owner, { id, commands, perMinute, rows, bytesIn, bytesOut, recent, paused, risk: 0 });
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #begin(): void {
    this.#timer ??= this.#parts.clock.every(limits.liveSharedMs, () => this.#beat());
  }

  #beat(): void {
    const { gateway, clock, table, isLookedAt } = this.#parts;
    // A store that is slow is not asked more: the next beat says what is then.
    if (this.#isSaying) return;
    const texts: string[] = [];
    const nowMs = clock.monotonic();
    if (isLookedAt()) texts.push(JSON.stringify({ looking: gateway }));
    if (nowMs < this.#wantedUntilMs) {
      table.refresh();
      texts.push(...this.#figures(nowMs));
    }
    if (!isLookedAt() && nowMs >= this.#wantedUntilMs) this.close();
    this.#say(texts);
  }

  #figures(nowMs: number): readonly string[] {
    const { gateway, table } = this.#parts;
    if (nowMs >= this.#anewMs) {
      this.#anewMs = nowMs + limits.liveSharedAnewMs;
      this.#version = 0;
    }
    const changed = [...table.since(this.#version, null, true)].sort((a, b) => a.version - b.version);
    const told = changed.slice(0, limits.liveSharedSessionsMax);
    this.#version = told.at(-1)?.version ?? this.#version;
    const texts: string[] = [];
    let part: unknown[] = [];
    let bytes = 0;
    for (const one of told) {
      const next = rowOf(one);
      const size = Buffer.byteLength(JSON.stringify(JSON.stringify(next)));
      if (bytes + size > textBytesMax) {
        texts.push(JSON.stringify({ of: gateway, figures: part }));
        part = [];
        bytes = 0;
      }
      part.push(next);
      bytes += size;
    }
    if (part.length > 0) texts.push(JSON.stringify({ of: gateway, figures: part }));
    return texts;
  }

  #say(texts: readonly string[]): void {
    if (texts.length === 0 || this.#isSaying) return;
    this.#isSaying = true;
    const work = this.#parts.store.say(texts).finally(() => {
      this.#isSaying = false;
    });
    inBackground(this.#parts.log, 'figures could not be told to other gateways', work);
  }
}

function rowOf({ principalId, figures }: Figured): z.output<typeof row> {
  const { id, commands, perMinute, rows, bytesIn, bytesOut, paused, recent } = figures;
  return [id, principalId, commands, perMinute, rows, bytesIn, bytesOut, paused, recent];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
