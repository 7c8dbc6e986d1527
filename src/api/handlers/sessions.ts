/**
 * Sessions and their recordings.
 *
 * Invariants: whoever may see its own sessions only is told "not found" of others' (A-API-01, A-API-02); every reading
 * of a recording is durable in the journal before its first byte is sent.
 */
import { isGatewayError } from '../../base/errors.ts';
import { actorOf } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import type { RecordedEntry } from '../../core/recording.ts';
import type { Scope } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits, type RecordedEntryView, type SessionView } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { exportExtensions, exportMediaTypes, writeEntries } from '../export.ts';
import type { SessionRecord } from '../ports.ts';
import { type RenderCell, renderEntries } from '../render.ts';

type SessionRoute =
  | 'listSessions'
  | 'getSession'
  | 'killSession'
  | 'steerSession'
  | 'proveRecording'
  | 'readRecording'
  | 'tailSession'
  | 'exportSession';

export function sessionHandlers({ ports, protocols, record }: ApiParts): Pick<Handlers, SessionRoute> {
  const { sessions } = ports;
  return {
    async listSessions({ principal, scope, input }) {
      const { query } = input;
      const page = await sessions.list({
        principalId: scope === 'own' ? principal.id : null,
        principalName: query.principal ?? null,
        resource: query.resource ?? null,
        protocol: query.protocol ?? null,
        live: query.live ?? null,
        sinceMs: query.since === undefined ? null : Date.parse(query.since),
        untilMs: query.until === undefined ? null : Date.parse(query.until),
        limit: query.limit ?? contractLimits.pageEntriesDefault,
        cursor: query.cursor ?? null,
      });
      return { sessions: page.sessions.map(viewOf), next: page.next };
    },

    async getSession({ principal, scope, input }) {
      return viewOf(await visible(input.params.id, principal, scope));
    },

    async killSession({ principal, scope, input }) {
      const session = await visible(input.params.id, principal, scope);
      if (!session.live) throw apiErrors('api.not-live');
      const { reason } = input.body;
      await record({ type: 'session.kill', session: session.id, principal: actorOf(principal), reason });
      const by = principal.name;
      if (await sessions.kill(session.id, by, reason)) return undefined;
      if (!(await ports.live.order(session.id, { do: 'end', by, reason }))) throw apiErrors('api.not-live');
      return undefined;
    },

    async steerSession({ principal, scope, input }) {
      const session = await visible(input.params.id, principal, scope);
      if (!session.live) throw apiErrors('api.not-live');
      const { body } = input;
      const text = body.action === 'message' ? body.text : '';
      const actor = actorOf(principal);
      await record({ type: 'session.steered', session: session.id, principal: actor, action: body.action, text });
      if (await sessions.steer(session.id, body.action, text)) return undefined;
      const order = body.action === 'message' ? { do: body.action, text } : { do: body.action };
      if (!(await ports.live.order(session.id, order))) throw apiErrors('api.not-steerable');
      return undefined;
    },

    async proveRecording({ principal, scope, input }) {
      const { id, live } = await visible(input.params.id, principal, scope);
      const proof = await sessions.prove(id);
      return live ? { ...proof, state: 'live' } : proof;
    },

    async readRecording({ principal, scope, input, signal }) {
      return open(input.params.id, principal, scope, 'replay', signal);
    },

    async tailSession({ principal, scope, input, signal }) {
      const session = await visible(input.params.id, principal, scope);
      if (!session.live) throw apiErrors('api.not-live');
      await recordReading(session, principal, 'tail');
      const entries = await sessions.tail(session.id, signal);
      if (entries === null) throw apiErrors('api.not-live');
      return renderEntries(entries, rendererOf(session));
    },

    async exportSession({ principal, scope, input, signal }) {
      const { format, command } = input.query;
      const entries = await open(input.params.id, principal, scope, `export ${format}`, signal);
      return {
        mediaType: exportMediaTypes[format],
        body: writeEntries(entries, format, { title: input.params.id, command: command ?? null }),
        fileName: `${input.params.id}.${exportExtensions[format]}`,
      };
    },
  };

  async function open(
    id: string,
    principal: Principal,
    scope: Scope,
    how: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<RecordedEntryView>> {
    const session = await visible(id, principal, scope);
    await recordReading(session, principal, how);
    const entries = await sessions.readRecording(session.id, signal);
    return renderEntries(await begun(isBare(session) ? orNothing(entries) : entries), rendererOf(session));
  }

  async function visible(id: string, principal: Principal, scope: Scope): Promise<SessionRecord> {
    const session = await sessions.get(id);
    if (session === null || (scope !== 'all' && session.principal.id !== principal.id)) {
      throw apiErrors('api.not-found', { values: { what: 'session' } });
    }
    return session;
  }

  function recordReading(session: SessionRecord, principal: Principal, how: string): Promise<void> {
    return record({ type: 'recording.read', session: session.id, principal: actorOf(principal), how });
  }

  /** A protocol that is not built in any more leaves its cells to be spelled as what they look like. */
  function rendererOf(session: SessionRecord): RenderCell {
    const protocol = protocols.find((candidate) => candidate.name === session.protocol);
    if (protocol !== undefined) return (cell, type, format) => protocol.renderCell(cell, type, format);
    return (cell, _type, format) => (format === 'text' ? cell.toString('utf8') : `\\x${cell.toString('hex')}`);
  }
}

/** Nothing was asked for in it, so that nothing may have been recorded. */
function isBare({ live, commands }: SessionRecord): boolean {
  return !live && commands === 0;
}

/** The same entries, the first of which is there: what keeps them from being read at all is an answer, and not a stream that breaks. */
async function begun(entries: AsyncIterable<RecordedEntry>): Promise<AsyncIterable<RecordedEntry>> {
  const iterator = entries[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  })();
}

async function* orNothing(entries: AsyncIterable<RecordedEntry>): AsyncGenerator<RecordedEntry, void, undefined> {
  try {
    yield* entries;
  } catch (error) {
    if (!isGatewayError(error) || error.code !== 'recording.absent') throw error;
  }
}

function viewOf(session: SessionRecord): SessionView {
  const { startedAtMs, endedAtMs, principal, client, ...rest } = session;
  const { agents = [], ...who } = principal;
  return {
    ...rest,
    principal: { ...who, ...(agents.length === 0 ? {} : { agents: [...agents] }) },
    client: { ...client },
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: endedAtMs === null ? null : new Date(endedAtMs).toISOString(),
  };
}
