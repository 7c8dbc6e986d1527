/** Asking for a second factor, or for whatever proves a person anew, at the terminal. Passkeys are a browser's. */
import { ApiError } from '../api/contract/index.ts';
import type { Api } from './api.ts';
import type { CommandContext } from './command.ts';
import { cliError } from './errors.ts';
import { askSecret, canPrompt } from './prompt.ts';

type Kind = 'passkey' | 'totp' | 'recovery';

export interface GivenCode {
  readonly kind: 'totp' | 'recovery';
  readonly response: string;
}

export interface GivenProof {
  readonly password?: string;
  readonly factor?: GivenCode;
}

/** Wrong answers after which the prompt gives up; the gateway does no later. */
const triesMax = 3;

/** Six digits are an authenticator's; recovery codes are longer. */
export function readCode(typed: string, kinds: readonly Kind[]): GivenCode {
  const isShort = /^[\d\s-]{6,8}$/.test(typed.trim());
  const isTotp = kinds.includes('totp') && (isShort || !kinds.includes('recovery'));
  return { kind: isTotp ? 'totp' : 'recovery', response: typed.trim() };
}

/** Asks for a code until `use` takes it. `given` is tried alone, for scripts. */
export async function withCode<T>(
  context: CommandContext,
  kinds: readonly Kind[],
  given: string | null,
  use: (code: GivenCode) => Promise<T>,
): Promise<T> {
  const codes = kinds.filter((kind) => kind !== 'passkey');
  if (codes.length === 0) {
    const what = 'This account has a passkey and no authenticator, and terminals have no passkeys.';
    throw cliError('cli.denied', { what, todo: 'Use the browser: sallyport login --browser' });
  }
  if (given !== null) return use(readCode(given, kinds));
  if (!canPrompt(context)) {
    const what = 'This takes the code of a second factor.';
    throw cliError('cli.denied', { what, todo: 'Run it at a terminal, or give the code with --code.' });
  }
  const what = codes.includes('totp') ? 'Code of your authenticator' : 'Recovery code';
  for (let tries = 1; ; tries++) {
    const typed = await askSecret(context, codes.length > 1 ? `${what}, or a recovery code` : what);
    try {
      return await use(readCode(typed, kinds));
    } catch (error) {
      const mayTry = error instanceof ApiError && error.code === 'identity.factor-refused' && tries < triesMax;
      if (!mayTry) throw error;
      context.output.warn(error.publicMessage);
    }
  }
}

/** Does `work`, and once more with a proof that is asked for where the gateway wants one. */
export async function withProof<T>(
  context: CommandContext,
  { client }: Api,
  work: (proof: GivenProof | undefined) => Promise<T>,
  todo = 'Log in anew and repeat it within five minutes, run it at a terminal, or give --code.',
): Promise<T> {
  const code = context.options.text('code');
  try {
    if (code === null) return await work(undefined);
  } catch (error) {
    if (!(error instanceof ApiError) || !['api.prove-again', 'identity.proof-needed'].includes(error.code)) throw error;
    if (!canPrompt(context)) {
      throw cliError('cli.denied', { what: error.publicMessage, todo }, error);
    }
  }
  const { factors, password } = await client.call('confirmation', { body: {} });
  if (factors.length > 0) return withCode(context, factors, code, (factor) => work({ factor }));
  if (!password) {
    const what = 'This takes a proof that it is you, now, which your identity provider gives.';
    throw cliError('cli.denied', { what, todo: 'Log in anew, and repeat it within five minutes: sallyport login' });
  }
  return work({ password: await askSecret(context, 'Your password, to confirm that it is you') });
}
