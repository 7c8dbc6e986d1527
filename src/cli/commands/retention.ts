/** `sallyport retention …`, `sessions forget`, `witness ls|get`: what is kept, what is due, and who can prove what there was. */
import type { RetentionView } from '../../api/contract/index.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { byteSize, groupDigits, relativeTime } from '../output/time.ts';

export const retentionShowCommand: CommandSpec = {
  name: 'retention show',
  group: 'Look',
  summary: 'Show what is kept, what is due, what is held and by what, and how far the journal is pruned.',
  async run({ output, io, api }) {
    const { client } = await api();
    const view = await client.call('showRetention');
    await output.result(view, async () => {
      const { palette } = output;
      await output.fields([
        ['Recordings', recordingsOf(view)],
        [
          'Holds',
          view.holds.length === 0 ? 'none' : view.holds.map(({ name, reason }) => `${name} (${reason})`).join(', '),
        ],
        ['Journal', journalOf(view)],
        [
          'Archive',
          view.archive === null
            ? 'none: recordings stay here'
            : view.archive.problem === null
              ? { text: `${view.archive.store}, ${view.archive.waiting} waiting`, paint: palette.good }
              : { text: `${view.archive.store} takes nothing: ${view.archive.problem}`, paint: palette.bad },
        ],
        [
          'Last looked',
          view.lastRunAt === null ? 'not since the start' : relativeTime(Date.parse(view.lastRunAt), io.clock.now()),
        ],
      ]);
      if (view.due.length === 0) return output.note('No recording is due.');
      await output.table(
        [
          { title: 'DUE' },
          { title: 'WHO', widest: 32 },
          { title: 'WHERE', widest: 32 },
          { title: 'ENDED' },
          { title: 'SIZE', align: 'right' },
          { title: 'BY', widest: 32 },
          { title: 'HELD BY', widest: 32 },
        ],
        view.due.map(({ session, principal, resource, endedAt, bytes, rule, heldBy }) => [
          session,
          principal,
          resource,
          relativeTime(Date.parse(endedAt), io.clock.now()),
          byteSize(bytes),
          rule,
          heldBy.length === 0 ? '' : { text: heldBy.join(', '), paint: palette.warning },
        ]),
      );
    });
  },
};

function recordingsOf({ recordings }: RetentionView): string {
  const told = recordings.flatMap(({ state, count, bytes }) =>
    state === 'none' || state === 'open' ? [] : [`${groupDigits(count)} ${words[state]} (${byteSize(bytes)})`],
  );
  return told.length === 0 ? 'none' : told.join(', ');
}

const words = { local: 'here', stored: 'here and stored', released: 'stored', deleted: 'deleted' } as const;

function journalOf({ journal: { events, prunedTo, prunableTo, because } }: RetentionView): string {
  const pruned = prunedTo === 0 ? '' : `, pruned to ${groupDigits(prunedTo)}`;
  const more = prunableTo > prunedTo ? `, could be to ${groupDigits(prunableTo)}` : '';
  return `${groupDigits(events)} events${pruned}${more}${because === null ? '' : ` (${because})`}`;
}

export const retentionRunCommand: CommandSpec = {
  name: 'retention run',
  group: 'Configure',
  summary: 'Delete what is due now, as the gateway does by itself each hour. What is held stays.',
  async run({ output, api }) {
    const { client } = await api();
    const done = await client.call('runRetention');
    await output.result(done, async () => {
      const { recordings, entries, alerts, prunedTo } = done;
      const journal = prunedTo === null ? '' : `, the journal pruned to ${groupDigits(prunedTo)}`;
      output.note(`✔ Deleted ${recordings} recordings, ${entries} entries of the index, ${alerts} alerts${journal}.`);
    });
  },
};

export const sessionsForgetCommand: CommandSpec = {
  name: 'sessions forget',
  group: 'Configure',
  summary: 'Destroy the recording of a session for good: its key first, wherever copies lie. Its digests stay.',
  arguments: [{ name: '<id>', description: 'As sessions ls shows it.', complete: 'session' }],
  options: [{ flags: '--reason <text>', description: 'Journaled, and told to who looks for it.', required: true }],
  examples: ['sallyport sessions forget SESSION --reason "erasure request 4711"'],
  async run({ args, options, output, api }) {
    const [id] = args as [string];
    const { client } = await api();
    await client.call('deleteRecording', { params: { id }, body: { reason: options.text('reason')! } });
    output.note(
      `✔ The recording of ${id} is gone. What was asked in the session stands in the journal until it is pruned.`,
    );
  },
};

export const witnessLsCommand: CommandSpec = {
  name: 'witness ls',
  group: 'Look',
  summary: 'List who is handed checkpoints of the journal, and how each stands.',
  async run({ output, io, api }) {
    const { client } = await api();
    const { witnesses } = await client.call('listWitnesses');
    await output.result(witnesses, async () => {
      if (witnesses.length === 0) {
        return output.note(
          'No witness is configured: a journal that was rolled back could not be told. See witnesses in the settings.',
        );
      }
      await output.table(
        [
          { title: 'WITNESS' },
          { title: 'KIND' },
          { title: 'EVENTS', align: 'right' },
          { title: 'SINCE' },
          { title: 'PROBLEM', widest: 64, spare: 1 },
        ],
        witnesses.map(({ name, kind, size, at, problem }) => [
          name,
          kind,
          size === null ? '-' : groupDigits(size),
          at === null ? 'never' : relativeTime(Date.parse(at), io.clock.now()),
          problem === null ? '' : { text: problem, paint: output.palette.bad },
        ]),
      );
    });
  },
};

export const witnessGetCommand: CommandSpec = {
  name: 'witness get',
  group: 'Look',
  summary: 'Print the largest checkpoint of a journal that was brought to this gateway, for verify --witness.',
  arguments: [{ name: '<journal>', description: 'Id of the journal: 32 hexadecimal digits, as verify prints it.' }],
  examples: ['sallyport witness get JOURNAL > seen.checkpoint', 'sallyport verify --witness seen.checkpoint'],
  run: getCheckpoint,
};

async function getCheckpoint({ args, output, api }: CommandContext): Promise<void> {
  const [journal] = args as [string];
  const { client } = await api();
  const { checkpoints } = await client.call('listCheckpoints', { query: { journal, limit: 1 } });
  const [found] = checkpoints;
  if (found === undefined) {
    throw usage(
      `No checkpoint of the journal ${journal} was brought here.`,
      'See sallyport witness ls at the gateway whose journal it is.',
    );
  }
  await output.result(found, () => output.write(found.checkpoint));
}
