/**
 * Decisions that come from a chat: Slack's buttons, as requests to an interactivity endpoint.
 *
 * Invariants (A-REV-02): a request counts only with Slack's signature over its very bytes, of the last five minutes, once;
 * the account in it must map to a principal, and an approval takes a login of that principal of the same day; a button
 * names a review with the digest that was shown, and each person may use it once. Everything else is checked as for any
 * decision: eligibility, state, digest. Who has Slack's signature is told in words what came of it; who has not, nothing.
 *
 * Deliberately absent: the route (the API's), decisions from Teams, whose cards carry a link only.
 *
 * Slack: "Verifying requests from Slack", "Handling user interaction: block_actions".
 */
import type { Clock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { escapeSlack } from '../base/escape.ts';
import { newSecret } from '../base/ids.ts';
import type { Principal } from '../core/principal.ts';
import {
  type ChatButtons,
  type ChatDirectory,
  chatActions,
  OnceOnly,
  openReference,
  principalOfChat,
  type Review,
  reviewErrors,
  reviewLimits,
  type SlackRequest,
  sealReference,
  verifySlack,
} from '../review/index.ts';
import type { ReviewService } from './reviews.ts';

export interface ChatParts {
  readonly clock: Clock;
  readonly reviews: Pick<ReviewService, 'decide'>;
  /** Slack's signing secret of the application; asked for at each use. */
  readonly signingSecret: () => Promise<string>;
  /** A secret of this installation, shared by its gateways. */
  readonly referenceSecret: string;
  /** As configured now: `slack:TEAM/USER` → id of a principal. */
  readonly accounts: () => ChatDirectory;
  /** The principal as configured now, with nothing that a login would add; null where it is gone or disabled. */
  readonly principal: (id: string) => Omit<Principal, 'authentication'> | null;
  /** When the principal logged in last with proof of its own, wall clock milliseconds; null where it never did. */
  readonly lastLoginMs: (principal: string) => Promise<number | null>;
  /**
   * Sends a message to the address that Slack gave for answering a press: what the HTTP answer holds, Slack takes as an
   * acknowledgement and shows to nobody.
   */
  readonly reply: (url: string, message: object) => void;
}

/** What came of a press. */
export interface ChatAnswer {
  /** Why nothing was decided; null where it was. */
  readonly code: string | null;
  /** The same in plain words, in Slack's spelling, for who pressed. */
  readonly text: string;
}

export interface Chat {
  /** For `slackMessage`. */
  buttons(review: Review): ChatButtons;
  /** Takes a request of Slack's as it came. Rejects where the signature is not Slack's, and where it cannot be decided now. */
  slack(request: SlackRequest): Promise<ChatAnswer>;
}

export function createChat(parts: ChatParts): Chat {
  const { clock, referenceSecret } = parts;
  const once = new OnceOnly();
  const seal = ({ id, digest }: Review): string => {
    const expiresAtMs = clock.now() + reviewLimits.chatLinkMs;
    return sealReference(referenceSecret, { review: id, digest, nonce: newSecret(10), expiresAtMs });
  };
  return {
    buttons: (review) => ({ approve: seal(review), deny: seal(review) }),
    slack: async (request) => {
      if (request.body.length > reviewLimits.chatBodyBytesMax) throw reviewErrors('review.bad-chat-request');
      // The signature before anything is read: who has none learns nothing.
      verifySlack(await parts.signingSecret(), request, once, clock.now());
      const action = actionOf(request.body);
      // Slack also tells of presses of the link, which is no button of ours: acknowledged, and nobody is bothered.
      if (action === null) return answerOf(reviewErrors('review.bad-chat-request'));
      const answer = await decide(parts, once, action).then((review) => decidedText(action, review), answerOf);
      const message = { response_type: 'ephemeral', replace_original: false, text: answer.text };
      if (action.replyUrl !== null) parts.reply(action.replyUrl, message);
      return answer;
    },
  };
}

async function decide(parts: ChatParts, once: OnceOnly, action: Action): Promise<Review> {
  const { clock, reviews, referenceSecret } = parts;
  const id = principalOfChat(parts.accounts(), 'slack', action.team, action.user);
  const principal = parts.principal(id);
  if (principal === null) throw reviewErrors('review.disabled');
  const loginMs = await parts.lastLoginMs(id);
  const isFresh = loginMs !== null && clock.now() - loginMs <= reviewLimits.chatLoginMs;
  // A denial harms nobody, and may be urgent.
  if (action.decision === 'approve' && !isFresh) throw reviewErrors('review.login-required');
  const { review, digest } = openReference(referenceSecret, action.value, id, once, clock.now());
  const authentication = { method: 'system', credentialId: null, atMs: loginMs ?? 0 } as const;
  const options = { reason: '', how: 'slack', digest };
  return reviews.decide({ ...principal, authentication }, review, action.decision, options);
}

function decidedText({ decision }: Action, { state, requester, subject }: Review): ChatAnswer {
  const { resource } = subject.type === 'break-glass' ? subject.command : subject;
  const what = `what ${requester.name} asked for on ${resource.name}`;
  const outcome = state === 'pending' ? 'It needs others to approve as well.' : `It is ${state} now.`;
  const text = decision === 'deny' ? `You denied ${what}.` : `You approved ${what}. ${outcome}`;
  return { code: null, text: escapeSlack(text) };
}

/** A refusal in words. What is not one, such as a store that does not answer, stays an error: Slack shows that it failed. */
function answerOf(error: unknown): ChatAnswer {
  const isRefusal = isGatewayError(error) && (error.kind === 'denial' || error.code === 'review.conflict');
  if (!isRefusal) throw error;
  // The request was signed, so it is the button's reference that is not good.
  const isButton = error.code === 'review.bad-signature';
  const why = isButton ? 'This button is too old, or not of this gateway. Follow the link.' : error.publicMessage;
  return { code: error.code, text: escapeSlack(`Nothing was decided. ${why}`) };
}

interface Action {
  readonly team: string;
  readonly user: string;
  readonly decision: 'approve' | 'deny';
  readonly value: string;
  /** Where an answer for who pressed may be sent, as the request says; whoever sends checks it. */
  readonly replyUrl: string | null;
}

/** What was pressed, by whom; null for anything but one press of one of our buttons. */
function actionOf(body: Buffer): Action | null {
  const payload = parse(new URLSearchParams(body.toString()).get('payload') ?? '');
  const actions = field(payload, 'actions');
  const action: unknown = Array.isArray(actions) && actions.length === 1 ? actions[0] : null;
  const found = {
    type: field(payload, 'type'),
    team: field(field(payload, 'team'), 'id'),
    user: field(field(payload, 'user'), 'id'),
    id: field(action, 'action_id'),
    value: field(action, 'value'),
  };
  const { type, team, user, id, value } = found;
  if (
    type !== 'block_actions' ||
    typeof team !== 'string' ||
    typeof user !== 'string' ||
    typeof value !== 'string' ||
    (id !== 'sallyport-approve' && id !== 'sallyport-deny')
  ) {
    return null;
  }
  const replyUrl = field(payload, 'response_url');
  return { team, user, decision: chatActions[id], value, replyUrl: typeof replyUrl === 'string' ? replyUrl : null };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
