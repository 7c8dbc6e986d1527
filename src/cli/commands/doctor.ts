/** `sallyport doctor`: looks this machine over and says in plain words what is wrong and what to do. */
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { exitCodes } from '../exit.ts';
import { startSpinner } from '../output/progress.ts';
import { displayWidth, padTo } from '../output/width.ts';
import type { Finding } from '../services.ts';

/** Wide enough for the usual names of checks; findings are shown as they come, so the widest is not known. */
const checkColumns = 24;

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  group: 'Run',
  summary: 'Look the machine over: disk, space, keys, listeners. Exit code 1 when something fails.',
  options: [
    { flags: '--data <directory>', description: "The gateway's data directory.", complete: 'directory' },
    { flags: '--config <file>', description: "The gateway's settings.", complete: 'file' },
  ],
  async run(context) {
    const { io, options, output, signal } = context;
    const { palette } = output;
    const services = await context.services();
    const findings: Finding[] = [];
    let spinner = startSpinner(output, io.clock, 'Looking');
    const marks = {
      ok: `${palette.good('✔')} ok  `,
      warn: `${palette.warning('!')} warn`,
      fail: `${palette.bad('✘')} fail`,
    } as const;
    try {
      for await (const finding of services.doctor({
        dataDirectory: options.text('data'),
        configFile: options.text('config'),
        signal,
      })) {
        findings.push(finding);
        if (output.format !== 'table') continue;
        spinner.stop();
        const check = escapeLine(finding.check);
        const wide = displayWidth(check) > checkColumns;
        await output.line(
          `${marks[finding.level]}  ${palette.strong(padTo(check, checkColumns))}${wide ? ' ' : ''}  ${escapeLine(finding.message)}`,
        );
        if (finding.todo !== null) {
          await output.line(`${' '.repeat(8 + checkColumns + 2)}${palette.accent('→')} ${escapeLine(finding.todo)}`);
        }
        spinner = startSpinner(output, io.clock, 'Looking');
      }
    } finally {
      spinner.stop();
    }
    const failed = findings.filter((finding) => finding.level === 'fail').length;
    const warned = findings.filter((finding) => finding.level === 'warn').length;
    await output.result({ ok: failed === 0, findings }, async () => {
      await output.line();
      await output.line(
        failed > 0
          ? palette.bad(`${failed} failed, ${warned} to look at.`)
          : warned > 0
            ? palette.warning(`Works, with ${warned} to look at.`)
            : palette.good('All is well.'),
      );
    });
    return failed > 0 ? exitCodes.no : exitCodes.ok;
  },
};
