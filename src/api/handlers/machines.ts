/**
 * Service accounts, workloads and agents: token exchange as RFC 8693 has it, and replacing a token by a new one.
 *
 * Invariants:
 * - The answers of the exchange are the RFC's own, and the same for whatever is wrong with a token (A-ID-10).
 * - What a token is given for is in the journal before it is told.
 *
 * Deliberately absent: verifying and narrowing (identity).
 */
import { isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { actorOf, type EventBody } from '../../core/event.ts';
import { loginBytesMax } from '../../core/limits.ts';
import { actingNames, type Principal } from '../../core/principal.ts';
import type { ApiParts, Handlers, HttpAnswer } from '../context.ts';
import { contractLimits, namePattern, tokenExchange } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import type { MachineOutcome } from '../machine-ports.ts';
import { publicErrorOf, statusOf } from '../problem.ts';
import { issuedEvent, SigningOn, tokenView } from '../signing-on.ts';

type MachineRoute = 'exchangeToken' | 'rotateToken';

/** RFC 6749, 5.2, and RFC 8693, 2.2.2. */
type OauthError =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable';

class Refused extends Error {
  readonly error: OauthError;
  constructor(error: OauthError, description: string) {
    super(description);
    this.error = error;
  }
}

/** What is said of any token that does not count. */
const notAccepted = 'The token was not accepted. An operator finds the reason in the log.';

export function machineHandlers(parts: ApiParts): Pick<Handlers, MachineRoute> {
  const { ports, clock } = parts;
  const { machines, tokens, journal } = ports;
  const signingOn = new SigningOn(parts);
  return {
    async exchangeToken({ input, source, requestId }) {
      let login = '';
      try {
        const form = new URLSearchParams(input.body.toString('utf8'));
        login = form.get('principal') ?? '';
        const given = await exchange(orderOf(form), source);
        await keep(given, source);
        return answer(200, successOf(given));
      } catch (error) {
        if (isGatewayError(error) && error.kind === 'denial') {
          const name = escapeLine(login).slice(0, loginBytesMax);
          journal.append({ type: 'identity.refused', connection: requestId, source, login: name, code: error.code });
        }
        return failureOf(error);
      }
    },

    async rotateToken({ principal, scope, input }) {
      const old = await tokens.find(input.params.id);
      if (old === null || (scope === 'own' && old.ownerId !== principal.id)) {
        throw apiErrors('api.not-found', { values: { what: 'token' } });
      }
      // A program that renews its own token would never end.
      if (principal.kind !== 'person') throw apiErrors('api.people-only');
      const { overlapSeconds } = input.body;
      const { secret, token } = await machines.rotate(old.id, overlapSeconds, actingNames(principal));
      const actor = actorOf(principal);
      const replaces = { token: old.id, endsAtMs: clock.now() + overlapSeconds * 1000 };
      const { owner } = old;
      await signingOn.keepIfRecorded(token, [
        { ...issuedEvent(actor, token), replaces } as EventBody,
        ...(overlapSeconds === 0 ? [{ type: 'token.revoked', principal: actor, token: old.id, owner } as const] : []),
      ]);
      return { ...tokenView(token), token: secret };
    },
  };

  async function exchange(order: Order, source: string): Promise<MachineOutcome> {
    const { subject, actor, principal, resources, lifetimeSeconds } = order;
    if (actor === null) {
      if (subject.type === tokenExchange.accessToken) {
        throw new Refused('invalid_request', 'An access token is exchanged for an agent: give its actor_token too.');
      }
      return machines.exchange({ token: subject.token, principal, resources, lifetimeSeconds }, source);
    }
    const person = await proven(subject.token, source);
    const agent = await proven(actor.token, source);
    // Who acts for another here, acts for nobody by another token.
    if (agent.kind !== 'agent' || agent.authentication.actors !== undefined) {
      throw new Refused('invalid_grant', 'The actor_token is not an agent’s own.');
    }
    const description = `for ${agent.name}`;
    return machines.delegate({ principal: person, agent, resources, lifetimeSeconds, description });
  }

  async function proven(token: string, source: string): Promise<Principal> {
    const { principal, tokenId } = await ports.identity.verifyToken(token, 'access', source);
    if (ports.access.lockOf(principal, tokenId) !== null) throw new Refused('invalid_grant', notAccepted);
    return principal;
  }

  async function keep({ principal, token, workload }: MachineOutcome, source: string): Promise<void> {
    const actor = actorOf(principal);
    const { method } = principal.authentication;
    await signingOn.keepIfRecorded(token, [
      ...(workload === null
        ? []
        : [{ type: 'identity.signed-on', principal: actor, source, method, workload } as const]),
      issuedEvent(actor, token),
    ]);
  }

  function successOf({ secret, token }: MachineOutcome): object {
    const resources = token.rests?.resources ?? null;
    return {
      access_token: secret,
      issued_token_type: tokenExchange.accessToken,
      token_type: 'Bearer',
      expires_in: Math.max(0, Math.floor((token.expiresAtMs - clock.now()) / 1000)),
      ...(resources === null ? {} : { scope: resources.map((name) => `resource:${name}`).join(' ') }),
    };
  }

  function failureOf(error: unknown): HttpAnswer {
    if (error instanceof Refused) return answer(400, { error: error.error, error_description: error.message });
    const known = publicErrorOf(error, contractLimits.bodyBytesMax);
    if (known.kind === 'assertion') throw error;
    const status = statusOf(known);
    if (status === 429 || known.kind === 'operation') {
      return answer(status, { error: 'temporarily_unavailable', error_description: known.publicMessage });
    }
    const said = toldErrors[known.code];
    return answer(400, { error: said ?? 'invalid_grant', error_description: said ? known.publicMessage : notAccepted });
  }
}

/** Of what was proven, why it gives no token may be told. */
const toldErrors: Readonly<Record<string, OauthError>> = {
  'identity.scope-exceeded': 'invalid_target',
  'identity.invalid-lifetime': 'invalid_request',
  'identity.chain-refused': 'invalid_grant',
  'identity.not-an-agent': 'invalid_grant',
  'identity.too-many-tokens': 'invalid_grant',
};

interface Given {
  readonly token: string;
  readonly type: string;
}

interface Order {
  readonly subject: Given;
  readonly actor: Given | null;
  readonly principal: string | null;
  readonly resources: readonly string[] | null;
  readonly lifetimeSeconds: number | null;
}

const lists: readonly string[] = ['audience', 'resource'];
const tokenTypes: readonly string[] = [tokenExchange.jwt, tokenExchange.idToken, tokenExchange.accessToken];

function orderOf(form: URLSearchParams): Order {
  for (const name of new Set(form.keys())) {
    // RFC 6749, 3.2: a parameter is not repeated.
    if (!lists.includes(name) && form.getAll(name).length > 1)
      throw new Refused('invalid_request', 'A parameter is repeated.');
  }
  const text = (name: string): string | null => form.get(name) || null;
  if (text('grant_type') !== tokenExchange.grantType) {
    throw new Refused('unsupported_grant_type', `The one grant_type here is ${tokenExchange.grantType}.`);
  }
  const wanted = text('requested_token_type');
  if (wanted !== null && wanted !== tokenExchange.accessToken) {
    throw new Refused('invalid_request', 'Only access tokens are issued.');
  }
  const given = (name: 'subject' | 'actor'): Given | null => {
    const token = text(`${name}_token`);
    const type = text(`${name}_token_type`);
    if (token === null && type === null) return null;
    if (token === null || type === null || !tokenTypes.includes(type)) {
      throw new Refused(
        'invalid_request',
        `${name}_token goes with its ${name}_token_type: jwt, id_token, access_token.`,
      );
    }
    return { token, type };
  };
  const subject = given('subject');
  if (subject === null) throw new Refused('invalid_request', 'There is no subject_token.');
  const seconds = text('expires_in');
  if (seconds !== null && !/^\d{1,9}$/.test(seconds)) throw new Refused('invalid_request', 'expires_in is in seconds.');
  return {
    subject,
    actor: given('actor'),
    principal: text('principal'),
    resources: resourcesOf(form),
    lifetimeSeconds: seconds === null ? null : Number(seconds),
  };
}

/** Three spellings of the same: `audience` is what RFC 8693 has for logical names, the others for who cannot send it. */
function resourcesOf(form: URLSearchParams): readonly string[] | null {
  const after = (prefix: string, text: string): string => (text.startsWith(prefix) ? text.slice(prefix.length) : '');
  const scopes = (form.get('scope') ?? '').split(' ').filter((one) => one !== '');
  const names = [
    ...form.getAll('audience'),
    ...form.getAll('resource').map((uri) => after('urn:sallyport:resource:', uri)),
    ...scopes.map((one) => after('resource:', one)),
  ];
  if (names.length === 0) return null;
  if (names.length > contractLimits.scopeResourcesMax || names.some((name) => !namePattern.test(name))) {
    throw new Refused('invalid_target', 'What it is to be good for are names of resources, a few at most.');
  }
  return [...new Set(names)];
}

function answer(status: number, body: object): HttpAnswer {
  return {
    status,
    fields: [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
      ['pragma', 'no-cache'],
    ],
    body: JSON.stringify(body),
  };
}
