/**
 * Who asks: the proof that a request carries, and the session that it opens or joins.
 *
 * Invariants:
 * - Each request is by its own proof. A connection whose client showed a certificate is that client's alone, and each request
 *   on it is proven by that as well: what the request brings beside must be the same principal's.
 * - A proof is asked about again when its session has ended, and after a while in any case.
 * - A browser's cookie is no proof for what another site has the browser do.
 *
 * Deliberately absent: pages and cookies of a browser's sign-on (visits.ts).
 */
import { createHash, hash } from 'node:crypto';
import { isGatewayError } from '../../base/errors.ts';
import type { Principal } from '../../core/principal.ts';
import type { Door } from '../../core/protocol.ts';
import type { RequestHead } from './client.ts';
import type { Conversation, Conversations } from './conversation.ts';
import { httpErrors } from './errors.ts';
import { firstOf, valuesOf } from './fields.ts';
import * as limits from './limits.ts';
import type { Origin } from './origin.ts';
import { visitSecretOf } from './visits.ts';
import { preferenceOf } from './waiting.ts';

type Proof =
  | { readonly kind: 'token'; readonly secret: string }
  | { readonly kind: 'secret'; readonly login: string; readonly secret: string }
  | { readonly kind: 'visit'; readonly secret: string }
  | CertificateProof;

interface CertificateProof {
  readonly kind: 'certificate';
  /** Of the certificate, in hexadecimal. */
  readonly digest: string;
  /** What the request itself brings. */
  readonly beside: Exclude<Proof, CertificateProof> | null;
}

interface Known {
  readonly conversation: Promise<Conversation>;
  /** What it came to, once that is known. */
  settled: Conversation | null;
  readonly untilMs: number;
}

export class SignOn {
  readonly #door: Door;
  readonly #conversations: Conversations;
  readonly #scheme: 'http' | 'https';
  readonly #known = new Map<string, Known>();
  /** What the client showed in its handshake, in DER. */
  readonly #certificate: Buffer | null;

  constructor(door: Door, conversations: Conversations, scheme: 'http' | 'https', certificate: Buffer | null) {
    this.#certificate = certificate;
    this.#door = door;
    this.#conversations = conversations;
    this.#scheme = scheme;
  }

  /** The conversation that a request belongs to; at once where the proof is known. Throws or rejects with what the client is told. */
  conversation(head: RequestHead, origin: Origin): Conversation | Promise<Conversation> {
    const proof = this.#proofOf(head);
    if (proof === null) throw httpErrors('http.no-proof');
    // A browser shows cookies and certificates to whatever any site asks of it; programs have no cookie and say of no site.
    const cookie = proof.kind === 'certificate' ? proof.beside : proof;
    if (cookie?.kind === 'visit' || (proof.kind === 'certificate' && isAskedByPage(head))) {
      this.#assertSameSite(head, origin);
    }
    const key = hash('sha256', JSON.stringify([origin.resource, proof]), 'base64');
    const known = this.#known.get(key);
    if (known === undefined || known.untilMs <= this.#door.clock.monotonic())
      return this.#join(key, proof, head, origin);
    if (known.settled !== null && !known.settled.session.ended) return known.settled;
    return known.conversation.then((conversation) =>
      conversation.session.ended ? this.#join(key, proof, head, origin) : conversation,
    );
  }

  /** Asks about the proof, and remembers what came of it. */
  async #join(key: string, proof: Proof, head: RequestHead, origin: Origin): Promise<Conversation> {
    const conversation = this.#open(proof, head, origin);
    const untilMs = this.#door.clock.monotonic() + limits.proofLifetimeMs;
    const entry: Known = { conversation, settled: null, untilMs };
    this.#known.delete(key);
    this.#known.set(key, entry);
    if (this.#known.size > limits.proofsMax) this.#known.delete(this.#known.keys().next().value!);
    try {
      entry.settled = await conversation;
      return entry.settled;
    } catch (error) {
      if (this.#known.get(key) === entry) this.#known.delete(key);
      throw error;
    }
  }

  async #open(proof: Proof, head: RequestHead, origin: Origin): Promise<Conversation> {
    const principal = await this.#identify(proof, origin);
    await this.#awaitAccess(principal, head, origin);
    const agent = firstOf(head.fields, 'user-agent');
    const session = await this.#door.openSession(principal, origin.resource, {
      origin: `${this.#scheme}://${origin.authority}`,
      version: `HTTP/${head.version}`,
      proof: proof.kind,
      ...(agent === null ? {} : { software: agent.slice(0, limits.parameterLengthMax) }),
    });
    return this.#conversations.of(session, this.#door);
  }

  /**
   * Where connecting asks for access, the request waits for the answer as a held one does: for a while, and then it is to
   * come again.
   */
  async #awaitAccess(principal: Principal, head: RequestHead, { resource }: Origin): Promise<void> {
    const agent = firstOf(head.fields, 'user-agent') ?? 'a client of HTTP';
    const wait = await this.#door.awaitAccess(principal, resource, agent);
    if (wait === null) return;
    const { isAsync, waitMs } = preferenceOf(head.fields);
    const patienceMs = limits.holdPatienceSecondsDefault * 1000;
    const timer = this.#door.clock.after(Math.min(waitMs ?? (isAsync ? 0 : patienceMs), patienceMs), () =>
      wait.leave(),
    );
    try {
      await wait.outcome;
    } finally {
      timer.cancel();
    }
  }

  #proofOf(head: RequestHead): Proof | null {
    if (this.#certificate === null) return proofOf(head, this.#scheme);
    const digest = createHash('sha256').update(this.#certificate).digest('hex');
    // A client that signs its requests for the target (AWS) has no other field for that; it does not go on.
    const isOurs = valuesOf(head.fields, 'authorization').every((value) => /^(?:bearer|basic) /i.test(value));
    return { kind: 'certificate', digest, beside: isOurs ? proofOf(head, this.#scheme) : null };
  }

  async #identifyByCertificate({ beside }: CertificateProof, origin: Origin): Promise<Principal> {
    let principal: Principal;
    try {
      principal = await this.#door.identifyByTlsCertificate(this.#certificate!);
    } catch (cause) {
      // Not what a browser without a sign-on hears: signing on there would change nothing.
      if (isGatewayError(cause) && cause.code === 'core.not-authenticated')
        throw httpErrors('http.certificate', { cause });
      throw cause;
    }
    if (beside === null) return principal;
    const other = await this.#identify(beside, origin);
    if (other.id === principal.id) return other;
    this.#door.refuseIdentity(other.name, 'http.two-principals');
    throw httpErrors('http.two-principals');
  }

  #identify(proof: Proof, origin: Origin): Promise<Principal> {
    if (proof.kind === 'certificate') return this.#identifyByCertificate(proof, origin);
    if (proof.kind === 'visit') return this.#door.identifyByVisit(proof.secret, origin.resource);
    if (proof.kind === 'token') return this.#door.identifyByToken(proof.secret);
    return this.#door.identifyBySecret(proof.login, proof.secret);
  }

  /**
   * The cookie goes with whatever makes the browser ask. Other resources are siblings below one domain, and so the same
   * site: what they begin is refused as what any other site begins, but for links that a person follows (A-HTTP-09).
   */
  #assertSameSite(head: RequestHead, origin: Origin): void {
    const { method, fields } = head;
    const site = firstOf(fields, 'sec-fetch-site');
    const from = firstOf(fields, 'origin')?.toLowerCase() ?? null;
    const isOwn = from === `${this.#scheme}://${origin.authority}`;
    // Scripts of any site may open a WebSocket, with cookies, and read it (A-HTTP-13). All browsers say from where.
    if (firstOf(fields, 'upgrade') !== null) {
      if (isOwn && (site === null || site === 'same-origin')) return;
      throw httpErrors('http.cross-site');
    }
    // `none`: a person did it, in the browser's own controls.
    if (site === 'same-origin' || site === 'none') return;
    const isSafe = method === 'GET' || method === 'HEAD';
    // Browsers without the field say Origin with everything that is not safe.
    if (site === null ? isOwn || (from === null && isSafe) : isSafe && isFollowedLink(head)) return;
    throw httpErrors('http.cross-site');
  }
}

/** What only browsers say. */
function isAskedByPage({ fields }: RequestHead): boolean {
  return firstOf(fields, 'sec-fetch-site') !== null || firstOf(fields, 'origin') !== null;
}

/** In a page of its own: a frame would let another site lay its own over it. */
function isFollowedLink({ fields }: RequestHead): boolean {
  return firstOf(fields, 'sec-fetch-mode') === 'navigate' && firstOf(fields, 'sec-fetch-dest') === 'document';
}

/** The proof of a request, or null. Throws `http.malformed` where there are two, or one that is too long. */
export function proofOf({ fields }: RequestHead, scheme: 'http' | 'https'): Exclude<Proof, CertificateProof> | null {
  const values = valuesOf(fields, 'authorization');
  if (values.length > 1) throw httpErrors('http.malformed', { values: { what: 'it has more than one Authorization' } });
  const [value] = values;
  if (value === undefined) {
    const secret = visitSecretOf(fields, scheme);
    return secret === null ? null : { kind: 'visit', secret };
  }
  if (value.length > limits.credentialBytesMax) throw httpErrors('http.no-proof');
  const bearer = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(value);
  if (bearer !== null) return { kind: 'token', secret: bearer[1]! };
  const basic = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(value);
  if (basic === null) throw httpErrors('http.no-proof');
  const text = Buffer.from(basic[1]!, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw httpErrors('http.no-proof');
  const [login, secret] = [text.slice(0, colon), text.slice(colon + 1)];
  // A token names its owner by itself: `curl -u :TOKEN`.
  return login === '' ? { kind: 'token', secret } : { kind: 'secret', login, secret };
}
