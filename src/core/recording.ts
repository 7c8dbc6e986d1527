/**
 * What a recording of a session holds, in a form that no protocol owns: commands, columns, rows, text, bytes, errors.
 * The player renders these; a protocol only supplies how a binary cell is spelled (`Protocol.renderCell`).
 */
import type { Parameter } from './command.ts';

export interface Column {
  readonly name: string;
  /** The protocol's number or name of the type, as `renderCell` understands it. */
  readonly type: string;
  readonly format: 'text' | 'binary';
}

export type RecordingEntry =
  | {
      readonly type: 'command';
      readonly command: number;
      readonly kind: string;
      readonly verb: string;
      readonly text: string;
      readonly parameters: readonly Parameter[] | null;
      readonly of: number | null;
    }
  | { readonly type: 'columns'; readonly command: number; readonly columns: readonly Column[] }
  | {
      /** `count` rows; each is an Int16 count of cells, then for each cell an Int32 length (−1 null) and its bytes. */
      readonly type: 'rows';
      readonly command: number;
      readonly count: number;
      readonly data: Buffer;
    }
  | {
      /** Bulk bytes both ways (COPY): as they passed. */
      readonly type: 'data';
      readonly command: number;
      readonly direction: 'in' | 'out';
      readonly data: Buffer;
    }
  | {
      /**
       * The head of an HTTP request (`in`, status null) or answer, or the fields behind a body (`trailers`). Without
       * credentials, masked.
       */
      readonly type: 'head';
      readonly command: number;
      readonly direction: 'in' | 'out';
      readonly status: number | null;
      readonly trailers: boolean;
      readonly fields: readonly (readonly [name: string, value: string])[];
    }
  | {
      /** A terminal came to be or has another size now. */
      readonly type: 'terminal';
      readonly command: number;
      readonly columns: number;
      readonly rows: number;
      /** What the client calls it (`xterm-256color`), or null where only the size changed. */
      readonly term: string | null;
    }
  | {
      /** What stood on a terminal, or was typed at it: whole, whatever the budget. Never what was typed without echo. */
      readonly type: 'screen';
      readonly command: number;
      readonly direction: 'in' | 'out';
      readonly data: Buffer;
    }
  | {
      /** What lay beyond the budget: how much, and its digest (SHA-256, hexadecimal). */
      readonly type: 'omitted';
      readonly command: number;
      /** Of data: which way it went; there is one entry for each. */
      readonly direction?: 'in' | 'out' | undefined;
      readonly rows: number;
      readonly bytes: number;
      readonly digest: string;
    }
  | {
      readonly type: 'message';
      readonly command: number | null;
      readonly level: 'error' | 'notice' | 'notification' | 'gateway';
      readonly code: string | null;
      readonly text: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'completed';
      readonly command: number;
      readonly outcome: string;
      readonly tag: string | null;
      readonly rows: number;
      readonly bytes: number;
      readonly durationMs: number;
    };

/** An entry as read back: with the time it was written, wall clock milliseconds. */
export type RecordedEntry = RecordingEntry & { readonly at: number };
