import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { bodyType, every, run } from '../http/testing.ts';
import { maskSet } from '../testing.ts';
import { asked } from './testing.ts';

/** Answers of a real API server, captured by `test/kubernetes`. */
const folder = new URL('../../language/kubernetes/fixtures/objects/', import.meta.url);

interface Entry {
  readonly name: string;
  readonly file: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
}

const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
const index = (JSON.parse(read('index.json')) as readonly Entry[]).filter(({ contentType }) =>
  contentType.startsWith('application/json'),
);

function verbOf({ method, url }: Entry): string {
  const { pathname, searchParams } = new URL(url, 'http://x');
  if (method !== 'GET') return method === 'POST' ? 'create' : method === 'DELETE' ? 'delete' : 'update';
  if (searchParams.get('watch') !== null) return 'watch';
  return /\/(?:secrets|configmaps|widgets|deployments)$/.test(pathname) ? 'list' : 'get';
}

function mask(entry: Entry, spec: Partial<MaskSpec>, more: Partial<KubernetesMeaning>, size = 64) {
  const http = maskSet(spec).planStreams('kubernetes', asked(verbOf(entry), more))!.output!.streams!.http!;
  const input = read(entry.file);
  return { input, ...run(http.body(bodyType('application/json')), input, every(size, input.length)) };
}

/** Every text that stands at `data` of some object of kind Secret, and what it is in base64. */
function secretsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { kind, data } = value as { readonly kind?: unknown; readonly data?: unknown };
    if (kind === 'Secret' || (data !== undefined && kind === undefined)) {
      for (const one of Object.values(data ?? {})) {
        const value = String(one);
        if (value.length < 8) continue;
        found.add(value);
        found.add(Buffer.from(value, 'base64').toString());
      }
    }
    for (const member of Object.values(value)) walk(member);
  };
  for (const line of text.trimEnd().split('\n')) walk(JSON.parse(line));
  return found;
}

const isOfSecrets = ({ url, status }: Entry): boolean => /\/secrets(?:[/?]|$)/.test(url) && status < 300;

describe('answers of a real API server about Secrets', () => {
  const spec: Partial<MaskSpec> = { match: { kubernetes: { resources: ['secrets'] } }, fields: ['/data/*'] };

  it.each(index.filter(isOfSecrets))('$name ($file)', (entry) => {
    const { input, text, fault } = mask(entry, spec, {});
    expect(fault).toBeNull();
    for (const secret of secretsIn(input)) expect(text).not.toContain(secret);
    // It is as many texts of JSON as it was, and everything but data and the last applied object is as it was.
    const bare = (json: string): unknown =>
      json
        .trimEnd()
        .split('\n')
        .map((line): unknown =>
          JSON.parse(line, (name, value: unknown) => (/^data$|last-applied/.test(name) ? undefined : value)),
        );
    expect(bare(text)).toEqual(bare(input));
  });

  it('have something to hide', () => {
    const hidden = index
      .filter(isOfSecrets)
      .map((entry) => [secretsIn(read(entry.file)).size, mask(entry, spec, {}).hits]);
    expect(hidden.filter(([size, hits]) => size !== 0 && Object.keys(hits!).length > 0).length).toBeGreaterThan(4);
  });
});

describe('answers about anything', () => {
  it.each(index)('$name ($file) pass byte for byte where no object is meant', (entry) => {
    const spec: Partial<MaskSpec> = { match: { kubernetes: { resources: ['nothing.example.com'] } }, fields: ['/**'] };
    expect(mask(entry, spec, { resource: 'others' })).toMatchObject({ text: read(entry.file), fault: null, hits: {} });
    const other: Partial<MaskSpec> = { fields: ['/there/is/nothing'] };
    expect(mask(entry, other, { resource: 'others' }, 1000)).toMatchObject({ fault: null, hits: {} });
  });
});
