/**
 * File transfers: SFTP as a subsystem or a program of its own, and scp, each behind its gate.
 *
 * Invariants: the program at the target starts behind a released command; each file is then a command of its own, and the
 * gate's bytes reach either side through flows only.
 *
 * Deliberately absent: the protocols of the transfers (sftp/, scp/).
 */
import { ownedOf } from '../../base/regions.ts';
import type { CommandDraft } from '../../core/command.ts';
import { shellOf } from '../../core/command.ts';
import type { ContentScan } from '../../core/masking.ts';
import type { Command, Flow } from '../../core/session.ts';
import type { Conversation } from './conversation.ts';
import { MaskedStream, masksOf } from './output.ts';
import { line } from './say.ts';
import { type Located, notLocated, type ScpCommand, ScpGate } from './scp/index.ts';
import type { Program, ProgramParts, ProgramRequest } from './session-channel.ts';
import { type ContentInspector, FileGate, type FileGateHost, fileQuestion, PathLocator } from './sftp/index.ts';
import { strictDenial } from './strict.ts';
import type { SshChannel } from './transport/index.ts';

/** What both gates offer whoever carries them. */
interface Gate {
  fromClient(chunk: Buffer): void;
  fromUpstream(chunk: Buffer): void;
  clientDrained(): void;
  upstreamDrained(): void;
  clientEnded(): void;
  upstreamEnded(): void;
  stop(command: Command, why: string): boolean;
}

type Kind = { readonly kind: 'sftp' } | { readonly kind: 'scp'; readonly scp: ScpCommand };

/** One transfer program in a channel. */
export class FileProgram implements Program {
  readonly #parts: ProgramParts;
  readonly #kind: Kind;
  #command: Command;
  #gate: Gate | null = null;
  #target: SshChannel | null = null;
  #flow: Flow | null = null;
  #early: Buffer[] = [];
  #inputEnded = false;
  #isGone = false;
  #isOver = false;
  #exit: number | null = null;
  #locating: { close(): void } | null = null;
  #stderr: MaskedStream | null = null;
  /** Who wants nothing more of the target for now. */
  readonly #paused = new Set<'gate' | 'error stream'>();

  constructor(parts: ProgramParts, draft: CommandDraft, kind: Kind) {
    this.#parts = parts;
    this.#kind = kind;
    const { conversation, channel, asked } = parts;
    this.#command = conversation.submit(draft, {
      decided: (command) => {
        this.#command = command;
        if (this.#isGone) return;
        if (command.state !== 'released') return channel.denied(command, asked.reply);
        const unbounded = this.#unbounded(command);
        if (unbounded !== null) {
          asked.reply.accept();
          channel.refuse(unbounded, 126);
          const refused = { outcome: 'refused', tag: null, error: 'ssh.unbounded', rows: 0, bytes: 0 } as const;
          conversation.complete(command, refused);
          return;
        }
        this.#open(command).catch((error: unknown) => this.#failed(error));
      },
      waiting: (text, review) => channel.waiting(text, review),
      overdue: (limit) => {
        this.#parts.client.writeStderr(line(`${limit.reason} (rule ${limit.rule})`));
        this.#over('failed', 124);
      },
    });
  }

  /** The gate of SFTP copies what it keeps; that of scp keeps what it is given. */
  get borrows(): boolean {
    return this.#kind.kind === 'sftp';
  }

  read(view: Buffer): void {
    if (this.#gate === null) this.#early.push(ownedOf(view));
    else this.#gate.fromClient(view);
  }

  end(): void {
    this.#inputEnded = true;
    this.#gate?.clientEnded();
  }

  drain(): void {
    this.#flow?.clientDrained();
  }

  notify(request: Parameters<Program['notify']>[0]): void {
    if (request.kind !== 'signal') return;
    this.#flow?.performHousekeeping('signal', () => this.#target?.notify(request));
  }

  clientClosed(): void {
    this.#isGone = true;
    if (this.#gate !== null) this.#gate.clientEnded();
    this.#over(this.#command.state === 'pending' ? 'withdrawn' : 'unfinished', null);
  }

  /** A program of somebody's own may be named like one that transfers: strict asks of it what it asks of any other. */
  #unbounded(command: Command): string | null {
    const shell = shellOf(command.draft.meaning);
    if (shell === null) return null;
    const { complete, bounded, flags } = shell;
    return strictDenial(this.#parts.conversation.settings, command, { isBounded: complete && bounded, flags });
  }

  async #open(command: Command): Promise<void> {
    const { conversation, channel, client, asked } = this.#parts;
    const { session } = conversation;
    const target = await channel.open(command, asked.request, null);
    if (target === null) return asked.reply.accept();
    if (this.#isGone) return target.destroy();
    this.#target = target;
    asked.reply.accept();
    const flow = session.openFlow({
      toUpstream: (view) => target.write(view),
      toClient: (view, lane) => (lane === 0 ? client.write(view) : client.writeStderr(view)),
    });
    this.#flow = flow;
    const locate = this.#kind.kind === 'scp' ? await this.#locator(command) : notLocated;
    if (this.#isOver) {
      // The client went meanwhile.
      this.#locating?.close();
      return;
    }
    this.#stderr = this.#errorStream(command, flow, target);
    const gate = this.#makeGate(command, flow, target, locate);
    this.#gate = gate;
    flow.onDeliverable = () => {
      this.#paused.delete('error stream');
      this.#pauseTarget(target);
      gate.clientDrained();
    };
    flow.onForwardable = () => gate.upstreamDrained();
    target.handle({
      borrows: this.borrows,
      read: (view) => gate.fromUpstream(view),
      readStderr: (view) => this.#stderr?.push(ownedOf(view)),
      end: () => gate.upstreamEnded(),
      drain: () => flow.upstreamDrained(),
      request: (request, reply) => {
        if (request.kind === 'exit-status') this.#exit = request.code;
        reply.reject();
      },
      close: () => {
        this.#stderr?.end();
        gate.upstreamEnded();
        flow.afterDelivered(() => this.#over('completed', this.#exit ?? 0));
      },
    });
    for (const view of this.#early) gate.fromClient(view);
    this.#early = [];
    if (this.#inputEnded) gate.clientEnded();
    client.resume();
  }

  /** What the program says beside the transfer is output like any other: masked, recorded, held back (I1, I9, A-SSH-17). */
  #errorStream(command: Command, flow: Flow, target: SshChannel): MaskedStream {
    const { session, door } = this.#parts.conversation;
    const hold = (): void => {
      this.#paused.add('error stream');
      this.#pauseTarget(target);
    };
    return new MaskedStream({
      mask: masksOf(command, null)[1],
      clock: door.clock,
      deliver: (data) => {
        if (data.length === 0 || this.#isOver) return;
        session.observe({ type: 'data', command: command.ordinal, direction: 'out', data });
        if (!flow.deliver(data, 1)) hold();
      },
      pause: hold,
      resume: () => flow.deliverable(),
    });
  }

  #pauseTarget(target: SshChannel): void {
    if (this.#paused.size > 0) target.pause();
    else target.resume();
  }

  #makeGate(command: Command, flow: Flow, target: SshChannel, locate: (path: string) => Promise<Located>): Gate {
    const { conversation, client } = this.#parts;
    const { session, door } = conversation;
    const host: FileGateHost = {
      submit: (draft, decided) => {
        let submitted: Command | null = null;
        submitted = conversation.submit(draft, {
          decided,
          waiting: (text) => void client.writeStderr(line(`${draft.text}: ${text}`)),
          overdue: (limit) => {
            if (submitted !== null) this.#gate?.stop(submitted, `${limit.reason} (rule ${limit.rule})`);
          },
        });
        return submitted;
      },
      spend: (of, rows, bytes) => session.spend(of, rows, bytes),
      complete: (of, result) => conversation.complete(of, result),
      observe: (entry) => session.observe(entry),
      inspector: (of, direction) => inspectorOf(of, conversation, direction),
      forward: (view, of) => flow.forward(view, of),
      question: (view) => flow.forwardHousekeeping(view, fileQuestion),
      deliver: (view) => flow.deliver(view),
      // The gates name the gateway themselves.
      say: (text) => void client.writeStderr(line(text.replace(/^sallyport: /, ''))),
      pauseClient: (paused) => (paused ? client.pause() : client.resume()),
      pauseUpstream: (paused) => {
        if (paused) this.#paused.add('gate');
        else this.#paused.delete('gate');
        this.#pauseTarget(target);
      },
      violation: (side, code, detail) => door.violation(side, code, detail),
      closed: (error) => {
        target.eof();
        if (error === null && this.#exit === null && !target.closed) return;
        this.#over(error === null ? 'completed' : 'failed', error === null ? (this.#exit ?? 0) : 255);
      },
    };
    return this.#kind.kind === 'sftp'
      ? new FileGate(host, door.clock)
      : new ScpGate(host, door.clock, this.#kind.scp, command, locate);
  }

  /** Asks the target where paths lead, over a channel of the gateway's own. */
  async #locator(command: Command): Promise<(path: string) => Promise<Located>> {
    const { conversation, channel } = this.#parts;
    const { session } = conversation;
    const hidden = await channel.open(command, { kind: 'subsystem', name: 'sftp' }, null, 'hidden');
    if (hidden === null) return notLocated;
    const flow = session.openFlow({ toUpstream: (view) => hidden.write(view), toClient: () => true });
    const locator = new PathLocator(
      (view) => void flow.forwardHousekeeping(view, fileQuestion),
      conversation.door.clock,
    );
    hidden.handle({
      read: (view) => locator.fromUpstream(view),
      end: () => locator.close(),
      drain: () => undefined,
      close: () => locator.close(),
    });
    this.#locating = {
      close: () => {
        locator.close();
        hidden.close();
        session.closeFlow(flow);
      },
    };
    return (path) => locator.locate(path);
  }

  #failed(error: unknown): void {
    const { conversation, channel } = this.#parts;
    conversation.door.log.error('a transfer failed', { session: conversation.session.id, detail: String(error) });
    channel.refuse('the transfer could not be started', 255);
    this.#over('failed', null);
  }

  #over(outcome: 'completed' | 'failed' | 'unfinished' | 'withdrawn', exitCode: number | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { conversation, client } = this.#parts;
    this.#stderr?.drop();
    this.#locating?.close();
    this.#target?.close();
    if (exitCode !== null) client.notify({ kind: 'exit-status', code: exitCode });
    client.eof();
    client.close();
    conversation.complete(this.#command, {
      outcome,
      tag: exitCode === null ? null : `exit ${exitCode}`,
      error: null,
      rows: 0,
      bytes: 0,
    });
    if (this.#flow !== null) conversation.session.closeFlow(this.#flow);
  }
}

/** What looks into the content of a transfer: the detectors of the masks in force, and what a finding leads to. */
function inspectorOf(
  command: Command,
  conversation: Conversation,
  direction: 'upload' | 'download',
): ContentInspector | null {
  const streams = command.judgement?.output?.streams ?? null;
  if (streams === null) return null;
  const scan = streams.content();
  const isQuarantined = direction === 'upload' && conversation.settings.transfers === 'quarantine';
  return new ScanInspector(scan, isQuarantined ? 'quarantine' : 'block');
}

class ScanInspector implements ContentInspector {
  readonly #scan: ContentScan;
  readonly #verdict: 'block' | 'quarantine';

  constructor(scan: ContentScan, verdict: 'block' | 'quarantine') {
    this.#scan = scan;
    this.#verdict = verdict;
  }

  push(piece: Buffer): ReturnType<ContentInspector['push']> {
    return this.#finding(this.#scan.push(piece));
  }

  end(): ReturnType<ContentInspector['end']> {
    return this.#finding(this.#scan.end());
  }

  #finding(hit: ReturnType<ContentScan['push']>): ReturnType<ContentInspector['push']> {
    const { clearBytes } = this.#scan;
    if (hit === null) return { clearBytes, stop: null };
    const reason = `The file has something in it that looks like ${hit.detector}, which may not pass. Take it out, or ask for access to it.`;
    return { clearBytes, stop: { verdict: this.#verdict, rule: hit.rule, reason } };
  }
}

/** How the request of a transfer program is asked for again at the target. */
export type FileRequest = ProgramRequest['request'];
