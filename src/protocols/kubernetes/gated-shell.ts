/**
 * A shell in a pod under the gate: carries bytes between the person, the shell and the gate's side channel, which is a second
 * exec into the same container, and puts what the gate asks to the session. The same machinery as a shell over SSH.
 *
 * Invariants:
 * - Each line, and each simple command that no line covered, is a command of the session; the shell runs it only after the
 *   gate was told that it was released (I1).
 * - The client is answered 101 once the hooks stand, and not before: where they cannot be placed, it is refused in words that
 *   kubectl prints, or observed where the resource says so, and told.
 * - A gate that froze ends the session.
 *
 * Deliberately absent: what is judged and when (language/terminal), who may (policy).
 */
import { describeError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { MaskedStream, maskedCounts, masksOf } from '../../core/masked-stream.ts';
import type { RecordingEntry } from '../../core/recording.ts';
import type { Flow, Session } from '../../core/session.ts';
import { Gate, type GateAction, GatedLines } from '../../language/index.ts';
import { kubernetesErrors } from './errors.ts';
import { clientLeg, execTransportOf, shapeOf, startExec, targetLeg } from './exec.ts';
import type { Leg } from './leg.ts';
import * as limits from './limits.ts';
import { Notices } from './notices.ts';
import type { Program, ProgramParts } from './programs.ts';
import { settingsOf } from './settings.ts';
import { chosenShells, namedShell } from './shells.ts';
import { type ExecEvents, type ExecShape, type ExecStreams, exited, type TerminalSize } from './streams/index.ts';

/** Before the client says its own. */
const size: TerminalSize = { columns: 80, rows: 24 };
const banner = 'this terminal is recorded, and each command is judged before it runs';
const sideShape: ExecShape = { stdin: true, stdout: true, stderr: false, tty: false };

export function startGatedShell(parts: ProgramParts, kubernetes: KubernetesMeaning): Program | null {
  const { command } = kubernetes.exec!;
  const programs = chosenShells(command) ?? command.slice(0, 1);
  // They stand in the text of the set-up, which must not mean anything else for it.
  const isNamed = programs.length > 0 && programs.every((program) => /^[\w./+-]+$/.test(program));
  if (isNamed) return new GatedShell(parts, kubernetes, programs);
  const error = kubernetesErrors('kubernetes.hidden-shell');
  parts.refuse({ status: 403, code: error.code, detail: error.publicMessage });
  return null;
}

class GatedShell implements Program {
  readonly #parts: ProgramParts;
  readonly #kubernetes: KubernetesMeaning;
  /** The first of these that the container has. */
  readonly #programs: readonly string[];
  readonly #gate: Gate;
  readonly #lines: GatedLines;
  readonly #output: MaskedStream;
  readonly #flow: Flow;
  readonly #sideFlow: Flow;
  readonly #notices: Notices;
  readonly #unlisten: () => void;
  #client: Leg<ExecStreams> | null = null;
  #side: Leg<ExecStreams> | null = null;
  #pty: Leg<ExecStreams> | null = null;
  /** For the client, before it has switched. */
  #unsaid: Buffer[] = [];
  /** What came in place of the gate. */
  #instead: Promise<Program | null> | null = null;
  #bytesOut = 0;
  #exit: number | null = null;
  #isOver = false;

  constructor(parts: ProgramParts, kubernetes: KubernetesMeaning, programs: readonly string[]) {
    this.#parts = parts;
    this.#kubernetes = kubernetes;
    this.#programs = programs;
    const { command, conversation, door } = parts;
    const { session } = conversation;
    this.#notices = Notices.of(session);
    this.#output = new MaskedStream({
      mask: masksOf(command, size)[0],
      clock: door.clock,
      deliver: (bytes) => this.#deliver(bytes),
      pause: () => this.#pty?.pause(),
      resume: () => this.#flow.deliverable(),
    });
    this.#flow = session.openFlow({
      toUpstream: (view) => this.#pty?.end.write('stdin', view) ?? true,
      toClient: (view) => this.#toClient(view),
    });
    this.#flow.onDeliverable = () => this.#pty?.resume();
    this.#flow.onForwardable = () => this.#client?.resume();
    this.#sideFlow = session.openFlow({
      toUpstream: (view) => this.#side?.end.write('stdin', view) ?? true,
      toClient: () => true,
    });
    const { namespace, name, exec } = kubernetes;
    this.#lines = new GatedLines({
      session,
      log: door.log,
      shell: command,
      gate: () => this.#gate,
      context: () => ({ pod: `${namespace}/${name}`, container: exec!.container ?? '' }),
      submit: (draft, owner) => this.#notices.submit(draft, owner),
      complete: (line, result) => this.#notices.complete(line, result),
      shownTextLengthMax: limits.shownTextLengthMax,
    });
    this.#gate = new Gate({
      clock: door.clock,
      act: (action) => this.#act(action),
      reduce: this.#lines.reduce,
      ...size,
      unhooked: settingsOf(session.resource).unhooked,
    });
    this.#unlisten = this.#notices.listen((text) => this.#gate.say(text));
    this.#gate.start();
  }

  cut(text: string): void {
    if (this.#instead !== null) this.#then((program) => program.cut(text));
    else if (this.#client === null) this.#refuse(503, 'kubernetes.cut', text);
    else this.#stop(text, 255);
  }

  limited({ reason, rule }: OutputLimit): void {
    if (this.#instead !== null) this.#then((program) => program.limited({ reason, rule } as OutputLimit));
    else if (this.#client === null) this.#refuse(403, rule, `${reason} (rule ${rule})`);
    else this.#stop(`${reason} (rule ${rule})`, 124);
  }

  clientGone(): void {
    if (this.#instead !== null) {
      this.#then((program) => program.clientGone());
      return;
    }
    this.#gate.close();
    this.#over('unfinished');
  }

  #then(act: (program: Program) => void): void {
    this.#attempt(
      this.#instead!.then((program) => {
        if (program !== null) act(program);
      }),
    );
  }

  #act(action: GateAction): void {
    if (this.#isOver) return;
    const { command } = this.#parts;
    switch (action.do) {
      case 'open-side':
        this.#attempt(this.#openSide(action.command));
        return;
      case 'open-pty':
        this.#attempt(this.#openPty(action.command));
        return;
      case 'to-user':
        this.#output.push(action.bytes);
        return;
      case 'to-target':
        if (!this.#flow.forward(action.bytes, command)) this.#client?.pause();
        return;
      case 'to-side':
        this.#sideFlow.forward(action.bytes, this.#lines.deciding ?? command);
        return;
      case 'ready':
        this.#lines.stands(action.shell);
        this.#ready();
        return;
      case 'unhooked':
        this.#unhooked(action);
        return;
      default:
        this.#lines.act(action);
    }
  }

  // ------------------------------------------------------------------ the two execs at the target

  /** The same container, another program. */
  #targetOf(text: string, shape: ExecShape): string {
    const [path = '', query = ''] = this.#parts.target.split('?');
    const asked = new URLSearchParams(query);
    for (const name of ['command', 'stdin', 'stdout', 'stderr', 'tty']) asked.delete(name);
    for (const name of ['stdin', 'stdout', 'stderr', 'tty'] as const) if (shape[name]) asked.append(name, 'true');
    for (const word of ['sh', '-c', text]) asked.append('command', word);
    return `${path}?${asked.toString()}`;
  }

  async #openSide(script: string): Promise<void> {
    const text = `${namedShell(this.#programs)}; ${script}`;
    const opened = await this.#parts.targets.exec(this.#parts.command, this.#targetOf(text, sideShape), false);
    if (this.#isOver || this.#instead !== null) {
      opened.socket.destroy();
      return;
    }
    const events: ExecEvents = {
      ...silent,
      data: (channel, view) => {
        if (channel === 'stdout') this.#gate.side(view);
      },
      over: () => this.#gate.sideEnded(),
    };
    this.#side = targetLeg(opened, sideShape, events, {
      drained: () => this.#sideFlow.upstreamDrained(),
      broke: () => this.#gate.sideEnded(),
    });
    this.#side.start();
  }

  async #openPty(text: string): Promise<void> {
    const shape = shapeOf(this.#kubernetes);
    const opened = await this.#parts.targets.exec(this.#parts.command, this.#targetOf(text, shape));
    if (this.#isOver || this.#instead !== null) {
      opened.socket.destroy();
      return;
    }
    const over = (): void => {
      this.#gate.outputEnded();
      this.#flow.afterDelivered(() => this.#over('completed'));
      if (this.#session.ended) this.#over('unfinished');
    };
    const events: ExecEvents = {
      ...silent,
      ready: () => this.#flow.upstreamDrained(),
      data: (channel, view) => {
        if (channel !== 'stdin') this.#gate.output(view);
      },
      status: ({ exitCode }) => {
        this.#exit = exitCode;
      },
      over,
    };
    this.#pty = targetLeg(opened, shape, events, { drained: () => this.#flow.upstreamDrained(), broke: over });
    this.#observe({ type: 'terminal', command: this.#parts.command.ordinal, ...size, term: null });
    this.#pty.start();
    this.#flow.performHousekeeping('resize', () => this.#pty?.end.resize(size));
  }

  // ------------------------------------------------------------------ the client

  #ready(): void {
    const { client, door } = this.#parts;
    const events: ExecEvents = {
      ...silent,
      data: (channel, view) => {
        if (channel === 'stdin') this.#gate.input(view);
      },
      ended: () => this.#flow.performHousekeeping('eof', () => this.#pty?.end.end('stdin')),
      resized: ({ columns, rows }) => {
        this.#gate.resize(columns, rows);
        this.#output.resize(columns, rows);
        this.#observe({ type: 'terminal', command: this.#parts.command.ordinal, columns, rows, term: null });
        this.#flow.performHousekeeping('resize', () => this.#pty?.end.resize({ columns, rows }));
      },
      ready: () => {
        const unsaid = [Buffer.from(`sallyport: ${banner}\r\n`), ...this.#unsaid];
        this.#unsaid = [];
        for (const view of unsaid) this.#client?.end.write('stdout', view);
        this.#flow.clientDrained();
      },
      over: () => this.clientGone(),
    };
    this.#client = clientLeg(client, execTransportOf(client), shapeOf(this.#kubernetes), events, {
      drained: () => this.#flow.clientDrained(),
      broke: (error) => {
        door.violation('client', 'kubernetes.channels', describeError(error));
        this.clientGone();
      },
    });
    this.#client.start();
  }

  #toClient(view: Buffer): boolean {
    if (this.#client?.end.isReady === true) return this.#client.end.write('stdout', view);
    this.#unsaid.push(view);
    return true;
  }

  #deliver(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isOver) return;
    const { command } = this.#parts;
    const limit = this.#session.spend(command, 0, bytes.length);
    if (limit !== null) {
      this.limited(limit);
      return;
    }
    this.#observe({ type: 'screen', command: command.ordinal, direction: 'out', data: bytes });
    this.#bytesOut += bytes.length;
    if (!this.#flow.deliver(bytes)) this.#pty?.pause();
  }

  // ------------------------------------------------------------------ ends

  #unhooked({ choice, message }: Extract<GateAction, { do: 'unhooked' }>): void {
    this.#lines.note('unhooked', message);
    this.#closeTarget();
    if (choice !== 'observe' || this.#client !== null) {
      if (this.#client === null) this.#refuse(403, 'kubernetes.unhooked', message);
      else this.#stop(message, 126);
      return;
    }
    this.#letGo();
    this.#instead = startExec(this.#parts, this.#kubernetes, message).catch((error: unknown) => {
      this.#instead = null;
      this.#failed(error);
      return null;
    });
  }

  #failed(error: unknown): void {
    if (this.#client === null) this.#parts.failed(error);
    this.#over('unfinished');
  }

  /** Before the client has switched. */
  #refuse(status: number, code: string, detail: string): void {
    if (this.#isOver) return;
    this.#closeTarget();
    this.#letGo();
    this.#isOver = true;
    this.#parts.refuse({ status, code, detail });
  }

  #stop(text: string, exitCode: number): void {
    if (this.#isOver) return;
    this.#client?.end.write('stdout', Buffer.from(`\r\nsallyport: ${escapeLine(text)}\r\n`));
    this.#exit = exitCode;
    this.#over('failed');
  }

  #closeTarget(): void {
    this.#pty?.close();
    this.#side?.close();
    const [pty, side] = [this.#pty, this.#side];
    this.#parts.door.clock.after(limits.lingerMs, () => {
      pty?.destroy();
      side?.destroy();
    });
  }

  #letGo(): void {
    this.#unlisten();
    this.#output.drop();
    this.#lines.end();
    this.#session.closeFlow(this.#flow);
    this.#session.closeFlow(this.#sideFlow);
  }

  #over(outcome: 'completed' | 'failed' | 'unfinished'): void {
    if (this.#isOver) return;
    if (outcome === 'completed') this.#output.end();
    this.#isOver = true;
    this.#client?.end.writeStatus(exited(this.#exit ?? 255));
    this.#client?.close();
    this.#closeTarget();
    this.#letGo();
    const masked = maskedCounts([this.#output]);
    this.#session.complete(this.#parts.command, {
      outcome,
      tag: this.#exit === null ? null : `exit ${this.#exit}`,
      error: null,
      rows: 0,
      bytes: this.#bytesOut,
      ...(masked === undefined ? {} : { masked }),
    });
    this.#parts.over();
    this.#parts.closed();
  }

  get #session(): Session {
    return this.#parts.conversation.session;
  }

  #observe(entry: RecordingEntry): void {
    this.#session.observe(entry);
  }

  /** A side channel that is not to be had is what the gate knows how to deal with. */
  #attempt(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#isOver) return;
      this.#parts.door.log.debug('a gated shell met an obstacle', { detail: describeError(error) });
      if (this.#side === null) this.#gate.sideEnded();
      else this.#failed(error);
    });
  }
}

const silent: ExecEvents = {
  ready: () => undefined,
  data: () => undefined,
  ended: () => undefined,
  resized: () => undefined,
  status: () => undefined,
  refused: () => undefined,
  over: () => undefined,
};
