/**
 * What comes back written: an object that was read through Masks and is stored again would have what they left in place of
 * what they hid. A request whose body may say so is refused, with the place.
 *
 * | left by                       | is told by                                                                     |
 * |-------------------------------|--------------------------------------------------------------------------------|
 * | redact                        | `[redacted]` anywhere in the object, in base64 or not; at a masked place also 0 |
 * | partial                       | the ends with eight stars between                                              |
 * | hash                          | 32 hexadecimal digits; of detectors `[NAME:…]`                                 |
 * | format-preserving             | nothing: whatever stands there counts                                          |
 * | null                          | null; in a patch null takes away, which only Masks with `null` refuse          |
 *
 * Invariants: fails closed: what was not read of a body may be anything. A patch that copies, moves or compares what is
 * masked is refused, since what comes of it would tell it.
 *
 * Deliberately absent: putting back what stands in the cluster; numbers that detectors found, of which nothing tells.
 */
import type { KubernetesMeaning, KubernetesPart } from '../../core/kubernetes.ts';
import { lastAppliedPlace } from '../../core/kubernetes-places.ts';
import type { ValueMask } from '../../core/masking.ts';
import { Detection, type DetectPart } from '../detection.ts';
import { FieldAutomaton, type FieldRule, type FieldState } from '../http/pointers.ts';
import { partialFill, redacted } from '../spelling.ts';
import { Work } from '../work.ts';

/** Why a request must not pass. */
export interface WriteRefusal {
  readonly rule: string;
  readonly reason: string;
}

interface Left {
  readonly rule: string;
  readonly at: readonly string[];
  /** False: it cannot be told from what a Mask leaves. */
  readonly isCertain: boolean;
}

type Found = Pick<Left, 'rule' | 'isCertain'> | null;

/** Of the object's own places; `fields` are those of the Masks that are in force for it. */
export interface WrittenRules {
  readonly fields: readonly FieldRule[];
  readonly parts: readonly DetectPart[];
  /** Texts of it may be base64. */
  readonly hasBytes: boolean;
}

const advice =
  'Leave it out and change other fields only (kubectl patch, kubectl edit), or write the real value. Ask an administrator for an exception if you need it.';

const writing: ReadonlySet<string> = new Set(['create', 'update', 'patch']);

/** Null where the request may store nothing that Masks left. */
export function refusalOf(
  { verb, isResourceRequest, body }: KubernetesMeaning,
  rules: WrittenRules,
): WriteRefusal | null {
  const [first] = [...rules.fields.map(({ value }) => value.rule), ...rules.parts.map(({ rule }) => rule)];
  if (first === undefined || !isResourceRequest || !writing.has(verb) || body.kind === 'none') return null;
  const unread = body.kind === 'unread' ? body.reason : partlyRead(body.parts, body.patch === 'json-patch');
  if (unread !== null || body.kind === 'unread') {
    return {
      rule: first,
      reason: `It cannot be told whether this request would store what a Mask left in place of a value: its body was not read, since ${unread}. Send it as JSON (kubectl apply -f, kubectl create -f).`,
    };
  }
  const written = new Written(rules, body.patch !== null);
  for (const at of body.reads ?? []) {
    const rule = written.reading(at);
    if (rule !== null) {
      return { rule, reason: `The patch copies, moves or compares ${spell(at)}, which is masked for you. ${advice}` };
    }
  }
  for (const part of body.parts) {
    const left = written.in(part);
    if (left !== null) return { rule: left.rule, reason: reasonOf(left) };
  }
  return null;
}

function reasonOf({ at, isCertain }: Left): string {
  return isCertain
    ? `What is to be written at ${spell(at)} is what a Mask left there: it would replace the real value. ${advice}`
    : `What is to be written at ${spell(at)} cannot be told from what a Mask shows you there, which would replace the real value. ${advice}`;
}

function partlyRead(parts: readonly KubernetesPart[], isOperations: boolean): string | null {
  // Of an operation that takes away or copies nothing is written that was sent.
  return isOperations || parts.every(({ known }) => known === undefined)
    ? null
    : 'only its name and labels could be read';
}

/** Longest place that is told, in characters. */
const placeMax = 200;

function spell(at: readonly string[]): string {
  return `/${at.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`.slice(0, placeMax);
}

const hashed = /^[0-9a-f]{32}$/;
const hashedFinding = /\[[A-Za-z0-9][A-Za-z0-9_-]*:[a-p]{16}\]/;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
const text = { type: 'text', column: '', charactersMax: null } as const;
const lastApplied = lastAppliedPlace.join('/');

class Written {
  readonly #rules: WrittenRules;
  readonly #isPatch: boolean;
  readonly #fields: FieldAutomaton;
  readonly #rule: string;
  /** What detectors leave in a text. */
  readonly #marks: readonly RegExp[];
  /** Where what they leave looks like what they look for. */
  readonly #preserving: Detection | null;
  readonly #work = new Work();

  constructor(rules: WrittenRules, isPatch: boolean) {
    this.#rules = rules;
    this.#isPatch = isPatch;
    this.#fields = new FieldAutomaton(rules.fields);
    this.#rule = rules.fields[0]?.value.rule ?? rules.parts[0]!.rule;
    this.#marks = rules.parts.flatMap(({ method }) => marksOf(method));
    this.#preserving = rules.parts.some(({ method }) => method === 'format-preserving')
      ? new Detection(rules.parts)
      : null;
  }

  /** The Mask of what may stand at a place, above it or below. */
  reading(at: readonly string[]): string | null {
    let state: FieldState = this.#fields.root;
    for (const name of at) {
      if (state.mask !== null) return state.mask.rule;
      state = this.#fields.step(state, name.toLowerCase());
    }
    return state.mask?.rule ?? (state.isDead || this.#rules.fields.length === 0 ? null : this.#rule);
  }

  in({ at, value, known }: KubernetesPart): Left | null {
    if (known !== undefined) return null;
    let state: FieldState | null = this.#fields.root;
    for (const name of at) state = this.#below(state, name, false);
    return this.#visit(value, state, at);
  }

  /** Null: within what is masked as a whole, of which one value is left. */
  #below(state: FieldState | null, name: string, isIndex: boolean): FieldState | null {
    if (state === null || state.mask !== null) return null;
    return isIndex ? this.#fields.index(state, Number(name)) : this.#fields.step(state, name.toLowerCase());
  }

  #visit(value: unknown, state: FieldState | null, at: readonly string[]): Left | null {
    if (typeof value !== 'object' || value === null) {
      const found = this.#scalar(value, state?.mask ?? null, at);
      return found === null ? null : { ...found, at };
    }
    const isIndex = Array.isArray(value);
    for (const [name, one] of Object.entries(value)) {
      const place = [...at, name];
      const found = isIndex ? null : this.#text(name, name);
      if (found !== null) return { ...found, at: place };
      const left = this.#visit(one, this.#below(state, name, isIndex), place);
      if (left !== null) return left;
    }
    return null;
  }

  #scalar(value: unknown, mask: ValueMask | null, at: readonly string[]): Found {
    const byPlace = mask === null ? null : leftBy(mask, value, this.#isPatch);
    if (byPlace !== null || typeof value !== 'string') return byPlace;
    if (this.#rules.fields.length > 0 && at.join('/') === lastApplied && this.#holdsLeft(value)) {
      return { rule: this.#rule, isCertain: true };
    }
    const plain = this.#rules.hasBytes ? decoded(value) : null;
    return this.#text(value, at.at(-1) ?? '') ?? (plain === null ? null : this.#text(plain, at.at(-1) ?? ''));
  }

  /** The object that was applied, as a text. One that cannot be read had to be masked whole. */
  #holdsLeft(applied: string): boolean {
    let object: unknown;
    try {
      object = JSON.parse(applied);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return applied.includes(redacted);
    }
    return this.#visit(object, this.#fields.root, []) !== null;
  }

  #text(value: string, name: string): Found {
    if (value === redacted) return { rule: this.#rule, isCertain: true };
    const { parts } = this.#rules;
    if (parts.length === 0) return null;
    if (value.includes(redacted) || this.#marks.some((mark) => mark.test(value))) {
      return { rule: parts[0]!.rule, isCertain: true };
    }
    return this.#preserving === null ? null : this.#alike(this.#preserving, value, name);
  }

  #alike(detection: Detection, value: string, name: string): Found {
    this.#work.reset();
    const found = detection.scanner.scan(value, name, this.#work).map((finding) => detection.ownerOf(finding));
    if (this.#work.exhausted) return { rule: detection.rule, isCertain: false };
    const part = found.find(({ method }) => method === 'format-preserving');
    return part === undefined ? null : { rule: part.rule, isCertain: false };
  }
}

function marksOf(method: DetectPart['method']): readonly RegExp[] {
  if (method === 'hash') return [hashedFinding];
  if (typeof method === 'string') return [];
  const { first = 0, last = 0 } = method.partial;
  const fill = partialFill.replaceAll('*', String.raw`\*`);
  return [new RegExp(`(?<!\\*)[\\p{L}\\p{N}]{${first}}${fill}[\\p{L}\\p{N}]{${last}}(?!\\*)`, 'u')];
}

/** Whether a value is what a mask of whole values leaves. */
function leftBy(mask: ValueMask, value: unknown, isPatch: boolean): Found {
  const { rule, how } = mask;
  const certain = { rule, isCertain: true };
  const perhaps = { rule, isCertain: false };
  switch (typeof value) {
    case 'string': {
      const plain = decoded(value);
      const texts = plain === null ? [value] : [value, plain];
      if (texts.includes(redacted)) return certain;
      if (how === 'partial') return texts.some((one) => isKept(mask, one)) ? certain : null;
      if (how === 'hash') return texts.some((one) => hashed.test(one)) ? certain : null;
      return how === 'format-preserving' && value !== '' ? perhaps : null;
    }
    case 'number':
    case 'bigint':
      if (how === 'null') return null;
      return how === 'redact' ? (Number(value) === 0 ? certain : null) : perhaps;
    case 'boolean':
      return null;
    default:
      // A boolean becomes null by every method; in a patch null says to take away.
      return how === 'null' || !isPatch ? certain : null;
  }
}

/** A mask that keeps the ends keeps what it left before. */
function isKept(mask: ValueMask, value: string): boolean {
  return value.includes(partialFill) && mask.apply(Buffer.from(value), text)?.toString() === value;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a text in base64 stands for, where that is text; otherwise null. */
function decoded(value: string): string | null {
  if (value.length % 4 !== 0 || !base64.test(value)) return null;
  try {
    return decoder.decode(Buffer.from(value, 'base64'));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}
