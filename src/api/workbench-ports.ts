/** What the API asks for, so that people can work in the console: see ports.ts. */
import type { Principal } from '../core/principal.ts';
import type { WorkbenchEntryView } from './contract/workbench-routes.ts';

export type WorkbenchInput =
  | { readonly action: 'run'; readonly run: number; readonly text: string }
  | { readonly action: 'type'; readonly data: Buffer }
  | { readonly action: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly action: 'cancel' };

export interface WorkbenchOrder {
  readonly principal: Principal;
  /** The token of the browser's session: what the client is given ends with it. */
  readonly under: string;
  readonly source: string;
  readonly resource: string;
  readonly columns: number;
  readonly rows: number;
  readonly signal: AbortSignal;
}

export interface WorkbenchPort {
  readonly protocols: readonly { readonly name: string; readonly takes: 'statements' | 'keys' }[];
  /** Null where there is no such resource for the principal, or no client for its protocol. Ends with its signal. */
  open(order: WorkbenchOrder): Promise<AsyncIterable<WorkbenchEntryView> | null>;
  /** False: no such client of this principal's is open here. */
  input(id: string, principal: Principal, input: WorkbenchInput): boolean;
}
