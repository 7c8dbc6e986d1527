/**
 * A client of the gateway's own, as this page has it open: what it said, and what is sent to it.
 *
 * Invariants: it is open for as long as the page is; results of a run are kept in order and bounded (`runsKept`); what it says
 * between two frames is shown with the next.
 */
import type { WorkbenchEntryView } from '../../../../src/api/contract/workbench-routes.ts';
import { call, type InputOf, Problem, stream } from '../../api/client.ts';
import { fromBase64, toBase64 } from '../../format/base64.ts';

/** Runs whose results are kept; older ones are a search away, since all are recorded. */
export const runsKept = 30;

/** Bytes of keys that go together: below what the route takes. */
const typedBytesMax = 32 * 1024;

export type Message = Extract<WorkbenchEntryView, { type: 'message' }>;

export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: (readonly (string | null)[])[];
  tag: string | null;
  cut: boolean;
}

export interface Run {
  readonly id: number;
  readonly text: string;
  readonly at: number;
  readonly results: Result[];
  readonly messages: Message[];
  durationMs: number | null;
}

export interface BenchState {
  readonly phase: 'opening' | 'ready' | 'over';
  /** Why it is over, or could not be opened. */
  readonly said: string | null;
  readonly runs: readonly Run[];
  readonly transaction: 'none' | 'open' | 'failed';
  /** What was said that belongs to no run. */
  readonly notices: readonly Message[];
}

const nothing: BenchState = { phase: 'opening', said: null, runs: [], transaction: 'none', notices: [] };

export class Bench {
  #state = nothing;
  #id: string | null = null;
  #nextRun = 1;
  readonly #runs = new Map<number, Run>();
  /** Runs that the console asked for itself, and who wants what they gave. */
  readonly #own = new Map<number, { readonly run: Run; readonly done: (run: Run) => void }>();
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #frame: number | null = null;
  /** Keys that wait for those before them: one call at a time keeps their order. */
  #typed: Uint8Array[] = [];
  #isTyping = false;
  /** Bytes of a terminal. */
  onOutput: ((data: Uint8Array) => void) | null = null;

  constructor(resource: string, size: { readonly columns?: number; readonly rows?: number } = {}) {
    void this.#follow({ resource, ...size });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = (): BenchState => this.#state;

  get running(): Run | null {
    for (const run of this.#runs.values()) if (run.durationMs === null) return run;
    return null;
  }

  /** Runs a text; gives its number. */
  run(text: string): number {
    const run = this.#newRun(text);
    this.#runs.set(run.id, run);
    for (const id of this.#runs.keys()) {
      if (this.#runs.size <= runsKept) break;
      this.#runs.delete(id);
    }
    this.#send(run);
    this.#changed({});
    return run.id;
  }

  /** Asks something for the page itself: the names of tables, say. Recorded like everything. */
  ask(text: string): Promise<Run> {
    return new Promise((done) => {
      const run = this.#newRun(text);
      this.#own.set(run.id, { run, done });
      this.#send(run);
    });
  }

  /** Sends keys to a terminal, in the order in which they were pressed. */
  type(data: Uint8Array): void {
    this.#typed.push(data);
    if (!this.#isTyping) void this.#sendTyped();
  }

  resize(columns: number, rows: number): void {
    void this.#input({ action: 'resize', columns, rows }).catch(() => undefined);
  }

  async #sendTyped(): Promise<void> {
    this.#isTyping = true;
    try {
      while (this.#typed.length > 0) {
        const bytes = joined(this.#typed);
        this.#typed = [];
        for (let at = 0; at < bytes.length; at += typedBytesMax) {
          await this.#input({ action: 'type', data: toBase64(bytes.subarray(at, at + typedBytesMax)) });
        }
      }
    } catch {
      // It is over: what was typed has nowhere to go, and the page says so.
      this.#typed = [];
    } finally {
      this.#isTyping = false;
    }
  }

  cancel(): void {
    void this.#input({ action: 'cancel' }).catch(() => undefined);
  }

  close(): void {
    this.#closing.abort();
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
  }

  #newRun(text: string): Run {
    return { id: this.#nextRun++, text, at: Date.now(), results: [], messages: [], durationMs: null };
  }

  #send(run: Run): void {
    this.#input({ action: 'run', run: run.id, text: run.text }).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : 'It could not be sent.';
      const message = { type: 'message', run: run.id, level: 'error', text } as const;
      run.messages.push({ ...message, code: null, detail: null, hint: null, position: null });
      run.durationMs = 0;
      this.#own.get(run.id)?.done(run);
      this.#changed({});
    });
  }

  #input(body: InputOf<'workbenchInput'>['body']): Promise<undefined> {
    if (this.#id === null) return Promise.reject(new Problem(409, { detail: 'It is not open.' }));
    return call('workbenchInput', { params: { id: this.#id }, body }) as Promise<undefined>;
  }

  async #follow(order: InputOf<'openWorkbench'>['body']): Promise<void> {
    const { signal } = this.#closing;
    try {
      for await (const entry of stream('openWorkbench', { body: order }, { signal })) this.#take(entry);
      if (this.#state.phase !== 'over') this.#changed({ phase: 'over', said: 'The connection was closed.' });
    } catch (error) {
      if (signal.aborted) return;
      const said = error instanceof Error ? error.message : 'The connection broke off.';
      this.#changed({ phase: 'over', said });
    }
  }

  #take(entry: WorkbenchEntryView): void {
    if (entry.type === 'opened') {
      this.#id = entry.id;
      return;
    }
    if (entry.type === 'ready') {
      this.#changed({ phase: 'ready' });
      return;
    }
    if (entry.type === 'closed') {
      const last = this.#state.notices.findLast(({ level }) => level === 'error');
      for (const run of this.#runs.values()) run.durationMs ??= 0;
      this.#changed({ phase: 'over', said: this.#state.said ?? last?.text ?? entry.text });
      return;
    }
    if (entry.type === 'output') {
      this.onOutput?.(fromBase64(entry.data));
      return;
    }
    if (entry.type === 'exit') {
      const how = entry.signal === null ? `with status ${entry.status ?? 0}` : `by SIG${entry.signal}`;
      this.#changed({ said: `The shell ended ${how}.` });
      return;
    }
    if (entry.type === 'message' && entry.run === null) {
      this.#changed({ notices: [...this.#state.notices.slice(-9), entry] });
      return;
    }
    const own = this.#own.get(entry.run!);
    const run = own?.run ?? this.#runs.get(entry.run!);
    if (run === undefined) return;
    addTo(run, entry);
    if (entry.type === 'done') {
      own?.done(run);
      this.#own.delete(run.id);
      this.#changed({ transaction: entry.transaction });
    } else if (own === undefined) this.#changed({});
  }

  /** Listeners hear of it with the next frame, however much there was. */
  #changed(change: Partial<BenchState>): void {
    this.#state = { ...this.#state, ...change, runs: [...this.#runs.values()] };
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      for (const listener of this.#listeners) listener();
    });
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function addTo(
  run: Run,
  entry: Exclude<WorkbenchEntryView, { type: 'opened' | 'ready' | 'closed' | 'output' | 'exit' }>,
): void {
  if (entry.type === 'columns') run.results.push({ columns: entry.columns, rows: [], tag: null, cut: false });
  else if (entry.type === 'rows') {
    // One by one: a spread of thousands would be arguments.
    for (const row of entry.rows) run.results.at(-1)?.rows.push(row);
  } else if (entry.type === 'result') {
    const open = run.results.at(-1);
    if (open === undefined || open.tag !== null) {
      run.results.push({ columns: [], rows: [], tag: entry.tag, cut: entry.cut });
    } else {
      open.tag = entry.tag;
      open.cut = entry.cut;
    }
  } else if (entry.type === 'message') run.messages.push(entry);
  else run.durationMs = entry.durationMs;
}
