/** What is done to the answer of one command: which masks, which secrets, which names of the target are the origin's. */
import type { HttpMasks } from '../../core/masking.ts';
import type { Command } from '../../core/session.ts';
import { unmaskable } from './answer-body.ts';
import type { AnswerFieldContext } from './answer-fields.ts';
import type { ExchangeParts } from './exchange.ts';
import type { Secrets } from './secrets.ts';

/** What masks the answer. Throws where a plan for streams is there and none for HTTP: then nothing may pass. */
export function masksOf(command: Command): HttpMasks | null {
  const streams = command.judgement?.output?.streams ?? null;
  if (streams === null) return null;
  if (streams.http === undefined) throw unmaskable('no Mask here knows HTTP');
  return streams.http;
}

/** How heads of answers are rewritten for this client. */
export function answerContext(
  { context, conversation }: Pick<ExchangeParts, 'context' | 'conversation'>,
  masks: HttpMasks | null,
  secrets: Secrets,
): AnswerFieldContext {
  const { host, port } = conversation.session.resource;
  const scheme = context.upstreamScheme;
  return {
    origin: `${context.scheme}://${context.authority}`,
    targetOrigins: [
      `${scheme}://${context.upstreamAuthority}`,
      `${scheme}://${host}:${port}`,
      ...(port === (scheme === 'https' ? 443 : 80) ? [`${scheme}://${host}`] : []),
    ],
    masks,
    secrets,
  };
}
