/**
 * The messages of the login protocol: bytes to values and back. Pure. RFC 4252, RFC 4256.
 *
 * Invariants: user names and passwords are UTF-8 or the message is malformed; a signature keeps the view of exactly the
 * bytes that it must cover; nothing after the last field.
 */
import { malformed, SshReader, SshWriter } from './bytes.ts';
import * as limits from './limits.ts';
import { message } from './messages.ts';
import type { SshPrompt } from './types.ts';

export const connectionService = 'ssh-connection';
export const loginService = 'ssh-userauth';

export type LoginMethod =
  | { readonly name: 'none' }
  | { readonly name: 'password'; readonly password: string; readonly isChange: boolean }
  | {
      readonly name: 'publickey';
      readonly algorithm: string;
      readonly blob: Buffer;
      /** Null: an offer. */
      readonly signature: Buffer | null;
      /** The part of the message that a signature covers, after the session id. */
      readonly signedPart: Buffer;
    }
  | { readonly name: 'keyboard-interactive'; readonly submethods: readonly string[] }
  | { readonly name: 'unknown'; readonly method: string };

export interface LoginRequest {
  readonly user: string;
  readonly method: LoginMethod;
}

export function decodeLoginRequest(payload: Buffer): LoginRequest & { readonly service: string } {
  const reader = new SshReader(payload, 1);
  const user = reader.utf8(limits.userBytesMax);
  for (const character of user) {
    if (character < ' ' || character === '\x7f') throw malformed('a control character in a user name');
  }
  const service = reader.name(limits.nameBytesMax);
  const name = reader.name(limits.nameBytesMax);
  const method = readMethod(name, payload, reader);
  if (method.name !== 'unknown') reader.end();
  return { user, service, method };
}

function readMethod(name: string, payload: Buffer, reader: SshReader): LoginMethod {
  switch (name) {
    case 'none':
      return { name };
    case 'password': {
      const isChange = reader.boolean();
      const password = reader.utf8(limits.textBytesMax);
      if (isChange) reader.utf8(limits.textBytesMax);
      return { name, password, isChange };
    }
    case 'publickey': {
      const isSigned = reader.boolean();
      const algorithm = reader.name(limits.nameBytesMax);
      const blob = reader.string(limits.unauthenticatedMessageBytesMax);
      const signedPart = payload.subarray(0, reader.at);
      const signature = isSigned ? reader.string(limits.textBytesMax) : null;
      return { name, algorithm, blob, signature, signedPart };
    }
    case 'keyboard-interactive': {
      reader.string(limits.nameBytesMax); // A language, deprecated.
      const submethods = reader.string(limits.textBytesMax).toString('utf8');
      return { name, submethods: submethods === '' ? [] : submethods.split(',') };
    }
    default:
      return { name: 'unknown', method: name };
  }
}

/** What a signature covers: the session id, and the request up to the signature (RFC 4252, 7). */
export function signedData(sessionId: Buffer, signedPart: Buffer): Buffer {
  return new SshWriter(4 + sessionId.length + signedPart.length).string(sessionId).raw(signedPart).finish();
}

function loginRequest(user: string, method: string): SshWriter {
  return new SshWriter(256).uint8(message.USERAUTH_REQUEST).string(user).string(connectionService).string(method);
}

export function encodeNone(user: string): Buffer {
  return loginRequest(user, 'none').finish();
}

export function encodePassword(user: string, password: string): Buffer {
  return loginRequest(user, 'password').boolean(false).string(password).finish();
}

export function encodeKeyboardInteractive(user: string): Buffer {
  return loginRequest(user, 'keyboard-interactive').string('').string('').finish();
}

/** The part of a signed request that the signature covers. */
export function encodePublicKeyPart(user: string, algorithm: string, blob: Buffer): Buffer {
  return loginRequest(user, 'publickey').boolean(true).string(algorithm).string(blob).finish();
}

export function encodeInfoRequest(name: string, instruction: string, prompts: readonly SshPrompt[]): Buffer {
  const writer = new SshWriter(256).uint8(message.USERAUTH_PK_OK).string(name).string(instruction).string('');
  writer.uint32(prompts.length);
  for (const { prompt, echo } of prompts) writer.string(prompt).boolean(echo);
  return writer.finish();
}

export function decodeInfoRequest(payload: Buffer): readonly SshPrompt[] {
  const reader = new SshReader(payload, 1);
  reader.string(limits.textBytesMax);
  reader.string(limits.textBytesMax);
  reader.string(limits.nameBytesMax);
  const count = reader.uint32();
  if (count > limits.promptsMax) throw malformed('too many prompts');
  const prompts: SshPrompt[] = [];
  for (let index = 0; index < count; index++) {
    prompts.push({ prompt: reader.string(limits.textBytesMax).toString('utf8'), echo: reader.boolean() });
  }
  reader.end();
  return prompts;
}

export function encodeInfoResponse(answers: readonly string[]): Buffer {
  const writer = new SshWriter(128).uint8(message.USERAUTH_INFO_RESPONSE).uint32(answers.length);
  for (const answer of answers) writer.string(answer);
  return writer.finish();
}

export function decodeInfoResponse(payload: Buffer, expected: number): readonly string[] {
  const reader = new SshReader(payload, 1);
  const count = reader.uint32();
  if (count !== expected) throw malformed(`${count} answers to ${expected} prompts`);
  const answers: string[] = [];
  for (let index = 0; index < count; index++) answers.push(reader.utf8(limits.textBytesMax));
  reader.end();
  return answers;
}

export function encodeFailure(methods: readonly string[], partial: boolean): Buffer {
  return new SshWriter(64).uint8(message.USERAUTH_FAILURE).string(methods.join(',')).boolean(partial).finish();
}

export function decodeFailure(payload: Buffer): { readonly methods: readonly string[]; readonly partial: boolean } {
  const reader = new SshReader(payload, 1);
  const methods = reader.nameList(limits.textBytesMax);
  const partial = reader.boolean();
  reader.end();
  return { methods, partial };
}

export function encodePkOk(algorithm: string, blob: Buffer): Buffer {
  return new SshWriter(64 + blob.length).uint8(message.USERAUTH_PK_OK).string(algorithm).string(blob).finish();
}

export function encodeBanner(text: string): Buffer {
  return new SshWriter(64).uint8(message.USERAUTH_BANNER).string(text).string('').finish();
}
