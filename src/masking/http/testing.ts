/** What the tests of bodies share: masks from specs, bodies in pieces, and a plain reference for JSON. */
import type { BodyMask, BodyType, HttpMasks } from '../../core/masking.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { maskSet } from '../testing.ts';

export const card = '4111111111111111';

export function httpMasks(...specs: readonly Partial<MaskSpec>[]): HttpMasks {
  return maskSet(...specs).planStreams('http')!.output!.streams!.http!;
}

export function bodyType(mediaType: string | null, more: Partial<BodyType> = {}): BodyType {
  return { mediaType, charset: null, boundary: null, ...more };
}

export interface Masked {
  readonly text: string;
  readonly bytes: Buffer;
  readonly fault: string | null;
  readonly hits: Readonly<Record<string, number>>;
}

/** Puts `input` through in pieces that end at `cuts`. Views are overwritten afterwards: nothing may be kept of them. */
export function run(body: BodyMask, input: Buffer | string, cuts: readonly number[] = []): Masked {
  const bytes = Buffer.from(input);
  const out: Buffer[] = [];
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length])].sort(
    (a, b) => a - b,
  );
  let from = 0;
  for (const to of ends) {
    const view = Buffer.from(bytes.subarray(from, to));
    const given = body.push(view);
    out.push(Buffer.from(given));
    if (given !== view) {
      const before = Buffer.from(given);
      view.fill(0x58);
      if (!given.equals(before)) throw new Error('what was given back is a part of the view');
    }
    from = to;
  }
  out.push(Buffer.from(body.end()));
  const all = Buffer.concat(out);
  return { text: all.toString(), bytes: all, fault: body.fault, hits: Object.fromEntries(body.hits) };
}

/** Cuts behind every `size` bytes. */
export function every(size: number, length: number): number[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, index) => (index + 1) * size);
}
