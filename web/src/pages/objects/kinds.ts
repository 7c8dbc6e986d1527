/** What each kind is called, and what it is for, in one line. */
import type { AnswerOf, InputOf } from '../../api/client.ts';

export type Kind = InputOf<'listObjects'>['params']['kind'];
export type Manifest = AnswerOf<'getObject'>;

export interface KindWords {
  readonly one: string;
  readonly many: string;
  readonly about: string;
}

export const kinds: Readonly<Record<Kind, KindWords>> = {
  Resource: {
    one: 'resource',
    many: 'Resources',
    about: 'What the gateway stands in front of: databases, hosts, services, clusters.',
  },
  Access: { one: 'access', many: 'Access', about: 'Who may open sessions on what: always, at times, or on request.' },
  Guardrail: {
    one: 'guardrail',
    many: 'Guardrails',
    about: 'What may be done: commands that are blocked, held for a person, or told.',
  },
  Mask: {
    one: 'mask',
    many: 'Masks',
    about: 'What may be seen: values that are rewritten before anybody sees or records them.',
  },
  Detection: {
    one: 'detection',
    many: 'Detections',
    about: 'What is noticed in what happens, and what is done about it.',
  },
  Group: { one: 'group', many: 'Groups', about: 'Sets of principals, by which Access and rules name them.' },
  Principal: { one: 'principal', many: 'Principals', about: 'People, services and agents.' },
  IdentityProvider: {
    one: 'identity provider',
    many: 'Identity providers',
    about: 'Where people and workloads sign on.',
  },
  CertificateAuthority: { one: 'authority', many: 'Authorities', about: 'Whose certificates vouch for principals.' },
  Lock: { one: 'lock', many: 'Locks', about: 'Who or what is locked out at once, whatever else lets in.' },
  Sink: { one: 'sink', many: 'Sinks', about: 'Where events are handed on to.' },
  Search: { one: 'saved search', many: 'Saved searches', about: 'Questions that are asked again and again.' },
  Retention: { one: 'retention', many: 'Retention', about: 'How long what was recorded is kept.' },
  LegalHold: { one: 'legal hold', many: 'Legal holds', about: 'What is kept whatever a retention says.' },
};

export function kindOf(text: string): Kind | null {
  return Object.hasOwn(kinds, text) ? (text as Kind) : null;
}

/** A value somewhere in a spec, as far as it is there. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== 'object' || inner === null) return undefined;
    inner = (inner as Record<string, unknown>)[step];
  }
  return inner;
}

export function words(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  return value === undefined || value === null ? [] : [String(value)];
}

export function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export function labelsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([key, one]) => `${key}=${String(one)}`);
}
