/**
 * The protected side of a session, as a protocol may touch it: reading, TLS, and handshake bytes as long as the pipeline
 * lets them pass. Commands go through `Session.forward`.
 */
import { describeError } from '../base/errors.ts';
import type { ClientTlsOptions, TlsFacts, Wire, WireHandler } from '../base/wire.ts';
import { coreErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Dialler } from './ports.ts';
import type { Resource } from './resource.ts';

export interface Upstream {
  readonly tls: TlsFacts | null;
  handle(handler: WireHandler): void;
  pause(): void;
  resume(): void;
  /** Sends handshake bytes; an assertion error once the session is established. */
  handshake(view: Buffer): void;
  startClientTls(options: ClientTlsOptions): Promise<void>;
  /** Sends our end of stream. */
  end(): void;
  destroy(): void;
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
    handle: (handler) =>
      wire.handle({
        read: (chunk) => handler.read(chunk),
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
      wire.write(view);
    },
    startClientTls: (options) => wire.startClientTls(options),
    end: () => wire.end(),
    destroy: () => wire.destroy(),
  };
}
