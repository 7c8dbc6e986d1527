/**
 * Paths and routes of requests: `/v1/customers/*`, `/admin/**`, `/v1/customers/{id}`.
 *
 * Invariants:
 * - A path is put decoded, and without regard to case; a slash at its end makes no difference.
 * - Where services may read a path in two ways that were let through (`%2F`, `;`), each reading is put, and one that matches
 *   is enough.
 */

import type { Fields } from './fields.ts';
import type { Finding } from './finding.ts';
import { no, yes } from './finding.ts';
import type { HttpPart } from './http-facts.ts';
import { compilePathGlob, type PathTest } from './path-glob.ts';

export function compilePaths(fields: Fields, path: string, patterns: readonly string[]): HttpPart {
  const globs = patterns.map((pattern, index) => {
    const fault = (reason: string): Error => fields.fault(`${path}[${index}]`, reason);
    if (!/^(?:\/|\*\*(?:\/|$))/.test(pattern)) throw fault('this does not begin with a slash');
    if (/[?#]/.test(pattern)) throw fault('a path has no query; match it by query');
    if (/[{}]/.test(pattern))
      throw fault('a path has no braces; * stands for a segment, and routes have names in braces');
    return globOf(pattern) ?? raise(fault('this is no pattern of paths'));
  });
  return ({ path: sent }) => findIn(globs, sent);
}

/** A rule names a route as the resource does; one that the resource does not list is put to the path itself. */
export function compileRouteNames(fields: Fields, path: string, templates: readonly string[]): HttpPart {
  const routes = templates.map((template, index) => {
    const fault = (reason: string): Error => fields.fault(`${path}[${index}]`, reason);
    if (!template.startsWith('/') || /[*?#]/.test(template)) throw fault('this is no route such as /v1/customers/{id}');
    const pattern = template.replaceAll(/\{[^{}/]+\}(?=\/|$)/g, '*');
    if (/[{}]/.test(pattern)) throw fault('names in braces stand for whole segments');
    return { name: shapeOf(template), glob: globOf(pattern) ?? raise(fault('this is no route')) };
  });
  const globs = routes.map(({ glob }) => glob);
  const names = new Set(routes.map(({ name }) => name));
  return ({ route, path: sent }) => {
    if (route !== null) return names.has(shapeOf(route)) ? yes : no;
    return findIn(globs, sent);
  };
}

/** What the names in braces are called makes no other route of it. */
function shapeOf(template: string): string {
  return template.replaceAll(/\{[^{}/]*\}/g, '{}').toLowerCase();
}

function raise(error: Error): never {
  throw error;
}

/** Everything but stars is taken as it is. */
function globOf(pattern: string): PathTest | null {
  return compilePathGlob(comparable(pattern).replaceAll(/[\\?[\]{}]/g, '\\$&'));
}

function findIn(globs: readonly PathTest[], path: string): Finding {
  const readings = readingsOf(path).map((reading) => Buffer.from(comparable(reading), 'utf8').toString('latin1'));
  return readings.some((raw) => globs.some((glob) => glob(raw).is)) ? yes : no;
}

/** Decoded, in lower case. Slashes that are encoded stay so: they are part of a name. */
function comparable(path: string): string {
  return path
    .split('/')
    .map((segment) => {
      try {
        return decodeURIComponent(segment).replaceAll('/', '%2f').toLowerCase();
      } catch {
        return segment.toLowerCase();
      }
    })
    .join('/');
}

function readingsOf(path: string): readonly string[] {
  if (!/%2F|;|%3B/.test(path)) return [path];
  const split = path.replaceAll('%2F', '/');
  const cut = (text: string): string => text.replaceAll(/(?:;|%3B)[^/]*/g, '');
  return [...new Set([path, split, cut(path), cut(split), cut(path).replaceAll('%2F', '/')])];
}
