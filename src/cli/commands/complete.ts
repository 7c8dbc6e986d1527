/** The hidden command behind shell completion. Never fails aloud: a Tab key that prints an error is worse than none. */

import type { Client } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import { emptyAlertQuery } from '../alerts.ts';
import type { CommandContext, CommandSpec, CompletionSource } from '../command.ts';
import { type Candidate, completeWords } from '../completion/candidates.ts';
import { kindOf } from '../kinds.ts';
import { completionDeadlineMs, completionItemsMax } from '../limits.ts';
import { emptyReviewQuery } from '../reviews.ts';
import { emptySessionQuery } from '../sessions.ts';
import { topics } from './help.ts';

export const completeCommand: CommandSpec = {
  name: '__complete',
  group: 'Help',
  summary: 'Candidates for shell completion.',
  hidden: true,
  arguments: [{ name: '[words...]', description: 'The words before the cursor, the last one being written.' }],
  async run(context) {
    const found = await completeWords(context.args, context.commands, (source, before, current) =>
      look(context, source, before, current),
    );
    const lines = found.words
      .slice(0, completionItemsMax)
      .map(({ word, description }) => `${escapeLine(word)}\t${escapeLine(description)}`);
    if (found.paths !== null) lines.push(`:${found.paths}`);
    await context.output.lines(lines);
  },
};

/** Names from the profile file or the gateway; nothing when not logged in, not allowed, or too slow. */
async function look(
  context: CommandContext,
  source: CompletionSource,
  before: readonly string[],
  current: string,
): Promise<readonly Candidate[]> {
  try {
    if (source === 'topic') return topics(context.commands).map((word) => ({ word, description: '' }));
    if (source === 'profile') return (await context.profiles.names()).map((word) => ({ word, description: 'profile' }));
    const profile = await context.profile();
    if (profile.token === null) return [];
    const { client } = await context.openApi(profile, completionDeadlineMs);
    return source === 'query' ? await suggestions(client, before, current) : await ask(client, source, before);
  } catch {
    // Whatever went wrong, the person pressed Tab and has no use for it; the command itself will say it.
    return [];
  }
}

/** What may stand where a query is being written. bash parts words at colons: then what is behind it is completed. */
async function suggestions(client: Client, before: readonly string[], current: string): Promise<readonly Candidate[]> {
  const isParted = current === ':' || before.at(-1) === ':';
  const lead = !isParted ? '' : current === ':' ? (before.at(-1) ?? '') : `${before.at(-2) ?? ''}:`;
  const query = `${lead}${current}`;
  const { from, suggestions: found } = await client.call('suggestSearch', { body: { query, cursor: query.length } });
  const kept = isParted ? '' : query.slice(0, from);
  return found.map(({ text, means }) => ({ word: `${kept}${text}`, description: means }));
}

async function ask(client: Client, source: CompletionSource, before: readonly string[]): Promise<readonly Candidate[]> {
  switch (source) {
    case 'resource':
      return (await client.call('listResources')).resources.map(({ name, title }) => ({
        word: name,
        description: title,
      }));
    case 'session':
      return (
        await client.call('listSessions', { query: { ...emptySessionQuery, limit: completionItemsMax } })
      ).sessions.map((session) => ({
        word: session.id,
        description: `${session.live ? 'live: ' : ''}${session.principal.name} on ${session.resource}`,
      }));
    case 'object': {
      const kind = kindOf(before[0] ?? '');
      const { objects } = await client.call('listObjects', { params: { kind } });
      return objects.map((object) => ({ word: object.metadata.name, description: kind }));
    }
    case 'principal': {
      const { objects } = await client.call('listObjects', { params: { kind: 'Principal' } });
      return objects.map((object) => ({ word: object.metadata.name, description: 'Principal' }));
    }
    case 'secret':
      return (await client.call('listSecrets')).secrets.map(({ name }) => ({ word: name, description: 'secret' }));
    case 'token':
      return (await client.call('listTokens', { query: {} })).tokens.map(({ id, owner, description }) => ({
        word: id,
        description: `${owner} ${description}`.trim(),
      }));
    case 'review': {
      const query = { ...emptyReviewQuery, state: 'pending', limit: completionItemsMax } as const;
      return (await client.call('listReviews', { query })).reviews.map(({ id, requester, resource }) => ({
        word: id,
        description: `${requester.name} on ${resource}`,
      }));
    }
    case 'search':
      return (await client.call('listSearches')).searches.map(({ name, query }) => ({
        word: name,
        description: query,
      }));
    case 'alert': {
      const query = { ...emptyAlertQuery, state: 'active', limit: completionItemsMax } as const;
      return (await client.call('listAlerts', { query })).alerts.map(({ id, detection, severity, principal }) => ({
        word: id,
        description: `${severity} ${detection} ${principal?.name ?? ''}`.trim(),
      }));
    }
    case 'sink': {
      const { sinks } = await client.call('listSinks');
      return sinks.map(({ name, target }) => ({ word: name, description: target }));
    }
    case 'response': {
      const query = { all: undefined, alert: undefined, limit: completionItemsMax, cursor: undefined };
      return (await client.call('listResponses', { query })).responses.map(({ id, kind, owner, detection }) => ({
        word: id,
        description: `${kind} ${owner.name} by ${detection}`,
      }));
    }
    case 'grant':
      return (await client.call('listGrants', { query: { limit: completionItemsMax, cursor: undefined } })).grants.map(
        ({ id, owner, resource }) => ({ word: id, description: `${owner.name} on ${resource}` }),
      );
    default:
      return [];
  }
}
