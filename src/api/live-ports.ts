/** What the API asks for to push: see ports.ts. */
import type { Principal } from '../core/principal.ts';
import type { Scope } from './authorise.ts';
import type { LiveEntryView } from './contract/live-routes.ts';

export interface LivePort {
  /**
   * What changes, for one who looks: `own` sees figures of their own sessions only. Ends with `signal`. Topics say that a list is
   * to be asked again, never what stands in it: asking decides what one may see.
   */
  follow(principal: Principal, scope: Scope, signal: AbortSignal): AsyncIterable<LiveEntryView>;
}
