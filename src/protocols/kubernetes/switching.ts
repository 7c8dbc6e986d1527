/**
 * A request whose connection turns into streams (exec, attach, port-forward): judged as what it asks for, then put to the
 * target, and only then answered.
 *
 *     Upgrade ─► understood ─► judged, perhaps held ─► target switched ─► 101 ─► streams joined
 *
 * Invariants:
 * - By WebSocket or by SPDY, by GET or by POST: the same command (A-K8S-06).
 * - The client is told 101 only once the target has switched, or a gate is in place. A connection that does not switch ends
 *   with the `Status` that says why, and so does the target's (A-K8S-02).
 *
 * Deliberately absent: what runs and how it is judged line by line (programs.ts).
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { type GatewayError, isGatewayError } from '../../base/errors.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { Command, SessionEnding } from '../../core/session.ts';
import {
  type Admitted,
  type Answer,
  acceptOf,
  assertFraming,
  type Connection,
  checkFields,
  type Field,
  firstOf,
  Handshake,
  httpErrors,
  keyProblem,
  type Refusal,
  refusalOf,
  type ScannedRequest,
  valuesOf,
} from '../http/index.ts';
import * as limits from './limits.ts';
import { type Program, startProgram } from './programs.ts';
import { type UnderstoodRequest, understand } from './request.ts';
import { renderTargetStatus } from './status.ts';
import { NotSwitched, Targets } from './targets.ts';

export class Switching {
  command: Command | null = null;
  readonly #connection: Connection;
  readonly #handshake: Handshake;
  #admitted: Admitted | null = null;
  #program: Program | null = null;
  #isOver = false;

  /** Takes over a connection whose client asks to switch. */
  static begin(connection: Connection, request: ScannedRequest, socket: Duplex): void {
    const switching = new Switching(connection, new Handshake(connection, request, socket));
    switching.#start().catch((error: unknown) => {
      switching.#leave();
      connection.refuse(switching.#handshake.client, error);
    });
  }

  private constructor(connection: Connection, handshake: Handshake) {
    this.#connection = connection;
    this.#handshake = handshake;
    handshake.onClosed = () => this.#clientGone();
  }

  cut({ message, code, reason }: SessionEnding): void {
    const text = message === '' ? 'The session ended.' : message;
    if (this.#program !== null) this.#program.cut(text);
    else this.#refuse({ status: 503, code: code ?? reason, detail: text }, 'unfinished');
  }

  limited(limit: OutputLimit): void {
    if (this.#program !== null) this.#program.limited(limit);
    else this.#refuse({ status: 403, code: 'refused', detail: limit.reason, rule: limit.rule }, 'failed');
  }

  async #start(): Promise<void> {
    const { client } = this.#handshake;
    const { head } = client;
    checkFields(head.fields);
    assertFraming(client);
    const kind = firstOf(head.fields, 'upgrade')?.toLowerCase() === 'websocket' ? 'websocket' : 'spdy/3.1';
    assertAsks(this.#handshake, kind);
    const admitted = await this.#connection.admit(head);
    if (!('conversation' in admitted)) return this.#handshake.say(admitted);
    if (this.#handshake.isGone) return;
    this.#admitted = admitted;
    const { conversation, passed } = admitted;
    const { session } = conversation;
    const body = { chunks: [], isWhole: true, reason: null };
    const understood = understand({ client, passed, body, resource: session.resource, upgrade: kind });
    const repeated = kind === 'spdy/3.1' ? refusedBefore(session, understood, this.#clock) : null;
    // kubectl tries the older way where the newer was refused: the same person's same request, answered already.
    if (repeated !== null) return this.#handshake.say(repeated);
    conversation.join(this);
    const command = session.submit(understood.draft, (decided) => this.#decided(decided, understood, kind));
    this.command = command;
    if (this.#handshake.isGone) this.#clientGone();
  }

  #decided(command: Command, understood: UnderstoodRequest, kind: 'websocket' | 'spdy/3.1'): void {
    this.command = command;
    if (this.#isOver) return;
    const { session } = this.#admitted!.conversation;
    if (command.state === 'released' && understood.denied === undefined) {
      this.#run(command, understood, kind).catch((error: unknown) => this.#failed(error));
      return;
    }
    const { rule = null, reason = 'The command was refused.' } = command.verdict ?? {};
    const refusal: Refusal =
      command.state === 'released' && understood.denied !== undefined
        ? { status: 403, ...understood.denied }
        : { status: 403, code: 'refused', detail: reason, rule };
    const answer = this.#refuse(refusal, 'refused');
    if (kind === 'websocket' && answer !== null) rememberRefusal(session, understood, answer, this.#clock);
  }

  async #run(command: Command, understood: UnderstoodRequest, kind: 'websocket' | 'spdy/3.1'): Promise<void> {
    const { door } = this.#connection;
    const admitted = this.#admitted!;
    const { fields } = this.#handshake.client.head;
    const offered = valuesOf(fields, kind === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version');
    const program = await startProgram({
      door,
      conversation: admitted.conversation,
      command,
      target: understood.target,
      isShell: understood.isShell,
      readsScript: understood.readsScript,
      targets: new Targets(this.#connection, admitted),
      client: {
        kind,
        offered: offered.flatMap((one) => one.split(',').map((name) => name.trim())),
        socket: this.#handshake.socket,
        switch: (protocol) => this.#handshake.switch(this.#agreement(kind, protocol)),
      },
      isGone: () => this.#isOver,
      refuse: (refusal) => void this.#refuse(refusal, 'refused'),
      failed: (error) => this.#failed(error),
      over: () => this.#leave(),
      // A client by SPDY drops what it has not handed out yet once the connection ends, so it ends first.
      closed: () => this.#handshake.end(kind === 'spdy/3.1' ? limits.goodbyeMs : 0),
    });
    // It may have been over before it was there.
    if (!this.#isOver) this.#program = program;
    else program?.clientGone();
  }

  /** Fields of our 101. `protocol` null: the client offered none. */
  #agreement(kind: 'websocket' | 'spdy/3.1', protocol: string | null): Field[] {
    if (kind === 'spdy/3.1') {
      return [
        ['Upgrade', 'SPDY/3.1'],
        ...(protocol === null ? [] : [['X-Stream-Protocol-Version', protocol] as const]),
      ];
    }
    const key = firstOf(this.#handshake.client.head.fields, 'sec-websocket-key') ?? '';
    return [
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Accept', acceptOf(key)],
      ...(protocol === null ? [] : [['Sec-WebSocket-Protocol', protocol] as const]),
    ];
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    if (error instanceof NotSwitched) {
      const { code, message } = error.status;
      this.#complete('failed', String(code));
      this.#leave();
      this.#handshake.say(renderTargetStatus({ ...error.status, message }));
      return;
    }
    if (isGatewayError(error) && error.kind === 'protocol') {
      this.#connection.door.violation('upstream', error.code, error.detail ?? '');
    }
    const values = { resource: this.#admitted!.conversation.session.resource.name };
    const isTold = isGatewayError(error) && error.kind !== 'assertion';
    if (!isTold) this.#connection.door.log.error('a conversation failed', { detail: String(error) });
    const told = isTold ? (error as GatewayError) : httpErrors('http.upstream-lost', { values });
    this.#refuse(refusalOf(told), 'failed');
  }

  /** Says why not, where nothing but that was said; null where the client is past hearing it. */
  #refuse(refusal: Refusal, outcome: 'failed' | 'refused' | 'unfinished'): Answer | null {
    if (this.#isOver) return null;
    const session = this.#admitted?.conversation.session.id ?? null;
    const told = { ...refusal, session, command: this.command?.ordinal ?? null };
    const answer = this.#connection.dialect.render(told, []);
    this.#complete(outcome, refusal.rule ?? refusal.code);
    this.#leave();
    this.#handshake.say(answer);
    return answer;
  }

  #clientGone(): void {
    if (this.#isOver) return;
    if (this.#program !== null) {
      this.#program.clientGone();
      return;
    }
    this.#complete(this.command?.state === 'pending' ? 'withdrawn' : 'unfinished', null);
    this.#leave();
  }

  #complete(outcome: 'failed' | 'refused' | 'unfinished' | 'withdrawn', error: string | null): void {
    if (this.command === null) return;
    const { session } = this.#admitted!.conversation;
    session.complete(this.command, { outcome, tag: null, error, rows: 0, bytes: 0 });
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#admitted?.conversation.leave(this);
  }

  get #clock(): Clock {
    return this.#connection.door.clock;
  }
}

function assertAsks({ client }: Handshake, kind: 'websocket' | 'spdy/3.1'): void {
  const { method, version, fields } = client.head;
  const isWebSocket = kind === 'websocket';
  const what =
    version !== '1.1' || (isWebSocket ? method !== 'GET' : method !== 'POST' && method !== 'GET')
      ? 'it cannot switch by this method or version of HTTP'
      : client.hasBody
        ? 'a request that switches has no body'
        : isWebSocket
          ? keyProblem(fields)
          : null;
  if (what !== null) throw httpErrors('http.malformed', { values: { what } });
}

interface Refused {
  readonly text: string;
  readonly answer: Answer;
  readonly untilMs: number;
}

/** The last refusal of each session that a client may answer with the same request in another form. */
const refusals = new WeakMap<object, Refused>();

function rememberRefusal(session: object, { draft, target }: UnderstoodRequest, answer: Answer, clock: Clock): void {
  const untilMs = clock.monotonic() + limits.repeatedRefusalMs;
  refusals.set(session, { text: `${target}\n${draft.text}`, answer, untilMs });
}

function refusedBefore(session: object, { draft, target }: UnderstoodRequest, clock: Clock): Answer | null {
  const refused = refusals.get(session);
  if (refused === undefined || refused.text !== `${target}\n${draft.text}`) return null;
  refusals.delete(session);
  return refused.untilMs > clock.monotonic() ? refused.answer : null;
}
