/** Plain objects as the API has them, and what is done with them without knowing their kind: selectors and patches. */

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name?: string;
    generateName?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  } & Record<string, unknown>;
  [field: string]: unknown;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands at a path of names; undefined where nothing does. */
export function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (isFields(inner) ? inner[name] : undefined), value);
}

/** `metadata.name=web-1,status.phase!=Running` */
export function matchesFields(object: KubeObject, selector: string): boolean {
  return terms(selector).every((term) => {
    const found = /^([^=!]+)(!=|==|=)(.*)$/.exec(term);
    if (found === null) return false;
    const value = String(at(object, found[1]!.trim().split('.')) ?? '');
    return (value === found[3]) === (found[2] !== '!=');
  });
}

/** `app=web,tier!=front,env in (a,b),!canary` */
export function matchesLabels(object: KubeObject, selector: string): boolean {
  const labels = object.metadata.labels ?? {};
  return terms(selector).every((term) => {
    const set = /^(\S+)\s+(in|notin)\s+\((.*)\)$/.exec(term);
    if (set !== null) {
      const isIn = set[3]!.split(',').some((one) => one.trim() === labels[set[1]!]);
      return isIn === (set[2] === 'in');
    }
    const equal = /^([^=!]+)(!=|==|=)(.*)$/.exec(term);
    if (equal !== null) return (labels[equal[1]!.trim()] === equal[3]!.trim()) === (equal[2] !== '!=');
    return term.startsWith('!') ? !(term.slice(1) in labels) : term in labels;
  });
}

/** Split at the commas that are not within brackets. */
function terms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

/**
 * A merge patch (RFC 7386), or a strategic one: there, lists of things with names are merged by name, and directives (`$patch`,
 * `$setElementOrder`) are left aside, which is less than a real API server does with them.
 */
export function merged(target: unknown, patch: unknown, isStrategic: boolean): unknown {
  if (
    Array.isArray(patch) &&
    Array.isArray(target) &&
    isStrategic &&
    patch.every((one) => isFields(one) && 'name' in one)
  ) {
    const result = target.map((one) => {
      const change = patch.find((each) => isFields(one) && (each as Fields)['name'] === one['name']);
      return change === undefined ? one : merged(one, change, true);
    });
    const names = new Set(target.map((one) => at(one, ['name'])));
    return [...result, ...patch.filter((one) => !names.has((one as Fields)['name']))];
  }
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (isStrategic && name.startsWith('$')) continue;
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value, isStrategic);
  }
  return result;
}

/** A JSON patch (RFC 6902): add, replace and remove. */
export function jsonPatched(target: unknown, operations: readonly Fields[]): unknown {
  let result = structuredClone(target);
  for (const { op, path, value } of operations as readonly { op: string; path: string; value?: unknown }[]) {
    const names = path
      .split('/')
      .slice(1)
      .map((one) => one.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop();
    if (last === undefined) {
      result = value;
      continue;
    }
    const inner = names.reduce<unknown>((outer, name) => (outer as Fields | undefined)?.[name], result);
    if (Array.isArray(inner)) {
      const index = last === '-' ? inner.length : Number(last);
      if (op === 'add') inner.splice(index, 0, value);
      else if (op === 'remove') inner.splice(index, 1);
      else inner[index] = value;
    } else if (isFields(inner)) {
      if (op === 'remove') delete inner[last];
      else inner[last] = value;
    }
  }
  return result;
}
