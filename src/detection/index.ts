/** What other rooms may import from detection. See README.md. */
export { builtInDetectors } from './builtin/index.ts';
export { type Hours, ordinaryHours } from './calendar.ts';
export { type CompiledDetection, type CompileParts, compileDetection } from './compile.ts';
export type {
  Detector,
  DetectorContext,
  DetectorDefinition,
  Finding,
  Observation,
  ObservedPrincipal,
  TuningDefinition,
  TuningValue,
} from './detector.ts';
export { createEngine, type Engine, type EngineParts, failureDetection, type Raised } from './engine.ts';
export { detectionErrors } from './errors.ts';
export { type Field, fieldFamilies, fieldOf, fields } from './fields.ts';
export type { Json } from './json.ts';
export { detectionsMax, tickMs } from './limits.ts';
export { lookBackMs } from './look-back.ts';
export { observe } from './observe.ts';
export { selectableTypes } from './select.ts';
export { type ExampleTrial, runExamples } from './trial.ts';
