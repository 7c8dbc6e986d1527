/** `sallyport help [TOPIC]`: help on a command, and the exit codes. */
import type { CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { exitCodeMeanings } from '../exit.ts';
import { families } from '../options.ts';

const exitCodesTopic = 'exit-codes';

export const helpCommand: CommandSpec = {
  name: 'help',
  group: 'Help',
  summary: 'Show help on a command, or the exit codes.',
  arguments: [{ name: '[topic...]', description: `A command, or ${exitCodesTopic}.`, complete: 'topic' }],
  async run(context) {
    const { args, output } = context;
    const topic = args.join(' ');
    if (topic === exitCodesTopic) {
      return await output.result(
        exitCodeMeanings.map(([code, meaning]) => ({ code, meaning })),
        () =>
          output.table(
            [{ title: 'CODE', align: 'right' }, { title: 'MEANING' }],
            exitCodeMeanings.map(([code, meaning]) => [String(code), meaning]),
          ),
      );
    }
    const text = context.helpOf(args);
    if (text === null)
      throw usage(`There is no help on ${topic}.`, `See: sallyport help, sallyport help ${exitCodesTopic}`);
    await output.write(text);
  },
};

/** What help can be asked for by one word. */
export function topics(commands: readonly CommandSpec[]): readonly string[] {
  const names = commands
    .filter((command) => command.hidden !== true && !command.name.includes(' '))
    .map(({ name }) => name);
  return [...names, ...Object.keys(families), exitCodesTopic];
}
