/**
 * Asking a person. Only at a terminal: a script that forgot an option gets an error, never a hang.
 *
 * Prompts go to standard error, so that a redirected output stays clean.
 */
import { confirm, isCancel, password, text } from '@clack/prompts';
import type { CommandContext } from './command.ts';
import { cliError } from './errors.ts';

export function canPrompt(context: CommandContext): boolean {
  return context.io.stdin.isTTY === true && context.io.stderr.isTTY === true;
}

/** Asks for a line, shown as typed. */
export async function askText(context: CommandContext, message: string): Promise<string> {
  return answerOf(await text({ message, ...streamsOf(context), validate: isFilled }));
}

/** Asks yes or no; no unless it is chosen. */
export async function askYes(context: CommandContext, message: string): Promise<boolean> {
  const answer = await confirm({ message, ...streamsOf(context), initialValue: false });
  if (isCancel(answer)) throw cliError('cli.interrupted');
  return answer;
}

/** Asks for a secret; nothing of it is shown but its length. */
export async function askSecret(context: CommandContext, message: string): Promise<string> {
  return answerOf(await password({ message, ...streamsOf(context), validate: isFilled }));
}

function streamsOf(context: CommandContext): {
  input: CommandContext['io']['stdin'];
  output: CommandContext['io']['stderr'];
  signal: AbortSignal;
} {
  return { input: context.io.stdin, output: context.io.stderr, signal: context.signal };
}

function isFilled(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? 'It must not be empty.' : undefined;
}

function answerOf(value: string | symbol): string {
  if (isCancel(value)) throw cliError('cli.interrupted');
  return String(value);
}
