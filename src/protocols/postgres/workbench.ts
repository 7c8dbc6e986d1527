/**
 * A client of PostgreSQL for the console: logs in, runs texts by the simple protocol, gives rows as text.
 *
 * Invariants: one run at a time, in order; at most `workbenchRowsMax` rows of a result are given, and what is beyond is cancelled at the
 * server; reading stops while the browser does not take more.
 *
 * Deliberately absent: COPY (refused natively), the extended protocol, formatting of values (the server's text is shown).
 * Source: PostgreSQL documentation, chapters 54.2.2 "Simple Query", 54.2.8 "Canceling Requests in Progress".
 */
import { describeError } from '../../base/errors.ts';
import { createScramClient, type ScramClient } from '../../base/scram.ts';
import type { Wire } from '../../base/wire.ts';
import type { Workbench, WorkbenchEntry, WorkbenchOpening } from '../../core/workbench.ts';
import { backendMessages, MessageReader } from './codec.ts';
import * as limits from './limits.ts';
import {
  decodeAuthentication,
  decodeBackendKeyData,
  decodeCommandComplete,
  decodeErrorResponse,
  decodeReadyForQuery,
  decodeRowDescription,
  encodeCancelRequest,
  encodeCopyFail,
  encodeQuery,
  encodeSASLInitialResponse,
  encodeSASLResponse,
  encodeStartupMessage,
  encodeTerminate,
} from './messages.ts';
import { scalarTypes } from './value-types.ts';

const transactions = { I: 'none', T: 'open', E: 'failed' } as const;

export class PostgresWorkbench implements Workbench {
  readonly takes = 'statements';
  readonly #opening: WorkbenchOpening;
  readonly #wire: Wire;
  readonly #reader = new MessageReader(backendMessages);
  readonly #scram: ScramClient;
  #loggedIn = false;
  #key: { readonly processId: number; readonly key: Buffer } | null = null;
  readonly #waiting: { readonly run: number; readonly text: string }[] = [];
  #running: { readonly run: number; readonly beganMs: number } | null = null;
  #rows: (string | null)[][] = [];
  #rowBytes = 0;
  #given = 0;
  #cut = false;
  #isOver = false;
  /** Steps of logging in follow each other. */
  #last: Promise<void> = Promise.resolve();

  constructor(opening: WorkbenchOpening) {
    this.#opening = opening;
    this.#scram = createScramClient({ password: opening.secret, channelBinding: null });
    this.#wire = opening.dial();
    this.#wire.handle({
      read: (chunk) => this.#read(chunk),
      end: () => this.#wire.end(),
      drain: () => undefined,
      close: () => this.#closed('The connection was closed.'),
    });
    const parameters = [
      ['user', opening.login],
      ['database', opening.resource],
      ['application_name', 'sallyport console'],
      ['client_encoding', 'UTF8'],
    ] as const;
    this.#wire.write(encodeStartupMessage(3, 0, new Map(parameters)));
  }

  run(run: number, text: string): void {
    if (this.#waiting.length >= limits.workbenchRunsWaitingMax) {
      this.#message(run, 'error', { C: '53400', M: 'So many statements wait already. Wait for them, or cancel.' });
      return;
    }
    this.#waiting.push({ run, text });
    this.#next();
  }

  type(): void {}
  resize(): void {}

  cancel(): void {
    for (const { run } of this.#waiting.splice(0)) {
      this.#message(run, 'error', { C: '57014', M: 'It was withdrawn before it ran.' });
      this.#give({ type: 'done', run, durationMs: 0, transaction: 'none' });
    }
    this.#stopRunning();
  }

  /** A cancel goes over a connection of its own (chapter 54.2.8). */
  #stopRunning(): void {
    if (this.#running === null || this.#key === null) return;
    const wire = this.#opening.dial();
    wire.handle({ read: () => undefined, end: () => wire.end(), drain: () => undefined, close: () => undefined });
    wire.write(encodeCancelRequest(this.#key.processId, this.#key.key));
    wire.end();
  }

  resume(): void {
    this.#wire.resume();
  }

  close(): void {
    if (this.#isOver) return;
    this.#wire.end(encodeTerminate());
    this.#opening.clock.after(limits.workbenchGoodbyeMs, () => this.#wire.destroy());
  }

  // --- Reading ---------------------------------------------------------------------------------------------------------

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
      while (this.#reader.advance()) this.#take();
      this.#flushRows();
    } catch (error) {
      this.#opening.log.error('the console’s client failed', { detail: describeError(error) });
      this.#closed('The gateway met an internal error.');
      this.#wire.destroy();
    }
  }

  #take(): void {
    const reader = this.#reader;
    const run = this.#running?.run ?? null;
    switch (String.fromCharCode(reader.type)) {
      case 'R':
        this.#authenticate();
        return;
      case 'K':
        this.#key = decodeBackendKeyData(reader);
        return;
      case 'E':
        this.#message(run, 'error', decodeErrorResponse(reader));
        return;
      case 'N':
        this.#message(run, 'notice', decodeErrorResponse(reader));
        return;
      case 'T':
        this.#begin(run);
        return;
      case 'D':
        this.#row();
        return;
      case 'C': {
        this.#flushRows();
        if (run === null) return;
        this.#give({ type: 'result', run, tag: decodeCommandComplete(reader), rows: this.#given, cut: this.#cut });
        this.#given = 0;
        return;
      }
      case 'G':
        this.#wire.write(encodeCopyFail('The console has nothing to copy from. Use psql.'));
        return;
      case 'Z':
        this.#ready(transactions[decodeReadyForQuery(reader)]);
        return;
      default:
    }
  }

  #authenticate(): void {
    const step = decodeAuthentication(this.#reader);
    const answer = async (): Promise<Buffer | null> => {
      if (step.name === 'AuthenticationSASL') {
        return encodeSASLInitialResponse(this.#scram.mechanism, Buffer.from(this.#scram.first()));
      }
      if (step.name === 'AuthenticationSASLContinue') {
        return encodeSASLResponse(Buffer.from(await this.#scram.final(step.data.toString())));
      }
      if (step.name === 'AuthenticationSASLFinal') this.#scram.verify(step.data.toString());
      return null;
    };
    this.#last = this.#last.then(async () => {
      try {
        const said = await answer();
        if (said !== null) this.#wire.write(said);
      } catch (error) {
        this.#opening.log.error('the console’s client could not log in', { detail: describeError(error) });
        this.#wire.destroy();
      }
    });
  }

  #begin(run: number | null): void {
    if (run === null) return;
    this.#given = 0;
    this.#cut = false;
    const columns = decodeRowDescription(this.#reader).map(({ name, typeOid }) => ({
      name,
      type: scalarTypes.get(typeOid)?.name ?? '',
    }));
    this.#give({ type: 'columns', run, columns });
  }

  /** DataRow ('D'): Int16 n, then n × (Int32 length, or -1 for NULL, and so many bytes). A row that comes in parts is not shown. */
  #row(): void {
    const { buffer, start, end, part } = this.#reader;
    if (this.#running === null || this.#cut) return;
    if (part === 'middle' || part === 'last') return;
    const row: (string | null)[] = [];
    if (part === 'first') row.push('(a row too long to be shown here)');
    for (let at = start + 7, count = part === 'first' ? 0 : buffer.readUInt16BE(start + 5); count > 0; count--) {
      const length = buffer.readInt32BE(at);
      at += 4;
      const shown = Math.min(length, limits.workbenchCellBytesMax);
      row.push(length < 0 ? null : buffer.toString('utf8', at, at + shown) + (shown < length ? '…' : ''));
      at += Math.max(0, length);
    }
    this.#rows.push(row);
    this.#rowBytes += end - start;
    this.#given++;
    if (this.#given >= limits.workbenchRowsMax) {
      this.#cut = true;
      this.#stopRunning();
    }
    if (this.#rowBytes >= limits.workbenchBatchBytes) this.#flushRows();
  }

  #flushRows(): void {
    if (this.#rows.length === 0 || this.#running === null) return;
    this.#give({ type: 'rows', run: this.#running.run, rows: this.#rows });
    this.#rows = [];
    this.#rowBytes = 0;
  }

  #ready(transaction: (typeof transactions)[keyof typeof transactions]): void {
    this.#flushRows();
    const running = this.#running;
    this.#running = null;
    if (running !== null) {
      const durationMs = this.#opening.clock.monotonic() - running.beganMs;
      this.#give({ type: 'done', run: running.run, durationMs, transaction });
    } else if (!this.#loggedIn) {
      this.#loggedIn = true;
      this.#give({ type: 'ready' });
    }
    this.#next();
  }

  #next(): void {
    if (this.#running !== null || !this.#loggedIn || this.#isOver) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running = { run: next.run, beganMs: this.#opening.clock.monotonic() };
    this.#given = 0;
    this.#cut = false;
    // PostgreSQL's texts hold no NUL.
    this.#wire.write(encodeQuery(next.text.replaceAll('\0', '')));
  }

  #message(run: number | null, level: 'error' | 'notice', fields: Readonly<Record<string, string>>): void {
    // Ours, for having stopped a result that was long enough: it is told as `cut`.
    if (this.#cut && fields['C'] === '57014') {
      this.#stopped(run);
      return;
    }
    const position = Number(fields['P']);
    this.#give({
      type: 'message',
      run,
      level,
      code: fields['C'] ?? null,
      text: fields['M'] ?? '',
      detail: fields['D'] ?? null,
      hint: fields['H'] ?? null,
      position: Number.isSafeInteger(position) && position > 0 ? position : null,
    });
  }

  #stopped(run: number | null): void {
    this.#flushRows();
    if (run !== null) this.#give({ type: 'result', run, tag: 'SELECT', rows: this.#given, cut: true });
  }

  #give(entry: WorkbenchEntry): void {
    if (!this.#opening.give(entry)) this.#wire.pause();
  }

  #closed(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#opening.give({ type: 'closed', text });
  }
}
