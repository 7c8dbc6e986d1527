/**
 * What an HTTP request asks for, as rules judge it: method, canonical path, query, head fields, and what its body says as
 * far as it was read. `language/http` makes these from what the wire's own parser gives; `policy` puts rules to them.
 *
 * Invariants:
 * - `path` is the very path that the target gets: one canonical spelling, or the request never became a command (A-HTTP-06).
 * - No credential of the client is in here, nor any of the target's.
 * - What was not read or not understood of a body is `unread`, and then a rule about bodies cannot be certain that it does
 *   not concern it.
 */

/** How a request is sent on: plain, or turning into a stream of its own. */
export type HttpUpgrade = 'websocket';

/** One operation of a GraphQL request (GraphQL specification, section 2.3). */
export interface GraphqlOperation {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly name: string | null;
  /** Fields of the operation as dotted paths from its root, fragments resolved, aliases left out: `customer.orders.total`. */
  readonly fields: readonly string[];
}

export type HttpBody =
  | { readonly kind: 'none' }
  /** It may say anything. */
  | { readonly kind: 'unread'; readonly reason: string }
  /** Parsed JSON (RFC 8259) without duplicate names. `rpc`: methods of JSON-RPC 2.0 calls, where it is one or a batch. */
  | {
      readonly kind: 'json';
      readonly value: unknown;
      readonly rpc: readonly string[] | null;
      readonly graphql: readonly GraphqlOperation[] | null;
      /** Other spellings of names in it, by the one that stands in it: of a gRPC message, `customer_id` and `customerId`. */
      readonly names?: Readonly<Record<string, readonly string[]>>;
      /** Why there may be more in it than is known here; absent where all of it is. */
      readonly unknown?: string;
    }
  /**
   * `application/x-www-form-urlencoded`, or the fields of `multipart/form-data`. `files`: parts that are called files, whose
   * contents are not in here; absent where there are none.
   */
  | {
      readonly kind: 'form';
      readonly fields: readonly (readonly [name: string, value: string])[];
      readonly files?: readonly (readonly [name: string, filename: string])[];
    }
  /** Text of another kind, searched by `text` and `pattern` only. */
  | { readonly kind: 'text' };

export interface HttpMeaning {
  /** As sent: methods are case-sensitive (RFC 9110, section 9.1). */
  readonly method: string;
  /** Canonical, percent-encoded where it must be, beginning with a slash; without the query. */
  readonly path: string;
  /** The first of the resource's route templates that the path fits (`/v1/customers/{id}`), or null. */
  readonly route: string | null;
  /** Decoded, in order. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Names in lower case, in order, credentials and what concerns one connection only left out. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The media type without parameters, in lower case; null where none is given. */
  readonly contentType: string | null;
  readonly upgrade: HttpUpgrade | null;
  readonly body: HttpBody;
  /**
   * Operations of GraphQL that stand elsewhere than in a JSON body: in the query string or in a form. `unread`: there may be
   * some, anywhere, that are not known (a persisted query, what does not parse). Absent where there are none.
   */
  readonly graphql?: readonly GraphqlOperation[] | 'unread';
  /** `package.Service/Method` of a gRPC call, or null. */
  readonly grpc: string | null;
}

/** All that are given must hold of one and the same request; within a list, one is enough. */
export interface HttpSelector {
  readonly methods?: readonly string[];
  /** Globs over the canonical path: `*` within a segment, `**` for any run of segments: `/v1/customers/*`, `/admin/**`. */
  readonly paths?: readonly string[];
  /** Route templates, as the resource names them. */
  readonly routes?: readonly string[];
  /** `name`, or `name=value` where `*` in the value stands for any run of characters. */
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  readonly contentTypes?: readonly string[];
  /**
   * JSON pointers (RFC 6901) into a JSON body, where `*` stands for any one name or index; or `pointer=value`. Form fields
   * are matched as `/name`.
   */
  readonly body?: readonly string[];
  readonly graphql?: {
    readonly operations?: readonly GraphqlOperation['operation'][];
    /** Dotted paths, `*` for any run of characters: `mutation` fields `deleteCustomer`, `customer.ssn`. */
    readonly fields?: readonly string[];
  };
  /** Methods of JSON-RPC calls, `*` for any run of characters. */
  readonly rpc?: readonly string[];
  /** `package.Service/Method`, `*` for any run of characters. */
  readonly grpc?: readonly string[];
  readonly upgrades?: readonly HttpUpgrade[];
  /** As for SQL: what stays unknown may match anything, and counts as matching unless told to `ignore` it. */
  readonly uncertain?: 'match' | 'ignore';
}
