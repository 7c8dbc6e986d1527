/**
 * The stream handles below Node's sockets, for the `handles` transport: reads without the machinery of streams, and
 * writes that cost no object while the kernel takes them at once.
 *
 * `process.binding` is an old interface without promises (DEP0111). So nothing here is used before `proveHandles`
 * (handles-proof.ts) saw it carry bytes correctly in this very process, and without it everything runs on the public
 * interface.
 *
 * Deliberately absent: connecting, closing, end of stream, errors, TLS. Node's own socket keeps these.
 */
import type { Socket } from 'node:net';

/** A request to write; used again as long as writes end within the call. */
export interface WriteRequest {
  oncomplete: ((status: number) => void) | null;
  buffer: Buffer | null;
}

export interface StreamHandle {
  /** Called with each read; its `this` is the handle. */
  onread: (this: StreamHandle, memory: ArrayBuffer | undefined) => unknown;
  /** Node's own note of whether it reads. */
  reading: boolean;
  /** From now on reads go into `memory`, and `onread` says only how much. */
  useUserBuffer(memory: Buffer): void;
  readStart(): number;
  readStop(): number;
  /** 0, or a negative error number of libuv. */
  writeBuffer(request: WriteRequest, view: Buffer): number;
}

export interface Handles {
  /** Bytes of the read that `onread` is called for; negative for the end and for errors. */
  readBytes(): number;
  /** Whether the last write goes on after the call. */
  isPending(): boolean;
  newRequest(): WriteRequest;
  handleOf(socket: Socket): StreamHandle | null;
}

export type Transport = 'handles' | 'public';

/** What this Node has, or null where it is not as expected. */
export const handles: Handles | null = find();

let chosen: Transport = 'public';

/** What new wires use. */
export function transport(): Transport {
  return chosen;
}

/** Sets what new wires use; `handles` only where they exist. */
export function useTransport(wanted: Transport): void {
  chosen = handles === null ? 'public' : wanted;
}

interface StreamBinding {
  readonly WriteWrap?: new () => WriteRequest;
  readonly streamBaseState?: Int32Array;
  readonly kReadBytesOrError?: number;
  readonly kLastWriteWasAsync?: number;
}

function find(): Handles | null {
  let binding: StreamBinding;
  try {
    binding = (process as unknown as { binding(name: string): StreamBinding }).binding('stream_wrap');
  } catch {
    // Removed, or forbidden by the permission model: the public interface does everything.
    return null;
  }
  const { WriteWrap, streamBaseState: state, kReadBytesOrError: read, kLastWriteWasAsync: async } = binding;
  if (typeof WriteWrap !== 'function' || !(state instanceof Int32Array)) return null;
  if (typeof read !== 'number' || typeof async !== 'number') return null;
  return {
    readBytes: () => state[read]!,
    isPending: () => state[async] !== 0,
    newRequest: () => new WriteWrap(),
    handleOf(socket) {
      const handle = (socket as unknown as { _handle: Partial<StreamHandle> | null })._handle;
      const needed = ['onread', 'useUserBuffer', 'readStart', 'readStop', 'writeBuffer'] as const;
      if (handle === null || needed.some((name) => typeof handle[name] !== 'function')) return null;
      return handle as StreamHandle;
    },
  };
}
