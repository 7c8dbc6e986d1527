/**
 * GraphQL in requests: which operations a document has and which fields they ask for (GraphQL specification, section 2;
 * "GraphQL over HTTP"; the multipart request convention for uploads).
 *
 * Invariants:
 * - Never throws, whatever the document is; tokens, depth, fields and steps are bounded, and past a bound it is unread.
 * - Every operation of a document is listed, whichever `operationName` picks; @skip and @include change nothing.
 * - What stands for a document that the service knows already (persisted queries) is unread: nobody here knows it.
 *
 * Deliberately absent: schemas, and so types, arguments and whether a field exists.
 */
import { Kind, type OperationDefinitionNode, parse, type SelectionNode, type SelectionSetNode } from 'graphql/language';
import type { GraphqlOperation } from '../../core/http.ts';
import { membersOf, readJson } from './json.ts';
import * as limits from './limits.ts';

/** Null: this is no GraphQL. */
export type GraphqlReading = readonly GraphqlOperation[] | { readonly unread: string } | null;

class Unread extends Error {}

/** The operations of a document. */
export function readGraphql(document: string): readonly GraphqlOperation[] | { readonly unread: string } {
  try {
    return operationsOf(document);
  } catch (error) {
    if (error instanceof Unread) return { unread: error.message };
    // Syntax, too many tokens, or nesting beyond the stack: the parser says all of them by throwing.
    return { unread: 'its GraphQL could not be parsed' };
  }
}

/** The operations of a request in JSON (`query`, `extensions`), or of a batch of them. `isEndpoint`: see `isGraphqlPath`. */
export function graphqlOfJson(value: unknown, isEndpoint: boolean): GraphqlReading {
  const requests = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (requests.length > limits.graphqlOperationsMax && requests.some((one) => membersOf(one, 'query').length > 0)) {
    return { unread: `it has more than ${limits.graphqlOperationsMax} GraphQL operations` };
  }
  let found: readonly GraphqlOperation[] | null = null;
  for (const request of requests) {
    const reading = graphqlOf(
      membersOf(request, 'query'),
      membersOf(request, 'extensions'),
      isEndpoint && ['id', 'documentid', 'queryid', 'doc_id'].some((name) => membersOf(request, name).length > 0),
      isEndpoint,
    );
    if (reading === null) continue;
    if ('unread' in reading) return reading;
    found = [...(found ?? []), ...reading];
  }
  return found === null ? null : bounded(found);
}

/** The same of fields: a query string, or a form, where `operations` holds JSON. */
export function graphqlOfFields(fields: readonly (readonly [string, string])[], isEndpoint: boolean): GraphqlReading {
  const named = (name: string): readonly string[] =>
    fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const extensions = named('extensions').map((text) => {
    const read = readJson(text);
    return 'value' in read ? read.value : { persistedQuery: 'not read' };
  });
  const isPersisted = isEndpoint && ['id', 'documentid', 'queryid', 'doc_id'].some((name) => named(name).length > 0);
  let found = graphqlOf(named('query'), extensions, isPersisted, isEndpoint);
  for (const operations of named('operations')) {
    if (found !== null && 'unread' in found) return found;
    const read = readJson(operations);
    const more: GraphqlReading = 'value' in read ? graphqlOfJson(read.value, isEndpoint) : isEndpoint ? read : null;
    if (more === null) continue;
    if ('unread' in more) return more;
    found = [...(found ?? []), ...more];
  }
  return found === null || 'unread' in found ? found : bounded(found);
}

/** Whether a service at this path can be told to speak GraphQL: there, what is not understood is not passed over. */
export function isGraphqlPath(path: string): boolean {
  const last = path
    .toLowerCase()
    .split('/')
    .findLast((segment) => segment !== '');
  return last !== undefined && (last.includes('graphql') || last.startsWith('gql'));
}

function graphqlOf(
  queries: readonly unknown[],
  extensions: readonly unknown[],
  isPersisted: boolean,
  isEndpoint: boolean,
): GraphqlReading {
  // A document has braces, always; what has none is the search term of some other service.
  const documents = queries.filter((one): one is string => typeof one === 'string' && one.includes('{'));
  if (documents.length === 0) {
    const asks = isPersisted || extensions.some((one) => membersOf(one, 'persistedquery').length > 0);
    if (asks) return { unread: 'it names a persisted GraphQL query, whose text only the service knows' };
    return isEndpoint && queries.some((one) => one !== '') ? { unread: 'its GraphQL could not be parsed' } : null;
  }
  let found: readonly GraphqlOperation[] = [];
  for (const document of documents) {
    const reading = readGraphql(document);
    if ('unread' in reading) return reading;
    found = [...found, ...reading];
  }
  return found;
}

function bounded(operations: readonly GraphqlOperation[]): GraphqlReading {
  if (operations.length > limits.graphqlOperationsMax) {
    return { unread: `it has more than ${limits.graphqlOperationsMax} GraphQL operations` };
  }
  if (operations.reduce((sum, { fields }) => sum + fields.length, 0) > limits.graphqlFieldsMax) return tooMany;
  return operations;
}

const tooMany = { unread: `its GraphQL asks for more than ${limits.graphqlFieldsMax} fields` } as const;

function operationsOf(document: string): readonly GraphqlOperation[] | { readonly unread: string } {
  const { definitions } = parse(document, {
    noLocation: true,
    maxLexicalTokens: limits.graphqlTokensMax,
    maxComments: limits.graphqlCommentsMax,
    maxSourceLength: limits.analysedBodyBytesMax,
  });
  const fragments = new Map<string, SelectionSetNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
    else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      if (fragments.has(definition.name.value)) throw new Unread('its GraphQL defines a fragment twice');
      fragments.set(definition.name.value, definition.selectionSet);
    } else throw new Unread('its GraphQL defines types, not operations');
  }
  if (operations.length === 0) throw new Unread('its GraphQL has no operation');
  const walk = new Walk(fragments);
  return (
    bounded(
      operations.map(({ operation, name, selectionSet }) => ({
        operation,
        name: name?.value ?? null,
        fields: walk.fieldsOf(selectionSet),
      })),
    ) ?? []
  );
}

/** Follows selections through fragments. The steps count over all operations of a document. */
class Walk {
  readonly #fragments: ReadonlyMap<string, SelectionSetNode>;
  #steps = 0;

  constructor(fragments: ReadonlyMap<string, SelectionSetNode>) {
    this.#fragments = fragments;
  }

  fieldsOf(selections: SelectionSetNode): readonly string[] {
    const fields = new Set<string>();
    this.#visit(selections.selections, '', 1, new Set(), fields);
    return [...fields];
  }

  #visit(
    selections: readonly SelectionNode[],
    prefix: string,
    depth: number,
    within: ReadonlySet<string>,
    fields: Set<string>,
  ): void {
    if (depth > limits.graphqlDepthMax)
      throw new Unread(`its GraphQL nests deeper than ${limits.graphqlDepthMax} fields`);
    for (const selection of selections) {
      if (++this.#steps > limits.graphqlStepsMax) throw new Unread('its GraphQL stands for too many fields');
      if (selection.kind === Kind.FIELD) {
        const path = `${prefix}${selection.name.value}`;
        fields.add(path);
        if (fields.size > limits.graphqlFieldsMax) throw new Unread(tooMany.unread);
        if (selection.selectionSet === undefined) continue;
        this.#visit(selection.selectionSet.selections, `${path}.`, depth + 1, within, fields);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        this.#visit(selection.selectionSet.selections, prefix, depth + 1, within, fields);
      } else {
        const name = selection.name.value;
        const fragment = this.#fragments.get(name);
        if (fragment === undefined) throw new Unread('its GraphQL uses a fragment that it does not define');
        // A service refuses a cycle; its fields are listed once all the same.
        if (within.has(name)) continue;
        this.#visit(fragment.selections, prefix, depth + 1, new Set([...within, name]), fields);
      }
    }
  }
}
