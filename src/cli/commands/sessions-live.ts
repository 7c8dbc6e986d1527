/** `sallyport sessions watch|message|pause|resume`: a live session, looked at and spoken to. */
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';
import { playTerminal } from '../replay/player.ts';
import { findLiveSession, whoText } from '../sessions.ts';

const id = { name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' } as const;

export const sessionsWatchCommand: CommandSpec = {
  name: 'sessions watch',
  group: 'Look',
  summary:
    'Show the terminal of a live session on this one, until it ends or q is pressed. Reading is itself recorded.',
  arguments: [id],
  options: [{ flags: '--command <number>', description: 'Which terminal, by the number of its command.' }],
  examples: ['sallyport sessions watch last'],
  async run(context) {
    const { io, options, output } = context;
    const api = await context.api();
    const session = await findLiveSession(api, context.args[0]!);
    const quit = new AbortController();
    const signal = AbortSignal.any([context.signal, quit.signal]);
    output.note(
      `${session.id}: ${whoText(session.principal)} on ${session.resource}. q ends watching, not the session.`,
    );
    const played = await playTerminal(api.client.stream('tailSession', { params: { id: session.id } }, { signal }), {
      output,
      stdin: io.stdin,
      stdout: io.stdout,
      clock: io.clock,
      signal: context.signal,
      quit,
      command: options.integer('command', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      pace: null,
    });
    if (played.isQuit) return;
    if (played.command === null) {
      throw cliError('cli.no', {
        what: `The session ${session.id} had no such terminal.`,
        todo: `What was done in it: sallyport sessions replay ${session.id} --transcript; live: sallyport sessions tail ID`,
      });
    }
    output.note(`The session ${session.id} has ended.`);
  },
};

export const sessionsMessageCommand: CommandSpec = {
  name: 'sessions message',
  group: 'Look',
  summary: 'Show the person of a live session a message, on their terminal.',
  arguments: [id, { name: '<text...>', description: 'What to say.' }],
  examples: ['sallyport sessions message last "Please stop, the release is frozen."'],
  async run(context) {
    const text = context.args.slice(1).join(' ');
    await steer(context, { action: 'message', text }, 'Said to');
  },
};

export const sessionsPauseCommand: CommandSpec = {
  name: 'sessions pause',
  group: 'Look',
  summary: 'Stop reading what the person of a live session sends, until resume. What runs goes on.',
  arguments: [id],
  run: (context) => steer(context, { action: 'pause' }, 'Paused'),
};

export const sessionsResumeCommand: CommandSpec = {
  name: 'sessions resume',
  group: 'Look',
  summary: 'Go on with a paused session.',
  arguments: [id],
  run: (context) => steer(context, { action: 'resume' }, 'Resumed'),
};

type Steering = { readonly action: 'message'; readonly text: string } | { readonly action: 'pause' | 'resume' };

async function steer(context: CommandContext, body: Steering, done: string): Promise<void> {
  const api = await context.api();
  const session = await findLiveSession(api, context.args[0]!);
  await api.client.call('steerSession', { params: { id: session.id }, body });
  context.output.note(`✔ ${done} ${session.id} of ${session.principal.name} on ${session.resource}.`);
}
