/** What the API asks of detections, apart from the alerts that they raise. */
import type { DetectionListing, DetectionReplayEntry, DetectionTrial, Manifest } from './contract/index.ts';

export interface DetectionReplayOrder {
  /** All objects as they would stand. */
  readonly objects: readonly Manifest[];
  /** Only these Detections; null: all that are on or run dry. */
  readonly names: readonly string[] | null;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly signal: AbortSignal;
}

export interface DetectionLab {
  list(objects: readonly Manifest[]): DetectionListing;
  /** Runs the examples of every Detection among the objects; nothing is kept. Those that do not compile are left out. */
  test(objects: readonly Manifest[]): readonly DetectionTrial[];
  /** Alerts that the Detections would have raised, as they would have come, then one summary. */
  replay(order: DetectionReplayOrder): AsyncIterable<DetectionReplayEntry>;
}
