/** Whether the window is so wide just now: for what a style sheet cannot decide. */
import { useSyncExternalStore } from 'react';

/** As `lg:` of the style sheet: list and what it lists stand side by side. */
const sideBySide = matchMedia('(min-width: 64rem)');

export function useSideBySide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      sideBySide.addEventListener('change', listener);
      return () => sideBySide.removeEventListener('change', listener);
    },
    () => sideBySide.matches,
  );
}
