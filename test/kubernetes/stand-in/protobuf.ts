/**
 * What kubectl since 1.32 sends for `create` without a file: objects in protobuf. Read here as far as tests need it: metadata,
 * and the data of ConfigMaps and Secrets. Apart from the gateway's own reader on purpose.
 */
import type { KubeObject } from './objects.ts';

const magic = Buffer.from('k8s\0');

interface Field {
  readonly number: number;
  readonly bytes: Buffer;
}

export const isProtobuf = (bytes: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);

/** The object, or null where its kind is none that is read here. */
export function objectOf(bytes: Buffer): KubeObject | null {
  const envelope = fields(bytes.subarray(magic.length));
  const type = fields(first(envelope, 1));
  const apiVersion = text(type, 1);
  const kind = text(type, 2);
  const object = fields(first(envelope, 2));
  const base = { apiVersion, kind, metadata: metadataOf(fields(first(object, 1))) };
  switch (kind) {
    case 'ConfigMap':
      return { ...base, data: map(object, 2, 'utf8') };
    case 'Secret':
      return {
        ...base,
        data: map(object, 2, 'base64'),
        type: text(object, 3) || 'Opaque',
        stringData: map(object, 4, 'utf8'),
      };
    case 'Namespace':
    case 'ServiceAccount':
    case 'TokenRequest':
      return base;
    default:
      return kind.endsWith('Review') ? base : null;
  }
}

function metadataOf(all: readonly Field[]): KubeObject['metadata'] {
  const set = { name: text(all, 1), generateName: text(all, 2), namespace: text(all, 3) };
  const metadata: KubeObject['metadata'] = {};
  for (const [name, value] of Object.entries(set)) if (value !== '') metadata[name] = value;
  const maps = { labels: map(all, 11, 'utf8'), annotations: map(all, 12, 'utf8') };
  for (const [name, value] of Object.entries(maps)) if (Object.keys(value).length > 0) metadata[name] = value;
  return metadata;
}

function first(all: readonly Field[], number: number): Buffer {
  return all.find((field) => field.number === number)?.bytes ?? Buffer.alloc(0);
}

const text = (all: readonly Field[], number: number): string => first(all, number).toString();

function map(all: readonly Field[], number: number, encoding: 'utf8' | 'base64'): Record<string, string> {
  const entries = all.filter((field) => field.number === number).map(({ bytes }) => fields(bytes));
  return Object.fromEntries(entries.map((entry) => [text(entry, 1), first(entry, 2).toString(encoding)]));
}

/** The fields of a message, numbers' bytes left out. */
function fields(bytes: Buffer): Field[] {
  const all: Field[] = [];
  let place = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[place++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (place < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) place += 8;
    else if (wire === 5) place += 4;
    else {
      const length = varint();
      all.push({ number: tag >> 3, bytes: bytes.subarray(place, place + length) });
      place += length;
    }
  }
  return all;
}
