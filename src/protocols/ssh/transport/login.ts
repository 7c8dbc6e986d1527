/**
 * The server's side of the login (RFC 4252): who may get in is asked of the handler, what was proved is decided here.
 *
 * Invariants:
 * - A key counts only with a signature over this session, this user and this algorithm; an offer proves nothing and leaves
 *   nothing behind (A-SSH-02, A-SSH-03, A-SSH-04).
 * - One user name per connection (A-SSH-05). At most `attemptsMax` failures, offers that were refused included, and
 *   `loginRequestsMax` requests of any kind (A-SSH-06).
 * - After a first proof that is not enough by itself, only the methods that were named then go on: no other is put to the
 *   handler, and what was proved is bound to this connection (RFC 4252, 5.1).
 * - Requests are answered one after the other; a new one ends a keyboard-interactive dialogue that is going on.
 *
 * Deliberately absent: deadlines (the connection has the grace), accounts, which CA is trusted.
 */
import { isGatewayError } from '../../../base/errors.ts';
import { userKeyAlgorithms } from './algorithms.ts';
import {
  certificateSuffix,
  keyTypeOf,
  readCertificate,
  type SshCertificate,
  signatureAlgorithmOf,
} from './certificate.ts';
import { sshErrors } from './errors.ts';
import { publicKeyFrom, type SshPublicKey, verifySignature } from './keys.ts';
import * as limits from './limits.ts';
import * as codec from './login-messages.ts';
import type {
  KeyboardInteractive,
  SshAuthContext,
  SshAuthMethod,
  SshAuthOutcome,
  SshAuthRequest,
  SshServerHandler,
} from './types.ts';

export interface LoginParts {
  readonly handler: SshServerHandler;
  readonly context: SshAuthContext;
  readonly methods: readonly SshAuthMethod[];
  readonly attemptsMax: number;
  readonly sessionId: Buffer;
  send(payload: Buffer): void;
  /** The client is in. */
  succeeded(): void;
  /** Ends the connection. */
  fail(error: unknown): void;
}

interface Dialogue {
  /** How many answers are due; null between two rounds. */
  expected: number | null;
  settle: ((answers: readonly string[] | Error) => void) | null;
}

const refused: SshAuthOutcome = { kind: 'reject' };

export class ServerLogin {
  readonly #parts: LoginParts;
  #user: string | null = null;
  #requests = 0;
  #failures = 0;
  #isFirst = true;
  /** After a partial success: all that may follow. */
  #continuing: readonly SshAuthMethod[] | null = null;
  #isBusy = false;
  #isOver = false;
  #waiting: codec.LoginRequest[] = [];
  #dialogue: Dialogue | null = null;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  get user(): string {
    return this.#user ?? '';
  }

  /** USERAUTH_REQUEST. */
  request(payload: Buffer): void {
    const request = codec.decodeLoginRequest(payload);
    if (request.service !== codec.connectionService) {
      throw sshErrors('ssh.message-unexpected', { detail: `a login for the service ${request.service}` });
    }
    if (this.#user !== null && this.#user !== request.user) throw sshErrors('ssh.user-changed');
    this.#user = request.user;
    if (++this.#requests > limits.loginRequestsMax) throw sshErrors('ssh.too-many-attempts');
    if (this.#waiting.length >= limits.loginRequestsWaitingMax) throw sshErrors('ssh.too-much-waiting');
    this.#dialogue?.settle?.(sshErrors('ssh.login-abandoned'));
    this.#waiting.push(request);
    this.#next();
  }

  /** USERAUTH_INFO_RESPONSE. */
  response(payload: Buffer): void {
    const dialogue = this.#dialogue;
    if (dialogue?.expected == null) throw sshErrors('ssh.message-unexpected', { detail: 'answers to no prompt' });
    const answers = codec.decodeInfoResponse(payload, dialogue.expected);
    dialogue.settle?.(answers);
  }

  /** The connection is gone. */
  close(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#dialogue?.settle?.(sshErrors('ssh.login-abandoned'));
  }

  #next(): void {
    if (this.#isBusy || this.#isOver) return;
    const request = this.#waiting.shift();
    if (request === undefined) return;
    this.#isBusy = true;
    this.#handle(request).then(
      () => {
        this.#isBusy = false;
        this.#next();
      },
      (error: unknown) => this.#parts.fail(error),
    );
  }

  async #handle({ user, method }: codec.LoginRequest): Promise<void> {
    const { name } = method;
    if (this.#continuing?.some((one) => one === name) === false) return this.#answer(user, name, refused);
    switch (method.name) {
      case 'none':
        return this.#answer(user, 'none', await this.#ask({ method: 'none', user }));
      case 'password': {
        if (method.isChange) return this.#answer(user, 'password', refused);
        return this.#answer(user, 'password', await this.#ask({ method: 'password', user, password: method.password }));
      }
      case 'publickey':
        return this.#handleKey(user, method);
      case 'keyboard-interactive': {
        const outcome = await this.#converse(user, method.submethods);
        return this.#answer(user, 'keyboard-interactive', outcome);
      }
      case 'unknown':
        return this.#answer(user, method.method, refused);
    }
  }

  async #handleKey(user: string, method: codec.LoginMethod & { name: 'publickey' }): Promise<void> {
    const { algorithm, blob, signature } = method;
    const proved = provedKey(algorithm, blob);
    if (proved === null) return this.#answer(user, 'publickey', refused);
    const fields = { user, algorithm, ...proved };
    if (signature === null) {
      const outcome = await this.#ask({ method: 'publickey-offer', ...fields });
      if (outcome.kind !== 'accept') return this.#answer(user, 'publickey', outcome);
      // The algorithm as it was offered: OpenSSH 10 refuses to sign when it comes back as another.
      if (!this.#isOver) this.#parts.send(codec.encodePkOk(algorithm, blob));
      return;
    }
    const data = codec.signedData(this.#parts.sessionId, method.signedPart);
    if (!verifySignature(proved.key, signatureAlgorithmOf(algorithm), data, signature)) {
      return this.#answer(user, 'publickey', refused);
    }
    this.#answer(user, 'publickey', await this.#ask({ method: 'publickey-proof', ...fields }));
  }

  async #ask(request: SshAuthRequest): Promise<SshAuthOutcome> {
    return this.#parts.handler.authenticate(request, this.#parts.context);
  }

  #answer(user: string, method: string, outcome: SshAuthOutcome): void {
    if (this.#isOver) return;
    // The client's first question for the methods is none that it could have passed.
    const isQuestion = this.#isFirst && method === 'none';
    this.#isFirst = false;
    if (outcome.kind === 'accept') {
      this.#isOver = true;
      this.#waiting = [];
      this.#parts.succeeded();
      return;
    }
    // Once something was proved, what goes on can only become less.
    if (outcome.kind === 'partial') this.#continuing = outcome.methods;
    else if (this.#continuing !== null) this.#continuing = outcome.methods ?? this.#continuing;
    const methods = this.#continuing ?? outcome.methods ?? this.#parts.methods;
    if (outcome.kind === 'reject' && !isQuestion) {
      this.#failures++;
      this.#parts.handler.attemptFailed?.({ method, user, attempts: this.#failures });
      if (this.#failures >= this.#parts.attemptsMax) {
        this.#parts.fail(sshErrors('ssh.too-many-attempts'));
        return;
      }
    }
    this.#parts.send(codec.encodeFailure(methods, outcome.kind === 'partial'));
  }

  async #converse(user: string, submethods: readonly string[]): Promise<SshAuthOutcome> {
    const dialogue: Dialogue = { expected: null, settle: null };
    this.#dialogue = dialogue;
    let rounds = 0;
    const interactive: KeyboardInteractive = {
      prompt: ({ name = '', instruction = '', prompts }) =>
        new Promise((resolve, reject) => {
          if (this.#isOver || this.#waiting.length > 0) return reject(sshErrors('ssh.login-abandoned'));
          if (++rounds > limits.promptRoundsMax) return reject(sshErrors('ssh.too-many-attempts'));
          dialogue.expected = prompts.length;
          dialogue.settle = (answers) => {
            dialogue.expected = null;
            dialogue.settle = null;
            if (answers instanceof Error) reject(answers);
            else resolve(answers);
          };
          this.#parts.send(codec.encodeInfoRequest(name, instruction, prompts));
        }),
    };
    try {
      return await this.#ask({ method: 'keyboard-interactive', user, submethods, interactive });
    } catch (error) {
      // The client went on to another method: what it left is answered as a failure, and counts as one.
      if (isGatewayError(error) && error.code === 'ssh.login-abandoned') return refused;
      throw error;
    } finally {
      this.#dialogue = null;
    }
  }
}

/** The key, and the certificate around it; null for what must not be used: SHA-1, short RSA, malformed keys. */
function provedKey(
  algorithm: string,
  blob: Buffer,
): { readonly key: SshPublicKey; readonly certificate: SshCertificate | null } | null {
  if (!userKeyAlgorithms.includes(algorithm)) return null;
  try {
    if (!algorithm.endsWith(certificateSuffix)) {
      const key = publicKeyFrom(blob);
      return fits(algorithm, key.type) ? { key, certificate: null } : null;
    }
    const certificate = readCertificate(blob);
    const isOfType = fits(keyTypeOf(algorithm), certificate.key.type);
    return isOfType ? { key: certificate.key, certificate } : null;
  } catch (error) {
    // A key that cannot be read is a key that does not open this door; the client may have others.
    if (isGatewayError(error) && error.kind !== 'assertion') return null;
    throw error;
  }
}

function fits(algorithm: string, keyType: string): boolean {
  return algorithm === keyType || (algorithm.startsWith('rsa-sha2-') && keyType === 'ssh-rsa');
}
