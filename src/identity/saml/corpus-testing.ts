/**
 * For the corpus of attacks: a real response of the test provider, a small tree to change it by, and the means of whoever
 * attacks (keys of their own, the provider's public key, the gateway's certificate).
 */
import {
  type CipherGCM,
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  publicEncrypt,
  randomBytes,
  constants as tls,
} from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { type SignatureAlgorithm, SignedXml } from 'xml-crypto';
import {
  makeSamlKeys,
  type SamlIdentityProvider,
  type SamlKeys,
  startSamlIdentityProvider,
} from '../../../test/servers/saml.ts';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { SignatureMethod } from './names.ts';
import type { Completed, SamlProvider, SamlProviderSpec, SpKeys } from './parts.ts';
import { createSaml, type Saml } from './saml.ts';
import { signBytes } from './signature.ts';
import { MemoryOnce, specOf } from './testing.ts';
import { escapeXml, readXml, type XmlElement } from './xml.ts';

/** An element that can be changed; a child may also be markup as it shall stand there. */
export interface Tree {
  name: string;
  attributes: [name: string, value: string][];
  children: (Tree | string | { readonly markup: string })[];
}

export function treeOf(xml: string): Tree {
  const copy = (element: XmlElement): Tree => ({
    name: element.name,
    attributes: element.attributes.map(({ name, value }) => [name, value]),
    children: element.children.map((child) => (typeof child === 'string' ? child : copy(child))),
  });
  return copy(readXml(xml));
}

export function print(tree: Tree): string {
  const attributes = tree.attributes.map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join('');
  const children = tree.children.map((child) => {
    if (typeof child === 'string') return escapeXml(child);
    return 'markup' in child ? child.markup : print(child);
  });
  return `<${tree.name}${attributes}>${children.join('')}</${tree.name}>`;
}

export const clone = (tree: Tree): Tree => structuredClone(tree);

const localOf = (name: string): string => name.slice(name.indexOf(':') + 1);

/** All elements below with this local name, in the order of the document. */
export function all(tree: Tree, local: string): Tree[] {
  return tree.children.flatMap((child) => {
    if (typeof child === 'string' || 'markup' in child) return [];
    return [...(localOf(child.name) === local ? [child] : []), ...all(child, local)];
  });
}

export function first(tree: Tree, local: string): Tree {
  const [found] = all(tree, local);
  if (found === undefined) throw new Error(`there is no ${local}`);
  return found;
}

/** The child of this local name. */
export function child(tree: Tree, local: string): Tree {
  const found = tree.children.find((one) => typeof one !== 'string' && 'name' in one && localOf(one.name) === local);
  if (found === undefined) throw new Error(`there is no ${local}`);
  return found as Tree;
}

export function without(tree: Tree, one: Tree): Tree {
  tree.children = tree.children.filter((each) => each !== one);
  return tree;
}

export function set(tree: Tree, name: string, value: string | null): void {
  tree.attributes = tree.attributes.filter(([each]) => each !== name);
  if (value !== null) tree.attributes.push([name, value]);
}

export const get = (tree: Tree, name: string): string => tree.attributes.find(([each]) => each === name)![1];

/** An assertion that says it is somebody else. */
export function forged(assertion: Tree, id: 'same' | 'other'): Tree {
  const copy = clone(assertion);
  first(copy, 'NameID').children = ['7f1c3f7e-root'];
  if (id === 'other') set(copy, 'ID', '_forged');
  return copy;
}

export const endpoints = {
  metadata: 'https://gateway.test/saml/corp/metadata',
  acs: 'https://gateway.test/saml/corp/acs',
  logout: 'https://gateway.test/saml/corp/logout',
};
export const nameId = '7f1c3f7e-anna';

const users = {
  anna: {
    password: 'unused',
    nameId,
    attributes: { uid: 'anna', email: 'anna@corp.test', displayName: 'Anna Ahr', groups: ['dba', 'ops'] },
  },
};

/** A response that is waited for. */
export interface Issued {
  readonly xml: string;
  readonly requestId: string;
  /** Brings the response, changed or not, to the gateway. */
  bring(xml: string): Promise<Completed>;
}

export interface Bench {
  readonly idp: SamlIdentityProvider;
  readonly sp: SpKeys;
  readonly stranger: SamlKeys;
  readonly clock: FakeClock;
  readonly saml: Saml;
  readonly spec: SamlProviderSpec;
  /** `options` are those of `samlp`. */
  issue(options?: Readonly<Record<string, unknown>>, change?: Partial<SamlProviderSpec>): Promise<Issued>;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const [own, stranger, idp] = await Promise.all([
    makeSamlKeys('Gateway'),
    makeSamlKeys('Stranger'),
    startSamlIdentityProvider(users),
  ]);
  const sp = { privateKey: own.key, certificate: own.cert };
  const clock = new FakeClock(Date.now());
  const saml = createSaml({ clock, log: silentLog, once: new MemoryOnce(), keys: sp });
  const spec = specOf(await idp.metadata());
  const issue: Bench['issue'] = async (options = {}, change = {}) => {
    // Whatever a test did to the clock, a response is of now.
    clock.advance(Math.max(0, Date.now() - clock.now()));
    const provider: SamlProvider = { name: 'corp', spec: { ...spec, ...change }, endpoints };
    const out = await saml.begin({ provider, browser: 'browser' });
    if (out.binding !== 'redirect') throw new Error('no redirect');
    const parameters = new URL(out.url).searchParams;
    const requestId = requestIdOf(parameters.get('SAMLRequest')!);
    const { acs, metadata } = endpoints;
    const about = { inResponseTo: requestId, destination: acs, recipient: acs, audience: metadata, sessionIndex: '_s' };
    const xml = await idp.respond('anna', { ...about, ...options });
    const RelayState = parameters.get('RelayState');
    const bring = (brought: string): Promise<Completed> => {
      const SAMLResponse = Buffer.from(brought, 'utf8').toString('base64');
      return saml.complete({ provider, body: { SAMLResponse, RelayState }, browser: 'browser' });
    };
    return { xml: xml.trim(), requestId, bring };
  };
  return { idp, sp, stranger, clock, saml, spec, issue, close: () => idp.close() };
}

function requestIdOf(message: string): string {
  return /ID="([^"]*)"/.exec(inflateRawSync(Buffer.from(message, 'base64')).toString('utf8'))![1]!;
}

export const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
export const sha256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
export const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

/** Signs one element of a document, as whoever has `key` may. */
export function signed(
  xml: string,
  local: 'Assertion' | 'Response',
  key: string,
  algorithms: {
    signature?: string;
    digest?: string;
    prefixes?: string[];
    hmac?: boolean;
    method?: SignatureMethod;
  } = {},
): string {
  const signer = new SignedXml({ privateKey: key });
  if (algorithms.hmac === true) signer.enableHMAC();
  signer.signatureAlgorithm = algorithms.signature ?? rsaSha256;
  signer.canonicalizationAlgorithm = exclusive;
  const path = `//*[local-name(.)='${local}']`;
  signer.addReference({
    xpath: path,
    transforms: [enveloped, exclusive],
    digestAlgorithm: algorithms.digest ?? sha256,
    inclusiveNamespacesPrefixList: algorithms.prefixes ?? [],
  });
  const { method } = algorithms;
  if (method !== undefined) {
    signer.SignatureAlgorithms[signer.signatureAlgorithm] = class {
      getAlgorithmName(): string {
        return signer.signatureAlgorithm!;
      }
      getSignature(info: string): string {
        return signBytes(Buffer.from(info), createPrivateKey(key), method).toString('base64');
      }
    } as unknown as new () => SignatureAlgorithm;
  }
  signer.computeSignature(xml, { location: { reference: `${path}/*[local-name(.)='Issuer']`, action: 'after' } });
  return signer.getSignedXml();
}

/** The response with its assertion changed by the provider itself, and signed. */
export function reissued(xml: string, key: string, change: (assertion: Tree, response: Tree) => void): string {
  const response = treeOf(xml);
  const assertion = child(response, 'Assertion');
  without(assertion, child(assertion, 'Signature'));
  change(assertion, response);
  return signed(print(response), 'Assertion', key);
}

const gcm = 'http://www.w3.org/2009/xmlenc11#aes256-gcm';

/** An EncryptedAssertion of `clear`: all that it takes is the gateway's certificate. */
export function encrypted(
  clear: string,
  certificate: string,
  how: { key?: 'oaep' | 'oaep-sha256' | 'mixed' | 'pkcs1'; content?: string; damaged?: boolean } = {},
): string {
  const { key: keyKind = 'oaep', content = gcm } = how;
  const isCbc = content.endsWith('cbc');
  const secret = randomBytes(32);
  const iv = randomBytes(isCbc ? 16 : 12);
  const cipher = isCbc ? createCipheriv('aes-256-cbc', secret, iv) : createCipheriv('aes-256-gcm', secret, iv);
  const body = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()]);
  const tag = 'getAuthTag' in cipher && !isCbc ? (cipher as CipherGCM).getAuthTag() : Buffer.alloc(0);
  if (how.damaged === true) body[0]! ^= 1;
  const padding = keyKind === 'pkcs1' ? tls.RSA_PKCS1_PADDING : tls.RSA_PKCS1_OAEP_PADDING;
  const oaepHash = keyKind === 'oaep' || keyKind === 'pkcs1' ? 'sha1' : 'sha256';
  const wrapped = publicEncrypt({ key: createPublicKey(certificate), padding, oaepHash }, secret);
  const method = {
    oaep: '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>',
    'oaep-sha256':
      `<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="${sha256}"/>` +
      '<e11:MGF xmlns:e11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod>',
    mixed: `<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"><ds:DigestMethod Algorithm="${sha256}"/></xenc:EncryptionMethod>`,
    pkcs1: '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"/>',
  }[keyKind];
  const value = (bytes: Buffer): string =>
    `<xenc:CipherData><xenc:CipherValue>${bytes.toString('base64')}</xenc:CipherValue></xenc:CipherData>`;
  return (
    '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">' +
    '<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">' +
    `<xenc:EncryptionMethod Algorithm="${content}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
    `<xenc:EncryptedKey>${method}${value(wrapped)}</xenc:EncryptedKey></ds:KeyInfo>` +
    `${value(Buffer.concat([iv, body, tag]))}</xenc:EncryptedData></saml:EncryptedAssertion>`
  );
}

/**
 * Signs an assertion with prefixes that canonicalisation keeps, as providers do. `signed` would note them at both
 * transforms, so SignedInfo is corrected, written in its canonical form, and signed anew.
 */
export function signedKeeping(xml: string, key: string, prefix: string): string {
  const draft = signed(xml, 'Assertion', key, { prefixes: [prefix] });
  const [info] = /<SignedInfo>.*<\/SignedInfo>/s.exec(draft)!;
  const list = `<InclusiveNamespaces xmlns="${exclusive}" PrefixList="${prefix}">`;
  const canonical = info
    .replace(/<InclusiveNamespaces[^>]*enveloped-signature"\/>/, '')
    .replace(/<InclusiveNamespaces[^>]*\/>/, `${list}</InclusiveNamespaces>`)
    .replace(/<(\w+)( [^>]*)?\/>/g, '<$1$2></$1>')
    .replace('<SignedInfo>', '<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#">');
  const value = signBytes(Buffer.from(canonical), createPrivateKey(key)).toString('base64');
  return draft.replace(info, canonical).replace(/(<SignatureValue>)[^<]*/, `$1${value}`);
}
