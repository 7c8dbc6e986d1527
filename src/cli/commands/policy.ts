/**
 * `sallyport policy test|replay`: what a change of the rules would do, before it is made.
 *
 * Deliberately absent: judging anything here. The gateway's own analysis and rules do, as they would in a session.
 */
import type { ReplayEntry } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec, OptionSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import { replayedCommandsMax, replayedDifferencesMax } from '../limits.ts';
import { exampleProblems, placed, readSources } from '../manifests.ts';
import type { Palette } from '../output/colour.ts';
import { startSpinner } from '../output/progress.ts';
import type { Cell } from '../output/table.ts';
import { count, groupDigits } from '../output/time.ts';
import { parseMoment } from '../parse.ts';

const files: OptionSpec = {
  flags: '-f, --file <path>',
  description: 'A file, a folder, or - for standard input. May be repeated.',
  repeat: true,
  complete: 'file',
};

export const policyTestCommand: CommandSpec = {
  name: 'policy test',
  group: 'Configure',
  summary: 'Run the examples in manifests as if they were applied, and change nothing. Exit code 1 when one fails.',
  options: [files],
  examples: ['sallyport policy test -f ./config'],
  async run(context) {
    const { io, options, output } = context;
    const paths = options.list('file');
    if (paths.length === 0) throw usage('Test what?', 'Name a file, a folder, or - with -f.');
    const sources = await readSources(paths, io);
    const { client } = await context.api();
    const spinner = startSpinner(output, io.clock, 'Testing');
    const answer = await client
      .call('testPolicy', { body: { documents: sources.map((source) => source.value) } })
      .catch((error: unknown) => {
        throw placed(error, sources);
      })
      .finally(() => spinner.stop());
    const failed = answer.results.filter(({ passed }) => !passed);
    await output.result(answer, async () => {
      const { palette } = output;
      if (answer.results.length > 0) {
        await output.table(
          [
            { title: '' },
            { title: 'RULE' },
            { title: 'EXAMPLE', align: 'right' },
            { title: 'EXPECTED' },
            { title: 'GOT' },
            { title: 'ON', widest: 32, spare: 1 },
            { title: 'COMMAND', widest: 60 },
          ],
          answer.results.map(({ name, example, expected, got, passed, resource, command }): readonly Cell[] => [
            passed ? { text: '✔', paint: palette.good } : { text: '✘', paint: palette.bad },
            name,
            String(example + 1),
            expected,
            passed ? got.name : { text: `${got.name} by ${got.rule}`, paint: palette.bad },
            resource,
            command,
          ]),
        );
        await output.line();
      }
      const passed = answer.results.length - failed.length;
      await output.line(
        answer.results.length === 0
          ? 'There is no example in these manifests.'
          : `${count(passed, 'example')} passed, ${failed.length} failed.`,
      );
    });
    for (const problem of exampleProblems(answer.problems, sources, failed.length > 0)) output.note(problem);
    return failed.length === 0 ? exitCodes.ok : exitCodes.no;
  },
};

type Difference = Extract<ReplayEntry, { type: 'difference' }>;
type Summary = Extract<ReplayEntry, { type: 'summary' }>;

export const policyReplayCommand: CommandSpec = {
  name: 'policy replay',
  group: 'Configure',
  summary: 'Judge recorded commands as if manifests were applied, and show what would be decided differently.',
  options: [
    files,
    { flags: '--since <time>', description: 'From when: a moment, or 12h, 30d ago.', required: true },
    { flags: '--until <time>', description: 'Until when; now when left out.' },
    { flags: '--limit <count>', description: 'Judge at most so many commands, the latest.' },
    { flags: '--all', description: `Show every difference, not only the first ${replayedDifferencesMax}.` },
  ],
  examples: ['sallyport policy replay --since 30d -f ./config'],
  async run(context) {
    const { io, options, output } = context;
    const paths = options.list('file');
    if (paths.length === 0) throw usage('Replay against what?', 'Name a file, a folder, or - with -f.');
    const now = io.clock.now();
    const since = parseMoment(options.text('since')!, now, '--since');
    const until = options.text('until');
    const limit = options.integer('limit', { minimum: 1, maximum: replayedCommandsMax });
    const sources = await readSources(paths, io);
    const { client } = await context.api();
    const entries = client.stream('replayPolicy', {
      body: {
        documents: sources.map((source) => source.value),
        since,
        ...(until === null ? {} : { until: parseMoment(until, now, '--until') }),
        ...(limit === null ? {} : { limit }),
      },
    });
    const spinner = startSpinner(output, io.clock, 'Replaying');
    const tally = new Tally(options.flag('all') ? Number.MAX_SAFE_INTEGER : replayedDifferencesMax);
    try {
      for await (const entry of entries) tally.add(entry);
    } catch (error) {
      throw placed(error, sources);
    } finally {
      spinner.stop();
    }
    await output.result(tally.value(), async () => {
      const { palette } = output;
      await output.lines(tally.lines(palette));
      if (tally.shown.length === 0) return;
      for (const [title, counts] of tally.tables()) {
        await output.line();
        await output.table(
          [{ title }, { title: 'BEFORE' }, { title: 'AFTER' }, { title: 'COMMANDS', align: 'right' }],
          counts.map(({ key, before, after, amount }) => [key, before, after, groupDigits(amount)]),
        );
      }
      await output.line();
      await output.table(
        [
          { title: 'WHEN', spare: 1 },
          { title: 'SESSION', spare: 4 },
          { title: '#', align: 'right' },
          { title: 'WHO', widest: 24, spare: 2 },
          { title: 'WHERE', widest: 24, spare: 3 },
          { title: 'BEFORE' },
          { title: 'AFTER' },
          { title: 'COMMAND', widest: 60 },
        ],
        tally.shown.map((one): readonly Cell[] => [
          one.at.replace('T', ' ').replace(/\.\d+Z$/, ''),
          one.session,
          String(one.command),
          one.principal,
          one.resource,
          one.before.name,
          { text: `${one.after.name} by ${one.after.rule}`, paint: verdictPaint(one.after.name, palette) },
          one.text,
        ]),
      );
      const left = tally.differences - tally.shown.length;
      if (left > 0) output.note(`${count(left, 'more difference')}; --all shows them.`);
    });
  },
};

function verdictPaint(name: string, palette: Palette): (text: string) => string {
  return name === 'allow' ? palette.good : name === 'mask' || name === 'hold' ? palette.warning : palette.bad;
}

interface Counted {
  readonly key: string;
  readonly before: string;
  readonly after: string;
  amount: number;
}

/** Counts differences by rule, principal and resource as they come; keeps the first of them to show. */
class Tally {
  readonly shown: Difference[] = [];
  differences = 0;
  readonly #shownMax: number;
  readonly #by = {
    rule: new Map<string, Counted>(),
    principal: new Map<string, Counted>(),
    resource: new Map<string, Counted>(),
  };
  #summary: Summary | null = null;

  constructor(shownMax: number) {
    this.#shownMax = shownMax;
  }

  add(entry: ReplayEntry): void {
    if (entry.type === 'summary') {
      this.#summary = entry;
      return;
    }
    this.differences++;
    if (this.shown.length < this.#shownMax) this.shown.push(entry);
    // The rule that makes the difference: the new one, or the old one that no longer says so.
    const rule = entry.after.name === 'allow' ? entry.before.rule : entry.after.rule;
    for (const [map, key] of [
      [this.#by.rule, rule],
      [this.#by.principal, entry.principal],
      [this.#by.resource, entry.resource],
    ] as const) {
      const id = JSON.stringify([key, entry.before.name, entry.after.name]);
      const known = map.get(id);
      if (known === undefined) map.set(id, { key, before: entry.before.name, after: entry.after.name, amount: 1 });
      else known.amount++;
    }
  }

  tables(): readonly (readonly [title: string, counts: readonly Counted[]])[] {
    return [
      ['RULE', sorted(this.#by.rule)],
      ['PRINCIPAL', sorted(this.#by.principal)],
      ['RESOURCE', sorted(this.#by.resource)],
    ];
  }

  value(): unknown {
    return {
      summary: this.#summary,
      byRule: sorted(this.#by.rule),
      byPrincipal: sorted(this.#by.principal),
      byResource: sorted(this.#by.resource),
      differences: this.shown,
    };
  }

  lines(palette: Palette): string[] {
    const summary = this.#summary;
    if (summary === null) return [palette.warning('The replay broke off before its summary.')];
    const skipped = Object.entries(summary.skipped);
    return [
      `${palette.strong(count(summary.commands, 'recorded command'))} from ${escapeLine(summary.since)} to ${escapeLine(summary.until)}: ${
        this.differences === 0
          ? palette.good('none would be decided differently')
          : palette.warning(`${groupDigits(this.differences)} would be decided differently`)
      }.`,
      ...(skipped.length === 0
        ? []
        : [
            palette.faint(
              escapeLine(
                `Not judged: ${skipped.map(([why, amount]) => `${groupDigits(amount)} (${why})`).join(', ')}.`,
              ),
            ),
          ]),
      ...(summary.truncated ? [palette.warning('There are more commands than were judged: ask for less time.')] : []),
    ];
  }
}

function sorted(counts: ReadonlyMap<string, Counted>): readonly Counted[] {
  return [...counts.values()].sort((a, b) => b.amount - a.amount || (a.key < b.key ? -1 : 1));
}
