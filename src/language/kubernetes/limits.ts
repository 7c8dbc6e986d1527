/** The limits of understanding Kubernetes requests: each with its unit and its reason. Past one of them a body is unread. */

/** Bytes of a body that are read before a request is judged. Etcd takes objects of 1.5 MiB; what people apply is far below. */
export const kubernetesBodyBytesMax = 1024 * 1024;

/** Nesting of objects. Kubernetes itself refuses 10,000 levels; a custom resource definition, the deepest there is, has forty. */
export const kubernetesDepthMax = 100;

/** Values and names of one body. A rule may have to look at each. */
export const kubernetesNodesMax = 50_000;

/** Documents in one body of YAML. The API server reads one. */
export const yamlDocumentsMax = 100;

/** Aliases of one body of YAML: each may stand for a large part again. Kubernetes bounds the ratio; people write none. */
export const yamlAliasesMax = 20;

/** How often aliases may stand for one part, those within it multiplied. */
export const yamlExpansionMax = 100;

/** Operations of one JSON patch: the API server takes 10,000, people and controllers write a few. */
export const patchOperationsMax = 5000;

/** UTF-16 units of one selector. */
export const selectorTextMax = 8192;

/** Words of a line that is read as a command's text: an exec may have thousands of arguments. */
export const textWordsMax = 10_000;

/** UTF-16 units of YAML that is no JSON: its reader takes a second for a megabyte. Manifests that people write are far below. */
export const yamlTextMax = 256 * 1024;

/** Bytes of a body whose text is shown as YAML; a longer one is shown as JSON on one line. */
export const shownYamlBytesMax = 64 * 1024;
