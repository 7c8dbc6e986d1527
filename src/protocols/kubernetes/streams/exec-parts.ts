/**
 * What the error and resize channels of a remote command say: how a program ended, and how large its terminal is.
 *
 * Before v4 the error channel carries a sentence, and nothing on success; from v4 on a `Status` object (meta/v1), whose cause
 * `ExitCode` has the number. The resize channel carries JSON objects one behind the other.
 *
 * Invariants: what is kept is bounded; a status that cannot be understood is a failure, never a success.
 */
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { ExecStatus, TerminalSize } from './types.ts';

/** How a status is written. */
export type StatusForm = 'text' | 'object';

/** A program that exited. */
export function exited(exitCode: number): ExecStatus {
  const message = exitCode === 0 ? '' : `command terminated with non-zero exit code: ${exitCode}`;
  return { succeeded: exitCode === 0, exitCode, message, object: null };
}

/** A program that did not run, or was ended: kubectl prints the message and exits with 1. */
export function failed(message: string): ExecStatus {
  return { succeeded: false, exitCode: null, message, object: null };
}

/** What goes to the error channel; empty where nothing does. */
export function encodeStatus(status: ExecStatus, form: StatusForm): Buffer {
  const { succeeded, exitCode, object } = status;
  const message = status.message === '' ? exited(exitCode ?? 1).message : status.message;
  if (form === 'text') return Buffer.from(succeeded ? '' : message);
  if (object !== null) return object;
  if (succeeded) return Buffer.from(JSON.stringify({ metadata: {}, status: 'Success' }));
  const cause = { reason: 'ExitCode', message: String(exitCode) };
  const why = exitCode === null ? {} : { reason: 'NonZeroExitCode', details: { causes: [cause] } };
  return Buffer.from(JSON.stringify({ metadata: {}, status: 'Failure', message, ...why }));
}

export class StatusReader {
  readonly #form: StatusForm;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isCut = false;

  constructor(form: StatusForm) {
    this.#form = form;
  }

  push(view: Buffer): void {
    const kept = view.subarray(0, limits.statusBytesMax - this.#bytes);
    this.#isCut ||= kept.length < view.length;
    this.#bytes += kept.length;
    if (kept.length > 0) this.#parts.push(Buffer.from(kept));
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** The status, where an object is whole by now; null where more may come. */
  early(): ExecStatus | null {
    if (this.#form === 'text' || this.isEmpty || this.#isCut) return null;
    const whole = this.#whole();
    const value = parse(whole);
    return value === null ? null : understand(value, whole);
  }

  /**
   * The status, now that the channel ended. Nothing on it means success where it is a text; where it is an object nobody told
   * how the program ended (null), as when a server resets all streams because nothing came for long.
   */
  end(): ExecStatus | null {
    const whole = this.#whole();
    if (this.#form === 'text') {
      return this.isEmpty
        ? { succeeded: true, exitCode: null, message: '', object: null }
        : failed(whole.toString('utf8'));
    }
    if (this.isEmpty) return null;
    const value = this.#isCut ? null : parse(whole);
    return value === null ? failed('the cluster sent a status that cannot be read') : understand(value, whole);
  }

  #whole(): Buffer {
    const whole = Buffer.concat(this.#parts);
    this.#parts = [whole];
    return whole;
  }
}

export class SizeReader {
  #text = '';

  /** Sizes that are whole by now. Throws `kubernetes.channels`. */
  push(view: Buffer): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    // An object of two numbers has no other brace, and nothing that is more than one byte.
    for (const part of view.toString('latin1').split(/(?<=\})/)) {
      this.#text += part;
      if (this.#text.length > limits.resizeBytesMax) throw broken('a terminal size that is too long');
      if (!this.#text.endsWith('}')) continue;
      sizes.push(sizeOf(parse(Buffer.from(this.#text))));
      this.#text = '';
    }
    return sizes;
  }
}

export function encodeSize({ columns, rows }: TerminalSize): Buffer {
  return Buffer.from(`${JSON.stringify({ Width: columns, Height: rows })}\n`);
}

/** As Go's decoder takes it: names without regard to case, absent ones zero. */
function sizeOf(value: object | null): TerminalSize {
  if (value === null) throw broken('a terminal size that is none');
  let [columns, rows] = [0, 0];
  for (const [name, number] of Object.entries(value) as [string, unknown][]) {
    const isWidth = name.toLowerCase() === 'width';
    if (!isWidth && name.toLowerCase() !== 'height') continue;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 0xffff) {
      throw broken('a terminal size that is none');
    }
    if (isWidth) columns = number;
    else rows = number;
  }
  return { columns, rows };
}

function understand(value: object, object: Buffer): ExecStatus {
  const { status, message, reason, details } = value as Record<string, unknown>;
  if (status === 'Success') return { succeeded: true, exitCode: 0, message: '', object };
  const text = typeof message === 'string' ? message : '';
  const exitCode = reason === 'NonZeroExitCode' ? exitCodeOf(details) : null;
  return { succeeded: false, exitCode, message: text === '' ? 'the command failed' : text, object };
}

function exitCodeOf(details: unknown): number | null {
  const causes: unknown = (details as { readonly causes?: unknown } | null | undefined)?.causes;
  if (!Array.isArray(causes)) return null;
  for (const cause of causes as unknown[]) {
    const { reason, message } = (cause ?? {}) as Record<string, unknown>;
    if (reason !== 'ExitCode') continue;
    return typeof message === 'string' && /^\d{1,3}$/.test(message) && Number(message) <= 255 ? Number(message) : null;
  }
  return null;
}

function parse(text: Buffer): object | null {
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

function broken(what: string): Error {
  return streamErrors('kubernetes.channels', { values: { what } });
}
