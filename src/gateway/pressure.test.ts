/** How much a thread has to wait for a core: that it is a share, whatever the machine does, and nothing where nothing is known. */
import { expect, it } from 'vitest';
import { CorePressure } from './pressure.ts';

it('is a share at every look', () => {
  const pressure = new CorePressure();
  for (let look = 0; look < 5; look++) {
    const share = pressure.look();
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  }
});
