import { expect } from 'vitest';
import { FakeClock } from '../../../base/clock.ts';
import type { CommandDraft } from '../../../core/command.ts';
import type { Verdict } from '../../../core/verdict.ts';
import { noAttributes } from './attributes.ts';
import { fileType, openFlag, packet, status } from './constants.ts';
import { FrameReader } from './frames.ts';
import { FileGate } from './gate.ts';
import { type Reply, readReply, writeReply, writeVersion } from './replies.ts';
import { type Request, readRequest, writeInit, writeRequest } from './requests.ts';
import { TestHost, type TestRules } from './testing.ts';

export type Asked = Exclude<Request, { type: 'unsupported' }>;

/** A server in memory: answers by a table, or as a test has it. */
export class FakeServer {
  readonly asked: Asked[] = [];
  readonly files = new Map<string, { kind: 'file' | 'directory' | 'link'; content: Buffer; target?: string }>();
  readonly handles = new Map<string, string>();
  /** Answers a request, or null for the usual answer. */
  override: ((request: Asked) => Reply | 'silence' | Buffer | null) | null = null;
  offers: readonly (readonly [string, string])[] = [];
  version = 3;
  #next = 0;

  constructor() {
    this.files.set('/', { kind: 'directory', content: Buffer.alloc(0) });
    this.files.set('/start', { kind: 'directory', content: Buffer.alloc(0) });
  }

  take(frame: Buffer): Buffer | null {
    if (frame[4] === packet.SSH_FXP_INIT) return writeVersion({ version: this.version, extensions: this.offers });
    const request = readRequest(Buffer.from(frame));
    if (request.type === 'unsupported') throw new Error('the gate sent what nobody knows');
    this.asked.push(request);
    const other = this.override?.(request) ?? null;
    if (other === 'silence') return null;
    if (Buffer.isBuffer(other)) return other;
    return writeReply(other ?? this.#answer(request));
  }

  #answer(request: Asked): Reply {
    const { id } = request;
    const code = (value: number): Reply => ({ type: 'status', id, code: value, message: 'said' });
    const name = (text: string): Reply => {
      const bytes = Buffer.from(text, 'latin1');
      return { type: 'name', id, entries: [{ name: bytes, longName: bytes, attributes: noAttributes }] };
    };
    switch (request.type) {
      case 'realpath':
        return name('/start');
      case 'lstat':
      case 'stat': {
        const file = this.files.get(request.path);
        return file === undefined
          ? code(status.SSH_FX_NO_SUCH_FILE)
          : { type: 'attributes', id, attributes: attributesOf(file) };
      }
      case 'readlink': {
        const file = this.files.get(request.path);
        return file?.target === undefined ? code(status.SSH_FX_FAILURE) : name(file.target);
      }
      case 'open':
      case 'opendir': {
        const missing = !this.files.has(request.path);
        if (missing && (request.type === 'opendir' || (request.flags & openFlag.SSH_FXF_CREAT) === 0))
          return code(status.SSH_FX_NO_SUCH_FILE);
        if (missing) this.files.set(request.path, { kind: 'file', content: Buffer.alloc(0) });
        const handle = Buffer.from(`h${this.#next++}`.padEnd(4, '_'));
        this.handles.set(handle.toString(), request.path);
        return { type: 'handle', id, handle };
      }
      case 'fstat':
        return { type: 'attributes', id, attributes: attributesOf(this.#file(request.handle)) };
      case 'read': {
        const { content } = this.#file(request.handle);
        const data = content.subarray(request.offset, request.offset + request.length);
        return data.length === 0 ? code(status.SSH_FX_EOF) : { type: 'data', id, data: Buffer.from(data) };
      }
      case 'write': {
        const file = this.#file(request.handle);
        const bytes = Buffer.alloc(Math.max(file.content.length, request.offset + request.data.length));
        file.content.copy(bytes);
        request.data.copy(bytes, request.offset);
        file.content = bytes;
        return code(status.SSH_FX_OK);
      }
      case 'readdir':
        return code(status.SSH_FX_EOF);
      default:
        return code(status.SSH_FX_OK);
    }
  }

  #file(handle: Buffer) {
    const file = this.files.get(this.handles.get(handle.toString()) ?? '');
    if (file === undefined) throw new Error('a handle that the server never gave');
    return file;
  }
}

export function attributesOf({ kind, content }: { kind: string; content: Buffer }) {
  const type = kind === 'file' ? fileType.regular : kind === 'link' ? fileType.link : fileType.directory;
  return { ...noAttributes, size: BigInt(content.length), permissions: type | 0o644, owner: { user: 1, group: 1 } };
}

export class Setup {
  readonly host: TestHost;
  readonly server = new FakeServer();
  readonly gate: FileGate;
  readonly clock = new FakeClock();
  readonly replies: Reply[] = [];
  readonly answers = new Map<number, Reply>();
  versions: Buffer[] = [];
  readonly #frames = new FrameReader();

  constructor(rules: TestRules = {}) {
    this.host = new TestHost(rules);
    this.gate = new FileGate(this.host, this.clock);
    this.host.toUpstream = (view) => {
      const answer = this.server.take(Buffer.from(view));
      // In a later turn, as bytes come from a wire.
      if (answer !== null) queueMicrotask(() => this.gate.fromUpstream(answer));
      return true;
    };
    this.host.toClient = (view) => {
      this.#frames.push(Buffer.from(view), (frame) => {
        if (frame[4] === packet.SSH_FXP_VERSION) this.versions.push(frame);
        else {
          const reply = readReply(frame);
          this.replies.push(reply);
          this.answers.set(reply.id, reply);
        }
      });
      return true;
    };
  }

  async start(): Promise<this> {
    this.gate.fromClient(writeInit(3));
    await turns();
    expect(this.versions.length).toBe(1);
    return this;
  }

  async ask(...requests: readonly Asked[]): Promise<Reply[]> {
    for (const request of requests) this.gate.fromClient(writeRequest(request));
    await turns();
    return requests.map(({ id }) => this.answers.get(id)!);
  }

  async open(path: string, flags: number, id = 1000): Promise<Buffer> {
    const [reply] = await this.ask({ type: 'open', id, path, flags, attributes: noAttributes });
    if (reply?.type !== 'handle') throw new Error(`no handle: ${JSON.stringify(reply)}`);
    return reply.handle;
  }

  file(path: string, content: string | Buffer): void {
    this.server.files.set(path, { kind: 'file', content: Buffer.from(content) });
  }
}

export async function turns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export const denied = { type: 'status', code: status.SSH_FX_PERMISSION_DENIED };
export const failed = { type: 'status', code: status.SSH_FX_FAILURE };
export const unsupported = { type: 'status', code: status.SSH_FX_OP_UNSUPPORTED };
export const ok = { type: 'status', code: status.SSH_FX_OK };
export const hold: Verdict = { name: 'hold', rule: 'four-eyes', reason: 'Someone must agree.' };
export const pathOf = ({ meaning }: CommandDraft): string =>
  meaning?.language === 'file' ? meaning.file.operations[0]!.path.raw : '';
export const { SSH_FXF_READ: read, SSH_FXF_WRITE: write, SSH_FXF_CREAT: create } = openFlag;
