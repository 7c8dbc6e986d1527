/** The limits of understanding HTTP requests: each with its unit and its reason. Past one of them a request is unread. */

/** Bytes of a request-target. RFC 9110 (section 4.1) asks for 8000 at least; this is Node's own limit for all of a head. */
export const targetBytesMax = 16 * 1024;

/** Bytes of a body that are read before a request is judged. What people and programs write by hand is far below; bulk data is not. */
export const analysedBodyBytesMax = 1024 * 1024;

/** Nesting of JSON. Real documents have below twenty levels; services refuse about a hundred and more. */
export const jsonDepthMax = 100;

/** Values and names of one JSON body. A rule may have to look at each. */
export const jsonNodesMax = 50_000;

/** Fields of one form. PHP and Tomcat stop at a thousand, and read none of the rest. */
export const formFieldsMax = 1000;

/** Bytes of the head of one part of a multipart body: a name, a file's name, a type. */
export const partHeadBytesMax = 4096;

/** Calls of one JSON-RPC batch. Ethereum's servers take a thousand. */
export const rpcCallsMax = 1000;

/** Tokens of one GraphQL document. Introspection, the longest that is common, has 300. */
export const graphqlTokensMax = 5000;

/** Comments of one GraphQL document: the parser keeps them in memory. */
export const graphqlCommentsMax = 1000;

/** Nesting of fields in a GraphQL operation. Services that bound it do so at about ten to twenty. */
export const graphqlDepthMax = 50;

/** Fields visited while fragments are followed: they may stand for exponentially many. */
export const graphqlStepsMax = 10_000;

/** Distinct fields of the operations of one request. */
export const graphqlFieldsMax = 2000;

/** Operations of one request, in documents and batches. */
export const graphqlOperationsMax = 100;

/** Route templates of one resource: they are tried one after another. */
export const routesMax = 500;
