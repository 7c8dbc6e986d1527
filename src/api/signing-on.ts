/**
 * From a proof in person to what stands for it: the password, the second factor, the token or cookie, and the events. Every
 * route on which a local account signs on, or proves itself anew, goes this way.
 *
 * Invariants:
 * - After the right password of who has a second factor there is no token, but a step that waits (identity's factors).
 * - A token that could not be recorded does not exist.
 * - Whatever is wrong with a password, the answer is one and the same; only being throttled may be told (A-ID-10).
 */
import { isGatewayError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import { type Actor, actorOf, type EventBody } from '../core/event.ts';
import { loginBytesMax } from '../core/limits.ts';
import type { Principal } from '../core/principal.ts';
import type { ApiParts } from './context.ts';
import type { PrincipalView, TokenView } from './contract/index.ts';
import { apiErrors } from './errors.ts';
import type { FactorCaller, FactorKind, FactorProof, ProvenNow } from './factor-ports.ts';
import type { TokenRecord } from './ports.ts';
import { factorNeeded } from './problem.ts';

/** A request, as far as proofs look at it. */
export interface Asking {
  readonly source: string;
  readonly requestId: string;
  readonly browser: () => string | null;
}

export interface GivenProof {
  readonly password?: string | undefined;
  readonly factor?: { readonly kind: FactorKind; readonly response: unknown } | undefined;
}

export interface SignedOn {
  readonly principal: Principal;
  readonly secret: string;
  readonly token: TokenRecord;
}

export interface SignOnOrder {
  readonly lifetimeSeconds: number | null;
  readonly use?: 'web';
}

export class SigningOn {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** Rejects with `api.factor-needed` where the password is right, and a second factor has to follow. */
  async byPassword(name: string, password: string, asking: Asking, order: SignOnOrder): Promise<SignedOn> {
    const principal = await this.#password(name, password, asking);
    const step = await this.#parts.ports.factors.challengeFor(principal.name, callerOf(asking));
    if (step.needed === 'factor') {
      const { pendingId, expiresAtMs, factors, passkey } = step;
      throw factorNeeded({
        needed: 'factor',
        pendingId,
        expiresAt: iso(expiresAtMs),
        factors: [...factors],
        passkey: passkey as Record<string, unknown> | null,
      });
    }
    const { provenAtMs = this.#parts.clock.now() } = principal.authentication;
    return this.#issue(principal, { method: 'password', factors: ['pwd'], provenAtMs }, asking, order);
  }

  /** The second step, after the password or (`passkey`) by itself. */
  async byFactor(
    prove: (caller: FactorCaller) => Promise<FactorProof>,
    method: 'password' | 'passkey',
    asking: Asking,
    order: SignOnOrder,
  ): Promise<SignedOn> {
    // Whose it was is known where it was right: the name that was given stands in the event of the first step.
    const proof = await this.#refusedAs('second factor', asking, () => prove(callerOf(asking)));
    const principal = await this.#parts.ports.identity.byFactor(proof, method);
    const { factors, provenAtMs } = proof;
    return this.#issue(principal, { method, factors, provenAtMs }, asking, order);
  }

  /**
   * What a change of proofs rests on: what was given with it, and the sign-on of the call where nothing was. Rejects with
   * `identity.factor-refused` or `api.login-failed` for a wrong one; whether a right one is enough is judged where it counts.
   */
  async proofOf(principal: Principal, given: GivenProof | undefined, asking: Asking): Promise<ProvenNow> {
    const { name, authentication } = principal;
    // Who issued a token for another has it too, and is nobody's proof (A-REV-01).
    if (authentication.issuedBy !== undefined) throw apiErrors('api.forbidden');
    const { password, factor } = given ?? {};
    const proven = password === undefined ? null : await this.#password(name, password, asking);
    if (factor !== undefined) {
      const { provenAtMs, factors } = await this.#refusedAs(name, asking, () =>
        this.#parts.ports.factors.confirm(name, factor.kind, factor.response, callerOf(asking), proven !== null),
      );
      return { provenAtMs, factors };
    }
    if (proven !== null) return { provenAtMs: proven.authentication.provenAtMs ?? null, factors: ['pwd'] };
    return { provenAtMs: authentication.provenAtMs ?? null, factors: authentication.factors ?? [] };
  }

  async keepIfRecorded(token: Pick<TokenRecord, 'id'>, events: readonly EventBody[]): Promise<void> {
    try {
      await this.#parts.record(...events);
    } catch (error) {
      await this.#parts.ports.tokens.revoke(token.id);
      throw error;
    }
  }

  async #password(name: string, password: string, asking: Asking): Promise<Principal> {
    return this.#refusedAs(name, asking, () => this.#parts.ports.identity.login(name, password, asking.source)).catch(
      (error: unknown) => {
        const isTold = !isGatewayError(error) || error.kind !== 'denial' || error.code.endsWith('.throttled');
        throw isTold ? error : apiErrors('api.login-failed', { cause: error });
      },
    );
  }

  async #refusedAs<T>(name: string, { requestId, source }: Asking, prove: () => Promise<T>): Promise<T> {
    return prove().catch((error: unknown) => {
      if (isGatewayError(error) && error.kind === 'denial') {
        const login = escapeLine(name).slice(0, loginBytesMax);
        const { code } = error;
        this.#parts.ports.journal.append({ type: 'identity.refused', connection: requestId, source, login, code });
      }
      throw error;
    });
  }

  async #issue(
    principal: Principal,
    proof: {
      readonly method: 'password' | 'passkey';
      readonly factors: readonly string[];
      readonly provenAtMs: number;
    },
    { source }: Asking,
    order: SignOnOrder,
  ): Promise<SignedOn> {
    const issued = await this.#parts.ports.tokens.issue({
      owner: principal.name,
      createdBy: principal.name,
      description: 'sign-on',
      isSignOn: true,
      proof,
      ...order,
    });
    if (issued === null) throw apiErrors('api.login-failed');
    const actor = actorOf(principal);
    const { method, factors } = proof;
    await this.keepIfRecorded(issued.token, [
      { type: 'identity.signed-on', principal: actor, source, method, factors: [...factors] },
      issuedEvent(actor, issued.token),
    ]);
    return { principal, ...issued };
  }
}

export function callerOf({ source, browser }: Asking): FactorCaller {
  return { source, browser: browser() };
}

export function issuedEvent(principal: Actor, token: Omit<TokenRecord, 'ownerId' | 'description'>): EventBody {
  const { resources = null, agents = [] } = token.rests ?? {};
  return {
    type: 'token.issued',
    principal,
    token: token.id,
    owner: token.owner,
    expiresAtMs: token.expiresAtMs,
    ...(resources === null ? {} : { resources: [...resources] }),
    ...(agents.length === 0 ? {} : { agents: [...agents] }),
  };
}

export function principalView({ id, issuer, subject, name, kind, groups, roles }: Principal): PrincipalView {
  return { id, issuer, subject, name, kind, groups: [...groups], roles: [...roles] };
}

export function tokenView(token: Omit<TokenRecord, 'ownerId'>): TokenView {
  return {
    id: token.id,
    owner: token.owner,
    description: token.description,
    createdAt: iso(token.createdAtMs),
    expiresAt: iso(token.expiresAtMs),
    lastUsedAt: token.lastUsedAtMs === null ? null : iso(token.lastUsedAtMs),
  };
}

/** A token as it is answered to who signed on with it. */
export function signedOnView({ principal, secret, token }: SignedOn) {
  return { ...tokenView(token), token: secret, principal: principalView(principal) };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
