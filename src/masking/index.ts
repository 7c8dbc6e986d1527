/** What other rooms may import from masking. */
export { type DetectorDefinition, type DetectorName, detectors, groups as detectorGroups } from './detectors/table.ts';
export { maskingErrors } from './errors.ts';
export { type CompiledMasks, compileMasks, type MaskInForce } from './masks.ts';
export { maskEverything, mergePlans } from './merge.ts';
export type { MaskOutcome, MaskSet, MaskTrace } from './plan.ts';
export type { SelectorTrace } from './selectors.ts';
