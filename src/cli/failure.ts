/**
 * The end of a run that failed: from whatever was thrown to what happened, what to do, and the exit code. One place, so
 * that the same failure reads the same after every command.
 *
 * Invariant: no stack, no `detail` and no `cause` is shown unless SALLYPORT_DEBUG=1 asks for it.
 */

import { ApiError } from '../api/contract/index.ts';
import { isGatewayError } from '../base/errors.ts';
import { CliError, cliError, reasonOf } from './errors.ts';

/** What was asked of the command line: what to do next depends on it. */
export interface Said {
  /** The command's name: `reviews approve`. Empty where it was not understood. */
  readonly command: string;
  readonly args: readonly string[];
}

/** Any thrown value as an error for the person. `server` is shown where the network is to blame. */
export function explainFailure(error: unknown, server: string | null, isInterrupted: boolean, said: Said): CliError {
  if (error instanceof CliError) return error;
  if (isInterrupted) return cliError('cli.interrupted', {}, error);
  if (error instanceof ApiError) return ofApi(error, said);
  const at = server ?? 'the given address';
  if (isGatewayError(error)) {
    switch (error.code) {
      case 'client.unreachable':
        return cliError('cli.unreachable', { server: at, why: reasonOf(error.cause) }, error);
      case 'client.untrusted':
        return cliError('cli.untrusted', { server: at, why: reasonOf(error.cause) }, error);
      case 'client.timeout':
        return cliError('cli.unreachable', { server: at, why: 'no answer in time' }, error);
      case 'client.interrupted':
        return cliError('cli.unreachable', { server: at, why: 'the answer broke off' }, error);
      case 'client.not-sallyport':
        return cliError('cli.unexpected-answer', { server: at }, error);
      case 'client.bad-address':
        return cliError(
          'cli.usage',
          { what: `${at} is no address of a gateway.`, todo: 'Give https://host:port; http:// only for this machine.' },
          error,
        );
      default:
        return cliError(
          'cli.server',
          { what: error.publicMessage, todo: 'Run sallyport doctor where the gateway runs.' },
          error,
        );
    }
  }
  return cliError(
    'cli.server',
    {
      what: error instanceof Error ? error.message : String(error),
      todo: 'Set SALLYPORT_DEBUG=1 and run it again to see more.',
    },
    error,
  );
}

function ofApi(error: ApiError, said: Said): CliError {
  const what = sentence(error.publicMessage);
  if (error.code === 'api.login-failed')
    return cliError('cli.denied', { what, todo: 'Run sallyport login again.' }, error);
  if (error.status === 401) return cliError('cli.token-refused', {}, error);
  if (/^(review|api\.(own-)?review)/.test(error.code) && error.status < 500) return ofReview(error, what, said);
  if (error.status === 403) {
    return cliError('cli.denied', { what, todo: 'See who you are: sallyport whoami' }, error);
  }
  if (error.status === 429) return cliError('cli.denied', { what, todo: 'Wait a moment and try again.' }, error);
  if (error.status === 404) return cliError('cli.no', { what, todo: `List what there is: ${listingOf(said)}` }, error);
  if (error.status === 409) return cliError('cli.no', { what, todo: 'Resolve what it names, then try again.' }, error);
  if (error.code === 'api.no-checkpoint') {
    return cliError('cli.no', { what, todo: 'One is made every minute while something happens.' }, error);
  }
  if (error.status < 500) {
    const places = error.problems.slice(0, 10).map((problem) => `${problem.path.join('.')}: ${problem.message}`);
    return cliError('cli.usage', { what: [what, ...places].join('\n'), todo: 'Correct it and run it again.' }, error);
  }
  return cliError(
    'cli.server',
    { what, todo: `Try again; the log of the gateway says more at request ${error.requestId}.` },
    error,
  );
}

/** What a review refuses is told by its state and its reviewers. */
function ofReview(error: ApiError, what: string, said: Said): CliError {
  const { command, args } = said;
  if (error.code === 'review.not-requestable') {
    return cliError('cli.no', { what, todo: 'See what you may open already: sallyport connect' }, error);
  }
  const review = command.startsWith('reviews ') ? args[0] : undefined;
  const todo =
    review === undefined ? 'See: sallyport reviews ls' : `Look at it again: sallyport reviews show ${review}`;
  if (error.status === 403 || error.status === 429) return cliError('cli.denied', { what, todo }, error);
  if (error.status === 400) return cliError('cli.usage', { what, todo: 'Correct it and run it again.' }, error);
  return cliError('cli.no', { what, todo: error.status === 404 ? `List them: ${listingOf(said)}` : todo }, error);
}

/** The command that lists what the one that found nothing looked for. */
function listingOf({ command }: Said): string {
  const family = command.split(' ')[0]!;
  const listed = ['reviews', 'grants', 'sessions', 'token', 'secret'];
  return listed.includes(family) ? `sallyport ${family} ls` : 'sallyport get KIND, sallyport sessions ls';
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
