/**
 * A reader of XML for SAML, and of nothing else: of elements, attributes, namespaces and text.
 *
 * Signature wrapping lives on documents that two readers read differently. So a document is read whole by this strict
 * grammar first, and whatever readers could disagree about is refused: document types with their entities (XXE, entity
 * expansion), comments, processing instructions and CDATA (text cut short), undeclared prefixes, attributes given
 * twice, a second root, characters that XML does not have. What is left has one reading (A-ID-06).
 *
 * Invariants: time grows with the length; depth, elements and attributes are bounded. Names of elements are ASCII, as
 * all of SAML's are.
 *
 * Deliberately absent: writing, validation by a schema, XPath. Metadata may hold comments between elements: they are
 * skipped there, since all of it is trusted by who configured it.
 */
import * as limits from './limits.ts';

/** Which of the few answers that people get a refusal becomes. */
export type RefusalKind = 'refused' | 'stale' | 'denied';

/** Why a document or a message is not taken. For the log; people are told its kind alone (A-ID-10). */
export class Refusal extends Error {
  readonly kind: RefusalKind;

  constructor(reason: string, kind: RefusalKind = 'refused') {
    super(reason);
    this.name = 'Refusal';
    this.kind = kind;
  }
}

export interface XmlAttribute {
  /** As written, with its prefix. */
  readonly name: string;
  readonly prefix: string;
  readonly local: string;
  readonly value: string;
}

export interface XmlElement {
  /** As written, with its prefix. */
  readonly name: string;
  readonly local: string;
  /** Empty where it has none. */
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly (XmlElement | string)[];
  /** Prefixes in scope; `` is the default namespace. */
  readonly scope: ReadonlyMap<string, string>;
  /** Where it stands in the text: from `<` to behind the last `>`. */
  readonly start: number;
  readonly end: number;
}

interface Open extends Omit<XmlElement, 'end'> {
  readonly children: (XmlElement | string)[];
}

const name = '[A-Za-z_][A-Za-z0-9._-]*(?::[A-Za-z_][A-Za-z0-9._-]*)?';
const tagPattern = new RegExp(`<(/?)(${name})`, 'y');
const attributePattern = new RegExp(`[ \\t\\n]+(${name})[ \\t\\n]*=[ \\t\\n]*(?:"([^"<]*)"|'([^'<]*)')`, 'y');
const tagEndPattern = /[ \t\n]*(\/?)>/y;
const declarationPattern =
  /^<\?xml version=["']1\.[01]["'](?: encoding=["'][Uu][Tt][Ff]-8["'])?(?: standalone=["'](?:yes|no)["'])?[ ]*\?>/;
const referencePattern = /&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));|&/g;
const predefined: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
// XML 1.0 section 2.2; a surrogate without its other half is none either.
const illegalCharacter = /[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';

/** Lines as a processor of XML hands them on (XML 1.0 section 2.11). */
export function normaliseLines(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** The root of a document whose lines are normalised. Throws a Refusal. */
export function readXml(text: string, mayComment = false): XmlElement {
  if (illegalCharacter.test(text)) throw new Refusal('the document holds characters that XML does not have');
  return new Reader(text, mayComment).read();
}

class Reader {
  readonly #text: string;
  readonly #mayComment: boolean;
  readonly #stack: Open[] = [];
  #at = 0;
  #elements = 0;
  #root: XmlElement | null = null;

  constructor(text: string, mayComment: boolean) {
    this.#text = text;
    this.#mayComment = mayComment;
  }

  read(): XmlElement {
    this.#at = declarationPattern.exec(this.#text)?.[0].length ?? 0;
    while (this.#at < this.#text.length) {
      if (this.#text[this.#at] !== '<') this.#readText();
      else if (this.#mayComment && this.#text.startsWith('<!--', this.#at)) this.#skipComment();
      else this.#readTag();
    }
    if (this.#root === null || this.#stack.length > 0) throw new Refusal('the document is not whole');
    return this.#root;
  }

  #readText(): void {
    const next = this.#text.indexOf('<', this.#at);
    const end = next === -1 ? this.#text.length : next;
    const raw = this.#text.slice(this.#at, end);
    if (raw.includes(']]>')) throw new Refusal('the text holds the end of a CDATA section');
    const parent = this.#stack.at(-1);
    if (parent !== undefined) parent.children.push(resolve(raw));
    else if (/[^ \t\n]/.test(raw)) throw new Refusal('there is text outside of the root');
    this.#at = end;
  }

  #skipComment(): void {
    const end = this.#text.indexOf('-->', this.#at + 4);
    if (end === -1) throw new Refusal('a comment does not end');
    this.#at = end + 3;
  }

  #readTag(): void {
    const start = this.#at;
    const [, slash, tag = ''] = this.#match(tagPattern) ?? refuseMarkup(this.#text.slice(start, start + 9));
    if (slash === '/') {
      const [, selfClosing] = this.#match(tagEndPattern) ?? refuseMarkup(tag);
      const open = this.#stack.pop();
      if (selfClosing === '/' || open?.name !== tag) throw new Refusal('elements do not nest');
      this.#close(open);
      return;
    }
    this.#elements += 1;
    if (this.#elements > limits.elementsMax) throw new Refusal('the document has too many elements');
    if (this.#stack.length >= limits.depthMax) throw new Refusal('the document is too deep');
    if (this.#root !== null) throw new Refusal('the document has two roots');
    const attributes = this.#readAttributes();
    const [, selfClosing] = this.#match(tagEndPattern) ?? refuseMarkup(tag);
    const open = elementOf(tag, attributes, this.#stack.at(-1)?.scope, start);
    if (selfClosing === '/') this.#close(open);
    else this.#stack.push(open);
  }

  #readAttributes(): XmlAttribute[] {
    const attributes: XmlAttribute[] = [];
    for (let found = this.#match(attributePattern); found !== null; found = this.#match(attributePattern)) {
      const [, written = '', double, single] = found;
      // Blanks in values become spaces (XML 1.0 section 3.3.3).
      const value = resolve((double ?? single ?? '').replace(/[\t\n]/g, ' '));
      if (attributes.some((one) => one.name === written)) throw new Refusal('an attribute is given twice');
      attributes.push({ name: written, ...splitName(written), value });
      if (attributes.length > limits.attributesMax) throw new Refusal('an element has too many attributes');
    }
    return attributes;
  }

  #close(open: Open): void {
    const element = { ...open, end: this.#at };
    const parent = this.#stack.at(-1);
    if (parent === undefined) this.#root = element;
    else parent.children.push(element);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }
}

function refuseMarkup(near: string): never {
  const what = near.startsWith('<!--')
    ? 'a comment'
    : near.startsWith('<![')
      ? 'a CDATA section'
      : near.startsWith('<!')
        ? 'a document type or a declaration'
        : near.startsWith('<?')
          ? 'a processing instruction'
          : 'markup that is malformed';
  throw new Refusal(`the document holds ${what}`);
}

function splitName(written: string): { readonly prefix: string; readonly local: string } {
  const colon = written.indexOf(':');
  return colon === -1
    ? { prefix: '', local: written }
    : { prefix: written.slice(0, colon), local: written.slice(colon + 1) };
}

function elementOf(
  tag: string,
  attributes: readonly XmlAttribute[],
  outer: ReadonlyMap<string, string> | undefined,
  start: number,
): Open {
  const scope = scopeOf(attributes, outer ?? new Map([['xml', xmlNamespace]]));
  const { prefix, local } = splitName(tag);
  const namespace = scope.get(prefix) ?? (prefix === '' ? '' : refusePrefix());
  const seen = new Set<string>();
  for (const one of attributes) {
    if (one.prefix === '' || one.prefix === 'xmlns') continue;
    // Two prefixes of one namespace would give one attribute twice.
    const expanded = `${scope.get(one.prefix) ?? refusePrefix()} ${one.local}`;
    if (seen.has(expanded)) throw new Refusal('an attribute is given twice');
    seen.add(expanded);
  }
  return { name: tag, local, namespace, attributes, children: [], scope, start };
}

function refusePrefix(): never {
  throw new Refusal('a prefix is not declared');
}

function scopeOf(attributes: readonly XmlAttribute[], outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let scope: Map<string, string> | null = null;
  for (const { name: written, prefix, local, value } of attributes) {
    if (prefix !== 'xmlns' && written !== 'xmlns') continue;
    const declared = prefix === 'xmlns' ? local : '';
    const isReserved = declared === 'xml' || declared === 'xmlns' || value === xmlNamespace;
    // Readers disagree on undeclared prefixes and on namespaces that are relative references.
    if (isReserved || (declared !== '' && value === '') || (value !== '' && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(value))) {
      throw new Refusal('a namespace is declared in a way that readers disagree about');
    }
    scope ??= new Map(outer);
    scope.set(declared, value);
  }
  return scope ?? outer;
}

function resolve(raw: string): string {
  if (!raw.includes('&')) return raw;
  return raw.replace(referencePattern, (_whole, named?: string, decimal?: string, hexadecimal?: string) => {
    if (named !== undefined) return predefined[named]!;
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number.parseInt(decimal, 10);
    if (!Number.isInteger(code) || code > 0x10ffff) throw new Refusal('the document refers to an entity');
    const character = String.fromCodePoint(code);
    if (character !== '\r' && illegalCharacter.test(character)) throw new Refusal('a reference is no character');
    return character;
  });
}

/** The value of an attribute without a prefix, or null. */
export function attributeOf(element: XmlElement, local: string): string | null {
  return element.attributes.find((one) => one.name === local)?.value ?? null;
}

export function isElement(element: XmlElement | undefined, namespace: string, local: string): element is XmlElement {
  return element?.namespace === namespace && element.local === local;
}

/** Child elements; text between them is refused. */
export function elementsOf(element: XmlElement): readonly XmlElement[] {
  const found: XmlElement[] = [];
  for (const child of element.children) {
    if (typeof child !== 'string') found.push(child);
    else if (/[^ \t\n\r]/.test(child)) throw new Refusal(`there is text between the elements of ${element.local}`);
  }
  return found;
}

/** Child elements of one name. */
export function childrenOf(element: XmlElement, namespace: string, local: string): readonly XmlElement[] {
  return elementsOf(element).filter((child) => isElement(child, namespace, local));
}

/** The one child element of a name; null where there is none, refused where there are several. */
export function onlyChild(element: XmlElement, namespace: string, local: string): XmlElement | null {
  const found = childrenOf(element, namespace, local);
  if (found.length > 1) throw new Refusal(`${element.local} holds several ${local}`);
  return found[0] ?? null;
}

export function neededChild(element: XmlElement, namespace: string, local: string): XmlElement {
  const child = onlyChild(element, namespace, local);
  if (child === null) throw new Refusal(`${element.local} holds no ${local}`);
  return child;
}

/** The text of an element that holds text alone. */
export function textOf(element: XmlElement): string {
  let text = '';
  for (const child of element.children) {
    if (typeof child !== 'string') throw new Refusal(`${element.local} holds elements where text is due`);
    text += child;
  }
  return text;
}

/** The element and all below it. */
export function* everyElement(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) {
    if (typeof child !== 'string') yield* everyElement(child);
  }
}

/** Text for between tags, or for within the quotes of an attribute. */
export function escapeXml(text: string): string {
  if (illegalCharacter.test(text)) throw new Refusal('the text holds characters that XML does not have');
  return text.replace(/[&<>"'\t\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}
