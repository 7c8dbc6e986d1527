/**
 * One flow of a session: bytes to one place at the target, and back to the client. A protocol whose two legs are plain
 * streams has one, whose ends are the wires. A protocol that carries many channels inside an enciphered stream (SSH) opens
 * one for each channel; their ends are the channels'.
 *
 * Invariants:
 * - I1: what is forwarded belongs to a released command; in strict, output is held back until the intents of all commands
 *   that the session forwarded are durable.
 * - What is delivered keeps its order, whatever its lane.
 * - Nothing passes before the session is established, nor once it ends.
 *
 * Deliberately absent: sockets, channels, what the bytes mean.
 */
import { regionOf } from '../base/regions.ts';
import { coreErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Command, CommandRun } from './run.ts';

/** Where a flow's bytes go. Each answers false where it wants no more until it drains. */
export interface FlowEnds {
  /** The view belongs to the end afterwards. */
  toUpstream(view: Buffer): boolean;
  /** `lane` tells streams of one channel apart: 0 is the output, 1 what a program says beside it. */
  toClient(view: Buffer, lane: number): boolean;
}

/** What a flow needs of its session. */
export interface FlowHost {
  /** Names of what may be sent without a command. */
  readonly housekeeping: readonly string[];
  readonly established: boolean;
  /** The recording wants a pause. */
  readonly congested: boolean;
  /** True while output must wait for what was forwarded to become durable. */
  readonly outputWaits: boolean;
  /** A released command's bytes are on their way. */
  forwarding(run: CommandRun): void;
  /** Bytes passed, either way. */
  count(bytesIn: number, bytesOut: number): void;
  /** Calls back once output need not wait any more; never where the session ended first. */
  afterOutputMay(callback: () => void): void;
}

interface Held {
  readonly view: Buffer | null;
  readonly lane: number;
  readonly act: (() => void) | null;
}

export class Flow {
  /** Called when a `deliver` or a `forward` that answered false may go on. */
  onDeliverable: (() => void) | null = null;
  onForwardable: (() => void) | null = null;
  readonly #host: FlowHost;
  readonly #ends: FlowEnds;
  #held: Held[] = [];
  #heldBytes = 0;
  /** The client's end answered false, and its drain has not come. */
  #clientFull = false;

  constructor(host: FlowHost, ends: FlowEnds) {
    this.#host = host;
    this.#ends = ends;
  }

  /**
   * Sends client bytes to the target: whole messages up to and including those of `command`, which must be released,
   * as must all before it that were not refused. False: wait for `onForwardable`.
   */
  forward(view: Buffer, command: Command): boolean {
    if (!this.#host.established) return true;
    this.#released(command);
    return this.#toUpstream(view);
  }

  /**
   * Does what a released command is at the target where that is no bytes: opens a channel, sends a request. Null where the
   * session has ended, and nothing was done.
   */
  perform<T>(command: Command, act: () => T): T | null {
    if (!this.#host.established) return null;
    this.#released(command);
    return act();
  }

  /** Sends what carries no command. `name` must stand in the protocol's list. */
  forwardHousekeeping(view: Buffer, name: string): boolean {
    if (!this.#host.established) return true;
    this.#assertHousekeeping(name);
    return this.#toUpstream(view);
  }

  /** Does what carries no command and is no bytes: a changed window, an end of input. */
  performHousekeeping(name: string, act: () => void): void {
    if (!this.#host.established) return;
    this.#assertHousekeeping(name);
    act();
  }

  /**
   * Sends output to the client once every forwarded command's intent is durable. The view belongs to the flow
   * afterwards. False: pause the upstream until `onDeliverable`.
   */
  deliver(view: Buffer, lane = 0): boolean {
    if (!this.#host.established) return true;
    if (this.#held.length > 0 || this.#host.outputWaits) {
      // The wire that it was read from may read over it once this call is over.
      this.#hold({ view: regionOf(view) === null ? view : Buffer.from(view), lane, act: null });
      this.#heldBytes += view.length;
      return this.#heldBytes < limits.heldOutputBytesMax;
    }
    this.#host.count(0, view.length);
    if (!this.#ends.toClient(view, lane)) this.#clientFull = true;
    return !this.#clientFull && !this.#host.congested;
  }

  /** Calls back once everything that was delivered before has left: for what follows output, such as an exit status. */
  afterDelivered(act: () => void): void {
    if (!this.#host.established) return;
    if (this.#held.length > 0 || this.#host.outputWaits) this.#hold({ view: null, lane: 0, act });
    else act();
  }

  /** The client's end took what was pending. */
  clientDrained(): void {
    this.#clientFull = false;
    this.deliverable();
  }

  /** The target's end took what was pending. */
  upstreamDrained(): void {
    this.onForwardable?.();
  }

  /** Something that kept output back is over: says so, if nothing else keeps it. */
  deliverable(): void {
    if (this.#held.length === 0 && !this.#host.congested && !this.#clientFull) this.onDeliverable?.();
  }

  /** The session is over: what is held is never delivered. */
  drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  #released(command: Command): void {
    const run = command as CommandRun;
    if (run.state !== 'released') {
      throw coreErrors('core.illegal-forward', { detail: `forward of a command that is ${run.state}` });
    }
    this.#host.forwarding(run);
  }

  #assertHousekeeping(name: string): void {
    if (!this.#host.housekeeping.includes(name)) {
      throw coreErrors('core.illegal-forward', { detail: `${name} is not housekeeping` });
    }
  }

  #toUpstream(view: Buffer): boolean {
    this.#host.count(view.length, 0);
    return this.#ends.toUpstream(view);
  }

  #hold(held: Held): void {
    this.#held.push(held);
    if (this.#held.length === 1) this.#host.afterOutputMay(() => this.#release());
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#host.count(0, this.#heldBytes);
    this.#heldBytes = 0;
    let views: Buffer[] = [];
    let lane = 0;
    const write = (): void => {
      if (views.length === 0) return;
      const view = views.length === 1 ? views[0]! : Buffer.concat(views);
      views = [];
      if (!this.#ends.toClient(view, lane)) this.#clientFull = true;
    };
    for (const one of held) {
      // Views of one lane that follow each other are one write.
      if (one.view === null || one.lane !== lane) write();
      if (one.view !== null) {
        views.push(one.view);
        lane = one.lane;
      }
      one.act?.();
    }
    write();
    this.deliverable();
  }
}
