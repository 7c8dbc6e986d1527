/** What others may import: the analysis of HTTP requests. Its result types are in `core/http.ts`. */
export { type BodyMeaning, type BodyOptions, bodyMeaning, isReadType, noBody } from './body.ts';
export { analysedBodyBytesMax, targetBytesMax } from './limits.ts';
export {
  type AnalyseOptions,
  analyseRequest,
  type HttpReading,
  type HttpRequest,
  httpMeaning,
  type KnownBody,
  type RequestBody,
  requestText,
} from './request.ts';
export { compileRoutes, noRoutes, type Routes, routeProblem } from './routes.ts';
export {
  type CanonicalTarget,
  canonicalTarget,
  type HttpFault,
  type HttpFaultCode,
  isHttpFault,
  type TargetOptions,
} from './target.ts';
