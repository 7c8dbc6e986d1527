/**
 * What a report is, whatever it is written as: figures, tables, notes, and what proves it.
 *
 * Deliberately absent: markup. Texts are as they were recorded; whoever writes them makes them safe.
 */

export interface ReportColumn {
  /** In JSON and CSV. */
  readonly key: string;
  readonly title: string;
  /** `text` keeps its lines; `figure` stands right; `code` in a fixed face; `id` too, and is not broken where it need not; `time` stays whole. */
  readonly look?: 'text' | 'figure' | 'code' | 'id' | 'time' | 'verdict';
}

export type ReportCell = string | number | null;

export interface ReportTable {
  readonly key: string;
  readonly title: string;
  /** What it says, and what it does not. */
  readonly note: string;
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly ReportCell[])[];
  /** Said in its place where it has no rows. */
  readonly empty: string;
}

/** What convinces a stranger: what was signed, by which key, and which events it rests on. */
export interface ReportProof {
  /** The gateway that made it, whose journal records that it did. */
  readonly gateway: string;
  /** The name of that journal, as its checkpoints have it; null before the first. */
  readonly journal: string | null;
  /** PEM. */
  readonly publicKey: string;
  /** SHA-256 of the key as DER, hexadecimal. */
  readonly keyDigest: string;
  /** Null before the first. */
  readonly checkpoint: string | null;
  readonly durableSequence: number;
  /** Sequences of the events that the tables rest on, by gateway: how many, the first and the last. */
  readonly evidence: readonly {
    readonly gateway: string;
    readonly events: number;
    readonly first: number;
    readonly last: number;
  }[];
  /** How far each gateway's part of the index had come. */
  readonly index: readonly { readonly gateway: string; readonly sequence: number; readonly at: string | null }[];
}

export interface ReportDocument {
  readonly report: string;
  readonly title: string;
  /** What an auditor asks, in a sentence. */
  readonly question: string;
  readonly since: string;
  readonly until: string;
  readonly madeAt: string;
  readonly madeBy: string;
  readonly version: string;
  readonly figures: readonly { readonly label: string; readonly value: ReportCell }[];
  readonly tables: readonly ReportTable[];
  /** What it leaves out, and why: never silently. */
  readonly notes: readonly string[];
  readonly proof: ReportProof;
}

/** What a maker of a report fills in; the rest is the same for all. */
export type ReportBody = Pick<ReportDocument, 'title' | 'question' | 'figures' | 'tables' | 'notes'> & {
  readonly evidence: Evidence;
};

/** Which events a report rests on. */
export class Evidence {
  readonly #by = new Map<string, { events: number; first: number; last: number }>();

  add({ gateway, sequence }: { readonly gateway: string; readonly sequence: number }): void {
    const known = this.#by.get(gateway);
    if (known === undefined) this.#by.set(gateway, { events: 1, first: sequence, last: sequence });
    else {
      known.events++;
      known.first = Math.min(known.first, sequence);
      known.last = Math.max(known.last, sequence);
    }
  }

  all(): ReportProof['evidence'] {
    return [...this.#by].map(([gateway, span]) => ({ gateway, ...span }));
  }
}

/** `2026-10-03 09:12:04`, UTC. */
export function when(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '');
}

/** `4 s`, `12 min`, `3 h 05 min`, `2 d 4 h`: for people. */
export function lasting(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
