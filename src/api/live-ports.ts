/** What the API asks for to push: see ports.ts. */
import type { Principal } from '../core/principal.ts';
import type { Scope } from './authorise.ts';
import type { LiveEntryView } from './contract/live-routes.ts';

/** What can be done to a live session, wherever it runs. */
export type SessionOrder =
  | { readonly do: 'end'; readonly by: string; readonly reason: string }
  | { readonly do: 'message'; readonly text: string }
  | { readonly do: 'pause' | 'resume' };

export interface LivePort {
  /** Has another gateway do something to a session that it runs. False where none did within a moment. */
  order(session: string, order: SessionOrder): Promise<boolean>;
  /**
   * What changes, for one who looks: `own` sees figures of their own sessions only. Ends with `signal`. Topics say that a list is
   * to be asked again, never what stands in it: asking decides what one may see.
   */
  follow(principal: Principal, scope: Scope, signal: AbortSignal): AsyncIterable<LiveEntryView>;
}
