/**
 * Whether somebody is reading a list just now: it is scrolled, or the pointer or the keyboard moved in it a moment ago. A pointer that
 * was left there reads nothing.
 */
import { type RefObject, useEffect, useState } from 'react';

const pauseMs = 8_000;

export function useReading(area: RefObject<HTMLElement | null>): boolean {
  const [isReading, setReading] = useState(false);
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isScrolled = false;
    const away = (): void => {
      clearTimeout(timer);
      setReading(isScrolled);
    };
    const active = (): void => {
      clearTimeout(timer);
      timer = setTimeout(away, pauseMs);
      setReading(true);
    };
    const onScroll = (event: Event): void => {
      isScrolled = (event.target as HTMLElement).scrollTop > 0;
      active();
    };
    const ending = new AbortController();
    const options = { signal: ending.signal, passive: true };
    element.addEventListener('pointermove', active, options);
    element.addEventListener('pointerleave', away, options);
    element.addEventListener('keydown', active, options);
    element.addEventListener('scroll', onScroll, { ...options, capture: true });
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [area]);
  return isReading;
}
