/** Routes as data: one definition that the server, the client and the OpenAPI description are made from. */
import type { z } from 'zod';
import type { RoutePermission } from './permission.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a route answers with. */
export type Answer =
  | { readonly kind: 'json'; readonly schema: z.ZodType }
  /** One JSON value per line; blank lines keep the connection alive. */
  | { readonly kind: 'ndjson'; readonly schema: z.ZodType }
  /** Text of one of these media types, possibly long. */
  | { readonly kind: 'text'; readonly mediaTypes: readonly string[] }
  /** Status, head fields and body as a protocol of others has them: redirections, cookies, documents. */
  | { readonly kind: 'http'; readonly description: string; readonly mediaTypes: readonly string[] }
  | { readonly kind: 'none' };

export interface RouteDefinition {
  readonly method: Method;
  /** With `:name` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** Required: a route without it cannot be defined. */
  readonly permission: RoutePermission;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Headers that the handler reads; others are not its to see. */
  readonly headers?: z.ZodType;
  /**
   * In place of `body`, for a peer that signs the very bytes it sends, or sends no JSON: the handler gets them unparsed. The
   * schema only describes; the typed client does not call such a route.
   */
  readonly rawBody?: { readonly mediaType: string | readonly string[]; readonly schema: z.ZodType };
  readonly response: Answer;
  /** The answer is text that comes piece by piece, and ends with the right to it. */
  readonly streamed?: true;
  /** Takes what pages of other sites begin: the answer of an identity provider, through the browser. */
  readonly crossSite?: true;
  /** Body limit of its own, below the general one. */
  readonly bodyBytesMax?: number;
}

export function defineRoute<const R extends RouteDefinition>(route: R): R {
  return route;
}

export function json<S extends z.ZodType>(schema: S): { readonly kind: 'json'; readonly schema: S } {
  return { kind: 'json', schema };
}

export function ndjson<S extends z.ZodType>(schema: S): { readonly kind: 'ndjson'; readonly schema: S } {
  return { kind: 'ndjson', schema };
}

export function text(...mediaTypes: readonly string[]): {
  readonly kind: 'text';
  readonly mediaTypes: readonly string[];
} {
  return { kind: 'text', mediaTypes };
}

/** What a route answers that speaks somebody else's protocol; the typed client does not call it. */
export function http(
  description: string,
  ...mediaTypes: readonly string[]
): { readonly kind: 'http'; readonly description: string; readonly mediaTypes: readonly string[] } {
  return { kind: 'http', description, mediaTypes };
}

export const none: { readonly kind: 'none' } = { kind: 'none' };

type Part<R, K extends string, Side extends 'input' | 'output'> = R extends {
  readonly [P in K]: infer S extends z.ZodType;
}
  ? Side extends 'input'
    ? z.input<S>
    : z.output<S>
  : undefined;

type Without<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };

/** What a caller passes: parameters and query as their meaning, the body as it may be written. */
export type RouteInput<R> = Without<{
  params: Part<R, 'params', 'output'>;
  query: Part<R, 'query', 'output'>;
  body: Part<R, 'body', 'input'>;
}>;

/** What a handler gets. */
export type HandlerInput<R> = {
  readonly params: Part<R, 'params', 'output'>;
  readonly query: Part<R, 'query', 'output'>;
  readonly headers: Part<R, 'headers', 'output'>;
  readonly body: R extends { readonly rawBody: object } ? Buffer : Part<R, 'body', 'output'>;
};

type AnswerOf<R> = R extends { readonly response: infer A } ? A : never;

/** The value of a JSON answer. */
export type RouteAnswer<R> =
  AnswerOf<R> extends { readonly kind: 'json'; readonly schema: infer S extends z.ZodType }
    ? z.output<S>
    : AnswerOf<R> extends { readonly kind: 'none' }
      ? undefined
      : never;

/** One entry of an NDJSON answer. */
export type RouteEntry<R> =
  AnswerOf<R> extends { readonly kind: 'ndjson'; readonly schema: infer S extends z.ZodType } ? z.output<S> : never;
