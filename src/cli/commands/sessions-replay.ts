/** `sallyport sessions replay|tail`: what happened in a session, as a transcript; afterwards, or while it happens. */
import type { RecordedEntryView, SessionView } from '../../api/contract/index.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';
import { endLookIntervalMs, endLooksMax, replayRowsDefault, replayRowsMax } from '../limits.ts';
import { toJsonLine } from '../output/structured.ts';
import { paced, sleep } from '../replay/play.ts';
import { Interleaved, maskedOf } from '../replay/rules.ts';
import { Transcript } from '../replay/transcript.ts';
import { findSession, sessionEvents } from '../sessions.ts';

const shared = [
  { flags: '--rows <count>', description: `Rows shown of each result (default ${replayRowsDefault}).` },
  { flags: '--no-rows', description: 'Show no results, only what was asked and how it ended.' },
  { flags: '--raw', description: 'The entries as recorded, one JSON value a line.' },
] as const;

export const sessionsReplayCommand: CommandSpec = {
  name: 'sessions replay',
  group: 'Look',
  summary: 'Replay a session as a transcript. Reading is itself recorded.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: [
    { flags: '--speed <factor>', description: 'Keep the pauses: 1 as it was, 10 ten times as fast.' },
    ...shared,
  ],
  examples: ['sallyport sessions replay last', 'sallyport sessions replay last --speed 4'],
  async run(context) {
    const speed = context.options.positive('speed');
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    const entries = api.client.stream('readRecording', { params: { id: session.id } });
    await show(context, api, session, paced(entries, speed, context.io.clock, context.signal), false);
  },
};

export const sessionsTailCommand: CommandSpec = {
  name: 'sessions tail',
  group: 'Look',
  summary: 'Watch a live session until it ends. Reading is itself recorded.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: shared,
  async run(context) {
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    if (!session.live) {
      throw cliError('cli.no', {
        what: `The session ${session.id} has already ended.`,
        todo: `Replay it: sallyport sessions replay ${session.id}`,
      });
    }
    await show(context, api, session, api.client.stream('tailSession', { params: { id: session.id } }), true);
  },
};

async function show(
  context: CommandContext,
  api: Api,
  session: SessionView,
  entries: AsyncIterable<RecordedEntryView>,
  isLive: boolean,
): Promise<void> {
  const { options, output } = context;
  if (options.flag('raw') || output.format === 'json') {
    for await (const entry of entries) await output.line(toJsonLine(entry));
    return;
  }
  const isWithout = options.isRefused('rows');
  const rows = isWithout ? 0 : (options.integer('rows', { minimum: 1, maximum: replayRowsMax }) ?? replayRowsDefault);
  // What the rules do while a session is watched comes to its reader as the messages that are recorded of it.
  const events = isLive ? [] : await sessionEvents(api, session.id);
  const between = new Interleaved(events);
  const { palette, columns } = output;
  const transcript = new Transcript(session, { palette, columns, rowsMax: rows, masked: maskedOf(events) });
  await output.lines(transcript.head());
  for await (const entry of entries) {
    for (const event of between.before(entry)) await output.lines(transcript.rule(event));
    await output.lines(transcript.add(entry));
  }
  for (const event of between.rest()) await output.lines(transcript.rule(event));
  const after = session.live ? await lookAgain(context, api, session, isLive) : session;
  await output.lines(transcript.foot(after));
}

/** The session as it is now. Where its stream has ended, its end is about to be written and worth a short wait. */
async function lookAgain(
  context: CommandContext,
  api: Api,
  session: SessionView,
  isEnding: boolean,
): Promise<SessionView> {
  for (let look = 0; ; look++) {
    const now = await api.client.call('getSession', { params: { id: session.id } });
    if (!now.live || !isEnding || look === endLooksMax) return now;
    await sleep(endLookIntervalMs, context.io.clock, context.signal);
  }
}
