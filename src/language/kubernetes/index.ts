/** What others may import: the analysis of requests to Kubernetes API servers. Its result types are in `core/kubernetes.ts`. */
export { analyseKubernetes, type KubernetesReading, type KubernetesRequest } from './analyse.ts';
export { kubernetesBodyBytesMax } from './limits.ts';
export { analyseKubernetesText } from './read-text.ts';
export { type RequestLine, requestInfoOf } from './request-info.ts';
