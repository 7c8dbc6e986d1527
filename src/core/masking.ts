/**
 * Masking as the pipeline sees it: what must happen to the values of a result before anyone sees or records them.
 *
 * The rooms divide the work: `language` says which base columns a result column can carry, `policy` and `masking` decide
 * what is done to it (`OutputPlan`), the protocol finds the values in its own encodings and puts the masked ones back.
 *
 * Invariants: a plan covers every column of every result; what a plan does not know is masked by `otherwise`. No plan
 * means that the bytes pass as the server sent them.
 */

import type { MessageType } from './messages.ts';

/** What a value is, as far as a mask must know to stay type-correct. `other`: none of these; it becomes NULL. */
export const valueTypes = [
  'text',
  'integer',
  'decimal',
  'float',
  'boolean',
  'date',
  'time',
  'timestamp',
  'interval',
  'uuid',
  'json',
  'bytes',
  'address',
  'other',
] as const;
export type ValueType = (typeof valueTypes)[number];

/** What is known about where a value stands: context for detectors, bounds for types. */
export interface CellContext {
  readonly type: ValueType;
  /** Name of the result column; empty where there is none. */
  readonly column: string;
  /** Longest text the column's type takes, in characters, or null: `varchar(19)` has 19. */
  readonly charactersMax: number | null;
}

/** What is done to one column of a result. Immutable; made once per plan. */
export interface ValueMask {
  /** The Mask that asked for it, or `gateway:…`. */
  readonly rule: string;
  /**
   * Set where even NULL, the number of elements and the length would tell something, since what is masked was computed:
   * then every value, NULL included, becomes one and the same (A-MSK-04).
   */
  readonly constant?: true;
  /** `detect` looks for what is sensitive in the value; the others mask all of it. */
  readonly how: 'redact' | 'null' | 'partial' | 'hash' | 'format-preserving' | 'detect';
  /**
   * The masked spelling of a whole value (UTF-8, the type's text form), null for SQL NULL, or `value` itself when nothing
   * in it is masked. What comes back is always valid text of the type. Never throws; linear in time. Does not keep `value`.
   */
  apply(value: Buffer, cell: CellContext): Buffer | null;
  /** For a value that is too long to be held: see `MaskStream`. */
  stream(cell: CellContext): MaskStream;
  /**
   * What stands in JSON for a text that is too long to be held, with its quotes, where `[redacted]` would not be valid there.
   */
  readonly tooLong?: Buffer;
  /**
   * The masked spelling of every value of this context that `apply` takes, where it does not depend on the value (null for
   * SQL NULL); undefined where it does. Shared: it is not to be written to. Absent: it always depends on the value.
   */
  fixed?(cell: CellContext): Buffer | null | undefined;
  /** Looks at many values at once. Absent: each goes through `apply`. */
  readonly bulk?: BulkMask;
}

/**
 * A mask over many values that lie in one buffer: what is not marked need not be looked at one by one.
 *
 * Invariant: what comes of a value is what `apply` makes of it. Everything here is synchronous, and what was marked holds
 * until anything is marked again, by this mask or another: `mark`, then `next` and `apply`, in one go.
 */
export interface BulkMask {
  /** Most bytes that can be marked together. */
  readonly markedBytesMax: number;
  /**
   * How values of this context are to be treated: `none`: they are never changed; `marked`: a value is changed only if
   * something in it is marked; `all`: each goes through `ValueMask.apply`.
   */
  reach(cell: CellContext): 'none' | 'marked' | 'all';
  /**
   * Marks `bytes` from `start` to `end`, wherever values begin and end in it, as long as they are framed: a NUL stands at
   * most four bytes before and two bytes behind each of them, or nothing does. Keeps `bytes` until the next time.
   */
  mark(bytes: Buffer, start: number, end: number): void;
  /** The first marked position in `bytes` from `from` on; `end` or beyond where there is none. */
  next(from: number): number;
  /**
   * The value that stands in the marked bytes from `from` to `to`, of a context whose reach is `marked`: false where it
   * stays as it is, null for SQL NULL, true where its masked spelling was written to `sink`.
   */
  apply(from: number, to: number, cell: CellContext, sink: ValueSink): boolean | null;
  /**
   * Whole rows at a time. Absent, or null for columns that it is not for: value by value. A column without a cell passes.
   */
  rows?(cells: readonly (CellContext | null)[]): BulkRows | null;
}

/**
 * Masks marked rows, each a byte, Int32 size from itself on, Int16 number of values, and for each Int32 size (negative:
 * NULL) and its bytes. It stops before a row that it leaves to others, whatever its reason: then they go value by value.
 */
export interface BulkRows {
  /** Bytes that stand for the rows of the last `rewrite`; 0 where they stay as they are. */
  readonly size: number;
  /** Values that were masked by it, by column. */
  readonly counts: Int32Array;
  /** Masks rows of the marked bytes from `from` to `end`; answers where it stopped. */
  rewrite(from: number, end: number): number;
  /** Copies what stands for them. */
  take(sink: ValueSink): void;
}

/** Where masked spellings go: bytes that grow. */
export interface ValueSink {
  /** Another one after `reserve`. */
  readonly bytes: Buffer;
  /** Bytes in use. What is written begins here, and moves it on. */
  length: number;
  /** Makes room for so many more bytes. */
  reserve(size: number): void;
}

/** Masks a value piece by piece without changing its length, for values longer than `maskedValueBytesMax`. */
export interface MaskStream {
  /**
   * Takes the next piece and gives back what is certain: all that comes back, together, is as long as all that was
   * given. `last` closes the value. Ownership of `piece` passes to the stream; what is returned is the caller's.
   */
  push(piece: Buffer, last: boolean): Buffer;
}

/** What is done to the results of one statement. */
export interface ResultMasks {
  /** One per column, null where the value passes as it is. A result with another number of columns gets `otherwise`. */
  readonly columns: readonly (ValueMask | null)[];
}

/** What a stream gives back: bytes for the client, and when to ask again. */
export interface MaskedOutput {
  /** Masked; the caller's to keep. May be the very view that was pushed, so it lives as long as that does. */
  readonly bytes: Buffer;
  /**
   * Monotonic milliseconds at which `flush` must be called, for something is held back; null where nothing is. A time that
   * has passed already: call `flush` again after the loop has turned, and push nothing before.
   */
  readonly holdUntilMs: number | null;
}

/**
 * Masks one stream of output: a channel's bytes, in the order in which the client gets them. Not for two streams at once
 * (standard output and standard error are two). Widths stay: what is masked becomes as many `*` as it has columns.
 *
 * Invariants: where nothing is found, what comes out is byte for byte what went in, and does not depend on how it was cut;
 * nothing is held for longer than some hundred milliseconds after it came, as long as `flush` is called when asked for.
 */
export interface OutputMask {
  /** Takes the next bytes. The view is borrowed for the call, but for `MaskedOutput.bytes`. */
  push(view: Buffer, nowMs: number): MaskedOutput;
  /** The time of `holdUntilMs` has come. Harmless at any other time. */
  flush(nowMs: number): MaskedOutput;
  /** The stream is over: gives back what is held. Nothing may be pushed afterwards. */
  end(): Buffer;
  /** How often each rule masked something, for evidence. Never what it was. */
  readonly hits: ReadonlyMap<string, number>;
}

/** Columns and rows of a terminal, as the client last said. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The same for a terminal, whose bytes are text, colours and the moves of a cursor. */
export interface TerminalMask extends OutputMask {
  /** The client's window has another size. What comes back goes to the client like output. */
  resize(size: TerminalSize, nowMs: number): MaskedOutput;
}

/** Something sensitive in content that was looked through: where it begins, and what found it. Never the value. */
export interface ContentHit {
  readonly rule: string;
  /** A built-in detector, or the name of an operator's pattern. */
  readonly detector: string;
  /** Bytes from the beginning of the content. */
  readonly offset: number;
}

/** Looks through content that is not rewritten, like a file in transfer. Answers the first hit, whatever the chunks. */
export interface ContentScan {
  /** Takes the next bytes, in order; the view is borrowed for the call. After a hit it answers that hit for ever. */
  push(view: Buffer): ContentHit | null;
  end(): ContentHit | null;
  /**
   * Bytes from the beginning that are certain to be no part of a finding: what lies behind may still become one. All of them
   * after `end`. At most `contentUndecidedBytesMax` stay undecided.
   */
  readonly clearBytes: number;
}

/** What is done to output that is a stream rather than values. Each call makes a mask for one stream. */
export interface OutputStreams {
  /** For a terminal: shells, and whatever else has a PTY. */
  terminal(size: TerminalSize): TerminalMask;
  /** For everything else: output of a command without PTY, logs, text of files. */
  plain(): OutputMask;
  /** For what is let through or refused whole. */
  content(): ContentScan;
  /** For answers of HTTP. */
  readonly http?: HttpMasks;
}

/** What is done to answers of HTTP. */
export interface HttpMasks {
  /**
   * For a body of this media type, decoded (no content coding). `fault` of what it returns says why it cannot be masked;
   * then none of it may pass.
   */
  body(type: BodyType): BodyMask;
  /** The masked value of a head or trailer field, or `value` itself. `name` in lower case. */
  header(name: string, value: string): string;
  /** For messages of this type, one at a time, without what frames them. Absent: they are masked as `body` says. */
  messages?(type: MessageType): MessageMask;
}

/** Masks protobuf messages of one type. What comes out is a message of that type; fields that are not masked stay as they are. */
export interface MessageMask {
  /** The message as it may pass; `message` itself where nothing is masked. Empty once there is a fault. */
  apply(message: Buffer): Buffer;
  /** Why nothing more may pass; null while all is well. */
  readonly fault: string | null;
  readonly hits: ReadonlyMap<string, number>;
}

/** What a body is, as its head says. */
export interface BodyType {
  /** Without parameters, in lower case; null where none is given. */
  readonly mediaType: string | null;
  /** `charset`, in lower case, or null. */
  readonly charset: string | null;
  /** `boundary` of multipart, or null. */
  readonly boundary: string | null;
}

/**
 * Masks one body piece by piece. Lengths may change. What comes out stays valid text of its type: numbers stay numbers,
 * JSON stays JSON.
 */
export interface BodyMask {
  /** Takes the next bytes; the view is borrowed for the call. What comes back is the caller's, or the view itself. */
  push(view: Buffer): Buffer;
  end(): Buffer;
  /** Why nothing more may pass (a text that is not what its type says, a value beyond all bounds); null while all is well. */
  readonly fault: string | null;
  /** How often each rule masked something. */
  readonly hits: ReadonlyMap<string, number>;
}

/** What is done to all that comes back for one command. */
export interface OutputPlan {
  /** One per statement of the text, in order; null where it returns no rows, and then rows get `otherwise`. */
  readonly results: readonly (ResultMasks | null)[];
  /** For every value that nothing else covers. */
  readonly otherwise: ValueMask;
  /**
   * The mask of a base column, or null: a second look at columns that the wire itself traces to a table, whatever the
   * plan says.
   */
  column(schema: string, relation: string, column: string): ValueMask | null;
  /** Errors and notices: `withhold` leaves nothing but the code, for the text may quote values. */
  readonly messages: 'pass' | 'withhold';
  /** Runs over the texts of messages and notifications that pass; null: they pass as they are. */
  readonly text: ValueMask | null;
  /** For protocols whose output is a stream. Null or absent: streams pass as they are. */
  readonly streams?: OutputStreams | null;
}
