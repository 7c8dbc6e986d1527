/**
 * What a client asks: draft-ietf-secsh-filexfer-02, section 6, and OpenSSH's PROTOCOL, section 4. Reading and writing.
 *
 * | type         | behind the id                                              |
 * |--------------|------------------------------------------------------------|
 * | INIT         | (no id) version UInt32, pairs of strings                   |
 * | OPEN         | path, pflags UInt32, ATTRS                                 |
 * | CLOSE, FSTAT, READDIR | handle                                            |
 * | READ         | handle, offset UInt64, length UInt32                       |
 * | WRITE        | handle, offset UInt64, data                                |
 * | FSETSTAT     | handle, ATTRS                                              |
 * | SETSTAT, MKDIR | path, ATTRS                                              |
 * | STAT, LSTAT, OPENDIR, REMOVE, RMDIR, REALPATH, READLINK | path            |
 * | RENAME, SYMLINK | path, path (SYMLINK: see `symlink` below)               |
 * | EXTENDED     | name, and what the extension says                          |
 *
 * Invariants:
 * - What is well framed but cannot be done (a type or extension that is not known, a path with a zero byte or beyond its
 *   limit, an offset beyond 2^53) is a value, `unsupported`, which has an id and so gets a native answer.
 * - What is malformed throws; the conversation is over then.
 * - Every field is used, and the message is used up.
 *
 * Deliberately absent: what a path means (resolve.ts), who may do what (gate.ts).
 */
import { type Attributes, readAttributes, writeAttributes } from './attributes.ts';
import { isKnownExtension, openFlagsKnown, packet, status } from './constants.ts';
import { FieldReader, FieldWriter, malformed } from './fields.ts';
import * as limits from './limits.ts';

type PathRequest =
  | 'stat'
  | 'lstat'
  | 'opendir'
  | 'remove'
  | 'rmdir'
  | 'realpath'
  | 'readlink'
  | 'statvfs'
  | 'expand-path';
type HandleRequest = 'close' | 'fstat' | 'readdir' | 'fstatvfs' | 'fsync';

type Each<Type extends string, Fields> = Type extends string
  ? { readonly type: Type; readonly id: number } & Fields
  : never;
interface WithPath {
  readonly path: string;
}
interface WithHandle {
  readonly handle: Buffer;
}
interface WithAttributes {
  readonly attributes: Attributes;
}

/** Paths are latin1 strings: one character per byte. Buffers are views of the frame. */
export type Request =
  | Each<PathRequest, WithPath>
  | Each<HandleRequest, WithHandle>
  | {
      readonly type: 'open';
      readonly id: number;
      readonly path: string;
      readonly flags: number;
      readonly attributes: Attributes;
    }
  | {
      readonly type: 'read';
      readonly id: number;
      readonly handle: Buffer;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly type: 'write';
      readonly id: number;
      readonly handle: Buffer;
      readonly offset: number;
      readonly data: Buffer;
    }
  | Each<'setstat' | 'lsetstat' | 'mkdir', WithPath & WithAttributes>
  | Each<'fsetstat', WithHandle & WithAttributes>
  | Each<'rename' | 'posix-rename' | 'hardlink', WithPath & { readonly target: string }>
  /** As OpenSSH sends and takes it, against the draft: what the link points at, then the link. */
  | { readonly type: 'symlink'; readonly id: number; readonly target: string; readonly path: string }
  | {
      readonly type: 'copy-data';
      readonly id: number;
      readonly from: Buffer;
      readonly fromOffset: number;
      /** 0: to the end of the file. */
      readonly length: number;
      readonly to: Buffer;
      readonly toOffset: number;
    }
  | { readonly type: 'limits'; readonly id: number }
  | { readonly type: 'home-directory'; readonly id: number; readonly user: string }
  | { readonly type: 'users-groups-by-id'; readonly id: number; readonly users: Buffer; readonly groups: Buffer }
  | { readonly type: 'unsupported'; readonly id: number; readonly status: number; readonly why: string };

export type Initialisation = { readonly version: number };

const pathTypes: Readonly<Record<number, PathRequest>> = {
  [packet.SSH_FXP_STAT]: 'stat',
  [packet.SSH_FXP_LSTAT]: 'lstat',
  [packet.SSH_FXP_OPENDIR]: 'opendir',
  [packet.SSH_FXP_REMOVE]: 'remove',
  [packet.SSH_FXP_RMDIR]: 'rmdir',
  [packet.SSH_FXP_REALPATH]: 'realpath',
  [packet.SSH_FXP_READLINK]: 'readlink',
};

const handleTypes: Readonly<Record<number, HandleRequest>> = {
  [packet.SSH_FXP_CLOSE]: 'close',
  [packet.SSH_FXP_FSTAT]: 'fstat',
  [packet.SSH_FXP_READDIR]: 'readdir',
};

/** Reads INIT; what a client says it can do beyond its version changes nothing for us, and is read over. */
export function readInit(frame: Buffer): Initialisation {
  if (frame[4] !== packet.SSH_FXP_INIT) throw malformed('the first message is not INIT');
  const fields = new FieldReader(frame, 5);
  const version = fields.uint32();
  for (let pairs = 0; fields.left > 0; pairs++) {
    if (pairs === limits.extensionsMax) throw malformed('too many extensions');
    fields.string(limits.extensionBytesMax);
    fields.string(limits.extensionBytesMax);
  }
  return { version };
}

class Refused extends Error {
  readonly status: number;

  constructor(code: number, why: string) {
    super(why);
    this.status = code;
  }
}

/** Reads any request but INIT. Throws `sftp.message-malformed`. */
export function readRequest(frame: Buffer): Request {
  const fields = new FieldReader(frame, 5);
  const id = fields.uint32();
  try {
    return readFields(frame[4]!, id, fields);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { type: 'unsupported', id, status: error.status, why: error.message };
  }
}

function readFields(type: number, id: number, fields: FieldReader): Request {
  const ofPath = pathTypes[type];
  if (ofPath !== undefined) return last(fields, { type: ofPath, id, path: path(fields) });
  const ofHandle = handleTypes[type];
  if (ofHandle !== undefined) return last(fields, { type: ofHandle, id, handle: handle(fields) });
  switch (type) {
    case packet.SSH_FXP_OPEN: {
      const name = fields.string(limits.messageBytesMax);
      const flags = fields.uint32();
      const attributes = last(fields, readAttributes(fields));
      if ((flags & ~openFlagsKnown) !== 0) throw new Refused(status.SSH_FX_OP_UNSUPPORTED, 'unknown flags of OPEN');
      return { type: 'open', id, path: checkedPath(name), flags, attributes };
    }
    case packet.SSH_FXP_READ: {
      const request = { type: 'read' as const, id, handle: handle(fields) };
      const [offset, length] = [fields.uint64(), last(fields, fields.uint32)];
      return { ...request, offset: checkedOffset(offset), length: Math.min(length, limits.readBytesMax) };
    }
    case packet.SSH_FXP_WRITE: {
      const request = { type: 'write' as const, id, handle: handle(fields) };
      const offset = fields.uint64();
      const data = last(fields, fields.string(limits.messageBytesMax));
      return { ...request, offset: checkedOffset(offset, data.length), data };
    }
    case packet.SSH_FXP_FSETSTAT:
      return last(fields, { type: 'fsetstat', id, handle: handle(fields), attributes: readAttributes(fields) });
    case packet.SSH_FXP_SETSTAT:
    case packet.SSH_FXP_MKDIR:
      return withAttributes(type === packet.SSH_FXP_MKDIR ? 'mkdir' : 'setstat', id, fields);
    case packet.SSH_FXP_RENAME:
      return last(fields, { type: 'rename', id, path: path(fields), target: path(fields) });
    case packet.SSH_FXP_SYMLINK:
      return last(fields, { type: 'symlink', id, target: path(fields), path: path(fields) });
    case packet.SSH_FXP_EXTENDED:
      return readExtended(id, fields);
    default:
      throw new Refused(status.SSH_FX_OP_UNSUPPORTED, `messages of type ${type} are not let through`);
  }
}

function readExtended(id: number, fields: FieldReader): Request {
  const name = fields.string(limits.messageBytesMax).toString('latin1');
  if (!isKnownExtension(name)) throw new Refused(status.SSH_FX_OP_UNSUPPORTED, 'this extension is not let through');
  switch (name) {
    case 'posix-rename@openssh.com':
      return last(fields, { type: 'posix-rename', id, path: path(fields), target: path(fields) });
    case 'hardlink@openssh.com':
      return last(fields, { type: 'hardlink', id, path: path(fields), target: path(fields) });
    case 'statvfs@openssh.com':
      return last(fields, { type: 'statvfs', id, path: path(fields) });
    case 'expand-path@openssh.com':
      return last(fields, { type: 'expand-path', id, path: path(fields) });
    case 'fstatvfs@openssh.com':
      return last(fields, { type: 'fstatvfs', id, handle: handle(fields) });
    case 'fsync@openssh.com':
      return last(fields, { type: 'fsync', id, handle: handle(fields) });
    case 'lsetstat@openssh.com':
      return withAttributes('lsetstat', id, fields);
    case 'limits@openssh.com':
      return last(fields, { type: 'limits', id });
    case 'home-directory':
      return last(fields, { type: 'home-directory', id, user: path(fields) });
    case 'users-groups-by-id@openssh.com':
      return last(fields, { type: 'users-groups-by-id', id, users: ids(fields), groups: ids(fields) });
    case 'copy-data': {
      const [from, fromOffset, length] = [handle(fields), fields.uint64(), fields.uint64()];
      const [to, toOffset] = [handle(fields), fields.uint64()];
      const found = { type: 'copy-data' as const, id, from, to, length: checkedOffset(length) };
      return last(fields, { ...found, fromOffset: checkedOffset(fromOffset), toOffset: checkedOffset(toOffset) });
    }
  }
}

function withAttributes(type: 'setstat' | 'lsetstat' | 'mkdir', id: number, fields: FieldReader): Request {
  const name = fields.string(limits.messageBytesMax);
  const attributes = last(fields, readAttributes(fields));
  return { type, id, path: checkedPath(name), attributes };
}

/** The message must be used up. */
function last<T>(fields: FieldReader, value: T | (() => T)): T {
  const read = typeof value === 'function' ? (value as () => T).call(fields) : value;
  fields.end();
  return read;
}

function handle(fields: FieldReader): Buffer {
  return fields.string(limits.handleBytesMax);
}

function path(fields: FieldReader): string {
  return checkedPath(fields.string(limits.messageBytesMax));
}

/** A zero byte would end the path early for a server written in C, which then does something else than was judged. */
function checkedPath(bytes: Buffer): string {
  if (bytes.length > limits.pathBytesMax) throw new Refused(status.SSH_FX_FAILURE, 'the path is too long');
  if (bytes.includes(0)) throw new Refused(status.SSH_FX_BAD_MESSAGE, 'the path has a zero byte');
  return bytes.toString('latin1');
}

function checkedOffset(offset: bigint, length = 0): number {
  if (offset + BigInt(length) > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new Refused(status.SSH_FX_FAILURE, 'the offset is beyond what is supported');
  }
  return Number(offset);
}

function ids(fields: FieldReader): Buffer {
  const bytes = fields.string(limits.messageBytesMax);
  if (bytes.length % 4 !== 0) throw malformed('ids that are no UInt32');
  if (bytes.length > 4 * limits.userIdsMax) throw new Refused(status.SSH_FX_FAILURE, 'too many ids at once');
  return bytes;
}

/** INIT as the gateway sends it. */
export function writeInit(version: number): Buffer {
  return new FieldWriter(packet.SSH_FXP_INIT).uint32(version).finish();
}

const types: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries({ ...pathTypes, ...handleTypes }).map(([type, name]) => [name, Number(type)])),
  setstat: packet.SSH_FXP_SETSTAT,
  mkdir: packet.SSH_FXP_MKDIR,
  rename: packet.SSH_FXP_RENAME,
};

function extended(id: number, name: keyof typeof import('./constants.ts').extensions): FieldWriter {
  return new FieldWriter(packet.SSH_FXP_EXTENDED).uint32(id).string(name);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Writes a request as the gateway sends it. */
export function writeRequest(request: Exclude<Request, { readonly type: 'unsupported' }>): Buffer {
  const plain = (type: number): FieldWriter => new FieldWriter(type).uint32(request.id);
  switch (request.type) {
    case 'statvfs':
    case 'expand-path':
      return extended(request.id, `${request.type}@openssh.com`).string(latin1(request.path)).finish();
    case 'stat':
    case 'lstat':
    case 'opendir':
    case 'remove':
    case 'rmdir':
    case 'realpath':
    case 'readlink':
      return plain(types[request.type]!).string(latin1(request.path)).finish();
    case 'fstatvfs':
    case 'fsync':
      return extended(request.id, `${request.type}@openssh.com`).string(request.handle).finish();
    case 'close':
    case 'fstat':
    case 'readdir':
      return plain(types[request.type]!).string(request.handle).finish();
    case 'open': {
      const fields = plain(packet.SSH_FXP_OPEN).string(latin1(request.path)).uint32(request.flags);
      return writeAttributes(fields, request.attributes).finish();
    }
    case 'read': {
      const fields = plain(packet.SSH_FXP_READ).string(request.handle).uint64(request.offset);
      return fields.uint32(request.length).finish();
    }
    case 'write': {
      const fields = plain(packet.SSH_FXP_WRITE).string(request.handle).uint64(request.offset);
      return fields.string(request.data).finish();
    }
    case 'fsetstat':
      return writeAttributes(plain(packet.SSH_FXP_FSETSTAT).string(request.handle), request.attributes).finish();
    case 'lsetstat': {
      const fields = extended(request.id, 'lsetstat@openssh.com').string(latin1(request.path));
      return writeAttributes(fields, request.attributes).finish();
    }
    case 'setstat':
    case 'mkdir':
      return writeAttributes(plain(types[request.type]!).string(latin1(request.path)), request.attributes).finish();
    case 'rename':
      return plain(packet.SSH_FXP_RENAME).string(latin1(request.path)).string(latin1(request.target)).finish();
    case 'posix-rename':
    case 'hardlink': {
      const fields = extended(request.id, `${request.type}@openssh.com`);
      return fields.string(latin1(request.path)).string(latin1(request.target)).finish();
    }
    case 'symlink':
      return plain(packet.SSH_FXP_SYMLINK).string(latin1(request.target)).string(latin1(request.path)).finish();
    case 'copy-data': {
      const fields = extended(request.id, 'copy-data').string(request.from).uint64(request.fromOffset);
      return fields.uint64(request.length).string(request.to).uint64(request.toOffset).finish();
    }
    case 'limits':
      return extended(request.id, 'limits@openssh.com').finish();
    case 'home-directory':
      return extended(request.id, 'home-directory').string(latin1(request.user)).finish();
    case 'users-groups-by-id': {
      const fields = extended(request.id, 'users-groups-by-id@openssh.com');
      return fields.string(request.users).string(request.groups).finish();
    }
  }
}
