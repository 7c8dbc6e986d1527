/** `sallyport explain`: may this principal open that resource, what would come of a command there, and what says so. */
import type { CommandExplanation, Explanation } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exit.ts';
import type { Paint, Palette } from '../output/colour.ts';
import type { Output } from '../output/output.ts';
import type { Cell } from '../output/table.ts';
import { duration } from '../output/time.ts';

export const explainCommand: CommandSpec = {
  name: 'explain',
  group: 'Look',
  summary: 'Say whether a principal may open a resource, or what would come of a command there, and why. Runs nothing.',
  arguments: [
    { name: '[resource]', description: 'What to open.', complete: 'resource' },
    { name: '[command]', description: 'What would be run there, as one word in quotes.' },
  ],
  options: [
    { flags: '--as <name>', description: 'Who; yourself when left out.', complete: 'principal' },
    { flags: '--principal <name>', description: 'The same.', complete: 'principal', hidden: true },
    { flags: '--resource <name>', description: 'The resource, as an option.', complete: 'resource', hidden: true },
  ],
  examples: [
    'sallyport explain orders --as engineer',
    `sallyport explain orders --as engineer 'select email from customers'`,
  ],
  async run(context) {
    const { args, output, options } = context;
    const named = options.text('resource');
    const [resource, command] = named === null ? args : [named, ...args];
    if (resource === undefined) throw usage('Explain what?', 'Name a resource: sallyport explain orders');
    const { client } = await context.api();
    const principal = options.text('as') ?? options.text('principal') ?? (await client.call('whoami')).name;
    if (command === undefined) {
      const answer = await client.call('explainAccess', { query: { principal, resource } });
      await output.result(answer, async () => {
        await showAccess(answer, answer.trace, output);
        for (const step of answer.next) await output.line(`→ ${escapeLine(step)}`);
      });
      return answer.granted ? exitCodes.ok : exitCodes.no;
    }
    const answer = await client.call('explainCommand', { body: { principal, resource, command } });
    await output.result(answer, () => showCommand(answer, output));
    return codeOf(answer);
  },
};

/** Yes where it would run, masked or not; no where it would wait or be refused. */
function codeOf({ verdict }: CommandExplanation): ExitCode {
  return verdict?.name === 'allow' || verdict?.name === 'mask' ? exitCodes.ok : exitCodes.no;
}

async function showAccess(
  answer: Pick<Explanation, 'principal' | 'resource' | 'granted' | 'rule' | 'stepUp'>,
  trace: Explanation['trace'],
  output: Output,
): Promise<void> {
  const { palette } = output;
  const who = `${palette.strong(escapeLine(answer.principal))} → ${palette.strong(escapeLine(answer.resource))}`;
  await output.line(
    answer.granted
      ? `${palette.good('✔')} ${who}: granted by ${grantedBy(answer.rule, palette)}${answer.stepUp ? ', with a step-up: opening takes a confirmation by the person' : ''}`
      : `${palette.bad('✘')} ${who}: no Access grants this`,
  );
  if (trace.length === 0) {
    return;
  }
  await output.line();
  await output.table(
    [{ title: '' }, { title: 'ACCESS' }, { title: 'WHY' }],
    trace.map((step) => [holdsMark(step.matched, palette), step.access, step.why]),
  );
}

/** A standing Access by its name; what a review gave for a while by its id. */
function grantedBy(rule: string, palette: Palette): string {
  const [, grant] = /^grant:(.+)$/.exec(rule) ?? [];
  return grant === undefined
    ? `Access ${palette.accent(escapeLine(rule))}`
    : `the grant ${palette.accent(escapeLine(grant))}`;
}

function holdsMark(holds: boolean, palette: Palette): Cell {
  return holds ? { text: '✔', paint: palette.good } : { text: '·', paint: palette.faint };
}

async function showCommand(answer: CommandExplanation, output: Output): Promise<void> {
  const { palette } = output;
  await showAccess(answer, answer.access, output);
  const { verdict } = answer;
  if (verdict === null) return;
  const [mark, paint] = verdictMark(verdict.name, palette);
  await output.line();
  await output.line(
    `${paint(`${mark} ${verdict.name}`)} by ${palette.accent(escapeLine(verdict.rule))}${verdict.reason === '' ? '' : `: ${escapeLine(verdict.reason)}`}`,
  );
  if (answer.hold !== null) {
    const { reviewers, stepUp, approvals, withinSeconds } = answer.hold;
    const who = [...reviewers.names, ...reviewers.groups.map((group) => `members of ${group}`)].join(', ');
    if (stepUp) await output.line('  Whoever runs it confirms it, by a second factor, the provider or the password.');
    if (who !== '')
      await output.line(escapeLine(`  ${approvals} of ${who} must approve within ${duration(withinSeconds * 1000)}.`));
  }
  if ((answer.risk ?? 0) > 0) {
    await output.line(
      `risk ${palette.warning(String(answer.risk))} of 100, as session.risk and principal.risk have it`,
    );
  }
  for (const { kind, detection, alert, until } of answer.detections ?? []) {
    const end = until === null ? 'until somebody ends it' : `until ${until}`;
    await output.line(
      `${palette.warning('!')} the detection ${palette.accent(escapeLine(detection))} does ${escapeLine(`${kind}, ${end}: alert ${alert}`)}`,
    );
  }
  for (const { rule, verdict: falls, reason } of answer.limits) {
    await output.line(`  limit of ${palette.accent(escapeLine(rule))} (${escapeLine(falls)}): ${escapeLine(reason)}`);
  }
  for (const { rule, reason } of answer.alerts) {
    await output.line(`  ${palette.warning('alert')} by ${palette.accent(escapeLine(rule))}: ${escapeLine(reason)}`);
  }
  await showMeaning(answer, output);
  await showRules(answer, output);
  await showColumns(answer, output);
}

function verdictMark(name: string, palette: Palette): readonly [string, Paint] {
  if (name === 'allow') return ['✔', palette.good];
  if (name === 'mask') return ['◐', palette.warning];
  return name === 'hold' ? ['⏸', palette.warning] : ['⛔', palette.bad];
}

type Meaning = NonNullable<CommandExplanation['meaning']>;
type MeaningOf<Language extends Meaning['language']> = Extract<Meaning, { language: Language }>;

async function showMeaning({ meaning }: CommandExplanation, output: Output): Promise<void> {
  const { palette } = output;
  await output.line();
  if (meaning === null) return await output.line(palette.bad('What the command means could not be told.'));
  switch (meaning.language) {
    case 'sql':
      await showStatements(meaning, output);
      break;
    case 'shell':
      await showPrograms(meaning, output);
      break;
    case 'http':
      await output.fields(requestFields(meaning));
      break;
    case 'kubernetes':
      await output.fields(objectFields(meaning));
      if (meaning.shell !== null) {
        await output.line();
        await showPrograms(meaning.shell, output);
      }
  }
  if (!meaning.complete) {
    await output.line(palette.warning(escapeLine(`Stays unknown: ${meaning.unknown.join('; ') || 'something'}`)));
  }
  if (meaning.language === 'sql' && !meaning.catalog) {
    await output.line(
      palette.warning('Judged without the resource’s catalog: names stand for what they usually mean.'),
    );
  }
}

function showStatements({ statements }: MeaningOf<'sql'>, output: Output): Promise<void> {
  return output.table(
    [
      { title: 'STATEMENT' },
      { title: 'EFFECTS', widest: 48 },
      { title: 'RELATIONS', widest: 64 },
      { title: 'FUNCTIONS', widest: 48 },
    ],
    statements.map((statement) => [
      statement.kind,
      statement.effects.join(', '),
      statement.relations.map(({ name, access }) => `${name} (${access})`).join(', '),
      statement.functions.join(', '),
    ]),
  );
}

async function showPrograms({ commands }: MeaningOf<'shell'>, output: Output): Promise<void> {
  if (commands.length === 0) return await output.line('No program runs.');
  await output.table(
    [
      { title: 'RUNS', widest: 64 },
      { title: 'EFFECTS', widest: 48 },
      { title: 'BY' },
      { title: 'AS' },
      { title: 'ON' },
    ],
    commands.map(({ command, effects, via, asUser, host }) => [
      command,
      effects.join(', '),
      via.join(', '),
      asUser ?? '',
      host ?? '',
    ]),
  );
}

type Fields = readonly (readonly [string, string])[];

/** Without what there is none of. */
function told(fields: readonly (readonly [string, string | null])[]): Fields {
  return fields.flatMap(([name, value]) => (value === null || value === '' ? [] : [[name, value] as const]));
}

function requestFields(meaning: MeaningOf<'http'>): Fields {
  const { contentType, body, grpc, rpc, graphql, query, upgrade } = meaning;
  const content = body === 'none' ? null : `${body}${contentType === null ? '' : ` (${contentType})`}`;
  return told([
    ['Request', `${meaning.method} ${meaning.path}`],
    ['Route', meaning.route],
    ['Query', query.join(', ')],
    ['Body', content],
    ...graphql.map(
      ({ operation, name, fields }) =>
        ['GraphQL', `${operation}${name === null ? '' : ` ${name}`}: ${fields.join(', ')}`] as const,
    ),
    ['JSON-RPC', rpc.join(', ')],
    ['gRPC', grpc],
    ['Upgrade', upgrade],
  ]);
}

function objectFields(meaning: MeaningOf<'kubernetes'>): Fields {
  const { dryRun } = meaning;
  return told([
    ['Verb', meaning.verb],
    ['Path', meaning.resource === null ? meaning.path : null],
    ['Resource', meaning.resource],
    ['Subresource', meaning.subresource],
    ['Namespace', meaning.namespace],
    ['Name', meaning.name],
    ['Dry run', dryRun === null ? 'asked for, and perhaps not heeded' : dryRun ? 'yes' : null],
  ]);
}

async function showRules({ guardrails, masks }: CommandExplanation, output: Output): Promise<void> {
  const { palette } = output;
  const rules = [
    ...guardrails.map(({ name, matched, verdict, conditions }) => ({
      name,
      holds: matched,
      what: verdict,
      conditions,
    })),
    ...masks.map(({ name, applies, conditions }) => ({ name, holds: applies, what: 'Mask', conditions })),
  ];
  if (rules.length === 0) return;
  await output.line();
  await output.table(
    [{ title: '' }, { title: 'RULE' }, { title: 'VERDICT' }, { title: '' }, { title: 'CONDITION' }, { title: 'WHY' }],
    rules.flatMap(({ name, holds, what, conditions }) => {
      const head: readonly Cell[] = [holdsMark(holds, palette), name, what];
      if (conditions.length === 0) return [[...head, '', '', 'it has no condition']];
      return conditions.map((one, index) => [
        ...(index === 0 ? head : ['', '', '']),
        holdsMark(one.holds, palette),
        one.condition,
        one.because,
      ]);
    }),
  );
}

async function showColumns({ columns }: CommandExplanation, output: Output): Promise<void> {
  if (columns.length === 0) return;
  const { palette } = output;
  await output.line();
  await output.table(
    [
      { title: '#', align: 'right' },
      { title: 'RESULT COLUMN', widest: 48 },
      { title: 'CARRIES', widest: 64 },
      { title: 'MASKED' },
    ],
    columns.map(({ statement, name, origins, unresolved, mask, how }) => [
      String(statement),
      name === '' ? '?' : name,
      [...origins, ...(unresolved === null ? [] : [`anything: ${unresolved}`])].join(', ') || 'nothing of a table',
      mask === null
        ? { text: 'no', paint: palette.faint }
        : { text: `${how ?? 'yes'} by ${mask}`, paint: palette.good },
    ]),
  );
}
