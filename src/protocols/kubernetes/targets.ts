/**
 * The way to the target for what begins as a request and goes on as streams: WebSocket where the API server has what it
 * takes (1.30 and later), SPDY where it has not; which of them kubectl speaks does not matter.
 *
 * Invariants:
 * - The credential and the person are set as for every request; of the client's own handshake nothing goes on.
 * - A connection that did not switch is closed, whatever it answered (A-K8S-02).
 * - No command starts twice: SPDY is asked only where WebSocket was refused before anything could run.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { withDeadline } from '../../base/deadline.ts';
import type { Command } from '../../core/session.ts';
import {
  type Admitted,
  agreementProblem,
  askToSwitch,
  type Connection,
  type Field,
  httpErrors,
  valuesOf,
} from '../http/index.ts';
import { parseStatus, type TargetStatus } from './status.ts';
import type { ExecTransport, ForwardTransport } from './streams/index.ts';

/** A connection to the target that has switched. */
export interface Opened<T extends ExecTransport | ForwardTransport> {
  readonly socket: Duplex;
  readonly transport: T;
  readonly first: Buffer;
}

/** The target said no; the status is its own. */
export class NotSwitched extends Error {
  readonly status: TargetStatus;

  constructor(status: TargetStatus) {
    super(status.message);
    this.status = status;
  }
}

interface Offer {
  readonly method: 'GET' | 'POST';
  readonly upgrade: 'websocket' | 'SPDY/3.1';
  readonly protocol: string;
}

const spdyField = 'x-stream-protocol-version';
/** Of the client's handshake, which is not ours. */
const ownOfClient: ReadonlySet<string> = new Set([spdyField, 'sec-websocket-protocol', 'origin', 'content-type']);

const execOffers: readonly Offer[] = [
  { method: 'GET', upgrade: 'websocket', protocol: 'v5.channel.k8s.io' },
  { method: 'POST', upgrade: 'SPDY/3.1', protocol: 'v4.channel.k8s.io' },
];
const forwardOffers: readonly Offer[] = [
  { method: 'GET', upgrade: 'websocket', protocol: 'SPDY/3.1+portforward.k8s.io' },
  { method: 'POST', upgrade: 'SPDY/3.1', protocol: 'portforward.k8s.io' },
];

/** Conversations whose target was found to speak SPDY only. */
const spdyOnly = new WeakSet<object>();

export class Targets {
  readonly #connection: Connection;
  readonly #admitted: Admitted;

  constructor(connection: Connection, admitted: Admitted) {
    this.#connection = connection;
    this.#admitted = admitted;
  }

  /** `target`: path and query. Rejects with `NotSwitched`, or with what went wrong on the way. */
  async exec(command: Command, target: string, isShown = true): Promise<Opened<ExecTransport>> {
    const { offer, ...opened } = await this.#open(command, target, execOffers, isShown);
    return {
      ...opened,
      transport:
        offer.upgrade === 'websocket'
          ? { kind: 'websocket', protocol: 'v5.channel.k8s.io' }
          : { kind: 'spdy', protocol: 'v4.channel.k8s.io' },
    };
  }

  async forward(command: Command, target: string): Promise<Opened<ForwardTransport>> {
    const { offer, ...opened } = await this.#open(command, target, forwardOffers, true);
    return {
      ...opened,
      transport:
        offer.upgrade === 'websocket'
          ? { kind: 'tunnel', protocol: 'SPDY/3.1+portforward.k8s.io' }
          : { kind: 'spdy', protocol: 'portforward.k8s.io' },
    };
  }

  async #open(
    command: Command,
    target: string,
    offers: readonly Offer[],
    isShown: boolean,
  ): Promise<{ socket: Duplex; first: Buffer; offer: Offer }> {
    const { conversation } = this.#admitted;
    const first = spdyOnly.has(conversation) ? offers.length - 1 : 0;
    for (let at = first; ; at++) {
      const offer = offers[at]!;
      try {
        const opened = await this.#ask(command, target, offer, isShown);
        if (at > first) spdyOnly.add(conversation);
        return { ...opened, offer };
      } catch (error) {
        // Before 1.35 a WebSocket is authorised as `get`, so that 403 may be of the transport as well.
        const isFinal =
          at === offers.length - 1 || !(error instanceof NotSwitched) || [401, 404].includes(error.status.code);
        if (isFinal) throw error;
      }
    }
  }

  async #ask(
    command: Command,
    target: string,
    { method, upgrade, protocol }: Offer,
    isShown: boolean,
  ): Promise<{ socket: Duplex; first: Buffer }> {
    const { conversation, context, passed } = this.#admitted;
    const { session, settings, upstreams } = conversation;
    const values = { resource: session.resource.name };
    const credential = await conversation.credential();
    const own = passed.filter(([name]) => !ownOfClient.has(name.toLowerCase()));
    const { sent, shown } = conversation.dress(own, { ...context, method }, credential);
    const key = randomBytes(16).toString('base64');
    const fields: Field[] = [
      ['Host', settings.authority],
      ...sent,
      ['Connection', 'Upgrade'],
      ['Upgrade', upgrade],
      ...(upgrade === 'websocket'
        ? ([
            ['Sec-WebSocket-Version', '13'],
            ['Sec-WebSocket-Key', key],
            ['Sec-WebSocket-Protocol', protocol],
          ] as const)
        : ([
            ['X-Stream-Protocol-Version', protocol],
            ['Content-Length', '0'],
          ] as const)),
    ];
    const { ordinal } = command;
    if (isShown) {
      session.observe({
        type: 'head',
        command: ordinal,
        direction: 'in',
        status: null,
        trailers: false,
        fields: shown,
      });
    }
    const socket = await upstreams.connection();
    try {
      const asked = session.perform(command, () => askToSwitch(socket, { method, target, fields }));
      if (asked === null) throw httpErrors('http.upstream-lost', { values });
      const { clock, signal } = this.#connection.door;
      const answer = await withDeadline(asked, settings.answerMs, 'an answer of the target', clock, signal);
      const { status } = answer;
      const agreed = valuesOf(answer.fields, upgrade === 'websocket' ? 'sec-websocket-protocol' : spdyField);
      if (isShown) {
        const told: Field[] = agreed.map((one) => ['protocol', credential.secrets.inText(one)]);
        session.observe({ type: 'head', command: ordinal, direction: 'out', status, trailers: false, fields: told });
      }
      if (status !== 101)
        throw new NotSwitched(parseStatus(status, credential.secrets.inText(answer.first.toString('utf8'))));
      const problem =
        agreed.length !== 1 || agreed[0] !== protocol
          ? `switched to ${JSON.stringify(agreed)}`
          : upgrade === 'websocket'
            ? agreementProblem(answer.fields, key, agreed)
            : null;
      if (problem !== null) throw httpErrors('http.upstream-protocol', { values, detail: problem });
      return { socket, first: answer.first };
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }
}
