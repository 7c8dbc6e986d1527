/** `sallyport lock …`, `lock ls`, `unlock`: shutting out at once, whatever Access and grants say. */
import { durationMs, type LockTarget, lockTargets, type ManifestView } from '../../api/contract/index.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { relativeTime } from '../output/time.ts';

const descriptions: Readonly<Record<LockTarget, string>> = {
  principal: 'Lock a principal out: its sessions end within a second, on every gateway.',
  resource: 'Lock a resource: sessions on it end within a second, and nobody opens it.',
  session: 'Lock a session: it ends within a second.',
  token: 'Lock a token, or a key by its fingerprint: what it opened ends, and it opens nothing.',
  agent: 'Lock an agent: itself, and wherever it acts for somebody.',
};

const completions = { principal: 'principal', resource: 'resource', session: 'session', token: 'token' } as const;

function lockCommand(kind: LockTarget): CommandSpec {
  const complete = kind === 'agent' ? 'principal' : completions[kind];
  return {
    name: `lock ${kind}`,
    group: 'Configure',
    summary: descriptions[kind],
    arguments: [{ name: '<name>', description: 'What to lock.', complete }],
    options: [
      { flags: '--reason <text>', description: 'Told to whoever is locked out.', required: true },
      { flags: '--for <time>', description: 'For how long: 30m, 2h, 1d. Until it is unlocked when left out.' },
      { flags: '--name <name>', description: 'What to call the lock.' },
    ],
    examples: [`sallyport lock ${kind} NAME --reason "laptop stolen" --for 2h`],
    run: (context) => lock(context, kind),
  };
}

async function lock({ args, io, options, output, api }: CommandContext, kind: LockTarget): Promise<void> {
  const [target] = args as [string];
  const length = options.text('for');
  const ms = length === null ? null : durationMs(length);
  if (length !== null && ms === null) {
    throw usage('--for must be a length of time such as 30m, 8h or 7d.', 'Correct it and run it again.');
  }
  const until = ms === null ? null : new Date(io.clock.now() + ms).toISOString();
  const name = options.text('name') ?? nameOf(kind, target);
  const spec = {
    target: { [kind]: target },
    reason: options.text('reason')!,
    ...(until === null ? {} : { until }),
  };
  const { client } = await api();
  const { results } = await client.call('apply', {
    body: { documents: [{ kind: 'Lock', metadata: { name }, spec }], dryRun: false },
  });
  await output.result({ name, ...spec }, async () => {
    for (const warning of results.flatMap(({ warnings }) => warnings)) output.note(`! ${warning}`);
    const end = until === null ? '' : `, until ${until}`;
    output.note(`✔ Locked ${kind} ${target} by ${name}${end}. To take it away: sallyport unlock ${name}`);
  });
}

/** Names of objects have neither upper case nor much else. */
function nameOf(kind: LockTarget, target: string): string {
  return `${kind}-${target.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}`.slice(0, 63);
}

export const lockCommands: readonly CommandSpec[] = lockTargets.map(lockCommand);

export const lockLsCommand: CommandSpec = {
  name: 'lock ls',
  group: 'Configure',
  summary: 'List locks, those that are over too.',
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const { objects } = await client.call('listObjects', { params: { kind: 'Lock' } });
    await output.result(objects, async () => {
      if (objects.length === 0) return output.note('Nothing is locked.');
      const now = io.clock.now();
      await output.table(
        [
          { title: 'LOCK' },
          { title: 'TARGET', widest: 48 },
          { title: 'REASON', widest: 48, spare: 1 },
          { title: 'UNTIL' },
        ],
        objects.map((object) => rowOf(object, now)),
      );
    });
  },
};

/** Answers may be of a later version: everything in `spec` is read with care. */
function rowOf({ metadata, spec }: ManifestView, now: number): readonly string[] {
  const [[kind, target] = ['', '']] = Object.entries(spec['target'] ?? {});
  const end = typeof spec['until'] === 'string' ? Date.parse(spec['until']) : null;
  const until = end === null ? 'unlocked' : `${relativeTime(end, now)}${end <= now ? ' (over)' : ''}`;
  return [metadata.name, `${kind} ${String(target)}`, String(spec['reason'] ?? ''), until];
}

export const unlockCommand: CommandSpec = {
  name: 'unlock',
  group: 'Configure',
  summary: 'Take locks away.',
  arguments: [{ name: '<locks...>', description: 'As lock ls shows them.' }],
  async run(context) {
    const { client } = await context.api();
    for (const name of context.args) {
      await client.call('deleteObject', { params: { kind: 'Lock', name }, query: { dryRun: undefined } });
      context.output.note(`✔ Took ${name} away.`);
    }
  },
};
