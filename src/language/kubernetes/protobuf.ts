/**
 * Kubernetes' protobuf, as far as facts need it: the envelope with kind and version, the object's own metadata, and the whole
 * of DeleteOptions. Everything else of an object stays unknown.
 *
 * | what                                     | field: meaning                                                              |
 * |------------------------------------------|-----------------------------------------------------------------------------|
 * | `k8s\0`                                  | then `runtime.Unknown`                                                      |
 * | `runtime.Unknown`                        | 1 TypeMeta, 2 raw (the object), 3 contentEncoding, 4 contentType            |
 * | `runtime.TypeMeta`                       | 1 apiVersion, 2 kind                                                        |
 * | an object                                | 1 ObjectMeta; not of lists and options                                      |
 * | `meta.v1.ObjectMeta`                     | 1 name, 2 generateName, 3 namespace, 11 labels, 12 annotations              |
 * | an entry of a map                        | 1 name, 2 value                                                             |
 * | `meta.v1.DeleteOptions`                  | 1 gracePeriodSeconds, 2 preconditions, 3 orphanDependents, 4 propagationPolicy, 5 dryRun |
 *
 * Invariants: lengths are checked before anything is made of them; a field that may be there once and is there twice is
 * refused, for readers join or replace; so are groups.
 */
import type { KubernetesPart } from '../../core/kubernetes.ts';
import * as limits from './limits.ts';

export type ProtobufReading = { readonly part: KubernetesPart } | { readonly unread: string };

class Refused extends Error {}

const magic = Buffer.from('k8s\0');
const mediaType = 'application/vnd.kubernetes.protobuf';

export function readProtobuf(bytes: Uint8Array): ProtobufReading {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (!buffer.subarray(0, magic.length).equals(magic)) throw new Refused('it does not say that it is of Kubernetes');
    return { part: envelope(buffer.subarray(magic.length)) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { unread: error.message };
  }
}

const metadataNames = ['name', 'generateName', 'namespace', 'labels', 'annotations'] as const;

function envelope(bytes: Buffer): KubernetesPart {
  const unknown = new Message(bytes);
  if (unknown.text(3) !== '' || !['', mediaType].includes(unknown.text(4))) {
    throw new Refused('its protobuf is encoded once more');
  }
  const type = new Message(unknown.bytes(1));
  const [apiVersion, kind] = [type.text(1), type.text(2)];
  const raw = new Message(unknown.bytes(2));
  if (kind === 'DeleteOptions') return deleteOptions(raw, { apiVersion, kind });
  if (/(?:Options|List|^Status)$/.test(kind))
    return { at: [], value: { apiVersion, kind }, known: [['apiVersion'], ['kind']] };
  const meta = new Message(raw.bytes(1));
  const [name, generateName, namespace] = [meta.text(1), meta.text(2), meta.text(3)];
  const metadata = {
    ...(name === '' ? {} : { name }),
    ...(generateName === '' ? {} : { generateName }),
    ...(namespace === '' ? {} : { namespace }),
    labels: meta.map(11),
    annotations: meta.map(12),
  };
  const known = [['apiVersion'], ['kind'], ...metadataNames.map((one) => ['metadata', one])];
  return { at: [], value: { apiVersion, kind, metadata }, known };
}

function deleteOptions(options: Message, type: { apiVersion: string; kind: string }): KubernetesPart {
  const grace = options.integer(1);
  const orphans = options.integer(3);
  const policy = options.text(4);
  const dryRun = options.all(5).map(utf8);
  const value = {
    ...type,
    ...(grace === null ? {} : { gracePeriodSeconds: Number(BigInt.asIntN(64, grace)) }),
    ...(orphans === null ? {} : { orphanDependents: orphans !== 0n }),
    ...(policy === '' ? {} : { propagationPolicy: policy }),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  };
  const known = ['apiVersion', 'kind', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy', 'dryRun'];
  return { at: [], value, known: known.map((one) => [one]) };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(value: Buffer | bigint): string {
  if (typeof value === 'bigint') throw new Refused('its protobuf has a number where text belongs');
  try {
    return decoder.decode(value);
  } catch {
    throw new Refused('its protobuf has text that is no UTF-8');
  }
}

/** The fields of one message, by number. */
class Message {
  readonly #fields = new Map<number, (Buffer | bigint)[]>();
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    for (let count = 0; this.#at < bytes.length; count++) {
      if (count >= limits.kubernetesNodesMax) throw new Refused('its protobuf has too many fields');
      this.#field();
    }
  }

  all(number: number): readonly (Buffer | bigint)[] {
    return this.#fields.get(number) ?? [];
  }

  #one(number: number): Buffer | bigint | null {
    const values = this.all(number);
    if (values.length > 1) throw new Refused('its protobuf has a field twice');
    return values[0] ?? null;
  }

  bytes(number: number): Buffer {
    const value = this.#one(number) ?? Buffer.alloc(0);
    if (typeof value === 'bigint') throw new Refused('its protobuf has a number where a message belongs');
    return value;
  }

  text(number: number): string {
    return utf8(this.#one(number) ?? Buffer.alloc(0));
  }

  integer(number: number): bigint | null {
    const value = this.#one(number);
    if (value !== null && typeof value !== 'bigint') throw new Refused('its protobuf has text where a number belongs');
    return value;
  }

  map(number: number): Readonly<Record<string, string>> {
    const entries = new Map<string, string>();
    for (const value of this.all(number)) {
      if (typeof value === 'bigint') throw new Refused('its protobuf has a number where a message belongs');
      const entry = new Message(value);
      const name = entry.text(1);
      if (entries.has(name)) throw new Refused('its protobuf names something twice in one map');
      entries.set(name, entry.text(2));
    }
    return Object.fromEntries(entries);
  }

  #field(): void {
    const tag = this.#varint();
    const number = Number(tag >> 3n);
    if (number === 0 || number > 0x1fffffff) throw new Refused('its protobuf has a field without a number');
    let value: Buffer | bigint;
    switch (Number(tag & 7n)) {
      case 0:
        value = this.#varint();
        break;
      case 1:
        value = this.#take(8n);
        break;
      case 2:
        value = this.#take(this.#varint());
        break;
      case 5:
        value = this.#take(4n);
        break;
      default:
        throw new Refused('its protobuf has a field of a kind that is not read');
    }
    const values = this.#fields.get(number);
    if (values === undefined) this.#fields.set(number, [value]);
    else values.push(value);
  }

  #take(size: bigint): Buffer {
    if (size > BigInt(this.#bytes.length - this.#at)) throw new Refused('its protobuf ends before it is complete');
    const from = this.#at;
    this.#at += Number(size);
    return this.#bytes.subarray(from, this.#at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Refused('its protobuf ends before it is complete');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Refused('its protobuf has a number that is too long');
  }
}
