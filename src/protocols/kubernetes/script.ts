/**
 * A shell in a pod that reads its commands from standard input (`kubectl exec -i POD -- sh < script`): judged with the script,
 * and run only then, as over SSH.
 *
 *     request judged ─► 101 ─► input collected ─► script judged, perhaps held ─► target switched ─► joined
 *
 * Invariants:
 * - The target is asked for nothing before the script was released. What was collected is the first that it gets.
 * - An input that is too long for a text that anyone reads, or that stays open without anything coming, is judged by what came,
 *   and that more may follow; rules decide about that.
 * - Who went meanwhile runs nothing: the client is listened to while its script waits.
 *
 * Deliberately absent: shells at a terminal (gated-shell.ts).
 */
import { isUtf8 } from 'node:buffer';
import type { Timer } from '../../base/clock.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { denial } from '../../core/say.ts';
import type { Command, Session } from '../../core/session.ts';
import { effectOfShell } from '../../core/shell.ts';
import { analyseScripted, judgedScript, readsPassword, withoutFirstLine } from '../../language/index.ts';
import { clientLeg, execTransportOf, joinExec, shapeOf } from './exec.ts';
import type { ExecRelay } from './exec-relay.ts';
import type { Leg } from './leg.ts';
import * as limits from './limits.ts';
import { Notices } from './notices.ts';
import type { Program, ProgramParts } from './programs.ts';
import {
  type DataChannel,
  type ExecEvents,
  type ExecStatus,
  type ExecStreams,
  exited,
  failed,
} from './streams/index.ts';
import { NotSwitched } from './targets.ts';

export class ScriptedExec implements Program {
  readonly #parts: ProgramParts;
  readonly #kubernetes: KubernetesMeaning;
  readonly #client: Leg<ExecStreams>;
  readonly #notices: Notices;
  readonly #unlisten: () => void;
  #state: 'collecting' | 'deciding' | 'running' | 'over' = 'collecting';
  /** Collected, and owed to the program. */
  #owed: Buffer[] = [];
  #owedBytes = 0;
  #inputEnded = false;
  #isPaused = false;
  #quiet: Timer | null = null;
  #script: Command | null = null;
  #relay: ExecRelay | null = null;
  /** Said before the client had opened its channels. */
  #unsaid: Buffer[] = [];
  #status: ExecStatus | null = null;
  #hasSaidGoodbye = false;

  constructor(parts: ProgramParts, kubernetes: KubernetesMeaning) {
    this.#parts = parts;
    this.#kubernetes = kubernetes;
    this.#notices = Notices.of(this.#session);
    const { client, door } = parts;
    this.#client = clientLeg(client, execTransportOf(client), shapeOf(kubernetes), this.#events, {
      drained: () => this.#relay?.clientDrained(),
      broke: (error) => {
        door.violation('client', 'kubernetes.channels', describeError(error));
        this.clientGone();
      },
    });
    this.#unlisten = this.#notices.listen((text) => this.#say(text));
    this.#client.start();
    this.#awaitMore();
  }

  cut(text: string): void {
    if (this.#relay !== null) this.#relay.stop(text, 255, 'unfinished', null);
    else this.#stop(text, 255, 'unfinished');
  }

  limited(limit: OutputLimit): void {
    if (this.#relay !== null) this.#relay.limited(limit);
    else this.#stop(`${limit.reason} (rule ${limit.rule})`, 124, 'failed', limit.rule);
  }

  clientGone(): void {
    if (this.#relay !== null) this.#relay.clientGone();
    else this.#over(this.#script?.state === 'pending' ? 'withdrawn' : 'unfinished', null);
  }

  readonly #events: ExecEvents = {
    ready: () => {
      for (const view of this.#unsaid.splice(0)) this.#client.end.write('stderr', view);
      this.#relay?.clientEvents.ready();
      if (this.#state === 'over') this.#goodbye();
    },
    data: (channel, view) => {
      if (this.#relay !== null) this.#relay.clientEvents.data(channel, view);
      else this.#collect(channel, view);
    },
    ended: (channel) => {
      if (channel === 'stdin') this.#inputEnded = true;
      if (this.#relay !== null) this.#relay.clientEvents.ended(channel);
      else if (channel === 'stdin') this.#collected(false);
    },
    resized: () => undefined,
    status: () => undefined,
    refused: () => undefined,
    over: (isClean) => {
      if (this.#relay !== null) this.#relay.clientEvents.over(isClean);
      else {
        this.clientGone();
        this.#goodbye();
      }
    },
  };

  #collect(channel: DataChannel, view: Buffer): void {
    if (channel !== 'stdin' || this.#state === 'over') return;
    this.#owed.push(view);
    this.#owedBytes += view.length;
    const isLong = this.#owedBytes > limits.stdinScriptBytesMax;
    if (isLong && this.#state === 'collecting') this.#collected(true);
    else if (this.#state === 'collecting') this.#awaitMore();
    if (isLong && !this.#isPaused) {
      this.#isPaused = true;
      this.#client.pause();
    }
  }

  /** A client that keeps its end open may be one that waits for an answer. */
  #awaitMore(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#parts.door.clock.after(limits.stdinQuietMs, () => this.#collected(true));
  }

  #collected(isOpen: boolean): void {
    if (this.#state !== 'collecting') return;
    this.#state = 'deciding';
    this.#quiet?.cancel();
    const draft = scriptDraft(this.#kubernetes, this.#parts.command.ordinal, {
      bytes: Buffer.concat(this.#owed),
      isOpen,
    });
    try {
      this.#script = this.#notices.submit(draft, {
        decided: (command) => this.#decided(command),
        waiting: (text) => this.#say(text),
        overdue: (limit) => this.limited(limit),
      });
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#stop(error.publicMessage, 126, 'failed', error.code);
    }
  }

  #decided(command: Command): void {
    this.#script = command;
    if (this.#state !== 'deciding') return;
    if (command.state === 'released') {
      this.#run(command).catch((error: unknown) => this.#failed(error));
      return;
    }
    const { verdict } = command;
    this.#stop(verdict === null ? 'refused' : denial(verdict), 126, 'refused', verdict?.rule ?? null);
  }

  async #run(script: Command): Promise<void> {
    const { command, targets, target } = this.#parts;
    const opened = await targets.exec(command, target);
    if (this.#state !== 'deciding') {
      opened.socket.destroy();
      return;
    }
    this.#state = 'running';
    this.#unlisten();
    const relay = joinExec(this.#parts, this.#kubernetes, opened, this.#client, {
      script,
      over: (result) => this.#notices.complete(script, result),
    });
    this.#relay = relay;
    for (const view of this.#owed.splice(0)) relay.clientEvents.data('stdin', view);
    if (this.#inputEnded) relay.clientEvents.ended('stdin');
    else if (this.#isPaused) this.#client.resume();
  }

  /** The client has switched long since, and hears by the streams what it would have heard by an answer. */
  #failed(error: unknown): void {
    if (this.#state === 'over') return;
    if (error instanceof NotSwitched) {
      this.#status = failed(error.status.message);
      this.#over('failed', String(error.status.code));
      return;
    }
    const isTold = isGatewayError(error) && error.kind !== 'assertion';
    if (!isTold) this.#parts.door.log.error('a script could not be run', { detail: describeError(error) });
    this.#stop(isTold ? error.publicMessage : 'The gateway met an internal error.', 255, 'failed');
  }

  #say(text: string): void {
    const line = Buffer.from(`sallyport: ${escapeLine(text)}\r\n`);
    if (this.#client.end.isReady) this.#client.end.write('stderr', line);
    else this.#unsaid.push(line);
  }

  #stop(text: string, code: number, outcome: 'failed' | 'refused' | 'unfinished', error: string | null = null): void {
    if (this.#state === 'over') return;
    this.#say(text);
    this.#status = exited(code);
    this.#over(outcome, error);
  }

  #over(outcome: 'failed' | 'refused' | 'unfinished' | 'withdrawn', error: string | null): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#quiet?.cancel();
    this.#unlisten();
    this.#owed = [];
    this.#client.resume();
    const result = { outcome, tag: null, error, rows: 0, bytes: 0 };
    if (this.#script !== null) this.#notices.complete(this.#script, result);
    this.#session.complete(this.#parts.command, result);
    this.#parts.over();
    // A client by SPDY opens its channels one by one, and may not have come to the last.
    if (this.#client.end.isReady) this.#goodbye();
    else this.#parts.door.clock.after(limits.readyDeadlineMs, () => this.#goodbye());
  }

  #goodbye(): void {
    if (this.#hasSaidGoodbye) return;
    this.#hasSaidGoodbye = true;
    if (this.#status !== null) this.#client.end.writeStatus(this.#status);
    this.#client.close();
    this.#parts.closed();
  }

  get #session(): Session {
    return this.#parts.conversation.session;
  }
}

/** The whole of what runs: the words of the exec, and what they read. */
function scriptDraft(
  { exec, namespace, name }: KubernetesMeaning,
  of: number,
  stdin: { readonly bytes: Buffer; readonly isOpen: boolean },
): CommandDraft {
  const command = exec!.command.map((one) => `'${one.replaceAll("'", "'\\''")}'`).join(' ');
  const written = exec!.command.every((one) => /^[\w@%+=:,./-]+$/.test(one)) ? exec!.command.join(' ') : command;
  const script = judgedScript(stdin);
  const isText = script === null || (isUtf8(script) && !script.includes(0));
  const body = script === null ? '' : isText ? script.toString('utf8') : spelled(script);
  const how = { dialect: 'sh', isOpen: stdin.isOpen, unread: 'unknown' } as const;
  const shell = isText ? analyseScripted(command, body, how) : null;
  const draft: CommandDraft = {
    kind: 'shell',
    verb: 'exec',
    text: `${written}\n${body}`,
    recordedText: `${written}\n${body}`,
    parameters: null,
    effect: shell === null ? 'unknown' : effectOfShell(shell),
    meaning: shell === null ? null : { language: 'shell', shell },
    context: { pod: `${namespace}/${name}`, container: exec!.container ?? '' },
    of,
  };
  // The first line of what is given to `sudo -S sh` is a password.
  return readsPassword(shellOf(draft.meaning)) ? { ...draft, recordedText: withoutFirstLine(written, body) } : draft;
}

/** Bytes that are no text, so that no two are shown alike. */
function spelled(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[^ -[\]-~]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
