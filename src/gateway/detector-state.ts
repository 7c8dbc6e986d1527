/**
 * What detectors remember, between the engine's one value and the store's rows: one a detection, so that none takes the others'
 * room, and one for the rest.
 *
 * Invariants: whoever saves changes nothing until that is done, for it takes several turns; what cannot be read or kept of one detection is left out, and it begins anew; the others go on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Json } from '../detection/index.ts';
import type { Detectors } from '../store/index.ts';

export interface KeptEngine {
  /** Up to where in the journal it counts. */
  readonly sequence: number;
  readonly engine: Json;
  readonly rules: string;
  /** Ids of alerts that were raised. */
  readonly raised: readonly string[];
  /** Those of them that were resolved, with the sequence at which. */
  readonly closed: readonly (readonly [id: string, sequence: number])[];
}

export interface EngineStore {
  load(): Promise<KeptEngine | null>;
  /** False where it could not be kept now. */
  save(kept: KeptEngine): Promise<boolean>;
}

/** Names of detections have no such sign. */
const engineName = '$engine';
const rulesName = '$rules';
const raisedName = '$raised';
const closedName = '$closed';

/** Below the store's own limit for one. */
const stateCharactersMax = 16 * 1024 * 1024;

export function keepingEngine(detectors: Detectors, gateway: string, log: Log): EngineStore {
  return {
    async load() {
      const found = await detectors.load(gateway);
      if (found === null) return null;
      const { sequence, states } = found;
      const read = (name: string): Json => parsed(states.get(name) ?? 'null', name, log);
      const rest = read(engineName);
      const detections = Object.fromEntries(
        [...states.keys()].filter((name) => !name.startsWith('$')).map((name) => [name, read(name)] as const),
      );
      const raised = read(raisedName);
      const closed = read(closedName);
      return {
        sequence,
        engine: isRecord(rest) ? { ...rest, detections } : null,
        rules: states.get(rulesName) ?? '[]',
        raised: Array.isArray(raised) ? raised.map(String) : [],
        closed: Array.isArray(closed) ? (closed as [string, number][]) : [],
      };
    },
    async save({ sequence, engine, rules, raised, closed }) {
      const states = new Map([
        [rulesName, rules],
        [raisedName, JSON.stringify(raised)],
        [closedName, JSON.stringify(closed)],
      ]);
      if (isRecord(engine)) {
        const { detections = {}, ...rest } = engine;
        states.set(engineName, JSON.stringify(rest));
        for (const [name, state] of Object.entries(isRecord(detections) ? detections : {})) {
          // One detection at a time: all of them are megabytes, and sessions wait meanwhile.
          await nextTurn();
          const text = JSON.stringify(state);
          if (text.length <= stateCharactersMax) states.set(name, text);
          else log.error('a detection remembers more than can be kept; it would begin anew', { detection: name });
        }
      }
      try {
        await detectors.save(gateway, { sequence, states });
        return true;
      } catch (error) {
        log.warn('what detections remember could not be kept', { detail: describeError(error) });
        return false;
      }
    },
  };
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string, name: string, log: Log): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    log.error('what a detection remembers cannot be read; it begins anew', { detection: name });
    return null;
  }
}
