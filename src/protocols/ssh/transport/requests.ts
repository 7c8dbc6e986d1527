/**
 * Channel requests, channel opens and global requests: bytes to the closed unions of `types.ts` and back. Pure.
 *
 * Invariants: a request of a known name that is malformed ends the connection; one of an unknown name is a value that
 * nobody has to understand. Sizes of terminals are clamped (A-SSH-16). `encode` of what was decoded gives the same
 * meaning, and the same bytes but for what was clamped.
 *
 * Wire layouts: RFC 4254, 4, 5.1, 6, 7; OpenSSH PROTOCOL 2.3 to 2.5.
 */
import { SshReader, SshWriter } from './bytes.ts';
import * as limits from './limits.ts';
import { decodeTerminalModes, encodeTerminalModes } from './terminal-modes.ts';
import type { PtySize, SshChannelOpen, SshChannelRequest, SshGlobalRequest, TcpEndpoint } from './types.ts';

const { nameBytesMax, packetBytesMax, pathBytesMax, textBytesMax } = limits;

// ----- channel requests -----------------------------------------------------------------------------------------------

/** `data` is what follows `want reply`. */
export function decodeChannelRequest(name: string, data: Buffer): SshChannelRequest {
  const reader = new SshReader(data);
  const request = readChannelRequest(name, reader);
  reader.end();
  return request;
}

function readChannelRequest(name: string, reader: SshReader): SshChannelRequest {
  switch (name) {
    case 'pty-req': {
      const term = text(reader, nameBytesMax);
      const size = readSize(reader);
      return { kind: name, term, ...size, modes: decodeTerminalModes(reader.string(packetBytesMax)) };
    }
    case 'window-change':
      return { kind: name, ...readSize(reader) };
    case 'env':
      return { kind: name, name: text(reader, nameBytesMax), value: reader.string(packetBytesMax) };
    case 'shell':
    case 'auth-agent-req@openssh.com':
    case 'eow@openssh.com':
    case 'keepalive@openssh.com':
      return { kind: name };
    case 'exec':
      return { kind: name, command: reader.string(packetBytesMax) };
    case 'subsystem':
    case 'signal':
      return { kind: name, name: text(reader, nameBytesMax) };
    case 'break':
      return { kind: name, lengthMs: reader.uint32() };
    case 'x11-req':
      return {
        kind: name,
        singleConnection: reader.boolean(),
        protocol: text(reader, nameBytesMax),
        cookie: text(reader, nameBytesMax),
        screen: reader.uint32(),
      };
    case 'xon-xoff':
      return { kind: name, clientCanDo: reader.boolean() };
    case 'exit-status':
      return { kind: name, code: reader.uint32() };
    case 'exit-signal': {
      const signal = text(reader, nameBytesMax);
      const coreDumped = reader.boolean();
      const said = text(reader, textBytesMax);
      reader.string(nameBytesMax); // The language of the text.
      return { kind: name, signal, coreDumped, message: said };
    }
    default:
      return { kind: 'unknown', name, data: reader.rest() };
  }
}

/** The request's name, and what follows `want reply`. */
export function encodeChannelRequest(request: SshChannelRequest): { readonly name: string; readonly data: Buffer } {
  const writer = new SshWriter(64);
  const name = request.kind === 'unknown' ? request.name : request.kind;
  switch (request.kind) {
    case 'pty-req':
      writer.string(request.term);
      writeSize(writer, request).string(encodeTerminalModes(request.modes));
      break;
    case 'window-change':
      writeSize(writer, request);
      break;
    case 'env':
      writer.string(request.name).string(request.value);
      break;
    case 'exec':
      writer.string(request.command);
      break;
    case 'subsystem':
    case 'signal':
      writer.string(request.name);
      break;
    case 'break':
      writer.uint32(request.lengthMs);
      break;
    case 'x11-req':
      writer.boolean(request.singleConnection).string(request.protocol).string(request.cookie).uint32(request.screen);
      break;
    case 'xon-xoff':
      writer.boolean(request.clientCanDo);
      break;
    case 'exit-status':
      writer.uint32(request.code);
      break;
    case 'exit-signal':
      writer.string(request.signal).boolean(request.coreDumped).string(request.message).string('');
      break;
    case 'unknown':
      writer.raw(request.data);
      break;
    case 'shell':
    case 'auth-agent-req@openssh.com':
    case 'eow@openssh.com':
    case 'keepalive@openssh.com':
      break;
  }
  return { name, data: writer.finish() };
}

/** A size of 0 means "not known" (RFC 4254, 6.2); what is too large is cut down (A-SSH-16). */
function readSize(reader: SshReader): PtySize {
  const clamp = (value: number, otherwise: number, max: number): number =>
    Math.min(value === 0 ? otherwise : value, max);
  return {
    columns: clamp(reader.uint32(), limits.ptyColumnsDefault, limits.ptyCellsMax),
    rows: clamp(reader.uint32(), limits.ptyRowsDefault, limits.ptyCellsMax),
    widthPixels: clamp(reader.uint32(), 0, limits.ptyPixelsMax),
    heightPixels: clamp(reader.uint32(), 0, limits.ptyPixelsMax),
  };
}

function writeSize(writer: SshWriter, size: PtySize): SshWriter {
  return writer.uint32(size.columns).uint32(size.rows).uint32(size.widthPixels).uint32(size.heightPixels);
}

/** Names that may hold any byte: kept as Latin-1 would show a different name, so what is no UTF-8 is replaced. */
function text(reader: SshReader, bytesMax: number): string {
  return reader.string(bytesMax).toString('utf8');
}

// ----- channel opens --------------------------------------------------------------------------------------------------

/** Null: a type that is not known here. Ports are as they came, 32 bits wide. `data` is what follows the maximum packet size. */
export function decodeChannelOpen(type: string, data: Buffer): SshChannelOpen | null {
  const reader = new SshReader(data);
  const open = readChannelOpen(type, reader);
  if (open !== null) reader.end();
  return open;
}

function readChannelOpen(type: string, reader: SshReader): SshChannelOpen | null {
  switch (type) {
    case 'session':
    case 'auth-agent@openssh.com':
      return { kind: type };
    case 'direct-tcpip':
      return { kind: type, target: readEndpoint(reader), origin: readEndpoint(reader) };
    case 'forwarded-tcpip':
      return { kind: type, bound: readEndpoint(reader), origin: readEndpoint(reader) };
    case 'direct-streamlocal@openssh.com': {
      const path = text(reader, pathBytesMax);
      reader.string(nameBytesMax); // Reserved, as is the number after it.
      reader.uint32();
      return { kind: type, path };
    }
    case 'forwarded-streamlocal@openssh.com': {
      const path = text(reader, pathBytesMax);
      reader.string(nameBytesMax); // Reserved.
      return { kind: type, path };
    }
    case 'x11':
      return { kind: type, origin: readEndpoint(reader) };
    default:
      return null;
  }
}

export function encodeChannelOpen(open: SshChannelOpen): Buffer {
  const writer = new SshWriter(64);
  switch (open.kind) {
    case 'session':
    case 'auth-agent@openssh.com':
      break;
    case 'direct-tcpip':
      writeEndpoint(writeEndpoint(writer, open.target), open.origin);
      break;
    case 'forwarded-tcpip':
      writeEndpoint(writeEndpoint(writer, open.bound), open.origin);
      break;
    case 'direct-streamlocal@openssh.com':
      writer.string(open.path).string('').uint32(0);
      break;
    case 'forwarded-streamlocal@openssh.com':
      writer.string(open.path).string('');
      break;
    case 'x11':
      writeEndpoint(writer, open.origin);
      break;
  }
  return writer.finish();
}

function readEndpoint(reader: SshReader): TcpEndpoint {
  return { host: text(reader, nameBytesMax), port: reader.uint32() };
}

function writeEndpoint(writer: SshWriter, endpoint: TcpEndpoint): SshWriter {
  return writer.string(endpoint.host).uint32(endpoint.port);
}

// ----- global requests ------------------------------------------------------------------------------------------------

export function decodeGlobalRequest(name: string, data: Buffer): SshGlobalRequest {
  const reader = new SshReader(data);
  switch (name) {
    case 'tcpip-forward':
    case 'cancel-tcpip-forward': {
      const bind = readEndpoint(reader);
      reader.end();
      return { kind: name, bind };
    }
    case 'streamlocal-forward@openssh.com':
    case 'cancel-streamlocal-forward@openssh.com': {
      const path = text(reader, pathBytesMax);
      reader.end();
      return { kind: name, path };
    }
    case 'no-more-sessions@openssh.com':
      return { kind: name };
    case 'hostkeys-00@openssh.com': {
      const keys: Buffer[] = [];
      while (reader.left > 0) keys.push(reader.string(packetBytesMax));
      return { kind: name, keys };
    }
    case 'hostkeys-prove-00@openssh.com':
      return { kind: name, data };
    default:
      return { kind: 'unknown', name, data };
  }
}

export function encodeGlobalRequest(request: SshGlobalRequest): { readonly name: string; readonly data: Buffer } {
  const writer = new SshWriter(64);
  const name = request.kind === 'unknown' ? request.name : request.kind;
  switch (request.kind) {
    case 'tcpip-forward':
    case 'cancel-tcpip-forward':
      writeEndpoint(writer, request.bind);
      break;
    case 'streamlocal-forward@openssh.com':
    case 'cancel-streamlocal-forward@openssh.com':
      writer.string(request.path);
      break;
    case 'hostkeys-00@openssh.com':
      for (const key of request.keys) writer.string(key);
      break;
    case 'hostkeys-prove-00@openssh.com':
    case 'unknown':
      writer.raw(request.data);
      break;
    case 'no-more-sessions@openssh.com':
      break;
  }
  return { name, data: writer.finish() };
}
