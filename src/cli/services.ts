/**
 * What the command line needs from rooms that it must not import: running a gateway, looking a machine over, checking
 * a journal without a gateway. The composition root fulfils these interfaces and hands them to `runCli`.
 *
 * Invariant: none of this goes through the API, so none of it needs a login; each works on this machine's files.
 */

export interface GatewayOptions {
  /** The data directory; null is the gateway's own default. */
  readonly dataDirectory: string | null;
  /** The configuration file; null where there is none. */
  readonly configFile: string | null;
  /** Aborted when the gateway should drain and stop; `closed` settles once it has. */
  readonly signal: AbortSignal;
  /** Aborted when waiting for the drain should end (a second Ctrl-C). */
  readonly hurry: AbortSignal;
}

export interface GatewayReady {
  /** Where console and API answer. */
  readonly console: string;
  /** Path of the PEM file with the authority that clients must trust. */
  readonly ca: string | null;
  readonly listeners: readonly { readonly protocol: string; readonly host: string; readonly port: number }[];
  /** Things a person should know at the first start: where the first administrator's password lies, say. */
  readonly notes: readonly string[];
}

export interface RunningGateway {
  readonly ready: GatewayReady;
  /** Resolves when everything has stopped; rejects when the gateway failed. */
  readonly closed: Promise<void>;
}

export interface DoctorOptions {
  readonly dataDirectory: string | null;
  readonly configFile: string | null;
  readonly signal: AbortSignal;
}

export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  /** What was looked at: `Disk sync latency`. */
  readonly check: string;
  /** What was found, in plain words. */
  readonly message: string;
  /** What to do about it; null where nothing is to be done. */
  readonly todo: string | null;
}

export interface VerifyOptions {
  /** The data directory, or null when `journalDirectory` says where the journal is. */
  readonly dataDirectory: string | null;
  readonly journalDirectory: string | null;
  /** PEM file of the gateway's public signing key, held elsewhere; null takes the one in the data directory. */
  readonly keyFile: string | null;
  /** A checkpoint saved earlier and held elsewhere: finds a missing tail. */
  readonly checkpointFile: string | null;
  /** Files with checkpoints kept elsewhere, one after the other, and directories of such files. */
  readonly witnesses: readonly string[];
  /** Directories with copies of recordings that no longer lie with the journal. */
  readonly copies: readonly string[];
  readonly signal: AbortSignal;
}

export interface VerifyProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** One thing that is wrong, in plain words and with its place. */
export interface VerifyProblem {
  /** A stable word for scripts: `digest-mismatch`, `gap`, `missing-tail`. */
  readonly code: string;
  readonly message: string;
  /** Sequence number of the event at which it shows; null where none applies. */
  readonly sequence: number | null;
  /** The file, relative to the journal's directory; null where none applies. */
  readonly file: string | null;
  /** Byte offset within the file; null where none applies. */
  readonly offset: number | null;
}

/** What a checkpoint that was kept elsewhere says of the journal. */
export interface VerifyWitness {
  readonly name: string;
  readonly standing: 'consistent' | 'rolled-back' | 'forked' | 'unusable' | 'foreign' | 'unreached';
  /** Events it covers; null where it could not be read. */
  readonly size: number | null;
  readonly at: string | null;
  /** Between which events the journal and what it saw part; null where they do not. */
  readonly divergesFrom: number | null;
  readonly divergesTo: number | null;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly events: number;
  readonly segments: number;
  readonly checkpoints: number;
  readonly recordings: number;
  /** Events of which only the digest is left, by the rules of retention. */
  readonly prunedEvents: number;
  readonly deletedRecordings: number;
  readonly witnesses: readonly VerifyWitness[];
  readonly bytes: number;
  readonly durationMs: number;
  /** Sequence and digest of the head that the last signed checkpoint covers; null where there is none. */
  readonly head: { readonly sequence: number; readonly digest: string } | null;
  /** Things that are no proof of tampering and worth knowing: a torn tail after a crash, say. */
  readonly notes: readonly string[];
  /** In order of the log; the first is the first bad place. Bounded by the implementation. */
  readonly problems: readonly VerifyProblem[];
}

export interface CliServices {
  /** Resolves once every listener accepts. Rejects with a GatewayError when it cannot start. */
  startGateway(options: GatewayOptions): Promise<RunningGateway>;
  doctor(options: DoctorOptions): AsyncIterable<Finding>;
  /** Rejects only when it could not look (no such directory, no key); what it finds stands in the report. */
  verify(options: VerifyOptions, onProgress: (progress: VerifyProgress) => void): Promise<VerifyReport>;
}
