/**
 * Asks the target where paths lead, over an SFTP conversation of the gateway's own (a hidden channel): for scp, whose own
 * protocol cannot ask, and whatever else names paths.
 *
 * Invariants: it sends INIT, REALPATH, LSTAT and READLINK, and nothing else. It never rejects: where the target does not
 * answer, or has no SFTP, a path is what it was, and not canonical.
 */
import type { Clock } from '../../../base/clock.ts';
import { isGatewayError } from '../../../base/errors.ts';
import { kindOf } from './attributes.ts';
import { protocolVersion } from './constants.ts';
import { Conversation } from './conversation.ts';
import { sftpErrors } from './errors.ts';
import { FrameReader } from './frames.ts';
import { readVersion } from './replies.ts';
import { writeInit } from './requests.ts';
import { Resolver } from './resolve.ts';

export interface PathFound {
  readonly path: string;
  readonly canonical: boolean;
  readonly kind: 'file' | 'directory' | 'missing' | 'unknown';
}

export class PathLocator {
  readonly #conversation: Conversation;
  readonly #frames = new FrameReader();
  readonly #ready: Promise<Resolver | null>;
  #isReady: (ready: boolean) => void = () => {};
  #isStarted = false;

  /** `question` sends bytes to the target's sftp subsystem. */
  constructor(question: (view: Buffer) => void, clock: Clock) {
    this.#conversation = new Conversation(clock, {
      forward: () => {},
      question,
      overdue: () => this.close(),
    });
    const versioned = new Promise<boolean>((resolve) => {
      this.#isReady = resolve;
    });
    this.#ready = versioned.then((isReady) => (isReady ? this.#begin() : null)).catch(nothing);
    question(writeInit(protocolVersion));
  }

  fromUpstream(chunk: Buffer): void {
    try {
      this.#frames.push(chunk, (frame) => this.#frame(frame));
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      // A target that breaks the protocol has said nothing: paths stay what they are.
      this.close();
    }
  }

  /** Where the path leads, its last link followed. Relative paths begin where the server starts. */
  async locate(path: string): Promise<PathFound> {
    const unknown: PathFound = { path, canonical: false, kind: 'unknown' };
    // What a shell would expand is not a path yet.
    if (/[*?[{~$`]/.test(path)) return unknown;
    const resolver = await this.#ready;
    if (resolver === null) return unknown;
    const resolved = await resolver.resolve(path, true).catch(nothing);
    if (resolved === null || resolved.failure !== null) return unknown;
    const { canonical, attributes, missing } = resolved;
    if (missing) return { path: resolved.path, canonical, kind: 'missing' };
    if (attributes === null) return { path: resolved.path, canonical: false, kind: 'unknown' };
    return { path: resolved.path, canonical, kind: kindOf(attributes) === 'directory' ? 'directory' : 'file' };
  }

  /** The channel is gone, or no longer needed. */
  close(): void {
    this.#isReady(false);
    this.#conversation.close(sftpErrors('sftp.closed'));
  }

  #frame(frame: Buffer): void {
    if (this.#isStarted) {
      this.#conversation.take(frame);
      return;
    }
    this.#isStarted = true;
    this.#isReady(readVersion(frame).version === protocolVersion);
  }

  async #begin(): Promise<Resolver | null> {
    const ask = this.#conversation.ask.bind(this.#conversation);
    const reply = await ask({ type: 'realpath', path: '.' });
    const said = reply.type === 'name' ? reply.entries[0]?.name.toString('latin1') : undefined;
    if (said === undefined) return null;
    const start = (await new Resolver(ask, '/').resolve(said, true)).path;
    return new Resolver(ask, start === '/' ? '' : start);
  }
}

/** The conversation is over, and so nothing is known. */
function nothing(): null {
  return null;
}
