/** What a handler is given, and what it may answer; the types follow from the table of routes. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { EventBody } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import type { Scope } from './authorise.ts';
import type { HandlerInput, ManifestSchemas, RouteAnswer, RouteEntry, RouteName, Routes } from './contract/index.ts';
import type { ApiPorts, ApiProtocol } from './ports.ts';

/** What all handlers share. */
export interface ApiParts {
  readonly ports: ApiPorts;
  readonly protocols: readonly ApiProtocol[];
  readonly schemas: ManifestSchemas;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Where people reach the console, as an origin; where it listens where null. */
  readonly publicUrl: string | null;
  /** Journals events and waits until all of them are durable. Rejects with an operation error. */
  record(...events: readonly EventBody[]): Promise<void>;
}

type Caller<N extends RouteName> = Routes[N]['permission'] extends 'public'
  ? null
  : Routes[N]['permission'] extends 'metrics.read'
    ? Principal | null
    : Principal;

export interface Context<N extends RouteName> {
  readonly principal: Caller<N>;
  /** Over whose things: a handler that is given `own` compares owners. */
  readonly scope: Scope;
  /** The token of the call, its id and end. Null on public routes. */
  readonly token: { readonly id: string; readonly expiresAtMs: number } | null;
  /** The call came with the cookie of a web session. */
  readonly isWeb: boolean;
  /**
   * A secret of the caller's browser, in a cookie of its own that this sets where there is none: what one request begins, the
   * same browser ends. Null where no browser calls.
   */
  readonly browser: () => string | null;
  /** As it stood in the request line, without `?`: some standards sign its very spelling. */
  readonly rawQuery: string;
  readonly input: HandlerInput<Routes[N]>;
  readonly requestId: string;
  readonly source: string;
  /** Aborts when the client is gone, its right to a stream ended, or the API closes. */
  readonly signal: AbortSignal;
}

export interface TextAnswer {
  readonly mediaType: string;
  readonly body: string | AsyncIterable<string>;
  /** Offered to save under this name. Made of safe characters by the handler. */
  readonly fileName?: string;
}

/** Everything of an answer, where a protocol of others asks for it. Whoever makes one makes its fields safe. */
export interface HttpAnswer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

type Kind<N extends RouteName> = Routes[N]['response']['kind'];

export type Result<N extends RouteName> =
  Kind<N> extends 'json'
    ? RouteAnswer<Routes[N]>
    : Kind<N> extends 'none'
      ? undefined
      : Kind<N> extends 'ndjson'
        ? AsyncIterable<RouteEntry<Routes[N]>>
        : Kind<N> extends 'http'
          ? HttpAnswer
          : TextAnswer;

export type Handler<N extends RouteName> = (context: Context<N>) => Promise<Result<N>>;

/** One handler for each route: leaving one out does not compile. */
export type Handlers = { readonly [N in RouteName]: Handler<N> };
