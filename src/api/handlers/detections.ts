/**
 * Detections looked at and tried out: what there is, the examples of a change, and what it would have raised over what was
 * journaled.
 *
 * Invariants: nothing here raises an alert or changes the configuration; a session that a replay tells of has been read, and that
 * stands in the journal before it is told.
 */
import { actorOf } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import type { ApiParts, Handlers } from '../context.ts';
import type { DetectionReplayEntry, Manifest } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { replaySessionsMax } from '../limits.ts';
import { objectsAfter } from '../plan.ts';
import { invalidManifest } from '../problem.ts';

type DetectionRoute = 'listDetections' | 'testDetections' | 'replayDetections';

export function detectionHandlers({ ports, schemas, clock, record }: ApiParts): Pick<Handlers, DetectionRoute> {
  const { configuration, checks, detections } = ports;
  return {
    async listDetections() {
      return detections.list((await configuration.list('Detection')).map(({ manifest }) => manifest));
    },

    async testDetections({ input }) {
      const { objects, given, problems } = await objectsAfter(input.body.documents, schemas, configuration, checks);
      const names = new Set(given.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
      const tried = objects.filter(({ kind, metadata }) => names.has(`${kind}/${metadata.name}`));
      return {
        problems: problems.map((problem) => ({ ...problem, path: [...problem.path] })),
        results: [...detections.test(tried)],
      };
    },

    async replayDetections({ principal, input, signal }) {
      const { documents, names, since, until } = input.body;
      const { objects, given } = await tried(documents);
      const wanted = names ?? (given === null ? null : given.filter(isDetection).map(({ metadata }) => metadata.name));
      const known = new Set(objects.filter(isDetection).map(({ metadata }) => metadata.name));
      const missing = (wanted ?? []).find((name) => !known.has(name));
      if (missing !== undefined) throw apiErrors('api.not-found', { values: { what: `Detection ${missing}` } });
      if (known.size === 0 || wanted?.length === 0) {
        throw apiErrors('api.invalid', {
          values: { reason: 'there is no Detection to replay; give one, or configure one.' },
        });
      }
      const entries = detections.replay({
        objects,
        names: wanted,
        sinceMs: Date.parse(since),
        untilMs: until === undefined ? clock.now() : Date.parse(until),
        signal,
      });
      return recordedReading(entries, principal);
    },
  };

  /** The objects as they would stand; `given` is null where nothing is changed. */
  async function tried(
    documents: readonly unknown[] | undefined,
  ): Promise<{ objects: readonly Manifest[]; given: readonly Manifest[] | null }> {
    if (documents === undefined) {
      const stored = await configuration.list('Detection');
      return { objects: stored.map(({ manifest }) => manifest), given: null };
    }
    const { objects, given, problems } = await objectsAfter(documents, schemas, configuration, checks);
    if (problems.length > 0) throw invalidManifest(problems);
    return { objects, given };
  }

  async function* recordedReading(
    entries: AsyncIterable<DetectionReplayEntry>,
    principal: Principal,
  ): AsyncGenerator<DetectionReplayEntry, void, undefined> {
    const read = new Set<string>();
    for await (const entry of entries) {
      if (entry.type === 'alert' && entry.session !== null && !read.has(entry.session)) {
        if (read.size >= replaySessionsMax) {
          throw apiErrors('api.invalid', { values: { reason: 'it tells of too many sessions; ask for less time.' } });
        }
        read.add(entry.session);
        await record({
          type: 'recording.read',
          session: entry.session,
          principal: actorOf(principal),
          how: 'detection replay',
        });
      }
      yield entry;
    }
  }
}

function isDetection({ kind }: Manifest): boolean {
  return kind === 'Detection';
}
