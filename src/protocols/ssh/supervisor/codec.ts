/**
 * Frames of the supervisor's side channel. Pure. Numbers are little-endian, `text` is a u32 length and as many bytes.
 *
 *     frame      u32 length of what follows · u8 type · payload
 *     H          u32 version                                   waits for the program's channel
 *     R          u32 user id                                   has the side channel, wants to know what to start
 *     B          u32 1: privileges were given up for the filter (no_new_privs)
 *     A          token · u32 pid · u32 parent · u32 facts · text name · text file · text cwd · text its parent's cwd
 *                · text interpreters · text variables · text arguments  (lists: each with a NUL behind it)
 *     E F K W    token · u32 errno     started as approved · did not start · was killed: started otherwise · waits no more
 *     N          u32 why · text name   refused without a question
 *     S          u8 0: `$SHELL -c` text · 1: a login shell            (to the supervisor)
 *     V          token · u8 'A' or 'D'                                (to the supervisor)
 *
 * Invariants: a frame is bounded before it is kept; the parser is dead after its first error; trailing bytes are an error.
 */
import { sshRoomErrors } from '../errors.ts';
import * as limits from './limits.ts';

/** A program that is about to start, as the supervisor found it. Bytes, since names need not be UTF-8. */
export interface StartRequest {
  /** Hexadecimal. */
  readonly token: string;
  readonly pid: number;
  readonly parent: number;
  readonly facts: ReadonlySet<StartFact>;
  /** The path as it was given; empty where a descriptor was. */
  readonly name: Buffer;
  /** The file that the path leads to. */
  readonly file: Buffer;
  readonly cwd: Buffer;
  /** Of the process that started it. */
  readonly parentCwd: Buffer;
  /** Where the file is a script: its interpreter, and that one's argument. */
  readonly interpreters: readonly Buffer[];
  /** Variables that run code in whatever is started: `LD_PRELOAD=…`, `BASH_ENV=…`. */
  readonly variables: readonly Buffer[];
  readonly arguments: readonly Buffer[];
}

/**
 * `memory`: a file that has no name in any file system; `deleted`: one that has lost it; `plain`: nothing the kernel starts,
 * which a shell then reads as a script by itself.
 */
export type StartFact = 'initial' | 'memory' | 'deleted' | 'script' | 'setuid' | 'threads' | 'plain';
const factBits: readonly StartFact[] = ['initial', 'memory', 'deleted', 'script', 'setuid', 'threads', 'plain'];

export type RefusedWhy = 'too-long' | 'not-readable' | 'not-traceable' | 'other';
const refusedWhys: readonly RefusedWhy[] = ['other', 'too-long', 'not-readable', 'not-traceable'];

export type SupervisorFrame =
  | { readonly frame: 'hello'; readonly version: number }
  | { readonly frame: 'ready'; readonly userId: number }
  | { readonly frame: 'begun'; readonly noNewPrivileges: boolean }
  | { readonly frame: 'ask'; readonly request: StartRequest }
  | { readonly frame: 'started' | 'failed' | 'killed' | 'withdrawn'; readonly token: string; readonly errno: number }
  | { readonly frame: 'refused'; readonly why: RefusedWhy; readonly name: Buffer };

export class FrameParser {
  #buffer: Buffer = Buffer.alloc(0);
  #isDead = false;

  /** Throws `ssh.supervisor-malformed`, and does so ever after. */
  push(chunk: Buffer): SupervisorFrame[] {
    if (this.#isDead) throw malformed('after an error');
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffer, chunk]);
    const frames: SupervisorFrame[] = [];
    try {
      let from = 0;
      while (this.#buffer.length - from >= 4) {
        const length = this.#buffer.readUInt32LE(from);
        if (length === 0 || length > limits.frameBytesMax) throw malformed('length');
        if (this.#buffer.length - from - 4 < length) break;
        frames.push(decode(this.#buffer.subarray(from + 4, from + 4 + length)));
        from += 4 + length;
      }
      this.#buffer = this.#buffer.subarray(from);
    } catch (error) {
      this.#isDead = true;
      throw error;
    }
    return frames;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  bytes(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw malformed('short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
  number(): number {
    return this.bytes(4).readUInt32LE();
  }
  token(): string {
    return this.bytes(tokenBytes).toString('hex');
  }
  text(): Buffer {
    return Buffer.from(this.bytes(this.number()));
  }
  list(): Buffer[] {
    const text = this.text();
    const parts: Buffer[] = [];
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf(0, from);
      if (end < 0) throw malformed('list');
      parts.push(text.subarray(from, end));
      from = end + 1;
    }
    return parts;
  }
  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed('trailing bytes');
  }
}

const tokenBytes = 16;
const endings = { E: 'started', F: 'failed', K: 'killed', W: 'withdrawn' } as const;

function decode(bytes: Buffer): SupervisorFrame {
  const reader = new Reader(bytes);
  const frame = decodeBody(String.fromCharCode(bytes[0]!), reader);
  reader.end();
  return frame;
}

function decodeBody(type: string, reader: Reader): SupervisorFrame {
  switch (type) {
    case 'H':
      return { frame: 'hello', version: reader.number() };
    case 'R':
      return { frame: 'ready', userId: reader.number() };
    case 'B':
      return { frame: 'begun', noNewPrivileges: reader.number() !== 0 };
    case 'A':
      return { frame: 'ask', request: decodeRequest(reader) };
    case 'E':
    case 'F':
    case 'K':
    case 'W':
      return { frame: endings[type], token: reader.token(), errno: reader.number() };
    case 'N':
      return { frame: 'refused', why: refusedWhys[reader.number()] ?? 'other', name: reader.text() };
    default:
      throw malformed('type');
  }
}

function decodeRequest(reader: Reader): StartRequest {
  const token = reader.token();
  const pid = reader.number();
  const parent = reader.number();
  const bits = reader.number();
  const request: StartRequest = {
    token,
    pid,
    parent,
    facts: new Set(factBits.filter((_, bit) => (bits & (1 << bit)) !== 0)),
    name: reader.text(),
    file: reader.text(),
    cwd: reader.text(),
    parentCwd: reader.text(),
    interpreters: reader.list(),
    variables: reader.list(),
    arguments: reader.list(),
  };
  if (request.arguments.length === 0) throw malformed('no arguments');
  return request;
}

/** What is to be started; null: the account's login shell. */
export function encodeStart(command: Buffer | null): Buffer {
  return frame('S', Buffer.concat([Buffer.from([command === null ? 1 : 0]), command ?? Buffer.alloc(0)]));
}

export function encodeVerdict(token: string, allowed: boolean): Buffer {
  return frame('V', Buffer.concat([Buffer.from(token, 'hex'), Buffer.from(allowed ? 'A' : 'D')]));
}

function frame(type: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(payload.length + 1);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, payload]);
}

function malformed(detail: string): Error {
  return sshRoomErrors('ssh.supervisor-malformed', { detail });
}
