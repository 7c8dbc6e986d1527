/** Selectors and rules in few words, as rows of lists say them. */
import { at, labelsOf, text, words } from './kinds.ts';

/** `engineering, not dba`; `env=prod`; `otherwise` where nothing is selected by. */
export function matchWords(selector: unknown, otherwise: string): string {
  if (typeof selector !== 'object' || selector === null) return otherwise;
  const parts = [
    ...words(at(selector, 'names')),
    ...words(at(selector, 'groups')),
    ...labelsOf(at(selector, 'labels')),
    ...words(at(selector, 'protocols')),
    ...words(at(selector, 'kinds')),
    ...(at(selector, 'agents') === undefined ? [] : ['agents']),
  ];
  const left = [...words(at(selector, 'except', 'names')), ...words(at(selector, 'except', 'groups'))];
  const who = parts.length === 0 ? otherwise : parts.join(', ');
  return left.length === 0 ? who : `${who}, not ${left.join(', ')}`;
}

/** What commands a guardrail is about. */
export function withWords(spec: Readonly<Record<string, unknown>>): string {
  const commands = at(spec, 'match', 'commands');
  const parts = typeof commands === 'object' && commands !== null ? Object.entries(commands).map(commandWords) : [];
  const when = text(at(spec, 'match', 'when'));
  if (when !== '') parts.push(`when ${when}`);
  const bounds = boundWords(spec['limits']);
  if (bounds !== '') parts.push(bounds);
  return parts.length === 0 ? 'every command' : parts.join('; ');
}

function commandWords([language, selector]: [string, unknown]): string {
  if (typeof selector === 'string') return `${language} ${selector}`;
  if (Array.isArray(selector)) return `${language} ${selector.join(', ')}`;
  const parts = Object.entries((selector ?? {}) as object).map(([key, value]) =>
    key === 'effects' ||
    key === 'methods' ||
    key === 'verbs' ||
    key === 'programs' ||
    key === 'paths' ||
    key === 'relations'
      ? words(value).join(', ')
      : `${key} ${words(value).join(', ')}`,
  );
  return `${language}: ${parts.join(' · ')}`;
}

function boundWords(limits: unknown): string {
  if (typeof limits !== 'object' || limits === null) return '';
  return Object.entries(limits)
    .flatMap(([of, bounds]) =>
      Object.entries((bounds ?? {}) as object).map(([key, value]) => `over ${String(value)} ${key} a ${of}`),
    )
    .join(', ');
}

export function spokenAccess(spec: Readonly<Record<string, unknown>>): string {
  const request = spec['request'];
  const parts = [request === undefined ? 'standing' : `on request, up to ${text(at(request, 'maxDuration'))}`];
  if (spec['stepUp'] === true) parts.push('step-up');
  if (Array.isArray(spec['windows'])) parts.push('in windows');
  return parts.join(', ');
}
