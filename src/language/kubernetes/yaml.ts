/**
 * YAML as the API server reads it (sigs.k8s.io/yaml: YAML 1.2 with merge keys, `yes` and `off` and octal numbers of 1.1), where
 * two readers cannot differ.
 *
 * Invariants:
 * - JSON is YAML: what is JSON is read by the strict reader of JSON.
 * - Unread: names twice, tags, names that are no scalars, many aliases, and plain words that readers take for different things
 *   (`y`, `1:30`, `0o7`).
 */
import { isAlias, isMap, isNode, isScalar, parseAllDocuments, type ScalarTag, visit } from 'yaml';
import { readJson } from '../http/json.ts';
import * as limits from './limits.ts';

export type YamlReading = { readonly values: readonly unknown[] } | { readonly unread: string };

export function readYaml(text: string): YamlReading {
  if (/^\s*[{[]/.test(text)) {
    const json = readJson(text);
    if ('value' in json) return { values: [json.value] };
    if (/twice|levels|values/.test(json.unread)) return { unread: json.unread };
  }
  if (text.length > limits.yamlTextMax) return { unread: `its YAML is longer than ${limits.yamlTextMax} characters` };
  try {
    return read(text);
  } catch (error) {
    // The parser nests as deeply as the text does, and the aliases are counted as they are resolved.
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    return { unread: 'its YAML is too deep, or stands for too much' };
  }
}

function read(text: string): YamlReading {
  // They change how words are read.
  if (/^%/m.test(text)) return { unread: 'its YAML has a directive' };
  const documents = parseAllDocuments(text, {
    version: '1.2',
    merge: true,
    uniqueKeys: true,
    logLevel: 'silent',
    customTags: (tags) => [oldBool, oldOctal, ...tags],
  });
  if (!Array.isArray(documents)) return { values: [] };
  if (documents.length > limits.yamlDocumentsMax)
    return { unread: `its YAML has more than ${limits.yamlDocumentsMax} documents` };
  const values: unknown[] = [];
  for (const document of documents) {
    if (document.errors.length > 0 || document.warnings.length > 0) return { unread: 'its YAML is not valid' };
    const doubt = doubtIn(document);
    if (doubt !== null) return { unread: doubt };
    const value: unknown = document.toJS({ maxAliasCount: limits.yamlExpansionMax });
    if (value !== null && value !== undefined) values.push(value);
  }
  return { values };
}

/** What Go's reader kept of YAML 1.1. */
const oldBool: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/,
  resolve: (text) => /^(?:yes|on)$/i.test(text),
};
const oldOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
};

/** Plain words that are texts, truth values or numbers, depending on who reads them. */
const ambiguous =
  /^(?:[yYnN]|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|[-+]?0o[0-7]+|[-+]?0b[01_]+|[-+]?0\d*[89]\d*|[-+]?[\d.]*_[\d_.]*)$/;

function doubtIn(document: Parameters<typeof visit>[0]): string | null {
  let doubt: string | null = null;
  let nodes = 0;
  let aliases = 0;
  visit(document, (_, node, path) => {
    if (++nodes > limits.kubernetesNodesMax) doubt = `its YAML has more than ${limits.kubernetesNodesMax} values`;
    else if (path.length > 2 * limits.kubernetesDepthMax)
      doubt = `its YAML nests deeper than ${limits.kubernetesDepthMax} levels`;
    else if (isAlias(node)) {
      if (++aliases > limits.yamlAliasesMax) doubt = `its YAML has more than ${limits.yamlAliasesMax} aliases`;
    } else if (isNode(node) && node.tag !== undefined) {
      doubt = 'its YAML has a tag';
    } else if (isScalar(node)) {
      if (node.type === 'PLAIN' && ambiguous.test(node.source ?? '')) {
        doubt = 'its YAML has a plain word that is a text to some and a value to others; put it in quotes';
      }
    } else if (isMap(node) && node.items.some(({ key }) => !isName(key))) {
      doubt = 'its YAML has a name that is no text';
    } else if (isMap(node) && new Set(node.items.map(nameOf)).size < node.items.length) {
      doubt = 'its YAML names something twice in one map';
    }
    return doubt === null ? undefined : visit.BREAK;
  });
  return doubt;
}

/** Other names are spelled anew by some readers: `1.50`, an empty one. */
function isName(key: unknown): boolean {
  if (!isScalar(key)) return false;
  const { value } = key;
  return (
    typeof value === 'string' || typeof value === 'boolean' || typeof value === 'symbol' || Number.isSafeInteger(value)
  );
}

/** `1` and `"1"` are one name. */
function nameOf({ key }: { readonly key: unknown }): string {
  return isScalar(key) ? String(key.value) : '';
}
