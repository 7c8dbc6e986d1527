/**
 * Reads a command's text back: as it was recorded, or as people write it in examples and to `explain`, with kubectl's own
 * words where they are short: `exec`, `logs`, `apply`, `deploy`, `pod/web-0`.
 *
 * Invariant: the meaning is made by `analyseKubernetes` from the request that the text stands for; nothing is judged that was
 * not computed the same way for real requests.
 */
import type { Meaning } from '../../core/command.ts';
import { kubernetesResourceNamed } from '../../core/kubernetes-resources.ts';
import type { RequestBody } from '../http/request.ts';
import { isHttpFault } from '../http/target.ts';
import { analyseKubernetes } from './analyse.ts';
import * as limits from './limits.ts';
import { readYaml } from './yaml.ts';

const methods: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
  connect: 'POST',
  proxy: 'GET',
};

/** kubectl's words for what has another verb: verb, subresource, and what is added. */
const aliases: Readonly<Record<string, readonly [verb: string, subresource: string, options: readonly string[]]>> = {
  exec: ['connect', 'exec', []],
  attach: ['connect', 'attach', []],
  'port-forward': ['connect', 'portforward', []],
  logs: ['get', 'log', []],
  apply: ['patch', '', ['--type=apply']],
  replace: ['update', '', []],
};

const patchTypes: Readonly<Record<string, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Null where the text is no request, or one that would be refused. */
export function analyseKubernetesText(text: string): Meaning | null {
  const [line, body] = splitBody(text);
  const words = wordsOf(line);
  if (words === null || words.length < 2) return null;
  const parsed = parse(words);
  if (parsed === null) return null;
  const { method, target, contentType, upgrade } = parsed;
  const isJson = contentType?.endsWith('+json') === true;
  const found = analyseKubernetes({ method, target, contentType, upgrade, body: bodyOf(body, isJson) });
  return isHttpFault(found) ? null : found.meaning;
}

/** The line may be followed by lines of comment in the body, where it was not read. */
function splitBody(text: string): readonly [string, string?] {
  const at = /\r?\n\r?\n/.exec(text);
  return at === null ? [text.trimEnd()] : [text.slice(0, at.index), text.slice(at.index + at[0].length)];
}

function bodyOf(body: string | undefined, isJson: boolean): RequestBody {
  if (body === undefined || body.trim() === '') return { kind: 'none' };
  // Of what was read in part, the rest is not here.
  if (/^# [^\n]*(?:SHA-256|not recorded)/.test(body)) return { kind: 'unread', reason: 'it was not read' };
  const yaml = isJson ? readYaml(body) : null;
  const text = yaml !== null && 'values' in yaml && yaml.values.length === 1 ? JSON.stringify(yaml.values[0]) : body;
  return { kind: 'whole', bytes: Buffer.from(text, 'utf8') };
}

/** As a shell would split it, as far as `word` writes; null where a quote does not end. */
export function wordsOf(line: string): readonly string[] | null {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    while (line[at] === ' ' || line[at] === '\t') at++;
    if (at >= line.length) break;
    if (words.length >= limits.textWordsMax) return null;
    let made = '';
    while (at < line.length && line[at] !== ' ' && line[at] !== '\t') {
      const quote = line[at]!;
      const ansi = quote === '$' ? /^\$'((?:[^\\']|\\.)*)'/s.exec(line.slice(at)) : null;
      if (ansi !== null) {
        made += unescaped(ansi[1]!);
        at += ansi[0].length;
      } else if (quote === "'" || quote === '"') {
        const end = line.indexOf(quote, at + 1);
        if (end < 0) return null;
        made += line.slice(at + 1, end);
        at = end + 1;
      } else {
        if (quote === '\\') at++;
        made += line[at++] ?? '';
      }
    }
    words.push(made);
  }
  return words;
}

/** What `word` writes of controls. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, code: string | undefined, other: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return other === 'n' ? '\n' : (other ?? '');
  });
}

interface Parsed {
  readonly method: string;
  readonly target: string;
  readonly contentType: string | null;
  readonly upgrade: 'websocket' | 'spdy' | null;
}

class Line {
  readonly query: [string, string][] = [];
  readonly names: string[] = [];
  namespace: string | null = null;
  patch: string | null = null;
  upgrade: 'websocket' | 'spdy' | null = null;
  behind: readonly string[] = [];
}

function parse(words: readonly string[]): Parsed | null {
  const typed = words[0]!.toLowerCase();
  const [verb, alias, more] = aliases[typed] ?? [typed, '', []];
  const line = readWords([...more, ...words.slice(1)]);
  if (line === null) return null;
  if (line.names[0]?.startsWith('/')) return plainPath(verb, line);
  const method = methods[verb];
  if (method === undefined) return null;
  // An exec names its pod alone: `exec web-0 -- ls`.
  const isPodAlone = alias !== '' && !line.names.some((name) => name.includes('/') || isPods(name));
  const named = isPodAlone ? ['pods', ...line.names] : line.names;
  const place = placeOf(named, alias, verb);
  if (place === null) return null;
  const { query, behind, patch } = line;
  if (verb === 'watch') query.push(['watch', 'true']);
  if (verb === 'connect') query.push(...behind.map((word): [string, string] => ['command', word]));
  const namespace = place.resource === 'namespaces' ? null : line.namespace;
  const path = [
    place.group === '' ? '/api/v1' : `/apis/${encode(place.group)}/v1`,
    ...(namespace === null ? [] : [`namespaces/${encode(namespace)}`]),
    encode(place.resource),
    ...(place.name === '' ? [] : [encode(place.name)]),
    ...(place.subresource === '' ? [] : [encode(place.subresource)]),
  ].join('/');
  const isProxy = verb === 'proxy' && behind.length >= 2;
  return {
    method: isProxy ? behind[0]! : method,
    target: isProxy ? `${path}${behind[1] === '/' ? '' : behind[1]}` : withQuery(path, query),
    contentType: verb === 'patch' ? (patchTypes[patch ?? 'merge'] ?? null) : 'application/yaml',
    upgrade: line.upgrade,
  };
}

function isPods(name: string): boolean {
  return kubernetesResourceNamed(name)?.resource === 'pods';
}

function plainPath(verb: string, { names, query }: Line): Parsed {
  const path = names[0]!.split('/').map(encode).join('/');
  return { method: verb.toUpperCase(), target: withQuery(path, query), contentType: null, upgrade: null };
}

/** Options and names, in any order; behind `--` stands what is run, or asked of a proxy. */
function readWords(words: readonly string[]): Line | null {
  const line = new Line();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') {
      line.behind = words.slice(at + 1);
      break;
    }
    if (!/^-./.test(word)) {
      line.names.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const takesNext = equals < 0 && valued.has(name);
    const value = equals >= 0 ? word.slice(equals + 1) : takesNext ? words[++at] : '';
    if (value === undefined || !option(line, name, value)) return null;
  }
  return line;
}

const valued: ReadonlySet<string> = new Set([
  '-n',
  '--namespace',
  '-l',
  '--selector',
  '-c',
  '--container',
  '--type',
  '--field-selector',
]);

function option(line: Line, name: string, value: string): boolean {
  const isTrue = (one: string): [string, string] => [one, 'true'];
  switch (name) {
    case '-n':
    case '--namespace':
      line.namespace = value;
      return true;
    case '-A':
    case '--all-namespaces':
      return true;
    case '-l':
    case '--selector':
      line.query.push(['labelSelector', value]);
      return true;
    case '--field-selector':
      line.query.push(['fieldSelector', value]);
      return true;
    case '-c':
    case '--container':
      line.query.push(['container', value]);
      return true;
    case '-i':
      line.query.push(isTrue('stdin'));
      return true;
    case '-t':
      line.query.push(isTrue('tty'));
      return true;
    case '-it':
    case '-ti':
      line.query.push(isTrue('stdin'), isTrue('tty'));
      return true;
    case '--type':
      line.patch = value;
      return value in patchTypes;
    case '--dry-run':
      line.query.push(['dryRun', value === 'server' ? 'All' : value]);
      return true;
    case '--upgrade':
      line.upgrade = value === 'spdy' ? 'spdy' : 'websocket';
      return true;
    default:
      if (!name.startsWith('--')) return false;
      line.query.push([name.slice(2), value]);
      return true;
  }
}

interface Place {
  readonly resource: string;
  readonly group: string;
  readonly subresource: string;
  readonly name: string;
}

/** `pods/exec web-0`, `deployments.apps web`, `pod/web-0`, `ns payments`. */
function placeOf(names: readonly string[], alias: string, verb: string): Place | null {
  const [type, ...rest] = names;
  if (type === undefined || type === '' || rest.length > 1) return null;
  const slash = type.indexOf('/');
  const typed = slash < 0 ? type : type.slice(0, slash);
  const behind = slash < 0 ? '' : type.slice(slash + 1);
  const dot = typed.indexOf('.');
  const known = dot < 0 ? kubernetesResourceNamed(typed) : null;
  const resource = known?.resource ?? (dot < 0 ? typed : typed.slice(0, dot));
  const group = known?.group ?? (dot < 0 ? '' : typed.slice(dot + 1));
  // `pod/web-0`: kubectl's way to name one object, where no name follows and the type is spelled for one.
  const isName = behind !== '' && rest.length === 0 && (alias !== '' || (typed !== resource && dot < 0));
  const name = isName ? behind : (rest[0] ?? '');
  const subresource = alias !== '' ? alias : isName ? '' : behind;
  if (name === '' && (subresource !== '' || verb === 'proxy')) return { resource, group, subresource, name: 'example' };
  return { resource, group, subresource, name };
}

function withQuery(path: string, query: readonly (readonly [string, string])[]): string {
  if (query.length === 0) return path;
  return `${path}?${query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`;
}

/** Colons stay: they name ports of proxies. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}
