/**
 * Kubernetes' protobuf: the envelope with kind and version, and the object in it. Of a kind that is not known here, or that has
 * fields that are not, only the object's own metadata are read; everything else of it stays unknown.
 *
 * | what                                     | field: meaning                                                              |
 * |------------------------------------------|-----------------------------------------------------------------------------|
 * | `k8s\0`                                  | then `runtime.Unknown`                                                      |
 * | `runtime.Unknown`                        | 1 TypeMeta, 2 raw (the object), 3 contentEncoding, 4 contentType            |
 * | `runtime.TypeMeta`                       | 1 apiVersion, 2 kind                                                        |
 * | an object of a known kind                | see protobuf-objects.ts                                                     |
 * | any other object                         | 1 ObjectMeta; not of lists and options                                      |
 * | `meta.v1.ObjectMeta`                     | 1 name, 2 generateName, 3 namespace, 11 labels, 12 annotations              |
 * | an entry of a map                        | 1 name, 2 value                                                             |
 * | `meta.v1.DeleteOptions`                  | 1 gracePeriodSeconds, 2 preconditions, 3 orphanDependents, 4 propagationPolicy, 5 dryRun |
 */
import type { KubernetesPart } from '../../core/kubernetes.ts';
import { Message, Refused, utf8 } from './protobuf-message.ts';
import { readProtobufObject } from './protobuf-objects.ts';

export type ProtobufReading = { readonly part: KubernetesPart } | { readonly unread: string };

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
  const object = readProtobufObject(apiVersion, kind, raw);
  if (object !== null) return { at: [], value: { apiVersion, kind, ...object } };
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
