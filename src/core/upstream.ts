/**
 * The protected side of a session, as a protocol may touch it: reading, TLS, and handshake bytes as long as the pipeline
 * lets them pass. Commands go through `Session.forward`.
 */
import { assert } from '../base/assert.ts';
import { describeError } from '../base/errors.ts';
import type { ClientTlsOptions, TlsFacts, Wire, WireHandler } from '../base/wire.ts';
import { coreErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Dialler } from './ports.ts';
import type { Preview } from './protocol.ts';
import type { Resource } from './resource.ts';

export interface Upstream {
  readonly tls: TlsFacts | null;
  handle(handler: WireHandler): void;
  pause(): void;
  resume(): void;
  /**
   * Sends handshake bytes; an assertion error once the session is established, unless its protocol is multiplexed. False:
   * wait for `drain`.
   */
  handshake(view: Buffer): boolean;
  /** Bytes written and not yet taken by the kernel. */
  readonly pendingBytes: number;
  startClientTls(options: ClientTlsOptions): Promise<void>;
  /** Sends our end of stream. */
  end(): void;
  destroy(): void;
}

/** A connection for the gateway's own questions. */
export interface Inspection extends Upstream {
  /** The handshake is over: from here on only `ask`. */
  established(): void;
  /** Sends one of the protocol's declared questions; an assertion error for any other bytes. */
  ask(view: Buffer): void;
}

/** Connects to the resource. Rejects with `core.upstream-unreachable`. */
export async function connect(dialler: Dialler, resource: Resource): Promise<Wire> {
  try {
    return await dialler.dial(resource, AbortSignal.timeout(limits.dialDeadlineMs));
  } catch (cause) {
    throw coreErrors('core.upstream-unreachable', {
      cause,
      detail: describeError(cause),
      values: { resource: resource.name },
    });
  }
}

/** Wraps a wire. `mayHandshake` throws where handshake bytes must not pass; `drained` is told of each drain. */
export function upstreamOf(wire: Wire, mayHandshake: (bytes: number) => void, drained: () => void): Upstream {
  return {
    get tls() {
      return wire.tls;
    },
    get pendingBytes() {
      return wire.pendingBytes;
    },
    handle: (handler) =>
      wire.handle({
        read: (chunk) => handler.read(chunk),
        ...(handler.borrows === true ? { borrows: true } : {}),
        end: () => handler.end(),
        drain: () => {
          handler.drain();
          drained();
        },
        close: (error) => handler.close(error),
      }),
    pause: () => wire.pause(),
    resume: () => wire.resume(),
    handshake: (view) => {
      mayHandshake(view.length);
      return wire.write(view);
    },
    startClientTls: (options) => wire.startClientTls(options),
    end: () => wire.end(),
    destroy: () => wire.destroy(),
  };
}

/** Wraps a wire that carries a handshake and then nothing but questions that `check` lets pass; it throws for all others. */
export function inspectionOf(wire: Wire, check: (view: Buffer) => void): Inspection {
  let handshakeBytes = 0;
  let established = false;
  const upstream = upstreamOf(
    wire,
    (bytes) => {
      handshakeBytes += bytes;
      assert(!established, 'handshake bytes on an inspection');
      assert(handshakeBytes <= limits.inspectionHandshakeBytesMax, 'more than a handshake on an inspection');
    },
    () => {},
  );
  // Not spread: `tls` is a getter, and changes when TLS begins.
  return Object.assign(upstream, {
    established: () => {
      established = true;
    },
    ask: (view: Buffer) => {
      assert(established, 'a question before the handshake');
      check(view);
      wire.write(view);
    },
  });
}

/** Nothing of a client's is in what the gateway asks: it is one of a closed list, byte by byte. */
export function assertInspection(view: Buffer, inspections: readonly Buffer[]): void {
  assert(
    inspections.some((inspection) => inspection.equals(view)),
    'bytes that are no declared inspection',
  );
}

/** Lets one question about one command pass: the protocol's prefix and the command's very text, once. */
export function previewCheck(preview: Preview, text: string): (view: Buffer) => void {
  let asked = false;
  return (view) => {
    assert(!asked, 'a second question about a command');
    asked = true;
    assert(view.length <= preview.bytesMax, 'a question about a command that is too long');
    assert(preview.textOf(view) === preview.prefix + text, 'bytes that are no question about this command');
  };
}
