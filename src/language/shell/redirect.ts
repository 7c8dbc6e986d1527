/** Redirects: what the shell itself opens, and what a command then reads. */
import type { Redirection } from 'unbash';
import type { ShellAccess, ShellRedirect } from '../../core/shell.ts';
import { flagConstruct } from './dialect.ts';
import { expandSingle } from './expand.ts';
import { baseName, type Field } from './field.ts';
import { unescapeBody } from './fold.ts';
import { pathOf } from './paths.ts';
import type { Scope, Stdin } from './scope.ts';

/** What standard input becomes, or null where it stays what it is. */
export function readRedirects(at: Scope, redirects: readonly Redirection[]): Stdin | null {
  let stdin: Stdin | null = null;
  for (const redirect of redirects) {
    if (redirect.descriptor?.type === 'FileDescriptorVariable')
      at.state.set(redirect.descriptor.name, { kind: 'number' });
    const isInput =
      redirect.descriptor === undefined
        ? redirect.type !== 'Redirect' || redirect.operator.startsWith('<')
        : redirect.descriptor.type === 'FileDescriptor' && redirect.descriptor.value === 0;
    const given = redirect.type === 'Redirect' ? readFile(at, redirect) : readHere(at, redirect);
    if (isInput) stdin = given;
  }
  return stdin;
}

function readHere(at: Scope, redirect: Exclude<Redirection, { type: 'Redirect' }>): Stdin {
  const unknown: Stdin = { kind: 'unknown' };
  if (redirect.type === 'HereString') {
    flagConstruct(at, '<<<');
    const text = redirect.target === undefined ? null : expandSingle(at, redirect.target).text;
    return text === null ? unknown : { kind: 'text', text: `${text}\n` };
  }
  const { body, delimiter, closing } = redirect;
  if (closing === undefined && at.context.isInteractive === true) at.gather.flag('incomplete', 'a here-document');
  if (delimiter?.quoted === true) return { kind: 'text', text: body.text };
  const { parts, pos, end } = body;
  if (parts === undefined) return { kind: 'text', text: unescapeBody(body.text) };
  const { text } = expandSingle(at, { type: 'Word', text: body.text, value: body.text, pos, end, parts });
  return text === null ? unknown : { kind: 'text', text };
}

function readFile(at: Scope, redirect: Extract<Redirection, { type: 'Redirect' }>): Stdin {
  const { operator, target } = redirect;
  const unknown: Stdin = { kind: 'unknown' };
  if (target === undefined) return unknown;
  if (operator === '&>' || operator === '&>>') flagConstruct(at, operator);
  const field = expandSingle(at, target);
  if (field.contents !== undefined) return field.contents === null ? unknown : { kind: 'text', text: field.contents };
  // Copies of descriptors open nothing: `2>&1`, `>&-`.
  if ((operator === '>&' || operator === '<&') && (field.isNumber || /^\d*-?$/.test(field.text ?? 'x'))) return unknown;
  const access: ShellAccess = operator.startsWith('<') && operator !== '<>' ? 'read' : 'write';
  recordFile(at, operator, field, access);
  return unknown;
}

function recordFile(at: Scope, operator: ShellRedirect['operator'], field: Field, access: ShellAccess): void {
  const { via, asUser, host } = at;
  at.gather.addRedirect({ operator, path: pathOf(at, field, access, false), via, asUser, host });
  if (access === 'write' && !/^\/dev\/(?:null|stdout|stderr|tty|fd\/\d+)$/.test(field.text ?? '')) {
    at.gather.written.add(field.text === null ? null : baseName(field.text));
  }
}
