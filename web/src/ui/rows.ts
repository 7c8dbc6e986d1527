/**
 * Which rows of a long list are in sight, and where: rows of one height, any number of them.
 *
 * Invariants: rows are drawn into a window that stays where it is while the list scrolls, so that no frame shows a place without
 * its row, however fast one scrolls; a list that is higher than browsers can make an element scrolls in a shorter one: small
 * movements move by as much, large ones (the bar is drawn) by their part of the whole; a list that grows does not move.
 *
 * Deliberately absent: what rows look like, keys.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';

/** Chromium stops at 33.5 million pixels, Firefox at 17.9; rows are drawn exactly well below both. */
export const scrollHeightMax = 12_000_000;
/** Rows that are drawn above and below those in sight; the range moves by as many. */
const step = 8;
/** Rows stand relative to the beginning of their block, so that no transform is larger than a float holds exactly. */
const blockRows = 4_096;

export interface Place {
  /** Pixels above the first row in sight, of the whole list. */
  top: number;
  /** The row that has the keyboard. */
  at: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly block: number;
}

export interface RowWindow {
  readonly from: number;
  readonly to: number;
  /** Height of what scrolls, and of the window in it. */
  readonly spacer: number;
  readonly height: number;
  readonly visible: number;
  /** Where a row stands in the window's sheet. */
  readonly offsetOf: (index: number) => number;
  readonly show: (index: number) => void;
}

/** How far the whole list can scroll, and how far the element does. */
function reach(count: number, rowHeight: number, height: number): { readonly all: number; readonly element: number } {
  const total = count * rowHeight;
  return { all: Math.max(0, total - height), element: Math.max(0, Math.min(total, scrollHeightMax) - height) };
}

/** Where the whole list stands after the element was scrolled from `before` to `after`. */
export function scrolled(
  top: number,
  before: number,
  after: number,
  { all, element, height }: { readonly all: number; readonly element: number; readonly height: number },
): number {
  if (all === element) return Math.max(0, Math.min(all, after));
  const moved = after - before;
  const next = Math.abs(moved) < height * 2 ? top + moved : (after / element) * all;
  return Math.max(0, Math.min(all, next));
}

export function useRowWindow(
  scroller: RefObject<HTMLDivElement | null>,
  sheet: RefObject<HTMLDivElement | null>,
  { count, rowHeight, headHeight, place }: RowWindowParts,
): RowWindow {
  const [height, setHeight] = useState(0);
  const [range, setRange] = useState<Range>({ from: 0, to: 0, block: 0 });
  const elementTop = useRef(0);
  const current = useRef({ count, rowHeight, height, range });
  current.current = { count, rowHeight, height, range };

  /** Draws what stands at `place.top`; in the same frame. */
  const draw = useCallback(
    (isNow: boolean): void => {
      const { count, rowHeight, height, range } = current.current;
      const first = Math.floor(place.top / rowHeight);
      const last = Math.ceil((place.top + height) / rowHeight);
      const block = Math.floor(first / blockRows) * blockRows;
      if (sheet.current !== null) sheet.current.style.transform = `translateY(${block * rowHeight - place.top}px)`;
      const from = Math.max(0, Math.floor(first / step) * step - step);
      const to = Math.min(count, Math.ceil(last / step) * step + step);
      if (from === range.from && to === range.to) return;
      if (isNow) flushSync(() => setRange({ from, to, block }));
      else setRange({ from, to, block });
    },
    [place, sheet],
  );

  /** The element's bar, put where the whole list stands. */
  const putBar = useCallback((): void => {
    const element = scroller.current;
    if (element === null) return;
    const { count, rowHeight, height } = current.current;
    const far = reach(count, rowHeight, height);
    place.top = Math.max(0, Math.min(far.all, place.top));
    const wanted = far.all === far.element ? place.top : (place.top / far.all) * far.element;
    if (Math.abs(element.scrollTop - wanted) >= 1) element.scrollTop = wanted;
    elementTop.current = element.scrollTop;
  }, [scroller, place]);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = (): void => {
      const { count, rowHeight, height } = current.current;
      const far = { ...reach(count, rowHeight, height), height };
      const before = elementTop.current;
      elementTop.current = element.scrollTop;
      if (before === elementTop.current) return;
      place.top = scrolled(place.top, before, elementTop.current, far);
      if (far.all !== far.element) {
        // The bar is at an end and the list is not: it goes back to where it belongs.
        const end = elementTop.current <= 1 ? 0 : elementTop.current >= far.element - 1 ? far.all : null;
        if (end !== null && Math.abs(end - place.top) <= rowHeight * 2) place.top = end;
        else if (end !== null) putBar();
      }
      draw(true);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    const observer = new ResizeObserver(() => setHeight(Math.max(0, element.clientHeight - headHeight)));
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [scroller, place, headHeight, draw, putBar]);

  // Measured before the first frame is painted: that one has its rows as well.
  useLayoutEffect(() => {
    if (scroller.current !== null) setHeight(Math.max(0, scroller.current.clientHeight - headHeight));
  }, [scroller, headHeight]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what stands where depends on all three
  useLayoutEffect(() => {
    if (height === 0) return;
    putBar();
    draw(false);
  }, [count, rowHeight, height, draw, putBar]);

  const show = useCallback(
    (index: number): void => {
      const { rowHeight, height } = current.current;
      const top = index * rowHeight;
      if (top < place.top) place.top = top;
      else if (top + rowHeight > place.top + height) place.top = top + rowHeight - height;
      putBar();
      draw(true);
    },
    [place, putBar, draw],
  );

  const total = count * rowHeight;
  return {
    from: Math.min(range.from, count),
    to: Math.min(range.to, count),
    spacer: Math.min(total, scrollHeightMax),
    height: Math.min(total, height),
    visible: Math.max(1, Math.ceil(height / rowHeight)),
    offsetOf: (index) => (index - range.block) * rowHeight,
    show,
  };
}

interface RowWindowParts {
  readonly count: number;
  readonly rowHeight: number;
  readonly headHeight: number;
  /** Kept by the caller: where the list stands outlives its element. */
  readonly place: Place;
}
