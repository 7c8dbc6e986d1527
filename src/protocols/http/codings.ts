/**
 * Content codings, undone before a body is looked into and done again behind (RFC 9110, section 8.4): gzip, deflate, br, zstd.
 *
 * Invariants:
 * - What comes out is bounded by what went in: the ratio and the allowance (A-HTTP-11); beyond it nothing more comes.
 * - A coding that is not known is never passed off as none: `codingsOf` answers null, and the caller blocks.
 *
 * Zlib works on its threads; pieces come back in order.
 */
import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createDeflate,
  createGunzip,
  createGzip,
  createInflate,
  createZstdCompress,
  createZstdDecompress,
} from 'node:zlib';
import { httpErrors } from './errors.ts';
import * as limits from './limits.ts';

export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

const names: Readonly<Record<string, Coding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
};

/** The codings in the order in which they were done; null where one is unknown, or there are too many. */
export function codingsOf(values: readonly string[]): readonly Coding[] | null {
  const codings: Coding[] = [];
  for (const one of values.join(',').split(',')) {
    const name = one.trim().toLowerCase();
    if (name === '' || name === 'identity') continue;
    const coding = names[name];
    if (coding === undefined || codings.length >= limits.codingsMax) return null;
    codings.push(coding);
  }
  return codings;
}

function decoder(coding: Coding): Transform {
  if (coding === 'gzip') return createGunzip();
  if (coding === 'deflate') return createInflate();
  if (coding === 'br') return createBrotliDecompress();
  // No more memory than RFC 9659 lets a server ask for: 8 MiB, where the library would take 128.
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
}

/** Quickly rather than tightly: the body is on its way. `eager`: each piece leaves as it came, as events must. */
function encoder(coding: Coding, eager: boolean): Transform {
  const zlib = { level: 3, flush: eager ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH };
  if (coding === 'gzip') return createGzip(zlib);
  if (coding === 'deflate') return createDeflate(zlib);
  if (coding === 'br') {
    const flush = eager ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_PROCESS;
    return createBrotliCompress({ flush, params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
  }
  return createZstdCompress({ flush: eager ? constants.ZSTD_e_flush : constants.ZSTD_e_continue });
}

export interface RecoderParts {
  readonly codings: readonly Coding[];
  /** Pieces are events, and wait for none behind them. */
  readonly eager: boolean;
  /** Takes what was decoded, gives what stands for it; `last` with an empty view at the end. */
  readonly change: (view: Buffer, last: boolean) => Buffer;
  readonly deliver: (view: Buffer) => void;
  readonly end: () => void;
  readonly failed: (error: Error) => void;
  /** Nothing more is to be pushed for now, and it may go on. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/** A body through its codings and back. */
export class Recoder {
  readonly #parts: RecoderParts;
  readonly #decoders: readonly Transform[];
  readonly #encoders: readonly Transform[];
  #bytesIn = 0;
  #bytesOut = 0;
  #isOver = false;

  constructor(parts: RecoderParts) {
    this.#parts = parts;
    this.#decoders = parts.codings.toReversed().map(decoder);
    this.#encoders = parts.codings.map((coding) => encoder(coding, parts.eager));
    for (const stage of this.#decoders) {
      stage.on('error', (cause) => {
        this.#fail(httpErrors('http.unmaskable', { cause, values: { what: 'its content coding is broken' } }));
      });
    }
    for (const stage of this.#encoders) stage.on('error', (error) => this.#fail(error));
    chain(this.#decoders);
    chain(this.#encoders);
    const decoded = this.#decoders.at(-1)!;
    const [encode] = this.#encoders;
    decoded.on('data', (view: Buffer) => this.#decoded(view, decoded, encode!));
    decoded.on('end', () => {
      if (!this.#isOver) encode!.end(this.#change(Buffer.alloc(0), true));
    });
    encode!.on('drain', () => decoded.resume());
    const encoded = this.#encoders.at(-1)!;
    encoded.on('data', (view: Buffer) => {
      if (!this.#isOver) parts.deliver(view);
    });
    encoded.on('end', () => {
      if (!this.#isOver) parts.end();
      this.#isOver = true;
    });
    this.#decoders[0]!.on('drain', () => parts.resume());
  }

  push(view: Buffer): void {
    if (this.#isOver) return;
    this.#bytesIn += view.length;
    if (!this.#decoders[0]!.write(view)) this.#parts.pause();
  }

  end(): void {
    if (!this.#isOver) this.#decoders[0]!.end();
  }

  /** The client takes nothing for now, or takes again. */
  hold(): void {
    this.#encoders.at(-1)!.pause();
  }
  release(): void {
    this.#encoders.at(-1)!.resume();
  }

  destroy(): void {
    this.#isOver = true;
    for (const stage of [...this.#decoders, ...this.#encoders]) stage.destroy();
  }

  #decoded(view: Buffer, from: Transform, to: Transform): void {
    if (this.#isOver) return;
    this.#bytesOut += view.length;
    if (this.#bytesOut > limits.codingAllowanceBytes + this.#bytesIn * limits.codingRatioMax) {
      this.#fail(httpErrors('http.inflated'));
      return;
    }
    const changed = this.#change(view, false);
    if (changed.length > 0 && !to.write(changed)) from.pause();
  }

  #change(view: Buffer, last: boolean): Buffer {
    try {
      return this.#parts.change(view, last);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return Buffer.alloc(0);
    }
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.#parts.failed(error);
  }
}

function chain(stages: readonly Transform[]): void {
  for (let at = 0; at + 1 < stages.length; at++) stages[at]!.pipe(stages[at + 1]!);
}
