/**
 * One program of a channel under the supervisor: opens its two channels, and puts every start of a program to the session.
 *
 * Invariants:
 * - Each start is a command of the session; the supervisor lets it go only after it was released (I1), and the answer goes
 *   out under that very command.
 * - What this very channel was released for covers its own start; a reviewed command covers the starts that it names word
 *   for word, so that a person is asked once. Everything else is judged by itself.
 * - A lost supervisor ends the session: what it judged has been killed, and nobody can tell any more.
 *
 * Deliberately absent: the terminal (kernel-shell.ts), what the bytes say (supervisor/).
 */
import { type CommandDraft, shellOf } from '../../core/command.ts';
import { actorOf } from '../../core/event.ts';
import type { Command, Flow } from '../../core/session.ts';
import { effectOfShell, type ShellCommand } from '../../core/shell.ts';
import { analyseShell } from '../../language/index.ts';
import type { Conversation } from './conversation.ts';
import { denial } from './say.ts';
import type { SessionChannel } from './session-channel.ts';
import {
  isNamedBy,
  meaningOfStart,
  ownStartsMax,
  type StartRequest,
  Supervisor,
  type SupervisorAction,
} from './supervisor/index.ts';
import type { PtyRequest, SshChannel } from './transport/index.ts';

export interface SupervisionParts {
  readonly conversation: Conversation;
  readonly channel: SessionChannel;
  /** The released command that stands for the program as a whole. */
  readonly command: Command;
  /** Shows the person a line. */
  readonly say: (text: string) => void;
  /** Commands that run now, by which a start may have been asked for already. */
  readonly running: () => readonly Command[];
}

/** Why there is no supervision, for the person; null where there is. */
export type Placed = string | null;

export class Supervision {
  readonly #parts: SupervisionParts;
  readonly #supervisor: Supervisor;
  readonly #flow: Flow;
  readonly #commands = new Map<string, Command>();
  #side: SshChannel | null = null;
  #program: SshChannel | null = null;
  #placed: ((why: Placed) => void) | null = null;
  #start = '';
  #text: Buffer | null = null;
  #isShell = false;
  /** The program that was asked for, while it may still go through its own start: `env`, a shell, another shell. */
  #own: { readonly pid: number; readonly commands: readonly ShellCommand[]; left: number } | null = null;
  /** The shell or program of the channel, and whoever was let start a program: such a one is no bare fork of a shell. */
  #root = 0;
  readonly #started = new Set<number>();
  #deciding: Command | null = null;
  #isOver = false;

  constructor(parts: SupervisionParts) {
    this.#parts = parts;
    const { session, door } = parts.conversation;
    this.#flow = session.openFlow({ toUpstream: (view) => this.#side?.write(view) ?? true, toClient: () => true });
    this.#supervisor = new Supervisor(door.clock, (action) => this.#act(action));
  }

  /** Places the supervisor on the target. Afterwards `open`. */
  place(): Promise<Placed> {
    return new Promise((resolve) => {
      this.#placed = resolve;
      this.#supervisor.place();
    });
  }

  /**
   * Starts the program under it; null where the target refused, which the client has been told then.
   * `text`: for the account's shell to run; null: a login shell. `isGateways`: the text is the gateway's own.
   */
  async open(text: Buffer | null, pty: PtyRequest | null, isGateways: boolean): Promise<SshChannel | null> {
    const { conversation, channel, command } = this.#parts;
    this.#text = text;
    this.#isShell = isGateways;
    const commands =
      isGateways && text !== null ? analyseShell(text.toString('utf8'), { dialect: 'unknown' }).commands : [];
    this.#own = { pid: 0, commands, left: ownStartsMax };
    this.#supervisor.start(text);
    const program = await channel.open(command, { kind: 'exec', command: Buffer.from(this.#start) }, pty);
    if (program !== null && this.#isOver) {
      program.destroy();
      channel.refuse('What judges programs on the target is gone.', 255);
      conversation.complete(command, { outcome: 'failed', tag: null, error: 'ssh.unsupervised', rows: 0, bytes: 0 });
      return null;
    }
    if (program === null) {
      this.close();
      return null;
    }
    this.#program = program;
    return program;
  }

  /** The program has gone through its own start. */
  begun(): void {
    this.#own = null;
  }

  /** The program is over, or nobody wants it any more: whatever still runs under the supervisor ends. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#supervisor.close();
    this.#side?.close();
    for (const token of [...this.#commands.keys()]) this.#complete(token, 'unfinished', null);
    this.#parts.conversation.session.closeFlow(this.#flow);
  }

  #act(action: SupervisorAction): void {
    if (this.#isOver) return;
    const { say, command } = this.#parts;
    switch (action.do) {
      case 'open-side':
        this.#openSide(action.command);
        return;
      case 'to-side':
        this.#flow.forward(action.bytes, this.#deciding ?? command);
        return;
      case 'placed':
        this.#start = action.command;
        this.#settle(null);
        return;
      case 'unplaced':
        this.#settle(action.message);
        this.close();
        return;
      case 'begun':
        this.#note(
          'kernel',
          action.noNewPrivileges ? 'each start is judged; no program gains privileges' : 'each start is judged',
        );
        // To a person only: what an exec says on its error stream is read by programs.
        if (action.noNewPrivileges && this.#isShell)
          say('programs cannot gain privileges here: sudo and su do not work');
        return;
      case 'ask':
        this.#ask(action.request);
        return;
      case 'ended':
        this.#ended(action.token, action.how, action.errno);
        return;
      case 'refused': {
        const name = action.name.toString('utf8');
        if (action.why !== 'not-readable') say(`${name} was not started: ${refusedMessages[action.why]}`);
        this.#note('not-started', `${name}: ${refusedMessages[action.why]}`);
        return;
      }
      case 'lost':
        this.#lost(action.isViolation);
        return;
    }
  }

  #openSide(text: string): void {
    const { channel, command, conversation } = this.#parts;
    channel
      .open(command, { kind: 'exec', command: Buffer.from(text) }, null, 'hidden')
      .then((side) => {
        if (side === null) return this.#supervisor.sideEnded();
        if (this.#isOver) return side.destroy();
        this.#side = side;
        side.handle({
          read: (view) => this.#supervisor.side(view),
          end: () => this.#supervisor.sideEnded(),
          drain: () => this.#flow.upstreamDrained(),
          close: () => this.#supervisor.sideEnded(),
        });
      })
      .catch((error: unknown) => {
        conversation.door.log.error('the supervisor was not placed', {
          session: conversation.session.id,
          detail: String(error),
        });
        this.#supervisor.sideEnded();
      });
  }

  // ------------------------------------------------------------------ what is asked

  #ask(request: StartRequest): void {
    if (this.#isOwnStart(request)) {
      this.#note('ran', meaningOfStart(request).text);
      this.#supervisor.decide(request.token, true);
      return;
    }
    const isItself = this.#isOfTheShell(request);
    if (this.#started.size < startedMax) this.#started.add(request.pid);
    const covering = this.#parts
      .running()
      .find((command) => isItself && isReviewed(command) && this.#names(command, request));
    const { text } = covering === undefined ? { text: '' } : meaningOfStart(request);
    if (covering !== undefined) {
      this.#note('ran', text, covering.ordinal);
      this.#deciding = covering;
      this.#supervisor.decide(request.token, true);
      this.#deciding = null;
      return;
    }
    const { conversation, channel, say } = this.#parts;
    const { token } = request;
    const command = conversation.submit(startDraft(request, this.#parts.command.ordinal, channel.context()), {
      decided: (decided) => {
        if (this.#isOver) return;
        this.#commands.set(token, decided);
        const isAllowed = decided.state === 'released';
        this.#deciding = isAllowed ? decided : null;
        this.#supervisor.decide(token, isAllowed);
        this.#deciding = null;
        if (isAllowed) return;
        this.#commands.delete(token);
        say(decided.verdict === null ? 'refused' : denial(decided.verdict));
      },
      waiting: (text) => say(text),
      overdue: (limit) => say(`${limit.reason} (rule ${limit.rule})`),
    });
    if (command.state === 'pending' || command.state === 'released') this.#commands.set(token, command);
  }

  /** The first start is the account's shell with the text that the channel was released for. */
  #isOwnStart(request: StartRequest): boolean {
    const own = this.#own;
    if (own === null) return false;
    if (request.facts.has('initial') && own.pid === 0) {
      this.#own = { ...own, pid: request.pid };
      this.#root = request.pid;
      const [, option, text, ...more] = request.arguments;
      if (this.#text === null) return option === undefined;
      return option?.toString() === '-c' && text?.equals(this.#text) === true && more.length === 0;
    }
    if (request.pid !== own.pid || own.left === 0) return false;
    own.left--;
    return isNamedBy(request, own.commands, true);
  }

  /**
   * The shell of the channel starts it, itself or by a process of its own that was nothing else before, and where the shell is:
   * somebody else's start of the same words, elsewhere, is not what a reviewer approved.
   */
  #isOfTheShell({ pid, parent, cwd, parentCwd }: StartRequest): boolean {
    if (pid === this.#root) return true;
    const isFresh = !this.#started.has(pid) && this.#started.size < startedMax;
    return parent === this.#root && isFresh && cwd.length > 0 && cwd.equals(parentCwd);
  }

  #names(command: Command, request: StartRequest): boolean {
    return isNamedBy(request, shellOf(command.draft.meaning)?.commands ?? [], false);
  }

  #ended(token: string, how: 'started' | 'failed' | 'killed' | 'withdrawn', errno: number): void {
    const text = this.#commands.get(token)?.draft.text;
    switch (how) {
      case 'started':
        this.#complete(token, 'completed', 'started');
        return;
      case 'failed':
        if (errno === noExecutable) this.#complete(token, 'completed', 'no program: a shell reads it itself');
        else this.#complete(token, 'failed', errno === 0 ? null : `errno ${errno}`);
        return;
      case 'withdrawn':
        this.#complete(token, 'withdrawn', null);
        return;
      case 'killed':
        this.#parts.say('a program was ended, or not started: it was not what was approved any more');
        this.#alert('start-changed', `${text ?? 'a program'}: what started was not what was approved`);
        this.#complete(token, 'failed', null, 'ssh.start-changed');
        return;
    }
  }

  #complete(
    token: string,
    outcome: 'completed' | 'failed' | 'withdrawn' | 'unfinished',
    tag: string | null,
    error: string | null = null,
  ): void {
    const command = this.#commands.get(token);
    this.#commands.delete(token);
    if (command === undefined) return;
    this.#parts.conversation.complete(command, { outcome, tag, error, rows: 0, bytes: 0 });
  }

  // ------------------------------------------------------------------ the end

  #lost(isViolation: boolean): void {
    const { conversation } = this.#parts;
    const program = this.#program;
    this.close();
    // Its channel goes first where the program has simply ended.
    if (program?.closed === true || (!isViolation && program === null)) return;
    this.#whenStillOpen(program, isViolation, conversation);
  }

  #whenStillOpen(program: SshChannel | null, isViolation: boolean, { session, door }: Conversation): void {
    door.clock.after(isViolation ? 0 : lostLookMs, () => {
      if (program === null || program.closed || session.ended) return;
      this.#alert('supervisor-lost', 'the supervisor on the target is gone');
      session.end({
        reason: 'violation',
        message: 'What asks about each program on the target is gone. Open a new session.',
        code: 'gateway:shell-supervisor-lost',
        by: null,
      });
    });
  }

  #settle(why: Placed): void {
    this.#placed?.(why);
    this.#placed = null;
  }

  #alert(code: string, reason: string): void {
    const { session } = this.#parts.conversation;
    session.note({
      type: 'alert.raised',
      rule: `gateway:${code}`,
      reason,
      session: session.id,
      command: this.#parts.command.ordinal,
      principal: actorOf(session.principal),
      resource: session.resource.name,
    });
  }

  #note(code: string, text: string, command: number = this.#parts.command.ordinal): void {
    const { session } = this.#parts.conversation;
    session.observe({ type: 'message', command, level: 'gateway', code, text, fields: {} });
  }
}

/** ENOEXEC. */
const noExecutable = 8;

/** Processes remembered that have started a program; beyond it no review covers a start any more. */
const startedMax = 65_536;

/** Milliseconds in which the program's channel closes after the supervisor's, where it simply ended. */
const lostLookMs = 1000;

const refusedMessages = {
  'too-long': 'its arguments are longer than is judged',
  'not-readable': 'it may not be run or not be read',
  'not-traceable': 'it could not be watched while it starts',
  other: 'the supervisor refused it',
} as const;

function isReviewed({ state, verdict }: Command): boolean {
  return state === 'released' && verdict?.rule.startsWith('review:') === true;
}

function startDraft(request: StartRequest, of: number, context: Readonly<Record<string, string>>): CommandDraft {
  const { text, shell } = meaningOfStart(request);
  const facts = [...request.facts].sort().join(' ');
  return {
    parameters: null,
    of,
    kind: 'shell',
    verb: 'run',
    text,
    recordedText: text,
    effect: shell === null ? 'unknown' : effectOfShell(shell),
    meaning: shell === null ? null : { language: 'shell', shell },
    context: {
      ...context,
      level: 'kernel',
      directory: request.cwd.toString('latin1'),
      file: request.file.toString('latin1'),
      ...(facts === '' ? {} : { facts }),
    },
  };
}
