/**
 * Who the client is: one login attempt after the other, put to the door.
 *
 * Invariants:
 * - Identity comes from the proof that succeeded, never from an offer (A-SSH-02, A-SSH-03).
 * - Refusals look alike whatever their cause; the door journals them.
 *
 * Keyboard-interactive asks for an access token first; an empty answer turns to an approval in the browser, whose link
 * and code are shown, and which the client simply waits for.
 *
 * Deliberately absent: signatures and counting of attempts (the transport), tokens, keys and authorities (identity).
 */
import { isGatewayError } from '../../base/errors.ts';
import { splitLogin } from '../../core/login.ts';
import type { UserCertificate } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { Door } from '../../core/protocol.ts';
import * as limits from './limits.ts';
import {
  certificateFault,
  type SshAuthContext,
  type SshAuthOutcome,
  type SshAuthRequest,
  type SshCertificate,
} from './transport/index.ts';

export class Login {
  readonly #door: Door;
  #principal: Principal | null = null;
  #resource: string | null = null;
  #how = '';

  constructor(door: Door) {
    this.#door = door;
  }

  /** Set once a proof succeeded. */
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
      this.#principal = await this.#prove(name, request, context);
      this.#resource = resource;
      this.#how = request.method === 'publickey-proof' ? 'publickey' : request.method;
      return { kind: 'accept' };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      // What may be told (being throttled, say) is told; why a proof failed is not.
      if (error.code !== 'core.not-authenticated') context.banner(`sallyport: ${error.publicMessage}\r\n`);
      return { kind: 'reject' };
    }
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
    const approval = await this.#door.identifyByApproval(name);
    context.extendGrace(limits.approvalDeadlineMs);
    const withdraw = (): void => approval.withdraw();
    context.signal.addEventListener('abort', withdraw, { once: true });
    // The outcome may come before the client answers, and must not be lost meanwhile.
    approval.outcome.catch(() => undefined);
    try {
      await interactive.prompt({
        name: 'Sallyport',
        instruction: `Open ${approval.link}\nand approve if it shows the code ${approval.code}. Waiting ...`,
        prompts: [],
      });
      return await approval.outcome;
    } finally {
      context.signal.removeEventListener('abort', withdraw);
      approval.withdraw();
    }
  }

  #isUsable(certificate: SshCertificate): boolean {
    return certificateFault(certificate, this.#door.clock.now()) === null;
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
