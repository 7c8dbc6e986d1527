/** `sallyport secret …`: credentials that the gateway keeps sealed. No command can show a value again. */

import { createReadStream } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError, reasonOf, usage } from '../errors.ts';
import { startSpinner } from '../output/progress.ts';
import { relativeTime } from '../output/time.ts';
import { readSecret } from '../parse.ts';
import { askSecret, canPrompt } from '../prompt.ts';

export const secretLsCommand: CommandSpec = {
  name: 'secret ls',
  group: 'Configure',
  summary: 'List the names of stored secrets.',
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const answer = await client.call('listSecrets');
    await output.result(answer.secrets, async () => {
      if (answer.secrets.length === 0) return output.note('There is no stored secret.');
      const now = io.clock.now();
      await output.table(
        [{ title: 'NAME' }, { title: 'SET' }],
        answer.secrets.map((secret) => [secret.name, relativeTime(Date.parse(secret.updatedAt), now)]),
      );
    });
  },
};

export const secretSetCommand: CommandSpec = {
  name: 'secret set',
  group: 'Configure',
  summary: 'Seal a secret under a name: asked for, from standard input, or from a file.',
  arguments: [{ name: '<name>', description: 'As resources name it: password: { store: NAME }.', complete: 'secret' }],
  options: [{ flags: '--from-file <file>', description: 'Take the value from this file.', complete: 'file' }],
  examples: ['sallyport secret set orders-password', 'pass show orders | sallyport secret set orders-password'],
  async run(context) {
    const name = context.args[0]!;
    const value = await readValue(context, name);
    const { client } = await context.api();
    await client.call('putSecret', { params: { name }, body: { value } });
    context.output.note(`✔ Sealed ${name}.`);
  },
};

async function readValue(context: CommandContext, name: string): Promise<string> {
  const { io, options } = context;
  const file = options.text('fromFile');
  if (file !== null) {
    const stream = createReadStream(resolvePath(io.cwd, file));
    try {
      return await readSecret(stream, 'The secret');
    } catch (error) {
      if (error instanceof Error && 'exit' in error) throw error;
      throw cliError('cli.no-file', { path: file, why: reasonOf(error) }, error);
    }
  }
  if (canPrompt(context)) return await askSecret(context, `Value of ${name}`);
  if (io.stdin.isTTY === true)
    throw usage('There is no terminal to ask for the value.', 'Pipe it in, or use --from-file.');
  return await readSecret(io.stdin, 'The secret');
}

export const secretRmCommand: CommandSpec = {
  name: 'secret rm',
  group: 'Configure',
  summary: 'Delete a secret; refused while a resource names it.',
  arguments: [{ name: '<name>', description: 'The secret.', complete: 'secret' }],
  async run(context) {
    const name = context.args[0]!;
    const { client } = await context.api();
    await client.call('deleteSecret', { params: { name } });
    context.output.note(`✔ Deleted ${name}.`);
  },
};

export const secretRotateCommand: CommandSpec = {
  name: 'secret rotate',
  group: 'Configure',
  summary: 'Make a new data key and seal every secret under it again.',
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const spinner = startSpinner(output, io.clock, 'Sealing every secret again');
    const answer = await client.call('rotateSecrets').finally(() => spinner.stop());
    await output.result(answer, async () => {
      await output.fields([
        ['New key', answer.key],
        ['Resealed', String(answer.resealed)],
      ]);
    });
  },
};
