/**
 * What a body says, by its content type: JSON, JSON-RPC, GraphQL, forms, text; everything else is unread, with the reason.
 *
 * Invariants:
 * - Never throws. Time and memory are bounded by `analysedBodyBytesMax` and by the limits of each kind.
 * - What two services could read differently is unread, not guessed: a name twice in JSON, a form that looks like JSON.
 *
 * Deliberately absent: content codings (whoever has decoded them says so), streams, contents of files, binary formats.
 */
import type { GraphqlOperation, HttpBody } from '../../core/http.ts';
import { bodyKindOf } from '../../core/media-types.ts';
import { type GraphqlReading, graphqlOfFields, graphqlOfJson, isGraphqlPath, readGraphql } from './graphql.ts';
import { readJson, rpcMethods } from './json.ts';
import * as limits from './limits.ts';
import { type MediaType, mediaTypeOf } from './media-type.ts';
import { type MultipartForm, readMultipart, textOf } from './multipart.ts';
import { splitFields } from './target.ts';

export interface BodyOptions {
  /** Canonical: some paths say that GraphQL is spoken there. */
  readonly path?: string;
}

export interface BodyMeaning {
  readonly body: HttpBody;
  /** The body as a reviewer reads it; null where it was not read, or there is none. */
  readonly text: string | null;
  /** Operations in a form, or `unread` ones in JSON: see `HttpMeaning.graphql`. */
  readonly graphql: readonly GraphqlOperation[] | 'unread' | null;
}

export const unreadBody = (reason: string): BodyMeaning => ({
  body: { kind: 'unread', reason },
  text: null,
  graphql: null,
});

export const noBody: BodyMeaning = { body: { kind: 'none' }, text: null, graphql: null };

export function bodyMeaning(contentType: string | null, bytes: Uint8Array, options: BodyOptions = {}): BodyMeaning {
  if (bytes.length === 0) return noBody;
  if (bytes.length > limits.analysedBodyBytesMax) {
    return unreadBody(`it is longer than ${limits.analysedBodyBytesMax} bytes`);
  }
  if (contentType === null || contentType.trim() === '') return unreadBody('its type is not given');
  const media = mediaTypeOf(contentType);
  if (media === null) return unreadBody('its type is not spelled as it must be');
  const isEndpoint = isGraphqlPath(options.path ?? '/');
  if (media.type === 'multipart/form-data') return multipart(media, bytes, isEndpoint);
  const read = readerOf(media.type);
  if (read === null) return unreadBody(`bodies of the type ${media.type} are not read`);
  const charset = media.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) return unreadBody('its text is in another encoding than UTF-8');
  const text = textOf(bytes);
  // A byte order mark, or NUL, is where parsers of text differ first.
  if (text === null || /[\0\ufeff]/.test(text)) return unreadBody('it is called text and is none in UTF-8');
  return read(text, isEndpoint);
}

type Reader = (text: string, isEndpoint: boolean) => BodyMeaning;

function readerOf(type: string): Reader | null {
  if (type === 'application/graphql') return graphqlDocument;
  switch (bodyKindOf(type)) {
    case 'json':
      return json;
    case 'form':
      return urlencoded;
    case 'multipart':
    case 'media':
    case 'unread':
      return null;
    // JSON after JSON, too: no one value.
    default:
      return plainText;
  }
}

function plainText(text: string): BodyMeaning {
  return { body: { kind: 'text' }, text, graphql: null };
}

function json(text: string, isEndpoint: boolean): BodyMeaning {
  const reading = readJson(text);
  return 'unread' in reading ? unreadBody(reading.unread) : jsonMeaning(reading.value, text, isEndpoint);
}

function jsonMeaning(value: unknown, text: string, isEndpoint: boolean): BodyMeaning {
  const rpc = rpcMethods(value);
  if (rpc === 'unread') return unreadBody(`it has more than ${limits.rpcCallsMax} calls`);
  const graphql = graphqlIn(graphqlOfJson(value, isEndpoint));
  // The rest of the JSON is known, whatever stands in one text of it.
  if (graphql === 'unread') return { body: { kind: 'json', value, rpc, graphql: null }, text, graphql };
  return { body: { kind: 'json', value, rpc, graphql }, text, graphql: null };
}

/** Whether anything is made of bodies of this media type (in lower case, without parameters). */
export function isReadType(type: string): boolean {
  return type === 'multipart/form-data' || readerOf(type) !== null;
}

/** The same as `{"query": …}` in JSON. */
function graphqlDocument(text: string): BodyMeaning {
  const graphql = readGraphql(text);
  if ('unread' in graphql) return unreadBody(graphql.unread);
  return { body: { kind: 'json', value: { query: text }, rpc: null, graphql }, text, graphql: null };
}

function urlencoded(text: string, isEndpoint: boolean): BodyMeaning {
  // Clients call JSON a form without meaning to, and services that do not look at the type take it for JSON.
  if (/^\s*[[{]/.test(text)) return unreadBody('it is called a form and looks like JSON');
  if (text.includes(';')) return unreadBody('its form has semicolons, which some services take for ampersands');
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return unreadBody('its form is not encoded as it must be');
  if (text.split('&', limits.formFieldsMax + 2).length > limits.formFieldsMax) return tooManyFields;
  const fields = splitFields(text, '&');
  if (fields === null) return unreadBody('its form is not encoded as it must be');
  return { body: { kind: 'form', fields }, text, graphql: graphqlIn(graphqlOfFields(fields, isEndpoint)) };
}

const tooManyFields = unreadBody(`its form has more than ${limits.formFieldsMax} fields`);

function multipart(media: MediaType, bytes: Uint8Array, isEndpoint: boolean): BodyMeaning {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const form = readMultipart(body, media.parameters.get('boundary'));
  if ('unread' in form) return unreadBody(form.unread);
  const { fields, files } = form;
  const named = files.map(({ name, filename }) => [name, filename] as const);
  return {
    body: { kind: 'form', fields, ...(files.length === 0 ? {} : { files: named }) },
    text: spell(form),
    graphql: graphqlIn(graphqlOfFields(fields, isEndpoint)),
  };
}

/** One line for each part; of a file what tells it apart from every other. */
function spell({ fields, files }: MultipartForm): string {
  return [
    ...fields.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`),
    ...files.map(
      ({ name, filename, bytes, digest }) =>
        `${JSON.stringify(name)}: file ${JSON.stringify(filename)}, ${bytes} bytes, SHA-256 ${digest}`,
    ),
  ].join('\n');
}

/** The reason stays here: whoever judges needs to know only that there is something unread. */
export function graphqlIn(reading: GraphqlReading): BodyMeaning['graphql'] {
  return reading !== null && 'unread' in reading ? 'unread' : reading;
}
