/** `sallyport sessions ls|show|kill`: who is and was where. */
import type { SessionView } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';
import { byteSize, duration, groupDigits } from '../output/time.ts';
import { parseMoment } from '../parse.ts';
import { summaryFields } from '../replay/rules.ts';
import { emptySessionQuery, endCell, findSession, sessionColumns, sessionEvents, sessionRow } from '../sessions.ts';

/** Most sessions that one listing shows; more is a question for `--since` and `--until`. */
const listedMax = 10_000;
const listedDefault = 50;
const pageEntries = 500;

export const sessionsLsCommand: CommandSpec = {
  name: 'sessions ls',
  group: 'Look',
  summary: 'List sessions, the latest first.',
  options: [
    { flags: '--live', description: 'Only those open now.' },
    { flags: '--principal <name>', description: 'Of one principal.', complete: 'principal' },
    { flags: '--resource <name>', description: 'On one resource.', complete: 'resource' },
    { flags: '--since <time>', description: 'Started after: a moment, or 2h, 7d ago.' },
    { flags: '--until <time>', description: 'Started before.' },
    { flags: '-n, --limit <count>', description: `At most so many (default ${listedDefault}).` },
  ],
  examples: ['sallyport sessions ls --live', 'sallyport sessions ls --resource orders --since 24h'],
  async run(context) {
    const { io, options, output } = context;
    const now = io.clock.now();
    const since = options.text('since');
    const until = options.text('until');
    const wanted = options.integer('limit', { minimum: 1, maximum: listedMax }) ?? listedDefault;
    const query = {
      ...emptySessionQuery,
      principal: options.text('principal') ?? undefined,
      resource: options.text('resource') ?? undefined,
      live: options.flag('live') ? true : undefined,
      since: since === null ? undefined : parseMoment(since, now, '--since'),
      until: until === null ? undefined : parseMoment(until, now, '--until'),
    };
    const { client } = await context.api();
    const found: SessionView[] = [];
    let cursor: string | undefined;
    let hasMore = false;
    do {
      const limit = Math.min(pageEntries, wanted - found.length);
      const page = await client.call('listSessions', { query: { ...query, limit, cursor } });
      found.push(...page.sessions.slice(0, limit));
      hasMore = page.next !== null;
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < wanted);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('No sessions found.');
      await output.table(
        sessionColumns,
        found.map((session) => sessionRow(session, now, output.palette)),
      );
      if (hasMore) output.note(`The latest ${found.length}; --limit shows more.`);
    });
  },
};

export const sessionsShowCommand: CommandSpec = {
  name: 'sessions show',
  group: 'Look',
  summary: 'Show one session, and what the rules did in it.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  async run(context) {
    const { io, output } = context;
    const { palette } = output;
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    const events = await sessionEvents(api, session.id);
    await output.result({ ...session, events }, async () => {
      const started = Date.parse(session.startedAt);
      const ended = session.endedAt === null ? io.clock.now() : Date.parse(session.endedAt);
      await output.fields([
        ['Session', { text: session.id, paint: palette.strong }],
        ['State', session.live ? { text: '● live', paint: palette.good } : endCell(session, palette)],
        ['Principal', `${session.principal.name} (${session.principal.kind})`],
        ...agentFields(session.principal.agents),
        ['Resource', `${session.resource} (${session.protocol})`],
        ['From', session.source],
        ['Access', session.access],
        ['Recording', session.recording],
        ['Started', session.startedAt],
        ['Ended', session.endedAt ?? '–'],
        ['Duration', duration(Math.max(0, ended - started))],
        ['Commands', groupDigits(session.commands)],
        ['Bytes', `${byteSize(session.bytesIn)} to the resource, ${byteSize(session.bytesOut)} to the client`],
        ...summaryFields(events),
        ...Object.entries(session.client).map(([key, value]) => [`Client ${key}`, value] as const),
      ]);
    });
  },
};

function agentFields(agents: readonly string[] = []): readonly (readonly [string, string])[] {
  return agents.length === 0 ? [] : [['Agent', agents.join(', for ')]];
}

export const sessionsKillCommand: CommandSpec = {
  name: 'sessions kill',
  group: 'Look',
  summary: 'End a live session within a second.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: [{ flags: '--reason <text>', description: 'Why; kept in the journal.' }],
  async run(context) {
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    if (!session.live) {
      throw cliError('cli.no', {
        what: `The session ${session.id} has already ended.`,
        todo: 'See: sallyport sessions ls --live',
      });
    }
    await api.client.call('killSession', {
      params: { id: session.id },
      body: { reason: context.options.text('reason') ?? 'ended from the command line' },
    });
    context.output.note(`✔ Ended ${session.id} of ${session.principal.name} on ${session.resource}.`);
  },
};
