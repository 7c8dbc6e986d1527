/**
 * One submitted command: what protocols see of it (`Command`), what the pipeline keeps (`CommandRun`), and its intent as
 * it is written down.
 */
import { createHash } from 'node:crypto';
import type { Timer } from '../base/clock.ts';
import type { CommandDraft } from './command.ts';
import type { EventBody } from './event.ts';
import { factsOf } from './facts.ts';
import type { Held } from './held.ts';
import type { Judgement, OutputLimit } from './judgement.ts';
import * as limits from './limits.ts';
import type { Verdict } from './verdict.ts';

/** A submitted command on its way through the pipeline. */
export interface Command {
  /** Counts from 1 within the session. */
  readonly ordinal: number;
  readonly draft: CommandDraft;
  readonly state: 'pending' | 'released' | 'refused' | 'ended';
  /** Set once judged. */
  readonly verdict: Verdict | null;
  /** Set once judged; its `output` is the plan for what comes back, as of the release. */
  readonly judgement: Judgement | null;
}

/** The pipeline's own view; protocols hold it as `Command`. */
export class CommandRun implements Command {
  readonly ordinal: number;
  readonly draft: CommandDraft;
  readonly sequence: number;
  readonly submittedAtMs: number;
  state: 'pending' | 'released' | 'refused' | 'ended' = 'pending';
  verdict: Verdict | null = null;
  judgement: Judgement | null = null;
  /** While a human is asked. */
  held: Held | null = null;
  /** Limits that were passed already. */
  passed: Set<OutputLimit> | null = null;
  timers: Timer[] | null = null;
  rows = 0;
  bytes = 0;

  constructor(ordinal: number, draft: CommandDraft, sequence: number, submittedAtMs: number) {
    this.ordinal = ordinal;
    this.draft = draft;
    this.sequence = sequence;
    this.submittedAtMs = submittedAtMs;
  }

  /** It has ended: nobody waits for it any more. */
  letGo(): void {
    for (const timer of this.timers ?? []) timer.cancel();
    this.held?.withdraw();
    this.held = null;
  }
}

/** The event that says a command is about to be done; its text is cut at `commandTextBytesMax`. */
export function intentOf(session: string, command: number, draft: CommandDraft): EventBody {
  const text = draft.recordedText;
  const textBytes = Buffer.byteLength(text);
  const cut = textBytes > limits.commandTextBytesMax;
  const facts = factsOf(draft);
  return {
    type: 'command.intent',
    session,
    command,
    kind: draft.kind,
    verb: draft.verb,
    text: cut ? Buffer.from(text).subarray(0, limits.commandTextBytesMax).toString('utf8') : text,
    textBytes,
    ...(cut ? { textDigest: createHash('sha256').update(text).digest('hex') } : {}),
    ...(draft.recordedText === draft.text ? {} : { redacted: true }),
    parameters: draft.parameters,
    effect: draft.effect,
    of: draft.of,
    ...(facts === null ? {} : { facts }),
  };
}
