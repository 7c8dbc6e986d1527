/**
 * Route templates of a resource: `/v1/customers/{id}`, compiled once and tried in their order.
 *
 * Invariants: a name in braces stands for one segment that is not empty, and for nothing else. Segments compare decoded and
 * without regard to case, and a slash at the end makes no difference: many services route so, and a rule restricts.
 *
 * Deliberately absent: parts of segments (`{id}.json`), optional parts, regular expressions.
 */
import * as limits from './limits.ts';
import { decode } from './target.ts';

export interface Routes {
  /** The first template that the canonical path fits, or null. */
  of(path: string): string | null;
}

/** No templates. */
export const noRoutes: Routes = { of: () => null };

/** Null for a segment in braces. */
type Parts = readonly (string | null)[];

/** The problem of the first template that is none, for people; null where all are fine. */
export function routeProblem(templates: readonly string[]): string | null {
  if (templates.length > limits.routesMax) return `there are more than ${limits.routesMax} routes`;
  for (const template of templates) {
    if (partsOf(template) === null) return `${JSON.stringify(template)} is no route such as /v1/customers/{id}`;
  }
  return null;
}

/** Templates that are none are left out: `routeProblem` refuses them before they are stored. */
export function compileRoutes(templates: readonly string[]): Routes {
  const routes = templates.flatMap((template) => {
    const parts = partsOf(template);
    return parts === null ? [] : [{ template, parts }];
  });
  if (routes.length === 0) return noRoutes;
  return {
    of(path) {
      const segments = segmentsOf(path);
      return routes.find(({ parts }) => fits(parts, segments))?.template ?? null;
    },
  };
}

function partsOf(template: string): Parts | null {
  if (!template.startsWith('/') || /[?#\s\\]|\/\//.test(template)) return null;
  const parts: (string | null)[] = [];
  for (const name of template.split('/').filter((one) => one !== '')) {
    if (/^\{[A-Za-z_][A-Za-z0-9_.-]*\}$/.test(name)) parts.push(null);
    else if (/[{}]/.test(name) || name === '.' || name === '..') return null;
    else parts.push(comparable(name));
  }
  return parts;
}

function segmentsOf(path: string): readonly string[] {
  return path
    .split('/')
    .filter((one) => one !== '')
    .map(comparable);
}

function comparable(segment: string): string {
  return (decode(segment) ?? segment).toLowerCase();
}

function fits(parts: Parts, segments: readonly string[]): boolean {
  return parts.length === segments.length && parts.every((part, index) => part === null || part === segments[index]);
}
