/**
 * What stands behind a request that turns into streams: a table of what can run, and what judges it.
 *
 * | asked for                                      | level observed          | level gated                       |
 * |------------------------------------------------|-------------------------|-----------------------------------|
 * | exec of a shell with a terminal                | recorded, lines noted   | each line judged (gated-shell.ts) |
 * | exec with a terminal into what may hide one    | recorded                | as `unhooked` says                |
 * | attach with input                              | recorded, lines noted   | as `unhooked` says                |
 * | exec of a shell that reads its input           | judged with the script  | the same (script.ts)              |
 * | exec of `tar`, as kubectl cp has it            | judged by its paths     | the same (transfer.ts)            |
 * | any other exec or attach                       | recorded, by its argv   | the same                          |
 * | port-forward                                   | each connection judged  | the same                          |
 *
 * Deliberately absent: whether the request itself may pass (request.ts, rules).
 */
import type { Duplex } from 'node:stream';
import { kubernetesOf, shellOf } from '../../core/command.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { Door } from '../../core/protocol.ts';
import type { Command } from '../../core/session.ts';
import { mayHideShell } from '../../language/index.ts';
import type { Admitted, Refusal } from '../http/index.ts';
import { archiveOf } from './archive.ts';
import { kubernetesErrors } from './errors.ts';
import { startExec } from './exec.ts';
import { startForwards } from './forwards.ts';
import { startGatedShell } from './gated-shell.ts';
import { isPortForward } from './request.ts';
import { ScriptedExec } from './script.ts';
import { settingsOf } from './settings.ts';
import type { Targets } from './targets.ts';
import { Transfer } from './transfer.ts';

/** The client's side before it has switched. */
export interface ClientSide {
  readonly kind: 'websocket' | 'spdy/3.1';
  /** Names of protocols, best first. */
  readonly offered: readonly string[];
  readonly socket: Duplex;
  /** 101. `protocol` null: none was offered, and none is named. */
  switch(protocol: string | null): void;
}

export interface ProgramParts {
  readonly door: Door;
  readonly conversation: Admitted['conversation'];
  /** Released. */
  readonly command: Command;
  /** Path and query, as the target gets them. */
  readonly target: string;
  /** See `UnderstoodRequest`. */
  readonly isShell: boolean;
  readonly readsScript: boolean;
  readonly targets: Targets;
  readonly client: ClientSide;
  /** The client, or the session, has gone meanwhile. */
  readonly isGone: () => boolean;
  /** Before the client has switched: says why not, and ends the command. */
  readonly refuse: (refusal: Refusal) => void;
  /** Before the client has switched: what went wrong on the way; ends the command. */
  readonly failed: (error: unknown) => void;
  /** The command has ended. */
  readonly over: () => void;
  /** Nothing more is said to the client: its connection ends. */
  readonly closed: () => void;
}

/** What runs once the client has switched, or is about to. */
export interface Program {
  /** The session ends. */
  cut(text: string): void;
  limited(limit: OutputLimit): void;
  clientGone(): void;
}

/** What the person sees before the first prompt. */
const observedBanner = 'this terminal is recorded; commands are not stopped';

/** Null: it was refused, or is over. Rejects with `NotSwitched` and what else goes wrong before the client has switched. */
export async function startProgram(parts: ProgramParts): Promise<Program | null> {
  const { command, conversation, refuse } = parts;
  const kubernetes = kubernetesOf(command.draft.meaning)!;
  if (isPortForward(kubernetes)) return startForwards(parts, kubernetes);
  const { shell: level, unhooked } = settingsOf(conversation.session.resource);
  if (parts.isShell && level === 'gated') return startGatedShell(parts, kubernetes);
  if (parts.readsScript) return new ScriptedExec(parts, kubernetes);
  const exec = kubernetes.exec!;
  const shell = shellOf(command.draft.meaning);
  const mayBeShell = exec.kind === 'attach' || parts.isShell || shell === null || mayHideShell(shell);
  const isForPerson = exec.stdin && (exec.tty || exec.kind === 'attach') && mayBeShell;
  const archive = archiveOf(kubernetes);
  if (archive !== null) return new Transfer(parts, kubernetes, archive);
  if (!isForPerson) return startExec(parts, kubernetes, null);
  if (level === 'observed' || unhooked === 'observe') return startExec(parts, kubernetes, observedBanner);
  const error = kubernetesErrors(exec.kind === 'attach' ? 'kubernetes.attach' : 'kubernetes.hidden-shell');
  refuse({ status: 403, code: error.code, detail: error.publicMessage });
  return null;
}
