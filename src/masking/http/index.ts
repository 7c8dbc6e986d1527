/** What the room makes of its Masks for answers of HTTP; see README.md. */
import type { BodyMask, BodyType, HttpMasks, MessageMask, ValueMask } from '../../core/masking.ts';
import type { MessageType } from '../../core/messages.ts';
import { Detection, type DetectPart } from '../detection.ts';
import { Finder } from '../terminal/finder.ts';
import { nothing } from './body.ts';
import { CsvBody } from './csv.ts';
import { EventsBody } from './events.ts';
import { FormBody } from './form.ts';
import { createHeaderMask, type HeaderMask, type HeaderRule } from './headers.ts';
import { JsonBody } from './json.ts';
import { createJsonRules, type JsonRules } from './json-place.ts';
import * as limits from './limits.ts';
import { TextBody } from './lines.ts';
import { MessagesMask } from './messages.ts';
import { MultipartBody } from './multipart.ts';
import { PassingBody, RefusedBody, ReplacedBody, ScannedBody, SniffedBody } from './other.ts';
import { FieldAutomaton, type FieldRule } from './pointers.ts';
import { type BodyKind, isReadable, kindOf } from './types.ts';
import { Values } from './values.ts';

export { compileHeader, type HeaderRule } from './headers.ts';
export { fieldsMax, headersMax } from './limits.ts';
export { compileField, type FieldRule } from './pointers.ts';

/** What the Masks in force ask for. Rules come by name; of several that name a place the strictest counts. */
export interface HttpRules {
  readonly fields: readonly FieldRule[];
  readonly headers: readonly HeaderRule[];
  readonly parts: readonly DetectPart[];
  /** A Mask with `fields` has `unresolved: block`. */
  readonly isStrict: boolean;
}

/** Masks for answers of HTTP. Made once per set of masks. */
export function createHttpMasks(rules: HttpRules): HttpMasks {
  const values = rules.parts.length === 0 ? null : new Values(new Detection(rules.parts));
  const finder = rules.parts.length === 0 ? null : new Finder(rules.parts);
  const fields = rules.fields.length === 0 ? null : new FieldAutomaton(rules.fields);
  const header = createHeaderMask(rules.headers, values, null);
  const bodies = new Bodies(createJsonRules(fields, values), finder, header, rules.isStrict);
  return Object.freeze({
    header: (name: string, value: string) => header(name, value),
    body: (type: BodyType) => bodies.of(type, 0),
    messages: (type: MessageType) => new MessagesMask(type, fields, values),
  });
}

class Bodies {
  readonly #json: JsonRules;
  readonly #finder: Finder | null;
  readonly #header: HeaderMask;
  readonly #isStrict: boolean;

  constructor(json: JsonRules, finder: Finder | null, header: HeaderMask, isStrict: boolean) {
    this.#json = json;
    this.#finder = finder;
    this.#header = header;
    this.#isStrict = isStrict;
  }

  /** `depth`: parts within parts. */
  of(type: BodyType, depth: number): BodyMask {
    const { fields, values } = this.#json;
    const kind = kindOf(type.mediaType);
    if (kind === 'multipart') return this.#multipart(type, depth);
    if (fields === null && values === null) return new PassingBody();
    if (kind === 'media') return this.#scanned();
    if (kind === 'unread') return fields === null ? this.#scanned() : new RefusedBody(unread(type));
    if (!isReadable(type, kind)) {
      return new RefusedBody(`its character set (${(type.charset ?? '').slice(0, 40)}) cannot be read`);
    }
    return this.#readable(type, kind);
  }

  #readable(type: BodyType, kind: Exclude<BodyKind, 'multipart' | 'media' | 'unread'>): BodyMask {
    const { fields, values } = this.#json;
    switch (kind) {
      case 'json':
        return new JsonBody(this.#json);
      case 'json-seq':
        return new JsonBody(this.#json, true);
      case 'events':
        return new EventsBody(this.#json);
      case 'csv':
      case 'tsv':
        return new CsvBody({ fields, values, isStrict: this.#isStrict }, kind === 'tsv' ? 0x09 : null);
      case 'form':
        return new FormBody(fields, values);
      case 'markup':
        return fields === null ? this.#text() : new RefusedBody(unread(type));
      case 'text':
        if (fields === null) return this.#text();
        return new SniffedBody(
          () => new JsonBody(this.#json),
          () => (this.#isStrict ? new RefusedBody(unread(type)) : this.#text()),
        );
    }
  }

  #text(): BodyMask {
    const { values } = this.#json;
    return values === null ? new PassingBody() : new TextBody(values);
  }

  #scanned(): BodyMask {
    return this.#finder === null ? new PassingBody() : new ScannedBody(this.#finder);
  }

  #multipart({ boundary }: BodyType, depth: number): BodyMask {
    const { fields } = this.#json;
    if (boundary === null || boundary === '' || boundary.length > limits.boundaryCharactersMax) {
      return new RefusedBody(`its boundary is missing, or has more than ${limits.boundaryCharactersMax} characters`);
    }
    if (depth >= limits.multipartDepthMax) {
      return new RefusedBody(`it has multipart within multipart more than ${limits.multipartDepthMax} times`);
    }
    const rules = {
      // Before the first part and behind the last there is nothing that anybody reads.
      body: (type: BodyType, at: number) => this.of(type, at),
      rewrites: (type: BodyType) => !['media', 'unread'].includes(kindOf(type.mediaType)),
      header: this.#header,
      field: (name: string) =>
        fields === null ? null : (fields.root.mask ?? fields.step(fields.root, name.toLowerCase()).mask),
    };
    return new MultipartBody(rules, boundary, depth);
  }
}

function unread({ mediaType }: BodyType): string {
  const type = mediaType === null ? 'a body without a type' : `the type ${mediaType.slice(0, 80)}`;
  return `fields are masked here, and ${type} cannot be read for them`;
}

/** Everything is masked (the verdict `mask` of a guardrail): each JSON text, event or body becomes one value. */
export function maskHttpWholly(mask: ValueMask): HttpMasks {
  const everywhere: FieldRule = { patterns: [{ steps: ['**'] }], value: mask };
  const json = createJsonRules(new FieldAutomaton([everywhere]), null);
  const header = createHeaderMask([], null, mask);
  const all = new FieldAutomaton([everywhere]);
  const text = { type: 'text', column: '', charactersMax: null } as const;
  return Object.freeze({
    header: (name: string, value: string) => header(name, value),
    messages: (type: MessageType) => new MessagesMask(type, all, null),
    body: (type: BodyType): BodyMask => {
      const kind = kindOf(type.mediaType);
      if (kind === 'media' || kind === 'unread' || kind === 'multipart') {
        return new RefusedBody('everything is masked here, and of its type nothing would be left');
      }
      if (kind === 'json' || kind === 'json-seq') return new JsonBody(json, kind === 'json-seq');
      const replace = (bytes: Buffer | null, hits: { count(rule: string): void }): Buffer => {
        hits.count(mask.rule);
        if (bytes === null) return mask.how === 'null' ? nothing : Buffer.from('[redacted]');
        return mask.apply(bytes, text) ?? nothing;
      };
      if (kind !== 'events') return new ReplacedBody(replace);
      return new EventsBody(json, (hits) => replace(null, hits).toString());
    },
  });
}

/** First one, then the other over what is left. */
function inTurn(first: BodyMask, second: BodyMask): BodyMask {
  return {
    push: (view) => {
      const once = first.push(view);
      if (first.fault !== null) return nothing;
      const twice = second.push(once);
      return second.fault === null ? twice : nothing;
    },
    end: () => {
      const last = first.end();
      if (first.fault !== null) return nothing;
      const given = [Buffer.from(second.push(last)), second.end()];
      return second.fault === null ? Buffer.concat(given) : nothing;
    },
    get fault() {
      return first.fault ?? second.fault;
    },
    get hits() {
      return hitsOf(first, second);
    },
  };
}

type Counted = Pick<BodyMask, 'hits'>;

function hitsOf(first: Counted, second: Counted): ReadonlyMap<string, number> {
  const all = new Map(first.hits);
  for (const [rule, count] of second.hits) all.set(rule, (all.get(rule) ?? 0) + count);
  return all;
}

function messagesInTurn(first: MessageMask, second: MessageMask): MessageMask {
  return {
    apply: (message) => second.apply(first.apply(message)),
    get fault() {
      return first.fault ?? second.fault;
    },
    get hits() {
      return hitsOf(first, second);
    },
  };
}

/** What both plans ask for. Absent: that plan asks for nothing. */
export function joinHttp(first: HttpMasks | undefined, second: HttpMasks | undefined): HttpMasks | undefined {
  if (first === undefined || second === undefined || first === second) return first ?? second;
  const [one, other] = [first.messages?.bind(first), second.messages?.bind(second)];
  return {
    body: (type) => inTurn(first.body(type), second.body(type)),
    ...(one === undefined || other === undefined
      ? {}
      : { messages: (type: MessageType) => messagesInTurn(one(type), other(type)) }),
    header: (name, value) => second.header(name, first.header(name, value)),
  };
}
