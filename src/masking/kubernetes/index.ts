/**
 * Masks over the answers of Kubernetes API servers: `fields` are places in objects, and hold wherever an object stands: alone,
 * in a list, in the events of a watch, in the rows of a table.
 *
 * Invariants:
 * - Which Masks are for an answer is decided by the request alone: resource and namespace, never by what comes back.
 * - Where fields are masked, answers are JSON or they do not pass: protobuf, CBOR and YAML cannot be read for them.
 * - The annotation in which kubectl keeps the last applied object is masked as that object. Bytes in base64 are masked as what
 *   they stand for, and stay base64; detectors look at what they stand for, too.
 * - A cell of a table whose column shows a masked field, or shows nobody knows what, is redacted.
 * - What Masks left is not written back (written.ts): with `null` detectors redact here, so that it can be told.
 *
 * Deliberately absent: streams of exec and port-forward; asking the server for JSON and for no table (the protocol's).
 */

import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { kubernetesBytePlaces, kubernetesObjectPlaces, lastAppliedPlace } from '../../core/kubernetes-places.ts';
import type { BodyType, HttpMasks } from '../../core/masking.ts';
import { Detection } from '../detection.ts';
import { createHttpMasks, type HttpRules } from '../http/index.ts';
import { JsonBody } from '../http/json.ts';
import { createJsonRules, type JsonRules } from '../http/json-place.ts';
import { RefusedBody } from '../http/other.ts';
import { FieldAutomaton, type FieldPattern, type FieldRule } from '../http/pointers.ts';
import { kindOf } from '../http/types.ts';
import { Values } from '../http/values.ts';
import { detectedInBase64, inBase64, inJson } from './embedded.ts';
import type { ObjectsTest } from './objects.ts';
import { below, common, stepsOf } from './patterns.ts';
import { tableRules } from './tables.ts';
import { refusalOf, type WriteRefusal } from './written.ts';

export { compileObjects, type ObjectsTest } from './objects.ts';

/** The `fields` of one Mask, and of which objects; null: of all. */
export interface ObjectRule extends FieldRule {
  readonly objects: ObjectsTest | null;
}

export interface KubernetesRules extends Omit<HttpRules, 'fields'> {
  readonly fields: readonly ObjectRule[];
}

/** Sets of rules for kinds of answers that are remembered: resources times verbs, of which a cluster has a few hundred. */
export const answersRemembered = 512;

/** Masks for the answers of an API server, by what was asked for. Made once per set of masks. */
export class KubernetesMasks {
  readonly #rules: KubernetesRules;
  readonly #values: Values | null;
  /** For what has no objects: logs, metrics, discovery. */
  readonly #plain: HttpMasks;
  /** For what is behind a proxy, which answers as it likes. */
  readonly #proxied: HttpMasks;
  readonly #known = new Map<string, HttpMasks>();

  constructor(given: KubernetesRules) {
    // Of what was taken out of a text nothing would tell that it is missing.
    const parts = given.parts.map((part) => (part.method === 'null' ? { ...part, method: 'redact' as const } : part));
    const rules = { ...given, parts };
    this.#rules = rules;
    this.#values = parts.length === 0 ? null : new Values(new Detection(parts));
    this.#plain = createHttpMasks({ ...rules, fields: [] });
    this.#proxied = createHttpMasks(rules);
  }

  /** Why a request must not pass whose body may store what these Masks left; null where it does not. */
  refusal(meaning: KubernetesMeaning): WriteRefusal | null {
    const inForce = this.#inForce(meaning);
    const { resource, apiGroup } = meaning;
    return refusalOf(meaning, {
      fields: isSecret(meaning) ? inForce.map(inPlainText) : inForce,
      parts: this.#rules.parts,
      hasBytes: kubernetesBytePlaces(resource, apiGroup).length > 0,
    });
  }

  #inForce(meaning: KubernetesMeaning | null): readonly ObjectRule[] {
    return this.#rules.fields.filter(({ objects }) => objects === null || objects(meaning));
  }

  /** Null: nothing is known of the request, and every Mask is for it. */
  for(meaning: KubernetesMeaning | null): HttpMasks {
    if (meaning?.isResourceRequest === false) return this.#plain;
    if (meaning?.verb === 'proxy') return this.#proxied;
    const inForce = this.#inForce(meaning);
    const asked = meaning === null ? '' : [meaning.serverVerb, meaning.subresource, meaning.resource, meaning.apiGroup];
    const key = JSON.stringify([asked, inForce.map((rule) => this.#rules.fields.indexOf(rule))]);
    let masks = this.#known.get(key);
    if (masks === undefined) {
      if (this.#known.size >= answersRemembered) this.#known.clear();
      masks = this.#make(meaning, inForce);
      this.#known.set(key, masks);
    }
    return masks;
  }

  #make(meaning: KubernetesMeaning | null, rules: readonly FieldRule[]): HttpMasks {
    const plain = this.#plain;
    const json = rulesFor(meaning, rules, this.#values);
    if (json === null) return plain;
    const isLog = meaning?.subresource === 'log';
    return Object.freeze({
      header: (name: string, value: string) => plain.header(name, value),
      body: (type: BodyType) => {
        if (kindOf(type.mediaType) === 'json') return new JsonBody(json());
        // A log is text, and has no places. Without fields, detectors do what they can.
        if (rules.length === 0 || (isLog && type.mediaType === 'text/plain')) return plain.body(type);
        return new RefusedBody(
          `fields of objects are masked here, and only answers in JSON can be read for them, not ${(type.mediaType ?? 'a body without a type').slice(0, 80)}`,
        );
      },
    });
  }
}

/** Rules for one answer. Null where nothing is masked in objects. */
function rulesFor(
  meaning: KubernetesMeaning | null,
  rules: readonly FieldRule[],
  values: Values | null,
): (() => JsonRules) | null {
  const bytes = meaning === null ? [] : kubernetesBytePlaces(meaning.resource, meaning.apiGroup).map(stepsOf);
  const inObject = objectRules(rules, bytes, values, isSecret(meaning));
  if (inObject.length === 0 && values === null) return null;
  const objects = new FieldAutomaton(inObject);
  const ruleName = rules[0]?.value.rule ?? values?.detection.rule ?? '';
  const applied: FieldRule = {
    patterns: [{ steps: stepsOf(lastAppliedPlace) }],
    value: inJson(ruleName, createJsonRules(inObject.length === 0 ? null : objects, values)),
  };
  const places = kubernetesObjectPlaces(meaning);
  const tables = places.flatMap((place) => (place.at(-3) === 'rows' ? [place.slice(0, -3)] : []));
  // Without fields, detectors look at that text as at any other.
  const everywhere = [...inObject, ...(rules.length === 0 ? [] : [applied])].map(({ patterns, value }) => ({
    patterns: places.flatMap((place) => patterns.map((pattern) => below(place, pattern))),
    value,
  }));
  const shared = createJsonRules(new FieldAutomaton(everywhere), values);
  if (rules.length === 0) return () => shared;
  const { resource, apiGroup } = meaning ?? { resource: '', apiGroup: '' };
  // What the columns of a table are is told in the answer.
  return () => {
    const ofTables = tableRules({ fields: rules, values, resource, group: apiGroup }, tables);
    return { ...shared, fields: new FieldAutomaton([...everywhere, ...ofTables]) };
  };
}

function isSecret(meaning: KubernetesMeaning | null): boolean {
  return meaning === null || (meaning.resource === 'secrets' && meaning.apiGroup === '');
}

/** Of equally strict masks the first counts, so those that know about base64 stand before. */
function objectRules(
  rules: readonly FieldRule[],
  bytes: readonly FieldPattern['steps'][],
  values: Values | null,
  withPlainText: boolean,
): readonly FieldRule[] {
  const encoded = rules.map(({ patterns, value }) => ({
    patterns: patterns.flatMap(({ steps }) => bytes.flatMap((place) => common(steps, place))),
    value: inBase64(value),
  }));
  const plain = withPlainText ? rules.map(inPlainText) : rules;
  const detected =
    values === null ? [] : [{ patterns: bytes.map((steps) => ({ steps })), value: detectedInBase64(values) }];
  return [...encoded, ...plain, ...detected].filter(({ patterns }) => patterns.length > 0);
}

/** What a Secret was given as text (`stringData`) stands in the last applied object, and is the same as its `data`. */
function inPlainText({ patterns, value }: FieldRule): FieldRule {
  const more = patterns.flatMap(({ steps: [first, ...rest] }): FieldPattern[] =>
    typeof first === 'object' && first.name === 'data' ? [{ steps: [{ name: 'stringdata' }, ...rest] }] : [],
  );
  return { patterns: [...patterns, ...more], value };
}
