/** `sallyport verify`: proves offline that nothing in a journal and its recordings was changed, dropped or added. */

import { isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { cliError, reasonOf, usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import type { Output } from '../output/output.ts';
import { startBar } from '../output/progress.ts';
import { byteSize, count, duration, groupDigits } from '../output/time.ts';
import type { VerifyProblem, VerifyReport, VerifyWitness } from '../services.ts';

/** Problems shown to a person; the first bad place matters most, and JSON has them all. */
const problemsShown = 10;

export const verifyCommand: CommandSpec = {
  name: 'verify',
  group: 'Prove',
  summary: 'Check a journal and its recordings offline. Exit code 1 when something is wrong.',
  options: [
    { flags: '--data <directory>', description: "The gateway's data directory.", complete: 'directory' },
    { flags: '--journal <directory>', description: "A journal's directory, or a copy of it.", complete: 'directory' },
    { flags: '--key <file>', description: 'The public signing key (PEM), kept elsewhere.', complete: 'file' },
    {
      flags: '--checkpoint <file>',
      description: 'A checkpoint saved earlier: finds a missing tail.',
      complete: 'file',
    },
    {
      flags: '--witness <path>',
      description: 'A file or folder of checkpoints kept elsewhere: finds a roll-back or a fork. May be repeated.',
      complete: 'file',
      repeat: true,
    },
    {
      flags: '--copies <directory>',
      description: 'Copies of recordings that were moved away, to be checked too. May be repeated.',
      complete: 'directory',
      repeat: true,
    },
  ],
  examples: [
    'sallyport verify --data /var/lib/sallyport',
    'sallyport verify --journal ./copy --key signing.pub --checkpoint checkpoint.txt',
    'sallyport verify --data /var/lib/sallyport --key signing.pub --witness /mnt/witness --witness other.txt',
  ],
  async run(context) {
    const { io, options, output, signal } = context;
    const dataDirectory = options.text('data');
    const journalDirectory = options.text('journal');
    if (dataDirectory !== null && journalDirectory !== null) {
      throw usage('--data and --journal exclude each other.', 'Give one of them.');
    }
    const services = await context.services();
    const bar = startBar(output, io.clock, 'Verifying');
    const report = await services
      .verify(
        {
          dataDirectory,
          journalDirectory,
          keyFile: options.text('key'),
          checkpointFile: options.text('checkpoint'),
          witnesses: options.list('witness'),
          copies: options.list('copies'),
          signal,
        },
        (progress) => bar.update(progress.bytesDone, progress.bytesTotal),
      )
      .catch((error: unknown) => {
        throw signal.aborted ? error : cannotRun(error);
      })
      .finally(() => bar.stop());
    await output.result(report, () => showReport(output, report));
    return report.ok ? exitCodes.ok : exitCodes.no;
  },
};

/** Whatever kept it from looking is exit code 2: an auditor must not take it for an answer. */
function cannotRun(error: unknown): Error {
  return cliError(
    'cli.usage',
    {
      what: `It could not be verified: ${whyOf(error)}`,
      todo: 'Check --data or --journal, --key, --checkpoint and --witness.',
    },
    error,
  );
}

function whyOf(error: unknown): string {
  if (isGatewayError(error)) return error.publicMessage;
  if (!(error instanceof Error)) return String(error);
  if ('path' in error && typeof error.path === 'string') return `${error.path} cannot be read: ${reasonOf(error)}.`;
  return error.message;
}

async function showReport(output: Output, report: VerifyReport): Promise<void> {
  const { palette } = output;
  const rate = report.durationMs > 0 ? `, ${byteSize(Math.round(report.bytes / (report.durationMs / 1000)))}/s` : '';
  const first = report.problems[0];
  if (report.ok) {
    await output.line(`${palette.good('✔')} ${palette.strong('Nothing was changed, dropped or added.')}`);
  } else if (first !== undefined) {
    await output.line(
      `${palette.bad('✘')} ${palette.strong(`${count(report.problems.length, 'problem')} found. The first:`)}`,
    );
    await output.line(`  ${palette.bad(escapeLine(first.message))}`);
    await output.line(`  ${placeOf(first)}`);
  } else {
    await output.line(`${palette.bad('✘')} ${palette.strong('It did not verify.')}`);
  }
  await output.line();
  await output.fields([
    ['Events', groupDigits(report.events)],
    ['Segments', groupDigits(report.segments)],
    ['Checkpoints', groupDigits(report.checkpoints)],
    ['Recordings', groupDigits(report.recordings)],
    ...(report.prunedEvents === 0 ? [] : [['Pruned', `${count(report.prunedEvents, 'event')}, digests kept`] as const]),
    ...(report.deletedRecordings === 0
      ? []
      : [['Deleted', `${count(report.deletedRecordings, 'recording')}, digests kept`] as const]),
    ['Read', `${byteSize(report.bytes)} in ${duration(report.durationMs)}${rate}`],
    [
      'Head',
      report.head === null
        ? 'no signed checkpoint'
        : `event ${groupDigits(report.head.sequence)}, ${report.head.digest}`,
    ],
  ]);
  await showWitnesses(output, report.witnesses);
  await output.lines(report.notes.map((note) => `${palette.warning('!')} ${escapeLine(note)}`));
  if (report.problems.length < 2) return;
  await output.line();
  await output.line(palette.heading('All problems'));
  for (const problem of report.problems.slice(0, problemsShown)) {
    await output.line(`${palette.bad('✘')} ${escapeLine(problem.message)} ${palette.faint(placeOf(problem))}`);
  }
  const rest = report.problems.length - problemsShown;
  if (rest > 0) await output.line(palette.faint(`… ${rest} more: -o json shows all.`));
}

const standings: Readonly<Record<VerifyWitness['standing'], string>> = {
  consistent: 'consistent',
  'rolled-back': 'ROLLED BACK',
  forked: 'FORKED',
  unusable: 'unusable',
  foreign: 'of another journal',
  unreached: 'not reached',
};

/** Those that agree by their number and the largest; the others one by one. */
async function showWitnesses(output: Output, witnesses: readonly VerifyWitness[]): Promise<void> {
  const { palette } = output;
  if (witnesses.length === 0) return;
  const consistent = witnesses.filter(({ standing }) => standing === 'consistent');
  const largest = Math.max(0, ...consistent.map(({ size }) => size ?? 0));
  await output.line();
  await output.line(palette.heading('Witnesses'));
  if (consistent.length > 0) {
    const upTo = `${count(consistent.length, 'checkpoint')} consistent, up to event ${groupDigits(largest)}`;
    await output.line(`${palette.good('✔')} ${upTo}`);
  }
  const others = witnesses.filter(({ standing }) => standing !== 'consistent');
  for (const witness of others.slice(0, problemsShown)) {
    const { name, standing, size, at, divergesFrom, divergesTo } = witness;
    const covers = size === null ? '' : `, event ${groupDigits(size)}${at === null ? '' : ` of ${at}`}`;
    const parts =
      divergesFrom === null || divergesTo === null
        ? ''
        : divergesFrom === divergesTo
          ? `: from event ${groupDigits(divergesFrom)} on`
          : `: from one of the events ${groupDigits(divergesFrom)} to ${groupDigits(divergesTo)} on`;
    const isBad = standing === 'rolled-back' || standing === 'forked' || standing === 'unusable';
    const mark = isBad ? palette.bad('✘') : palette.warning('!');
    await output.line(`${mark} ${escapeLine(name)}${covers}: ${standings[standing]}${parts}`);
  }
  if (others.length > problemsShown)
    await output.line(palette.faint(`… ${others.length - problemsShown} more: -o json shows all.`));
}

function placeOf(problem: VerifyProblem): string {
  const parts = [
    problem.file === null ? null : `in ${problem.file}`,
    problem.offset === null ? null : `at byte ${groupDigits(problem.offset)}`,
    problem.sequence === null ? null : `event ${groupDigits(problem.sequence)}`,
  ];
  return escapeLine(`(${parts.filter((part) => part !== null).join(', ') || 'no particular place'}; ${problem.code})`);
}
