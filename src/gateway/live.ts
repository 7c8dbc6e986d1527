/**
 * What changes while one looks, pushed: topics whose lists are to be asked again, and figures of live sessions.
 */
import type { ApiPorts } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { version } from './version.ts';

export interface LiveParts {
  readonly gateway: string;
  readonly clock: Clock;
}

export function livePort({ gateway, clock }: LiveParts): ApiPorts['live'] {
  return {
    async *follow(_principal, _scope, signal) {
      yield { type: 'hello', at: new Date(clock.now()).toISOString(), gateway, version };
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
}
