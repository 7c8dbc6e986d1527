/**
 * Decisions that come from a chat: Slack's buttons, as requests to an interactivity endpoint.
 *
 * Invariants (A-REV-02): a request counts only with Slack's signature over its very bytes, of the last five minutes, once;
 * the account in it must map to a principal, and an approval takes a login of that principal of the same day; a button
 * names a review with the digest that was shown, and each person may use it once. Everything else is checked as for any
 * decision: eligibility, state, digest.
 *
 * Deliberately absent: the route (the API's), decisions from Teams, whose cards carry a link only.
 *
 * Slack: "Verifying requests from Slack", "Handling user interaction: block_actions".
 */
import type { Clock } from '../base/clock.ts';
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
}

export interface Chat {
  /** For `slackMessage`. */
  buttons(review: Review): ChatButtons;
  /** Takes a request of Slack's as it came. Resolves with the review after the decision; rejects with a denial. */
  slack(request: SlackRequest): Promise<Review>;
}

export function createChat(parts: ChatParts): Chat {
  const { clock, reviews, referenceSecret } = parts;
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
    },
  };
}

interface Action {
  readonly team: string;
  readonly user: string;
  readonly decision: 'approve' | 'deny';
  readonly value: string;
}

/** What was pressed, by whom. Throws `review.bad-chat-request` for anything but one press of one of our buttons. */
function actionOf(body: Buffer): Action {
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
    throw reviewErrors('review.bad-chat-request');
  }
  return { team, user, decision: chatActions[id], value };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw reviewErrors('review.bad-chat-request', { cause });
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
