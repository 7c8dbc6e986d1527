/**
 * A command that is being stopped while it answers: what the client is told, and which of the server's messages it does
 * not see meanwhile.
 *
 * Invariant: the client is told once; the server is asked to cancel at most once, and only while the command runs.
 *
 * Deliberately absent: when (output-content.ts), the conversation (server-side.ts).
 */
import { escapeText } from '../../base/escape.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import { encodeErrorResponse } from './messages.ts';
import type { Request } from './request.ts';

export class Stop {
  readonly request: Request;
  /** SQLSTATE. */
  readonly code: string;
  readonly text: string;
  readonly #view: Buffer;
  #isTold = false;
  #isCancelled = false;

  private constructor(request: Request, error: { code: string; text: string; detail?: string; hint?: string }) {
    const { code, text, ...more } = error;
    this.request = request;
    this.code = code;
    this.text = text;
    this.#view = encodeErrorResponse({ severity: 'ERROR', code, message: text, ...more });
  }

  /** What a limit on rows, bytes or time says: program_limit_exceeded. */
  static byLimit(request: Request, { rule, reason }: OutputLimit): Stop {
    return new Stop(request, { code: '54000', text: escapeText(reason), detail: `Decided by ${escapeText(rule)}.` });
  }

  /** A COPY whose lines cannot be read while masks are in force. */
  static byUnreadableCopy(request: Request): Stop {
    return new Stop(request, {
      code: '42501',
      text: 'The gateway masks columns of this COPY and could not read the format that its options ask for.',
      hint: 'Use FORMAT text, csv or binary with plain options and the encoding UTF8, one COPY in a statement.',
    });
  }

  get isTold(): boolean {
    return this.#isTold;
  }

  /** The error, once. */
  tell(): Buffer {
    this.#isTold = true;
    return this.#view;
  }

  /** Asks for a cancel while the command still runs. */
  cancelOnce(host: { stopRunning(): void }): void {
    if (this.#isCancelled || this.#isTold) return;
    this.#isCancelled = true;
    host.stopRunning();
  }

  /** This message ends an Execute; what ends a Query is ReadyForQuery. */
  isOver(type: number): boolean {
    return this.request.kind === 'execute' && 'CsI'.includes(String.fromCharCode(type));
  }
}

/** True for what answers a request; NoticeResponse, ParameterStatus and NotificationResponse answer none. */
export function isAnswer(type: number): boolean {
  return type !== 0x4e && type !== 0x53 && type !== 0x41;
}
