/**
 * What goes by in a tar stream, as `kubectl cp` has it both ways: names, sizes, modes and digests, noted while the bytes pass.
 * Nothing is unpacked, and no file system is touched (A-K8S-10): a name is a text to show.
 *
 * Invariants: memory is bounded whatever the archive says: one block, one set of extended headers, one digest, and a listing
 * with limits. The listing never changes, holds or ends the stream: an archive that cannot be followed, or that unpackers
 * may take in different ways, is passed on, and the listing says from where on it is blind.
 *
 * Deliberately absent: compressed archives (kubectl makes none), maps of sparse files (their content is taken as stored).
 */
import { createHash, type Hash } from 'node:crypto';
import { escapeLine } from '../../../base/escape.ts';
import * as limits from './limits.ts';
import {
  blockBytes,
  hasMoreMap,
  isEmpty,
  isZero,
  parseExtended,
  parseHeader,
  type TarHeader,
  type TarKind,
} from './tar-header.ts';
import type { TarEntry, TarSummary } from './types.ts';

interface Member {
  readonly name: Buffer;
  readonly link: Buffer;
  readonly header: TarHeader;
  readonly size: number;
  readonly hash: Hash | null;
}

type State =
  /** A block that is a header, or the end. */
  | { readonly step: 'header' }
  /** Blocks of a sparse file's map. */
  | { readonly step: 'map'; readonly member: Member }
  | { readonly step: 'content'; readonly member: Member; left: number }
  | {
      readonly step: 'extension';
      readonly kind: TarKind;
      readonly size: number;
      left: number;
      readonly parts: Buffer[];
    }
  | { readonly step: 'padding'; left: number }
  /** One block of zeros came; another one makes it the end. */
  | { readonly step: 'half-end' }
  /** Behind the end there may be zeros. */
  | { readonly step: 'end' }
  | { readonly step: 'blind' };

interface Extension {
  name: Buffer | null;
  link: Buffer | null;
  size: number | null;
}

export class TarListing {
  readonly #entries: TarEntry[] = [];
  #omitted = 0;
  #bytes = 0;
  #namesBytes = 0;
  #fault: string | null = null;
  #state: State = { step: 'header' };
  #block = Buffer.alloc(blockBytes);
  #blockFill = 0;
  #extension: Extension = { name: null, link: null, size: null };
  #extensions = 0;

  /** The next bytes, in pieces of any size. Never throws, whatever they are; keeps no view. */
  push(view: Buffer): void {
    let at = 0;
    while (at < view.length && this.#state.step !== 'blind') at += this.#take(view.subarray(at));
  }

  /** What was seen until now; `isEnd`: no more comes. */
  summary(isEnd: boolean): TarSummary {
    const isComplete = this.#state.step === 'end' && this.#fault === null;
    const fault = this.#fault ?? (isEnd && !isComplete ? 'it ends in the middle' : null);
    const pending = this.#state.step === 'content' || this.#state.step === 'map' ? this.#state.member : null;
    const cut = isEnd && pending !== null ? entryOf(pending, null) : null;
    return {
      entries: cut === null || !this.#hasRoom(cut) ? [...this.#entries] : [...this.#entries, cut],
      omitted: this.#omitted + (cut !== null && !this.#hasRoom(cut) ? 1 : 0),
      bytes: this.#bytes,
      isComplete,
      fault,
    };
  }

  #take(view: Buffer): number {
    const state = this.#state;
    switch (state.step) {
      case 'content': {
        const piece = view.subarray(0, state.left);
        state.member.hash?.update(piece);
        state.left -= piece.length;
        this.#bytes += piece.length;
        if (state.left === 0) this.#finish(state.member);
        return piece.length;
      }
      case 'extension': {
        const piece = view.subarray(0, state.left);
        state.parts.push(Buffer.from(piece));
        state.left -= piece.length;
        if (state.left === 0) this.#extended(state.kind, Buffer.concat(state.parts), state.size);
        return piece.length;
      }
      case 'padding': {
        const length = Math.min(view.length, state.left);
        state.left -= length;
        if (state.left === 0) this.#state = { step: 'header' };
        return length;
      }
      case 'end': {
        if (!isZero(view)) this.#lose('something follows its end');
        return view.length;
      }
      default:
        return this.#fill(view);
    }
  }

  #fill(view: Buffer): number {
    const length = view.copy(this.#block, this.#blockFill, 0, blockBytes - this.#blockFill);
    this.#blockFill += length;
    if (this.#blockFill < blockBytes) return length;
    this.#blockFill = 0;
    const block = this.#block;
    const state = this.#state;
    if (state.step === 'map') {
      if (!hasMoreMap(block)) this.#content(state.member);
      return length;
    }
    if (isZero(block)) {
      if (this.#extensions > 0) this.#lose('it ends behind extended headers');
      else this.#state = { step: state.step === 'half-end' ? 'end' : 'half-end' };
      return length;
    }
    // Some unpackers go on behind one block of zeros, some stop.
    if (state.step === 'half-end') this.#lose('something follows its end');
    else this.#header(block);
    return length;
  }

  #header(block: Buffer): void {
    const header = parseHeader(block);
    if (header === null) {
      this.#lose('it is no archive, or damaged');
      return;
    }
    if (header.kind === 'member') {
      this.#member(header);
      return;
    }
    if (++this.#extensions > limits.tarExtensionsInRowMax) {
      this.#lose('too many extended headers in a row');
      return;
    }
    if (header.size > limits.tarExtensionBytesMax) {
      this.#lose('an extended header is too long');
      return;
    }
    const { kind, size } = header;
    if (size === 0) this.#extended(kind, Buffer.alloc(0), 0);
    else this.#state = { step: 'extension', kind, size, left: size, parts: [] };
  }

  #extended(kind: TarKind, content: Buffer, size: number): void {
    this.#pad(size);
    if (kind === 'long-name' || kind === 'long-link') {
      const end = content.indexOf(0);
      const text = end < 0 ? content : content.subarray(0, end);
      if (kind === 'long-name') this.#extension.name = text;
      else this.#extension.link = text;
      return;
    }
    const records = parseExtended(content);
    if (records === null) {
      this.#lose('an extended header is damaged');
      return;
    }
    const told = records.get('size')?.toString('latin1');
    const real = records.get('path') ?? null;
    if (kind === 'global') {
      // A path or a size for all members: nobody writes it, and unpackers differ.
      if (told !== undefined || real !== null || records.has('linkpath'))
        this.#lose('a global header renames its members');
      return;
    }
    if (told !== undefined && !/^\d{1,15}$/.test(told)) {
      this.#lose('an extended header is damaged');
      return;
    }
    if (told !== undefined) this.#extension.size = Number(told);
    this.#extension.name = records.get('GNU.sparse.name') ?? real ?? this.#extension.name;
    this.#extension.link = records.get('linkpath') ?? this.#extension.link;
  }

  #member(header: TarHeader): void {
    const { name, link, size } = this.#extension;
    const whole = size ?? header.size;
    // Some unpackers skip the content of a link or a directory, some take it for the next header.
    if (isEmpty(header.type) && whole > 0) {
      this.#lose('a member that has no content has a size');
      return;
    }
    this.#extension = { name: null, link: null, size: null };
    this.#extensions = 0;
    const hash = isEmpty(header.type) ? null : createHash('sha256');
    const member = { name: name ?? header.name, link: link ?? header.link, header, size: whole, hash };
    if (header.hasMap) this.#state = { step: 'map', member };
    else this.#content(member);
  }

  #content(member: Member): void {
    this.#state = { step: 'content', member, left: member.size };
    if (member.size === 0) this.#finish(member);
  }

  #finish(member: Member): void {
    this.#keep(entryOf(member, member.hash?.digest('hex') ?? null));
    this.#pad(member.size);
  }

  #pad(size: number): void {
    const left = (blockBytes - (size % blockBytes)) % blockBytes;
    this.#state = left === 0 ? { step: 'header' } : { step: 'padding', left };
  }

  #keep(entry: TarEntry): void {
    if (!this.#hasRoom(entry)) {
      this.#omitted++;
      return;
    }
    this.#namesBytes += namesBytesOf(entry);
    this.#entries.push(entry);
  }

  #hasRoom(entry: TarEntry): boolean {
    return (
      this.#entries.length < limits.tarEntriesMax && this.#namesBytes + namesBytesOf(entry) <= limits.tarNamesBytesMax
    );
  }

  #lose(fault: string): void {
    this.#fault ??= fault;
    this.#state = { step: 'blind' };
  }
}

function namesBytesOf({ name, target }: TarEntry): number {
  return Buffer.byteLength(name) + (target === null ? 0 : Buffer.byteLength(target));
}

function entryOf({ name, link, header, size }: Member, sha256: string | null): TarEntry {
  const { type, mode } = header;
  const hasTarget = type === 'hard-link' || type === 'symbolic-link';
  const isLong = name.length > limits.tarNameBytesMax || (hasTarget && link.length > limits.tarNameBytesMax);
  return {
    name: shown(name),
    isCut: isLong,
    type,
    target: hasTarget ? shown(link) : null,
    bytes: size,
    mode,
    sha256,
    isSuspicious: isSuspicious(name) || (hasTarget && isSuspicious(link)),
  };
}

/** Text of a name, on one line that moves nothing; bytes that are no UTF-8 as U+FFFD. */
function shown(name: Buffer): string {
  return escapeLine(name.subarray(0, limits.tarNameBytesMax).toString('utf8'));
}

/** A-K8S-10: what an unpacker might write outside of where it was told to, or a terminal might obey. */
function isSuspicious(name: Buffer): boolean {
  const text = name.toString('latin1');
  if (text === '' || text.startsWith('/') || /^[A-Za-z]:/.test(text) || text.includes('\\')) return true;
  if (text.split('/').includes('..')) return true;
  const whole = name.toString('utf8');
  return escapeLine(whole) !== whole || whole.includes('\ufffd');
}
