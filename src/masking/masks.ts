/**
 * Masks: whose results are masked how. Compiled once per change of configuration; a set of masks in force is chosen once
 * per principal and resource, and a plan is made once per statement text.
 *
 * Invariants:
 * - What is not understood or cannot be enforced is refused when compiled, with the Mask, the field and the reason.
 * - All masks that match are in force; order does not matter.
 *
 * Deliberately absent: where objects come from; what a text means (language); the wire (protocols).
 */
import type { ValueMask } from '../core/masking.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { MaskMethod, MaskSpec, RuleObject } from '../core/rules.ts';
import { type ColumnPattern, compileColumn } from './columns.ts';
import { type CustomDetector, compileDictionary, compilePattern } from './custom.ts';
import { createDetectMask } from './detect.ts';
import type { DetectPart } from './detection.ts';
import { type DetectorName, detectors, expandDetector, groups } from './detectors/table.ts';
import { maskingErrors } from './errors.ts';
import {
  compileField,
  compileHeader,
  createHttpMasks,
  type FieldRule,
  fieldsMax,
  type HeaderRule,
  headersMax,
} from './http/index.ts';
import { Keyed } from './keyed.ts';
import { compileObjects, KubernetesMasks, type ObjectsTest } from './kubernetes/index.ts';
import * as limits from './limits.ts';
import { createMethodMask } from './methods.ts';
import { MaskSet, type PlannedMask } from './plan.ts';
import { compileSelector, type Selector, type SelectorTrace, spellList } from './selectors.ts';
import { choiceOf, fieldsOf, listOf, maskFields, methodOf, Place, textOf, textsOf } from './specification.ts';
import { createOutputStreams } from './terminal/index.ts';

/** How a Mask came to be in force or not: for `explain`. */
export interface MaskInForce {
  readonly name: string;
  readonly inForce: boolean;
  readonly conditions: readonly SelectorTrace[];
}

export interface CompiledMasks {
  /** The masks in force, or null where there are none. The same set for the same objects, so its plans are shared. */
  for(principal: Principal, resource: Resource): MaskSet | null;
  /** Every Mask, by name. */
  explain(principal: Principal, resource: Resource): readonly MaskInForce[];
}

interface Mask extends PlannedMask {
  readonly selector: Selector;
  readonly part: DetectPart | null;
  /** What it names in answers of HTTP. */
  readonly fields: FieldRule | null;
  readonly headers: HeaderRule | null;
  /** Of which objects of Kubernetes `fields` are; null: of all. */
  readonly objects: ObjectsTest | null;
}

function columnsOf(place: Place, value: unknown): ColumnPattern[] {
  const texts = textsOf(place, value, limits.columnsMax) ?? [];
  return texts.map((text, index) => compileColumn(place.at(index), text));
}

function detectorsOf(place: Place, value: unknown): ReadonlySet<DetectorName> {
  const names = new Set<DetectorName>();
  const known = [...Object.keys(groups), ...Object.keys(detectors)];
  (textsOf(place, value, limits.selectorEntriesMax) ?? []).forEach((name, index) => {
    const expanded = expandDetector(name);
    if (expanded === null) {
      throw maskingErrors('masking.unknown-detector', {
        values: {
          name: place.mask,
          field: place.at(index).field,
          detector: spellList([name]),
          known: `There are ${known.join(', ')}.`,
        },
      });
    }
    for (const one of expanded) names.add(one);
  });
  return names;
}

/** The name of a pattern or dictionary: it may stand in masked values. */
function nameOf(place: Place, value: unknown, seen: Set<string>): string {
  const name = textOf(place, value);
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) || name.length > limits.findingNameCharactersMax) {
    throw place.malformed(
      `is not a name of letters, digits, - and _ with at most ${limits.findingNameCharactersMax} characters`,
    );
  }
  if (expandDetector(name) !== null) throw place.malformed(`is the name of a built-in detector`);
  if (seen.has(name)) throw place.malformed(`is there twice`);
  seen.add(name);
  return name;
}

function patternsOf(place: Place, value: unknown, seen: Set<string>): CustomDetector[] {
  return (listOf(place, value, limits.patternsMax) ?? []).map((entry, index) => {
    const at = place.at(index);
    const fields = fieldsOf(at, entry, ['name', 'pattern']);
    const name = nameOf(at.at('name'), fields['name'], seen);
    return compilePattern(at.at('pattern'), name, textOf(at.at('pattern'), fields['pattern']));
  });
}

function dictionariesOf(place: Place, value: unknown, seen: Set<string>): CustomDetector[] {
  return (listOf(place, value, limits.patternsMax) ?? []).map((entry, index) => {
    const at = place.at(index);
    const fields = fieldsOf(at, entry, ['name', 'words']);
    const name = nameOf(at.at('name'), fields['name'], seen);
    const words = textsOf(at.at('words'), fields['words'], limits.dictionaryWordsMax);
    if (words === null) throw at.at('words').malformed('is missing');
    return compileDictionary(at.at('words'), name, words);
  });
}

function compileMask(object: RuleObject<MaskSpec>, hashKey: Buffer): Mask {
  const fields = maskFields(object);
  const { name } = object;
  const place = new Place(name, '');
  if (fields['match'] === undefined) throw place.at('match').malformed('is missing; an empty one selects everything');
  const columns = columnsOf(place.at('columns'), fields['columns']);
  const names = detectorsOf(place.at('detect'), fields['detect']);
  const seen = new Set<string>();
  const custom = [
    ...patternsOf(place.at('patterns'), fields['patterns'], seen),
    ...dictionariesOf(place.at('dictionaries'), fields['dictionaries'], seen),
  ];
  const detects = names.size > 0 || custom.length > 0;
  const pointers = (textsOf(place.at('fields'), fields['fields'], fieldsMax) ?? []).map((text, index) =>
    compileField(place.at('fields').at(index), text),
  );
  const headers = (textsOf(place.at('headers'), fields['headers'], headersMax) ?? []).map((text, index) =>
    compileHeader(place.at('headers').at(index), text),
  );
  if (columns.length + pointers.length + headers.length === 0 && !detects) {
    throw place.malformed('has no columns, fields, headers, detect, patterns or dictionaries, so it does nothing');
  }
  if (fields['predicates'] !== undefined && columns.length === 0) {
    throw place
      .at('predicates')
      .malformed('is given, but no columns: what detectors look for is not known by its column');
  }
  if (fields['unresolved'] !== undefined && columns.length + pointers.length === 0) {
    throw place
      .at('unresolved')
      .malformed('is given, but no columns or fields: what detectors look for is not known by its place');
  }
  const selected = fields['match'] as { readonly kubernetes?: unknown } | null;
  const objects = compileObjects(place.at('match').at('kubernetes'), selected?.kubernetes);
  if (objects !== null && pointers.length === 0) {
    throw place.at('match').at('kubernetes').malformed('is given, but no fields: it says of which objects they are');
  }
  const method: MaskMethod = methodOf(place.at('with'), fields['with']);
  const keyed = new Keyed(hashKey, name);
  const value = createMethodMask(name, method, keyed);
  return {
    name,
    selector: compileSelector(place.at('match'), fields['match']),
    columns,
    predicates: choiceOf(place.at('predicates'), fields['predicates'], ['block', 'allow'], 'block'),
    unresolved: choiceOf(place.at('unresolved'), fields['unresolved'], ['mask', 'block'], 'mask'),
    value,
    fields: pointers.length === 0 ? null : { patterns: pointers, value },
    headers: headers.length === 0 ? null : { patterns: headers, value },
    objects,
    part: detects ? { rule: name, method, keyed, names, custom } : null,
  };
}

function createSet(masks: readonly Mask[]): MaskSet {
  const parts = masks.map(({ part }) => part).filter((part) => part !== null);
  const detect: ValueMask | null = parts.length === 0 ? null : createDetectMask(parts);
  // A Mask that names objects of Kubernetes means nothing else by its fields.
  const fields = masks.map((mask) => (mask.objects === null ? mask.fields : null)).filter((rule) => rule !== null);
  const ofObjects = masks.flatMap((mask) => (mask.fields === null ? [] : [{ ...mask.fields, objects: mask.objects }]));
  const headers = masks.map((mask) => mask.headers).filter((rule) => rule !== null);
  const isStrict = masks.some((mask) => mask.fields !== null && mask.unresolved === 'block');
  const http =
    parts.length + fields.length + headers.length === 0 ? null : createHttpMasks({ fields, headers, parts, isStrict });
  const kubernetes =
    parts.length + ofObjects.length + headers.length === 0
      ? null
      : new KubernetesMasks({ fields: ofObjects, headers, parts, isStrict });
  return new MaskSet(masks, detect, createOutputStreams(parts), http, kubernetes);
}

/**
 * Compiles Masks, in any order. Throws a `masking.*` error where one cannot be used as it stands; nothing is compiled
 * then. `hashKey` is for keyed hashes and pseudo-random digits: the same key gives the same values on every gateway. It
 * is not kept; keys of each Mask's own are derived from it. What was compiled does not change with the objects.
 */
export function compileMasks(
  objects: readonly RuleObject<MaskSpec>[],
  options: { readonly hashKey: Buffer },
): CompiledMasks {
  if (options.hashKey.length < limits.hashKeyBytesMin) {
    throw maskingErrors('masking.short-key', { values: { minimum: limits.hashKeyBytesMin } });
  }
  if (objects.length > limits.masksMax) {
    throw maskingErrors('masking.too-many-masks', { values: { maximum: limits.masksMax } });
  }
  const masks = objects
    .map((object) => ({ mask: compileMask(object, options.hashKey), key: Buffer.from(object.name) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ mask }) => mask);
  masks.forEach((mask, index) => {
    if (mask.name === masks[index - 1]?.name) throw new Place(mask.name, '').malformed('has the name of another Mask');
  });
  const sets = new Map<string, MaskSet | null>();
  const chosen = new WeakMap<Principal, WeakMap<Resource, MaskSet | null>>();
  const choose = (principal: Principal, resource: Resource): MaskSet | null => {
    const inForce = masks.filter(({ selector }) => selector.holds(principal, resource));
    if (inForce.length === 0) return null;
    const key = inForce.map((mask) => masks.indexOf(mask)).join();
    let set = sets.get(key);
    if (set === undefined) {
      if (sets.size >= limits.maskSetsMax) sets.clear();
      set = createSet(inForce);
      sets.set(key, set);
    }
    return set;
  };
  return {
    for: (principal, resource) => {
      let byResource = chosen.get(principal);
      if (byResource === undefined) {
        byResource = new WeakMap();
        chosen.set(principal, byResource);
      }
      let set = byResource.get(resource);
      if (set === undefined) {
        set = choose(principal, resource);
        byResource.set(resource, set);
      }
      return set;
    },
    explain: (principal, resource) =>
      masks.map(({ name, selector }) => ({
        name,
        inForce: selector.holds(principal, resource),
        conditions: selector.explain(principal, resource),
      })),
  };
}
