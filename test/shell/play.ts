/** Plays one scenario against one shell, and says what came of it. */
import type { Client } from 'ssh2';
import type { Scenario, Step } from './corpus/index.ts';
import { type ShellKind, TestTerminal } from './terminal.ts';

export interface Outcome {
  readonly scenario: Scenario;
  readonly shell: ShellKind;
  readonly started: boolean;
  /** Why it did not. */
  readonly unhooked: string | null;
  /** Every line that was submitted was asked, verbatim and in order. */
  readonly exact: boolean | null;
  /** `danger` ran. */
  readonly ran: boolean;
  readonly frozen: string | null;
  /** The ledger is as it must be, and the shell takes another command. */
  readonly usable: boolean | null;
  /** What must not be recorded was. */
  readonly leaked: boolean;
  readonly asked: readonly string[];
  readonly ledger: string;
  readonly output: string;
}

export interface PlayOptions {
  readonly strict: boolean;
}

export async function play(
  client: Client,
  scenario: Scenario,
  shell: ShellKind,
  options: PlayOptions,
): Promise<Outcome> {
  const terminal = await TestTerminal.open(client, {
    shell,
    columns: scenario.size?.[0] ?? 100,
    rows: scenario.size?.[1] ?? 30,
    files: scenario.files ?? {},
    strict: options.strict,
  });
  try {
    const started = await terminal.ready();
    await terminal.quiet();
    for (const step of started ? scenario.steps : []) await take(terminal, step);
    await terminal.quiet(250);
    const asked = terminal.asks.filter((ask) => ask.level !== 'command').map((ask) => ask.text);
    const frozen = terminal.actions.find((action) => action.do === 'freeze');
    let usable: boolean | null = null;
    if (started && scenario.ends !== true) {
      terminal.type('\x03');
      await terminal.quiet();
      terminal.type('safe last\r');
      usable = await ledgerHas(terminal, ['safe last', ...(options.strict ? [] : (scenario.ledger ?? []))]);
    }
    const ledger = await terminal.ledger();
    return {
      scenario,
      shell,
      started,
      unhooked: terminal.actions.flatMap((action) => (action.do === 'unhooked' ? [action.reason] : []))[0] ?? null,
      exact: scenario.lines === undefined ? null : isInOrder(scenario.lines, asked),
      ran: ledger.includes('danger'),
      frozen: frozen?.do === 'freeze' ? frozen.reason : null,
      usable,
      leaked: scenario.secret !== undefined && hasSecret(terminal, scenario.secret),
      asked,
      ledger,
      output: terminal.output,
    };
  } finally {
    await terminal.close();
  }
}

async function take(terminal: TestTerminal, step: Step): Promise<void> {
  if (typeof step === 'string') {
    terminal.type(step);
    await terminal.until(() => false, 30);
    await terminal.quiet();
  } else if ('burst' in step) {
    terminal.type(step.burst);
    await terminal.until(() => false, 15);
  } else if ('resize' in step) {
    terminal.resize(...step.resize);
  } else if ('loseSide' in step) {
    terminal.loseSide();
  } else if ('hex' in step) {
    terminal.gate.input(Buffer.from(step.hex, 'hex'));
    await terminal.quiet();
  } else {
    await terminal.until(() => false, step.pauseMs);
  }
}

async function ledgerHas(terminal: TestTerminal, lines: readonly string[]): Promise<boolean> {
  const end = performance.now() + 4000;
  for (;;) {
    const ledger = (await terminal.ledger()).split('\n');
    if (lines.every((line) => ledger.includes(line))) return true;
    if (performance.now() > end) return false;
    await terminal.until(() => false, 40);
  }
}

export function isInOrder(expected: readonly string[], asked: readonly string[]): boolean {
  let at = 0;
  for (const text of asked) if (text === expected[at]) at++;
  return at === expected.length;
}

function hasSecret(terminal: TestTerminal, secret: string): boolean {
  const shown = terminal.actions.map((action) =>
    action.do === 'record-input' && action.record.kind === 'shown' ? action.record.bytes.toString('utf8') : '',
  );
  return shown.join('').includes(secret) || terminal.asks.some((ask) => ask.text.includes(secret));
}
