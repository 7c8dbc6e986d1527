/**
 * Forwarded ports: one conversation, in which each connection to a port is a command of its own.
 *
 * Invariants:
 * - The target hears of a connection only behind a released command; what the client says before waits, within a bound.
 * - One connection that waits does not stop the others; where a transport is full, all on it wait.
 * - Each command ends once, with what passed; the request's own ends with the conversation.
 *
 * Deliberately absent: what is said on a connection. It is counted, and recorded within the budget.
 */
import { isGatewayError } from '../../base/errors.ts';
import type { CommandDraft } from '../../core/command.ts';
import { type ConnectionMeaning, showConnection } from '../../core/connections.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { masksOf } from '../../core/masked-stream.ts';
import type { Command, Flow } from '../../core/session.ts';
import { httpErrors } from '../http/index.ts';
import { Leg } from './leg.ts';
import * as limits from './limits.ts';
import type { ClientSide, Program, ProgramParts } from './programs.ts';
import { createPortForward, type Forward, type ForwardTransport, type PortForward } from './streams/index.ts';

export async function startForwards(parts: ProgramParts, kubernetes: KubernetesMeaning): Promise<Program | null> {
  const transport = transportOf(parts.client, kubernetes);
  const opened = await parts.targets.forward(parts.command, parts.target);
  if (parts.isGone()) {
    opened.socket.destroy();
    return null;
  }
  return new Forwards(parts, kubernetes, transport, opened);
}

function transportOf({ kind, offered }: ClientSide, { query }: KubernetesMeaning): ForwardTransport {
  if (kind === 'spdy/3.1') {
    if (offered.length === 0 || offered.includes('portforward.k8s.io')) {
      return { kind: 'spdy', protocol: 'portforward.k8s.io' };
    }
  } else if (offered.includes('SPDY/3.1+portforward.k8s.io')) {
    return { kind: 'tunnel', protocol: 'SPDY/3.1+portforward.k8s.io' };
  } else {
    const asked = query.filter(([name]) => name === 'ports').flatMap(([, value]) => value.split(','));
    const ports = asked.map(Number).filter((port) => Number.isInteger(port) && port >= 1 && port <= 65_535);
    const protocol = (['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const).find((one) => offered.includes(one));
    if (protocol !== undefined && ports.length === asked.length && ports.length > 0) {
      return { kind: 'channels', protocol, ports };
    }
  }
  throw httpErrors('http.malformed', { values: { what: 'it offers no protocol of port-forward that is known here' } });
}

class Forwards implements Program {
  readonly parts: ProgramParts;
  readonly kubernetes: KubernetesMeaning;
  readonly near: Leg<PortForward>;
  readonly far: Leg<PortForward>;
  readonly #byNear = new Map<Forward, Tunnelled>();
  readonly byFar = new Map<Forward, Tunnelled>();
  /** Connections that keep a side from being read. */
  readonly #nearHeld = new Set<Tunnelled>();
  readonly #farHeld = new Set<Tunnelled>();
  #isOver = false;

  constructor(
    parts: ProgramParts,
    kubernetes: KubernetesMeaning,
    transport: ForwardTransport,
    { socket, transport: farTransport, first }: Awaited<ReturnType<ProgramParts['targets']['forward']>>,
  ) {
    this.parts = parts;
    this.kubernetes = kubernetes;
    const { client, door } = parts;
    client.switch(client.offered.length === 0 ? null : transport.protocol);
    this.near = new Leg({
      socket: client.socket,
      first: Buffer.alloc(0),
      said: () => undefined,
      drained: () => this.#each((one) => one.flow.clientDrained()),
      broke: (error) => {
        door.violation('client', 'kubernetes.channels', String(error));
        this.#end('unfinished', null);
      },
      make: (link) =>
        createPortForward('server', transport, link, {
          opened: (forward) => this.#opened(forward),
          data: (forward, view) => this.#byNear.get(forward)?.fromClient(view),
          ended: (forward) => this.#byNear.get(forward)?.clientEnded(),
          failed: () => undefined,
          closed: (forward) => {
            this.#byNear.get(forward)?.closed();
            this.#byNear.delete(forward);
          },
          over: () => this.#end('completed', null),
        }),
    });
    this.far = new Leg({
      socket,
      first,
      drained: () => this.#each((one) => one.flow.upstreamDrained()),
      broke: (error) => {
        door.violation('upstream', 'kubernetes.channels', String(error));
        this.#end('failed', 'kubernetes.channels');
      },
      make: (link) =>
        createPortForward('client', farTransport, link, {
          opened: () => undefined,
          data: (forward, view) => this.byFar.get(forward)?.fromTarget(view),
          ended: (forward) => this.byFar.get(forward)?.targetEnded(),
          failed: (forward, text) => this.byFar.get(forward)?.failed(text),
          closed: (forward) => {
            this.byFar.get(forward)?.closed();
            this.byFar.delete(forward);
          },
          over: (isClean) => this.#end(isClean ? 'completed' : 'unfinished', null),
        }),
    });
    this.far.start();
    this.near.start();
  }

  cut(): void {
    this.#end('unfinished', null);
  }

  /** Of the request as a whole: how long it may last. */
  limited({ rule }: OutputLimit): void {
    this.#end('failed', rule);
  }

  clientGone(): void {
    this.#end('completed', null);
  }

  hold(side: 'near' | 'far', by: Tunnelled): void {
    (side === 'near' ? this.#nearHeld : this.#farHeld).add(by);
    this[side].pause();
  }

  release(side: 'near' | 'far', by: Tunnelled): void {
    const held = side === 'near' ? this.#nearHeld : this.#farHeld;
    held.delete(by);
    if (held.size === 0) this[side].resume();
  }

  #opened(forward: Forward): void {
    const tunnelled = new Tunnelled(this, forward);
    this.#byNear.set(forward, tunnelled);
    tunnelled.start();
  }

  #each(act: (one: Tunnelled) => void): void {
    for (const one of [...this.#byNear.values()]) act(one);
  }

  #end(outcome: 'completed' | 'failed' | 'unfinished', error: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { conversation, command, door } = this.parts;
    for (const one of new Set([...this.#byNear.values(), ...this.byFar.values()])) one.closed();
    this.near.close();
    this.far.close();
    conversation.session.complete(command, { outcome, tag: null, error, rows: 0, bytes: 0 });
    door.clock.after(limits.lingerMs, () => this.far.destroy());
    this.parts.over();
    this.parts.closed();
  }
}

/** One connection. */
class Tunnelled {
  readonly flow: Flow;
  readonly #all: Forwards;
  readonly #near: Forward;
  #far: Forward | null = null;
  #command: Command | null = null;
  /** What the client said before it was decided; null afterwards. */
  #early: Buffer[] | null = [];
  #earlyBytes = 0;
  #hasClientEnded = false;
  #bytesOut = 0;
  #failure: string | null = null;
  #isOver = false;

  constructor(all: Forwards, near: Forward) {
    this.#all = all;
    this.#near = near;
    this.flow = all.parts.conversation.session.openFlow({
      toUpstream: (view) => this.#far?.write(view) ?? true,
      toClient: (view) => near.write(view),
    });
    this.flow.onForwardable = () => all.release('near', this);
    this.flow.onDeliverable = () => all.release('far', this);
  }

  start(): void {
    const { session } = this.#all.parts.conversation;
    const { port } = this.#near;
    try {
      const command = session.submit(connectionDraft(this.#all, port), (decided) => this.#decided(decided));
      if (command.state === 'pending') this.#command = command;
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#refuse(error.publicMessage, 'failed');
    }
  }

  fromClient(view: Buffer): void {
    if (this.#isOver) return;
    if (this.#early === null) {
      this.#forward(view);
      return;
    }
    this.#early.push(view);
    this.#earlyBytes += view.length;
    if (this.#earlyBytes > limits.undecidedBytesMax)
      this.#refuse('too much was sent before it was decided', 'withdrawn');
  }

  clientEnded(): void {
    this.#hasClientEnded = true;
    if (this.#early === null) this.flow.performHousekeeping('eof', () => this.#far?.end());
  }

  fromTarget(view: Buffer): void {
    if (this.#isOver) return;
    const { session } = this.#all.parts.conversation;
    const command = this.#command!;
    const limit = session.spend(command, 0, view.length);
    if (limit !== null) {
      this.#refuse(`${limit.reason} (rule ${limit.rule})`, 'failed');
      return;
    }
    session.observe({ type: 'data', command: command.ordinal, direction: 'out', data: view });
    this.#bytesOut += view.length;
    if (!this.flow.deliver(view)) this.#all.hold('far', this);
  }

  targetEnded(): void {
    this.flow.afterDelivered(() => this.#near.end());
  }

  failed(text: string): void {
    this.#failure = text;
    this.flow.afterDelivered(() => {
      this.#near.fail(text);
      this.closed();
    });
  }

  /** One side is gone. */
  closed(): void {
    if (this.#isOver) return;
    this.#finish(this.#command?.state === 'pending' ? 'withdrawn' : this.#failure === null ? 'completed' : 'failed');
  }

  #decided(command: Command): void {
    this.#command = command;
    if (this.#isOver) return;
    if (command.state !== 'released') {
      const { reason = 'refused', rule = null } = command.verdict ?? {};
      this.#refuse(rule === null ? reason : `${reason} (rule ${rule})`, 'refused');
      return;
    }
    // What is said on a connection is bytes: where a Mask applies to them, nobody could follow it.
    if (masksOf(command, null)[0] !== null) {
      this.#refuse('a Mask applies, and what is said on a connection cannot be looked into', 'failed');
      return;
    }
    const { port, requestId } = this.#near;
    try {
      this.#far = this.flow.perform(command, () => this.#all.far.end.open(port, requestId));
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : 'it could not be opened', 'failed');
      return;
    }
    if (this.#far === null) return;
    this.#all.byFar.set(this.#far, this);
    const early = this.#early ?? [];
    this.#early = null;
    for (const view of early) this.#forward(view);
    if (this.#hasClientEnded) this.clientEnded();
  }

  #forward(view: Buffer): void {
    const { session } = this.#all.parts.conversation;
    const command = this.#command!;
    session.observe({ type: 'data', command: command.ordinal, direction: 'in', data: view });
    if (!this.flow.forward(view, command)) this.#all.hold('near', this);
  }

  /** Says why on the error stream, where kubectl prints it. */
  #refuse(text: string, outcome: 'refused' | 'failed' | 'withdrawn'): void {
    if (this.#isOver) return;
    this.#near.fail(`sallyport: ${text}`);
    this.#finish(outcome);
  }

  #finish(outcome: 'completed' | 'failed' | 'refused' | 'withdrawn'): void {
    this.#isOver = true;
    this.#early = null;
    const { session } = this.#all.parts.conversation;
    const far = this.#far;
    if (outcome === 'completed') {
      far?.end();
      this.#near.end();
    } else far?.reset();
    this.#all.release('near', this);
    this.#all.release('far', this);
    if (this.#command !== null) {
      const { bytesIn } = this.#near;
      const tag = `in ${bytesIn} bytes, out ${this.#bytesOut} bytes`;
      const error = outcome === 'failed' ? 'kubernetes.connection-failed' : null;
      session.complete(this.#command, { outcome, tag, error, rows: 0, bytes: this.#bytesOut });
    }
    session.closeFlow(this.flow);
  }
}

/** A connection to a port of a pod, which is named `POD.NAMESPACE`. */
function connectionDraft({ kubernetes, parts }: Forwards, port: number): CommandDraft {
  const { name, namespace } = kubernetes;
  const connection: ConnectionMeaning = {
    kind: 'tcp',
    direction: 'outward',
    host: `${name}.${namespace}`,
    port,
    path: null,
  };
  const text = showConnection(connection);
  return {
    kind: 'connection',
    verb: 'forward',
    text,
    recordedText: text,
    parameters: null,
    // Whoever is at the other end may do anything.
    effect: 'unknown',
    meaning: { language: 'connection', connection },
    context: {},
    of: parts.command.ordinal,
  };
}
