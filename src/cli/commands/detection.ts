/**
 * `sallyport detection ls|show|fields|test`: what raises the alarm, and whether a change of it does what it says.
 *
 * Deliberately absent: finding anything here. The gateway's own engine does, as over the live journal.
 */
import { parseDocument } from 'yaml';
import type { BuiltInDetectorView, ConfiguredDetectionView } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec, OptionSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import { exampleProblems, placed, readSources } from '../manifests.ts';
import type { Palette } from '../output/colour.ts';
import { startSpinner } from '../output/progress.ts';
import type { Cell } from '../output/table.ts';
import { count } from '../output/time.ts';

export const files: OptionSpec = {
  flags: '-f, --file <path>',
  description: 'A file, a folder, or - for standard input. May be repeated.',
  repeat: true,
  complete: 'file',
};

export const detectionLsCommand: CommandSpec = {
  name: 'detection ls',
  group: 'Configure',
  summary: 'List detections as configured, and the detectors that are built in.',
  async run(context) {
    const { output } = context;
    const { client } = await context.api();
    const { detections, builtIn } = await client.call('listDetections');
    await output.result({ detections, builtIn }, async () => {
      const { palette } = output;
      if (detections.length === 0) {
        output.note('No detection is configured. docs/learn/detections.md begins with one; those built in are below.');
      } else {
        await output.table(
          [
            { title: 'DETECTION' },
            { title: 'SEVERITY' },
            { title: 'MODE' },
            { title: 'BY' },
            { title: 'DOES' },
            { title: 'DESCRIPTION', widest: 60, spare: 1 },
          ],
          detections.map((one): readonly Cell[] => [
            { text: one.name, paint: palette.strong },
            one.severity,
            one.problem === null ? modeCell(one, palette) : { text: 'broken', paint: palette.bad },
            one.detector ?? 'its own rule',
            one.responses.join(', ') || 'notify',
            one.problem ?? one.description ?? '',
          ]),
        );
        await output.line();
      }
      await output.table(
        [{ title: 'BUILT IN' }, { title: 'WHAT', widest: 70, spare: 1 }, { title: 'USED BY', widest: 32 }],
        builtIn.map((one): readonly Cell[] => [
          { text: one.name, paint: palette.strong },
          one.title,
          one.detections.length === 0 ? { text: 'nothing', paint: palette.faint } : one.detections.join(', '),
        ]),
      );
      output.note('sallyport detection show NAME explains one, and gives a manifest to begin with.');
    });
  },
};

function modeCell({ mode }: ConfiguredDetectionView, palette: Palette): Cell {
  return { text: mode, paint: mode === 'on' ? palette.good : mode === 'off' ? palette.faint : palette.warning };
}

export const detectionShowCommand: CommandSpec = {
  name: 'detection show',
  group: 'Configure',
  summary: 'Explain a detector that is built in: what it finds, its tuning, and a manifest to begin with.',
  arguments: [{ name: '<name>', description: 'Of a built-in detector, or of a detection that uses one.' }],
  options: [{ flags: '--manifest', description: 'Only the manifest, to be written to a file.' }],
  examples: [
    'sallyport detection show unusual-volume',
    'sallyport detection show unusual-volume --manifest > volume.yaml',
  ],
  async run(context) {
    const { options, output } = context;
    const [name = ''] = context.args;
    const { client } = await context.api();
    const { detections, builtIn } = await client.call('listDetections');
    const configured = detections.find((one) => one.name === name);
    const definition = builtIn.find((one) => one.name === (configured?.detector ?? name));
    if (definition === undefined) {
      if (configured !== undefined) {
        throw usage(`${name} is a rule of its own.`, `See: sallyport get Detection ${name} -o yaml`);
      }
      throw usage(`There is no detector ${escapeLine(name)}.`, 'See: sallyport detection ls');
    }
    const manifest = manifestOf(definition);
    if (options.flag('manifest')) return output.lines(manifest);
    await output.result({ ...definition, manifest: manifest.join('\n') }, async () => {
      const { palette } = output;
      await output.line(`${palette.strong(escapeLine(definition.name))}  ${escapeLine(definition.title)}`);
      await output.line();
      for (const line of wrapped(definition.explanation, 100)) await output.line(escapeLine(line));
      if (definition.techniques.length > 0) {
        await output.line();
        await output.line(`MITRE ATT&CK: ${escapeLine(definition.techniques.join(', '))}`);
      }
      await output.line();
      await output.table(
        [
          { title: 'TUNING' },
          { title: 'DEFAULT', widest: 32 },
          { title: 'RANGE' },
          { title: 'MEANING', widest: 90, spare: 1 },
        ],
        definition.tuning.map((one): readonly Cell[] => [
          one.name,
          Array.isArray(one.default) ? one.default.join(', ') || '(none)' : String(one.default),
          rangeOf(one),
          one.meaning,
        ]),
      );
      await output.line();
      await output.lines(manifest.map((line) => palette.faint(line)));
    });
  },
};

function rangeOf({ min, max }: BuiltInDetectorView['tuning'][number]): string {
  return min === null && max === null ? '' : `${min ?? '…'} to ${max ?? '…'}`;
}

/** A manifest that runs it dry, with its tuning as it is. */
function manifestOf({ name, title, tuning }: BuiltInDetectorView): string[] {
  return [
    'kind: Detection',
    `metadata: { name: ${name} }`,
    'spec:',
    `  description: ${JSON.stringify(title)}`,
    `  detector: ${name}`,
    '  severity: medium',
    '  mode: dry-run   # replay it first, then on',
    ...(tuning.length === 0 ? [] : ['  tuning:']),
    ...tuning.map((one) => `    ${one.name}: ${JSON.stringify(one.default)}`),
  ];
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

export const detectionFieldsCommand: CommandSpec = {
  name: 'detection fields',
  group: 'Configure',
  summary: 'List the fields that a detection selects and counts by.',
  async run(context) {
    const { output } = context;
    const { client } = await context.api();
    const { fields } = await client.call('listDetections');
    await output.result(fields, () =>
      output.table(
        [
          { title: 'FIELD' },
          { title: 'TYPE' },
          { title: 'MEANING', widest: 90, spare: 1 },
          { title: 'OF', widest: 60 },
        ],
        fields.map(({ name, type, meaning, events }): readonly Cell[] => [
          { text: name, paint: output.palette.strong },
          type,
          meaning,
          events?.join(', ') ?? 'any',
        ]),
      ),
    );
  },
};

export const detectionTestCommand: CommandSpec = {
  name: 'detection test',
  group: 'Configure',
  summary: 'Run the examples in Detections as if they were applied, and change nothing. Exit code 1 when one fails.',
  options: [
    files,
    {
      flags: '--activity <fields>',
      description: 'Try this besides: { principal: ana, effect: drop, at: 30s }. Repeated: one after another.',
      repeat: true,
    },
  ],
  examples: [
    'sallyport detection test -f ./config',
    "sallyport detection test -f drops.yaml --activity '{ principal: ana, effect: drop }'",
  ],
  async run(context) {
    const { io, options, output } = context;
    const paths = options.list('file');
    if (paths.length === 0) throw usage('Test what?', 'Name a file, a folder, or - with -f.');
    const sources = await readSources(paths, io);
    const activities = options.list('activity').map(activityOf);
    const trying = new Trying(
      sources.map((source) => source.value),
      activities,
    );
    const { client } = await context.api();
    const spinner = startSpinner(output, io.clock, 'Testing');
    const told = await client
      .call('testDetections', { body: { documents: [...trying.documents] } })
      .catch((error: unknown) => {
        throw placed(error, sources);
      })
      .finally(() => spinner.stop());
    const tried = told.results.filter((result) => trying.isOfPerson(result));
    const answer = {
      problems: told.problems.filter((problem) => !trying.isAbout(problem)),
      results: told.results.filter((result) => !trying.isOfPerson(result)),
      ...(activities.length === 0 ? {} : { tried }),
    };
    const failed = answer.results.filter(({ passed }) => !passed);
    await output.result(answer, async () => {
      const { palette } = output;
      if (answer.results.length > 0) {
        await output.table(
          [
            { title: '' },
            { title: 'DETECTION' },
            { title: 'EXAMPLE', align: 'right' },
            { title: 'EXPECTED' },
            { title: 'GOT' },
            { title: 'WHY', widest: 90, spare: 1 },
          ],
          answer.results.map(({ name, example, expected, got, passed, reason }): readonly Cell[] => [
            passed ? { text: '✔', paint: palette.good } : { text: '✘', paint: palette.bad },
            name,
            String(example + 1),
            expected,
            passed ? got : { text: got, paint: palette.bad },
            reason,
          ]),
        );
        await output.line();
      }
      for (const { name, got, reason } of tried) {
        const word = got === 'alert' ? palette.warning(got) : palette.good(got);
        await output.line(`What you gave: ${escapeLine(name)}: ${word}: ${escapeLine(reason)}`);
      }
      if (tried.length > 0 && answer.results.length === 0) return;
      await output.line(
        answer.results.length === 0
          ? 'There is no example in these manifests.'
          : `${count(answer.results.length - failed.length, 'example')} passed, ${failed.length} failed.`,
      );
    });
    for (const problem of exampleProblems(answer.problems, sources, failed.length > 0)) output.note(problem);
    return failed.length === 0 ? exitCodes.ok : exitCodes.no;
  },
};

function activityOf(text: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text);
  const value: unknown = document.errors.length > 0 ? null : document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usage('An activity is fields and values.', "Such as --activity '{ principal: ana, effect: drop }'.");
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Documents with what a person tries besides, as the last example of each Detection. */
class Trying {
  readonly documents: readonly unknown[];
  /** By name, which example is the person’s own; and by document. */
  readonly #byName = new Map<string, number>();
  readonly #byDocument = new Map<number, number>();

  constructor(documents: readonly unknown[], activities: readonly unknown[]) {
    this.documents = activities.length === 0 ? documents : documents.map((one, at) => this.#with(one, at, activities));
  }

  #with(document: unknown, at: number, activities: readonly unknown[]): unknown {
    const given = document as { kind?: unknown; metadata?: { name?: unknown }; spec?: { examples?: unknown } } | null;
    if (given?.kind !== 'Detection' || typeof given.spec !== 'object' || given.spec === null) return document;
    const { examples = [] } = given.spec;
    if (!Array.isArray(examples)) return document;
    this.#byName.set(String(given.metadata?.name), examples.length);
    this.#byDocument.set(at, examples.length);
    return { ...given, spec: { ...given.spec, examples: [...examples, { activities, expect: 'alert' }] } };
  }

  isOfPerson({ name, example }: { readonly name: string; readonly example: number }): boolean {
    return this.#byName.get(name) === example;
  }

  /** Whether a problem is only that what the person gave raises nothing. */
  isAbout({
    document,
    path,
  }: {
    readonly document: number | null;
    readonly path: readonly (string | number)[];
  }): boolean {
    const index = document === null ? undefined : this.#byDocument.get(document);
    return index !== undefined && path.length === 3 && path[1] === 'examples' && path[2] === index;
  }
}
