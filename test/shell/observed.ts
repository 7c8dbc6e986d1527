/** Plays a scenario at the *observed* level: a plain shell, and an observer beside it. Nothing is held; lines are compared. */
import { rm } from 'node:fs/promises';
import type { Client, ClientChannel } from 'ssh2';
import { systemClock } from '../../src/base/clock.ts';
import { Observer } from '../../src/language/terminal/index.ts';
import type { Scenario, Step } from './corpus/index.ts';
import { isInOrder, type Outcome } from './play.ts';
import { makeHome, remoteCommand, type ShellKind } from './terminal.ts';

export async function playObserved(client: Client, scenario: Scenario, shell: ShellKind): Promise<Outcome> {
  const home = await makeHome(scenario.files ?? {});
  const [columns, rows] = scenario.size ?? [100, 30];
  const lines: string[] = [];
  let recorded = '';
  let output = '';
  let lastMs = performance.now();
  const observer = new Observer({
    clock: systemClock,
    columns,
    rows,
    act: (action) => {
      if (action.do === 'line') lines.push(action.text);
      else if (action.record.kind === 'shown') recorded += action.record.bytes.toString('utf8');
    },
  });
  const start = {
    bash: 'exec bash -l -i',
    zsh: 'exec zsh -l -i',
    fish: 'exec fish -l -i',
    dash: 'exec dash -l -i',
    ash: 'exec ash -l -i',
  };
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const pty = { cols: columns, rows, term: 'xterm-256color' };
    client.exec(remoteCommand(shell, home, start[shell]), { pty }, (error, opened) =>
      error ? reject(error) : resolve(opened),
    );
  });
  channel.on('data', (bytes: Buffer) => {
    lastMs = performance.now();
    output += bytes.toString('utf8');
    observer.output(bytes);
  });
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const quiet = async (quietMs: number): Promise<void> => {
    const end = performance.now() + 3000;
    while (performance.now() - lastMs < quietMs && performance.now() < end) await sleep(20);
  };
  const type = (bytes: Buffer): void => {
    observer.input(bytes);
    channel.write(bytes);
  };
  const take = async (step: Step): Promise<void> => {
    if (typeof step === 'string') {
      type(Buffer.from(step, 'utf8'));
      await sleep(60);
      await quiet(150);
    } else if ('burst' in step) {
      type(Buffer.from(step.burst, 'utf8'));
      await sleep(15);
    } else if ('resize' in step) {
      observer.resize(...step.resize);
      channel.setWindow(step.resize[1], step.resize[0], 0, 0);
    } else if ('pauseMs' in step) await sleep(step.pauseMs);
    else if ('hex' in step) type(Buffer.from(step.hex, 'hex'));
  };
  const started = await (async () => {
    const end = performance.now() + 8000;
    while (output === '' && performance.now() < end) await sleep(20);
    return output !== '';
  })();
  await quiet(250);
  for (const step of scenario.steps) await take(step);
  await quiet(250);
  const { secret } = scenario;
  observer.close();
  channel.close();
  await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  return {
    scenario,
    shell,
    started,
    unhooked: null,
    // Here each row that was submitted is a line of its own, and blanks at its end are not seen.
    exact:
      scenario.lines === undefined
        ? null
        : isInOrder(
            scenario.lines.flatMap((line) => line.split('\n')).map((line) => line.trimEnd()),
            lines,
          ),
    ran: true,
    frozen: null,
    usable: true,
    leaked: secret !== undefined && (recorded.includes(secret) || lines.some((line) => line.includes(secret))),
    asked: lines,
    ledger: '',
    output,
  };
}
