/**
 * Who the client is: one login attempt after the other, put to the door.
 *
 * Invariants:
 * - Identity comes from the proof that succeeded, never from an offer (A-SSH-02, A-SSH-03).
 * - Refusals look alike whatever their cause; the door journals them.
 * - Where a step-up is owed, or access is asked for by connecting, the login is not over before it is given: the first proof is a partial success, after which
 *   keyboard-interactive alone goes on. Once it is refused, or nobody answered, this connection asks no more: who holds a
 *   stolen key must not ask until somebody is tired of it.
 *
 * Keyboard-interactive asks for an access token first; an empty answer turns to an approval in the browser, whose link
 * and code are shown, and which the client simply waits for. A step-up shows its own in the same way, after a token was
 * typed in the very same exchange.
 *
 * Deliberately absent: signatures and counting of attempts (the transport), tokens, keys and authorities (identity),
 * enforcing the step-up (the door, where the session is opened).
 * Source: RFC 4252, sections 5.1 and 5.2; RFC 4256.
 */
import { isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { splitLogin } from '../../core/login.ts';
import type { AccessWait, ApprovalRequest, UserCertificate } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { Door } from '../../core/protocol.ts';
import * as limits from './limits.ts';
import {
  certificateFault,
  type KeyboardInteractive,
  type SshAuthContext,
  type SshAuthOutcome,
  type SshAuthRequest,
  type SshCertificate,
} from './transport/index.ts';

/** What was proved first, where more is waited for. */
interface FirstProof {
  readonly principal: Principal;
  readonly resource: string;
  readonly how: string;
  /** The request for access that waits, or null: a step-up is owed. */
  readonly wait: AccessWait | null;
}

/** Nobody failed at these: the client turned to another method, or what is told is the same for every cause. */
const untold: ReadonlySet<string> = new Set(['core.not-authenticated', 'ssh.login-abandoned']);

export class Login {
  readonly #door: Door;
  #principal: Principal | null = null;
  #resource: string | null = null;
  #how = '';
  #first: FirstProof | null = null;
  /** The step-up was refused. */
  #isRefused = false;

  constructor(door: Door) {
    this.#door = door;
  }

  /** Set once a proof succeeded, and the step-up where one is owed. */
  get principal(): Principal | null {
    return this.#principal;
  }
  /** As named in the login; null where it names none. */
  get resource(): string | null {
    return this.#resource;
  }
  /** The method that succeeded, for the record. */
  get how(): string {
    return this.#how;
  }

  async authenticate(request: SshAuthRequest, context: SshAuthContext): Promise<SshAuthOutcome> {
    if (this.#isRefused) return { kind: 'reject', methods: [] };
    if (this.#first !== null) {
      return request.method === 'keyboard-interactive'
        ? this.#confirm(this.#first, request.interactive, context)
        : { kind: 'reject' };
    }
    if (request.method === 'none') return { kind: 'reject' };
    // A login that cannot be one goes the way of one that is unknown.
    const { principal: name, resource } = splitLogin(request.user) ?? { principal: request.user, resource: null };
    try {
      if (request.method === 'publickey-offer') {
        const { key, certificate } = request;
        const usable = certificate === null || this.#isUsable(certificate);
        const accepted = usable && (await this.#door.acceptsKey(name, key, certificateOf(certificate)));
        return { kind: accepted ? 'accept' : 'reject' };
      }
      const principal = await this.#prove(name, request, context);
      const how = request.method === 'publickey-proof' ? 'publickey' : request.method;
      const wait = resource === null ? null : await this.#door.awaitAccess(principal, resource, 'ssh');
      if (resource === null || (wait === null && !(await this.#door.owesStepUp(principal, resource)))) {
        return this.#accept(principal, resource, how);
      }
      if (wait !== null) {
        context.signal.addEventListener('abort', () => wait.leave(), { once: true });
        // A client that goes no further has been told all the same.
        if (request.method !== 'keyboard-interactive')
          context.banner(`sallyport: ${waitingText(resource, wait, ' ')}\r\n`);
      }
      const first = { principal, resource, how, wait };
      if (request.method === 'keyboard-interactive') return await this.#confirm(first, request.interactive, context);
      this.#first = first;
      return { kind: 'partial', methods: ['keyboard-interactive'] };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      // What may be told (being throttled, say) is told; why a proof failed is not.
      if (!untold.has(error.code)) context.banner(`sallyport: ${error.publicMessage}\r\n`);
      // Proven, and refused just now: another proof changes nothing.
      this.#isRefused = error.code === 'core.access-refused';
      return this.#isRefused ? { kind: 'reject', methods: [] } : { kind: 'reject' };
    }
  }

  #accept(principal: Principal, resource: string | null, how: string): SshAuthOutcome {
    this.#principal = principal;
    this.#resource = resource;
    this.#how = how;
    return { kind: 'accept' };
  }

  /** Shows what is waited for, where it is decided, and waits. */
  async #confirm(
    { principal, resource, how, wait }: FirstProof,
    interactive: KeyboardInteractive,
    context: SshAuthContext,
  ): Promise<SshAuthOutcome> {
    try {
      if (wait !== null) {
        const said = `${waitingText(resource, wait, '\n')}\nWaiting ...`;
        await answered(wait.outcome, () => wait.leave(), said, limits.accessDeadlineMs, interactive, context);
      }
      if (wait === null || (await this.#door.owesStepUp(principal, resource))) {
        const asked = await this.#door.stepUp(principal, resource);
        await completed(asked, `Opening ${escapeLine(resource)} takes a confirmation by you.\n`, interactive, context);
      }
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      // It was withdrawn with the dialogue; the client may begin it again, and that counts as an attempt.
      if (error.code === 'ssh.login-abandoned') return { kind: 'reject' };
      context.banner(`sallyport: ${error.publicMessage}\r\n`);
      this.#isRefused = true;
      return { kind: 'reject', methods: [] };
    }
    return this.#accept(principal, resource, how);
  }

  #prove(
    name: string,
    request: Exclude<SshAuthRequest, { method: 'none' | 'publickey-offer' }>,
    context: SshAuthContext,
  ): Promise<Principal> {
    if (request.method === 'password') return this.#door.identifyBySecret(name, request.password);
    if (request.method === 'keyboard-interactive') return this.#interactively(name, request, context);
    const { key, certificate } = request;
    if (certificate === null) return this.#door.identifyByKey(name, key);
    // The transport verified both signatures; what makes a certificate worthless by itself is checked here, the rest there.
    const described = this.#isUsable(certificate) ? certificateOf(certificate) : null;
    return described === null
      ? this.#door.identifyByKey(name, { type: 'unusable certificate', blob: Buffer.alloc(0) })
      : this.#door.identifyByCertificate(name, described);
  }

  async #interactively(
    name: string,
    { interactive }: Extract<SshAuthRequest, { method: 'keyboard-interactive' }>,
    context: SshAuthContext,
  ): Promise<Principal> {
    const [secret = ''] = await interactive.prompt({
      name: 'Sallyport',
      instruction: '',
      prompts: [{ prompt: 'Password: an access token, or Enter to approve in a browser: ', echo: false }],
    });
    if (secret !== '') return this.#door.identifyBySecret(name, secret);
    return completed(await this.#door.identifyByApproval(name), '', interactive, context);
  }

  #isUsable(certificate: SshCertificate): boolean {
    return certificateFault(certificate, this.#door.clock.now()) === null;
  }
}

function waitingText(resource: string, { review, audience, link }: AccessWait, between: string): string {
  return `Access to ${escapeLine(resource)} was asked for as ${review}.${between}It waits for ${escapeLine(audience)}: ${link}`;
}

/** Shows where to complete what was asked, and waits for it. */
function completed<T>(
  asked: ApprovalRequest & { readonly outcome: Promise<T> },
  why: string,
  interactive: KeyboardInteractive,
  context: SshAuthContext,
): Promise<T> {
  const said = `${why}Open ${asked.link}\nand approve if it shows the code ${asked.code}. Waiting ...`;
  return answered(asked.outcome, () => asked.withdraw(), said, limits.approvalDeadlineMs, interactive, context);
}

/** Shows what is waited for, and waits; `leave` says that nobody does any more. */
async function answered<T>(
  outcome: Promise<T>,
  leave: () => void,
  instruction: string,
  deadlineMs: number,
  interactive: KeyboardInteractive,
  context: SshAuthContext,
): Promise<T> {
  context.extendGrace(deadlineMs);
  context.signal.addEventListener('abort', leave, { once: true });
  // The outcome may come before the client answers, and must not be lost meanwhile.
  outcome.catch(() => undefined);
  try {
    await interactive.prompt({ name: 'Sallyport', instruction, prompts: [] });
    return await outcome;
  } finally {
    context.signal.removeEventListener('abort', leave);
    leave();
  }
}

function certificateOf(certificate: SshCertificate): UserCertificate;
function certificateOf(certificate: SshCertificate | null): UserCertificate | null;
function certificateOf(certificate: SshCertificate | null): UserCertificate | null {
  if (certificate === null) return null;
  const { key, signedBy, keyId, serial, principals, validAfter, validBefore, criticalOptions, extensions } =
    certificate;
  return {
    key,
    authority: signedBy,
    keyId,
    serial: serial.toString(),
    principals,
    validAfterMs: Number(validAfter) * 1000,
    validBeforeMs: validBefore === 0xffff_ffff_ffff_ffffn ? Number.POSITIVE_INFINITY : Number(validBefore) * 1000,
    criticalOptions,
    extensions,
  };
}
