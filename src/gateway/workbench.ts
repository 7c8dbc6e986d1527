/**
 * Clients of the gateway's own, for people who work in the console. Each is a connection within this process to the protocol's own
 * server, with a Door like any other: it logs in with a token, and everything behind that is the pipeline's.
 *
 * Invariants: its token is good for the one resource, ends with the browser's session, and is revoked when the client ends; it ends
 * when its stream does (the right to it included), and then so does its session; what a browser does not take in time stops the
 * target, and is never gathered.
 *
 * Deliberately absent: what the bytes mean (each protocol's `workbench`), who may (the door).
 */
import type { ApiPorts, WorkbenchEntryView } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { ServerTlsOptions, Wire } from '../base/wire.ts';
import { wirePair } from '../base/wire-pair.ts';
import { type Doors, durable } from '../core/door.ts';
import { actorOf } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Workbench, WorkbenchEntry } from '../core/workbench.ts';
import { apiSource, type Identity } from '../identity/index.ts';
import { type Authority, listenerTls } from './authority.ts';
import { inBackground, retry } from './background.ts';
import * as limits from './limits.ts';
import type { Snapshot } from './snapshot.ts';

export interface WorkbenchParts {
  readonly protocols: readonly Protocol[];
  readonly snapshot: Snapshot;
  readonly identity: Pick<Identity, 'issueToken' | 'revokeToken'>;
  readonly journal: Journal;
  readonly doors: Doors;
  readonly authority: Authority;
  readonly hostKeys: () => readonly string[];
  readonly isClosed: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

interface Open {
  readonly ownerId: string;
  readonly workbench: Workbench;
}

export function workbenchPort(parts: WorkbenchParts): ApiPorts['workbench'] {
  const { protocols, snapshot, clock, log } = parts;
  const open = new Map<string, Open>();
  const servers = new Map<string, ReturnType<Protocol['createServer']>>();

  function serverOf(protocol: Protocol): ReturnType<Protocol['createServer']> {
    const made =
      servers.get(protocol.name) ?? protocol.createServer({ clock, log: log.with({ protocol: protocol.name }) });
    servers.set(protocol.name, made);
    return made;
  }

  function dial(protocol: Protocol, source: string): Wire {
    const [accepted, dialled] = wirePair(source);
    const connection = { id: newId('con', clock.now()), source, tlsRequired: false };
    const { authority, hostKeys } = parts;
    // Nothing leaves the process, so that no client here asks for TLS.
    const serverTls = (): ServerTlsOptions => listenerTls(authority, [], snapshot.issuers());
    const door = parts.doors.open({ protocol, client: accepted, connection, serverTls, hostKeys });
    serverOf(protocol)
      .accept(accepted, door)
      .catch((error: unknown) => {
        log.error('connection failed', { connection: connection.id, detail: describeError(error) });
        accepted.destroy();
      });
    return dialled;
  }

  return {
    protocols: protocols.flatMap(({ name, workbench }) =>
      workbench === undefined ? [] : [{ name, takes: workbench.takes }],
    ),

    async open({ principal, under, source, resource, columns, rows, signal }) {
      const found = await snapshot.resource(resource);
      const protocol = protocols.find(({ name }) => name === found?.protocol);
      if (protocol?.workbench === undefined || !hasRoom(open, principal)) return null;
      const issued = await parts.identity.issueToken({
        owner: principal.name,
        label: `console: ${resource}`,
        createdBy: principal.name,
        source: apiSource,
        attributes: { scope: { resources: [resource] }, parent: under },
        lifetimeMs: limits.workbenchTokenMs,
      });
      const { id: token, owner, expiresAtMs } = issued.token;
      const person = actorOf(principal);
      const { journal } = parts;
      await durable(
        journal,
        journal.append({ type: 'token.issued', principal: person, token, owner, expiresAtMs, resources: [resource] }),
      );
      const id = newId('wb', clock.now());
      const entries = new Entries(() => workbench.resume());
      const workbench = protocol.workbench.open({
        dial: () => dial(protocol, source),
        login: `${principal.name}+${resource}`,
        secret: issued.secret,
        resource,
        columns,
        rows,
        give: (entry) => entries.put(entry),
        clock,
        log,
      });
      open.set(id, { ownerId: principal.id, workbench });
      const end = (): void => {
        if (!open.delete(id)) return;
        entries.end();
        workbench.close();
        const revoke = async (): Promise<void> => {
          await parts.identity.revokeToken(token);
          // While the gateway stops its journal may be closed; that it was revoked stands in the store all the same.
          if (!parts.isClosed()) journal.append({ type: 'token.revoked', principal: person, token, owner });
        };
        const again = () => retry(clock, limits.workbenchRevokeRetryMs, () => parts.isClosed(), revoke);
        inBackground(log, 'the token of a client of the console was not revoked', revoke(), again);
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      return entries.all({ type: 'opened', id, takes: workbench.takes }, end);
    },

    input(id, principal, input) {
      const found = open.get(id);
      if (found === undefined || found.ownerId !== principal.id) return false;
      const { workbench } = found;
      if (input.action === 'run') workbench.run(input.run, input.text);
      else if (input.action === 'type') workbench.type(input.data);
      else if (input.action === 'resize') workbench.resize(input.columns, input.rows);
      else workbench.cancel();
      return true;
    },
  };
}

function hasRoom(open: ReadonlyMap<string, Open>, principal: Principal): boolean {
  let own = 0;
  for (const { ownerId } of open.values()) if (ownerId === principal.id) own++;
  return own < limits.workbenchesPerPrincipalMax;
}

/** What waits for the browser, bounded by what its feeder is told. */
class Entries {
  #waiting: WorkbenchEntry[] = [];
  #weight = 0;
  #wake: (() => void) | null = null;
  #ended = false;
  readonly #resume: () => void;

  constructor(resume: () => void) {
    this.#resume = resume;
  }

  put(entry: WorkbenchEntry): boolean {
    if (this.#ended) return true;
    this.#waiting.push(entry);
    this.#weight += weightOf(entry);
    if (entry.type === 'closed') this.#ended = true;
    this.#wake?.();
    return this.#weight < limits.workbenchWaitingMax;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *all(first: WorkbenchEntryView, over: () => void): AsyncGenerator<WorkbenchEntryView, void, undefined> {
    try {
      yield first;
      for (;;) {
        const waiting = this.#waiting;
        this.#waiting = [];
        this.#weight = 0;
        this.#resume();
        for (const entry of waiting) yield viewOf(entry);
        if (this.#waiting.length > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    } finally {
      over();
    }
  }
}

function weightOf(entry: WorkbenchEntry): number {
  if (entry.type === 'output') return entry.data.length;
  if (entry.type !== 'rows') return 100;
  let weight = 0;
  for (const row of entry.rows) for (const cell of row) weight += (cell?.length ?? 0) + 8;
  return weight;
}

function viewOf(entry: WorkbenchEntry): WorkbenchEntryView {
  if (entry.type === 'output') return { type: 'output', data: entry.data.toString('base64') };
  if (entry.type === 'rows') return { ...entry, rows: entry.rows.map((row) => [...row]) };
  if (entry.type === 'columns') return { ...entry, columns: entry.columns.map((column) => ({ ...column })) };
  return entry;
}
