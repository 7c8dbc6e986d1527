/**
 * What the body of a request says of an object, by its content type and the request's verb (A-K8S-04).
 *
 * | content type                                              | becomes                                            |
 * |-----------------------------------------------------------|----------------------------------------------------|
 * | `application/json`, or none                               | the object                                         |
 * | `application/yaml`                                        | an object for each document                        |
 * | `application/cbor`                                        | the object                                         |
 * | `application/vnd.kubernetes.protobuf`                     | the object; of kinds not known, kind and metadata  |
 * | `application/json-patch+json`                             | each operation with its place (RFC 6902)           |
 * | `application/merge-patch+json`, `strategic-merge-patch+json`, `apply-patch+yaml`, `+cbor` | the changes as an object |
 * | anything else                                             | unread                                             |
 *
 * Invariant: never throws; what two readers could take differently is unread, with the reason.
 *
 * Deliberately absent: content codings, bodies of proxied requests and of streams, what defaults and webhooks make of it.
 */
import type { KubernetesBody, KubernetesPart, KubernetesPatch } from '../../core/kubernetes.ts';
import { readJson } from '../http/json.ts';
import { mediaTypeOf } from '../http/media-type.ts';
import { textOf } from '../http/multipart.ts';
import { readCbor } from './cbor.ts';
import * as limits from './limits.ts';
import { readProtobuf } from './protobuf.ts';
import { readYaml } from './yaml.ts';

type Reading = { readonly values: readonly unknown[] } | { readonly unread: string };
type Reader = (bytes: Uint8Array) => Reading;

export const noKubernetesBody: KubernetesBody = { kind: 'none' };

const unread = (reason: string): KubernetesBody => ({ kind: 'unread', reason });

const patches: ReadonlyMap<string, readonly [KubernetesPatch, Reader]> = new Map([
  ['application/json-patch+json', ['json-patch', json]],
  ['application/merge-patch+json', ['merge-patch', json]],
  ['application/strategic-merge-patch+json', ['strategic-merge-patch', json]],
  ['application/apply-patch+yaml', ['apply-patch', yaml]],
  ['application/apply-patch+cbor', ['apply-patch', cbor]],
]);

/** What kind of patch a content type is; null for what is none. */
export function patchOf(contentType: string | null): KubernetesPatch | null {
  return contentType === null ? null : (patches.get(contentType)?.[0] ?? null);
}

/** `contentType` as sent, `isPatch`: the verb is `patch`, and so a type that is no patch is refused by the server. */
export function kubernetesBody(contentType: string | null, bytes: Uint8Array, isPatch: boolean): KubernetesBody {
  if (bytes.length === 0) return noKubernetesBody;
  if (bytes.length > limits.kubernetesBodyBytesMax) {
    return unread(`it is longer than ${limits.kubernetesBodyBytesMax} bytes`);
  }
  // The API server takes what has no type for JSON.
  const media = contentType === null || contentType === '' ? null : mediaTypeOf(contentType);
  if (media === null && contentType !== null && contentType !== '')
    return unread('its type is not spelled as it must be');
  const type = media?.type ?? 'application/json';
  if (isPatch) return patchBody(type, bytes);
  switch (type) {
    case 'application/json':
      return whole(json(bytes), null);
    case 'application/yaml':
      return whole(yaml(bytes), null);
    case 'application/cbor':
      return whole(cbor(bytes), null);
    case 'application/vnd.kubernetes.protobuf': {
      const reading = readProtobuf(bytes);
      return 'unread' in reading ? unread(reading.unread) : { kind: 'read', parts: [reading.part], patch: null };
    }
    default:
      return unread(`bodies of the type ${type} are not read`);
  }
}

function patchBody(type: string, bytes: Uint8Array): KubernetesBody {
  const known = patches.get(type);
  if (known === undefined) return unread(`patches of the type ${type} are not read`);
  const [patch, read] = known;
  const reading = read(bytes);
  if (patch !== 'json-patch' || 'unread' in reading) return whole(reading, patch);
  const parts = operations(reading.values[0]);
  if ('unread' in parts) return unread(parts.unread);
  const { reads } = parts;
  return { kind: 'read', parts: parts.parts, patch, ...(reads.length === 0 ? {} : { reads }) };
}

function whole(reading: Reading, patch: KubernetesPatch | null): KubernetesBody {
  if ('unread' in reading) return unread(reading.unread);
  if (reading.values.length === 0) return unread('there is no object in it');
  for (const value of reading.values) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return unread('it is no object');
  }
  return { kind: 'read', parts: reading.values.map((value) => ({ at: [], value })), patch };
}

function json(bytes: Uint8Array): Reading {
  const text = readable(bytes);
  if (text === null) return { unread: 'it is called JSON and is no text in UTF-8' };
  const reading = readJson(text);
  return 'unread' in reading ? reading : { values: [reading.value] };
}

function yaml(bytes: Uint8Array): Reading {
  const text = readable(bytes);
  return text === null ? { unread: 'it is called YAML and is no text in UTF-8' } : readYaml(text);
}

function cbor(bytes: Uint8Array): Reading {
  const reading = readCbor(bytes);
  return 'unread' in reading ? reading : { values: [reading.value] };
}

/** A byte order mark, or NUL, is where parsers of text differ first. */
function readable(bytes: Uint8Array): string | null {
  const text = textOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return text === null || /[\0\ufeff]/.test(text) ? null : text;
}

/** What is taken away, or comes from elsewhere in the object: at its place anything may stand. */
const unknownValue = { value: null, known: [] } as const;

interface Operations {
  readonly parts: readonly KubernetesPart[];
  readonly reads: readonly (readonly string[])[];
}

function operations(value: unknown): Operations | { readonly unread: string } {
  if (!Array.isArray(value)) return { unread: 'it is no list of operations' };
  if (value.length > limits.patchOperationsMax)
    return { unread: `it has more than ${limits.patchOperationsMax} operations` };
  const parts: KubernetesPart[] = [];
  const reads: (readonly string[])[] = [];
  for (const entry of value as readonly unknown[]) {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return { unread: 'an operation is none' };
    const { op, path, from, value: given } = entry as Readonly<Record<string, unknown>>;
    const at = typeof path === 'string' ? pointer(path) : null;
    if (at === null) return { unread: 'an operation has no path' };
    switch (op) {
      case 'add':
      case 'replace':
        parts.push({ at, value: given ?? null });
        break;
      case 'remove':
        parts.push({ at, ...unknownValue });
        break;
      case 'move':
      case 'copy': {
        const source = typeof from === 'string' ? pointer(from) : null;
        if (source === null) return { unread: 'an operation does not say where from' };
        parts.push({ at, ...unknownValue });
        reads.push(source);
        if (op === 'move') parts.push({ at: source, ...unknownValue });
        break;
      }
      case 'test':
        reads.push(at);
        break;
      default:
        return { unread: 'an operation is none that JSON patch has' };
    }
  }
  return { parts, reads };
}

/** The names of a JSON pointer (RFC 6901); null where it is none. */
function pointer(text: string): readonly string[] | null {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return null;
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
