/**
 * A client of SSH for the console: logs in with the token, opens one terminal with a shell, and carries keys and output.
 *
 * Deliberately absent: any look at the host key (the other end is this process), forwards, agents, files.
 * Source: RFC 4254, sections 6.2 "Requesting a Pseudo-Terminal", 6.5 "Starting a Shell or a Command", 6.7, 6.10.
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Workbench, WorkbenchEntry, WorkbenchOpening } from '../../core/workbench.ts';
import * as limits from './limits.ts';
import { connectSsh, type PtySize, type SshChannel, type SshClientConnection } from './transport/index.ts';

/** What the emulator in the browser understands. */
const terminal = 'xterm-256color';

export class SshWorkbench implements Workbench {
  readonly takes = 'keys';
  readonly #opening: WorkbenchOpening;
  #columns: number;
  #rows: number;
  #connection: SshClientConnection | null = null;
  #channel: SshChannel | null = null;
  #exit: { readonly status: number | null; readonly signal: string | null } | null = null;
  #isOver = false;

  constructor(opening: WorkbenchOpening) {
    this.#opening = opening;
    this.#columns = opening.columns;
    this.#rows = opening.rows;
    this.#open().catch((error: unknown) => {
      opening.log.info('a terminal of the console was not opened', { detail: describeError(error) });
      this.#over(isGatewayError(error) ? error.publicMessage : 'The terminal could not be opened.');
      this.#connection?.destroy();
    });
  }

  run(): void {}

  type(data: Buffer): void {
    // A person types slower than any window; a paste that does not fit waits in the channel, bounded by the route's body.
    this.#channel?.write(data);
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    this.#channel?.notify({ kind: 'window-change', ...this.#size });
  }

  cancel(): void {
    this.type(Buffer.from([3]));
  }

  resume(): void {
    this.#channel?.resume();
  }

  close(): void {
    if (this.#isOver) return;
    this.#channel?.close();
    this.#connection?.disconnect('closed in the console');
    this.#opening.clock.after(limits.goodbyeLingerMs, () => this.#connection?.destroy());
  }

  get #size(): PtySize {
    return { columns: this.#columns, rows: this.#rows, widthPixels: 0, heightPixels: 0 };
  }

  async #open(): Promise<void> {
    const { login, secret, clock, log, dial } = this.#opening;
    const connection = await connectSsh(dial(), {
      user: login,
      credentials: [{ method: 'password', password: secret }],
      verifyHostKey: () => true,
      handler: {
        open: (_open, answer) => answer.reject(1, 'not here'),
        banner: (text) => this.#give({ type: 'output', data: Buffer.from(text.replaceAll('\n', '\r\n')) }),
        close: () => this.#over('The connection was closed.'),
      },
      clock,
      log,
    });
    this.#connection = connection;
    if (this.#isOver) {
      connection.destroy();
      return;
    }
    const channel = await connection.open({ kind: 'session' }, limits.workbenchStepMs);
    this.#channel = channel;
    channel.handle({
      read: (view) => this.#give({ type: 'output', data: Buffer.from(view) }),
      readStderr: (view) => this.#give({ type: 'output', data: Buffer.from(view) }),
      end: () => undefined,
      drain: () => undefined,
      request: (request, reply) => {
        if (request.kind === 'exit-status') this.#exit = { status: request.code, signal: null };
        else if (request.kind === 'exit-signal') this.#exit = { status: null, signal: request.signal };
        reply.reject();
      },
      close: () => {
        if (this.#exit !== null) this.#give({ type: 'exit', ...this.#exit });
        connection.disconnect('the shell ended');
        this.#over('The shell ended.');
      },
    });
    const pty = { kind: 'pty-req', term: terminal, modes: new Map(), ...this.#size } as const;
    const isGranted =
      (await channel.request(pty, limits.workbenchStepMs)) &&
      (await channel.request({ kind: 'shell' }, limits.workbenchShellMs));
    if (!isGranted) {
      this.#over('The gateway opens no terminal there: see what a stock client says.');
      connection.disconnect('no terminal');
      return;
    }
    this.#give({ type: 'ready' });
  }

  #give(entry: WorkbenchEntry): void {
    if (!this.#isOver && !this.#opening.give(entry)) this.#channel?.pause();
  }

  #over(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#opening.give({ type: 'closed', text });
  }
}
