/** A plan that masks one word in every answer: what the room does with masks, not what masks do. */
import { allowed } from '../../core/judgement.ts';
import type { BodyMask, HttpMasks, OutputPlan } from '../../core/masking.ts';
import type { Judge } from '../../core/ports.ts';

/** Finds the word however the body is cut; `fault` for what is called binary. */
export function wordMask(word: string, fault: string | null = null): BodyMask {
  const needle = Buffer.from(word);
  const hits = new Map<string, number>();
  let held = Buffer.alloc(0);
  const masked = (view: Buffer): Buffer => {
    const out = Buffer.from(view);
    for (let at = out.indexOf(needle); at >= 0; at = out.indexOf(needle, at)) {
      out.fill(0x2a, at, at + needle.length);
      hits.set('test-mask', (hits.get('test-mask') ?? 0) + 1);
    }
    return out;
  };
  return {
    push(view) {
      const all = masked(Buffer.concat([held, view]));
      const kept = Math.min(all.length, needle.length - 1);
      held = Buffer.from(all.subarray(all.length - kept));
      return all.subarray(0, all.length - kept);
    },
    end() {
      const out = held;
      held = Buffer.alloc(0);
      return out;
    },
    fault,
    hits,
  };
}

export function wordMasks(word: string): HttpMasks {
  return {
    body: ({ mediaType }) => wordMask(word, mediaType === 'application/octet-stream' ? 'it is no text' : null),
    header: (_name, value) => value.replaceAll(word, '*'.repeat(word.length)),
  };
}

/** Masks the word in all that comes back, or what these masks say. */
export function maskingJudge(masks: string | HttpMasks): Judge {
  const never = (): never => {
    throw new Error('not a stream of HTTP');
  };
  const output = {
    results: [],
    streams: {
      terminal: never,
      plain: never,
      content: never,
      http: typeof masks === 'string' ? wordMasks(masks) : masks,
    },
  } as unknown as OutputPlan;
  return {
    judge: () => ({ ...allowed({ name: 'mask', rule: 'test-mask', reason: '' }), output }),
  };
}
