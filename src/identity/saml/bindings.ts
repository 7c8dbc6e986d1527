/**
 * The bindings HTTP-Redirect and HTTP-POST (SAML Bindings sections 3.4 and 3.5): messages on their way through a browser.
 *
 * Invariants: what comes is bounded before and after it is inflated, and is UTF-8; a redirect's signature is checked
 * over the query as it was spelled, with every parameter there once (a second SigAlg or SAMLRequest would be one that
 * was checked and one that was read). What goes is always signed.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as limits from './limits.ts';
import type { IdpServices } from './metadata.ts';
import { ownSignature, signatureMethods } from './names.ts';
import type { Outgoing, SpKeys } from './parts.ts';
import { decodeBase64, signBytes, signRoot, verifyBytes } from './signature.ts';
import { normaliseLines, Refusal } from './xml.ts';

export type MessageKind = 'SAMLRequest' | 'SAMLResponse';

export interface Received {
  readonly kind: MessageKind;
  /** Its lines are normalised. */
  readonly text: string;
  readonly relayState: string | null;
}

export function receivePost(fields: Readonly<Record<string, unknown>>): Received {
  const kind = kindOf((name) => fields[name] !== undefined);
  const message = fields[kind];
  const relayState = fields.RelayState ?? null;
  if (typeof message !== 'string' || (relayState !== null && typeof relayState !== 'string')) {
    throw new Refusal('a field of the form is there twice');
  }
  // Base64 takes four characters for three bytes, and a line's end now and then.
  if (message.length > limits.messageBytesMax * 1.5) throw new Refusal('the message is too long');
  return { kind, text: decodeText(decodeBase64(message)), relayState: checkRelayState(relayState) };
}

/** A message that one of `keys` signed, by the signature in the query. */
export function receiveRedirect(query: string, keys: readonly KeyObject[]): Received {
  if (query.length > limits.messageBytesMax * 1.5) throw new Refusal('the message is too long');
  const raw = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    if (raw.has(name)) throw new Refusal('a parameter is there twice');
    raw.set(name, equals === -1 ? '' : pair.slice(equals + 1));
  }
  // Spelled with escapes, a name would be another one to us than to who reads the decoded query.
  if ([...raw.keys()].some((name) => !/^[A-Za-z]*$/.test(name))) throw new Refusal('a parameter is unknown');
  const kind = kindOf((name) => raw.has(name));
  if (raw.has('SAMLEncoding')) throw new Refusal('the message is encoded otherwise than by DEFLATE');
  const parameter = (name: string): string => decodeParameter(raw.get(name) ?? '');
  const method = signatureMethods.get(parameter('SigAlg'));
  if (method === undefined) throw new Refusal('the query is not signed, or by an algorithm that is not taken');
  const signed = [kind, 'RelayState', 'SigAlg']
    .filter((name) => raw.has(name))
    .map((name) => `${name}=${raw.get(name)}`)
    .join('&');
  const value = decodeBase64(parameter('Signature'));
  if (!keys.some((key) => verifyBytes(Buffer.from(signed, 'utf8'), key, method, value))) {
    throw new Refusal('no key of the provider made the signature of the query');
  }
  const relayState = raw.has('RelayState') ? parameter('RelayState') : null;
  return { kind, text: inflate(decodeBase64(parameter(kind))), relayState: checkRelayState(relayState) };
}

function kindOf(has: (name: MessageKind) => boolean): MessageKind {
  if (has('SAMLRequest') === has('SAMLResponse')) throw new Refusal('there is not just one message');
  return has('SAMLRequest') ? 'SAMLRequest' : 'SAMLResponse';
}

function checkRelayState(relayState: string | null): string | null {
  if (relayState !== null && Buffer.byteLength(relayState) > limits.relayStateLengthMax) {
    throw new Refusal('RelayState is too long');
  }
  return relayState;
}

function decodeParameter(raw: string): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '));
  } catch (error) {
    throw new Refusal(`a parameter is malformed: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

function inflate(bytes: Buffer): string {
  try {
    return decodeText(inflateRawSync(bytes, { maxOutputLength: limits.messageBytesMax }));
  } catch (error) {
    throw new Refusal(`the message cannot be inflated: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

function decodeText(bytes: Buffer): string {
  if (bytes.length > limits.messageBytesMax) throw new Refusal('the message is too long');
  try {
    return normaliseLines(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Refusal(`the message is not UTF-8: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

/** Where and how a message goes: by redirect where the provider takes that. Null where it takes neither. */
export function wayTo(
  services: IdpServices,
  kind: MessageKind,
): { readonly binding: Outgoing['binding']; readonly location: string } | null {
  const binding = services.redirect === null ? 'post' : 'redirect';
  const service = services[binding];
  if (service === null) return null;
  return { binding, location: kind === 'SAMLRequest' ? service.location : service.responseLocation };
}

export interface Sending {
  readonly kind: MessageKind;
  readonly xml: string;
  readonly relayState: string | null;
  readonly location: string;
}

/** Signs a message and puts it on its way. */
export function send(
  binding: Outgoing['binding'],
  { kind, xml, relayState, location }: Sending,
  keys: SpKeys,
): Outgoing {
  const key = createPrivateKey(keys.privateKey);
  if (binding === 'post') {
    const message = Buffer.from(signRoot(xml, key), 'utf8').toString('base64');
    return {
      binding,
      action: location,
      fields: { [kind]: message, ...(relayState !== null && { RelayState: relayState }) },
    };
  }
  const parameters: [string, string][] = [[kind, deflateRawSync(xml).toString('base64')]];
  if (relayState !== null) parameters.push(['RelayState', relayState]);
  parameters.push(['SigAlg', ownSignature]);
  const signed = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const signature = encodeURIComponent(signBytes(Buffer.from(signed, 'utf8'), key).toString('base64'));
  return { binding, url: `${location}${location.includes('?') ? '&' : '?'}${signed}&Signature=${signature}` };
}
