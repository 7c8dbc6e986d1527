/**
 * Checkpoints: signed statements of how long the journal was and what it said, in the form of C2SP tlog-checkpoint and
 * signed-note (Ed25519, key type 1), with two extension lines: the wall clock, and the value of the frame chain.
 *
 *     sallyport.journal/<id>
 *     <number of events>
 *     <root of the Merkle tree, base64>
 *     time <milliseconds>
 *     chain <chain value, base64>
 *
 *     — sallyport.journal/<id> <base64 of 4 bytes of key id and 64 bytes of signature>
 *
 * A checkpoint copied elsewhere is what makes a rollback or a cut visible. Parsing accepts the canonical form only:
 * what parses is byte for byte what was written, so no bit of it can be changed unseen.
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { recordingErrors } from './errors.ts';
import type { Digest } from './merkle.ts';

export interface Checkpoint {
  readonly origin: string;
  /** Events covered: sequences 1 to `size`. */
  readonly size: number;
  readonly root: Digest;
  /** Wall clock, milliseconds. */
  readonly atMs: number;
  /** Value of the frame chain behind the last covered frame. */
  readonly chain: Digest;
}

export interface ParsedCheckpoint extends Checkpoint {
  readonly text: string;
  /** What is signed: the text up to and including the newline before the empty line. */
  readonly body: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

const pattern =
  /^(sallyport\.journal\/[0-9a-f]{32})\n([1-9]\d{0,15}|0)\n([A-Za-z0-9+/]{43}=)\ntime (0|[1-9]\d{0,15})\nchain ([A-Za-z0-9+/]{43}=)\n\n— (\S+) ([A-Za-z0-9+/]{91}=)\n$/;

export function originOf(journalId: string): string {
  return `sallyport.journal/${journalId}`;
}

function bodyOf(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${base64(checkpoint.root)}\ntime ${checkpoint.atMs}\nchain ${base64(checkpoint.chain)}\n`;
}

function base64(digest: Digest): string {
  return Buffer.from(digest, 'latin1').toString('base64');
}

/** The four bytes by which a signed note names the key: SHA-256(name ‖ LF ‖ 0x01 ‖ public key). */
export function keyIdOf(origin: string, publicKey: KeyObject): Buffer {
  const raw = rawPublicKey(publicKey);
  return hash('sha256', Buffer.concat([Buffer.from(`${origin}\n\x01`), raw]), 'buffer').subarray(0, 4);
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
}

/** Signs and renders a checkpoint. */
export function checkpointText(checkpoint: Checkpoint, privateKey: KeyObject): string {
  const body = bodyOf(checkpoint);
  const signature = sign(null, Buffer.from(body), privateKey);
  const keyId = keyIdOf(checkpoint.origin, createPublicKey(privateKey));
  return `${body}\n— ${checkpoint.origin} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
}

/** Reads a checkpoint. Throws `recording.bad-checkpoint`; the signature is not checked here. */
export function parseCheckpoint(text: string): ParsedCheckpoint {
  const refuse = (problem: string): never => {
    throw recordingErrors('recording.bad-checkpoint', { values: { problem } });
  };
  const match = pattern.exec(text);
  if (match === null) return refuse('it does not have the lines of one');
  const [, origin, size, root, time, chain, name, signed] = match as unknown as string[];
  const note = Buffer.from(signed!, 'base64');
  const checkpoint = {
    origin: origin!,
    size: Number(size),
    root: Buffer.from(root!, 'base64').toString('latin1'),
    atMs: Number(time),
    chain: Buffer.from(chain!, 'base64').toString('latin1'),
  };
  if (name !== origin) refuse('its signature is by another name');
  const body = bodyOf(checkpoint);
  // Base64 leaves bits unused; rendering again and comparing is what refuses a text that differs only there.
  if (`${body}\n— ${name} ${note.toString('base64')}\n` !== text) refuse('it is not in canonical form');
  if (!Number.isSafeInteger(checkpoint.size) || !Number.isSafeInteger(checkpoint.atMs)) refuse('a number is too large');
  return { ...checkpoint, text, body, keyId: note.subarray(0, 4).toString('hex'), signature: note.subarray(4) };
}

/** True when one of the keys made this signature. Several keys exist after a rotation. */
export function isSignedBy(checkpoint: ParsedCheckpoint, publicKeys: readonly KeyObject[]): boolean {
  return publicKeys.some(
    (key) =>
      keyIdOf(checkpoint.origin, key).toString('hex') === checkpoint.keyId &&
      verify(null, Buffer.from(checkpoint.body), key, checkpoint.signature),
  );
}
