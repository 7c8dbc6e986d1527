/**
 * One client's conversation: lines in, through the Session, answers out.
 *
 * Invariants:
 * - One command at a time waits for its decision; what follows it stays unread, so order and memory keep themselves.
 * - Each line has one answer, in order: the upstream's, or ours for what was refused.
 * - What an answer means is recorded before it is delivered.
 *
 * Deliberately absent: the login (startup.ts), meaning of lines (messages.ts), rendering of refusals (denial.ts).
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door } from '../../core/protocol.ts';
import type { Command, Session, Upstream } from '../../core/session.ts';
import { type Frame, FrameReader } from './codec.ts';
import { draftOf } from './command.ts';
import { renderEnding, renderVerdict } from './denial.ts';
import { templateErrors } from './errors.ts';
import * as limits from './limits.ts';
import { decodeClientLine, decodeServerLine } from './messages.ts';
import { start } from './startup.ts';

export async function acceptClient(client: Wire, door: Door): Promise<void> {
  const started = await start(client, door);
  if (started === null) return;
  await new Promise<void>((resolve) => new Conversation(client, door, started.session, started.upstream, resolve));
}

/** A line that waits for its answer. */
type Open =
  | { readonly type: 'command'; readonly command: Command; bytes: number }
  | { readonly type: 'housekeeping' }
  | { readonly type: 'local'; readonly answer: Buffer };

class Conversation {
  readonly #client: Wire;
  readonly #door: Door;
  readonly #session: Session;
  readonly #upstream: Upstream;
  readonly #done: () => void;
  readonly #fromClient = new FrameReader();
  readonly #fromUpstream = new FrameReader();
  readonly #open: Open[] = [];
  /** What becomes of the client's body that is passing. */
  #body: { readonly command: Command; readonly forward: boolean } | null = null;
  #deciding = false;
  /** The client said its end: nothing more is read, and it gets what it is owed. */
  #leaving = false;
  #upstreamFull = false;
  #pumping = false;

  constructor(client: Wire, door: Door, session: Session, upstream: Upstream, done: () => void) {
    this.#client = client;
    this.#door = door;
    this.#session = session;
    this.#upstream = upstream;
    this.#done = done;
    session.onEnding = (ending) => {
      session.goodbye(renderEnding(ending));
      session.finish();
    };
    session.onDeliverable = () => upstream.resume();
    session.onForwardable = () => {
      this.#upstreamFull = false;
      this.#pump();
    };
    upstream.handle({
      read: (chunk) => this.#guard('upstream', () => this.#readUpstream(chunk)),
      end: () => this.#upstreamGone(),
      drain: () => undefined,
      close: () => this.#upstreamGone(),
    });
    client.handle({
      read: (chunk) => {
        this.#fromClient.push(chunk);
        this.#pump();
      },
      end: () => this.#clientGone(),
      drain: () => session.clientDrained(),
      close: () => {
        this.#clientGone();
        this.#done();
      },
    });
    upstream.resume();
    client.resume();
  }

  /** Takes what the client sent, as far as it may be taken now. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#guard('client', () => {
      while (this.#mayTake()) {
        const frame = this.#fromClient.next();
        if (frame === null) break;
        this.#take(frame);
      }
    });
    this.#pumping = false;
    if (this.#mayTake()) this.#client.resume();
    else this.#client.pause();
  }

  #mayTake(): boolean {
    const free = !this.#deciding && !this.#leaving && !this.#upstreamFull && this.#open.length < limits.openLinesMax;
    return free && !this.#session.ended;
  }

  #take(frame: Frame): void {
    if (frame.type === 'body') {
      const body = this.#body!;
      if (body.forward) {
        const { ordinal } = body.command;
        this.#session.observe({ type: 'data', command: ordinal, direction: 'in', data: frame.bytes });
        this.#upstreamFull = !this.#session.forward(frame.bytes, body.command);
      }
      if (frame.last) this.#body = null;
      return;
    }
    const message = decodeClientLine(frame.text);
    if (message.name === 'QUIT') {
      this.#leaving = true;
      this.#leave();
      return;
    }
    if (message.name === 'PING') {
      this.#open.push({ type: 'housekeeping' });
      this.#upstreamFull = !this.#session.forwardHousekeeping(frame.bytes, 'PING');
      return;
    }
    const draft = draftOf(message);
    // A-PG-03: whoever is logged in stays who they are.
    if (draft === null) throw templateErrors('template.unexpected', { detail: message.name });
    const bodyBytes = message.name === 'PUT' ? message.bytes : 0;
    this.#fromClient.expectBody(bodyBytes);
    this.#deciding = true;
    this.#session.submit(draft, (command) => {
      this.#deciding = false;
      const released = command.state === 'released';
      if (bodyBytes > 0) this.#body = { command, forward: released };
      if (released) {
        this.#open.push({ type: 'command', command, bytes: 0 });
        this.#upstreamFull = !this.#session.forward(frame.bytes, command);
      } else {
        this.#open.push({ type: 'local', answer: renderVerdict(command.verdict!) });
        this.#answerLocally();
      }
      this.#pump();
    });
  }

  #readUpstream(chunk: Buffer): void {
    this.#fromUpstream.push(chunk);
    for (let frame = this.#fromUpstream.next(); frame !== null; frame = this.#fromUpstream.next()) {
      const open = this.#open[0];
      if (open === undefined || open.type === 'local') throw templateErrors('template.upstream-malformed');
      const over = frame.type === 'line' ? this.#answerLine(frame, open) : this.#answerBody(frame, open);
      if (over) {
        this.#open.shift();
        this.#answerLocally();
        this.#leave();
        this.#pump();
      }
    }
  }

  #answerLine(frame: Extract<Frame, { type: 'line' }>, open: Open): boolean {
    const message = decodeServerLine(frame.text);
    const command = open.type === 'command' ? open.command : null;
    if (message.name !== 'OK') {
      const { code, text } = message;
      const ordinal = command?.ordinal ?? null;
      this.#session.observe({ type: 'message', command: ordinal, level: 'error', code, text, fields: {} });
    }
    this.#deliver(frame.bytes);
    if (message.name === 'OK' && message.bytes > 0) {
      this.#fromUpstream.expectBody(message.bytes);
      return false;
    }
    if (command !== null) this.#complete(command, message.name === 'OK' ? null : message.code, 0);
    return true;
  }

  #answerBody(frame: Extract<Frame, { type: 'body' }>, open: Open): boolean {
    if (open.type === 'command') {
      open.bytes += frame.bytes.length;
      this.#session.observe({ type: 'data', command: open.command.ordinal, direction: 'out', data: frame.bytes });
    }
    this.#deliver(frame.bytes);
    if (frame.last && open.type === 'command') this.#complete(open.command, null, open.bytes);
    return frame.last;
  }

  #answerLocally(): void {
    for (let open = this.#open[0]; open?.type === 'local'; open = this.#open[0]) {
      this.#open.shift();
      this.#deliver(open.answer);
    }
  }

  #complete(command: Command, error: string | null, bytes: number): void {
    const outcome = error === null ? 'completed' : 'failed';
    this.#session.complete(command, { outcome, tag: null, error, rows: 0, bytes });
  }

  #deliver(view: Buffer): void {
    if (!this.#session.deliver(view)) this.#upstream.pause();
  }

  #leave(): void {
    if (this.#leaving && this.#open.length === 0) this.#session.afterDelivered(() => this.#clientGone());
  }

  #clientGone(): void {
    this.#session.finish({ reason: 'client-closed', message: '', code: null, by: null });
  }

  #upstreamGone(): void {
    const { code, publicMessage: message } = templateErrors('template.upstream-closed');
    this.#session.end({ reason: 'upstream-closed', message, code, by: null });
  }

  /** What a peer does wrong ends the session; so does what we do wrong. */
  #guard(side: 'client' | 'upstream', work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#session.ended) return;
      const known = isGatewayError(error) ? error : null;
      const message = known?.publicMessage ?? 'The gateway could not go on with this session.';
      if (known?.kind === 'protocol') {
        this.#door.violation(side, known.code, known.detail ?? known.publicMessage);
        const reason = side === 'client' ? 'violation' : 'upstream-violation';
        this.#session.end({ reason, message, code: known.code, by: null });
        return;
      }
      this.#door.log.error('conversation failed', { detail: describeError(error) });
      this.#session.end({ reason: 'failed', message, code: known?.code ?? null, by: null });
    }
  }
}
