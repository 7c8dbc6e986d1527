/** The random names of one session: nothing in the shell can be guessed from another session, or from this source. */
import { randomBytes } from 'node:crypto';

export interface HookNames {
  /** Begins every function and variable of the hooks: `__` and 48 random bits. */
  readonly prefix: string;
  /** Stands in marks and in the greeting. */
  readonly nonce: string;
  /** What the readline key sequences of the hooks begin with, after ESC. */
  readonly keys: string;
}

export function makeHookNames(random: (bytes: number) => Buffer = randomBytes): HookNames {
  return {
    prefix: `__${random(6).toString('hex')}`,
    nonce: random(16).toString('hex'),
    // Private sequences no keyboard sends; digits only, so that they mean the same in every keymap syntax.
    keys: `[7770;${100000 + (random(4).readUInt32BE(0) % 900000)};`,
  };
}
