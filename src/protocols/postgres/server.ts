/**
 * One accepted connection from its first byte to its last: start-up, login, step-up, session, upstream, relay.
 *
 * Invariants:
 * - Each step is one call that either gives what the next needs or has dealt with the client.
 * - The resource is dialled only after the session stands in the journal.
 * - The client's cancel key dies with the session (A-PG-26).
 *
 * Deliberately absent: what the steps do (startup.ts, login.ts, step-up.ts, upstream.ts, relay.ts).
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door, ProtocolContext, ProtocolServer } from '../../core/protocol.ts';
import type { Resource } from '../../core/resource.ts';
import type { Session } from '../../core/session.ts';
import { loadSqlParser } from '../../language/index.ts';
import { type CancelKey, CancelRegistry } from './cancel.ts';
import type { CatalogMember, Catalogs } from './catalog.ts';
import { renderEnding } from './denial.ts';
import { encodeFatal } from './fatal.ts';
import type { ServerContext } from './inspection.ts';
import * as limits from './limits.ts';
import { type LoginOptions, login } from './login.ts';
import { Relay } from './relay.ts';
import { receiveStartup, type Startup } from './startup.ts';
import { awaitOpening } from './step-up.ts';
import { encodeWelcome, openUpstream, type UpstreamReady } from './upstream.ts';

export class PostgresServer implements ProtocolServer {
  readonly #cancels: CancelRegistry;
  readonly #catalogs: Catalogs;
  readonly #options: LoginOptions;

  constructor(context: ProtocolContext, options: LoginOptions, catalogs: Catalogs) {
    this.#catalogs = catalogs;
    this.#cancels = new CancelRegistry(context.clock);
    this.#options = options;
  }

  /** Cancel keys in use: one for each live session. */
  get cancelKeys(): number {
    return this.#cancels.size;
  }

  async accept(client: Wire, door: Door): Promise<void> {
    const startup = await receiveStartup(client, door, this.#cancels);
    if (startup === null) return;
    const known = await login(client, door, startup, this.#options);
    if (known === null) return;
    let session: Session;
    try {
      await awaitOpening(client, door, startup, known);
      session = await door.openSession(known.principal, known.resource, known.facts);
    } catch (error) {
      // The door has journaled its refusal; the client is told.
      return refuse(client, startup, door, error);
    }
    const opened = await this.#connect(session, startup, door);
    if (opened !== null) await this.#relay(session, client, startup, opened, door);
  }

  /** Connects the session to its resource. Null when the session ended instead, and the client was told why. */
  async #connect(session: Session, startup: Startup, door: Door): Promise<Opened | null> {
    let parting: Buffer | null = null;
    session.onEnding = (ending) => {
      session.goodbye(parting ?? renderEnding(ending));
      session.finish();
    };
    try {
      await loadSqlParser();
      const ready = await openUpstream(session, startup, door);
      // The catalog is loaded while the session asks for its own settings.
      const catalog = this.#catalogs.join(session, door);
      const known = await askContext(ready, catalog, door);
      if (known !== null) catalog.began(known);
      if (!session.ended) return { ready, known, catalog };
      catalog.leave();
      ready.upstream.destroy();
    } catch (error) {
      const known = isGatewayError(error) ? error : null;
      if (known === null || known.kind === 'assertion') {
        door.log.error('opening the upstream failed', { session: session.id, detail: describeError(error) });
      }
      parting = encodeFatal(error);
      const left = startup.inbox.failure !== null;
      const broken = known?.code === 'postgres.upstream-protocol';
      session.end({
        reason: left ? 'client-closed' : broken ? 'upstream-violation' : 'failed',
        message: known?.publicMessage ?? 'The gateway met an internal error.',
        code: known?.code ?? null,
        by: null,
      });
    }
    return null;
  }

  #relay(session: Session, client: Wire, startup: Startup, opened: Opened, door: Door): Promise<void> {
    const { ready, known, catalog } = opened;
    return new Promise((resolve) => {
      const idleMs = idleMsOf(session.resource);
      let key: CancelKey | null = null;
      const onOver = (): void => {
        key?.release();
        resolve();
      };
      const relay = new Relay({ session, client, ready, door, known, catalog, idleMs, onOver });
      key = this.#cancels.register(startup.minor, client.remoteAddress, (source) => relay.cancel(source));
      session.establish();
      session.deliver(encodeWelcome(ready, key));
      ready.handOver(relay.serverHandler);
      startup.inbox.handOver(relay.clientHandler);
    });
  }
}

/** A session that has its upstream. */
interface Opened {
  readonly ready: UpstreamReady;
  readonly known: ServerContext | null;
  readonly catalog: CatalogMember;
}

/** What the server says of the session; the session's share in the catalog ends where that fails. */
async function askContext(ready: UpstreamReady, catalog: CatalogMember, door: Door): Promise<ServerContext | null> {
  try {
    const known = await ready.askContext();
    if (known === null)
      door.log.warn('the resource does not tell a session’s settings; little is proven of statements');
    return known;
  } catch (error) {
    catalog.leave();
    throw error;
  }
}

function idleMsOf(resource: Resource): number {
  const seconds = resource.settings['idle_timeout'];
  return (typeof seconds === 'number' && seconds > 0 ? seconds : limits.idleTimeoutSecondsDefault) * 1000;
}

function refuse(client: Wire, startup: Startup, door: Door, error: unknown): void {
  if (!isGatewayError(error) || error.kind === 'assertion') {
    door.log.error('opening the session failed', { detail: describeError(error) });
  }
  client.end(encodeFatal(error));
  const timer = door.clock.after(limits.refusalLingerMs, () => client.destroy());
  startup.inbox.onClosed = () => timer.cancel();
}
