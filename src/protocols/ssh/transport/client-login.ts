/**
 * The client's side of the login (RFC 4252): credentials in the order given, each once.
 *
 * Invariants: a success counts only as the answer to a request of ours (A-SSH-01). Keys sign at once, without an offer:
 * the gateway knows which key it means. The password is given to prompts that do not echo, and to the first only once per
 * dialogue, so that a target that goes on asking does not get it again.
 *
 * Deliberately absent: changing passwords, host-based login, agents.
 */

import { SshWriter } from './bytes.ts';
import { certificateSuffix, readCertificate } from './certificate.ts';
import { sshErrors } from './errors.ts';
import * as limits from './limits.ts';
import * as codec from './login-messages.ts';
import { message } from './messages.ts';
import type { SshCredential } from './types.ts';

export interface ClientLoginParts {
  readonly user: string;
  readonly credentials: readonly SshCredential[];
  readonly sessionId: Buffer;
  /** What the target said that it verifies; empty where it said nothing. */
  readonly signatureAlgorithms: readonly string[];
  send(payload: Buffer): void;
}

type Current = SshCredential | { readonly method: 'none' };

export class ClientLogin {
  readonly #parts: ClientLoginParts;
  #left: SshCredential[];
  #current: Current = { method: 'none' };
  #isAsking = false;
  #rounds = 0;
  #isPasswordGiven = false;

  constructor(parts: ClientLoginParts) {
    this.#parts = parts;
    this.#left = [...parts.credentials];
  }

  /** The method that was tried last; after success the one that succeeded. */
  get method(): Current['method'] {
    return this.#current.method;
  }

  /** Asks with `none` which methods there are: a target that lists them spares us useless failures. */
  start(): void {
    this.#isAsking = true;
    this.#parts.send(codec.encodeNone(this.#parts.user));
  }

  /** True: the login is over. Throws when there is nothing left to try, and for messages that must not come. */
  message(payload: Buffer): boolean {
    switch (payload[0]) {
      case message.USERAUTH_SUCCESS:
        if (!this.#isAsking || payload.length !== 1) break;
        return true;
      case message.USERAUTH_FAILURE:
        if (!this.#isAsking) break;
        this.#try(codec.decodeFailure(payload).methods);
        return false;
      case message.USERAUTH_PK_OK:
        if (this.#current.method === 'keyboard-interactive') this.#answer(this.#current.password, payload);
        // A wish to change the password is a refusal: nobody here could choose a new one.
        else if (this.#current.method === 'password') this.#try(null);
        else break;
        return false;
    }
    throw sshErrors('ssh.message-unexpected', { detail: `message ${payload[0]} during the login` });
  }

  /** `methods`: those that the target still takes; null where it did not say. */
  #try(methods: readonly string[] | null): void {
    const index = this.#left.findIndex(({ method }) => methods === null || methods.includes(method));
    if (index === -1) {
      throw sshErrors('ssh.login-refused', { detail: `the target takes: ${(methods ?? []).join(',').slice(0, 200)}` });
    }
    const credential = this.#left[index]!;
    this.#left.splice(index, 1);
    this.#current = credential;
    const { user } = this.#parts;
    switch (credential.method) {
      case 'password':
        this.#parts.send(codec.encodePassword(user, credential.password));
        return;
      case 'keyboard-interactive':
        this.#rounds = 0;
        this.#isPasswordGiven = false;
        this.#parts.send(codec.encodeKeyboardInteractive(user));
        return;
      case 'publickey':
        this.#sign(credential);
        return;
    }
  }

  #sign({ key, certificate }: SshCredential & { method: 'publickey' }): void {
    const { user, sessionId, signatureAlgorithms } = this.#parts;
    // RFC 8332, 3.3: what the server names decides; a server that names nothing still takes rsa-sha2 since OpenSSH 7.2.
    const algorithm = key.algorithms.find((name) => signatureAlgorithms.includes(name)) ?? key.algorithms[0]!;
    const blob = certificate ?? key.publicKey.blob;
    if (certificate !== undefined && !readCertificate(certificate).key.blob.equals(key.publicKey.blob)) {
      throw sshErrors('ssh.certificate-invalid', { detail: 'the certificate is for another key' });
    }
    const wireName = certificate === undefined ? algorithm : `${algorithm}${certificateSuffix}`;
    const part = codec.encodePublicKeyPart(user, wireName, blob);
    const signature = key.sign(codec.signedData(sessionId, part), algorithm);
    this.#parts.send(new SshWriter(part.length + signature.length + 4).raw(part).string(signature).finish());
  }

  #answer(password: string, payload: Buffer): void {
    if (++this.#rounds > limits.promptRoundsMax) throw sshErrors('ssh.login-refused', { detail: 'endless prompts' });
    const answers = codec.decodeInfoRequest(payload).map(({ echo }) => {
      if (echo || this.#isPasswordGiven) return '';
      this.#isPasswordGiven = true;
      return password;
    });
    this.#parts.send(codec.encodeInfoResponse(answers));
  }
}
