/**
 * Where a path really goes: the gateway's own walk over it with LSTAT and READLINK on private ids (A-SSH-14).
 *
 * A server's REALPATH is not relied on: some only fold the text. Here every component is looked at, symbolic links are
 * followed as the kernel would, `..` is taken after them and not before. LSTATs of a whole path go out together, so that
 * a path without links costs one round trip.
 *
 * Invariants:
 * - `canonical` is true only where every component before the end was seen, and none is a link any more (the last one
 *   may be, where it is not to be followed).
 * - What is forwarded afterwards is `path`, not what the client wrote: what was judged and what is done are one path.
 *
 * Honest limits: between the look and the act another connection can put a link into the path. `open.ts` looks again
 * behind an OPEN; for other requests SFTP has no such means.
 *
 * Deliberately absent: a cache. It would widen that gap.
 */
import { type Attributes, kindOf } from './attributes.ts';
import { status } from './constants.ts';
import type { Unnumbered } from './conversation.ts';
import * as limits from './limits.ts';
import type { Reply } from './replies.ts';

export interface Resolved {
  /** Absolute, latin1: one character per byte. */
  readonly path: string;
  readonly canonical: boolean;
  /** Of the file at the end; null where there is none, or it cannot be seen. */
  readonly attributes: Attributes | null;
  /** True where the server says that there is no such file. */
  readonly missing: boolean;
  /** True where the directory that it would be in is missing too. */
  readonly parentMissing: boolean;
  /** Why the kernel would not take the path at all, as a status; null where it would. */
  readonly failure: number | null;
}

export type Ask = (request: Unnumbered) => Promise<Reply>;

export class Resolver {
  readonly #ask: Ask;
  /** Where relative paths begin. */
  readonly #start: string;

  constructor(ask: Ask, start: string) {
    this.#ask = ask;
    this.#start = start;
  }

  /**
   * `follow`: whether a link at the end is followed. Relative paths begin at `base`, or where the server starts. What the
   * kernel refuses is refused, since the canonical path does not show it any more: an empty path, and a slash behind
   * what is no directory (or behind a link that is not followed).
   */
  async resolve(path: string, follow: boolean, base = this.#start): Promise<Resolved> {
    const resolved = await new Walk(this.#ask, path.startsWith('/') ? path : `${base}/${path}`, follow).run();
    const kind = resolved.attributes === null ? 'unknown' : kindOf(resolved.attributes);
    const wantsDirectory = path.endsWith('/') && kind !== 'directory' && kind !== 'unknown';
    if (path !== '' && !wantsDirectory) return resolved;
    return { ...resolved, failure: resolved.failure ?? status.SSH_FX_NO_SUCH_FILE };
  }
}

class Walk {
  readonly #ask: Ask;
  readonly #follow: boolean;
  #done: string[] = [];
  #todo: string[];
  #canonical = true;
  #attributes: Attributes | null = null;
  #links = 0;

  constructor(ask: Ask, path: string, follow: boolean) {
    this.#ask = ask;
    this.#todo = split(path);
    this.#follow = follow;
  }

  async run(): Promise<Resolved> {
    if (this.#todo.length === 0) await this.#root();
    while (this.#todo.length > 0) {
      if (this.#todo.length + this.#done.length > limits.componentsMax) return this.#failed(status.SSH_FX_FAILURE);
      if (this.#todo[0] === '..') {
        this.#todo.shift();
        this.#done.pop();
        if (this.#todo.length === 0) await this.#again();
        continue;
      }
      const ended = await this.#next();
      if (ended !== null) return ended;
    }
    return this.#resolved({});
  }

  /** Looks at the components up to the next `..`, together. */
  async #next(): Promise<Resolved | null> {
    const until = this.#todo.indexOf('..');
    const names = this.#todo.slice(0, until < 0 ? limits.looksMax : Math.min(until, limits.looksMax));
    const looks = names.map((_, index) => this.#lstat([...this.#done, ...names.slice(0, index + 1)]));
    for (const reply of await Promise.all(looks)) {
      const isLast = this.#todo.length === 1;
      if (reply.type === 'attributes') {
        const kind = kindOf(reply.attributes);
        if (kind === 'link' && (!isLast || this.#follow)) return this.#link();
        // A server that does not say what a file is, leaves open that it is a link.
        if (kind === 'unknown') this.#canonical = false;
        this.#attributes = reply.attributes;
      } else {
        this.#attributes = null;
        const isMissing = reply.type === 'status' && reply.code === status.SSH_FX_NO_SUCH_FILE;
        if (isMissing) return this.#missing();
        this.#canonical = false;
      }
      this.#done.push(this.#todo.shift()!);
    }
    return null;
  }

  /** The next component is a link: goes on where it points to. */
  async #link(): Promise<Resolved | null> {
    if (++this.#links > limits.linksMax) return this.#failed(status.SSH_FX_FAILURE);
    const name = this.#todo.shift()!;
    const reply = await this.#ask({ type: 'readlink', path: join([...this.#done, name]) });
    const target = reply.type === 'name' ? reply.entries[0]?.name.toString('latin1') : undefined;
    if (target === undefined || target === '' || target.includes('\0') || target.length > limits.pathBytesMax) {
      // It was a link and now is none, or cannot be read: where it leads is not known.
      this.#canonical = false;
      this.#done.push(name);
      return null;
    }
    if (target.startsWith('/')) this.#done = [];
    this.#todo = [...split(target), ...this.#todo];
    if (this.#todo.length === 0) await this.#again();
    return null;
  }

  /** From here on there is nothing: a `..` behind it fails in the kernel too. */
  #missing(): Resolved {
    if (this.#todo.includes('..')) return this.#failed(status.SSH_FX_NO_SUCH_FILE);
    const parentMissing = this.#todo.length > 1;
    this.#done.push(...this.#todo.splice(0));
    return this.#resolved({ missing: true, parentMissing });
  }

  async #again(): Promise<void> {
    if (this.#done.length === 0) return this.#root();
    const reply = await this.#lstat(this.#done);
    this.#attributes = reply.type === 'attributes' ? reply.attributes : null;
  }

  async #root(): Promise<void> {
    const reply = await this.#lstat([]);
    this.#attributes = reply.type === 'attributes' ? reply.attributes : null;
  }

  #lstat(names: readonly string[]): Promise<Reply> {
    return this.#ask({ type: 'lstat', path: join(names) });
  }

  #failed(failure: number): Resolved {
    const rest = this.#todo.splice(0);
    this.#done.push(...rest);
    this.#canonical = false;
    this.#attributes = null;
    return this.#resolved({ failure });
  }

  #resolved(more: Partial<Resolved>): Resolved {
    const path = join(this.#done);
    return {
      path,
      canonical: this.#canonical,
      attributes: this.#attributes,
      missing: false,
      parentMissing: false,
      failure: path.length > limits.pathBytesMax ? status.SSH_FX_FAILURE : null,
      ...more,
    };
  }
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function join(names: readonly string[]): string {
  return `/${names.join('/')}`;
}
