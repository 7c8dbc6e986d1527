/**
 * Places in bodies of requests: JSON pointers (RFC 6901) where `*` stands for any one name or index, `/items/*\/price`, and
 * `pointer=value`. Fields of forms are `/name`; `a[b][]`, as many frameworks nest them, is `/a/b` too.
 *
 * Invariants: names and values compare without regard to case; a number compares as a number, however it is spelled. A body
 * that was not read finds `perhaps`. Time is bounded by the names and values of a body for each pattern.
 */
import type { HttpBody } from '../core/http.ts';
import type { Fields } from './fields.ts';
import { type Finding, no, perhaps, yes } from './finding.ts';
import { compileName, type NameTest } from './glob.ts';
import { type HttpPart, hidesContent } from './http-facts.ts';

interface Place {
  readonly segments: readonly NameTest[];
  /** Null: whatever it is. */
  readonly value: ValueTest | null;
}

export type ValueTest = (value: string) => boolean;

export function compileBody(fields: Fields, path: string, patterns: readonly string[]): HttpPart {
  const places = patterns.map((pattern, index): Place => {
    const { segments, value } = readPlace(
      fields,
      `${path}[${index}]`,
      pattern,
      '/customer/name, or /customer/name=value',
    );
    return { segments: segments.map(segmentTest), value };
  });
  return (http) => {
    const found = places.reduce<Finding>((sum, place) => sum | findIn(http.body, place), no);
    if ((found & yes) !== 0) return yes;
    return found !== no || hidesContent(http) ? perhaps : no;
  };
}

/** The parts of `pointer` or `pointer=value`. `examples`: what they look like here. */
export function readPlace(
  fields: Fields,
  path: string,
  pattern: string,
  examples: string,
): { readonly segments: readonly string[]; readonly value: ValueTest | null } {
  const at = pattern.indexOf('=');
  const pointer = at < 0 ? pattern : pattern.slice(0, at);
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    throw fields.fault(path, `this is no JSON pointer such as ${examples}`);
  }
  return { segments: pointer.slice(1).split('/'), value: at < 0 ? null : valueTest(pattern.slice(at + 1)) };
}

export function segmentTest(segment: string): NameTest {
  return compileName(segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** `100` means `100.0` and `"1e2"` too: services turn texts into numbers. */
function valueTest(pattern: string): ValueTest {
  const is = compileName(pattern);
  const wanted = numberOf(pattern);
  return (value) => is(value.toLowerCase()) || (wanted !== null && numberOf(value) === wanted);
}

function numberOf(text: string): number | null {
  return /^\s*[-+]?[0-9.][0-9.eE+-]*\s*$/.test(text) && text.length <= 64 ? Number(text) : null;
}

function findIn(body: HttpBody, place: Place): Finding {
  if (body.kind === 'json') return isIn(body, body.value, place, 0) ? yes : no;
  if (body.kind !== 'form') return no;
  for (const [name, value] of body.fields) {
    if (isNamed(name, place) && (place.value === null || place.value(value))) return yes;
  }
  // A file's content may be what the rule asks for: some services take it for the field's value.
  const isFile = body.files?.some(([name]) => isNamed(name, place)) ?? false;
  return !isFile ? no : place.value === null ? yes : perhaps;
}

type Json = Extract<HttpBody, { kind: 'json' }>;

function isIn(body: Json, value: unknown, { segments, value: test }: Place, depth: number): boolean {
  const segment = segments[depth];
  if (segment === undefined) return test === null || test(textOf(value));
  if (typeof value !== 'object' || value === null) return false;
  for (const [name, member] of Object.entries(value)) {
    if (isCalled(body, name, segment) && isIn(body, member, { segments, value: test }, depth + 1)) return true;
  }
  return false;
}

function isCalled({ names }: Json, name: string, segment: NameTest): boolean {
  if (segment(name.toLowerCase())) return true;
  if (names === undefined || !Object.hasOwn(names, name)) return false;
  return names[name]!.some((other) => segment(other.toLowerCase()));
}

/** Objects and lists have no text that a pattern other than `*` could mean. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'object' && value !== null ? '\0' : String(value);
}

function isNamed(name: string, { segments }: Place): boolean {
  const lower = name.toLowerCase();
  if (segments.length === 1 && segments[0]!(lower)) return true;
  const nested = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(lower);
  if (nested === null) return false;
  const names = [nested[1]!, ...nested[2]!.slice(1, -1).split('][')];
  return names.length >= segments.length && segments.every((segment, index) => segment(names[index]!));
}
