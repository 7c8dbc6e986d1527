/**
 * What a protocol brings to `sallyport connect`: its stock client, the lines to paste, and how a local port speaks.
 * One file per protocol implements it; `index.ts` is the literal list.
 *
 * Invariant: the access token is never part of a command line, where every user of the machine could read it; it goes
 * into the child's environment, and into printed lines only when the person asks for it (`--show-token`).
 */
import type { Socket } from 'node:net';
import type { Api } from '../api.ts';

/** Everything that is needed to reach one resource. */
export interface Target {
  readonly resource: string;
  /** The login name: `principal+resource`. */
  readonly login: string;
  readonly token: string;
  readonly host: string;
  readonly port: number;
  /** Path of a PEM file; null where the system's authorities vouch for the gateway. */
  readonly caFile: string | null;
  /** PEM text of that file. */
  readonly ca: string | null;
  /** What the protocol calls a database, where it has one. */
  readonly database: string | null;
  /** Where the resource stands by itself, where it does: `https://RESOURCE.DOMAIN:PORT`. */
  readonly origin?: string | null;
  /** The gateway's own host keys, where the protocol is checked by these. */
  readonly hostKeys?: readonly string[];
}

/** A program to start. */
export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes what was made for it; called once it has ended, however. */
  dispose?(): Promise<void>;
}

export interface PrepareOptions {
  readonly api: Api;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One of the adapter's; null: its first. */
  readonly program: string | null;
  /** The person's own arguments. */
  readonly args: readonly string[];
}

/** One way to connect, for people to copy. */
export interface PrintedLine {
  readonly title: string;
  readonly line: string;
}

export interface PrintOptions {
  /** Include the token; otherwise the client asks for it. */
  readonly isTokenShown: boolean;
  /** Set where the lines go through a local port without TLS. */
  readonly local: { readonly host: string; readonly port: number } | null;
}

export interface ClientAdapter {
  /** As resources name it. */
  readonly protocol: string;
  readonly title: string;
  /** What it can start; the first unless another is named. */
  readonly programs: readonly string[];
  prepare(target: Target, options: PrepareOptions): Promise<Invocation>;
  printedLines(target: Target, options: PrintOptions): readonly PrintedLine[];
  /**
   * Carries one accepted local connection to the gateway. Resolves when both sides are closed; deals with every error
   * itself, telling the local client in its protocol where it can. `signal` ends it at once. Null: the protocol's own
   * clients need no local port.
   */
  readonly forward: ((local: Socket, target: Target, signal: AbortSignal) => Promise<void>) | null;
  /** A configuration that lasts, in a folder of the person's own; absent where there is no such thing. */
  readonly config?: (
    target: Target,
    options: { readonly api: Api; readonly directory: string },
  ) => Promise<{ readonly text: string; readonly note: string }>;
}
