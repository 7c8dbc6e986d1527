/**
 * The command stages of one session: intent, judge, review, durable, release (`pipeline.ts`), and the end of each command.
 *
 * Invariants:
 * - I1: in strict, a command that may have an effect is released only after its intent is durable.
 * - What the rules say beyond `allow` is in the journal before anything comes of it; a held command runs only after what
 *   its reviewers said is durable too.
 * - Every command that was submitted ends in exactly one `command.ended`.
 *
 * Deliberately absent: bytes of either side (session.ts), how a hold turns into an outcome (held.ts).
 */
import { assert } from '../base/assert.ts';
import { GatewayError } from '../base/errors.ts';
import { type CommandDraft, meansTheSame } from './command.ts';
import { coreErrors } from './errors.ts';
import { actorOf, type CommandOutcome, type EventBody, type SessionEndReason } from './event.ts';
import { Held } from './held.ts';
import type { Judgement, OutputLimit, SessionFacts } from './judgement.ts';
import * as limits from './limits.ts';
import { reviewDigest } from './review.ts';
import { type Command, CommandRun, intentOf } from './run.ts';
import type { Session, SessionParts } from './session.ts';
import type { Verdict } from './verdict.ts';

/** How a command ended, as the protocol saw it. `rows` and `bytes` are what was delivered for it. */
export interface CommandResult {
  readonly outcome: CommandOutcome;
  readonly tag: string | null;
  readonly error: string | null;
  readonly rows: number;
  readonly bytes: number;
  /** How many values each Mask changed, by its name. */
  readonly masked?: Readonly<Record<string, number>> | undefined;
}

/** What the commands need of their session. */
export interface CommandsHost {
  readonly session: Session;
  established(): boolean;
  /** Something passed: the session is not idle. */
  active(): void;
  fail(reason: SessionEndReason, error: unknown): void;
}

export class Commands {
  readonly #parts: SessionParts;
  readonly #host: CommandsHost;
  readonly #pending = new Map<number, CommandRun>();
  #count = 0;
  #rows = 0;

  constructor(parts: SessionParts, host: CommandsHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** Commands submitted so far. */
  get count(): number {
    return this.#count;
  }
  /** Rows delivered by those that have ended. */
  get rows(): number {
    return this.#rows;
  }

  /** The session is over: what has not ended ends as unfinished. */
  abandon(): void {
    for (const run of this.#pending.values()) this.#conclude(run, 'unfinished', null, null);
  }

  /**
   * Puts a command through intent, judge, review and durability. `decided` is called exactly once, unless the command
   * is withdrawn (`complete`) before, possibly before this returns: the command is then `released` (forward it) or
   * `refused` (answer natively with its verdict; it has ended). Verdicts come in order of submission, except that a held
   * command may come later than those behind it. `inTransaction`: while it waits it may hold locks.
   */
  submit(draft: CommandDraft, decided: (command: Command) => void, inTransaction = false): Command {
    if (this.#pending.size >= limits.pendingCommandsMax) throw coreErrors('core.too-many-pending');
    const { clock, journal, recording, resource } = this.#parts;
    this.#host.active();
    const ordinal = ++this.#count;
    let sequence: number;
    try {
      sequence = journal.append(intentOf(this.#parts.id, ordinal, draft));
      recording.append({
        type: 'command',
        command: ordinal,
        kind: draft.kind,
        verb: draft.verb,
        text: draft.recordedText,
        parameters: draft.parameters,
        of: draft.of,
      });
    } catch (error) {
      this.#host.fail('recording-failed', error);
      throw error;
    }
    const run = new CommandRun(ordinal, draft, sequence, clock.monotonic());
    this.#pending.set(ordinal, run);
    const judgement = draft.observed === true ? this.#observe(run) : this.#judge(run);
    const { verdict } = judgement;
    const plain = verdict.name === 'allow' || verdict.name === 'mask';
    const settle = (error: Error | null): void => {
      if (error !== null) this.#host.fail('recording-failed', error);
      else if (run.state !== 'pending' || !this.#host.established()) return;
      else if (plain) this.#release(run, decided);
      else if (verdict.name === 'hold') this.#hold(run, decided, inTransaction);
      else this.#refuse(run, verdict, decided);
    };
    const mustWait = resource.recording === 'strict' && draft.effect !== 'read';
    // Releases keep the order of submission: a command behind one that waits for its intent, waits too.
    if (mustWait || !plain || this.#waitingBefore(ordinal)) journal.afterDurable(sequence, settle);
    else settle(null);
    return run;
  }

  /** Asks the rules and writes down what they say, where it is more than `allow`. */
  #judge(run: CommandRun): Judgement {
    let judgement: Judgement;
    try {
      judgement = this.#ask(run.draft);
      assert((judgement.verdict.name === 'hold') === (judgement.hold !== null), 'a hold has terms');
    } catch (error) {
      this.#host.fail('failed', error);
      throw coreErrors('core.command-refused', {
        cause: error,
        values: { reason: 'The command could not be judged.' },
      });
    }
    const { unholdable } = run.draft;
    if (judgement.hold !== null && unholdable !== undefined) {
      const { rule, reason } = judgement.verdict;
      const verdict = { name: 'block', rule, reason: `${reason} ${unholdable}` } as const;
      judgement = { ...judgement, verdict, hold: null, output: null };
    }
    run.judgement = judgement;
    run.verdict = judgement.verdict;
    if (judgement.verdict.name !== 'allow') this.#noteVerdict(run, judgement.verdict);
    for (const note of judgement.alerts) this.#alert(run, note.rule, note.reason);
    return judgement;
  }

  /** The rules' word on what already ran: people hear of what can no longer be stopped. */
  #observe(run: CommandRun): Judgement {
    const judgement = this.#judge(run);
    const { name, rule, reason } = judgement.verdict;
    if (name !== 'hold' && name !== 'block') return judgement;
    this.#alert(run, rule, `${name} came too late, the command was seen as it ran: ${reason}`);
    const verdict = { name: 'allow', rule, reason: `seen as it ran: ${reason}` } as const;
    run.verdict = verdict;
    run.judgement = { ...judgement, verdict, hold: null };
    return run.judgement;
  }

  /** What the rules say of a command as of now. Throws as the judge does. */
  #ask(command: CommandDraft): Judgement {
    const { judge, principal, resource, clock } = this.#parts;
    return judge.judge({ command, principal, resource, session: this.#facts(), nowMs: clock.now() });
  }

  #noteVerdict(run: CommandRun, verdict: Verdict): void {
    this.#append({ type: 'command.verdict', session: this.#parts.id, command: run.ordinal, verdict });
  }

  #alert(run: CommandRun, rule: string, reason: string): void {
    this.#append({
      type: 'alert.raised',
      rule,
      reason,
      session: this.#parts.id,
      command: run.ordinal,
      principal: actorOf(this.#parts.principal),
      resource: this.#parts.resource.name,
    });
  }

  #facts(): SessionFacts {
    const { id, source, clientFacts, access } = this.#parts;
    return {
      id,
      source,
      client: clientFacts,
      startedAtMs: this.#host.session.startedAtMs,
      commands: this.#count,
      access,
    };
  }

  #release(run: CommandRun, decided: (command: Command) => void): void {
    run.state = 'released';
    const { clock } = this.#parts;
    for (const limit of run.judgement?.limits ?? []) {
      if (limit.durationMsMax === null) continue;
      run.timers ??= [];
      run.timers.push(clock.after(limit.durationMsMax, () => this.#overdue(run, limit)));
    }
    decided(run);
  }

  #refuse(run: CommandRun, verdict: Verdict, decided: (command: Command) => void): void {
    run.verdict = verdict;
    this.#conclude(run, 'refused', null, null);
    decided(run);
    if (verdict.name === 'terminate') {
      this.#host.session.end({ reason: 'verdict', message: verdict.reason, code: verdict.rule, by: null });
    }
  }

  /** The command waits for a human; what comes of it is durable before anything runs. */
  #hold(run: CommandRun, decided: (command: Command) => void, inTransaction: boolean): void {
    const { clock, journal, reviews } = this.#parts;
    const digest = (): string => reviewDigest(run.draft, this.#parts.principal, this.#parts.resource);
    const settle = (verdict: Verdict, then: () => void): void => {
      if (this.#host.session.ended) return;
      // Appended events become durable in order, those of the review among them.
      const sequence = journal.append({
        type: 'command.verdict',
        session: this.#parts.id,
        command: run.ordinal,
        verdict,
      });
      journal.afterDurable(sequence, (error) => {
        if (error !== null) this.#host.fail('recording-failed', error);
        else if (run.state === 'pending' && this.#host.established()) then();
      });
    };
    const refuse = (verdict: Verdict): void => settle(verdict, () => this.#refuse(run, verdict, decided));
    try {
      run.held = new Held({
        clock,
        reviews,
        request: {
          session: this.#facts(),
          command: run.ordinal,
          principal: this.#parts.principal,
          resource: this.#parts.resource,
          draft: run.draft,
          terms: run.judgement!.hold!,
          inTransaction,
          digest: digest(),
        },
        judgeAgain: async () => {
          const { draft } = run;
          const meaning = draft.meaningNow === undefined ? draft.meaning : await draft.meaningNow();
          const judgement = this.#ask(meaning === draft.meaning ? draft : { ...draft, meaning });
          return { judgement, digest: digest(), meansTheSame: meansTheSame(draft.meaning, meaning) };
        },
        present: run.draft.present,
        onWaiting: (review, waitedMs) => {
          this.#host.active();
          this.#host.session.onHeld?.(run, review, waitedMs);
        },
        onFailed: (error) => this.#host.fail('failed', error),
        onSettled: (outcome) => {
          run.held = null;
          if (!outcome.run) return refuse(outcome.verdict);
          run.judgement = outcome.judgement;
          settle(outcome.verdict, () => {
            run.verdict = outcome.verdict;
            this.#release(run, decided);
          });
        },
      });
    } catch (error) {
      const reason = error instanceof GatewayError ? error.publicMessage : 'Nobody could be asked to approve it.';
      refuse({ name: 'block', rule: run.judgement!.hold!.rule, reason });
      return;
    }
    // Whoever heard of it may have given up at once.
    if (run.state !== 'pending') run.letGo();
    else this.#estimate(run);
  }

  /** Has the target say what it expects of a held command. Nothing waits for it. */
  #estimate(run: CommandRun): void {
    const review = run.held?.review;
    if (run.draft.estimate === undefined || review?.estimated === undefined) return;
    run.draft.estimate(run).then(
      (estimate) => review.estimated?.(estimate),
      (error: unknown) => this.#host.fail('failed', error),
    );
  }

  /**
   * Counts rows and bytes of output before they are delivered. The limit that they pass, if it blocks or ends: the
   * protocol then delivers none of them, stops the command natively and answers with the limit's reason; a `terminate`
   * ends the session by itself. Alerts are raised here.
   */
  spend(command: Command, rows: number, bytes: number): OutputLimit | null {
    const run = command as CommandRun;
    let stop: OutputLimit | null = null;
    for (const limit of run.judgement?.limits ?? []) {
      if (run.passed?.has(limit) === true || !limit.spend(rows, bytes)) continue;
      run.passed ??= new Set();
      run.passed.add(limit);
      if (limit.verdict === 'alert') this.#alert(run, limit.rule, limit.reason);
      else if (stop === null || limit.verdict === 'terminate') stop = limit;
    }
    if (stop !== null) this.#limited(run, stop);
    return stop;
  }

  #overdue(run: CommandRun, limit: OutputLimit): void {
    if (run.state !== 'released' || run.passed?.has(limit) === true || this.#host.session.ended) return;
    run.passed ??= new Set();
    run.passed.add(limit);
    if (limit.verdict === 'alert') {
      this.#alert(run, limit.rule, limit.reason);
      return;
    }
    this.#limited(run, limit);
    if (limit.verdict === 'block') this.#host.session.onOverdue?.(run, limit);
  }

  #limited(run: CommandRun, limit: OutputLimit): void {
    const { rule, reason } = limit;
    const verdict = limit.verdict === 'terminate' ? 'terminate' : 'block';
    this.#append({ type: 'output.limited', session: this.#parts.id, command: run.ordinal, rule, verdict });
    if (verdict === 'terminate') this.#host.session.end({ reason: 'verdict', message: reason, code: rule, by: null });
  }

  /** Tells the pipeline how a command ended. Once; later calls change nothing. */
  complete(command: Command, result: CommandResult): void {
    const run = command as CommandRun;
    if (run.state === 'ended' || run.state === 'refused') return;
    run.rows = result.rows;
    this.#rows += result.rows;
    run.bytes = result.bytes;
    this.#conclude(run, result.outcome, result.tag, result.error, result.masked);
  }

  /** A command behind one that waits for its intent waits with it. */
  #waitingBefore(ordinal: number): boolean {
    const before = this.#pending.get(ordinal - 1);
    return before !== undefined && before.state === 'pending' && before.held === null;
  }

  #conclude(
    run: CommandRun,
    outcome: CommandOutcome,
    tag: string | null,
    error: string | null,
    masked?: Readonly<Record<string, number>>,
  ): void {
    run.state = outcome === 'refused' ? 'refused' : 'ended';
    run.letGo();
    this.#pending.delete(run.ordinal);
    const { id, clock, recording } = this.#parts;
    const durationMs = Math.round((clock.monotonic() - run.submittedAtMs) * 1000) / 1000;
    const { ordinal: command, rows, bytes } = run;
    const ended = { command, outcome, tag, rows, bytes, durationMs };
    this.#append({
      type: 'command.ended',
      session: id,
      ...ended,
      error,
      ...(masked === undefined ? {} : { masked }),
    });
    try {
      recording.append({ type: 'completed', ...ended });
    } catch (cause) {
      this.#host.fail('recording-failed', cause);
    }
  }

  #append(event: EventBody): void {
    try {
      this.#parts.journal.append(event);
    } catch (error) {
      this.#host.fail('recording-failed', error);
    }
  }
}
