/**
 * Assertions: checks of what must be true unless this program is wrong. They stay on in production.
 */
import { GatewayError } from './errors.ts';

/** Throws an assertion error when `condition` does not hold. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) {
    throw new GatewayError('base.assertion', 'assertion', 'The gateway met a state that it does not allow.', {
      detail: what,
    });
  }
}

/** Marks a `switch` over a closed union as complete. */
export function unreachable(value: never): never {
  throw new GatewayError('base.assertion', 'assertion', 'The gateway met a state that it does not allow.', {
    detail: `unreachable: ${String(value)}`,
  });
}
