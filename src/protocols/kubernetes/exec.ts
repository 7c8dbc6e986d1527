/**
 * An exec or attach, started: the target's end, the client's, and what looks at what passes between them.
 *
 * Invariants: passwords typed at a terminal are not recorded, nor is the input of programs that ask for one (A-REC-05); what
 * an archive carries is told by name, size and digest (A-K8S-10: nothing is unpacked here).
 */
import type { Clock } from '../../base/clock.ts';
import { kubernetesOf, shellOf } from '../../core/command.ts';
import type { CommandResult } from '../../core/commands.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { Command, Session } from '../../core/session.ts';
import { inputEntry, Observer, observedDraft, readsPassword } from '../../language/index.ts';
import { httpErrors } from '../http/index.ts';
import { Archive, archiveMasks, archiveOf } from './archive.ts';
import { ExecRelay } from './exec-relay.ts';
import { Leg } from './leg.ts';
import * as limits from './limits.ts';
import { execMasks } from './masks.ts';
import type { ClientSide, Program, ProgramParts } from './programs.ts';
import {
  chooseSpdyExec,
  chooseWebSocketExec,
  createExecStreams,
  type DataChannel,
  type ExecEvents,
  type ExecShape,
  type ExecStreams,
  type ExecTransport,
} from './streams/index.ts';
import type { Opened } from './targets.ts';

const none = Buffer.alloc(0);

/** `banner`: what is typed are lines of a shell that nobody stops: they are noted, and the person is told so first of all. */
export async function startExec(
  parts: ProgramParts,
  kubernetes: KubernetesMeaning,
  banner: string | null,
  over: (result: CommandResult) => void = () => undefined,
): Promise<Program | null> {
  const { command, client, targets, target } = parts;
  // What speaks nothing that is known here asks the target for nothing.
  execTransportOf(client);
  const opened = await targets.exec(command, target);
  if (parts.isGone()) {
    opened.socket.destroy();
    return null;
  }
  const relay = joinExec(parts, kubernetes, opened, null, banner === null ? { over } : { banner, over });
  return {
    cut: (text) => relay.stop(text, 255, 'unfinished', null),
    limited: (limit) => relay.limited(limit),
    clientGone: () => relay.clientGone(),
  };
}

export interface Joined {
  readonly banner?: string;
  /** What reads its commands from the input: a command of its own, behind which the input goes. */
  readonly script?: Command;
  readonly over?: (result: CommandResult) => void;
}

/** Joins the target's end with the client's; `client` null: it has yet to switch. What a `client` that has says goes to the relay. */
export function joinExec(
  parts: ProgramParts,
  kubernetes: KubernetesMeaning,
  opened: Opened<ExecTransport>,
  client: Leg<ExecStreams> | null,
  { banner, script, over }: Joined,
): ExecRelay {
  const { command, door, conversation } = parts;
  const { session } = conversation;
  const shape = shapeOf(kubernetes);
  const observer = shape.tty ? new Looking(session, door.clock, command, banner !== undefined) : null;
  const archive = archiveOf(kubernetes);
  const listing = archive === null ? null : new Archive(session, command, archive);
  const password = readsPassword(shellOf((script ?? command).draft.meaning));
  const stop = (text: string): void => relay.stop(text, 1, 'failed', 'kubernetes.archive');
  const masks =
    listing !== null
      ? archiveMasks(command, stop)
      : execMasks(command, script, shape.tty ? { columns: 80, rows: 24 } : null);
  const relay: ExecRelay = new ExecRelay({
    session,
    clock: door.clock,
    command,
    script,
    isTerminal: shape.tty,
    masks,
    recordable: shape.tty || password ? () => none : undefined,
    seen: (channel, view) => {
      observer?.seen(channel, view);
      listing?.seen(channel, view);
    },
    resized: ({ columns, rows }) => observer?.resize(columns, rows),
    over: (result) => {
      observer?.close();
      listing?.close();
      over?.(result);
      door.clock.after(limits.lingerMs, () => opened.socket.destroy());
      parts.over();
    },
    closed: () => parts.closed(),
  });
  const near =
    client ??
    clientLeg(parts.client, execTransportOf(parts.client), shape, relay.clientEvents, {
      drained: () => relay.clientDrained(),
      broke: (error) => {
        door.violation('client', 'kubernetes.channels', String(error));
        relay.clientGone();
      },
    });
  const far = targetLeg(opened, shape, relay.targetEvents, {
    drained: () => relay.targetDrained(),
    broke: (error) => {
      door.violation('upstream', 'kubernetes.channels', String(error));
      relay.targetBroke();
    },
  });
  if (shape.tty) {
    session.observe({ type: 'terminal', command: command.ordinal, columns: 80, rows: 24, term: null });
  }
  if (banner !== undefined) relay.say(banner);
  relay.join(near, far, client !== null);
  return relay;
}

export function shapeOf({ exec }: KubernetesMeaning): ExecShape {
  const { stdin, stdout, stderr, tty } = exec!;
  return { stdin, stdout, stderr, tty };
}

/** Throws where the client speaks nothing that is spoken here. */
export function execTransportOf({ kind, offered }: ClientSide): ExecTransport {
  if (kind === 'websocket') {
    const protocol = chooseWebSocketExec(offered);
    if (protocol !== null) return { kind: 'websocket', protocol };
  } else {
    const protocol = chooseSpdyExec(offered);
    if (protocol !== null) return { kind: 'spdy', protocol };
  }
  throw httpErrors('http.malformed', { values: { what: 'it offers no protocol of streams that is known here' } });
}

interface LegEars {
  readonly drained: () => void;
  readonly broke: (error: unknown) => void;
}

/** Answers 101; what comes is read once the leg is started. */
export function clientLeg(
  client: ClientSide,
  transport: ExecTransport,
  shape: ExecShape,
  events: ExecEvents,
  ears: LegEars,
): Leg<ExecStreams> {
  client.switch(client.offered.length === 0 ? null : transport.protocol);
  const make = (link: Parameters<typeof createExecStreams>[3]): ExecStreams =>
    createExecStreams('server', transport, shape, link, events);
  // Its connection ends when the room is done with it: see Switching.
  return new Leg({ socket: client.socket, first: none, make, said: () => undefined, ...ears });
}

export function targetLeg(
  { socket, first, transport }: Opened<ExecTransport>,
  shape: ExecShape,
  events: ExecEvents,
  ears: LegEars,
): Leg<ExecStreams> {
  const make = (link: Parameters<typeof createExecStreams>[3]): ExecStreams =>
    createExecStreams('client', transport, shape, link, events);
  return new Leg({ socket, first, make, ...ears });
}

/** Looks at a terminal that nobody stops: what of its input may be recorded, and which lines were submitted. */
class Looking {
  readonly #observer: Observer;

  constructor(session: Session, clock: Clock, command: Command, readsLines: boolean) {
    const exec = kubernetesOf(command.draft.meaning)!.exec!;
    this.#observer = new Observer({
      columns: 80,
      rows: 24,
      clock,
      act: (action) => {
        if (action.do === 'record-input') session.observe(inputEntry(command.ordinal, action.record));
        else if (readsLines) {
          const context = { container: exec.container ?? '' };
          session.submit(observedDraft(action.text, 'unknown', command.ordinal, context), (line) => {
            if (line.state !== 'released') return;
            session.complete(line, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0 });
          });
        }
      },
    });
  }

  seen(channel: DataChannel, view: Buffer): void {
    if (channel === 'stdin') this.#observer.input(view);
    else this.#observer.output(view);
  }

  resize(columns: number, rows: number): void {
    this.#observer.resize(columns, rows);
  }

  close(): void {
    this.#observer.close();
  }
}
