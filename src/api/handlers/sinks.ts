/**
 * Sinks: how far they have come, what their targets would not take, and a test.
 *
 * Invariants: who acts on dead letters, or has a test sent, is journaled by the port before anything is given up; why something was
 * refused is another system's text, and is shown so that nothing in it hides or reorders (A-REC-02).
 */
import { actorOf } from '../../core/event.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits, type SinkStandingView, type SinkView } from '../contract/index.ts';
import { displayLine } from '../display.ts';
import { apiErrors } from '../errors.ts';
import type { LetterChoice, SinkRecordView, SinkStandingRecord } from '../sink-ports.ts';

type SinkRoute = 'listSinks' | 'getSink' | 'testSink' | 'listDeadLetters' | 'resendDeadLetters' | 'discardDeadLetters';

export function sinkHandlers({ ports }: ApiParts): Pick<Handlers, SinkRoute> {
  const { sinks } = ports;
  const find = async (name: string): Promise<SinkRecordView> => {
    const found = (await sinks.list()).find((sink) => sink.name === name);
    if (found === undefined) throw apiErrors('api.not-found', { values: { what: 'sink' } });
    return found;
  };
  return {
    async listSinks() {
      return { sinks: (await sinks.list()).map(viewOf) };
    },

    async getSink({ input }) {
      return viewOf(await find(input.params.name));
    },

    async testSink({ principal, input }) {
      const { name } = await find(input.params.name);
      const { taken, problem, sequence } = await sinks.test(name, actorOf(principal));
      return { taken, problem: displayLine(problem), sequence };
    },

    async listDeadLetters({ input }) {
      const { name } = await find(input.params.name);
      const { gateway, limit = contractLimits.pageEntriesDefault, cursor } = input.query;
      const choice = choiceOf(name, gateway, undefined);
      const found = await sinks.deadLetters(choice, limit, cursor === undefined ? null : cursorOf(cursor));
      const last = found.at(-1);
      return {
        deadLetters: found.map(({ gateway: of, sequence, type, why, eventAtMs, atMs, wanted }) => ({
          gateway: of,
          sequence,
          type,
          why: displayLine(why),
          eventAt: iso(eventAtMs),
          at: iso(atMs),
          wanted: wanted !== null,
        })),
        next: last === undefined || found.length < limit ? null : `${last.gateway}.${last.sequence}`,
      };
    },

    async resendDeadLetters({ principal, input }) {
      const { name } = await find(input.params.name);
      const { gateway, sequence } = input.body;
      return sinks.resend(choiceOf(name, gateway, sequence), actorOf(principal));
    },

    async discardDeadLetters({ principal, input }) {
      const { name } = await find(input.params.name);
      const { gateway, sequence } = input.body;
      return { discarded: await sinks.discard(choiceOf(name, gateway, sequence), actorOf(principal)) };
    },
  };
}

function choiceOf(sink: string, gateway: string | undefined, sequence: number | undefined): LetterChoice {
  return { sink, ...(gateway === undefined ? {} : { gateway }), ...(sequence === undefined ? {} : { sequence }) };
}

function cursorOf(cursor: string): { readonly gateway: string; readonly sequence: number } {
  const dot = cursor.lastIndexOf('.');
  const sequence = Number(cursor.slice(dot + 1));
  return { gateway: cursor.slice(0, Math.max(0, dot)), sequence: Number.isSafeInteger(sequence) ? sequence : 0 };
}

function viewOf({ gateways, ...sink }: SinkRecordView): SinkView {
  return { ...sink, gateways: gateways.map(standingOf) };
}

function standingOf(standing: SinkStandingRecord): SinkStandingView {
  const { oldestAtMs, updatedAtMs, lastSentAtMs } = standing;
  return {
    gateway: standing.gateway,
    standing: standing.standing,
    since: iso(standing.sinceMs),
    problem: displayLine(standing.problem),
    sequence: standing.sequence,
    lagEvents: standing.behind,
    lagSeconds: oldestAtMs === null ? 0 : Math.max(0, Math.round((updatedAtMs - oldestAtMs) / 1000)),
    sent: standing.sent,
    lastSentAt: lastSentAtMs === null ? null : iso(lastSentAtMs),
    deadLetters: standing.deadLetters,
    updatedAt: iso(updatedAtMs),
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
