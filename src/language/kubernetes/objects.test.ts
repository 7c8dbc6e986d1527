import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kubernetesBody } from './body.ts';

/** Captured from a real API server; `test/kubernetes` makes them. */
const folder = new URL('./fixtures/objects/', import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, folder));

interface Entry {
  readonly name: string;
  readonly file: string;
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
}

const index = JSON.parse(file('index.json').toString('utf8')) as readonly Entry[];

interface Read {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

function read({ file: name, contentType }: Entry): { readonly value: Read; readonly known: unknown } {
  const body = kubernetesBody(contentType, file(name), false);
  if (body.kind !== 'read' || body.parts.length !== 1)
    throw new Error(`${name}: ${JSON.stringify(body).slice(0, 200)}`);
  const [part] = body.parts;
  return { value: part!.value as Read, known: part!.known };
}

/** One answer in several encodings; events of a watch are many, and a token is another each time. */
const answers = index.filter(({ file: name, contentType }) => {
  return name.endsWith('.json') && contentType.startsWith('application/json') && !/watch|token/.test(name);
});

/** Without what Go leaves out of JSON in one place and not in another: nothing, and zero. */
function told(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(told);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).flatMap(([name, one]) => {
    const said = told(one);
    const isEmpty = typeof said === 'object' && said !== null && Object.keys(said).length === 0;
    return said === null || said === '' || said === 0 || said === false || isEmpty ? [] : [[name, said] as const];
  });
  return Object.fromEntries(kept);
}

/** Lists, statuses and what else nobody sends are read by their kind alone. */
const sent = /^(?:Secret|ConfigMap|Pod|Deployment|Scale|Event|Service|Role|Namespace|Node|SelfSubjectAccessReview)$/;

describe('objects of a real API server', () => {
  it.each(answers)('$name: every encoding says the same', (json) => {
    const { value } = read(json);
    expect(value.kind).toEqual(expect.any(String));
    for (const other of index.filter(({ name, status }) => name === json.name && status === json.status)) {
      const found = read(other);
      if (other.contentType.startsWith('application/vnd.kubernetes.protobuf')) {
        if (sent.test(value.kind!)) {
          expect(found.known, other.file).toBeUndefined();
          expect(told(found.value), other.file).toEqual(told(value));
          continue;
        }
        expect(found.known, other.file).toBeDefined();
        expect([found.value.kind, found.value.apiVersion ?? '']).toEqual([value.kind, value.apiVersion ?? '']);
        for (const [name, one] of Object.entries(found.value.metadata ?? {})) {
          expect(value.metadata?.[name] ?? {}, `${other.file} ${name}`).toEqual(one);
        }
      } else {
        expect(found, other.file).toEqual({ value, known: undefined });
      }
    }
  });
});
