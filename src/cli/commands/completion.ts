/** `sallyport completion SHELL`: the script that a shell loads. */
import type { CommandSpec } from '../command.ts';
import { completionScripts, shells } from '../completion/scripts.ts';

export const completionCommand: CommandSpec = {
  name: 'completion',
  group: 'Help',
  summary: 'Print the completion script of a shell.',
  arguments: [{ name: '<shell>', description: 'Which shell.', choices: shells }],
  examples: ['source <(sallyport completion bash)', 'sallyport completion fish | source'],
  async run(context) {
    const shell = shells.find((known) => known === context.args[0])!;
    await context.output.write(completionScripts[shell]);
  },
};
