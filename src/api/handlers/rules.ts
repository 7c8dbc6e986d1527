/**
 * What the rules say: a command explained, the examples of a policy, recorded commands judged by a changed policy, and
 * what the rules did in a session.
 *
 * Invariants: nothing here runs a command or changes the configuration; who is not allowed to see all learns nothing of
 * a resource that is not theirs; what a replay shows of a session is journaled as a reading of it before it is sent.
 */
import { actorOf, type Event } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import { isInScope } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { type CommandExplanation, contractLimits, type ReplayEntry, type SessionEventView } from '../contract/index.ts';
import { displayBeginning } from '../display.ts';
import { apiErrors } from '../errors.ts';
import { replaySessionsMax, summaryLengthMax } from '../limits.ts';
import { objectsAfter } from '../plan.ts';
import { invalidManifest } from '../problem.ts';

type RuleRoute = 'explainCommand' | 'testPolicy' | 'replayPolicy' | 'sessionEvents';

export function ruleHandlers({ ports, schemas, clock, record }: ApiParts): Pick<Handlers, RuleRoute> {
  const { configuration, checks, explainer, lab, sessions } = ports;
  return {
    async explainCommand({ principal, scope, input }) {
      const { resource, command } = input.body;
      const who = input.body.principal ?? principal.name;
      if (scope !== 'all' && who !== principal.name) throw apiErrors('api.forbidden');
      if (!isInScope(principal, resource)) return notGranted(who, resource);
      const explained = await explainer.explain({ principal: who, resource, command });
      // As with access: of a resource that is not theirs, others learn nothing, not even that it exists.
      return scope !== 'all' && !explained.granted ? notGranted(who, resource) : explained;
    },

    async testPolicy({ input }) {
      const { objects, given, problems } = await objectsAfter(input.body.documents, schemas, configuration, checks);
      const names = new Set(given.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
      const results = await lab.test(objects);
      return {
        problems: problems.map((problem) => ({ ...problem, path: [...problem.path] })),
        results: results.filter(({ kind, name }) => names.has(`${kind}/${name}`)),
      };
    },

    async replayPolicy({ principal, input, signal }) {
      const { documents, since, until, limit } = input.body;
      const { objects, problems } = await objectsAfter(documents, schemas, configuration, checks);
      if (problems.length > 0) throw invalidManifest(problems);
      const entries = lab.replay({
        objects,
        sinceMs: Date.parse(since),
        untilMs: until === undefined ? clock.now() : Date.parse(until),
        limit: limit ?? contractLimits.replayCommandsMax,
        signal,
      });
      return recordedReading(entries, principal);
    },

    async sessionEvents({ principal, scope, input, signal }) {
      const session = await sessions.get(input.params.id);
      if (session === null || (scope !== 'all' && session.principal.id !== principal.id)) {
        throw apiErrors('api.not-found', { values: { what: 'session' } });
      }
      return eventsOf(await sessions.events(session.id, signal));
    },
  };

  /** A session whose command is shown has been read: that stands in the journal first. */
  async function* recordedReading(
    entries: AsyncIterable<ReplayEntry>,
    principal: Principal,
  ): AsyncGenerator<ReplayEntry, void, undefined> {
    const read = new Set<string>();
    for await (const entry of entries) {
      if (entry.type === 'summary') {
        yield entry;
        continue;
      }
      if (!read.has(entry.session)) {
        if (read.size >= replaySessionsMax) {
          throw apiErrors('api.invalid', { values: { reason: 'it differs in too many sessions; ask for less time.' } });
        }
        read.add(entry.session);
        await record({
          type: 'recording.read',
          session: entry.session,
          principal: actorOf(principal),
          how: 'policy replay',
        });
      }
      yield { ...entry, text: displayBeginning(entry.text, summaryLengthMax) };
    }
  }
}

/** The explanation where no session may be opened, and so nothing more is told. */
export function notGranted(principal: string, resource: string): CommandExplanation {
  return {
    principal,
    resource,
    granted: false,
    stepUp: false,
    rule: 'none',
    access: [],
    verdict: null,
    meaning: null,
    guardrails: [],
    masks: [],
    columns: [],
    hold: null,
    limits: [],
    alerts: [],
  };
}

/** The events that say what the rules did, as the API gives them. Others (the text of commands) are the recording's. */
async function* eventsOf(events: AsyncIterable<Event>): AsyncGenerator<SessionEventView, void, undefined> {
  /** The command that a review is about, since decisions name the review alone. */
  const commandOf = new Map<string, number | null>();
  for await (const event of events) {
    const at = new Date(event.at).toISOString();
    switch (event.type) {
      case 'session.opened':
        if (event.stepUp !== undefined) {
          const { atMs, proof } = event.stepUp;
          yield { type: 'confirmed', at: new Date(atMs).toISOString(), command: null, by: event.principal.name, proof };
        }
        break;
      case 'command.verdict':
        yield { type: 'verdict', at, command: event.command, verdict: { ...event.verdict } };
        break;
      case 'review.requested': {
        const { review, kind, rule, approvals, digest, command } = event;
        commandOf.set(review, command);
        const expiresAt = new Date(event.expiresAtMs).toISOString();
        yield { type: 'review.requested', at, command, review, kind, rule, approvals, expiresAt, digest };
        break;
      }
      case 'review.decided': {
        const { review, decision, principal, reason, state, how } = event;
        const command = commandOf.get(review) ?? null;
        yield { type: 'review.decided', at, command, review, decision, by: principal.name, reason, state, how };
        break;
      }
      case 'review.ended': {
        const { review, outcome, reason } = event;
        yield { type: 'review.ended', at, command: commandOf.get(review) ?? null, review, outcome, reason };
        break;
      }
      case 'alert.raised':
        yield { type: 'alert', at, command: event.command, rule: event.rule, reason: event.reason };
        break;
      case 'output.limited':
        yield { type: 'limited', at, command: event.command, rule: event.rule, verdict: event.verdict };
        break;
      case 'command.ended':
        if (event.masked !== undefined)
          yield { type: 'masked', at, command: event.command, masked: { ...event.masked } };
        break;
      default:
        break;
    }
  }
}
