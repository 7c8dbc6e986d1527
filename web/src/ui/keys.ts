/**
 * Single keys of a page: j, k, a, d.
 *
 * Invariant: what is typed into a field is the field's, what has a modifier is the browser's, the letter after `g` goes to a place
 * (app/shell.tsx), and while a dialog or a menu is open all keys are its own.
 */
import { useEffect, useRef } from 'react';

const chordMs = 1_200;
const fields = ['INPUT', 'TEXTAREA', 'SELECT'];

export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    let chordUntil = 0;
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (target.isContentEditable || fields.includes(target.tagName)) return;
      if (document.querySelector('[role=dialog], [role=menu]') !== null) return;
      const isChord = event.timeStamp < chordUntil;
      chordUntil = event.key === 'g' ? event.timeStamp + chordMs : 0;
      const act = now.current[event.key];
      if (act === undefined || isChord) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
