/**
 * The text of a command: one line as people write for kubectl, and after an empty line the body as YAML, where it was read.
 *
 *     delete namespaces payments
 *     list secrets -n shop -l app=web
 *     connect pods/exec web-0 -n shop -c app -i -t -- sh -c 'rm -rf /'
 *     patch deployments.apps web -n shop --type=merge
 *     proxy services/proxy http:web:80 -n shop -- GET /admin?x=1
 *
 * Invariants: two requests that rules or the server could tell apart have two texts, but for options of reading (limits,
 * timeouts, versions); what was not read is there as its length and digest.
 */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { kubernetesResourceType } from '../../core/kubernetes-resources.ts';
import * as limits from './limits.ts';

/** Parameters that have a spelling of their own, or change nothing that anybody decides about. */
const unspelled: ReadonlySet<string> = new Set([
  ...['labelSelector', 'fieldSelector', 'watch'],
  ...['timeout', 'timeoutSeconds', 'limit', 'continue', 'pretty', 'resourceVersion', 'resourceVersionMatch'],
  ...['allowWatchBookmarks', 'sendInitialEvents', 'fieldValidation'],
]);

/** The same of exec and attach. */
const execParameters: ReadonlySet<string> = new Set(['command', 'container', 'stdin', 'stdout', 'stderr', 'tty']);

const typeNames = {
  'json-patch': 'json',
  'merge-patch': 'merge',
  'strategic-merge-patch': 'strategic',
  'apply-patch': 'apply',
} as const;

/** `rest`: the path behind the proxied resource. */
export function lineOf(meaning: KubernetesMeaning, rest: string): string {
  const { verb, isResourceRequest, name, namespace, resource, exec, patch, upgrade } = meaning;
  if (!isResourceRequest) return [verb, word(meaning.path), ...optionsOf(meaning)].join(' ');
  const words = [verb, word(typeOf(meaning))];
  if (name !== '') words.push(word(name));
  if (namespace !== '' && resource !== 'namespaces') words.push('-n', word(namespace));
  if (namespace === '' && name === '' && spansNamespaces(meaning)) words.push('--all-namespaces');
  if (patch !== null) words.push(`--type=${typeNames[patch]}`);
  if (exec !== null) {
    if (exec.container !== null) words.push('-c', word(exec.container));
    if (exec.stdin) words.push('-i');
    if (exec.tty) words.push('-t');
  } else if (upgrade !== null && verb !== 'connect') words.push(`--upgrade=${upgrade}`);
  if (verb === 'proxy') {
    const query = meaning.query.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
    words.push('--', word(meaning.method), word(`/${rest}${query === '' ? '' : `?${query}`}`));
  } else {
    words.push(...optionsOf(meaning));
    if (exec !== null && exec.command.length > 0) words.push('--', ...exec.command.map(word));
  }
  return words.join(' ');
}

function typeOf({ resource, apiGroup, subresource, verb }: KubernetesMeaning): string {
  const type = `${resource}${apiGroup === '' ? '' : `.${apiGroup}`}`;
  return subresource === '' && verb !== 'proxy' ? type : `${type}/${subresource || 'proxy'}`;
}

function spansNamespaces({ verb, resource, apiGroup }: KubernetesMeaning): boolean {
  const reaches = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
  return reaches && kubernetesResourceType(resource, apiGroup)?.isNamespaced !== false;
}

function optionsOf({ query, exec }: KubernetesMeaning): string[] {
  const words: string[] = [];
  for (const [name, value] of query) {
    if (name === 'labelSelector') words.push('-l', word(value));
    else if (name === 'fieldSelector') words.push(`--field-selector=${word(value)}`);
    else if (name === 'dryRun' && value === 'All') words.push('--dry-run=server');
    else if (!unspelled.has(name) && (exec === null || !execParameters.has(name)))
      words.push(`${word(`--${name}`)}=${word(value)}`);
  }
  return words;
}

/** As bash would read it, on one line. */
export function word(text: string): string {
  if (/[\0-\x1f\x7f]/.test(text)) {
    const spelled = text.replaceAll(/[\\']/g, '\\$&').replaceAll(/[\0-\x1f\x7f]/g, (one) => {
      return one === '\n' ? '\\n' : `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`;
    });
    return `$'${spelled}'`;
  }
  return /^[A-Za-z0-9_@%+=:,./?&~^!-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The body for people; null where there is none. `isRecorded`: without what secrets hold (A-REC-05). */
export function bodyText(meaning: KubernetesMeaning, bytes: Uint8Array | null, isRecorded: boolean): string | null {
  const { body, contentType } = meaning;
  if (body.kind === 'none') return null;
  const isWhole =
    body.kind === 'read' && (meaning.patch === 'json-patch' || body.parts.every(({ known }) => known === undefined));
  const reason = body.kind === 'unread' ? body.reason : 'only what is shown is read of it';
  const isHidden = isRecorded && holdsSecrets(meaning);
  // A digest would tell whether a guess at a short secret is right.
  const proof = bytes === null ? '' : `, ${bytes.length} bytes${isHidden ? '' : `, SHA-256 ${digest(bytes)}`}`;
  const rest = isHidden ? '; what it holds is not recorded' : '';
  const unread = isWhole ? '' : `# ${contentType ?? 'a body without a type'}${proof}; ${reason}${rest}\n`;
  if (body.kind === 'unread') return unread.trimEnd();
  const isLong = (bytes?.length ?? 0) > limits.shownYamlBytesMax;
  const documents =
    meaning.patch === 'json-patch' && bytes !== null ? [operationsOf(bytes)] : body.parts.map(({ value }) => value);
  const spelled = documents.map((value) => {
    const told = isRecorded ? withoutSecrets(meaning, value) : value;
    return isLong ? `${JSON.stringify(told)}\n` : stringify(told, { lineWidth: 0, aliasDuplicateObjects: false });
  });
  return `${unread}${spelled.join('---\n')}`.trimEnd();
}

/** Each operation as it was sent. They were read before. */
function operationsOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as unknown;
}

/** Whether the body may hold what is not to be recorded: then its recorded text is another than its text. */
export function holdsSecrets({ resource, body }: KubernetesMeaning): boolean {
  if (body.kind === 'none') return false;
  if (resource === 'secrets' || resource === 'tokenreviews') return true;
  return body.kind === 'read' && body.parts.some(({ value }) => isSecret(value));
}

function isSecret(value: unknown): boolean {
  return (value as { readonly kind?: unknown } | null)?.kind === 'Secret';
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Names stay, what they hold becomes its length. */
function withoutSecrets({ resource, patch }: KubernetesMeaning, value: unknown): unknown {
  if (resource !== 'secrets' && resource !== 'tokenreviews' && !isSecret(value)) return value;
  const places =
    resource === 'tokenreviews'
      ? [['spec', 'token']]
      : [['data'], ['stringData'], ['metadata', 'annotations', lastApplied]];
  if (patch !== 'json-patch' || !Array.isArray(value)) return hideBelow([], value, places);
  return (value as readonly Readonly<Record<string, unknown>>[]).map((operation) => {
    if (!Object.hasOwn(operation, 'value')) return operation;
    const at = String(operation['path'])
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    return { ...operation, value: hideBelow(at, operation['value'], places) };
  });
}

function hideBelow(at: readonly string[], value: unknown, places: readonly (readonly string[])[]): unknown {
  let hidden = value;
  for (const place of places) {
    const shared = Math.min(at.length, place.length);
    if (!at.slice(0, shared).every((name, index) => name === place[index])) continue;
    hidden = at.length >= place.length ? lengths(hidden) : hideAt(hidden, place.slice(at.length));
  }
  return hidden;
}

function hideAt(value: unknown, place: readonly string[]): unknown {
  const [name, ...rest] = place;
  if (name === undefined) return lengths(value);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return value;
  return { ...value, [name]: hideAt((value as Readonly<Record<string, unknown>>)[name], rest) };
}

function lengths(value: unknown): unknown {
  if (typeof value === 'string') return `[${Buffer.byteLength(value)} bytes]`;
  if (typeof value !== 'object' || value === null) return '[hidden]';
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, lengths(one)]));
}
