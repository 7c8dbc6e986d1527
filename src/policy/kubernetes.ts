/**
 * `match.commands.kubernetes`: what a request asks of an API server, put to its meaning.
 *
 * Invariants:
 * - All that is given must hold of one request; within a list, one entry is enough. Verb and resource must hold of one and the
 *   same act (kubernetes-acts.ts: an exec is never a `get`, an eviction is a deletion).
 * - Everything compares without regard to case: a rule restricts.
 * - What is not known is never a certain `no`: an unread body, the labels of an object that is only named, the names in a list,
 *   the namespaces of a request over all of them.
 * - A request without a meaning is `opaque`.
 *
 * Deliberately absent: what the server computes (`language/kubernetes`), what is stored there, and masks.
 */
import { escapeLine } from '../base/escape.ts';
import { kubernetesOf } from '../core/command.ts';
import {
  type KubernetesMeaning,
  type KubernetesSelector,
  kubernetesVerbs,
  showKubernetesResource,
} from '../core/kubernetes.ts';
import {
  compileKubernetesGroup,
  compileKubernetesResource,
  kubernetesResourceType,
} from '../core/kubernetes-resources.ts';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, quote, shownSelector } from './fields.ts';
import { both, either, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import { compileName, type NameTest } from './glob.ts';
import { type Act, actsOf } from './kubernetes-acts.ts';
import { compileObjectFields, compileObjectLabels, type KubernetesTest } from './kubernetes-fields.ts';
import * as limits from './limits.ts';

const selectorFields = [
  'verbs',
  'resources',
  'groups',
  'namespaces',
  'names',
  'subresources',
  'paths',
  'dryRun',
  'fields',
  'labels',
  'uncertain',
] as const satisfies readonly (keyof KubernetesSelector)[];

type ActTest = (act: Act, kubernetes: KubernetesMeaning) => Finding;

export function compileKubernetes(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, selectorFields);
  let steps = 0;
  const list = (field: (typeof selectorFields)[number], cost = limits.wildcardSteps): readonly string[] | null => {
    const entries = fields.list(`${path}.${field}`, given[field]);
    steps += (entries?.length ?? 0) * cost;
    return entries;
  };
  const acts: ActTest[] = [];
  const parts: KubernetesTest[] = [];
  const verbs = list('verbs', 0);
  if (verbs !== null) acts.push(verbsTest(fields, `${path}.verbs`, verbs));
  const resources = list('resources');
  if (resources !== null) acts.push(resourcesTest(fields, `${path}.resources`, resources));
  const subresources = list('subresources')?.map(compileName);
  if (subresources !== undefined) {
    acts.push(({ subresource }) => (subresource !== '' && any(subresources, subresource) ? yes : no));
  }
  const groups = list('groups')?.map(compileKubernetesGroup);
  if (groups !== undefined)
    parts.push(({ apiGroup, isResourceRequest }) => (isResourceRequest && any(groups, apiGroup) ? yes : no));
  const namespaces = list('namespaces')?.map(compileName);
  if (namespaces !== undefined) parts.push(namespacesTest(namespaces));
  const names = list('names')?.map(compileName);
  if (names !== undefined) parts.push(namesTest(names));
  const paths = list('paths');
  if (paths !== null) parts.push(pathsTest(fields, `${path}.paths`, paths));
  if (given.dryRun !== undefined) parts.push(dryRunTest(fields, `${path}.dryRun`, given.dryRun));
  const places = list('fields', limits.bodyPatternSteps);
  if (places !== null) parts.push(compileObjectFields(fields, `${path}.fields`, places));
  const labels = fields.labels(`${path}.labels`, given.labels);
  if (labels !== null) parts.push(compileObjectLabels(labels));
  if (acts.length + parts.length === 0) {
    throw fields.fault(path, 'this selects nothing in particular; name verbs, resources, …');
  }
  const ignores = fields.ignoresUncertain(path, given.uncertain);
  return {
    name: path,
    isVolatile: false,
    needsStructure: false,
    needsKubernetes: true,
    steps,
    test: (facts) => {
      const found = test(acts, parts, facts);
      return ignores ? found & ~perhaps : found;
    },
    because: (facts) => `${spell(facts)}; it asks for ${shownSelector(value)}`,
  };
}

function test(acts: readonly ActTest[], parts: readonly KubernetesTest[], { command }: Facts): Finding {
  if (command.kind !== 'kubernetes') return no;
  const kubernetes = kubernetesOf(command.meaning);
  if (kubernetes === null) return opaque;
  let found: Finding = acts.length === 0 ? yes : no;
  if (acts.length > 0) {
    for (const act of actsOf(kubernetes)) {
      let one: Finding = act.certainty;
      for (const is of acts) one = both(one, is(act, kubernetes));
      found = either(found, one);
    }
  }
  for (const part of parts) {
    if (found === no) break;
    found = both(found, part(kubernetes));
  }
  return found;
}

const any = (tests: readonly NameTest[], text: string): boolean => {
  const lower = text.toLowerCase();
  return tests.some((is) => is(lower));
};

/** Paths that name no resource have methods for verbs. */
const plainVerbs = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];

function verbsTest(fields: Fields, path: string, verbs: readonly string[]): ActTest {
  const known = [...kubernetesVerbs, ...plainVerbs];
  for (const [index, verb] of verbs.entries()) {
    if (verb === '*' || known.includes(verb.toLowerCase())) continue;
    throw fields.fault(`${path}[${index}]`, `there is no verb ${quote(verb)}; there are ${kubernetesVerbs.join(', ')}`);
  }
  const wanted = new Set(verbs.map((verb) => verb.toLowerCase()));
  return ({ verb }) => (wanted.has('*') || wanted.has(verb) ? yes : no);
}

function resourcesTest(fields: Fields, path: string, patterns: readonly string[]): ActTest {
  const tests = patterns.map((pattern, index) => {
    const compiled = compileKubernetesResource(pattern);
    if (compiled === null) {
      throw fields.fault(
        `${path}[${index}]`,
        'this is no resource such as pods, pods/exec, deployments.apps or */scale',
      );
    }
    return { compiled, subresource: compiled.subresource === null ? null : compileName(compiled.subresource) };
  });
  return ({ resource, subresource }, { isResourceRequest, apiGroup }) => {
    if (!isResourceRequest) return no;
    const sub = subresource.toLowerCase();
    const isMeant = tests.some(({ compiled, subresource: is }) => {
      if (!compiled.is(resource, apiGroup)) return false;
      return compiled.isAll || (is === null ? sub === '' : sub !== '' && is(sub));
    });
    return isMeant ? yes : no;
  };
}

const spanning: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

function namespacesTest(tests: readonly NameTest[]): KubernetesTest {
  return ({ isResourceRequest, namespace, resource, apiGroup, name, serverVerb, fieldSelector }) => {
    if (!isResourceRequest) return no;
    if (namespace !== '') return any(tests, namespace) ? yes : no;
    if (!spanning.has(serverVerb)) return no;
    // Namespaces are cluster-wide and named like themselves.
    if (resource === 'namespaces' && apiGroup === '') return name === '' ? perhaps : any(tests, name) ? yes : no;
    const type = kubernetesResourceType(resource, apiGroup);
    if (type !== null && !type.isNamespaced) return no;
    const asked = /(?:^|,)metadata\.namespace==?([^,\\]*)(?:,|$)/.exec(fieldSelector)?.[1];
    if (asked !== undefined) return any(tests, asked) ? yes : no;
    return type === null ? perhaps : yes;
  };
}

function namesTest(tests: readonly NameTest[]): KubernetesTest {
  return (kubernetes) => {
    const { isResourceRequest, name, serverVerb, verb, subresource, body } = kubernetes;
    if (!isResourceRequest) return no;
    if (name !== '') {
      // `https:web:443`: a proxy's name has a scheme and a port.
      const plain =
        verb === 'proxy' || subresource === 'proxy'
          ? (name.split(':')[name.split(':').length === 3 ? 1 : 0] ?? '')
          : name;
      return any(tests, name) || any(tests, plain) ? yes : no;
    }
    if (serverVerb !== 'create') return spanning.has(serverVerb) ? perhaps : no;
    if (body.kind !== 'read') return body.kind === 'none' ? no : perhaps;
    return body.parts.reduce<Finding>((sum, { value }) => {
      const meta = (
        value as { readonly metadata?: { readonly name?: unknown; readonly generateName?: unknown } } | null
      )?.metadata;
      if (typeof meta?.name === 'string' && meta.name !== '') return either(sum, any(tests, meta.name) ? yes : no);
      return either(sum, perhaps);
    }, no);
  };
}

function pathsTest(fields: Fields, path: string, patterns: readonly string[]): KubernetesTest {
  const tests = patterns.map((pattern, index) => {
    if (!/^[/*]/.test(pattern)) throw fields.fault(`${path}[${index}]`, 'this does not begin with a slash');
    return compileName(pattern);
  });
  return ({ isResourceRequest, path: sent }) => {
    if (isResourceRequest) return no;
    return any(tests, sent) || any(tests, sent.replace(/\/+$/, '')) ? yes : no;
  };
}

function dryRunTest(fields: Fields, path: string, value: unknown): KubernetesTest {
  if (typeof value !== 'boolean') throw fields.fault(path, 'this is neither true nor false');
  return ({ dryRun }) => (dryRun === null ? perhaps : dryRun === value ? yes : no);
}

/** For people: what of the request is not known; empty where all of it is. */
export function spellKubernetesDoubt({
  body,
  dryRun,
  serverVerb,
  name,
  namespace,
  isResourceRequest,
}: KubernetesMeaning): string {
  if (body.kind === 'unread') return `The body of the request was not read: ${escapeLine(body.reason)}.`;
  if (dryRun === null) return 'A dry run is asked for, and may not be heeded.';
  if (body.kind === 'read' && body.parts.some(({ known }) => known !== undefined)) {
    return 'Only a part of the object could be read.';
  }
  if (isResourceRequest && spanning.has(serverVerb) && name === '') {
    return `The request reaches many objects${namespace === '' ? ', in any namespace' : ''}.`;
  }
  return '';
}

function spell({ command }: Facts): string {
  const kubernetes = kubernetesOf(command.meaning);
  if (kubernetes === null) {
    return command.kind === 'kubernetes'
      ? 'what the request asks for is not known'
      : `the command is of kind ${command.kind}`;
  }
  const { verb, name, namespace } = kubernetes;
  const doubt = spellKubernetesDoubt(kubernetes);
  const object = [verb, showKubernetesResource(kubernetes), name].filter((part) => part !== '').join(' ');
  return [
    `the request is ${quote(object)}`,
    ...(namespace === '' ? [] : [`in the namespace ${quote(namespace)}`]),
    ...(doubt === '' ? [] : [`(${doubt})`]),
  ].join(' ');
}
